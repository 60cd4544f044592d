"""What can be claimed of the paper's six series, and the bend that each row survives.

The series are those of the published figure (Porres & Gomez-Villa 2024), 34 months; the event is
the public release of Stable Diffusion. Run `python validation/paper_claims.py`; writes
results/paper_claims.csv and prints it with the sentences of `conclude`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import uploadtrends as ut
from uploadtrends.checks import conclude
from uploadtrends.datasets import precipice_figure1

RESULTS = Path(__file__).parent / "results"
ROWS = ("level", "slope", "effect_12m", "effect_end", "cumulative")


def series() -> dict[tuple[str, str], pd.Series]:
    """Return the six series by platform and group."""
    table = precipice_figure1()
    found = {}
    for name in table.columns:
        group, platform = name.split("_")
        found[platform, "all" if group == "total" else group] = table[name].astype(float)
    return found


def _bend(whole: float, logs: bool) -> float:
    return float(100 * np.expm1(whole)) if logs else whole


def main() -> None:
    """Fit, conclude, and write one row an estimate."""
    its = ut.interrupted_time_series(series(), ut.event_catalogue(ids=["mr-sd-public"]))
    checks = [its.check(ut.placebo_dates()), its.check(ut.anticipation(n_draws=499))]
    rows = []
    for row in its.effects.to_dict("records"):
        if row["term"] not in ROWS or row["p"] != row["p"]:
            continue
        said = conclude(row, checks)
        whole = row["periods"] ** 2 / 8
        # In percent on a log scale, in works a month on the scale of the data.
        logs = its.fit(row["group"], row["platform"]).scale != "level"
        rows.append(
            {key: row[key] for key in ("platform", "group", "term", "status", "relative", "p")}
            | {"p_adjusted": row["p_adjusted"], "depends_on": row["depends_on"]}
            | {
                "bend_in": "percent" if logs else "works",
                "survives_bend": _bend(row["breakdown"] * whole, logs),
                "bend_before": _bend(row["curvature_before"] * whole, logs),
                "said": said.strength,
            }
        )
        if row["term"] in ("level", "slope"):
            print(said, "\n")
    table = pd.DataFrame(rows)
    table.round(4).to_csv(RESULTS / "paper_claims.csv", index=False)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
