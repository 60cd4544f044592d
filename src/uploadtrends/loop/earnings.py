"""The arithmetic of paying artists for works generated from theirs: assumptions in, sums out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.result import Call, Result

Range = float | tuple[float, float, float]
_SHARES = ("contribution", "platform_cut", "downloaded")


@dataclass(frozen=True, repr=False, eq=False)
class AttributionEarnings(Result):
    """What an artist would earn under stated assumptions; nothing here was observed.

    Attributes
    ----------
    middle, low, high : float
        Earnings at the middle of all factors, and at their least and most favourable ends together.
    table : pandas.DataFrame
        factor, low, middle, high, earnings_low, earnings_high: one factor moved at a time, the
        others at their middle; widest first.
    """

    middle: float
    low: float
    high: float
    table: pd.DataFrame
    paid_at: str
    call: Call

    title = "Earnings by attribution"

    def to_frame(self) -> pd.DataFrame:
        """Return `table`."""
        return self.table

    def summary(self) -> str:
        """Say the sum and what it hangs on most."""
        widest = self.table.iloc[0]
        text = (
            f"Arithmetic on assumptions: paid at {self.paid_at}, an artist would earn "
            f"{self.middle:,.0f} a period"
        )
        if self.high > self.low:
            text += (
                f" ({self.low:,.0f} to {self.high:,.0f} over the ranges given); it hangs most on "
                f"the {str(widest['factor']).replace('_', ' ')} ({widest['earnings_low']:,.0f} to "
                f"{widest['earnings_high']:,.0f})"
            )
        return text + "."

    def works_to_replace(self, loss: float) -> float:
        """Return how many generated works a period would replace a stated loss of income.

        Raises
        ------
        InputError
            If a work earns nothing.
        """
        factors = self.table.set_index("factor")["middle"]
        each = self.middle / factors["works"] if factors["works"] else 0.0
        if each <= 0:
            raise InputError("a work earns nothing under these assumptions", column="price")
        return float(loss / each)


def attribution_earnings(
    works: Range,
    contribution: Range,
    price: Range,
    platform_cut: Range,
    *,
    paid_at: str = "generation",
    downloaded: Range = 1.0,
) -> AttributionEarnings:
    """Multiply works x contribution x price x (1 - platform's cut), with ranges for each factor.

    Parameters
    ----------
    works : float or (low, middle, high)
        Works generated from the artist's in a period.
    contribution : float or (low, middle, high)
        Share of a work attributed to the artist, 0 to 1.
    price : float or (low, middle, high)
        Paid for a work, in any currency.
    platform_cut : float or (low, middle, high)
        Share that the platform keeps, 0 to 1.
    paid_at : {"generation", "download"}
        Whether every generated work is paid for, or only those downloaded.
    downloaded : float or (low, middle, high)
        Share of generated works that are downloaded; for ``paid_at="download"``.

    Raises
    ------
    InputError
        For a negative number, a share above 1, or a range out of order.

    See Also
    --------
    synthetic_share : How much of a corpus is synthetic.

    Examples
    --------
    >>> attribution_earnings(30_000, 0.3, 0.5, 0.3).middle
    3150.0
    """
    if paid_at not in ("generation", "download"):
        raise InputError(
            "unknown moment of payment",
            column="paid_at",
            value=paid_at,
            fix="'generation' or 'download'",
        )
    given: dict[str, Any] = {
        "works": works,
        "contribution": contribution,
        "price": price,
        "platform_cut": platform_cut,
    }
    if paid_at == "download":
        given["downloaded"] = downloaded
    elif downloaded != 1.0:
        raise InputError(
            "every generated work is paid for, downloaded or not",
            column="downloaded",
            value=downloaded,
            fix='say paid_at="download", or leave it out',
        )
    ranges = {name: _range(name, value) for name, value in given.items()}
    middle = {name: values[1] for name, values in ranges.items()}
    rows = []
    for name, (low, centre, high) in ranges.items():
        ends = sorted(_earned(middle | {name: end}) for end in (low, high))
        rows.append((name, low, centre, high, *ends))
    columns = ["factor", "low", "middle", "high", "earnings_low", "earnings_high"]
    table = pd.DataFrame(rows, columns=columns)
    order = (table["earnings_high"] - table["earnings_low"]).sort_values(ascending=False).index
    worst = {n: v[2] if n == "platform_cut" else v[0] for n, v in ranges.items()}
    best = {n: v[0] if n == "platform_cut" else v[2] for n, v in ranges.items()}
    call = Call.of({**given, "paid_at": paid_at}, function="attribution_earnings")
    return AttributionEarnings(
        _earned(middle),
        _earned(worst),
        _earned(best),
        table.loc[order].reset_index(drop=True),
        paid_at,
        call,
    )


def _range(name: str, value: Any) -> tuple[float, float, float]:
    try:
        values = np.array(value, dtype=float).ravel()
    except (TypeError, ValueError):
        values = np.full(1, np.nan)
    if values.size != 3:
        values = np.repeat(values if values.size == 1 else np.nan, 3)
    low, middle, high = values
    if not 0 <= low <= middle <= high < np.inf:
        raise InputError(
            "a factor is one number from 0 on, or (low, middle, high) in order",
            column=name,
            value=value,
            fix="write 0.3, or (0.2, 0.3, 0.5)",
        )
    if name in _SHARES and high > 1:
        raise InputError("a share is at most 1", column=name, value=value, fix="30 percent are 0.3")
    return float(low), float(middle), float(high)


def _earned(factors: Mapping[str, float]) -> float:
    product = factors["works"] * factors["contribution"] * factors["price"]
    paid = product * (1 - factors["platform_cut"]) * factors.get("downloaded", 1.0)
    return round(paid, 10)
