"""Rebuilding under open notebooks, dying at any moment, full disks, and two at once."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import uploadtrends as ut
from store_records import Records, post, work, write_lines
from uploadtrends.errors import StoreError, StoreLockedError
from uploadtrends.sources import watched
from uploadtrends.sources.danbooru2023 import Danbooru2023
from uploadtrends.sources.protocol import LoadProgress
from uploadtrends.store import build_store

N_KILLS = 12


def dump(path: Path, n: int, **changes) -> Path:
    """Posts whose sources take every way through the dating."""
    return write_lines(
        path,
        (
            post(
                n_post,
                source=(
                    f"https://i.pximg.net/img-original/img/2023/01/{1 + n_post % 14:02}/"
                    f"10/00/{n_post % 60:02}/{90_000_000 + n_post}_p0.png",
                    f"https://www.pixiv.net/artworks/{90_000_000 + n_post}",
                    "",
                )[n_post % 3],
                tag_string_artist=f"artist_{n_post % 50} other",
                **changes,
            )
            for n_post in range(1, n + 1)
        ),
    )


def content(path: Path) -> str:
    with ut.open_store(path) as store:
        return store.content_hash()


def test_a_build_replaces_the_store_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "s.duckdb"
    build_store(path, [Records(*work("1", 1, "a"))])
    reports = build_store(path, [Records(*work("2", 1, "a")), Records(*work("3", 1, "b"))])
    assert [report.added["upload"] for report in reports] == [1, 1]
    with ut.open_store(path) as store:
        assert store.sql("SELECT upload_id FROM upload ORDER BY 1").fetchall() == [("2",), ("3",)]
    assert {file.name for file in path.parent.iterdir()} <= {"s.duckdb", "s.duckdb.lock"}


def test_a_failed_build_keeps_the_old_store(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    build_store(path, [Records(*work("1", 1, "a"))])
    before = content(path)
    with pytest.raises(ut.InputError):
        build_store(path, [Records(*work("2")), Danbooru2023(tmp_path / "missing.json")])
    assert content(path) == before
    assert not list(tmp_path.glob("*.building*"))


def test_an_open_notebook_does_not_block_a_rebuild(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    build_store(path, [Records(*work("1", 1, "a"))])
    code = (
        "import sys, uploadtrends as ut\n"
        f"store = ut.open_store({str(path)!r})\n"
        "print('open', flush=True); sys.stdin.readline()\n"
        "print(store.sql('SELECT upload_id FROM upload').fetchall())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as notebook:
        assert notebook.stdout.readline().strip() == "open"
        build_store(path, [Records(*work("2", 1, "a"))])
        with ut.open_store(path) as store:
            assert store.sql("SELECT upload_id FROM upload").fetchall() == [("2",)]
        out, _ = notebook.communicate("\n")
    assert out.strip() == "[('1',)]"  # the notebook keeps what it had opened


def test_two_builds_at_once(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    started, go_on = threading.Event(), threading.Event()

    class Slow(Records):
        def stage(self, con, progress):
            super().stage(con, progress)
            started.set()
            assert go_on.wait(30)

    first = threading.Thread(target=build_store, args=(path, [Slow(*work("1"))]))
    first.start()
    assert started.wait(30)
    with pytest.raises(StoreLockedError, match=f"process {os.getpid()} is building"):
        build_store(path, [Records(*work("2"))])
    threading.Timer(0.3, go_on.set).start()
    build_store(path, [Records(*work("3"))], wait=30)
    first.join()
    with ut.open_store(path) as store:
        assert store.sql("SELECT upload_id FROM upload").fetchall() == [("3",)]


def _load(path: str, file: str) -> None:
    with ut.open_store(path, read_only=False) as store:
        store.load(Danbooru2023(Path(file)))


def _build(path: str, file: str) -> None:
    build_store(path, [Danbooru2023(Path(file))])


@pytest.mark.slow
def test_killed_at_any_moment_the_store_is_old_or_new(tmp_path: Path) -> None:
    old_file, new_file = dump(tmp_path / "old.json", 200), dump(tmp_path / "new.json", 4000)
    old, grown, rebuilt = (tmp_path / f"{name}.duckdb" for name in ("old", "grown", "rebuilt"))
    _build(str(old), str(old_file))
    shutil.copy(old, grown)
    started = time.monotonic()
    _load(str(grown), str(new_file))
    took = time.monotonic() - started
    _build(str(rebuilt), str(new_file))
    after = {_load: content(grown), _build: content(rebuilt)}
    before = content(old)

    # A fresh process that has only imported the package, so that a kill hits the load itself.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["duckdb", "pyarrow", "uploadtrends.store"])
    rng = random.Random(1)
    path = tmp_path / "s.duckdb"
    seen = set()
    for kill in range(N_KILLS):
        for left in tmp_path.glob("s.duckdb*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        shutil.copy(old, path)
        work_on = (_load, _build)[kill % 2]
        process = context.Process(target=work_on, args=(str(path), str(new_file)))
        process.start()
        process.join(0.1 + rng.random() * (took + 0.3))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        found = content(path)
        assert found in (before, after[work_on]), f"kill {kill}: neither old nor new"
        seen.add(found == before)
        work_on(str(path), str(new_file))
        assert content(path) == after[work_on], f"kill {kill}: the second run differs"
        assert not list(tmp_path.glob("s.duckdb.building*"))
    assert True in seen  # the kills did hit loads, not only their aftermath


def _load_with_little_room(path: str, file: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = Path(path).stat().st_size + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        _load(path, file)
    except StoreError as error:
        print(error, file=sys.stderr)
        os._exit(3)
    os._exit(0)


def test_no_room_on_the_disk(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Played by a limit on the size of files; checked by hand on a full file system too."""
    path = tmp_path / "s.duckdb"
    _build(str(path), str(dump(tmp_path / "old.json", 200)))
    before = content(path)
    file = dump(tmp_path / "new.json", 20_000)
    process = multiprocessing.get_context("spawn").Process(
        target=_load_with_little_room, args=(str(path), str(file))
    )
    process.start()
    process.join()
    assert process.exitcode == 3
    assert "the disk is full" in capfd.readouterr().err
    assert content(path) == before


