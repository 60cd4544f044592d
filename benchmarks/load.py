"""How fast Danbooru posts are loaded, next to what a user would otherwise write.

    python benchmarks/load.py --posts 1000000 --folder /some/scratch/folder

Each contestant runs in a process of its own, `--repeats` times, in turns; the least counts. CPU
time (of all threads) stands beside wall time because it depends less on what else runs.
Peak memory is the process's largest resident size. Ratios are taken within the run. Results go to
results/load.csv.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

_COLUMNS = {
    "id": "UBIGINT",
    "created_at": "TIMESTAMPTZ",
    "updated_at": "TIMESTAMPTZ",
    "source": "VARCHAR",
    "rating": "VARCHAR",
    "file_ext": "VARCHAR",
    "is_deleted": "BOOLEAN",
    "is_banned": "BOOLEAN",
    "pixiv_id": "BIGINT",
    "tag_string_artist": "VARCHAR",
    "tag_string_meta": "VARCHAR",
}


OWN = {
    "upload_id": "id",
    "artist_id": "tag_string_artist",
    "published_at": "created_at",
    "updated_at": "updated_at",
}
"""The same posts as a table of one's own."""
DUCKDB_AGAIN = "duckdb, newer over older"


def bare_duckdb(posts: Path, folder: Path) -> None:
    """The equivalent SQL by hand: read_json of the same columns, CTAS, UNNEST of the artists."""
    import duckdb

    con = duckdb.connect(str(folder / "bare.duckdb"))
    con.execute("SET memory_limit = '1GB'; SET preserve_insertion_order = false")
    con.execute(
        f"CREATE TABLE post AS SELECT * FROM read_json('{posts}', format='newline_delimited', "
        f"columns={_COLUMNS})"
    )
    con.execute(
        "CREATE TABLE credit AS SELECT id, unnest(string_split(tag_string_artist, ' ')) AS artist "
        "FROM post WHERE tag_string_artist <> ''"
    )
    con.close()


def package(posts: Path, folder: Path, *, recover_dates: bool = False, known: bool = True) -> None:
    """This package: checks, rejects, provenance, one transaction, atomic replacement.

    The sha256 is known from the download, as it is for what `uploadtrends fetch` brought.
    """
    from uploadtrends.sources.danbooru2023 import Danbooru2023
    from uploadtrends.store import build_store

    sidecar = posts.with_name(posts.name + ".toml")
    sidecar.unlink(missing_ok=True)
    if known:
        sidecar.write_text(f'sha256 = "{"0" * 64}"\nbytes = {posts.stat().st_size}\n')
    build_store(folder / "store.duckdb", [Danbooru2023(posts, recover_dates=recover_dates)])


def package_hashing(posts: Path, folder: Path) -> None:
    """The same for a file that nobody has hashed yet."""
    package(posts, folder, known=False)


def package_with_dates(posts: Path, folder: Path) -> None:
    """The same, hash known, with the artists' own dates recovered."""
    package(posts, folder, recover_dates=True)


def own_file(posts: Path, folder: Path) -> None:
    """The same file as a table of one's own with the default settings, not hashed before."""
    from uploadtrends.sources import Table
    from uploadtrends.store import build_store

    posts.with_name(posts.name + ".toml").unlink(missing_ok=True)
    build_store(folder / "store.duckdb", [Table(posts, OWN, "mine", artist_separator=" ")])


def _own_store(posts: Path) -> Path:
    """Return a store that holds the file as a table of one's own, made once for both rows below."""
    made = posts.with_suffix(".duckdb")
    if not made.exists():
        own_file(posts, posts.parent)
        (posts.parent / "store.duckdb").replace(made)
    return made


def same_file_again(posts: Path, folder: Path) -> None:
    """The same file into the store that holds it already; its hash is all that is read."""
    _load_own(posts, folder)


def newer_dump(posts: Path, folder: Path) -> None:
    """A later dump over an older one: one post in fifty changed, as many are new."""
    _load_own(posts.with_name(f"newer-{posts.name}"), folder)


def _load_own(posts: Path, folder: Path) -> None:
    from uploadtrends.sources import Table
    from uploadtrends.store import open_store

    with open_store(folder / "old.duckdb", read_only=False) as store:
        store.load(Table(posts, OWN, "mine", artist_separator=" "))


