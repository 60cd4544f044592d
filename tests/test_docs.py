"""The documentation works as it stands: blocks are run, the API page is fresh, links lead on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

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
sys.path.insert(0, str(DOCS))
try:
    import run
    from make_api import page as api_page
    from make_tables import TABLE, written
finally:
    sys.path.remove(str(DOCS))
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


def run_command(words: list[str]) -> None:
    assert words[0] == "uploadtrends", words
    result = CliRunner().invoke(app, words[1:])
    assert result.exit_code == 0, f"{words}\n{result.output}\n{result.exception!r}"


WITH_CODE = [page for page in PAGES if page.stem not in ("how_good_is_it", "words")]  # tables
WITH_CODE.append(ROOT / "README.md")


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(page: Path, place: Path) -> None:
    if page.stem == "collecting":
        (place / "data" / "raw").unlink()  # a crawl writes there
        (place / "data" / "raw").mkdir()
    assert run.BLOCK.search(page.read_text(encoding="utf-8"))
    run.run_page(page, run_command)


@pytest.mark.slow
def test_the_sentence_about_pixiv_has_the_numbers_of_today(place: Path) -> None:
    page = DOCS / "pixiv.md"
    names = run.run_page(page, run_command)
    printed = " ".join(re.findall(r"^> ?(.*)$", page.read_text(encoding="utf-8"), re.M))
    assert printed == names["sentence"]


def test_the_api_page_is_fresh() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    assert text == api_page(), "run: python docs/make_api.py"


def test_tables_of_error_rates_are_those_of_validation() -> None:
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
