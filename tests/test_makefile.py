"""`make figures` with a date of one's own: what a user writes reaches the program as it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")

RECORDER = """#!/bin/sh
env | grep -q '^EVENT=' && echo leaked >> calls.txt
printf '%s\\n' "$*" >> calls.txt
printf '%s' "$UPLOADTRENDS_EVENT" > event.txt
printf '%s' "$UPLOADTRENDS_LABEL" > label.txt
"""


@pytest.fixture
def place(tmp_path: Path, root: Path) -> Path:
    """A checkout whose program only notes how it was called."""
    shutil.copy(root / "Makefile", tmp_path)
    for name in ("src", "data/raw", "studies", "data/derived", ".venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", ".venv/.runtime", "studies/pixiv.toml"):
        (tmp_path / name).touch()
    (tmp_path / "studies/precipice.toml").touch()
    program = tmp_path / ".venv/bin/uploadtrends"
    program.write_text(RECORDER)
    program.chmod(0o755)
    os.utime(tmp_path / ".venv/.runtime")
    return tmp_path


def make(place: Path, *words: str) -> list[str]:
    """Run make and return how the program was called."""
    (place / "calls.txt").unlink(missing_ok=True)
    done = subprocess.run(["make", *words], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    calls = place / "calls.txt"
    return calls.read_text().splitlines() if calls.exists() else []


@pytest.mark.parametrize(
    "label",
    [
        "plain",
        'it\'s "quoted"',
        "$(touch pwned)",
        "$(shell touch pwned)",
        "`touch pwned`",
        "; touch pwned #",
        "costs $5, or 100%",
        "$HOME ${HOME} $$",
        "a\\b | c & d > pwned",
        "日本語 🎨",
        "</script><!--",
        "ends with (",
    ],
)
def test_a_label_reaches_the_program_as_written_and_no_shell(place: Path, label: str) -> None:
    calls = make(place, "figures", "EVENT=2022-11-11", f"LABEL={label}")
    assert calls == ["run studies/precipice.toml --home data/derived"]
    assert (place / "event.txt").read_text() == "2022-11-11"
    assert (place / "label.txt").read_text() == label
    assert not (place / "pwned").exists()


def test_an_event_that_is_no_date_reaches_the_program_too(place: Path) -> None:
    make(place, "figures", "EVENT=$(shell touch pwned)`touch pwned`../../x")
    assert (place / "event.txt").read_text() == "$(shell touch pwned)`touch pwned`../../x"
    assert not (place / "pwned").exists()


def test_without_an_event_both_studies_run_once(place: Path) -> None:
    wanted = [
        "run studies/pixiv.toml --home data/derived/pixiv",
        "run studies/precipice.toml --home data/derived",
    ]
    assert make(place, "figures") == wanted
    manifest = place / "data/derived/manifest.json"
    manifest.write_text(
        json.dumps({"study": "precipice", "study_file": "precipice.toml"}, indent=1)
    )
    assert make(place, "figures") == []


def test_results_of_another_study_in_the_folder_are_noticed(place: Path) -> None:
    manifest = place / "data/derived/manifest.json"
    manifest.write_text(json.dumps({"study": "mine", "study_file": "mine.toml"}, indent=1))
    assert len(make(place, "figures")) == 2


def test_another_study_has_a_folder_of_its_own(place: Path) -> None:
    assert make(place, "figures", "STUDY=studies/mine.toml") == ["run studies/mine.toml"]
    with_event = make(place, "figures", "STUDY=studies/mine.toml", "EVENT=2022-11-11")
    assert with_event == ["run studies/mine.toml"]
