"""How often do placebo cohorts pass or fail where nothing happened, and where something did?

Populations from 2012-01 to 2023-10, so that the cut at 2022 has a full window and six years without
an event (2015 to 2020) have one too. Artists come evenly over the years; in the ageing ones they
leave with 2% a month. Months share shocks. Everything after the drawing is the package's: changes,
their covariance, the fit and the verdict; every twentieth draw goes through `placebo_cohorts` on a
panel as well and must give the same numbers.

Run `python validation/placebo_cohorts.py [--repetitions 400]`. Writes results/placebo_cohorts.csv.
"""

from __future__ import annotations

import argparse
import datetime as dt
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

import uploadtrends as ut
from uploadtrends.checks.recipe.sizes import (
    FEWEST_SENIORS,
    FEWEST_YEARS,
    Change,
    change_of,
    compare_years,
    verdict,
)
from uploadtrends.simulate import Population
from uploadtrends.simulate.series import stationary_ar1

RESULTS = Path(__file__).parent / "results"
FIRST = 2012 * 12  # months since year 0
MONTHS = 142
HISTORY = 60
CUTS = (2015, 2016, 2017, 2018, 2019, 2020, 2022)


@dataclass(frozen=True)
class World:
    """A population: how artists leave, which shocks they share, and what 2022 does."""

    name: str
    artists: int = 700
    exits: tuple[float, float] = (0.0, 0.0)
    """Chance of leaving a month, at the beginning and at the end."""
    shock: float = 0.0625
    shock_phi: float = 0.0
    own: float = 0.0
    effect: float = 0.0
    cuts: tuple[int, ...] = CUTS


def worlds() -> Iterator[World]:
    """Yield every population of the study."""
    flat, ageing = World("flat"), World("ageing", exits=(0.02, 0.02))
    yield flat
    yield replace(flat, name="flat, shocks .15", shock=0.15)
    yield replace(flat, name="flat, own AR(.9) sd .5", own=0.5)
    yield ageing
    yield replace(ageing, name="ageing, shocks .15", shock=0.15)
    yield replace(ageing, name="ageing, shocks AR(.9) .1", shock=0.1, shock_phi=0.9)
    yield replace(flat, name="flat, -30%", effect=np.log(0.7))
    yield replace(flat, name="flat, shocks .15, -30%", shock=0.15, effect=np.log(0.7))
    yield replace(ageing, name="ageing, -30%", effect=np.log(0.7))
    yield replace(ageing, name="ageing, shocks .15, -30%", shock=0.15, effect=np.log(0.7))
    yield replace(ageing, name="ageing, -15%", effect=np.log(0.85))
    yield replace(ageing, name="ageing, 4 years", cuts=(2017, 2018, 2019, 2020, 2022))
    yield replace(ageing, name="ageing, 120 artists", artists=120)
    yield replace(ageing, name="accelerating", exits=(0.01, 0.03))
    yield replace(ageing, name="accelerating a little", exits=(0.015, 0.025))