def prepare(name: str, posts: Path, folder: Path) -> None:
    """Put what a contestant starts from into its folder; not timed."""
    if name in (DUCKDB_AGAIN, "the same file again", "a newer dump over an older one"):
        newer = posts.with_name(f"newer-{posts.name}")
        if not newer.exists():
            write_newer(posts, newer)
    if name in ("the same file again", "a newer dump over an older one"):
        shutil.copyfile(_own_store(posts), folder / "old.duckdb")
    if name == DUCKDB_AGAIN:
        bare_duckdb(posts, folder)


def write_newer(posts: Path, newer: Path) -> None:
    """Write a later dump: every fiftieth post was edited, and as many came."""
    lines = newer.with_suffix(".part")
    with posts.open("rb") as old, lines.open("wb") as out:
        for n, line in enumerate(old):
            if n % 50:
                out.write(line)
                continue
            edited = json.loads(line)
            edited |= {"updated_at": "2024-06-01T00:00:00.000-04:00", "tag_string_artist": "moved"}
            new = edited | {"id": 100_000_000 + n, "created_at": "2024-05-01T00:00:00.000-04:00"}
            out.writelines(json.dumps(one).encode() + b"\n" for one in (edited, new))
    lines.replace(newer)


def bare_duckdb_again(posts: Path, folder: Path) -> None:
    """The later dump by hand: read into a table, rows with the same id replaced, credits too."""
    import duckdb

    con = duckdb.connect(str(folder / "bare.duckdb"))
    con.execute("SET memory_limit = '1GB'; SET preserve_insertion_order = false")
    newer = posts.with_name(f"newer-{posts.name}")
    con.execute(
        f"CREATE TEMP TABLE new AS SELECT * FROM read_json('{newer}', "
        f"format='newline_delimited', columns={_COLUMNS})"
    )
    con.execute("BEGIN")
    for table in ("post", "credit"):
        con.execute(f"DELETE FROM {table} WHERE id IN (SELECT id FROM new)")
    con.execute("INSERT INTO post SELECT * FROM new")
    con.execute(
        "INSERT INTO credit SELECT id, unnest(string_split(tag_string_artist, ' ')) FROM new "
        "WHERE tag_string_artist <> ''"
    )
    con.execute("COMMIT")
    con.close()


def only_hash(posts: Path, folder: Path) -> None:
    """What recording the file's sha256 costs; the package does it while it loads."""
    del folder
    with posts.open("rb") as handle:
        hashlib.file_digest(handle, "sha256")


def pandas_chunks(posts: Path, folder: Path) -> None:
    """pandas read_json in chunks, the same columns, artists exploded, to Parquet."""
    import pandas as pd

    for number, chunk in enumerate(pd.read_json(posts, lines=True, chunksize=20_000)):
        kept = chunk[list(_COLUMNS)]
        kept.to_parquet(folder / f"pandas-{number}.parquet")
        credits = kept.assign(artist=kept["tag_string_artist"].str.split()).explode("artist")
        credits[["id", "artist"]].to_parquet(folder / f"pandas-credit-{number}.parquet")


def polars_scan(posts: Path, folder: Path) -> None:
    """polars scan_ndjson, the same columns, artists exploded, to Parquet."""
    import polars as pl

    names = list(_COLUMNS)
    pl.scan_ndjson(posts).select(names).sink_parquet(folder / "polars.parquet")
    pl.scan_parquet(folder / "polars.parquet").select(
        "id", pl.col("tag_string_artist").str.split(" ").alias("artist")
    ).explode("artist").sink_parquet(folder / "polars-credit.parquet")


def sqlite_utils(posts: Path, folder: Path) -> None:
    """sqlite-utils insert of the same columns, artists into a second table."""
    import sqlite_utils as lite

    database = lite.Database(folder / "lite.db")

    def rows() -> list[dict]:
        with posts.open() as lines:
            for line in lines:
                post = json.loads(line)
                yield {name: post.get(name) for name in _COLUMNS}

    database["post"].insert_all(rows(), pk="id", batch_size=10_000)
    database["credit"].insert_all(
        {"id": row["id"], "artist": artist}
        for row in database.query("SELECT id, tag_string_artist FROM post")
        for artist in row["tag_string_artist"].split()
    )


