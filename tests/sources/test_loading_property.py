"""No row is lost, whatever the form and the damage of a file."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def study(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("loading_study", root / "validation/loading.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_record_is_loaded_folded_or_rejected_or_the_load_refuses(study, capsys) -> None:
    counts = study.run(0, 100, seed=11)
    with capsys.disabled():
        print(f" refused {study.total(counts, 'refused')} of 100 ", end="")
    assert study.total(counts, "wrong") == 0
    for (form, damage, kind), n in counts.items():
        assert not (damage in study.MUST_LOAD and kind != "loaded"), (form, damage, kind, n)


def test_processes_share_the_examples_and_none_counts_twice(study, tmp_path) -> None:
    path = tmp_path / "loading.csv"
    parts = {n: study.Counter({("csv", "none", "loaded"): n + 1}) for n in range(4)}
    for n in (2, 0, 3, 0):
        study.add_results(path, 7, n, n + 1, parts[n])
    assert study.read_results(path, 7) == {(0, 1): parts[0], (2, 4): parts[2] + parts[3]}
    study.add_results(path, 7, 1, 2, parts[1])
    (stretch, counts), *others = study.read_results(path, 7).items()
    assert (stretch, study.total(counts, "loaded"), others) == ((0, 4), 1 + 2 + 3 + 4, [])
    assert study.read_results(path, 8) == {}
