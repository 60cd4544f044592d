"""Romano-Wolf p-values of ours beside those of pyfixest.rwolf, on the same data.

Run `python validation/claims_multiplicity.py` (a minute). Writes results/claims_multiplicity.csv.
"""

from __future__ import annotations

import warnings
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from uploadtrends.checks.multiple_testing import romano_wolf

EFFECTS = (0.30, 0.22, 0.15, 0.0)
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Permute the regressor here and there, and compare the adjusted p-values."""
    import pyfixest as pf

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(5)
    n = 150
    common = rng.standard_normal(n)
    frame = pd.DataFrame({"x": rng.standard_normal(n)})
    for j, effect in enumerate(EFFECTS):
        frame[f"y{j}"] = effect * frame["x"] + 0.5 * common + rng.standard_normal(n)
    fits = [pf.feols(f"y{j} ~ x", data=frame) for j in range(len(EFFECTS))]
    theirs = pf.rwolf(fits, "x", reps=999, seed=3, sampling_method="ri")
    y = frame[[f"y{j}" for j in range(len(EFFECTS))]].to_numpy()

    def t_values(regressor: np.ndarray) -> np.ndarray:
        design = np.column_stack([np.ones(n), regressor])
        inverse = np.linalg.inv(design.T @ design)
        residual = y - design @ (inverse @ design.T @ y)
        se = np.sqrt((residual**2).sum(axis=0) / (n - 2) * inverse[1, 1])
        return (inverse @ design.T @ y)[1] / se

    x = frame["x"].to_numpy()
    null = np.array([t_values(rng.permutation(x)) for _ in range(9999)])
    table = pd.DataFrame(
        {
            "effect": EFFECTS,
            "t": t_values(x).round(4),
            "p": theirs.loc["Pr(>|t|)"].to_numpy(float).round(4),
            "ours": romano_wolf(t_values(x), null).round(4),
            "pyfixest": theirs.loc["RW Pr(>|t|)"].to_numpy(float).round(4),
            "date": date.today().isoformat(),
            "pyfixest_version": version("pyfixest"),
            "uploadtrends": version("uploadtrends"),
        }
    )
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "claims_multiplicity.csv", index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
