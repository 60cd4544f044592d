"""Controls and covariates by the name of a column or of a panel's series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.models.columns.formula import variables
from uploadtrends.series.named import NamedSeries
from uploadtrends.signatures import unknown

Key = tuple[str, str]


class Resolved:
    """What names stand for, and which series are therefore no outcomes.

    Parameters
    ----------
    series : sequence of NamedSeries
        Everything in the data.
    """

    def __init__(self, series: Sequence[NamedSeries]) -> None:
        self._known: dict[str, NamedSeries | None] = {}
        for item in series:
            for name in dict.fromkeys((f"{item.platform}/{item.group}", item.group, item.platform)):
                if name.strip("/"):
                    # A name that several bear is no name.
                    self._known[name] = None if name in self._known else item
        self.used: set[Key] = set()

    def control(self, given: Any) -> Any:
        """Return a control as a series, or as it was given."""
        return self._one(given, "control") if isinstance(given, str) else given

    def covariates(self, given: Any, formula: str | None) -> Any:
        """Return covariates by name: those named, and those that a formula names."""
        names: Sequence[Any] = ()
        if isinstance(given, str):
            names = (given,)
        elif isinstance(given, Sequence):
            names = given
        elif given is not None:
            names = ()
        found = {str(name): self._one(name, "covariates") for name in names}
        there = set() if given is None or found else _names(given)
        for name in variables(formula) if formula else ():
            item = self._known.get(name)
            if name not in found and name not in there and item is not None:
                found[name] = self._one(name, "formula")
        if not found:
            return given if not names else None
        return found if names or given is None else {**_columns(given), **found}

    def outcomes(self, series: Sequence[NamedSeries]) -> list[NamedSeries]:
        """Return the series that were not named as something else."""
        left = [item for item in series if (item.platform, item.group) not in self.used]
        if not left:
            raise InputError(
                "every series of the data is a control or a covariate, none is an outcome",
                column="data",
                fix="add the column whose change is asked about",
            )
        return left

    def _one(self, name: Any, place: str) -> pd.Series:
        item = self._known.get(str(name))
        if item is None:
            names = [known for known, one in self._known.items() if one is not None]
            problem = "the data have no column or series of this name"
            raise unknown(str(name), names, problem, place)
        self.used.add((item.platform, item.group))
        return item.values


def by_name(control: Any, covariates: Any, formula: str | None) -> bool:
    """Whether anything is given by name, so that the data must be looked through."""
    named = isinstance(covariates, Sequence)
    return isinstance(control, str) or named or formula is not None


def _names(given: Any) -> set[str]:
    if isinstance(given, pd.Series):
        return {str(given.name)}
    return set(map(str, given)) if isinstance(given, Mapping | pd.DataFrame) else set()


def _columns(given: Any) -> dict[Any, pd.Series]:
    if isinstance(given, pd.Series):
        return {given.name: given}
    return {key: given[key] for key in given}
