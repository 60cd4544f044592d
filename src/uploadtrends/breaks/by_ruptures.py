"""ruptures' own searches, on our costs or its own, with our positions and penalties.

Truong, Oudre & Vayatis (2020), Signal Processing 167: 107299.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.breaks.costs import SegmentCost, cost_named
from uploadtrends.breaks.penalties import penalty_value
from uploadtrends.errors import InputError

SEARCHES = ("pelt", "binseg", "bottom-up", "window", "dynp", "kernel")
KERNELS = ("linear", "rbf", "cosine")


def ruptures_positions(
    values: Array,
    search: str,
    *,
    cost: Any = "auto",
    penalty: str | float = "bic",
    n_changes: int | None = None,
    min_size: int | None = None,
) -> tuple[Any, list[int]]:
    """Segment a gap-free series with a search class of ruptures, every date tried.

    Parameters
    ----------
    values : array of shape (n,)
    search : {"pelt", "binseg", "bottom-up", "window", "dynp", "kernel"}
    cost : str or object
        One of our costs, a name or object of ruptures, or with ``"kernel"`` a kernel.
    penalty : {"bic"} or float
        Price of a change where `n_changes` is not given.
    n_changes : int, optional
        How many changes to find; ``"dynp"`` needs it.
    min_size : int, optional

    Returns
    -------
    cost : cost object
        With ``error``, ``min_size`` and ``model``, fitted or ready to be fitted.
    positions : list of int
        First positions of the new regimes, ascending.

    Raises
    ------
    InputError
        If cost, penalty or number do not go with the search.
    """
    import ruptures as rpt

    if search == "kernel":
        chosen, engine, minimum = _kernel(rpt, cost, min_size)
    else:
        chosen = _cost(rpt, cost)
        minimum = max(int(chosen.min_size), min_size or 1)
        engine = _engine(rpt, search, chosen, minimum, len(values))
    signal = _signal(values, chosen)
    if len(values) < 2 * minimum:
        return chosen, []
    stop = _stop(search, penalty, n_changes, chosen, values)
    try:
        found = engine.fit(signal.reshape(-1, 1)).predict(**stop)
    except rpt.exceptions.BadSegmentationParameters:
        raise InputError(
            "the series has no room for these changes",
            column="n_changes",
            value=n_changes,
            fix="ask for fewer changes or a smaller min_size",
        ) from None
    return chosen, [int(end) for end in found[:-1]]


def _engine(rpt: Any, search: str, cost: Any, minimum: int, n: int) -> Any:
    from uploadtrends.breaks.ruptures_bridge import for_ruptures

    bridged = for_ruptures(cost) if isinstance(cost, SegmentCost) else cost
    shared = {"custom_cost": bridged, "min_size": minimum, "jump": 1}
    if search == "window":
        width = max(2 * minimum, 2 * (n // 12), 4)
        return rpt.Window(width=width, **shared)
    classes = {"pelt": rpt.Pelt, "binseg": rpt.Binseg, "bottom-up": rpt.BottomUp, "dynp": rpt.Dynp}
    return classes[search](**shared)


def _cost(rpt: Any, cost: Any) -> Any:
    if not isinstance(cost, str):
        return cost_named(cost)
    name = "mean" if cost == "auto" else cost
    try:
        return cost_named(name)
    except InputError as unknown:
        try:
            return rpt.costs.cost_factory(model=name)
        except (ValueError, TypeError):
            raise unknown from None


def _kernel(rpt: Any, cost: Any, min_size: int | None) -> tuple[Any, Any, int]:
    kernel = "linear" if cost == "auto" else cost
    if kernel not in KERNELS:
        raise InputError(
            "unknown kernel", column="cost", value=cost, fix=f"use {', '.join(KERNELS)}"
        )
    minimum = max(min_size or 1, 1)
    chosen = cost_named("mean") if kernel == "linear" else rpt.costs.cost_factory(model=kernel)
    return chosen, rpt.KernelCPD(kernel=kernel, min_size=minimum, jump=1), minimum


def _signal(values: Array, cost: Any) -> Array:
    """Standardise where BIC takes the variance as known; ruptures' own costs see it likewise."""
    if isinstance(cost, SegmentCost) and not cost.standardise:
        return values
    spread = float(values.std(ddof=1))
    centred: Array = values - values.mean()
    return centred / spread if spread > 0.0 else centred


def _stop(
    search: str, penalty: str | float, n_changes: int | None, cost: Any, values: Array
) -> dict[str, Any]:
    if n_changes is not None:
        if search == "pelt":
            raise InputError(
                "PELT takes a penalty, not a number of changes",
                column="n_changes",
                value=n_changes,
                fix='use search="dynp"',
            )
        return {"n_bkps": n_changes}
    if search == "dynp":
        raise InputError(
            "dynamic programming needs the number of changes",
            column="n_changes",
            value=None,
            fix='add n_changes=2, or use search="pelt"',
        )
    price, by_length = penalty_value(penalty, len(values), getattr(cost, "n_parameters", 1))
    if by_length:
        raise InputError(
            "ruptures prices changes, not lengths of segments",
            column="penalty",
            value=penalty,
            fix='use penalty="bic" or a number',
        )
    return {"pen": max(price, np.finfo(float).tiny)}
