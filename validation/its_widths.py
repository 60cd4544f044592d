"""How wide are intervals, beside the shortest ones that can hold on a range of autocorrelations?

One series, one event at 60%, level and slope. For every length and term: the bound (no interval
that holds at every AR(1) parameter from 0 to .8 has a smaller largest ratio to the width of one who
knows the parameter; Elliott, Mueller & Watson 2015), the package's shortest interval on that range,
its default (averaged over families) and AR(1) alone: width over known, and coverage, in AR(1)
series that were not used to solve anything.

Run `python validation/its_widths.py [--repetitions 2000]`; writes results/its_widths.csv as it
goes. A row of the table takes some seconds; what stands there is not run again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from processes import EVENT, ar, seed_of

from uploadtrends.models.estimators import averaged, reml
from uploadtrends.models.estimators.shortest import solve

RESULTS = Path(__file__).parent / "results"
LENGTHS = (24, 36, 48, 72)
RANGE = 0.8
PHI = (0.0, 0.2, 0.4, 0.6, 0.8)
TERMS = {"level": 2, "slope": 3}
ROUNDS = 8


def rows(n: int, term: str, m: int) -> list[dict[str, object]]:
    """Return one row an autocorrelation."""
    time, at = np.arange(n, dtype=float), int(EVENT * n)
    x = np.column_stack([np.ones(n), time, time >= at, np.maximum(time - at, 0)])
    line = np.eye(4)[TERMS[term]]
    bound = solve(x, time, line, up_to=RANGE, rounds=ROUNDS).bound
    shortest = solve(x, time, line, up_to=RANGE)
    found = []
    for phi in PHI:
        y = ar(seed_of("its_widths", n, phi), m, n, phi)
        v = phi ** np.abs(np.subtract.outer(time, time))
        known = 2 * 1.959964 * np.sqrt(line @ np.linalg.inv(x.T @ np.linalg.solve(v, x)) @ line)
        ends = {"shortest": shortest.interval(y)}
        for name, engine in (("averaged", averaged), ("ar1", reml)):
            fit = engine.fit_batch(y, x, line[None])
            ends[name] = fit.low[:, 0], fit.high[:, 0]
        row: dict[str, object] = {"n": n, "term": term, "phi": phi, "bound": round(bound, 3)}
        for name, (low, high) in ends.items():
            row[f"width_{name}"] = round(float((high - low).mean() / known), 3)
            row[f"covers_{name}"] = round(float(((low <= 0) & (high >= 0)).mean()), 4)
        found.append(row | {"repetitions": m})
    return found


def main() -> None:
    """Run every length and term and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    m = int(given.repetitions * given.scale)
    path = given.out / "its_widths.csv"
    table = pd.read_csv(path).to_dict("records") if path.exists() else []
    done = {(row["n"], row["term"]) for row in table if row["repetitions"] == m}
    for n in LENGTHS:
        for term in TERMS:
            if (n, term) not in done:
                table += rows(n, term, m)
                pd.DataFrame(table).to_csv(path, index=False)
    print(pd.DataFrame(table).to_string(index=False))


if __name__ == "__main__":
    main()
