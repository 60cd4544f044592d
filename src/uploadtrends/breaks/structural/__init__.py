"""Structural-change tests of econometrics: a break at a stated date, one unknown, or several."""

from __future__ import annotations

from typing import Any

import pandas as pd

from uploadtrends.breaks.structural.door import structural_breaks
from uploadtrends.breaks.structural.f_tests import ave_f, chow, exp_f, sup_f
from uploadtrends.breaks.structural.hansen import hansen_p_value
from uploadtrends.breaks.structural.limits import fluctuation_p_value
from uploadtrends.breaks.structural.multiple import bai_perron
from uploadtrends.breaks.structural.outcome import BaiPerron, StructuralBreaks, StructuralTest
from uploadtrends.breaks.structural.processes import fluctuation

__all__ = [
    "BaiPerron",
    "StructuralBreaks",
    "StructuralTest",
    "ave_f",
    "bai_perron",
    "chow",
    "exp_f",
    "fluctuation",
    "fluctuation_p_value",
    "hansen_p_value",
    "ols_cusum",
    "structural_breaks",
    "sup_f",
]


def ols_cusum(
    series: pd.Series, *, regressors: Any = "constant", covariance: str = "ols"
) -> StructuralTest:
    """Run ``fluctuation(series, "OLS-CUSUM")`` (the name it had in 0.1.0)."""
    return fluctuation(series, "OLS-CUSUM", regressors=regressors, covariance=covariance)
