"""Monitoring: false alarms without a change, and how soon a change is seen.

    python validation/monitoring.py [--scale 1.0]

A history of 60 months and 24 new ones, R 2,000 series a cell at scale 1, autocorrelation 0 to .8:
the default of `ut.monitor` beside the default of R package strucchange (OLS-CUSUM for independent
errors) and R's boundary with a long-run variance, both computed here and equal to R to the digit.
Each finished cell is appended to validation/results/monitoring.csv. About six minutes on one core.
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.breaks.monitoring.simulated import watch_autocorrelated
from uploadtrends.breaks.structural.monitoring import watch
from uploadtrends.simulate import ar1_series

RESULTS = Path(__file__).parent / "results" / "monitoring.csv"
HISTORY, NEW = 60, 24
ROWS = np.arange(HISTORY + NEW)
DESIGN = np.ones((HISTORY + NEW, 1))


def alarm(values: np.ndarray, method: str, seed: int) -> int | None:
    """Return the number of new months before the first alarm, or None."""
    if method.startswith("default"):
        return watch_autocorrelated(
            values,
            DESIGN,
            ROWS,
            HISTORY,
            np.array([], dtype=int),
            moving=method.endswith("MOSUM"),
            window=0.25,
            level=0.05,
            seed=seed,
        ).alarm
    covariance: Any = "hac" if method.endswith("long-run") else "ols"
    return watch(values, DESIGN, HISTORY, "OLS-CUSUM", covariance=covariance).alarm


METHODS = ("default, OLS-CUSUM", "default, OLS-MOSUM", "R's default", "R, long-run")


def main() -> None:
    """Run every cell that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the repetitions")
    scale = parser.parse_args().scale
    done = pd.read_csv(RESULTS) if RESULTS.exists() else pd.DataFrame()
    for rho in (0.0, 0.2, 0.4, 0.5, 0.6, 0.8):
        for step in (0.0, 1.0, 2.0):
            reps = max(50, int((2000 if step == 0 else 400) * scale))
            cell = {"rho": rho, "step_sd": step}
            if len(done) and (done[list(cell)] == pd.Series(cell)).all(axis=1).any():
                continue
            series = ar1_series(
                reps, HISTORY + NEW, rho=rho, step=step, step_at=HISTORY, seed=int(100 * rho) + 7
            )
            rows = []
            for method in METHODS:
                when = [alarm(row, method, seed) for seed, row in enumerate(series)]
                seen = np.array([w is not None for w in when], dtype=float)
                delays = [w + 1 for w in when if w is not None]
                share = float(seen.mean())
                rows.append(
                    {
                        **cell,
                        "method": method,
                        "alarms": share,
                        "mc_se": np.sqrt(share * (1 - share) / reps),
                        "median_months_to_alarm": float(np.median(delays)) if delays else np.nan,
                        "reps": reps,
                        "date": dt.date.today().isoformat(),
                    }
                )
            table = pd.DataFrame(rows)
            print(table.drop(columns="date").to_string(index=False), flush=True)
            table.to_csv(
                RESULTS, mode="a", header=not RESULTS.exists(), index=False, float_format="%.4g"
            )


if __name__ == "__main__":
    main()
