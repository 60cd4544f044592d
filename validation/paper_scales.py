"""The paper's six series at the release of Stable Diffusion, on both scales.

The series are those of the published figure (Porres & Gomez-Villa 2024), 34 months. Each is fitted
as a user would, and once with either scale stated; `margin` is by how much the log likelihoods of
the two scales differ (less than 2: the data cannot tell). Run `python validation/paper_scales.py`;
writes results/paper_scales.csv and prints it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from paper_claims import series

import uploadtrends as ut

RESULTS = Path(__file__).parent / "results"
EVENT = "2022-08-22"
TERMS = ("level", "slope", "effect_12m", "effect_end", "cumulative")
SIZE = ("absolute", "absolute_low", "absolute_high", "p")


def main() -> None:
    """Fit six series three times and write one row an estimate."""
    found = []
    for (platform, group), values in series().items():
        chosen = ut.interrupted_time_series(values, EVENT, unit="works")
        fit = chosen.fits[0]
        logs = fit.scale if fit.scale != "level" else fit.prepared.other.choice.scale
        stated = {
            name: ut.interrupted_time_series(values, EVENT, scale=scale).effects.set_index("term")
            for name, scale in (("level", "level"), ("log", logs))
        }
        table = chosen.effects.set_index("term")
        for term in TERMS:
            if term not in table.index:
                continue
            row = table.loc[term]
            found.append(
                {
                    "platform": platform,
                    "group": group,
                    "term": term,
                    "status": row["status"],
                    "scale": fit.scale,
                    "margin": fit.prepared.margin,
                    **{name: row[name] for name in SIZE},
                    "depends_on": row["depends_on"],
                    "extrapolated": row["extrapolated"],
                    **{
                        f"{scale}_{name}": one.loc[term, name]
                        for scale, one in stated.items()
                        for name in SIZE
                    },
                }
            )
    table = pd.DataFrame(found)
    table.round(4).to_csv(RESULTS / "paper_scales.csv", index=False)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
