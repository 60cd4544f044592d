"""The artist panel: one row per artist and period while at risk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from uploadtrends.engines import DuckDBEngine, Engine
from uploadtrends.engines.engine import MOST_ROWS
from uploadtrends.errors import InputError
from uploadtrends.panel.groups_sql import artist_panel, at_risk, sorted_people
from uploadtrends.panel.records import Records
from uploadtrends.panel.seniority import Seniority
from uploadtrends.panel.spans import window
from uploadtrends.series.periods import mean_days, polars_step


def days_at_risk(
    records: Records, rule: Seniority | None, recipe: Mapping[str, Any]
) -> pl.DataFrame:
    """Return the calendar with what the artist panel says of a period: place, months, days."""
    day = pl.col("period")
    length = day.dt.offset_by(polars_step(str(recipe["period"]))) - day
    return (
        window(records.lanes, recipe, rule)
        .join(records.complete, on=["lane", "period"], how="left", maintain_order="left")
        .with_columns(
            place=pl.int_range(pl.len(), dtype=pl.Int32),
            months=day.dt.year() * 12 + day.dt.month().cast(pl.Int32),
            days=length.dt.total_days().cast(pl.Int32),
        )
    )


def artist_rows(
    records: Records,
    rule: Seniority | None,
    recipe: Mapping[str, Any],
    engine: Engine | None = None,
) -> pl.DataFrame:
    """Return the artist panel with zeros filled; see `Panel.artists`.

    Sorting and joining numbers, and putting names to them afterwards, is several times faster than
    sorting names: an artist's number grows with its name, a row of the calendar with its period.
    """
    used = engine or DuckDBEngine()
    days = days_at_risk(records, rule, recipe)
    if getattr(used, "holds", False):
        n = count_rows(records, rule, recipe, used)
        if n > MOST_ROWS:
            raise InputError(
                f"the artist panel has {n:,} rows, which stay on {used.title}",  # type: ignore[attr-defined]
                fix="write them, panel.write_artists(folder); or draw artists, "
                "panel.sample(20_000).artists",
            )
    period = str(recipe["period"])
    moving = rule is not None and rule.by_period
    query = artist_panel(rule, str(recipe["credit_unit"]), period, named=False)
    rows = used.frame(query, **records.tables, calendar=days)
    people = used.frame(
        f"SELECT artist, artist_id, weight, entry_period, grp "
        f"FROM ({sorted_people(rule, period)}) p",
        span=records.tables["span"],
    ).sort("artist")
    if rule is None:
        people = people.with_columns(grp=pl.lit("all"))
    at = _places(people["artist"], rows["artist"])
    key = at.cast(pl.Int64) * max(days.height, 1) + rows["place"]
    rows = rows.drop("artist").with_columns(at=at, key=key).sort("key").drop("key")
    at, place = rows["at"], rows["place"]
    counts = [pl.col(name).cast(pl.Float64) for name in _COUNTS]
    return rows.select(
        platform=days["lane"].gather(place),
        artist_id=people["artist_id"].gather(at),
        group=rows["grp"] if moving else people["grp"].gather(at),
        period=days["period"].gather(place),
        days=days["days"].gather(place),
        tenure_months=_tenure(days, people, place, at, period),
        **dict(zip(_COUNTS, counts, strict=True)),
        weight=people["weight"].gather(at),
        complete=days["complete"].gather(place),
    )


_COUNTS = ("uploads", "media", "ai_uploads", "ai_unknown")


def _tenure(
    days: pl.DataFrame, people: pl.DataFrame, place: pl.Series, at: pl.Series, period: str
) -> pl.Series:
    """Return months since the entry, as `groups_sql.tenure` does in SQL."""
    entry = people["entry_period"]
    if mean_days(period) > 28:
        entered = (entry.dt.year() * 12 + entry.dt.month().cast(pl.Int32)).gather(at)
        return (days["months"].gather(place) - entered).cast(pl.Float64)
    since = days["period"].dt.epoch("d").gather(place) - entry.dt.epoch("d").gather(at)
    return since.cast(pl.Float64) / mean_days("month")


def _places(numbers: pl.Series, wanted: pl.Series) -> pl.Series:
    """Return where each number wanted stands among the sorted numbers known."""
    last = int(numbers[-1]) if len(numbers) else 0
    if last > 4 * len(numbers) + 1_000:
        return numbers.search_sorted(wanted).cast(pl.UInt32)
    table = np.zeros(last + 1, dtype=np.uint32)
    table[numbers.to_numpy()] = np.arange(len(numbers), dtype=np.uint32)
    return pl.Series("at", table[wanted.to_numpy()])


def count_rows(
    records: Records, rule: Seniority | None, recipe: Mapping[str, Any], engine: Engine
) -> int:
    """Return the number of rows of the artist panel, counted on the engine."""
    query = at_risk(rule, str(recipe["period"]), 1 << 62)
    span, days = records.tables["span"], window(records.lanes, recipe, rule)
    return int(engine.frame(query, span=span, calendar=days)["n"].sum())


def write_rows(
    records: Records,
    rule: Seniority | None,
    recipe: Mapping[str, Any],
    engine: Engine | None,
    folder: Path,
    *,
    rows: int,
    identify: bool,
) -> Iterator[Path]:
    """Write the artist panel part by part; see `Panel.write_artists`."""
    used: Any = engine or DuckDBEngine()
    days = days_at_risk(records, rule, recipe)
    count, period = str(recipe["credit_unit"]), str(recipe["period"])
    tables = records.tables | {"calendar": days}
    if not getattr(used, "splits", False):
        query = artist_panel(rule, count, period, named=True, identify=identify)
        yield from used.write(query, folder, **tables)
        return
    for i, (low, high) in enumerate(_parts(records, rule, recipe, used, rows)):
        query = artist_panel(
            rule, count, period, named=True, identify=identify, numbers=(low, high)
        )
        yield from used.write(query, folder / f"part-{i:05}.parquet", **tables)


def _parts(
    records: Records, rule: Seniority | None, recipe: Mapping[str, Any], engine: Engine, rows: int
) -> list[tuple[int, int]]:
    """Cut the artists, by number, into parts of about so many rows each."""
    span, days = records.tables["span"], window(records.lanes, recipe, rule)
    last = engine.frame("SELECT coalesce(max(artist), 0) AS last FROM span", span=span)["last"][0]
    total = max(count_rows(records, rule, recipe, engine), 1)
    # Runs of numbers, twenty to a part: no part is more than a twentieth too large.
    bucket = max(1, (int(last) + 1) * rows // (20 * total))
    query = at_risk(rule, str(recipe["period"]), bucket)
    runs = engine.frame(query, span=span, calendar=days)
    parts: list[tuple[int, int]] = []
    held, first = 0, 0
    for run, n in runs.iter_rows():
        if held and held + n > rows:
            parts.append((first, run * bucket - 1))
            held, first = 0, run * bucket
        held += n
    return [*parts, (first, int(last))] if held else parts


def new_folder(folder: str | Path) -> Path:
    """Make a folder for the parts, or say why not; an address is left to its engine."""
    if "://" in str(folder):
        return folder  # type: ignore[return-value]
    path = Path(folder)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(
            "the folder for the artist panel holds something",
            file=path,
            fix="name a new or an empty folder",
        )
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
