"""From a platform's AI labels to the synthetic share of a corpus that somebody collects there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.limits import whole_number
from uploadtrends.panel.units import ONLY_YES, says_no
from uploadtrends.result import Call, Result


@dataclass(frozen=True, repr=False, eq=False)
class SyntheticShare(Result):
    """Share of works made with AI in a corpus collected up to each period.

    Attributes
    ----------
    table : pandas.DataFrame
        Index: last period of the corpus. Columns: works, low (unlabelled works taken as made
        without AI), middle (taken to be like the labelled), high (taken as made with AI). The
        middle is NaN where the source never says that a work was made without.
    reason : str
        Why there is no middle, where there is none.
    """

    table: pd.DataFrame
    platform: str
    window: int | None
    reason: str
    call: Call

    title = "Share of synthetic works"

    def to_frame(self) -> pd.DataFrame:
        """Return `table` with the period as a column."""
        return self.table.rename_axis("period").reset_index()

    def summary(self) -> str:
        """Say between what bounds the share lies at the end."""
        last = self.table.iloc[-1]
        what = "all works so far" if self.window is None else f"the last {self.window} periods"
        text = (
            f"A corpus of {what} on {self.platform}, collected at the end of "
            f"{self.table.index[-1]:%Y-%m}, would hold between {last['low']:.1%} and "
            f"{last['high']:.1%} works made with AI by the platform's labels"
        )
        middle = f" ({last['middle']:.1%} if unlabelled works are like the labelled)"
        text += f"; {self.reason}" if self.reason else middle
        return text + ". Whether any model was trained on it the labels do not tell."


def synthetic_share(
    panel: Any,
    platform: str | None = None,
    *,
    group: str = "all",
    window: int | None = None,
    sensitivity: tuple[float, float] | None = None,
) -> SyntheticShare:
    """Return the synthetic share of a corpus collected from a platform, with its bounds.

    Parameters
    ----------
    panel : Panel
    platform : str, optional
        Needed when several have artists.
    group : str
    window : int, optional
        Periods that the corpus reaches back; None: to the beginning.
    sensitivity : (float, float), optional
        Range of the share of AI works that carry the label. The bounds are then divided by it
        (Rogan & Gladen 1978, no false labels): low by the upper, high and middle by the lower end.

    Raises
    ------
    InputError
        Without artists, labels, or with a window or sensitivity out of range.

    See Also
    --------
    build_panel : Counts works by their labels.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import labelled_works
    >>> panel = ut.build_panel(labelled_works(60).population)
    >>> found = ut.synthetic_share(panel)
    >>> bool(0 <= found.table["low"].iloc[-1] <= found.table["high"].iloc[-1] <= 1)
    True
    """
    name = panel.only_artist_platform(platform)
    if window is not None:
        window = whole_number("window", window, 1)
    rows = panel.groups.to_pandas().query("platform == @name and group == @group")
    if rows.empty:
        raise InputError("the panel has no such group", column="group", value=group)
    counts = rows.set_index(pd.DatetimeIndex(rows["period"]))
    counts = counts[["uploads", "ai_uploads", "ai_unknown"]].astype(float)
    if not counts["ai_uploads"].sum() and not says_no(panel.records, name):
        raise InputError(
            "no work says whether it was made with AI",
            column="ai_label",
            fix="load a source that carries AI labels",
        )
    sums = counts.cumsum() if window is None else counts.rolling(window, min_periods=1).sum()
    works, yes, unknown = (sums[column] for column in counts)
    known = says_no(panel.records, name)
    table = pd.DataFrame(
        {
            "works": works,
            "low": yes / works,
            "middle": yes / (works - unknown) if known else np.nan,
            "high": (yes + unknown) / works,
        }
    )
    if sensitivity is not None:
        table = _corrected(table, sensitivity)
    settings = {"platform": name, "group": group, "window": window, "sensitivity": sensitivity}
    call = Call.of(settings, counts, function="synthetic_share")
    return SyntheticShare(table, name, window, "" if known else ONLY_YES, call)


def _corrected(table: pd.DataFrame, sensitivity: tuple[float, float]) -> pd.DataFrame:
    try:
        least, most = sensitivity
        right = bool(0 < least <= most <= 1)
    except (TypeError, ValueError):
        right = False
    if not right:
        raise InputError(
            "the share of AI works that carry the label lies in (0, 1]",
            column="sensitivity",
            value=sensitivity,
            fix="give (lowest, highest)",
        )
    # Where works are few, more of them than that may carry it by chance.
    labelled = table["low"].iloc[int(table["works"].argmax())]
    if labelled > most:
        raise InputError(
            f"{labelled:.1%} of works carry the label, more than if every work were one of AI",
            column="sensitivity",
            value=sensitivity,
            fix="give a highest share above that",
        )
    return table.assign(
        low=(table["low"] / most).clip(upper=1.0),
        middle=(table["middle"] / least).clip(upper=1.0),
        high=(table["high"] / least).clip(upper=1.0),
    )
