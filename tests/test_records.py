"""Two calls have equal records exactly when all their settings and all their data are equal."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from store_records import Records
from uploadtrends.breaks.counts import count_posterior
from uploadtrends.breaks.matching import match
from uploadtrends.breaks.segmentation import penalty_path
from uploadtrends.breaks.structural import bai_perron, chow, exp_f, ols_cusum, sup_f
from uploadtrends.checks.check import check_class, check_names
from uploadtrends.records import Artist, Credit, Upload
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


@pytest.fixture(scope="module")
def panels() -> list[ut.Panel]:
    """The same panel twice, and one of other artists."""
    rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    people = [
        population(60, platforms=("artstation",), start="2018-01-01", end="2022-12-31", seed=seed)
        for seed in (1, 1, 2)
    ]
    return [ut.build_panel(one, seniority=rule) for one in people]


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


def test_exposures(panels) -> None:
    first, again, others = panels
    who = first.artists["artist_id"].unique().sort().to_list()[:20]
    treated = dict.fromkeys(who, "2021-03-01")
    base = record(ut.exposure, first, treated)
    assert record(ut.exposure, again, treated) == base
    records = {
        "treated_from": record(ut.exposure, first, dict.fromkeys(who, "2021-04-01")),
        "platform": record(ut.exposure, first, treated, platform="artstation"),
        "panel": record(ut.exposure, others, treated),
    }
    all_differ(ut.exposure, base, records)

    found = [ut.exposure(panel, treated) for panel in (first, again)]
    found.append(ut.exposure(first, dict.fromkeys(who, "2021-04-01")))
    for verb, before in ((ut.matched, ()), (ut.exposure_effects, (first,))):
        base = record(verb, *before, found[0])
        assert record(verb, *before, found[1]) == base
        own = {"method": "coarsened" if verb is ut.matched else "twfe", "control": "never"}
        values = varied(verb, {"panel", "exposure"}, own)
        records = {
            key: record(verb, *before, found[0], **{key: value}) for key, value in values.items()
        }
        all_differ(verb, base, records | {"exposure": record(verb, *before, found[2])})


def test_a_study_of_one_exposure(panels) -> None:
    first, again, others = panels
    who = first.artists["artist_id"].unique().sort().to_list()[:20]
    treated = dict.fromkeys(who, "2021-03-01")

    def found(panel: ut.Panel, treated_from: Any = treated, **said: Any) -> Call:
        return record(ut.exposure_study, panel, treated_from, function="exposure_study", **said)

    base = found(first)
    assert found(again) == base
    own = {"match_on": ("tenure",), "match": "coarsened", "methods": ("twfe",), "control": "never"}
    own |= {"outcomes": ("active",), "platform": "artstation"}
    values = varied(ut.exposure_study, {"panel", "treated_from"}, own)
    records = {key: found(first, **{key: value}) for key, value in values.items()}
    records["treated_from"] = found(first, dict.fromkeys(who, "2021-04-01"))
    all_differ(ut.exposure_study, base, records | {"panel": found(others)})


def test_retraining_loops() -> None:
    works = np.random.default_rng(1).standard_normal((90, 2))
    small = {"n": 20, "generations": 2, "repeats": 2, "regime": "fresh", "generator": "gaussian"}
    base = record(ut.retraining_loop, works, **small)
    assert record(ut.retraining_loop, works.copy(), **small) == base
    changes = {"n": 21, "generations": 3, "repeats": 3, "regime": "augment", "generator": "kde"}
    changes |= {"fresh": 0.2, "sampling_bias": 0.9, "seed": 1}
    assert set(changes) == set(settings_of(ut.retraining_loop, {"data", "announce"}))
    records = {
        key: record(ut.retraining_loop, works, **small | {key: value})
        for key, value in changes.items()
    }
    records["data"] = record(ut.retraining_loop, works + 1.0, **small)
    all_differ(ut.retraining_loop, base, records)


def test_studies_of_loops(panels) -> None:
    first, again, others = panels
    base = record(ut.loop_study, first, iterations=1)
    assert record(ut.loop_study, again, iterations=1) == base
    own = {"generator": "kde", "regime": "fresh", "platform": "artstation", "window": 12}
    values = varied(ut.loop_study, {"panel", "folder", "announce"}, own)
    records = {
        key: record(ut.loop_study, first, **{"iterations": 1, key: v}) for key, v in values.items()
    }
    all_differ(
        ut.loop_study, base, records | {"panel": record(ut.loop_study, others, iterations=1)}
    )


class Words:
    """Captions a picture by its sum."""

    def caption(self, images: Any, seeds: Any) -> list[str]:
        return [f"{np.sum(image):.3f}" for image in images]


class OtherWords(Words):
    pass


class Brush:
    """Paints a number, a little off."""

    def paint(self, captions: Any, seeds: Any) -> list[np.ndarray]:
        return [np.full((2, 2), float(text) / 4 + 0.01) for text in captions]


class OtherBrush(Brush):
    pass


class Eye:
    """Embeds texts and pictures."""

    def encode(self, things: Any) -> np.ndarray:
        return np.array([[1.0, np.sum(np.asarray(one, dtype=float))] for one in things])


class OtherEye(Eye):
    pass


def test_caption_loops(tmp_path) -> None:
    def pictures(seed: int) -> list[np.ndarray]:
        return list(np.random.default_rng(seed).random((30, 2, 2)))

    parts = {"captioner": Words(), "painter": Brush(), "text_encoder": Eye()}
    said = {**parts, "image_encoder": Eye(), "iterations": 1, "reference": pictures(9)}
    base = record(ut.caption_loop, pictures(1), **said)
    assert record(ut.caption_loop, pictures(1), **said, folder=tmp_path / "kept") == base
    changes = {"iterations": 2, "repeats": 2, "seed": 1, "reference": pictures(8)}
    changes |= {"captioner": OtherWords(), "painter": OtherBrush()}
    changes |= {"text_encoder": OtherEye(), "image_encoder": OtherEye()}
    told = {"images", "folder", "announce", "keep_images"}
    assert set(changes) == set(settings_of(ut.caption_loop, told))
    records = {
        key: record(ut.caption_loop, pictures(1), **said | {key: value})
        for key, value in changes.items()
    }
    records["images"] = record(ut.caption_loop, pictures(2), **said)
    all_differ(ut.caption_loop, base, records)


def test_verdicts_and_arithmetic() -> None:
    courses = np.random.default_rng(3).standard_normal((40, 30)).cumsum(axis=0)
    base = record(ut.convergence, courses)
    assert record(ut.convergence, courses.copy()) == base
    changes = {"band": 0.2, "horizon": 0.6, "draws": 99, "seed": 1}
    records = {key: record(ut.convergence, courses, **{key: v}) for key, v in changes.items()}
    all_differ(ut.convergence, base, records | {"values": record(ut.convergence, courses + 1.0)})

    given = {"works": 30_000, "contribution": 0.3, "price": 0.5, "platform_cut": 0.3}
    base = record(ut.attribution_earnings, **given)
    changes = {key: value * 0.9 for key, value in given.items()}
    changes |= {"paid_at": "download", "downloaded": 0.5}
    records = {
        key: record(ut.attribution_earnings, **given | {"paid_at": "download"} | {key: value})
        for key, value in changes.items()
    }
    all_differ(ut.attribution_earnings, base, records)


def test_the_share_of_a_corpus(tmp_path) -> None:
    def panel(*labels: bool) -> ut.Panel:
        rows: list[Any] = [Artist("site", "a", "a")]
        for number, label in enumerate(labels):
            rows.append(Upload("site", str(number), datetime(2022, number + 1, 15), ai_label=label))
            rows.append(Credit("site", str(number), "a"))
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.duckdb"
        ut.build_store(path, [Records(*rows)])
        return ut.build_panel(path)

    works = panel(False, True, False)
    base = record(ut.synthetic_share, works)
    assert record(ut.synthetic_share, panel(False, True, False)) == base
    changes = {"window": 2, "sensitivity": (0.5, 0.9)}
    records = {key: record(ut.synthetic_share, works, **{key: v}) for key, v in changes.items()}
    records["panel"] = record(ut.synthetic_share, panel(False, True, True))
    all_differ(ut.synthetic_share, base, records)


# Verbs that answer without estimating anything, or whose record is that of another verb.
UNRECORDED = {"as_events", "blocks", "build_store", "open_store", "event_catalogue", "build_panel"}


def test_no_verb_is_forgotten() -> None:
    """Whoever adds a verb says here how its record is tried."""
    verbs = {name for name in ut.__all__ if inspect.isfunction(getattr(ut, name))}
    source = inspect.getsource(inspect.getmodule(test_no_verb_is_forgotten))
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


@pytest.mark.parametrize("verb", [ut.artist_model, ut.artist_hazards, ut.event_study])
def test_artist_models(verb, panels) -> None:
    first, again, others = panels
    base = record(verb, first, "2021-06-01")
    assert record(verb, again, "2021-06-01") == base
    values = varied(verb, {"panel", "events", "event"})
    records = {
        key: record(verb, first, "2021-06-01", **{key: value}) for key, value in values.items()
    }
    records["event"] = record(verb, first, "2021-07-01")
    records["panel"] = record(verb, others, "2021-06-01")
    records["rule"] = record(verb, first.with_seniority(None), "2021-06-01")
    all_differ(verb, base, records)


def test_differences_in_differences(panels) -> None:
    def found(event="2021-06-01", **settings: Any) -> Call:
        return record(
            ut.difference_in_differences,
            panels[0],
            event,
            **{"exposed": "senior", "unexposed": "new", "by": "group"} | settings,
        )

    base = found()
    assert found() == base
    records = {
        "event": found("2021-07-01"),
        "exposed": found(exposed="later"),
        "unexposed": found(unexposed="later"),
        "by": found(by="platform"),
        "passed on": found(terms=("slope",)),
    }
    all_differ(ut.difference_in_differences, base, records)


def test_sensitivity_and_decomposition(panels) -> None:
    first, again, others = panels
    models = [
        ut.artist_model(panel, event, inference="cluster", terms=("level",))
        for panel, event in ((first, "2021-06-01"), (again, "2021-06-01"), (first, "2021-09-01"))
    ]
    base = record(ut.artist_sensitivity, models[0])
    assert record(ut.artist_sensitivity, models[1]) == base
    records = {
        "models": record(ut.artist_sensitivity, models[0], models=("gee",)),
        "confidence": record(ut.artist_sensitivity, models[0], confidence=0.9),
        "model": record(ut.artist_sensitivity, models[2]),
    }
    all_differ(ut.artist_sensitivity, base, records)

    windows = ("2020-01-01", "2020-12-31"), ("2021-07-01", "2022-06-30")
    base = record(first.decompose, *windows)
    assert record(again.decompose, *windows) == base
    values = {"rule": "shapley", "n_bootstrap": 9, "confidence": 0.9, "seed": 3}
    records = {
        key: record(first.decompose, *windows, **{key: value}) for key, value in values.items()
    }
    records["before"] = record(first.decompose, ("2020-01-01", "2020-11-30"), windows[1])
    records["after"] = record(first.decompose, windows[0], ("2021-07-01", "2022-05-31"))
    records["panel"] = record(others.decompose, *windows)
    all_differ(first.decompose, base, records)


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
