"""How fast Danbooru posts are loaded, next to what a user would otherwise write.

    python benchmarks/load.py --posts 1000000 --folder /some/scratch/folder

Each contestant runs in a process of its own, after the file has been read once (warm page cache),
`--repeats` times; the least wall time counts. Peak memory is the process's maximum resident size.
Ratios are taken within the run. Results go to results/load.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
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


def package(posts: Path, folder: Path, *, recover_dates: bool = False) -> None:
    """This package: hashing, checks, rejects, provenance, one transaction, atomic replacement."""
    from uploadtrends.sources.danbooru2023 import Danbooru2023
    from uploadtrends.store import build_store

    build_store(folder / "store.duckdb", [Danbooru2023(posts, recover_dates=recover_dates)])


def package_with_dates(posts: Path, folder: Path) -> None:
    """The same, with the artists' own dates recovered."""
    package(posts, folder, recover_dates=True)


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
    "pandas": pandas_chunks,
    "polars": polars_scan,
    "sqlite-utils": sqlite_utils,
}
_HEADER = [
    *("posts", "gigabytes", "contestant", "seconds", "ratio_to_duckdb", "peak_mb", "date"),
    "machine",
]
_SLICE = ("duckdb", "uploadtrends", "pandas", "polars", "sqlite-utils")


def measure(name: str, posts: Path, folder: Path, repeats: int) -> tuple[float, float] | None:
    """Return the least seconds and the most MB over the repeats; None if it is not installed."""
    outcomes = []
    for _ in range(repeats):
        for old in folder.iterdir():
            old.unlink()
        command = [sys.executable, __file__, "--one", name, "--file", str(posts)]
        done = subprocess.run(
            [*command, "--folder", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            if "ModuleNotFoundError" in done.stderr:
                return None
            raise RuntimeError(f"{name}: {done.stderr}")
        outcomes.append(json.loads(done.stdout))
    return min(row["seconds"] for row in outcomes), max(row["mb"] for row in outcomes)


def run_one(name: str, posts: Path, folder: Path) -> None:
    """Run one contestant in this process and print what it took."""
    started = time.perf_counter()
    CONTESTANTS[name](posts, folder)
    seconds = time.perf_counter() - started
    # Not ru_maxrss: a child process inherits that from the parent that started it.
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1]) / 1024
    print(json.dumps({"seconds": seconds, "mb": peak}))


def main() -> None:
    """Run the contest and append the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--slice", type=int, default=100_000, help="posts for the slow peers")
    parser.add_argument("--folder", type=Path, required=True, help="scratch folder")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--one", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results/load.csv")
    given = parser.parse_args()
    if given.one:
        run_one(given.one, given.file, given.folder)
        return
    from load_posts import write_posts

    rows = []
    for n_posts in [*([given.slice] if given.slice else []), *given.posts]:
        posts = given.folder / f"posts-{n_posts}.json"
        work = given.folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        if not posts.exists():
            write_posts(posts, n_posts)
        size = posts.stat().st_size / 1e9
        names = _SLICE if n_posts == given.slice else list(CONTESTANTS)[:3]
        bare = None
        for name in names:
            took = measure(name, posts, work, given.repeats)
            if took is None:
                print(f"{n_posts:>10,} posts {size:5.2f} GB  {name:30} not installed")
                continue
            bare = took[0] if name == "duckdb" else bare
            ratio = took[0] / bare
            rows.append(
                [n_posts, f"{size:.2f}", name, f"{took[0]:.2f}", f"{ratio:.2f}", f"{took[1]:.0f}"]
            )
            print(
                f"{n_posts:>10,} posts {size:5.2f} GB  {name:30} {took[0]:7.2f} s  "
                f"{ratio:5.2f} x duckdb  {took[1]:6.0f} MB peak",
                flush=True,
            )
    write_results(given.results, rows)


def write_results(path: Path, rows: list[list[str]]) -> None:
    """Write the results with the date, the machine's cores and the versions they hold for."""
    versions = []
    for name in ("uploadtrends", "duckdb", "polars", "pandas", "sqlite-utils"):
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    stamp = [
        datetime.now(UTC).date().isoformat(),
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(versions)}",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(_HEADER)
        out.writerows([*row, *stamp] for row in rows)


if __name__ == "__main__":
    main()