def draw(world: World, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return uploads by artist and month, and the month of entry of each artist."""
    n, t = world.artists, MONTHS
    entry = rng.integers(-HISTORY, t - 6, n)
    hazard = np.linspace(*world.exits, t)
    gone = np.zeros((n, t), dtype=bool)
    for month in range(1, t):
        left = (rng.random(n) < hazard[month]) & (month > entry)
        gone[:, month] = gone[:, month - 1] | left
    # Those who came before the first month have been leaving at the first rate since.
    before = rng.random(n) < 1 - (1 - world.exits[0]) ** np.maximum(-entry, 0)
    gone |= before[:, None]
    log_rate = np.log(1.5) + 0.7 * rng.standard_normal(n)[:, None]
    log_rate = log_rate + stationary_ar1(rng, (1, t), world.shock_phi, world.shock)
    if world.own:
        log_rate = log_rate + stationary_ar1(rng, (n, t), 0.9, world.own)
    counts = rng.poisson(np.exp(log_rate))
    # An active month less: thinning whole months takes the stated share from the active ones.
    after = np.arange(t) >= 2022 * 12 - FIRST
    counts[:, after] *= rng.random((n, int(after.sum()))) < np.exp(world.effect)
    counts[gone | (np.arange(t)[None, :] < entry[:, None])] = 0
    inside = entry >= 0
    counts[np.flatnonzero(inside), entry[inside]] += 1
    return counts, entry


def changes(world: World, counts: np.ndarray, entry: np.ndarray) -> list[Change]:
    """Return the seniors' change at every cut year with enough of them."""
    found = []
    names = np.array([f"{i:05d}" for i in range(len(entry))])
    history = np.where(entry < 0, 1, 0)
    for year in world.cuts:
        start = (year - 1) * 12 - FIRST
        window = slice(start, start + 34)
        senior = (entry < start) & (counts[:, : start + 34].sum(axis=1) + history >= 5)
        if senior.sum() < FEWEST_SENIORS:
            continue
        change = change_of(
            year,
            start + FIRST + 1,
            year == 2022,
            list(names[senior]),
            (counts[senior, window] > 0).astype(float),
            np.ones(34, dtype=bool),
        )
        found += [] if change is None else [change]
    return found


def by_the_verb(world: World, counts: np.ndarray, entry: np.ndarray) -> ut.CheckOutcome:
    """Build a panel from the draw and call the public check."""
    artist, month = np.nonzero(counts)
    again = counts[artist, month]
    artist, month = np.repeat(artist, again), np.repeat(month, again)
    old = np.flatnonzero(entry < 0)
    artist, month = np.r_[old, artist], np.r_[entry[old], month]
    number = FIRST + month
    stamps = [dt.datetime(m // 12, m % 12 + 1, 15) for m in number.tolist()]
    names = np.array([f"{i:05d}" for i in range(len(entry))])
    uploads = pl.DataFrame(
        {
            "platform": "site",
            "upload_id": np.arange(len(artist)).astype(str),
            "artist_id": names[artist],
            "published_at": pl.Series(stamps).cast(pl.Datetime("us")),
            "delisted_at": pl.Series([None] * len(artist), dtype=pl.Datetime("us")),
            "is_mature": False,
            "ai_label": False,
            "media_count": 1,
        }
    ).sort("published_at")
    people = pl.DataFrame({"platform": "site", "artist_id": np.unique(names[artist])})
    people = people.with_columns(joined_at=pl.lit(None, dtype=pl.Datetime("us")))
    panel = ut.build_panel(Population(people, uploads, {"end": "2023-10-31"}), start="2012-01-01")
    years = [year for year in world.cuts if year != 2022]
    return ut.placebo_cohorts(panel, cut_years=years, n_draws=1)


def one(world: World, seed: int, *, verb: bool) -> dict[str, Any]:
    """Draw one population and judge it."""
    counts, entry = draw(world, np.random.default_rng(seed))
    found = changes(world, counts, entry)
    row: dict[str, Any] = {"world": world.name, "seed": seed}
    enough = sum(not change.actual for change in found) >= FEWEST_YEARS
    sizes = compare_years(found) if enough else None
    status, why = verdict(sizes) if sizes is not None else ("not applicable", "too few years")
    row |= {"status": status, "why": why}
    if sizes is not None and sizes.excess is not None:
        row |= {"excess": sizes.excess.estimate, "low": sizes.excess.low}
        row |= {"high": sizes.excess.high, "placebo": sizes.placebo.estimate}
    if verb:
        outcome = by_the_verb(world, counts, entry)
        row["verb_differs"] = outcome.status != status
    return row


def summarise(rows: pd.DataFrame, truth: dict[str, float]) -> pd.DataFrame:
    """Return how often each verdict is given, and the excess."""
    out = []
    for name, part in rows.groupby("world", sort=False):
        n = len(part)
        passed = (part["status"] == "passed").mean()
        out.append(
            {
                "world": name,
                "draws": n,
                "passed": passed,
                "passed_error": np.sqrt(passed * (1 - passed) / n),
                "failed_recipe": (part["why"] == "recipe").mean(),
                "failed_no_excess": (part["why"] == "no excess").mean(),
                "not_informative": (part["status"] == "not informative").mean(),
                "not_applicable": (part["status"] == "not applicable").mean(),
                "excess_p_below_05": ((part["high"] < 0) | (part["low"] > 0)).mean(),
                "excess_covered": (
                    (part["low"] <= truth[str(name)]) & (part["high"] >= truth[str(name)])
                )[part["low"].notna()].mean(),
                "excess_width": (part["high"] - part["low"]).mean(),
                "placebo_mean": part["placebo"].mean(),
                "verb_differs": part["verb_differs"].sum(),
                "verb_asked": part["verb_differs"].notna().sum(),
            }
        )
    return pd.DataFrame(out).round(4)


def main() -> None:
    """Run the study; the table is kept after every population."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the repetitions")
    parser.add_argument("--out", type=Path, default=RESULTS)
    settings = parser.parse_args()
    n = round(settings.repetitions * settings.scale)
    rows: list[dict[str, Any]] = []
    truth = {}
    for world in worlds():
        truth[world.name] = world.effect
        first = zlib.crc32(world.name.encode())
        rows += [one(world, first + i, verb=i % 20 == 0) for i in range(n)]
        table = summarise(pd.DataFrame(rows), truth)
        table.to_csv(settings.out / "placebo_cohorts.csv", index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
