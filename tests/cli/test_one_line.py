"""What the operating system, the disk or a damaged file refuses is said in one line, with a fix."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from command import Done, run

from uploadtrends.errors import explain_os

ROWS = "who,id,at\n" + "".join(f"a{i % 9},{i},2022-01-{i % 28 + 1:02d}\n" for i in range(200))
LOAD = [
    *("load", "table", "works.csv", "--option", "platform=mine", "--column", "artist_id=who"),
    *("--column", "upload_id=id", "--column", "published_at=at"),
]


def ran(folder: Path, *arguments: str) -> Done:
    variables = {"UPLOADTRENDS_KEY_FILE": str(folder / "key"), "COLUMNS": "1000"}
    return run(*arguments, folder=folder, **variables)


def damaged_store(folder: Path) -> list[str]:
    (folder / "s.duckdb").write_bytes(b"no database at all" * 1000)
    return [*LOAD, "--store", "s.duckdb"]


def torn_store(folder: Path) -> list[str]:
    assert ran(folder, *LOAD, "--store", "s.duckdb").returncode == 0
    whole = (folder / "s.duckdb").read_bytes()
    (folder / "s.duckdb").write_bytes(whole[: len(whole) // 2])
    return ["panel", "s.duckdb"]


def store_is_a_folder(folder: Path) -> list[str]:
    (folder / "s.duckdb").mkdir()
    return [*LOAD, "--store", "s.duckdb"]


def folder_is_a_file(folder: Path) -> list[str]:
    (folder / "derived").write_text("x")
    return [*LOAD, "--store", "derived/s.duckdb"]


def broken_ledger(folder: Path) -> list[str]:
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "data" / "raw" / "forgotten.jsonl").write_text("{\n")
    return [*LOAD, "--store", "s.duckdb"]


def broken_plan(folder: Path) -> list[str]:
    (folder / "data" / "raw" / "danbooru" / "one").mkdir(parents=True)
    (folder / "data" / "raw" / "danbooru" / "one" / "crawl.json").write_text("[1")
    return ["rebuild", "--store", "s.duckdb"]


def export_into_a_file(folder: Path) -> list[str]:
    assert ran(folder, *LOAD, "--store", "s.duckdb").returncode == 0
    (folder / "out").write_text("x")
    return ["export", "out", "--store", "s.duckdb"]


def key_is_a_folder(folder: Path) -> list[str]:
    assert ran(folder, *LOAD, "--store", "s.duckdb").returncode == 0
    (folder / "key").mkdir(mode=0o700)
    return ["export", "out", "--store", "s.duckdb"]


@pytest.mark.parametrize(
    "trouble",
    [
        *(damaged_store, torn_store, store_is_a_folder, folder_is_a_file, broken_ledger),
        *(broken_plan, export_into_a_file, key_is_a_folder),
    ],
)
def test_one_line_says_what_and_what_to_do(tmp_path: Path, trouble: object) -> None:
    (tmp_path / "works.csv").write_text(ROWS)
    done = ran(tmp_path, *trouble(tmp_path))  # type: ignore[operator]
    assert done.returncode in (1, 3), done.stdout
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Fix: " in done.stderr


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EISDIR, errno.EMFILE, 9999, None]
)
def test_every_refusal_of_the_system_has_a_fix(number: int | None) -> None:
    error = OSError() if number is None else OSError(number, "words", "a/file")
    said = explain_os(error)
    assert "Fix: " in said
    assert "\n" not in said
    assert number is None or "'a/file'" in said