@pytest.fixture
def control_c() -> Iterator[None]:
    """Python's own handling of Ctrl-C: a shell that starts tests in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("control_c")
def test_control_c_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    build_store(path, [Records(*work("1", 1, "a"))])
    before = content(path)
    file = dump(tmp_path / "new.json", 3000)

    def interrupt(_: LoadProgress) -> None:
        signal.raise_signal(signal.SIGINT)

    with ut.open_store(path, read_only=False) as store:
        with pytest.raises(KeyboardInterrupt, match=r"nothing of this load is in .* again"):
            store.load(Danbooru2023(file), progress=interrupt)
        assert store.content_hash() == before
        assert store.load(Danbooru2023(file)).added["upload"] == 3000


@pytest.mark.usefixtures("control_c")
@pytest.mark.parametrize("tick", [0.0005, 0.001, 0.002, 0.004])
def test_control_c_at_any_moment_leaves_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tick: float
) -> None:
    """Also where it comes during the commit, or the rollback."""
    monkeypatch.setattr(watched, "_TICK", tick)
    file = dump(tmp_path / "new.json", 1500)
    for n_calls in range(1, 6):
        path = tmp_path / f"{n_calls}.duckdb"
        build_store(path, [Records(*work("1", 1, "a"))])
        before = content(path)
        left = n_calls

        def interrupt(_: LoadProgress) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                signal.raise_signal(signal.SIGINT)

        with ut.open_store(path, read_only=False) as store:
            said = "all of it is in"  # where the load ends before the interruption
            try:
                store.load(Danbooru2023(file), progress=interrupt)
            except KeyboardInterrupt as told:
                said = str(told)
            whole = "all of it is in" in said
            assert whole or "nothing of this load is in" in said
            assert (store.content_hash() == before) is not whole
            assert store.load(Danbooru2023(file)).added.get("upload", 0) == 1500 * (not whole)


def test_progress_has_rows_bytes_and_an_end(tmp_path: Path) -> None:
    file = dump(tmp_path / "new.json", 3000)
    told: list[LoadProgress] = []
    build_store(tmp_path / "s.duckdb", [Danbooru2023(file)], progress=told.append)
    read = [step for step in told if step.phase == "reading"]
    assert read[-1].rows == 3000
    assert read[-1].bytes_done == read[-1].bytes_total == file.stat().st_size
    assert read[-1].rows_per_second > 0
    assert read[-1].seconds_left == 0
    assert LoadProgress("reading").seconds_left is None
    assert LoadProgress("reading", 10, 50, 200, 5.0).seconds_left == 15


def test_newer_over_older_equals_newer_alone_and_overlaps_add_up(tmp_path: Path) -> None:
    """Whatever the order: parts that overlap, an old dump and a newer one of the same posts."""
    rows = [
        post(n, source=f"https://www.pixiv.net/artworks/{500 + n}" if n % 2 else
             f"https://i.pximg.net/img/2022/03/{1 + n // 4:02}/10/00/00/{500 + n}_p0.png")
        for n in range(1, 61)
    ]  # fmt: skip
    newer = [
        row | {"updated_at": "2023-06-01T00:00:00Z", "tag_string_artist": "renamed other"}
        for row in rows[20:]
    ]
    whole = write_lines(tmp_path / "whole.json", [*rows[:20], *newer])
    parts = {
        "first": write_lines(tmp_path / "first.json", rows[:40]),
        "second": write_lines(tmp_path / "second.json", rows[30:]),
        "newer": write_lines(tmp_path / "newer.json", newer),
    }
    build_store(tmp_path / "whole.duckdb", [Danbooru2023(whole)])
    expected = content(tmp_path / "whole.duckdb")
    for order in (["first", "second", "newer"], ["newer", "second", "first"]):
        path = tmp_path / "parts.duckdb"
        build_store(path, [Danbooru2023(parts[name]) for name in order])
        with ut.open_store(path, read_only=False) as store:
            # An artist tag that no post bears any more stays on record as an artist.
            store.connection.execute(
                "DELETE FROM artist WHERE artist_id NOT IN (SELECT artist_id FROM credit)"
            )
            assert store.content_hash() == expected, order
