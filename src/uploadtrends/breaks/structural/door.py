"""One door to every structural test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from uploadtrends.breaks.structural.f_tests import ave_f, chow, exp_f, sup_f
from uploadtrends.breaks.structural.multiple import bai_perron
from uploadtrends.breaks.structural.outcome import BaiPerron, StructuralTest
from uploadtrends.breaks.structural.processes import TYPES, fluctuation
from uploadtrends.errors import InputError

F_TESTS: dict[str, Callable[..., StructuralTest]] = {
    "sup-F": sup_f,
    "ave-F": ave_f,
    "exp-F": exp_f,
    "Chow": chow,
}
TESTS: tuple[str, ...] = (*F_TESTS, *TYPES, "Bai-Perron")


def structural_breaks(
    series: pd.Series, test: str = "sup-F", **options: Any
) -> StructuralTest | BaiPerron:
    """Test whether a regression on time (or on anything) is the same throughout.

    Parameters
    ----------
    series : pandas.Series
        Regular, without missing periods.
    test : str
        ``"sup-F"``, ``"ave-F"``, ``"exp-F"`` (one break at an unknown date), ``"Chow"`` (at a
        stated one, with ``date=``), ``"Bai-Perron"`` (several breaks, with intervals), or a
        fluctuation test: ``"Rec-CUSUM"``, ``"OLS-CUSUM"``, ``"Rec-MOSUM"``, ``"OLS-MOSUM"``,
        ``"RE"``, ``"ME"``, ``"Score-CUSUM"``, ``"Score-MOSUM"``, ``"Poisson-CUSUM"``,
        ``"Poisson-MOSUM"``. Case does not matter.
    **options
        Those of the test: ``regressors`` ("constant", "trend" or a DataFrame) and ``covariance``
        ("ols", or "hac" for autocorrelated errors) for all; ``start``, ``end`` or ``trim`` for the
        F tests; ``window``, ``functional``, ``root_boundary`` for fluctuation tests; see
        `sup_f`, `chow`, `fluctuation`, `bai_perron` in `uploadtrends.breaks.structural`.

    Returns
    -------
    StructuralTest or BaiPerron

    Raises
    ------
    InputError
        If the test is unknown, or its options or the data cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> flow = [9.0, 11, 10, 9, 11, 10, 9, 10, 4, 5, 6, 5, 4, 5, 6, 4, 5, 6]
    >>> series = pd.Series(flow, pd.date_range("2021-01-01", periods=18, freq="MS"))
    >>> found = structural_breaks(series, "OLS-CUSUM")
    >>> found.p < 0.01, f"{found.date:%Y-%m}"
    (True, '2021-09')
    """
    known = {name.lower(): name for name in TESTS}
    name = known.get(str(test).lower())
    if name is None:
        raise InputError("unknown test", column="test", value=test, fix=f"use {', '.join(TESTS)}")
    try:
        if name in F_TESTS:
            return F_TESTS[name](series, **options)
        if name == "Bai-Perron":
            return bai_perron(series, **options)
        return fluctuation(series, name, **options)  # type: ignore[arg-type]
    except TypeError as wrong:
        if "argument" not in str(wrong):
            raise
        raise InputError(
            f"{name} does not take these options",
            column="options",
            value=", ".join(options),
            fix=str(wrong).partition(") ")[2] or str(wrong),
        ) from None
