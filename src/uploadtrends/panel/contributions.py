"""What artists add to the two windows of a decomposition, one by one or by random groups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from uploadtrends.arrays import Array
from uploadtrends.engines import DuckDBEngine, Engine
from uploadtrends.engines.engine import drop, keep
from uploadtrends.panel.groups_sql import FEATURES, drawn, features
from uploadtrends.panel.queries import text_list
from uploadtrends.panel.records import Records
from uploadtrends.panel.seniority import Seniority

if TYPE_CHECKING:
    from uploadtrends.engines.engine import Table

MOST_ARTISTS = 50_000
"""Artists up to which each is a unit of the bootstrap."""
_DIGITS = 3
"""Hexadecimal digits of the draw that name a random group: 4,096 groups."""
_NAMES = [f"{name}_{side}" for side in (0, 1) for name in FEATURES]


@dataclass(frozen=True)
class Contributions:
    """What is resampled.

    Attributes
    ----------
    groups : list of str
        Sorted.
    units : numpy.ndarray, shape (n_units, 10, n_groups)
        entered, gone, present, active and uploads a period, before, then after: of one artist, or
        of one random group of artists scaled to the mean number of them.
    whole : numpy.ndarray, shape (10, n_groups)
        The sums over all artists.
    """

    groups: list[str]
    units: Array
    whole: Array


def contributions(
    records: Records,
    rule: Seniority | None,
    recipe: Mapping[str, Any],
    lane: str,
    windows: list[list[dt.date]],
    engine: Engine | None = None,
) -> Contributions:
    """Ask the engine what artists add to two windows, given as lists of period starts."""
    used = engine or DuckDBEngine()
    lengths = (len(windows[0]), len(windows[1]))
    query = features(
        rule, str(recipe["period"]), str(recipe["credit_unit"]), text_list([lane]), lengths
    )
    tables = records.tables | {
        "reach": _reach(records, used, windows),
        "compared": _compared(windows),
    }
    added = keep(used, query, **tables)
    n = int(used.frame("SELECT count(*) AS n FROM added", added=added)["n"][0])
    found = _one_by_one(used, added) if n <= MOST_ARTISTS else _by_random_groups(used, added, n)
    drop(used, added)
    return found


def _reach(records: Records, engine: Engine, windows: list[list[dt.date]]) -> pl.DataFrame:
    """Return what an entry or a last upload in a period means for the windows.

    `came` is the share of the window from that period on, `gone` the share after it.
    """
    days = engine.frame(
        "SELECT DISTINCT entry_period AS period FROM span UNION "
        "SELECT DISTINCT last_active AS period FROM span",
        span=records.tables["span"],
    )
    moments = days["period"].to_numpy().astype("datetime64[D]")
    for side, window in enumerate(windows):
        grid = np.array(window, dtype="datetime64[D]")
        for name, edge in (("came", "left"), ("gone", "right")):
            place = np.searchsorted(grid, moments, side="left" if edge == "left" else "right")
            days = days.with_columns(pl.Series(f"{name}_{side}", 1 - place / len(grid)))
    return days


def _compared(windows: list[list[dt.date]]) -> pl.DataFrame:
    rows = [(day, side) for side, window in enumerate(windows) for day in window]
    return pl.DataFrame(rows, schema={"period": pl.Date, "side": pl.Int32}, orient="row")


def _one_by_one(engine: Engine, added: Table) -> Contributions:
    rows = engine.frame("SELECT * FROM added", added=added).sort("artist")
    groups, labels = _labels(rows)
    onehot = labels[:, None] == np.arange(len(groups))
    units = rows.select(_NAMES).to_numpy()[:, :, None] * onehot[:, None, :]
    return Contributions(groups, units, units.sum(axis=0))


def _by_random_groups(engine: Engine, added: Table, n: int) -> Contributions:
    """Sum artists by the first digits of their place in a fixed draw.

    A group's sums are scaled to the mean number of artists in a group: an artist more or less in
    it is no part of the sampling error of a sample of given size.
    """
    bucket = f"substr({drawn('platform', 'artist_id', 0)}, 1, {_DIGITS})"
    sums = ", ".join(f"sum({name}) AS {name}" for name in _NAMES)
    rows = engine.frame(
        f"SELECT {bucket} AS bucket, grp, count(*) AS artists, {sums} FROM added GROUP BY 1, 2",
        added=added,
    ).sort("bucket", "grp")
    groups, labels = _labels(rows)
    place = rows["bucket"].rle_id().to_numpy()
    units = np.zeros((int(place[-1]) + 1, len(_NAMES), len(groups)))
    units[place, :, labels] = rows.select(_NAMES).to_numpy()
    sizes = rows.group_by("bucket", maintain_order=True).agg(pl.col("artists").sum())["artists"]
    scale = n / len(units) / sizes.to_numpy()
    return Contributions(groups, units * scale[:, None, None], units.sum(axis=0))


def _labels(rows: pl.DataFrame) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    groups = sorted(rows["grp"].unique())
    names = rows["grp"].to_numpy().astype(str)
    return groups, np.searchsorted(np.array(groups), names).astype(np.int64)
