"""How the record of a call is caught, and what to vary in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.result import Call
from uploadtrends.signatures import Setting, settings_of
from uploadtrends.simulate import population


class Noted(Exception):
    """A call was recorded; nothing needs to be fitted after that."""


def record(verb: Callable[..., Any], *args: Any, function: str = "", **settings: Any) -> Call:
    """Return the record of a call, which is made before anything is fitted.

    The first one that is made, or that of the function asked for.
    """
    of = Call.of.__func__

    def note(cls: type[Call], *given: Any, **named: Any) -> Call:
        call = of(cls, *given, **named)
        if function in ("", call.function):
            raise Noted(call)
        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Call, "of", classmethod(note))
        with pytest.raises(Noted) as noted:
            verb(*args, **settings)
    found: Call = noted.value.args[0]
    return found


def series(seed: int = 1, name: str | None = "a") -> pd.Series:
    index = pd.date_range("2019-01-01", periods=60, freq="MS")
    return pd.Series(np.random.default_rng(seed).poisson(40, 60).astype(float), index, name=name)


def frame(*seeds: int) -> pd.DataFrame:
    return pd.DataFrame({f"x{seed}": series(seed) for seed in seeds})


# Another value for a setting whose name says what it is; numbers and flags are moved by rule.
OTHER: dict[str, Any] = {
    "method": "ols-hac",
    "order": (0, 1, 1),
    "seasonal": (0, 1, 1, 12),
    "errors": "ar1",
    "terms": ("slope",),
    "scale": "log",
    "week": "SUN",
    "labels": "start",
    "complete_to": "2024-01-31",
    "season": "none",
    "boundary": "inclusive",
    "washout": 2,
    "holidays": "DE",
    "control": series(5),
    "control_as": "difference",
    "covariates": frame(7),
    "formula": "log(time + 1)",
    "alternative": "less",
    "offset": series(8),
    "exposure": "days",
    "confounders": "2020-03-01",
    "instrument": "term",
    "instrument_breaks": ("2020-05-01",),
    "horizons": (1, 2),
    "unit": "media",
    "phi": "maximum",
    "phi_prior": "uniform",
    "quantiles": "normal",
    "covariance": "hac",
    "arma_order": (2, 0),
    "hac_lags": 4,
    "penalty": "mbic",
    "cost": "linear",
    "min_size": 5,
    "window": "2 months",
    "regressors": "trend",
    "low": 1.0,
    "high": 9.0,
    "prior": (2.0, 1.0),
    "n_changes": 2,
    "breaks": 1,
    "criterion": "lwz",
    "platform": "artstation",
    "reference": "senior",
    "groups": ("senior", "new"),
    "dose": pd.Series({"a": 1.0}),
    "start": "2019-03-01",
    "end": "2022-06-30",
    "models": ("gee",),
    "rule": "shapley",
    "term": "slope",
    "event": "2021-06-01",
    "group": "new",
    "what": ("period",),
    "windows": (("2020-01-01", "2020-01-31"),),
    "key_file": "key",
    "cut_years": (2016,),
    "actual_years": (2021,),
    "events_from": "2021-01-01",
    "date": "2021-08",
    "choices": {"unit": ("uploads",)},
    "thresholds": (2.0,),
    "attribute": {"a": 1.0},
    "deletion": (0.1,),
    "test": "OLS-MOSUM",
    "functional": "mean",
    "outcome": "active",
    "on": ("uploads_last_3m",),
    "horizon": 30,
}


# Where a name means something else.
OF_CHECKS: dict[str, dict[str, Any]] = {
    "parallel_trends": {"between": "platform"},
    "placebo_dates": {"window": ("2020-01", "2020-12")},
}


# Only which series are chosen: the record tells those.
SELECTS = {"platforms", "groups"}


def plain(value: Any) -> Any:
    return {} if isinstance(value, pd.Series | pd.DataFrame) else value


def other(setting: Setting, default: Any) -> Any:
    if setting.name in OTHER and setting.takes(plain(OTHER[setting.name])):
        return OTHER[setting.name]
    if "flag" in setting.kinds:
        return default is False
    if isinstance(default, int | float):
        return default + 1 if isinstance(default, int) else default * 0.9
    if setting.choices:
        return setting.choices[-1] if setting.choices[-1] != default else setting.choices[0]
    raise AssertionError(f"say another value of '{setting.name}' in OTHER")


def varied(
    verb: Callable[..., Any], without: set[str], own: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return another value for every setting of a verb."""
    defaults = {name: one.default for name, one in inspect.signature(verb).parameters.items()}
    known = settings_of(verb, without)
    return {
        name: (own or {}).get(name) or other(setting, defaults[name])
        for name, setting in known.items()
    }


def all_differ(verb: Callable[..., Any], base: Call, records: dict[str, Call]) -> None:
    same = [name for name, found in records.items() if found == base]
    assert same == [], f"{verb}: the record does not tell {same}"
    texts = {repr(found) for found in records.values()}
    assert len(texts) == len(records)


def equal_panels() -> list[ut.Panel]:
    """The same panel twice, and one of other artists."""
    rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    people = [
        population(60, platforms=("artstation",), start="2018-01-01", end="2022-12-31", seed=seed)
        for seed in (1, 1, 2)
    ]
    return [ut.build_panel(one, seniority=rule) for one in people]
