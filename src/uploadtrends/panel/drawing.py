"""A random sample of a panel's artists, drawn where they are, and what drawing them costs."""

from __future__ import annotations

from typing import Any

import polars as pl

from uploadtrends.engines import DuckDBEngine, Engine
from uploadtrends.errors import InputError
from uploadtrends.panel import groups_sql
from uploadtrends.panel.records import Records
from uploadtrends.panel.spans import window

_NORMAL = 1.959963984540054


def draw(
    records: Records, engine: Engine | None, artists: int, seed: int
) -> tuple[Records, dict[str, list[int]]]:
    """Return the records of a simple random sample of every lane's artists.

    An artist's place in the draw is the MD5 of seed, platform and id, so that every engine draws
    the same artists, a larger sample holds a smaller one, and an artist counted by two instruments
    is in both samples or in none. Weights are multiplied by N / n of the lane.

    Returns
    -------
    Records, dict
        And by lane: how many were drawn, of how many.
    """
    if artists < 2:
        raise InputError("a sample needs two artists or more", column="artists", value=artists)
    used = engine or DuckDBEngine()
    spans = used.frame(groups_sql.chosen(artists, seed), span=records.tables["span"])
    spans = spans.sort("lane", "artist_id").with_row_index("number")
    numbers = spans.select("artist", pl.col("number").cast(pl.Int64))
    cells = used.frame(
        "SELECT c.* FROM cell c JOIN chosen d ON d.artist = c.artist",
        cell=records.tables["cell"],
        chosen=numbers.select("artist"),
    )
    cells = (
        cells.join(numbers, on="artist")
        .with_columns(artist="number")
        .drop("number")
        .sort("artist", "period")
    )
    sizes = spans.group_by("lane").agg(n=pl.len(), known=pl.col("known").first()).sort("lane")
    spans = spans.with_columns(
        artist=pl.col("number").cast(pl.Int64),
        weight=pl.col("weight") * pl.col("known") / pl.len().over("lane"),
    ).drop("number", "known")
    drawn = Records(
        cells=cells,
        spans=spans,
        complete=records.complete,
        lanes=records.lanes,
        published=records.published,
        unplaced=records.unplaced,
        totals=records.totals,
    )
    return drawn, {lane: [n, known] for lane, n, known in sizes.iter_rows()}


def drawing_errors(panel: Any, unit: str) -> pl.DataFrame:
    """Return the sampling error of every total of a sample; see `Panel.sampling_error`."""
    about = sample_of(panel)
    if unit not in groups_sql.DRAWN_UNITS:
        raise InputError(
            "no sampling error is known for this unit",
            column="unit",
            value=unit,
            fix=f"use one of {', '.join(groups_sql.DRAWN_UNITS)}",
        )
    records = panel.records
    rows = DuckDBEngine().frame(
        groups_sql.drawn_moments(panel.seniority, panel.period, unit),
        **records.tables,
        calendar=window(records.lanes, panel.recipe, panel.seniority),
    )
    sizes = pl.DataFrame(
        [(lane, n, known) for lane, (n, known) in about["artists"].items()],
        schema={"lane": pl.String, "n": pl.Float64, "known": pl.Float64},
        orient="row",
    )
    n, total = pl.col("n"), pl.col("total")
    # Cochran (1977), eq. 2.9 and 2.20, with artists outside the group as zeros.
    variance = (1 - n / pl.col("known")) * n / (n - 1) * (pl.col("squares") - total**2 / n)
    se = variance.clip(0).sqrt()
    return (
        rows.join(sizes, on="lane")
        .select(
            platform="lane",
            group="grp",
            period="period",
            estimate="total",
            se=se,
            low=total - _NORMAL * se,
            high=total + _NORMAL * se,
        )
        .sort("platform", "group", "period")
    )


def sample_of(panel: Any) -> dict[str, Any]:
    """Return what a panel's recipe says of its sample.

    Raises
    ------
    InputError
        It is of all artists.
    """
    about: dict[str, Any] | None = panel.recipe.get("sample")
    if about is None:
        raise InputError(
            "this panel has all artists: nothing was drawn", fix="draw some, panel.sample(20_000)"
        )
    return about


def describe_sample(panel: Any) -> list[str]:
    """Say who was drawn, and how far the totals are off for it; nothing for a whole panel."""
    if "sample" not in panel.recipe:
        return []
    about = sample_of(panel)
    errors = drawing_errors(panel, "uploads").filter(pl.col("group") == "all")
    lines = []
    for lane, (n, known) in about["artists"].items():
        own = errors.filter((pl.col("platform") == lane) & (pl.col("estimate") > 0))
        share = (own["se"] / own["estimate"]).median() if own.height else 0.0
        lines.append(
            f"Drawn on {lane}: {n:,} of {known:,} artists at random (seed {about['seed']}); the "
            f"standard error of a {panel.period}'s uploads is {100 * float(share or 0):.2g}% of "  # type: ignore[arg-type]
            "them (median). Works without an artist are all counted"
        )
    return lines
