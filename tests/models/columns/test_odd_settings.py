"""Settings, names and regressors as people give them: the right number, or a refusal by name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.limits import inside, whole_number

MONTHS = pd.date_range("2019-01-01", periods=60, freq="MS")
EVENT = "2021-07-01"
RNG = np.random.default_rng(5)
SERIES = pd.Series(100 + RNG.normal(0, 1, 60) - 20 * (np.arange(60) >= 30), MONTHS)
BESIDE = pd.Series(50 + RNG.normal(0, 3, 60), MONTHS, name="beside")
BOTH = SERIES + 2 * (BESIDE - 50)


def its(data: Any, **settings: Any) -> Any:
    plain = {"scale": "level", "season": "none", "errors": "ar1"}
    return ut.interrupted_time_series(data, EVENT, **(plain | settings))


def level(data: Any, **settings: Any) -> float:
    effects = its(data, **settings).effects
    return float(effects.loc[effects["term"] == "level", "estimate"].iloc[0])


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"horizons": [1.5]}, "horizons"),
        ({"horizons": 0}, "horizons"),
        ({"lag": 1.5}, "lag"),
        ({"lag": True}, "lag"),
        ({"ramp_start": -1}, "ramp_start"),
        ({"onset_periods": 0}, "onset_periods"),
        ({"terms": ("pulse",), "pulse_periods": 0}, "pulse_periods"),
        ({"washout": -1}, "washout"),
        ({"season": True}, "season"),
        ({"confidence": 95}, "confidence"),
        ({"method": "ols-hac", "hac_lags": -1}, "hac_lags"),
        ({"method": "ols-hac", "hac_lags": 60}, "hac_lags"),
        ({"method": "arima", "seasonal": (0, 1, 1, 1)}, "seasonal"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(settings: dict, named: str) -> None:
    with pytest.raises(InputError) as caught:
        its(SERIES, **settings)
    assert (caught.value.column, bool(caught.value.fix)) == (named, True)


def test_one_horizon_and_doubled_settings_are_what_they_say() -> None:
    terms = its(SERIES, horizons=6, terms=("level", "level")).effects["term"].tolist()
    assert terms == ["level", "effect_6m", "effect_end", "cumulative"]
    assert its(SERIES, horizons=(6, 6)).effects["term"].tolist().count("effect_6m") == 1


@pytest.mark.parametrize(
    "data",
    [
        {1: SERIES, "1": SERIES},
        {None: SERIES, "None": SERIES},
        pd.DataFrame({np.nan: SERIES, "nan": SERIES}),
    ],
)
def test_series_that_no_table_can_tell_apart_are_refused(data: Any) -> None:
    for verb in (its, ut.change_points):
        with pytest.raises(InputError, match="names that read the same"):
            verb(data)


def test_a_refusal_names_the_series_that_it_is_about() -> None:
    shuffled = BESIDE.sample(frac=1, random_state=1)
    for data, settings in (
        ({"works": shuffled}, {}),
        (SERIES, {"control": shuffled.rename("works")}),
        (SERIES, {"covariates": pd.DataFrame({"works": shuffled})}),
    ):
        with pytest.raises(InputError, match="not in order") as caught:
            its(data, **settings)
        assert caught.value.column == ("control" if "control" in settings else "works")
    with pytest.raises(InputError, match="infinite") as caught:
        its(SERIES, control=BESIDE.where(MONTHS[3] != MONTHS, np.inf))
    assert "control" in str(caught.value)


def test_dates_in_the_columns_are_turned() -> None:
    wide = pd.DataFrame([SERIES, SERIES + 1], index=["a", "b"])
    with pytest.raises(InputError) as caught:
        its(wide)
    assert caught.value.fix == "pass frame.T"
    assert level(wide.T) == pytest.approx(level(SERIES), abs=1e-9)


def test_regressors_of_any_shape_and_label_are_the_same_regressor() -> None:
    want = level(BOTH, control=BESIDE)
    ends = BESIDE.set_axis(MONTHS + pd.offsets.MonthEnd(0))
    both = pd.DataFrame({"works": BOTH, "beside": BESIDE})
    for data, given in (
        (BOTH, {"control": BESIDE.to_frame()}),
        (BOTH, {"control": ends}),
        (BOTH, {"covariates": {"beside": ends}}),
        (BOTH, {"covariates": BESIDE.to_frame().set_axis([0], axis=1)}),
        (both, {"covariates": "beside"}),
        (both, {"formula": "beside"}),
    ):
        assert level(data, **given) == pytest.approx(want, abs=1e-6)
    noise = pd.Series(RNG.normal(size=60), MONTHS, name="noise")
    labelled = noise.set_axis(MONTHS + pd.offsets.MonthEnd(0))
    two = level(BOTH, covariates=pd.DataFrame({"beside": BESIDE, "noise": noise}))
    assert level(both, formula="beside + noise", covariates=labelled) == pytest.approx(two)
    with pytest.raises(InputError, match="none is an outcome"):
        its(both, covariates=["works", "beside"])
    twice = pd.DataFrame({1: BESIDE, "1": noise})
    with pytest.raises(InputError, match="covariates have names"):
        its(BOTH, covariates=twice)


def test_periods_that_a_regressor_leaves_out_are_counted() -> None:
    holed = BESIDE.where(np.arange(60) % 5 != 1).to_frame()
    found = its(BOTH, covariates=holed)
    assert "12 months left out, where beside has no value" in found.summary()
    gone = its(BOTH.where(holed["beside"].notna()), control=BESIDE)
    level = [f.effects.set_index("term").estimate["level"] for f in (found, gone)]
    assert level[0] == pytest.approx(level[1], abs=1e-6)


def test_an_event_that_the_data_cannot_tell_from_another_is_in_its_number() -> None:
    found = ut.interrupted_time_series(SERIES, ["2021-07-02", "2021-07-20"], merge=False)
    assert "what '2021-07-20' changed is counted with '2021-07-02'" in found.summary()


def test_nothing_observed_one_huge_period_and_huge_numbers() -> None:
    frame = pd.DataFrame({"works": SERIES, "nothing": np.nan})
    status = ut.interrupted_time_series(frame, EVENT).effects.groupby("group")["status"].first()
    assert status.to_dict() == {"nothing": "refused", "works": "ok"}
    odd = ut.interrupted_time_series(SERIES.where(MONTHS[40] != MONTHS, 1e9), EVENT)
    assert "nan" not in odd.summary()
    with pytest.raises(InputError, match="larger unit"):
        ut.interrupted_time_series(SERIES * 1e300, EVENT)


def test_residuals_where_there_is_no_logarithm_are_missing() -> None:
    refused = its(SERIES.where(MONTHS[3] != MONTHS, 0), scale="log")
    assert np.isnan(refused.fits[0].residuals.iloc[3])


@pytest.mark.parametrize("value", [2, 2.0, np.int8(2), np.float32(2), Decimal(2)])
def test_whole_numbers_of_any_kind_are_whole_numbers(value: object) -> None:
    assert whole_number("lag", value) == 2
    assert whole_number("seed", 2**60 + 1) == 2**60 + 1


@pytest.mark.parametrize("value", [-1, 1.5, True, "2", None, np.nan, np.inf, [2], 9])
def test_what_is_no_whole_number_inside_the_limits_is_refused_by_name(value: object) -> None:
    with pytest.raises(InputError, match="lag is a whole number from 0 to 8") as caught:
        whole_number("lag", value, most=8)
    assert (caught.value.column, caught.value.fix) == ("lag", "use 0")


@pytest.mark.parametrize("value", [0, 1, 95, -0.5, np.nan, "0.95", True, None])
def test_a_share_lies_between_its_limits(value: object) -> None:
    with pytest.raises(InputError, match="confidence lies between 0 and 1"):
        inside("confidence", value)
    assert inside("confidence", 0.9) == 0.9


def test_rows_that_do_not_exist_are_not_compared() -> None:
    with pytest.raises(InputError, match="unknown terms"):
        ut.compare(its(SERIES), terms=("jump",))
    assert ut.compare(its(SERIES), "ols-hac", terms="level").to_frame()["term"].nunique() == 1


def test_an_index_without_frequency_is_read_as_that_of_a_series() -> None:
    days = pd.DatetimeIndex(list(MONTHS))
    assert len(ut.blocks(["2021-07-01", "2021-08-01"], days)) == 1
    with pytest.raises(InputError, match="holds no dates"):
        ut.blocks(["2021-07-01"], range(10))  # type: ignore[arg-type]


def test_effects_without_percents_have_no_p_of_their_median() -> None:
    found = its(SERIES - 200).check(ut.specification_curve(n=4, n_draws=19))
    assert found.to_frame()[["median_percent", "p_median"]].isna().all(axis=None)
    assert "nan" not in str(found)
    with pytest.raises(InputError, match="estimate in percent"):
        found.plot()


def test_a_check_without_an_answer_has_a_figure_that_says_so() -> None:
    found = its(SERIES[:31]).check(ut.placebo_dates(n=19))
    assert found.status == "not applicable"
    assert "Nothing to draw" in found.plot().caption


def test_one_choice_of_a_curve_is_a_choice() -> None:
    curves = (ut.specification_curve(choices={"scale": log}) for log in ("log", ("log",)))
    assert len({str(curve) for curve in curves}) == 1


@pytest.mark.parametrize(
    ("check", "settings", "named"),
    [
        (ut.placebo_dates, {"n": "many"}, "n"),
        (ut.placebo_dates, {"seed": -1}, "seed"),
        (ut.placebo_dates, {"window": (1, 2, 3)}, "window"),
        (ut.anticipation, {"n_draws": 0}, "n_draws"),
        (ut.anticipation, {"leads": 1.5}, "leads"),
        (ut.multiplicity, {"alpha": 95}, "alpha"),
        (ut.power, {"n_draws": 1.5}, "n_draws"),
        (ut.power, {"target": 80}, "target"),
        (ut.specification_curve, {"alpha": 0}, "alpha"),
        (ut.specification_curve, {"n": 1.5}, "n"),
        (ut.specification_curve, {"choices": {"scale": ["cubic"]}}, "scale"),
    ],
)
def test_a_check_that_cannot_fail_is_not_made(check: Any, settings: dict, named: str) -> None:
    with pytest.raises(InputError) as caught:
        check(**settings)
    assert (caught.value.column, bool(caught.value.fix)) == (named, True)


@pytest.mark.parametrize(
    ("given", "months"),
    [
        ("2023-12", 60),
        ("2023-11", 59),
        ("2023", 60),
        ("2023Q4", 60),
        ("2023-12-30", 59),
        (pd.Period("2023-12"), 60),
        (pd.Timestamp("2023-12-31"), 60),
        (pd.Timestamp("2023-12-31 10:00"), 59),
    ],
)
def test_data_are_complete_to_the_end_of_what_is_said(given: Any, months: int) -> None:
    assert len(its(SERIES, complete_to=given).fits[0].observed) == months
    hours = SERIES.set_axis(pd.date_range("2021-06-30", periods=60, freq="h"))
    assert len(its(hours, complete_to="2021-07-02 06:00").fits[0].observed) == 54
    with pytest.raises(InputError, match="not a date") as caught:
        its(SERIES, complete_to="soon")
    assert caught.value.column == "complete_to"


def test_regressors_that_are_no_series_and_names_that_are_numbers() -> None:
    for given in (BESIDE.to_numpy(), 3):
        with pytest.raises(InputError) as caught:
            its(SERIES, covariates=given)
        assert caught.value.column == "covariates"
    frame = pd.DataFrame({1: SERIES, ("a", "b", "c"): SERIES})
    found = its(frame, control={1: BESIDE, "a, b, c": BESIDE}).effects
    assert found["group"].unique().tolist() == ["1", "a, b, c"]
    one_level = SERIES.set_axis(pd.MultiIndex.from_arrays([MONTHS]))
    assert level(one_level) == pytest.approx(level(SERIES), abs=1e-9)


@pytest.mark.parametrize("method", ["poisson", "quasi-poisson", "negative-binomial"])
def test_counts_of_any_size_are_fitted(method: str) -> None:
    after = np.arange(60) >= 30
    for mean in (1e4, 1e6, 1e12):
        counts = pd.Series(np.round(mean * np.where(after, 0.8, 1.0) * (1 + 1e-4 * BESIDE)), MONTHS)
        settings = {"scale": "counts", "method": method, "terms": ("level",), "trend": False}
        want = np.log(counts[after].mean() / counts[~after].mean())
        assert level(counts, **settings) == pytest.approx(want, rel=1e-6)
    rates = counts * 1e-14
    if method == "quasi-poisson":
        assert level(rates, **settings) == pytest.approx(want, rel=1e-6)
        assert "no whole numbers" not in its(rates, **settings).summary()
    else:
        assert "the values are no whole numbers" in its(rates, **settings).summary()


def test_what_is_asked_of_a_fit_is_refused_by_name() -> None:
    found = its(SERIES)
    for ask, named in (
        (lambda: found.fits[0].predict(2.5), "horizon"),
        (lambda: found.fits[0].bootstrap(draws=9), "draws"),
        (lambda: found.fits[0].bootstrap(seed=-1), "seed"),
        (lambda: found.refit(metod="ols-hac"), "setting"),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert (caught.value.column, bool(caught.value.fix)) == (named, True)


def test_results_are_the_same_as_themselves_only() -> None:
    found, again = its(SERIES), its(SERIES)
    assert found == found
    assert found != again
    assert len({found, again}) == 2
