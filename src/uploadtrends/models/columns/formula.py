"""Further terms by a formula, as in R: written by formulaic from covariates and the calendar."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError

CALENDAR = ("time", "month", "quarter", "year", "weekday")
"""What a formula may name beside covariates: periods from 0, and fields of their dates."""
FUNCTIONS = ("C", "bs", "cs", "cc", "poly", "log", "log10", "exp", "sqrt", "center", "scale", "lag")
"""A formula is text out of a study file: it calls these and nothing else."""


def variables(formula: str) -> list[str]:
    """Return the names that a formula uses, functions left out.

    Raises
    ------
    InputError
        If it cannot be read, or says more than sums, products and the functions of `FUNCTIONS`.
    """
    _harmless(formula)
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        found: Any = Formula(formula).required_variables
    except FormulaicError as error:
        raise InputError(
            "the formula cannot be read",
            column="formula",
            value=formula,
            fix=f"write terms joined by +, such as 'log(price) + C(month)' ({error})",
        ) from None
    return sorted(name for name in map(str, found) if name not in FUNCTIONS)


def further(
    formula: str | None, covariates: list[tuple[str, Array]], index: pd.DatetimeIndex
) -> list[tuple[str, Array]]:
    """Return the columns that enter the model: covariates, those in a formula by its terms only."""
    if formula is None:
        return covariates
    named = variables(formula)
    alone = [(name, column) for name, column in covariates if name not in named]
    return alone + columns_of(formula, covariates, index)


def columns_of(
    formula: str, covariates: Sequence[tuple[str, Array]], index: pd.DatetimeIndex
) -> list[tuple[str, Array]]:
    """Return the columns (N,) that a formula makes of covariates and the calendar.

    The model has an intercept of its own, so that a factor loses its first level.

    Raises
    ------
    InputError
        If a name is unknown, or the formula cannot be evaluated.
    """
    if "~" in formula:
        raise InputError(
            "the outcome is the series itself",
            column="formula",
            value=formula,
            fix="write the right-hand side only, such as 'log(price)'",
        )
    frame = pd.DataFrame(
        {
            "time": np.arange(len(index), dtype=float),
            "month": index.month,
            "quarter": index.quarter,
            "year": index.year,
            "weekday": index.day_of_week,
            **dict(covariates),
        },
        index=index,
    )
    for name in variables(formula):
        if name not in frame:
            raise InputError(
                "the formula names what is not there",
                column="formula",
                value=name,
                fix=f"use one of {', '.join(map(str, frame.columns))}, or give it in covariates=",
            )
    from formulaic import model_matrix
    from formulaic.errors import FormulaicError

    try:
        made: Any = model_matrix(formula, frame, na_action="ignore", context={})
    except (FormulaicError, ValueError, TypeError) as error:
        raise InputError(
            "the formula cannot be evaluated", column="formula", value=formula, fix=str(error)
        ) from None
    return [
        (str(name), np.asarray(made[name], dtype=float))
        for name in made.columns
        if name != "Intercept"
    ]


def _harmless(formula: str) -> None:
    """Refuse anything but names, numbers, texts, arithmetic and calls of `FUNCTIONS`."""
    text = re.sub(r"[~|:]", "+", formula)
    allowed = (
        ast.Expression | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop | ast.Name | ast.Load
        | ast.Constant | ast.Call | ast.keyword | ast.Tuple | ast.List
    )  # fmt: skip
    try:
        parsed = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        raise InputError(
            "the formula cannot be read",
            column="formula",
            value=formula,
            fix="write terms joined by +, such as 'log(price) + C(month)'",
        ) from None
    for node in ast.walk(parsed):
        called = node.func if isinstance(node, ast.Call) else None
        known = called is None or (isinstance(called, ast.Name) and called.id in FUNCTIONS)
        if not isinstance(node, allowed) or not known:
            raise InputError(
                "a formula holds names, arithmetic and a few functions only",
                column="formula",
                value=formula,
                fix=f"functions are {', '.join(FUNCTIONS)}",
            )
