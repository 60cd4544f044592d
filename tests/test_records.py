"""Two calls have equal records exactly when all their settings and all their data are equal."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import uploadtrends as ut
from recorded_calls import (
    OF_CHECKS,
    SELECTS,
    all_differ,
    equal_panels,
    frame,
    record,
    series,
    varied,
)
from uploadtrends.breaks.counts import count_posterior
from uploadtrends.breaks.matching import match
from uploadtrends.breaks.segmentation import penalty_path
from uploadtrends.breaks.structural import bai_perron, chow, exp_f, ols_cusum, sup_f
from uploadtrends.checks.check import check_class, check_names
from uploadtrends.result import Call


@pytest.fixture(scope="module")
def panels() -> list[ut.Panel]:
    return equal_panels()


ON_SERIES = {
    "interrupted_time_series": (ut.interrupted_time_series, ("2021-06-01",)),
    "change_points": (ut.change_points, ()),
    "count_posterior": (count_posterior, ()),
    "penalty_path": (penalty_path, ()),
    "bai_perron": (bai_perron, ()),
    "chow": (chow, ("2021-06-01",)),
    "ols_cusum": (ols_cusum, ()),
}


@pytest.mark.parametrize("name", ON_SERIES)
def test_verbs_on_series(name: str) -> None:
    verb, more = ON_SERIES[name]
    said = {"search": "pelt", "penalty": "bic"} if verb is ut.change_points else {}
    base = record(verb, series(), *more, **said)
    assert record(verb, series(), *more, **said) == base
    skipped = {"data", "series", "events", "date"} | (
        SELECTS if name in ("interrupted_time_series", "change_points") else set()
    )
    values = varied(verb, skipped)
    records = {
        key: record(verb, series(), *more, **said | {key: value}) for key, value in values.items()
    }
    records["values"] = record(verb, series(2), *more, **said)
    records["dates"] = record(verb, series().shift(1, freq="MS"), *more, **said)
    records["name"] = record(verb, series(name="b"), *more, **said)
    if more:
        records["event"] = record(verb, series(), "2021-07-01")
    all_differ(verb, base, records)


@pytest.mark.parametrize("verb", [sup_f, exp_f])
def test_tests_over_dates(verb) -> None:
    base = record(verb, series())
    assert base == record(verb, series())
    options = {"regressors": frame(3), "trim": 0.2, "covariance": "hac"}
    records = {key: record(verb, series(), **{key: value}) for key, value in options.items()}
    records["other regressors"] = record(verb, series(), regressors=frame(4))
    all_differ(verb, base, records | {"values": record(verb, series(2))})


@pytest.mark.parametrize("name", ["control", "covariates", "offset"])
def test_a_series_among_the_settings_is_told_by_its_values(name: str) -> None:
    make = frame if name == "covariates" else series
    found = [
        record(ut.interrupted_time_series, series(), "2021-06-01", **{name: make(seed)})
        for seed in (3, 3, 4)
    ]
    assert found[0] == found[1]
    assert found[0] != found[2]


STRUCTURAL = {
    "sup-F": {"regressors": frame(3), "covariance": "hac", "trim": 0.2, "start": 0.2, "end": 0.7},
    "Chow": {"date": "2021-07-01"},
    "OLS-MOSUM": {"window": 0.25, "functional": "range", "level": 0.1},
    "OLS-CUSUM": {"root_boundary": True},
    "Bai-Perron": {
        "min_size": 0.2,
        "max_breaks": 3,
        "breaks": 1,
        "criterion": "lwz",
        "confidence": 0.9,
    },
}


@pytest.mark.parametrize("test", STRUCTURAL)
def test_the_door_to_structural_tests(test: str) -> None:
    fixed = {"date": "2021-06-01"} if test == "Chow" else {}
    base = ut.structural_breaks(series(), test, **fixed).call
    assert ut.structural_breaks(series(), test, **fixed).call == base
    records = {
        key: ut.structural_breaks(series(), test, **fixed | {key: value}).call
        for key, value in STRUCTURAL[test].items()
    }
    records["values"] = ut.structural_breaks(series(2), test, **fixed).call
    all_differ(ut.structural_breaks, base, records)


def test_structural_tests_of_several_series() -> None:
    base = ut.structural_breaks(frame(1, 2)).call
    assert ut.structural_breaks(frame(1, 2)).call == base
    records = {
        "values": ut.structural_breaks(frame(1, 3)).call,
        "test": ut.structural_breaks(frame(1, 2), "OLS-CUSUM").call,
        "covariance": ut.structural_breaks(frame(1, 2), covariance="hac").call,
    }
    all_differ(ut.structural_breaks, base, records)


def test_monitoring() -> None:
    base = record(ut.monitor, series(), "2023-01-01")
    assert record(ut.monitor, series(), "2023-01-01") == base
    values = varied(ut.monitor, {"history", "new", *SELECTS})
    records = {
        key: record(ut.monitor, series(), "2023-01-01", **{key: value})
        for key, value in values.items()
    }
    records["new"] = record(ut.monitor, series(), "2023-02-01")
    records["history"] = record(ut.monitor, series(2), "2023-01-01")
    all_differ(ut.monitor, base, records)


def test_a_common_change() -> None:
    base = record(ut.common_change, frame(1, 2))
    assert record(ut.common_change, frame(1, 2)) == base
    values = varied(ut.common_change, {"data", *SELECTS})
    records = {
        key: record(ut.common_change, frame(1, 2), **{key: value}) for key, value in values.items()
    }
    all_differ(ut.common_change, base, records | {"data": record(ut.common_change, frame(1, 3))})


# Verbs that answer without estimating anything, or whose record is that of another verb.
UNRECORDED = {"as_events", "blocks", "build_store", "open_store", "event_catalogue", "build_panel"}


def test_no_verb_is_forgotten() -> None:
    """Whoever adds a verb says here how its record is tried."""
    verbs = {name for name in ut.__all__ if inspect.isfunction(getattr(ut, name))}
    files = Path(__file__).parent.glob("test_records*.py")
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    missing = [
        name for name in sorted(verbs - UNRECORDED - {*check_names()}) if f"ut.{name}" not in source
    ]
    assert missing == []


def test_choosing_series_is_told_by_what_was_chosen(panels) -> None:
    chosen = [
        record(verb, panels[0], *more, **settings)
        for verb, more in ((ut.interrupted_time_series, ("2021-06-01",)), (ut.change_points, ()))
        for settings in ({}, {"groups": ["senior"]}, {"groups": ["new"]})
    ]
    assert len({repr(one) for one in chosen}) == len(chosen)


def test_matching() -> None:
    found = [ut.change_points(series(seed), penalty="bic") for seed in (1, 1, 2)]
    base = record(match, found[0], "2021-06-01")
    assert record(match, found[1], "2021-06-01") == base
    values = varied(match, {"result", "events"})
    records = {
        key: record(match, found[0], "2021-06-01", **{key: value}) for key, value in values.items()
    }
    records["event"] = record(match, found[0], "2021-07-01")
    records["data"] = record(match, found[2], "2021-06-01")
    all_differ(match, base, records)


@pytest.fixture(scope="module")
def fitted() -> list[Any]:
    return [
        ut.interrupted_time_series(series(), event, method="ols-hac", terms=terms)
        for event, terms in (
            ("2021-06-01", ("level",)),
            ("2021-06-01", ("level",)),
            ("2021-07-01", ("level",)),
            ("2021-06-01", ("level", "slope")),
        )
    ]


CHECK_SETTINGS: dict[str, dict[str, Any]] = {"negative_control": {"group": "x"}}


@pytest.mark.parametrize("name", check_names())
def test_checks(name: str, fitted) -> None:
    make, said = check_class(name), CHECK_SETTINGS.get(name, {})

    def found(target: Any, /, **settings: Any) -> Call:
        outcome = make(**said | settings).found(target, "passed", pd.DataFrame(), "", {})
        call: Call = outcome.call
        return call

    first, again, event, terms = fitted
    base = found(first)
    assert found(again) == base
    values = varied(make, {"panel", "its", "control"}, OF_CHECKS.get(name))
    records = {key: found(first, **{key: value}) for key, value in values.items()}
    records |= {"the event of the result": found(event), "its terms": found(terms)}
    all_differ(make, base, records)


def test_comparisons_of_methods(fitted) -> None:
    first, again, event, _ = fitted
    base = record(ut.compare, first, ["reml-ar1"])
    assert record(ut.compare, again, ["reml-ar1"]) == base
    records = {
        "methods": record(ut.compare, first, {"mine": {"method": "reml-ar1"}}),
        "terms": record(ut.compare, first, ["reml-ar1"], terms=("effect_3m",)),
        "event": record(ut.compare, event, ["reml-ar1"]),
    }
    all_differ(ut.compare, base, records)


def test_a_check_is_recorded_where_it_is_run(fitted) -> None:
    check = ut.power(n_draws=19, event="2021-06-01")
    assert check(fitted[0]).call == Call.of(check, fitted[0], function="power")


def test_the_control_series_of_a_check_is_told_by_its_values(fitted) -> None:
    found = [
        Call.of(ut.negative_control(series(seed)), fitted[0], function="negative_control")
        for seed in (1, 1, 2)
    ]
    assert found[0] == found[1]
    assert found[0] != found[2]
