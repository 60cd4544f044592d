"""What a panel holds, in words, and what to say when something is asked for that it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from uploadtrends.engines import DuckDBEngine
from uploadtrends.errors import InputError
from uploadtrends.panel.drawing import describe_sample
from uploadtrends.panel.queries import censored


def overview(groups: pl.DataFrame) -> pl.DataFrame:
    """Return one row per platform and group; see `Panel.overview`."""
    return groups.group_by("platform", "group", maintain_order=True).agg(
        pl.col("origin").first(),
        pl.col("unit").first(),
        first=pl.col("period").min(),
        last=pl.col("period").max(),
        periods=pl.len(),
        uploads=pl.col("uploads").sum(),
        incomplete=(~pl.col("complete")).sum(),
        interpolated=pl.col("interpolated").sum(),
    )


def described(panel: Any) -> str:
    """Say what a panel holds, what it leaves out, and what to keep in mind."""
    lines = [
        f"{row['platform']}, {row['group']}: {row['uploads']:,.0f} "
        f"{row['unit'] if row['origin'] == 'published' else 'uploads'} in {row['periods']} "
        f"{panel.period}s from {row['first']} to {row['last']}"
        + (f", {row['incomplete']} seen in part" if row["incomplete"] else "")
        + (f", {row['interpolated']} interpolated" if row["interpolated"] else "")
        for row in overview(panel.groups).iter_rows(named=True)
    ]
    lines += [
        f"Not counted on {platform}: {uploads:,.0f} ({reason})"
        for platform, reason, uploads in panel.excluded.iter_rows()
    ]
    cut = [panel.not_whole(platform) for platform in panel.records.artist_lanes]
    lines += [line[0].upper() + line[1:] for line in cut if line]
    lines += describe_sample(panel)
    if panel.seniority is not None and panel.seniority.caveat:
        lines.append(panel.seniority.caveat)
    return "\n".join(lines)


def require_artists(lanes: Sequence[str], platform: str | None) -> None:
    """Make sure that there are single artists (on that platform).

    Raises
    ------
    InputError
        If not, with what there is.
    """
    if platform in lanes or (platform is None and lanes):
        return
    raise InputError(
        "no artists on that platform"
        if lanes
        else "there are no single artists here, only published totals",
        column="platform",
        value=platform,
        fix=(
            f"use one of {', '.join(lanes)}"
            if lanes
            else "load per-artist records (a table, a dump or a crawl) and build again"
        ),
    )


def only_lane(lanes: Sequence[str], platform: str | None) -> str:
    """Return the platform named, or the only one with artists; see `Panel.only_artist_platform`."""
    require_artists(lanes, platform)
    if platform is not None:
        return platform
    if len(lanes) > 1:
        raise InputError(
            "several platforms have artists",
            column="platform",
            fix=f"name one of {', '.join(lanes)}",
        )
    return str(lanes[0])


def not_whole(panel: Any, platform: str) -> str:
    """Say how many histories are cut off; "" where none is, or the recipe says so itself."""
    if platform not in panel.records.artist_lanes or panel.recipe["histories_from"]:
        return ""
    engine = panel.engine or DuckDBEngine()
    artists, cut = engine.frame(censored(platform), span=panel.records.tables["span"]).row(0)
    if not cut:
        return ""
    return (
        f"the histories of {cut:,} of {artists:,} artists on {platform} are not whole (a limit of "
        "the site, works missing from a list, or a visit that broke off): earlier works are "
        "missing, later ones may be"
    )


def rows_of(groups: pl.DataFrame, platform: str, group: str) -> pl.DataFrame:
    """Return the rows of one group.

    Raises
    ------
    InputError
        If there are none, with what there is.
    """
    rows = groups.filter((pl.col("platform") == platform) & (pl.col("group") == group))
    if rows.height:
        return rows
    pairs = groups.select("platform", "group").unique(maintain_order=True).rows()
    platforms = sorted({known for known, _ in pairs})
    if platform in platforms:
        there = [name for known, name in pairs if known == platform]
        raise InputError(
            f"no group of that name on {platform}",
            column="group",
            value=group,
            fix=f"use one of {', '.join(there)}",
        )
    raise InputError(
        "no such platform in this panel",
        column="platform",
        value=platform,
        fix=f"use one of {', '.join(platforms)}" if platforms else "load data first",
    )