CONTESTANTS: dict[str, Callable[..., None]] = {
    "duckdb": bare_duckdb,
    "uploadtrends": package,
    "uploadtrends, dates recovered": package_with_dates,
    "uploadtrends, file hashed too": package_hashing,
    "own file, defaults": own_file,
    "the same file again": same_file_again,
    DUCKDB_AGAIN: bare_duckdb_again,
    "a newer dump over an older one": newer_dump,
    "sha256 of the file alone": only_hash,
    "pandas": pandas_chunks,
    "polars": polars_scan,
    "sqlite-utils": sqlite_utils,
}
_SLICE = ("duckdb", "uploadtrends", "pandas", "polars", "sqlite-utils")
_LARGE = (
    *("duckdb", "uploadtrends", "uploadtrends, dates recovered", "uploadtrends, file hashed too"),
    *("own file, defaults", "sha256 of the file alone"),
    *("the same file again", DUCKDB_AGAIN, "a newer dump over an older one"),
)
_HEADER = [
    *("posts", "gigabytes", "contestant", "seconds", "seconds_ratio", "cpu_seconds", "cpu_ratio"),
    *("peak_mb", "date", "machine"),
]


def measure(name: str, posts: Path, folder: Path) -> dict[str, float] | None:
    """Run one contestant once; None if it is not installed."""
    for old in folder.iterdir():
        old.unlink()
    prepare(name, posts, folder)
    command = [sys.executable, __file__, "--one", name, "--file", str(posts)]
    # As in an installation, Python finds its bytecode (from the second turn on).
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [*command, "--folder", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if "ModuleNotFoundError" in done.stderr:
        return None
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr}")
    outcome: dict[str, float] = json.loads(done.stdout)
    return outcome


def run_one(name: str, posts: Path, folder: Path) -> None:
    """Run one contestant in this process and print what it took."""
    started, cpu = time.perf_counter(), time.process_time()
    CONTESTANTS[name](posts, folder)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    # Not ru_maxrss: a child process inherits that from the parent that started it.
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1]) / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "mb": peak}))


def race(names: list[str], posts: Path, folder: Path, repeats: int) -> list[list[str]]:
    """Let the contestants take turns; return a row each."""
    outcomes: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            if (took := measure(name, posts, folder)) is not None:
                outcomes[name].append(took)
    size = f"{posts.stat().st_size / 1e9:.2f}"
    rows = []
    bare = {key: min(row[key] for row in outcomes["duckdb"]) for key in ("seconds", "cpu")}
    for name, took in outcomes.items():
        if not took:
            print(f"{posts.name} {name}: not installed")
            continue
        seconds, cpu = (min(row[key] for row in took) for key in ("seconds", "cpu"))
        rows.append(
            [
                *(size, name, f"{seconds:.2f}", f"{seconds / bare['seconds']:.2f}"),
                *(f"{cpu:.2f}", f"{cpu / bare['cpu']:.2f}"),
                f"{max(row['mb'] for row in took):.0f}",
            ]
        )
        print(" ".join(f"{cell:>9}" if n != 1 else f"{cell:30}" for n, cell in enumerate(rows[-1])))
    return rows


def main() -> None:
    """Run the contest and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--slice", type=int, default=100_000, help="posts for the slow peers")
    parser.add_argument("--folder", type=Path, required=True, help="scratch folder")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=CONTESTANTS, help="these besides duckdb")
    parser.add_argument("--one", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results/load.csv")
    given = parser.parse_args()
    if given.one:
        run_one(given.one, given.file, given.folder)
        return
    from load_posts import write_many

    work = given.folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    print(
        "       GB contestant                       seconds   x duckdb   cpu s   x duckdb  peak MB"
    )
    for n_posts in [*([given.slice] if given.slice else []), *given.posts]:
        posts = given.folder / f"posts-{n_posts}.json"
        if not posts.exists():
            write_many(posts, n_posts)
        names = _SLICE if n_posts == given.slice else _LARGE
        if given.only:
            names = ("duckdb", *given.only)
        write_results(given.results, n_posts, race(list(names), posts, work, given.repeats))


def write_results(path: Path, n_posts: int, rows: list[list[str]]) -> None:
    """Replace the rows of this size, with the date, the cores and the versions they hold for."""
    versions = []
    for name in ("uploadtrends", "duckdb", "polars", "pandas", "sqlite-utils"):
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(versions)}"
    kept = []
    if path.exists():
        with path.open(newline="") as handle:
            kept = [row for row in csv.reader(handle) if row[0] not in ("posts", str(n_posts))]
    kept += [[str(n_posts), *row, datetime.now(UTC).date().isoformat(), machine] for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as handle:
        out = csv.writer(handle, lineterminator="\n")
        out.writerow(_HEADER)
        out.writerows(sorted(kept, key=lambda row: int(row[0])))


if __name__ == "__main__":
    main()
