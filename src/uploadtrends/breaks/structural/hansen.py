"""Approximate asymptotic p-values of sup-F, ave-F and exp-F tests (Hansen 1997)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from scipy.special import chdtrc

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError

MAXIMUM_REGRESSORS = 40


@cache
def _coefficients() -> dict[str, Array]:
    """Return, per statistic, (regressors, trimming, 5): four of a cubic and degrees of freedom.

    The numbers are those of Hansen (1997, JBES 15:60-67), as distributed by the author and in R
    package strucchange; up to 40 regressors, trimming .49, .47, ..., .01.
    """
    text = files(__package__).joinpath("hansen1997.csv").read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.splitlines()[1:]]
    tables = {}
    for statistic in ("sup", "ave", "exp"):
        numbers = [[float(cell) for cell in row[3:]] for row in rows if row[0] == statistic]
        tables[statistic] = np.array(numbers).reshape(MAXIMUM_REGRESSORS, 25, 5)
    return tables


def hansen_p_value(statistic: str, value: float, regressors: int, span: float) -> float:
    """Return the p-value of a test for one break at an unknown date.

    Parameters
    ----------
    statistic : {"sup", "ave", "exp"}
    value : float
        Of the F statistics in the form "number of regressors times F".
    regressors : int
        Number of coefficients that may change, 1 to 40.
    span : float
        ``(n - first) last / (first (n - last))`` of the candidate dates, in periods from the start
        (Andrews 1993's lambda); 1 for a single date.

    Raises
    ------
    InputError
        If the statistic is unknown or there are more than 40 regressors.
    """
    tables = _coefficients()
    if statistic not in tables:
        raise InputError("unknown statistic", value=statistic, fix="use sup, ave or exp")
    if not 1 <= regressors <= MAXIMUM_REGRESSORS:
        raise InputError(
            f"p-values are tabulated for 1 to {MAXIMUM_REGRESSORS} regressors", value=regressors
        )
    trimming = 1.0 / (1.0 + np.sqrt(max(span, 1.0)))
    table = tables[statistic][regressors - 1]
    score = np.maximum(table[:, :4] @ value ** np.arange(4), 0.0)
    grid = chdtrc(table[:, 4], score)
    # The grid starts at .49; at .5 the date is known and the law is chi-squared.
    known = float(chdtrc(regressors, value))
    nodes = np.concatenate([[0.5], 0.49 - 0.02 * np.arange(25)])
    return float(np.interp(-trimming, -nodes, np.concatenate([[known], grid])))
