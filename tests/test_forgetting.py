"""Whoever asked to be forgotten stays away: every way into the store, and every byte on disk."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from uploadtrends.cli import app
from uploadtrends.collect.archive import Archive
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.saved import SavedPages
from uploadtrends.collect.wire import Answer, Request
from uploadtrends.errors import CollectError, ConfigurationError, StoreLockedError
from uploadtrends.privacy import forget, load_key, pseudonym
from uploadtrends.pseudonyms import KEY_VARIABLE, Ledger, without_names
from uploadtrends.sources.table import Table
from uploadtrends.store import build_store, open_store
from uploadtrends.store.export import ExportedParquet, export_parquet

COLUMNS = {"artist_id": "who", "upload_id": "id", "published_at": "at"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a key of its own, and a table of three artists' works."""
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "key"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    rows = [f"{who},{who}-{n},2022-01-0{n + 1}" for who in ("Al", "alba", "anna") for n in range(3)]
    (folder / "works.csv").write_text("\n".join(["who,id,at", *rows]) + "\n")
    return folder


def table(folder: Path) -> Table:
    return Table(folder / "works.csv", columns=COLUMNS, platform="mine")


def artists(path: Path) -> list[str]:
    with open_store(path) as store:
        query = "SELECT DISTINCT artist_id FROM (FROM credit UNION BY NAME FROM artist) ORDER BY 1"
        return [row[0] for row in store.sql(query).fetchall()]


def load_again(folder: Path) -> Path:
    path = folder / "data" / "derived" / "new.duckdb"
    with open_store(path, read_only=False) as store:
        report = store.load(table(folder))
    assert report.n_forgotten == 1
    assert "asked to be forgotten" in report.summary()
    return path


def build_again(folder: Path) -> Path:
    path = folder / "elsewhere" / "built.duckdb"
    build_store(path, [table(folder)])
    return path


