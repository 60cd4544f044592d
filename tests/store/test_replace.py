"""A store is replaced by what was read back and compared, or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from uploadtrends.errors import StoreError
from uploadtrends.sources.table import Table
from uploadtrends.store import build_store, open_store
from uploadtrends.store.replace import checksums, file_checksums, put_in_place, shrinks

COLUMNS = {"artist_id": "who", "upload_id": "id", "published_at": "at"}


def table(folder: Path, n: int) -> Table:
    path = folder / f"works{n}.csv"
    rows = [f"a{i % 50},{i},2022-01-{i % 28 + 1:02d}" for i in range(n)]
    path.write_text("\n".join(["who,id,at", *rows]) + "\n")
    return Table(path, columns=COLUMNS, platform="mine")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "s.duckdb"
    build_store(path, [table(tmp_path, 300)])
    return path


def draft(tmp_path: Path) -> tuple[Path, dict[str, tuple[int, int]]]:
    path = tmp_path / "draft.duckdb"
    with open_store(path, read_only=False) as opened:
        opened.load(table(tmp_path, 400))
        written = checksums(opened.connection)
        opened.connection.execute("CHECKPOINT")
    return path, written


def test_checksums_see_every_row(tmp_path: Path, store: Path) -> None:
    before = file_checksums(store)
    assert before["upload"][0] == 300
    with duckdb.connect(str(store)) as con:
        con.execute("UPDATE upload SET published_at = published_at + INTERVAL 1 SECOND "
                    "WHERE upload_id = '7'")  # fmt: skip
    after = file_checksums(store)
    assert after["upload"][0] == 300
    assert {name for name in after if after[name] != before[name]} == {"upload"}


def test_what_reads_back_otherwise_replaces_nothing(tmp_path: Path, store: Path) -> None:
    before = store.read_bytes()
    path, written = draft(tmp_path)
    with pytest.raises(StoreError, match="reads back otherwise"):
        put_in_place(path, store, written | {"upload": (400, 1)})
    path.with_name(path.name + ".wal").write_bytes(b"left")
    with pytest.raises(StoreError, match="not written to the end"):
        put_in_place(path, store, written)
    assert store.read_bytes() == before
    path.with_name(path.name + ".wal").unlink()
    store.with_name(store.name + ".wal").write_bytes(b"of the old one")
    put_in_place(path, store, written)
    assert file_checksums(store) == written
    assert not store.with_name(store.name + ".wal").exists()


def test_a_store_that_holds_more_is_not_replaced_unless_told(tmp_path: Path, store: Path) -> None:
    before = store.read_bytes()
    with pytest.raises(StoreError, match="200 of 300 upload rows"):
        build_store(store, [table(tmp_path, 200)], may_shrink=False)
    assert store.read_bytes() == before
    build_store(store, [table(tmp_path, 200)])
    assert shrinks(file_checksums(store), tmp_path / "none.duckdb") == ""
    assert file_checksums(store)["upload"][0] == 200


def test_only_its_owner_reads_a_store(store: Path) -> None:
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    other = store.with_name("opened.duckdb")
    open_store(other, read_only=False).close()
    assert stat.S_IMODE(other.stat().st_mode) == 0o600


BUILD = """
import resource, signal, sys
from pathlib import Path
from uploadtrends.sources.table import Table
from uploadtrends.store import build_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
source = Table(Path(sys.argv[2]), columns={"artist_id": "who", "upload_id": "id",
               "published_at": "at"}, platform="mine")
build_store(Path(sys.argv[1]), [source])
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of a process are POSIX")
@pytest.mark.parametrize("room", [0, 4_096, 20_000, 300_000, 1_100_000, 2_200_000])
def test_a_full_disk_leaves_the_old_store(tmp_path: Path, store: Path, room: int) -> None:
    before = file_checksums(store)
    source = table(tmp_path, 60_000)
    command = [sys.executable, "-c", BUILD, str(store), str(source.path), str(room)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    after = file_checksums(store)
    if done.returncode == 0:
        assert after["upload"][0] == 60_000
    else:
        assert after == before
        assert "Error: " in done.stderr.splitlines()[-1]
        assert "Fix: " in done.stderr
    assert sorted(one.name for one in tmp_path.glob("s.duckdb*")) in (
        ["s.duckdb"],
        ["s.duckdb", "s.duckdb.lock"],
    )
