"""Coverage of the effects that are no linear contrast: units and sums on a log scale, percent.

Run `python validation/its_units.py`; it writes its_units.csv to validation/results. Every
repetition is one call of `interrupted_time_series`, as users make it. Fixed seed; the true change
is a fall by a fifth.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

import uploadtrends as ut
from uploadtrends.result import package_version
from uploadtrends.simulate import ar1_series, count_series

RESULTS = Path(__file__).parent / "results"
MEAN, FALL, SD, SEED = 80.0, 0.8, 0.15, 7


def simulate(scale: str, n: int, rho: float, m: int, event: int) -> tuple[np.ndarray, np.ndarray]:
    """Return m series and the expected value of one without the event, (m, n) and (n,)."""
    after = np.arange(n) >= event
    if scale == "log":
        errors = ar1_series(m, n, rho=rho, sd=SD, seed=SEED)
        expected = np.full(n, MEAN * np.exp(SD**2 / 2))
        return MEAN * np.exp(errors) * np.where(after, FALL, 1.0), expected
    if scale == "level":
        errors = ar1_series(m, n, rho=rho, sd=SD * MEAN, seed=SEED)
        return MEAN + errors - (1 - FALL) * MEAN * after, np.full(n, MEAN)
    mean = 8.0
    options = {"rho": rho, "latent_sd": 0.3, "step": float(np.log(FALL)), "step_at": event}
    counts = count_series(m, n, mean=mean, seed=SEED, **options)
    return counts.astype(float), np.full(n, mean)


def main() -> None:
    """Run the study and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = []
    for scale in ("log", "level", "counts"):
        for n in (48, 96):
            for rho in (0.0, 0.4):
                event = int(0.6 * n)
                index = pd.date_range("2012-01-01", periods=n, freq="MS")
                series, expected = simulate(scale, n, rho, options.repetitions, event)
                lost = (FALL - 1) * expected
                truth = {
                    ("level", "absolute"): lost[event],
                    ("effect_12m", "absolute"): lost[event],
                    ("effect_12m", "relative"): 100 * (FALL - 1),
                    ("cumulative", "absolute"): lost[event:].sum(),
                    ("cumulative", "relative"): 100 * (FALL - 1),
                }
                hits: dict[tuple[str, str], list[bool]] = defaultdict(list)
                for values in series:
                    result = ut.interrupted_time_series(
                        pd.Series(values, index), index[event], scale=scale, season="none"
                    )
                    table = result.effects.set_index("term")
                    for (term, kind), value in truth.items():
                        low, high = table.loc[term, f"{kind}_low"], table.loc[term, f"{kind}_high"]
                        if low == low:
                            hits[term, kind].append(bool(low <= value <= high))
                for (term, kind), inside in hits.items():
                    share = float(np.mean(inside))
                    rows.append(
                        {
                            "scale": scale,
                            "n": n,
                            "rho": rho,
                            "effect": term,
                            "kind": kind,
                            "repetitions": len(inside),
                            "coverage": share,
                            "monte_carlo_se": np.sqrt(share * (1 - share) / len(inside)),
                        }
                    )
                print(scale, n, rho, flush=True)
    table = pd.DataFrame(rows)
    table["date"] = f"{dt.date.today():%Y-%m-%d}"
    table["versions"] = f"uploadtrends {package_version()}; numpy {np.__version__}"
    options.output.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.output / "its_units.csv", index=False, float_format="%.4f")
    print(table.drop(columns=["date", "versions"]).to_string())


if __name__ == "__main__":
    main()
