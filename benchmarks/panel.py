"""The panel and the artist model beside what a user would write by hand.

    python benchmarks/panel.py --credits 10000000 --folder /some/scratch/folder

Three races. (1) A store of 100,000 artists and that many credits, counted by month and seniority
group: `build_panel` (which also fills zeros, keeps risk sets, flags and all other units), the bare
SQL for uploads and active artists, and the same in polars from Parquet. (2) The same store as the
artist panel, zeros filled and in order of artist and month, from the file to polars: the package's
two verbs, and bare SQL for uploads only. (3) A Poisson regression with artist and period effects on
5,000 artists, 60 months and 12 terms: `artist_model` and a bare `pyfixest.fepois` on columns made
beforehand. Contestants take turns; the least wall and CPU times of `--repeats` count, and the
answers are compared. Results go to results/panel.csv.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

import uploadtrends as ut

RULE = ut.Seniority("2021-01-01", senior_after="24 months")
EVENTS = ("2019-04-01", "2020-07-01", "2021-10-01")


def make_store(path: Path, credits: int) -> None:
    """Write a store: 100,000 artists who enter over ten years, one credit a work."""
    with ut.open_store(path, read_only=False, memory_limit="4GB") as store:
        con = store.connection
        if store.tables()["upload"]:
            return
        con.execute("SELECT setseed(0.5)")
        con.execute(
            "INSERT INTO upload (platform, upload_id, published_at, date_precision, media_count, "
            "status, first_crawl, last_crawl) SELECT 'site', CAST(i AS VARCHAR), "
            "TIMESTAMP '2014-01-01' + to_seconds(CAST(315532800 * (hash(i) % 100000 / 100000.0 * "
            "(1 - e.late) + e.late) AS BIGINT)), 'second', 1, 'listed', 1, 1 "
            f"FROM range({credits}) t(i), LATERAL (SELECT (hash(i * 7 % 100000) % 1000) / 1250.0 "
            "AS late) e"
        )
        con.execute(
            "INSERT INTO credit SELECT 'site', CAST(i AS VARCHAR), "
            f"'artist-' || CAST(i * 7 % 100000 AS VARCHAR), 1 FROM range({credits}) t(i)"
        )
        con.execute(
            "INSERT INTO artist (platform, artist_id) SELECT DISTINCT platform, artist_id "
            "FROM credit"
        )


def package_panel(path: Path, _folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """Count with this package."""
    groups = ut.build_panel(path, seniority=RULE).groups
    return {
        (group, str(period)[:7]): (int(uploads), int(active))
        for group, period, uploads, active in groups.select(
            "group", "period", "uploads", "active_artists"
        ).iter_rows()
        if uploads and group != "all"
    }


def bare_sql(path: Path, _folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """Count with the SQL that a user would write."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.sql(
            """
            WITH work AS (
                SELECT c.artist_id, u.published_at, date_trunc('month', u.published_at) AS month
                FROM upload u JOIN credit c USING (platform, upload_id)),
            sorted AS (
                SELECT artist_id, CASE
                    WHEN min(published_at) >= TIMESTAMP '2021-01-01' THEN 'later'
                    WHEN min(published_at) <= TIMESTAMP '2019-01-01' THEN 'senior'
                    ELSE 'new' END AS grp
                FROM work GROUP BY artist_id)
            SELECT grp, strftime(month, '%Y-%m'), count(*), count(DISTINCT artist_id)
            FROM work JOIN sorted USING (artist_id) GROUP BY ALL
            """
        ).fetchall()
    return {(group, month): (uploads, active) for group, month, uploads, active in rows}


