"""The documentation works as it stands: blocks are run, the API page is fresh, links lead on."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from uploadtrends.checks import check
from uploadtrends.checks.check import check_names
from uploadtrends.cli import app
from uploadtrends.collect import sites
from uploadtrends.figures import gallery
from uploadtrends.models import terms
from uploadtrends.study import spec

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.glob("*.md") if path.name not in ("README.md", "api.md"))
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.S | re.M)
STUDY_CHECKS = "\n[checks.published_series]\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that looks like a fresh clone, as far as the pages need one."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "raw").symlink_to(ROOT / "data" / "raw")
    study = (ROOT / "studies" / "precipice.toml").read_text(encoding="utf-8")
    study = study[: study.index("[checks.")] + STUDY_CHECKS  # the others take their time
    (tmp_path / "studies" / "precipice.toml").write_text(study, encoding="utf-8")
    # So is the one that comes with the package; test_wheel.py asks it in full.
    monkeypatch.setattr(spec, "_packaged", lambda name: tmp_path / "studies" / f"{name}.toml")
    monkeypatch.chdir(tmp_path)
    check_names()
    added_to = (check._KNOWN, sites._ADDED, terms.TERMS, gallery._FIGURES)
    lists = [(known, dict(known)) for known in added_to]
    before = dict(os.environ)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)
    for known, kept in lists:  # pages add to them
        known.clear()
        known.update(kept)


def run_command(line: str) -> None:
    words = [os.path.expandvars(word) for word in shlex.split(line)]
    assert words[0] == "uploadtrends", line
    result = CliRunner().invoke(app, words[1:])
    assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"


WITH_CODE = [page for page in PAGES if page.stem != "how_good_is_it"]  # tables alone


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(
    page: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if page.stem == "collecting":
        (place / "data" / "raw").unlink()  # a crawl writes there
        (place / "data" / "raw").mkdir()
    module = ModuleType(page.stem)
    monkeypatch.setitem(sys.modules, page.stem, module)  # dataclasses look for their module
    names: dict[str, Any] = vars(module)
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert blocks
    for kind, code in blocks:
        if kind == "python":
            exec(compile(code, str(page), "exec"), names)
        else:
            for line in code.strip().splitlines():
                run_command(line)


def test_the_api_page_is_fresh() -> None:
    sys.path.insert(0, str(DOCS))
    try:
        from make_api import page
    finally:
        sys.path.remove(str(DOCS))
    written = (DOCS / "api.md").read_text(encoding="utf-8")
    assert written == page(), "run: python docs/make_api.py"


def test_tables_of_error_rates_are_those_of_validation() -> None:
    sys.path.insert(0, str(DOCS))
    try:
        from make_tables import TABLE, written
    finally:
        sys.path.remove(str(DOCS))
    texts = [path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *PAGES]]
    assert sum(bool(TABLE.search(text)) for text in texts) >= 3
    for text in texts:
        assert text == written(text), "run: python docs/make_tables.py"


def test_links_lead_somewhere() -> None:
    for path in [*DOCS.glob("*.md"), ROOT / "README.md"]:
        text = path.read_text(encoding="utf-8")
        if path.name == "api.md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if not target.startswith(("http:", "https:")):
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_no_page_claims_a_cause() -> None:
    for path in DOCS.glob("*.md"):
        assert not re.search(r"\bcaused\b", path.read_text(encoding="utf-8")), path.name
