"""Does the joint test of the specification curve hold its level, and what power has it?

Series with AR(1) noise, with and without a step, run through 60 specifications and the joint test.
Run `python validation/claims_specifications.py`. Writes results/claims_specifications.csv.
"""

from __future__ import annotations

import argparse
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

import uploadtrends as ut
from uploadtrends.simulate import ar1_series

EVENT = "2021-07-01"
N = 72
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the cells and write the rejection rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=200)
    given = parser.parse_args()
    index = pd.date_range("2018-01-01", periods=N, freq="MS")
    after = int(np.flatnonzero(index == EVENT)[0])
    rows = []
    for rho in (0.0, 0.4, 0.7):
        for step in (0.0, 0.3):
            values = ar1_series(
                given.series, N, rho=rho, sd=0.12, mean=5.0, step=step, step_at=after, seed=8
            )
            data = {("p", str(i)): pd.Series(np.exp(row), index) for i, row in enumerate(values)}
            its = ut.interrupted_time_series(data, EVENT)
            table = its.check(ut.specification_curve(n=60, n_draws=99, n_jobs=1, seed=1)).table
            rows.append(
                {
                    "rho": rho,
                    "step_percent": round(100 * float(np.expm1(step)), 1),
                    "series": given.series,
                    **{
                        f"rejected_{name}": float((table[f"p_{name}"] <= 0.05).mean())
                        for name in ("mean_z", "median", "share")
                    },
                    "specifications": int(table["n"].median()),
                    "draws": 99,
                    "date": date.today().isoformat(),
                    "uploadtrends": version("uploadtrends"),
                    "numpy": version("numpy"),
                }
            )
            print(rows[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(RESULTS / "claims_specifications.csv", index=False)


if __name__ == "__main__":
    main()
