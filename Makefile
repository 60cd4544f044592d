# `make figures` and `make test` are all a newcomer needs. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV    := .venv
BIN     := $(VENV)/bin
DERIVED := data/derived
STUDY   ?= studies/precipice.toml
EVENT   ?=
LABEL   ?=

# What a user writes as EVENT and LABEL goes to the program as it is, through the environment:
# neither make nor the shell reads it (a label may hold quotes, dollars, backticks).
export UPLOADTRENDS_EVENT = $(value EVENT)
export UPLOADTRENDS_LABEL = $(value LABEL)
unexport EVENT LABEL
MAKEOVERRIDES :=

# The first Python on the path that the package supports; `make PYTHON=/path/to/python` overrides it.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(if $(shell \
	$(name) -c 'import sys; print("yes" if (3, 11) <= sys.version_info[:2] <= (3, 13) else "")' \
	2>/dev/null),$(name))))

SOURCES := $(shell find src -type f \( -name '*.py' -o -name '*.sql' -o -name '*.csv' -o -name '*.css' -o -name '*.js' \))
RAW     := $(wildcard data/raw/*.csv data/raw/*.toml data/raw/danbooru2023/*)
RUNTIME := $(VENV)/.runtime
TESTS   := $(VENV)/.tests
CHECKS  := $(VENV)/.checks
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); echo $$(( n < 6 ? n : 6 )))
# What tells soonest that a room is broken.
QUICK   := tests/test_package.py tests/test_result.py tests/test_datasets.py tests/series tests/events \
	tests/sources/test_table.py tests/sources/test_series.py tests/store/test_store.py \
	tests/collect/test_sites.py tests/collect/test_archive.py tests/panel/test_panel.py \
	tests/models/test_design.py tests/models/test_terms.py tests/models/test_mixture.py \
	tests/models/test_reference.py tests/models/test_counts_reference.py \
	tests/breaks/test_partition.py tests/breaks/test_redraw.py \
	tests/checks/test_registry.py tests/checks/test_outcome.py tests/study/test_spec.py
PIP     := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: help figures report quick test wheel-test test-loop-models test-spark check validate bench docs-images demo-crawl loop doctor clean

help:  ## List every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

# The precipice study lives in data/derived itself, every other one in data/derived/<its name>, and
# an added date in events/<date> of its study's folder, which shares the store and what is kept.
ifeq ($(STUDY),studies/precipice.toml)
HOME_OF_STUDY := --home $(DERIVED)
else
HOME_OF_STUDY :=
endif
# Whose results lie there? Another study's are no reason to do nothing; the program refuses them.
HELD := $(shell sed -n 's/^ "study_file": "\(.*\)",\{0,1\}$$/\1/p' $(DERIVED)/manifest.json 2>/dev/null)

ifneq ($(strip $(value EVENT)),)
figures: $(RUNTIME)
	@$(BIN)/uploadtrends run $(STUDY) $(HOME_OF_STUDY)
else ifeq ($(STUDY),studies/precipice.toml)
figures: $(DERIVED)/manifest.json  ## Load data/raw, run the study, write data/derived (EVENT=2023-05-15 LABEL="My event" adds a date)
	@true
else
figures: $(RUNTIME)
	@$(BIN)/uploadtrends run $(STUDY)
endif

ifneq ($(HELD),precipice.toml)
.PHONY: $(DERIVED)/manifest.json
endif

$(DERIVED)/manifest.json: studies/precipice.toml studies/pixiv.toml $(RAW) $(SOURCES) $(RUNTIME)
	@$(BIN)/uploadtrends run studies/pixiv.toml --home $(DERIVED)/pixiv
	@$(BIN)/uploadtrends run studies/precipice.toml --home $(DERIVED)

$(RUNTIME): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found. Install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "uploadtrends needs Python 3.11 to 3.13, but $(PYTHON) is $$($(PYTHON) --version). Name another one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python lacks ensurepip. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || { echo "Creating $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the runtime packages"
	@$(PIP) --upgrade pip
	@$(PIP) --editable .
	@touch $@

$(TESTS): $(RUNTIME)
	@echo "Installing the test packages"
	@$(PIP) --group test
	@touch $@

$(CHECKS): $(TESTS)
	@echo "Installing the packages for the static checks"
	@$(PIP) --group check
	@touch $@

report: figures  ## Say where the report lies
	@echo "Open $(DERIVED)/report.html"

quick: $(TESTS)  ## Run one file of every room, in under a minute
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" $(QUICK)

test: $(TESTS)  ## Run all tests but that of the wheel, a file at a time on every core (PYTEST_ARGS="-n 0 -k word" narrows it)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore tests/test_wheel.py $(PYTEST_ARGS)

wheel-test: $(TESTS)  ## Build the wheel and use it in an environment of its own, without the repository
	@$(BIN)/python -m pytest tests/test_wheel.py

LOOP := .venv-loop/.installed

$(LOOP): pyproject.toml constraints.txt
	@test -x .venv-loop/bin/python || $(PYTHON) -m venv .venv-loop
	@.venv-loop/bin/python -m pip --disable-pip-version-check install --quiet --upgrade pip
	@.venv-loop/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt \
		--editable ".[loop-models]" --group test
	@touch $@

test-loop-models: $(LOOP)  ## Real model classes on tiny weights, in a place of their own (installs torch)
	@HF_HUB_OFFLINE=1 .venv-loop/bin/python -m pytest tests/loop/test_loop_models.py

SPARK := $(VENV)/.spark

$(SPARK): $(TESTS)
	@$(PIP) --editable ".[spark]"
	@touch $@

test-spark: $(SPARK)  ## The engines, Spark included, in local[2] (installs pyspark; needs Java 17)
	@$(BIN)/python -m pytest -vv -rs tests/engines

check: $(CHECKS)  ## Lint, format, types, layers, dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/deptry src

validate: $(TESTS)  ## Rerun the simulation studies (hours); results go to validation/results
	@for script in $(filter-out validation/demo_crawl.py,$(shell grep -l __main__ validation/*.py)); do echo "== $$script"; $(BIN)/python $$script; done

bench: $(TESTS)  ## Time the package against its peers; results go to benchmarks/results
	@for script in $(shell grep -l __main__ benchmarks/*.py); do echo "== $$script"; $(BIN)/python $$script; done

docs-images: $(TESTS)  ## Redraw the pictures of the README and the docs
	@$(BIN)/python docs/make_images.py

demo-crawl: $(RUNTIME)  ## Collect 250 artists a site from a local server that plays the platforms
	@$(BIN)/python validation/demo_crawl.py

loop: $(TESTS)  ## Run both self-consuming loops on handwritten digits: figures, tables, words, one page
	@$(BIN)/uploadtrends loop both --sampling-bias 0.9 --out $(DERIVED)/loop
	@echo "Open $(DERIVED)/loop/loop.html"

doctor: $(RUNTIME)  ## Versions, data found, what is missing and how to get it
	@$(BIN)/uploadtrends doctor

clean:  ## Delete everything that can be rebuilt (data/derived), keep .venv and data/raw
	@find $(DERIVED) -mindepth 1 ! -name README.md -delete