def bare_polars(_path: Path, folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """Count with polars, from Parquet."""
    import polars as pl

    work = (
        pl.scan_parquet(folder / "upload.parquet")
        .join(pl.scan_parquet(folder / "credit.parquet"), on=["platform", "upload_id"])
        .select("artist_id", "published_at", month=pl.col("published_at").dt.strftime("%Y-%m"))
    )
    first = pl.col("published_at").min()
    artists = work.group_by("artist_id").agg(
        grp=pl.when(first >= datetime(2021, 1, 1))
        .then(pl.lit("later"))
        .when(first <= datetime(2019, 1, 1))
        .then(pl.lit("senior"))
        .otherwise(pl.lit("new"))
    )
    rows = (
        work.join(artists, on="artist_id")
        .group_by("grp", "month")
        .agg(pl.len(), pl.col("artist_id").n_unique().alias("active"))
        .collect()
    )
    return {(group, month): (uploads, active) for group, month, uploads, active in rows.iter_rows()}


def package_artists(path: Path, _folder: Path) -> tuple[int, int]:
    """Build the artist panel with this package."""
    rows = ut.build_panel(path, seniority=RULE).artists
    return rows.height, int(rows["uploads"].sum())


def bare_artists(path: Path, _folder: Path) -> tuple[int, int]:
    """Build it with the SQL that a user would write."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.sql(
            """
            WITH work AS (
                SELECT c.artist_id, u.published_at,
                       CAST(date_trunc('month', u.published_at) AS DATE) AS month
                FROM upload u JOIN credit c USING (platform, upload_id)),
            sorted AS (
                SELECT artist_id, min(month) AS entry, CASE
                    WHEN min(published_at) >= TIMESTAMP '2021-01-01' THEN 'later'
                    WHEN min(published_at) <= TIMESTAMP '2019-01-01' THEN 'senior'
                    ELSE 'new' END AS grp
                FROM work GROUP BY artist_id),
            counted AS (SELECT artist_id, month, count(*) AS uploads FROM work GROUP BY ALL),
            months AS (
                SELECT CAST(unnest(generate_series(min(month), max(month), INTERVAL 1 MONTH))
                            AS DATE) AS month FROM work)
            SELECT artist_id, grp, month, coalesce(uploads, 0) AS uploads
            FROM sorted JOIN months ON month > entry LEFT JOIN counted USING (artist_id, month)
            ORDER BY artist_id, month
            """
        ).pl()
    return rows.height, int(rows["uploads"].sum())


def make_panel(n_artists: int, n_months: int) -> ut.Panel:
    """Return a panel whose artists are all at risk for `n_months` months."""
    import polars as pl

    from uploadtrends.simulate import Population

    rng = np.random.default_rng(1)
    start = np.datetime64("2018-01-01", "M")
    counts = rng.poisson(rng.gamma(2.0, 0.6, n_artists)[:, None], (n_artists, n_months))
    artist, month = np.nonzero(counts)
    repeats = counts[artist, month]
    artist, month = np.repeat(artist, repeats), np.repeat(month, repeats)
    entry = start - rng.integers(1, 90, n_artists)
    stamps = np.concatenate([entry, start + month]).astype("datetime64[us]")
    owner = np.concatenate([np.arange(n_artists), artist]).astype(str)
    uploads = pl.DataFrame(
        {
            "platform": "site",
            "upload_id": np.arange(len(owner)).astype(str),
            "artist_id": owner,
            "published_at": stamps + np.timedelta64(3600_000_000, "us"),
            "delisted_at": pl.Series([None] * len(owner), dtype=pl.Datetime("us")),
            "ai_label": pl.Series([None] * len(owner), dtype=pl.Boolean),
            "media_count": 1,
        }
    )
    artists = pl.DataFrame(
        {
            "platform": "site",
            "artist_id": np.arange(n_artists).astype(str),
            "joined_at": entry.astype("datetime64[us]"),
        }
    )
    end = (start + n_months).astype("datetime64[D]") - 1
    return ut.build_panel(
        Population(artists, uploads, {"end": str(end)}),
        seniority=ut.Seniority(
            "2018-01-01", bands=("12 months", "36 months", "60 months"), later="drop"
        ),
        start="2018-01-01",
    )


def package_model(panel: ut.Panel) -> tuple[np.ndarray, np.ndarray]:
    """Fit with this package, design included."""
    from uploadtrends.artists.model import artist_model

    result = artist_model(panel, EVENTS, reference="under 12 months", inference="cluster")
    return result.coefficients["estimate"].to_numpy(), result.coefficients["se"].to_numpy()


def bare_pyfixest(frame: object, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Fit with pyfixest on columns that are ready."""
    import pyfixest

    fit = pyfixest.fepois(
        f"y ~ {' + '.join(names)} | artist + period",
        data=frame,
        vcov={"CRV1": "artist"},
        ssc=pyfixest.ssc(k_adj=False, G_adj=True),
    )
    return fit.coef().to_numpy(), fit.se().to_numpy()


def race(
    contestants: dict[str, Callable[[], object]], repeats: int
) -> tuple[dict[str, tuple[float, float]], dict[str, object]]:
    """Let the contestants take turns; return least wall and CPU times, and answers."""
    best: dict[str, tuple[float, float]] = {}
    answers: dict[str, object] = {}
    for _ in range(repeats):
        for name, run in contestants.items():
            began, cpu = time.perf_counter(), time.process_time()
            answers[name] = run()
            took = time.perf_counter() - began, time.process_time() - cpu
            best[name] = tuple(map(min, best.get(name, took), took))  # type: ignore[assignment]
    return best, answers


def main() -> None:
    """Run both races and write results/panel.csv."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--credits", type=int, default=10_000_000)
    parser.add_argument("--artists", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    store = given.folder / f"credits-{given.credits}.duckdb"
    make_store(store, given.credits)
    with ut.open_store(store) as opened:
        for table in ("upload", "credit"):
            target = given.folder / f"{table}.parquet"
            opened.connection.execute(f"COPY {table} TO '{target}' (FORMAT parquet)")
    times, answers = race(
        {
            "build_panel": lambda: package_panel(store, given.folder),
            "bare SQL (DuckDB)": lambda: bare_sql(store, given.folder),
            "polars from Parquet": lambda: bare_polars(store, given.folder),
        },
        given.repeats,
    )
    same = all(answer == answers["bare SQL (DuckDB)"] for answer in answers.values())
    rows = _rows(f"{given.credits:,} credits to group panel", times, "bare SQL (DuckDB)", same)

    times, answers = race(
        {
            "build_panel(...).artists": lambda: package_artists(store, given.folder),
            "bare SQL (DuckDB)": lambda: bare_artists(store, given.folder),
        },
        given.repeats,
    )
    same = len(set(answers.values())) == 1
    rows += _rows(f"{given.credits:,} credits to artist panel", times, "bare SQL (DuckDB)", same)

    panel = make_panel(given.artists, 60)
    from uploadtrends.artists.design import Spec, artist_design

    spec = Spec(
        ("site",),
        "group",
        "under 12 months",
        "period",
        "spline",
        ("level",),
        "uploads",
        "exposure",
        None,
        None,
        None,
    )
    design = artist_design(panel, EVENTS, spec)
    names = [f"x{j}" for j in range(len(design.names))]
    frame = design.rows[["artist", "period", "y"]].copy()
    frame[names] = design.x
    print(f"{len(frame):,} rows, {len(names)} terms")
    times, answers = race(
        {
            "artist_model": lambda: package_model(panel),
            "bare pyfixest": lambda: bare_pyfixest(frame, names),
        },
        given.repeats,
    )
    ours, theirs = answers["artist_model"], answers["bare pyfixest"]
    same = all(np.allclose(a, b, atol=1e-6) for a, b in zip(ours, theirs, strict=True))  # type: ignore[call-overload]
    what = f"Poisson, {given.artists:,} artists x 60 months x {len(names)} terms"
    rows += _rows(what, times, "bare pyfixest", same)
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    with (results / "panel.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(
            row["task"],
            row["contestant"],
            row["seconds"],
            row["ratio"],
            row["cpu_ratio"],
            row["same_answer"],
        )


def _rows(
    task: str, times: dict[str, tuple[float, float]], peer: str, same: bool
) -> list[dict[str, str | float | bool]]:
    stamp = {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count() or 0,
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "duckdb": version("duckdb"),
        "polars": version("polars"),
        "pyfixest": version("pyfixest"),
        "uploadtrends": version("uploadtrends"),
    }
    return [
        {
            "task": task,
            "contestant": name,
            "seconds": round(seconds, 2),
            "ratio": round(seconds / times[peer][0], 2),
            "cpu_seconds": round(cpu, 2),
            "cpu_ratio": round(cpu / times[peer][1], 2),
            "against": peer,
            "same_answer": same,
            **stamp,
        }
        for name, (seconds, cpu) in times.items()
    ]


if __name__ == "__main__":
    main()
