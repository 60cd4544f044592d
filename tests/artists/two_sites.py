"""Two simulated platforms with shocks, effects and event dates of their own."""

from __future__ import annotations

import polars as pl

import uploadtrends as ut
from uploadtrends.simulate import Population, population

EVENT = "2021-01-01"
CALM = {
    "platforms": ("artstation", "deviantart"),
    "start": "2019-01-01",
    "end": "2022-12-31",
    "spread": 0.4,
    "exit_hazard": 0.004,
    "studio_share": 0.0,
    "dispersion": 5.0,
}


def two_sites(seed, shock=0.0, effect_a=0.0, effect_b=0.0, date_b=EVENT, n=160, **other):
    """Two platforms with shocks, effects and event dates of their own."""
    settings = CALM | other
    parts = [
        population(
            n, event_date=date, effect={"senior": e, "new": e}, period_sd=shock, seed=s, **settings
        )
        for date, e, s in ((EVENT, effect_a, seed), (date_b, effect_b, seed + 5000))
    ]
    chosen = [
        (
            part.artists.filter(pl.col("platform") == site),
            part.uploads.filter(pl.col("platform") == site),
        )
        for part, site in zip(parts, settings["platforms"], strict=True)
    ]
    people = pl.concat([artists for artists, _ in chosen])
    works = pl.concat([uploads for _, uploads in chosen])
    return ut.build_panel(Population(people, works, parts[0].truth), start="2019-01-01")
