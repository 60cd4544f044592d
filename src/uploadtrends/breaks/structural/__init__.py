"""Structural-change tests of econometrics: a break at a stated date, one unknown, or several."""

from __future__ import annotations

from uploadtrends.breaks.structural.cumulated import ols_cusum
from uploadtrends.breaks.structural.f_tests import ave_f, chow, exp_f, sup_f
from uploadtrends.breaks.structural.hansen import hansen_p_value
from uploadtrends.breaks.structural.multiple import bai_perron
from uploadtrends.breaks.structural.outcome import BaiPerron, StructuralTest

__all__ = [
    "BaiPerron",
    "StructuralTest",
    "ave_f",
    "bai_perron",
    "chow",
    "exp_f",
    "hansen_p_value",
    "ols_cusum",
    "sup_f",
]