def command_again(folder: Path) -> Path:
    arguments = ["load", "table", "works.csv", "--store", "s2.duckdb", "--option", "platform=mine"]
    for name, column in COLUMNS.items():
        arguments += ["--column", f"{name}={column}"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return folder / "s2.duckdb"


@pytest.mark.parametrize("again", [load_again, build_again, command_again])
def test_nobody_comes_back_by_any_way_in(project: Path, again: Callable[[Path], Path]) -> None:
    path = project / "data" / "derived" / "uploads.duckdb"
    build_store(path, [table(project)])
    done = forget("mine", "AL", store=path)
    assert done.rows["artist"] == 1
    assert done.rows["upload"] == 3
    assert artists(path) == ["alba", "anna"]
    assert artists(again(project)) == ["alba", "anna"]
    assert str(project / "works.csv") in done.inputs
    assert "edit them yourself" in done.summary()


def test_a_pseudonymous_export_brings_nobody_back(project: Path) -> None:
    path = project / "data" / "derived" / "uploads.duckdb"
    build_store(path, [table(project)])
    key = load_key()
    with open_store(path) as store:
        export_parquet(store, project / "shared", lambda p, i: pseudonym(key, p, i))
    forget("mine", "Al", store=path)
    with open_store(project / "data" / "again.duckdb", read_only=False) as store:
        store.load(ExportedParquet(project / "shared"))
        assert store.tables()["artist"] == 2


def test_a_key_that_is_not_the_ledgers_stops_everything(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "data" / "derived" / "uploads.duckdb"
    build_store(path, [table(project)])
    forget("mine", "Al", store=path)
    other = project.parent / "other"
    monkeypatch.setenv(KEY_VARIABLE, str(other))
    with pytest.raises(ConfigurationError, match="is missing"):
        build_store(path, [table(project)])
    assert not other.exists()  # a new key would hide that the old one is needed
    load_key(other)
    with pytest.raises(ConfigurationError, match="under another key"):
        build_store(path, [table(project)])
    with pytest.raises(ConfigurationError, match="under another key"):
        forget("mine", "anna", store=path)
    assert artists(path) == ["alba", "anna"]


@pytest.mark.parametrize("line", ["{", "[]", '{"platform": "a"}', "\x00", '{"hashes": 3}'])
def test_a_damaged_ledger_is_explained(project: Path, line: str) -> None:
    (project / "data" / "raw").mkdir(parents=True)
    (project / "data" / "raw" / "forgotten.jsonl").write_text(line + "\n")
    with pytest.raises(ConfigurationError, match="line 1 of the list of forgotten people"):
        build_store(project / "data" / "s.duckdb", [table(project)])
    with pytest.raises(ConfigurationError, match="line 1"):
        forget("danbooru", "x")


def test_the_bytes_are_gone_from_file_log_and_drafts(project: Path) -> None:
    path = project / "s.duckdb"
    name = "unmistakable-name-4711"
    (project / "works.csv").write_text(
        f"who,id,at\n{name},{name}1,2022-01-01\n{name},{name}2,2022-01-01\nanna,a,2022-01-01\n"
    )
    build_store(path, [table(project)])
    path.with_name("s.duckdb.building").write_bytes(name.encode())
    path.with_name("s.duckdb.new.wal").write_bytes(name.encode())
    cache = project / "data" / "derived" / ".cache"
    cache.mkdir(parents=True)
    (cache / "panel-1.step").write_bytes(name.encode())
    (cache / "panel-2.pickle").write_bytes(name.encode())
    done = forget("mine", name, store=path)
    assert done.steps == 2
    holding = [
        one for one in project.rglob("*") if one.is_file() and name.encode() in one.read_bytes()
    ]
    assert holding == [project / "works.csv"]
    assert done.inputs == (str(project / "works.csv"),)


def archived(folder: Path, *bodies: tuple[Request, bytes]) -> Path:
    from uploadtrends.collect.visit import EARLIEST

    with Archive(folder, write=True) as archive:
        archive.write_plan({"kind": "histories", "source": "deviantart", "targets": []})
        for request, body in bodies:
            archive.append(Answer(request, "ok", 200, body, EARLIEST))
    return folder


def text_of(folder: Path) -> str:
    with Archive(folder) as archive:
        return "\n".join(json.dumps(entry, ensure_ascii=False) for entry in archive.entries())


def test_batched_questions_and_texts_lose_the_name_and_nothing_else(project: Path) -> None:
    whois = Request(
        "https://www.deviantart.com/api/v1/oauth2/user/whois",
        form=(("usernames[]", "Al"), ("usernames[]", "alba")),
    )
    body = {
        "results": [
            {"userid": "U-9", "username": "Al"},
            {"userid": "U-2", "username": "alba", "tagline": "friend of Al, see /u/al or al@x"},
        ]
    }
    folder = archived(
        project / "data" / "raw" / "deviantart" / "one", (whois, json.dumps(body).encode())
    )
    forget("deviantart", "U-9")
    left = text_of(folder)
    assert "U-9" not in left
    assert without_names(left, lambda word: word.lower() == "al") == left
    assert "alba" in left
    assert "friend of" in left


def test_rejects_go_by_exact_field(project: Path) -> None:
    path = project / "s.duckdb"
    build_store(path, [table(project)])
    with duckdb.connect(str(path)) as con:
        con.execute(
            "INSERT INTO reject SELECT 1, 'mine/' || n || 'al', 'almost', 'all of it' "
            "FROM range(1000) r(n)"
        )
        con.execute(
            "INSERT INTO reject VALUES (1, 'mine/Al', 'r', 'x'), (1, 'line 3', 'r', 'by Al.')"
        )
    done = forget("mine", "Al", store=path)
    assert done.rows["reject"] == 1
    with open_store(path) as store:
        assert store.tables()["reject"] == 1001
        kept = store.sql("SELECT excerpt FROM reject WHERE position = 'line 3'").fetchall()
    assert kept == [("by [forgotten]",)]


def test_damaged_lines_are_reported_and_kept(project: Path) -> None:
    request = Request("https://www.deviantart.com/a", subject="Al")
    other = Request("https://www.deviantart.com/b", subject="alba")
    third = Request("https://www.deviantart.com/c", subject="anna")
    folder = archived(
        project / "data" / "raw" / "deviantart" / "one",
        *[(one, one.url.encode() * 50) for one in (request, other, third)],
    )
    segment = next(folder.glob("*.gz"))
    with Archive(folder) as archive:
        place = archive._latest[other.key]
    data = bytearray(segment.read_bytes())
    data[place.offset + 30] ^= 0xFF
    segment.write_bytes(data)
    broken = bytes(data[place.offset : place.offset + place.length])
    done = forget("deviantart", "Al")
    assert len(done.damaged) == 1
    assert "cannot be read" in done.summary()
    assert broken in segment.read_bytes()
    left = text_of(folder)
    assert "deviantart.com/a" not in left
    assert "deviantart.com/c" in left


def hold(path: str, ready: object, done: object) -> None:
    with open_store(path, read_only=False):
        ready.set()  # type: ignore[attr-defined]
        done.wait(30)  # type: ignore[attr-defined]


def test_two_processes_change_nothing_half(project: Path) -> None:
    path, raw = project / "s.duckdb", project / "data" / "raw"
    build_store(path, [table(project)])
    archived(raw / "deviantart" / "one", (Request("https://x/", subject="Al"), b"{}"))

    def state() -> dict[str, bytes]:
        return {str(one): one.read_bytes() for one in project.rglob("*.gz")} | {
            str(one): one.read_bytes() for one in project.rglob("*.duckdb")
        }

    before = state()
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(str(path), ready, done))
    process.start()
    assert ready.wait(60)
    with pytest.raises(StoreLockedError):
        forget("deviantart", "Al", store=path)
    done.set()
    process.join(60)
    with (
        FileLock(raw / "forgetting.lock"),
        pytest.raises(CollectError, match="is forgetting"),
    ):
        forget("deviantart", "Al", store=path)
    with (
        Archive(raw / "deviantart" / "one", write=True),
        pytest.raises(CollectError, match="another process is collecting"),
    ):
        forget("deviantart", "Al", store=path)
    assert state() == before
    assert not (raw / "forgotten.jsonl").exists()
    forget("deviantart", "Al", store=path)
    assert "Al" not in text_of(raw / "deviantart" / "one")


def test_what_is_in_the_ledger_is_told_by_its_hash(tmp_path: Path) -> None:
    key = tmp_path / "key"
    ledger = Ledger(tmp_path, key)
    assert ledger.digest() == ""
    ledger.add("a", ["x"])
    first = Ledger(tmp_path, key).digest()
    assert first == ledger.digest() != ""
    ledger.add("b", ["x"])
    assert ledger.digest() != first
    assert Ledger(tmp_path, key).test("c") is None


def test_saved_pages_and_rejects_are_filtered_too(project: Path) -> None:
    page = project / "page.html"
    page.write_text('<link rel="canonical" href="https://www.deviantart.com/Al/art/w-1">')
    forget("deviantart", "al", raw="data/raw")
    with open_store(project / "s.duckdb", read_only=False) as store:
        store.load(SavedPages([page], artist="Al"))
        assert store.tables()["credit"] == 0
        assert store.tables()["upload"] == 0
        assert "Al" not in str(store.sql("SELECT parameters FROM crawl").fetchall())


def test_archived_crawls_take_the_key_they_are_given(tmp_path: Path) -> None:
    folder = archived(tmp_path / "raw" / "deviantart" / "one", (Request("https://x/"), b"{}"))
    forget("deviantart", "x", raw=tmp_path / "raw", key_file=tmp_path / "k")
    with open_store(tmp_path / "s.duckdb", read_only=False) as store:
        store.load(ArchivedCrawl(folder, key_file=tmp_path / "k"))
    assert gzip.decompress(next(folder.glob("*.gz")).read_bytes())


@pytest.mark.skipif(sys.platform == "win32", reason="children are forked and killed by signal")
def test_a_kill_at_any_stage_leaves_nothing_after_going_on(root: Path, tmp_path: Path) -> None:
    """Five moments over the whole of `forget`, in children that die by SIGKILL."""
    command = [sys.executable, str(root / "validation/forget_kills.py"), "--moments", "5"]
    command += ["--results", str(tmp_path / "kills.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "5 kills, 0 failed"
