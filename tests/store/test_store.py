"""Opening, loading and merging: what is in the store afterwards, and what never is."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import uploadtrends as ut
from store_records import Records, work
from uploadtrends.errors import InputError, StoreError, StoreLockedError, TooManyRejectsError
from uploadtrends.records import Artist, Credit, Reject, Sighting, Upload
from uploadtrends.store import Store


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened


def rows(store: Store, query: str) -> list[tuple]:
    return store.sql(query).fetchall()


def test_a_missing_store_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store at .*nowhere\.duckdb.*Fix: build it"):
        ut.open_store(tmp_path / "nowhere.duckdb")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    file = tmp_path / "s.duckdb"
    file.write_bytes(b"something else, long enough to have a header" * 1000)
    with pytest.raises(StoreError, match=r"s\.duckdb"):
        ut.open_store(file)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    opened = ut.open_store(tmp_path / "s.duckdb", read_only=False)
    opened.close()
    opened.close()
    assert "closed" in repr(opened)
    with pytest.raises(StoreError, match="is closed"):
        opened.sql("SELECT 1")


def test_a_read_only_store_refuses_to_load(tmp_path: Path) -> None:
    ut.open_store(tmp_path / "s.duckdb", read_only=False).close()
    with (
        ut.open_store(tmp_path / "s.duckdb") as opened,
        pytest.raises(StoreError, match="read_only=False"),
    ):
        opened.load(Records(*work("1")))


def test_settings_reach_duckdb(tmp_path: Path) -> None:
    with ut.open_store(
        tmp_path / "s.duckdb",
        read_only=False,
        memory_limit="300MB",
        temp_directory=tmp_path / "spill",
        threads=1,
    ) as opened:
        shown = rows(
            opened,
            "SELECT current_setting('memory_limit'), current_setting('temp_directory'), "
            "current_setting('threads')",
        )[0]
        assert shown[0].startswith("286")  # MiB
        assert shown[1] == str(tmp_path / "spill")
        assert int(shown[2]) == 1


def test_everything_that_a_source_yields_arrives(store: Store) -> None:
    report = store.load(
        Records(
            Artist("site", "a", "Ada", datetime(2019, 5, 1), "account", "tags", 0.25, 4.0),
            Upload("site", "1", datetime(2020, 1, 2), media_count=3, is_mature=True, ai_label=None),
            Credit("site", "1", "a"),
            Sighting("site", "a", "ok", complete=True, n_uploads=1, followers=2461),
            Reject("line 7", "no date", "{}"),
        ),
        max_rejects=1,
    )
    assert report.added == {"upload": 1, "credit": 1, "artist": 1, "series": 0, "sighting": 1}
    assert report.n_rejected == 1
    assert report.reject_reasons == {"no date": 1}
    assert "1 upload rows" in str(report)
    assert rows(store, "FROM artist") == [
        ("site", "a", "Ada", datetime(2019, 5, 1), "account", "tags", 0.25, 4.0)
    ]
    assert rows(store, "SELECT media_count, is_mature, ai_label, status FROM upload") == [
        (3, True, None, "listed")
    ]
    assert rows(store, "SELECT followers, crawl_id FROM sighting") == [(2461, 1)]
    assert rows(store, "FROM reject") == [(1, "line 7", "no date", "{}")]
    crawl = rows(store, "SELECT source, status, n_uploads, n_rejected, covers_to FROM crawl")
    assert crawl == [("records", "complete", 1, 1, datetime(2020, 1, 2))]
    summary = store.summary().to_dicts()
    assert summary[0]["platform"] == "site"
    assert summary[0]["last_date"] == date(2020, 1, 2)
    assert store.tables()["upload"] == 1


def test_of_a_later_dump_only_what_changed_is_written(store: Store) -> None:
    old = [one for n in range(400) for one in work(f"{n}", 1 + n % 27, "a")]
    store.load(Records(*old, credits_complete=True))
    before = rows(store, "SELECT upload_id, rowid FROM upload ORDER BY 1")
    credited = rows(store, "SELECT upload_id, rowid FROM credit ORDER BY 1")
    new = [one for n in range(1, 400) for one in work(f"{n}", 1 + n % 27, "a")]
    report = store.load(
        Records(*work("0", 1, "b"), *new, *work("400", 3, "a"), credits_complete=True)
    )
    assert (report.added["upload"], report.changed["upload"], report.added["credit"]) == (1, 0, 1)
    assert (
        rows(store, "SELECT upload_id, rowid FROM upload WHERE upload_id <> '400' ORDER BY 1")
        == before
    )
    kept = "upload_id NOT IN ('0', '400')"
    after = rows(store, f"SELECT upload_id, rowid FROM credit WHERE {kept} ORDER BY 1")
    assert after == [row for row in credited if row[0] != "0"]
    assert rows(store, "SELECT artist_id FROM credit WHERE upload_id = '0'") == [("b",)]
    assert rows(store, "SELECT last_crawl, count(*) FROM upload GROUP BY 1") == [(2, 401)]


def test_a_known_file_of_any_size_is_not_read_again(store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("uploadtrends.store.loading.SMALL", 0)
    raw = tmp_path / "raw"
    raw.write_text("x")
    store.load(Records(*work("1", 1, "a"), files=[raw]))
    again = Records(*work("1", 1, "a"), files=[raw])
    monkeypatch.setattr(again, "stage", None)  # would raise
    assert store.load(again).status == "unchanged"
    monkeypatch.setattr("uploadtrends.store.loading.READER", 99)
    assert store.load(Records(*work("1", 1, "a"), files=[raw])).status == "loaded"


def test_the_same_files_again_change_nothing(store: Store, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.write_text("x")
    first = store.load(
        Records(*work("1", 1, "a"), Sighting("site", "a", "ok", complete=True), files=[raw])
    )
    before, tables = store.content_hash(), store.tables()
    second = store.load(Records(*work("1", 1, "a"), files=[raw]))
    assert (first.status, second.status) == ("loaded", "unchanged")
    assert second.crawl_id == first.crawl_id
    assert "nothing to do" in str(second)
    assert store.content_hash() == before
    assert store.tables() == tables


def test_the_same_records_from_elsewhere_add_nothing(store: Store) -> None:
    store.load(Records(*work("1", 1, "a", "b"), *work("2", 2, "a")))
    before = store.content_hash()
    report = store.load(Records(*work("2", 2, "a"), *work("1", 1, "a", "b")))
    assert report.added["upload"] == report.changed["upload"] == report.added["credit"] == 0
    assert store.content_hash() == before
    assert rows(store, "SELECT DISTINCT first_crawl, last_crawl FROM upload") == [(1, 2)]


def test_a_later_record_replaces_an_earlier_one(store: Store) -> None:
    store.load(Records(*work("1", 1, "a")))
    report = store.load(Records(*work("1", 5, "a", status="deleted")))
    assert report.changed["upload"] == 1
    assert rows(store, "SELECT published_at, status, first_crawl FROM upload") == [
        (datetime(2020, 1, 5), "deleted", 1)
    ]


def test_an_older_version_never_replaces_a_newer_one(store: Store) -> None:
    old, new = datetime(2021, 1, 1), datetime(2022, 1, 1)
    con = store.connection

    class Versions(Records):
        def stage(self, con, progress):
            super().stage(con, progress)
            con.execute("UPDATE stage_upload SET updated_at = ?", [self.moment])

    newer = Versions(*work("1", 5, "b", status="deleted"), credits_complete=True)
    newer.moment = new
    older = Versions(*work("1", 1, "a"), *work("2", 1, "a"), credits_complete=True)
    older.moment = old
    store.load(newer)
    store.load(older)
    content = store.content_hash()
    assert rows(store, "SELECT status FROM upload WHERE upload_id = '1'") == [("deleted",)]
    assert rows(store, "SELECT artist_id FROM credit ORDER BY ALL") == [("a",), ("b",)]
    for table in ("upload", "credit", "artist"):
        con.execute(f"DELETE FROM {table}")
    store.load(older)
    store.load(newer)
    assert store.content_hash() == content


def test_credits_of_a_gallery_walk_add_up(store: Store) -> None:
    store.load(Records(*work("1", 1, "a")))
    store.load(Records(*work("1", 1, "b")))
    assert rows(store, "SELECT artist_id, n_artists FROM credit ORDER BY ALL") == [
        ("a", 2),
        ("b", 2),
    ]


def test_credits_of_a_dump_replace(store: Store) -> None:
    store.load(Records(*work("1", 1, "a"), *work("2", 1, "a"), credits_complete=True))
    store.load(Records(*work("1", 1, "b"), credits_complete=True))
    assert rows(store, "SELECT upload_id, artist_id, n_artists FROM credit ORDER BY ALL") == [
        ("1", "b", 1),
        ("2", "a", 1),
    ]


def test_what_a_later_crawl_does_not_know_stays(store: Store) -> None:
    store.load(Records(Artist("site", "a", "Ada", datetime(2019, 5, 1), "account")))
    report = store.load(Records(Artist("site", "a", "Ada Two")))
    assert report.changed["artist"] == 1
    assert rows(store, "SELECT handle, joined_basis FROM artist") == [("Ada Two", "account")]


def test_repeated_records_in_one_load_count_once(store: Store) -> None:
    store.load(Records(*work("1", 1, "a"), *work("1", 1, "a")))
    assert [store.tables()[table] for table in ("upload", "credit", "artist")] == [1, 1, 1]


def test_too_many_rejects_leave_the_store_as_it_was(store: Store) -> None:
    store.load(Records(*work("0", 1, "a")))
    before, tables = store.content_hash(), store.tables()
    bad = [Reject(f"line {n}", "no date", "{}") for n in range(3)]
    with pytest.raises(TooManyRejectsError, match=r"line 0: no date.*nothing was loaded") as error:
        store.load(Records(*work("1"), *bad))
    assert "max_rejects" in str(error.value)
    assert (store.content_hash(), store.tables()) == (before, tables)
    store.load(Records(*work("1"), *bad), max_rejects=3)
    assert store.tables()["reject"] == 3


def test_negative_max_rejects(store: Store) -> None:
    with pytest.raises(InputError, match="negative"):
        store.load(Records(*work("1")), max_rejects=-1)


def test_a_failure_in_the_middle_changes_nothing(store: Store) -> None:
    store.load(Records(*work("0", 1, "a")))
    before = store.content_hash()

    class Broken(Records):
        def stage(self, con, progress):
            super().stage(con, progress)
            raise OSError("the cable")

    with pytest.raises(OSError, match="cable"):
        store.load(Broken(*work("1", 1, "b")))
    assert store.content_hash() == before
    assert store.load(Records(*work("1", 1, "b"))).added["upload"] == 1  # and it can go on


def test_a_source_may_yield_nothing_else(store: Store) -> None:
    with pytest.raises(TypeError, match="Artist, Upload, Credit"):
        store.load(Records("a string"))


def test_another_process_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    code = (
        "import sys, uploadtrends as ut\n"
        f"store = ut.open_store({str(path)!r}, read_only=False)\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline().strip() == "open"
        for read_only in (True, False):
            with pytest.raises(StoreLockedError, match=f"process {other.pid} "):
                ut.open_store(path, read_only=read_only)
        other.stdin.close()
        other.wait()
    ut.open_store(path).close()


def test_the_own_process_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    with (
        ut.open_store(path, read_only=False),
        pytest.raises(StoreLockedError, match=str(os.getpid())),
    ):
        ut.open_store(path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(StoreError, match=r"permission|cannot write"):
            ut.open_store(folder / "s.duckdb", read_only=False)
    finally:
        folder.chmod(stat.S_IRWXU)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        ut.open_store(tmp_path / "file" / "s.duckdb", read_only=False)


_uploads = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 28), st.sets(st.sampled_from("abc"), max_size=3)),
    max_size=15,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parts=st.lists(_uploads, min_size=1, max_size=4))
def test_any_sequence_of_loads_equals_a_dictionary(parts: list, tmp_path: Path) -> None:
    """The model: a dict of the last version of every work, and of its artists."""
    path = tmp_path / "model.duckdb"
    path.unlink(missing_ok=True)
    dates, artists = {}, {}
    with ut.open_store(path, read_only=False) as store:
        for part in parts:
            records = []
            for number, day, named in {n: (n, d, a) for n, d, a in part}.values():
                records += work(str(number), day, *sorted(named))
                dates[str(number)] = datetime(2020, 1, 1) + timedelta(days=day - 1)
                artists[str(number)] = named
            store.load(Records(*records, credits_complete=True))
        assert dict(rows(store, "SELECT upload_id, published_at FROM upload")) == dates
        assert set(rows(store, "SELECT upload_id, artist_id, n_artists FROM credit")) == {
            (number, artist, len(named)) for number, named in artists.items() for artist in named
        }
        assert store.tables()["upload"] == len(dates)


def test_content_hash_tells_null_from_empty_and_counts_copies(store: Store) -> None:
    hashes = set()
    for statement in (
        "INSERT INTO artist (platform, artist_id, handle) VALUES ('p', 'a', NULL)",
        "UPDATE artist SET handle = ''",
        "INSERT INTO artist (platform, artist_id, handle) VALUES ('p', 'a', '')",
        "INSERT INTO artist (platform, artist_id, handle) VALUES ('p', 'a', '')",
    ):
        store.connection.execute(statement)
        hashes.add(store.content_hash())
    assert len(hashes) == 4


def test_the_hash_of_a_fetched_file_is_not_computed_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For large files; as long as size and time say that the file is the one that was fetched."""
    monkeypatch.setattr("uploadtrends.store.loading.SMALL", 3)
    raw, sidecar = tmp_path / "posts.json", tmp_path / "posts.json.toml"
    raw.write_text("12345")
    true = hashlib.sha256(b"12345").hexdigest()

    def recorded(upload: str) -> str:
        store.load(Records(*work(upload), files=[raw]))
        return rows(store, "SELECT raw_sha256[1] FROM crawl ORDER BY crawl_id DESC LIMIT 1")[0][0]

    sidecar.write_text(f'sha256 = "{"a" * 64}"\nbytes = 5\n')
    assert recorded("1") == "a" * 64
    sidecar.write_text(f'sha256 = "{"b" * 64}"\nbytes = 6\n')
    assert recorded("2") == true
    raw.write_text("67890")
    sidecar.write_text(f'sha256 = "{"c" * 64}"\nbytes = 5\n')
    os.utime(sidecar, ns=(0, 0))
    assert recorded("3") == hashlib.sha256(b"67890").hexdigest()
    sidecar.write_text("not toml =")
    raw.write_text("abcde")
    assert recorded("4") == hashlib.sha256(b"abcde").hexdigest()
