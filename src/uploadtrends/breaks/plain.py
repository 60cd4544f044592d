"""What a plain PELT with BIC would have said, and how often such a run cries wolf."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.breaks.by_ruptures import ruptures_positions
from uploadtrends.breaks.changes import SeriesChanges
from uploadtrends.breaks.likelihood.noise import ar1_noise
from uploadtrends.breaks.likelihood.spacing import Spacing
from uploadtrends.breaks.segmentation import segment
from uploadtrends.series.grid import frequency, stamp

N_SIMULATED = 199
MOST = 2000  # periods up to which false alarms are simulated
COLUMNS = ("platform", "group", "plain_changes", "plain_dates", "false_alarms", "default_changes")


def plain_pelt(fits: tuple[SeriesChanges, ...], seed: int = 0) -> pd.DataFrame:
    """Run ruptures' PELT (cost l2, penalty BIC, every date) on every series, beside the default.

    Columns
    -------
    platform, group : str
    plain_changes : int
    plain_dates : str
    false_alarms : share of series without a change, as long and as autocorrelated as this one (as
        the default sees it beside its best change), in which the same run finds something
    default_changes : number of confirmed changes of the calibrated default
    """
    rows = [_row(fit, seed) for fit in fits if fit.status != "refused"]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(fit: SeriesChanges, seed: int) -> dict[str, Any]:
    series = fit.observed
    known = np.flatnonzero(series.notna())
    values = np.interp(np.arange(len(series)), known, series.to_numpy()[known])
    found = _changes(values) if np.ptp(values) > 0.0 else []
    freq = frequency(series.index)
    return {
        "platform": fit.platform,
        "group": fit.group,
        "plain_changes": len(found),
        "plain_dates": ", ".join(stamp(series.index[place], freq) for place in found),
        "false_alarms": _false_alarms(len(series), fit.autocorrelation, seed),
        "default_changes": len(fit.changes),
    }


def _changes(values: Array) -> list[int]:
    if len(values) > MOST:
        return segment(values, penalty="bic", min_size=2)
    # The kernel search does what PELT does with the l2 cost, and runs in compiled code.
    return ruptures_positions(values, "kernel", penalty="bic", min_size=2)[1]


def _false_alarms(n: int, rho: float, seed: int) -> float:
    if n > MOST or not np.isfinite(rho):
        return float("nan")
    spacing = Spacing.of(np.arange(n))
    drawn = ar1_noise(np.random.default_rng((seed, n)), N_SIMULATED, spacing, rho)
    return float(np.mean([bool(_changes(row)) for row in drawn]))


def plain_sentence(table: pd.DataFrame) -> str:
    """Say in one sentence what the plain run would have said."""
    if table.empty:
        return ""
    total, alarms = int(table["plain_changes"].sum()), table["false_alarms"].dropna()
    ends = dict.fromkeys(f"{share:.0%}" for share in (alarms.min(), alarms.max()))
    shown = " to ".join(ends) if len(alarms) else "an unknown share"
    return (
        f"A plain PELT with BIC (ruptures, cost l2) would have reported {total} "
        f"change{'' if total == 1 else 's'} in "
        f"{f'these {len(table)}' if len(table) != 1 else 'this'} series, where the calibrated "
        f"default confirms "
        f"{int(table['default_changes'].sum())}; on series as long and as autocorrelated as these, "
        f"and without any change, such a run reports something in {shown} of the cases."
    )
