"""Artists of one calm platform, some of whom adopt something."""

from __future__ import annotations

import numpy as np

CALM = {
    "platforms": ("site",),
    "start": "2019-01-01",
    "end": "2022-12-31",
    "spread": 0.4,
    "exit_hazard": 0.002,
    "studio_share": 0.0,
    "dispersion": 5.0,
    "ageing": -0.2,
}


def adopters(panel, share=0.4, dates=("2020-06-10", "2020-12-01", "2021-05-20"), seed=0):
    """Draw adopters; every artist of a panel has the chance `share`."""
    ids = panel.artists["artist_id"].unique().sort().to_list()
    rng = np.random.default_rng(seed)
    when = rng.choice(dates, len(ids))
    return {name: d for name, d in zip(ids, when, strict=True) if rng.random() < share}
