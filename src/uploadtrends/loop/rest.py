"""When do captions stop changing? A second, model-free look at convergence."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError


def resting_times(captions: Array, hold: int) -> tuple[Array, Array]:
    """Return for every chain when its caption came to rest, and whether it did.

    Parameters
    ----------
    captions : numpy.ndarray of str, shape (iterations + 1, chains)
        Row 0: the captions of the originals.
    hold : int
        Rounds in a row that a caption has to stay the same.

    Returns
    -------
    times, rested : numpy.ndarray, shape (chains,)
        First round of the first `hold` rounds in which the caption stayed the same; for a chain
        that never rested, the last round that could have been one.
    """
    same = captions[1:] == captions[:-1]
    total = len(same)
    if not 1 <= hold <= total:
        raise InputError(
            "captions cannot rest for longer than the loop ran",
            column="hold",
            value=hold,
            fix=f"1 to {total}",
        )
    windows = np.lib.stride_tricks.sliding_window_view(same, hold, axis=0).all(axis=2)
    rested = windows.any(axis=0)
    times = np.where(rested, windows.argmax(axis=0) + 1, total - hold + 1)
    return times, np.asarray(rested)


def still_moving(captions: Array, hold: int = 5) -> pd.DataFrame:
    """Return the share of chains that have not come to rest by iteration (Kaplan & Meier 1958).

    Returns
    -------
    pandas.DataFrame
        Index: iteration. Columns: at_risk, rested, moving (the share that has not), low, high (95%,
        log-log). Only iterations at which a chain came to rest, and the last one looked at.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    times, rested = resting_times(captions, hold)
    curve = SurvfuncRight(times, rested.astype(int))
    share, error = np.asarray(curve.surv_prob), np.asarray(curve.surv_prob_se)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = special.ndtri(0.975) * error / (share * np.abs(np.log(share)))
        low, high = share ** np.exp(reach), share ** np.exp(-reach)
    table = pd.DataFrame(
        {
            "at_risk": np.asarray(curve.n_risk, dtype=int),
            "rested": np.asarray(curve.n_events, dtype=int),
            "moving": share,
            "low": low,
            "high": high,
        },
        index=pd.Index(np.asarray(curve.surv_times, dtype=int), name="iteration"),
    )
    last = int(times.max())
    if last not in table.index:
        now = int((times >= last).sum())
        before = table.iloc[-1] if len(table) else pd.Series({"moving": 1.0, "low": 1, "high": 1})
        table.loc[last] = [now, 0, before["moving"], before["low"], before["high"]]
    return table.astype({"at_risk": int, "rested": int})
