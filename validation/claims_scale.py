"""Time a specification curve of the size of a large study.

Three platforms, three groups, eight events that stay apart as blocks, 200 aggregate specifications
for each of the nine series, with the joint test. Run `python validation/claims_scale.py`.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

import uploadtrends as ut
from uploadtrends.simulate import ar1_series


def main() -> None:
    """Print how long the study takes on two processes."""
    index = pd.date_range("2014-01-01", periods=120, freq="MS")
    noise = ar1_series(9, 120, rho=0.4, sd=0.15, mean=5.0, seed=1)
    names = [(p, g) for p in ("a", "b", "c") for g in ("all", "senior", "new")]
    data = {
        name: pd.Series(np.exp(row).round(), index) for name, row in zip(names, noise, strict=True)
    }
    dates = pd.date_range("2016-02-10", periods=8, freq="10MS") + pd.Timedelta(days=11)
    events = [ut.Event(f"{date:%Y-%m-%d}", f"Event {i}") for i, date in enumerate(dates, 1)]
    its = ut.interrupted_time_series(data, events)
    started = time.perf_counter()
    outcome = its.check(ut.specification_curve(n=200, n_jobs=2, seed=0))
    seconds = time.perf_counter() - started
    print(f"blocks: {its.effects['event'].nunique()}, series: {len(data)}")
    print(f"specifications: {outcome.table['n'].min()} to {outcome.table['n'].max()}")
    print(f"seconds: {seconds:.1f}")
    print(outcome.text)


if __name__ == "__main__":
    main()
