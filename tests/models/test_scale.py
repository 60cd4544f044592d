"""The scale and the size of the noise are what the data say; a straight line stays straight."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.events import as_events
from uploadtrends.models.estimators.averaged import fit_averaged
from uploadtrends.models.preparation import prepare
from uploadtrends.models.settings import Settings
from uploadtrends.series.named import named_series
from uploadtrends.simulate import ar1_series

N = 120
INDEX = pd.date_range("2012-01-01", periods=N, freq="MS")
EVENT = str(INDEX[72].date())
STRAIGHT = np.linspace(60, 20, N)


def noise(seed: int, rho: float = 0.4) -> np.ndarray:
    return ar1_series(1, N, rho=rho, seed=seed)[0]


def claimed(effects: pd.DataFrame) -> pd.Series:
    return (effects["p"] <= 0.05) & effects["depends_on"].eq("") & effects["status"].eq("ok")


@pytest.mark.parametrize("kind", ["level", "log"])
def test_noise_that_goes_with_the_mean_is_no_sign_of_a_wrong_model(kind: str) -> None:
    """A decline to a third takes the noise of one scale or of the other with it."""
    statuses, claims = [], 0
    for seed in range(10):
        size = 3 * noise(seed) if kind == "level" else STRAIGHT * np.expm1(0.1 * noise(seed))
        result = ut.interrupted_time_series(pd.Series(STRAIGHT + size, INDEX), EVENT)
        statuses.append(result.fits[0].status)
        claims += int(claimed(result.effects).any())
    assert statuses.count("ok") >= 9
    assert claims <= 1


def test_noise_that_changes_at_the_event_alone_still_is() -> None:
    for seed in range(3):
        size = 3 * noise(seed) * np.where(np.arange(N) >= 72, 3, 1)
        result = ut.interrupted_time_series(pd.Series(100 + size, INDEX), EVENT)
        assert result.fits[0].status == "exploratory"
        assert "noise is of another size" in result.fits[0].reason


def test_the_fit_is_that_of_the_outcome_over_the_size_of_its_errors() -> None:
    y = STRAIGHT * np.exp(0.1 * noise(1))
    fit = ut.interrupted_time_series(pd.Series(y, INDEX), EVENT).fits[0]
    prepared, estimate = fit.prepared, fit.estimate
    assert fit.scale == "level"
    assert prepared.spread is not None
    # The noise is proportional to the mean: the power is two, or next to it.
    size = np.log(prepared.spread)
    line = np.log(np.maximum(fit.fitted.to_numpy(), 1))
    assert 1.4 <= 2 * np.polyfit(line, size, 1)[0] <= 2.1
    assert np.exp(size.mean()) == pytest.approx(1.0)
    sizes = prepared.spread
    again = fit_averaged(
        y / sizes,
        prepared.design.fitted / sizes[:, None],
        np.arange(float(N)),
        prepared.settings,
    )
    np.testing.assert_allclose(estimate.mean, again.mean, rtol=1e-12)
    np.testing.assert_allclose(estimate.rows @ y, estimate.mean, rtol=1e-6)
    np.testing.assert_allclose(estimate.raw_residuals, y - prepared.design.fitted @ estimate.mean)
    band = fit.counterfactual
    width = (band["high"] - band["low"]).to_numpy()
    assert "The variance goes with the mean to the power" in fit.rule
    assert width[0] > 3.5 * estimate.sigma.min() * sizes[72]
    # Known sizes, white noise, a line: the ratio of widths follows that of the sizes.
    assert width[-1] < width[0]


def test_a_stated_scale_has_errors_of_one_size() -> None:
    y = pd.Series(STRAIGHT * np.exp(0.1 * noise(1)), INDEX)
    for asked in ({"scale": "level"}, {"scale": "log"}, {"errors": "ar1"}):
        assert ut.interrupted_time_series(y, EVENT, **asked).fits[0].prepared.spread is None


def test_where_the_data_cannot_tell_the_scale_with_less_change_comes_first() -> None:
    """Exponential growth under noise of one size: a break of slope on the scale of the data."""
    course = 20 * 3 ** np.linspace(0, 1, 60)
    first, marked = [], 0
    for seed in range(8):
        y = np.maximum(course + 3 * noise(seed)[:60], 0.5)
        result = ut.interrupted_time_series(pd.Series(y, INDEX[:60]), str(INDEX[36].date()))
        first.append(result.fits[0].scale)
        marked += int((result.effects.set_index("term").loc[["slope"], "depends_on"] != "").sum())
    assert first.count("log") >= 6
    assert marked <= 2


def test_a_row_that_claims_nothing_on_either_scale_is_not_marked() -> None:
    """The other scale's slope is significant and falls to a bend: nothing is left to overturn."""
    course = 20 * 3 ** np.linspace(0, 1, 60)
    seen = 0
    for seed in range(12):
        y = np.maximum(course + 3 * noise(seed)[:60], 0.5)
        table = ut.interrupted_time_series(pd.Series(y, INDEX[:60]), str(INDEX[36].date())).effects
        row = table.set_index("term").loc["slope"]
        if row["p"] > 0.05 >= row["other_p"] and row["depends_on"] == "":
            seen += 1
    assert seen >= 2


@pytest.mark.parametrize(
    ("course", "shape", "wanted"),
    [
        ("straight", "multiplied", "level"),
        ("straight", "added", "level"),
        ("exponential", "added", "log"),
        ("exponential", "multiplied", "log"),
    ],
)
def test_the_shape_of_the_noise_does_not_choose_the_course_of_a_thousand_days(
    course: str, shape: str, wanted: str
) -> None:
    """Lognormal days add to the likelihood of the logarithm whatever the course, day by day."""
    days = pd.date_range("2015-01-01", periods=1100, freq="D")
    t = np.linspace(0, 1, days.size)
    mean = 60 - 40 * t if course == "straight" else 20 * 3**t
    found = []
    for seed in range(5):
        draws = ar1_series(1, days.size, rho=0.4, seed=seed)[0]
        values = mean * np.exp(0.1 * draws) if shape == "multiplied" else mean + 3 * draws
        prepared = prepare(
            named_series(pd.Series(values, days))[0], as_events(str(days[770].date())), Settings()
        )
        found.append(prepared.choice.scale)
        if shape == "multiplied" and prepared.choice.scale == "level":
            assert prepared.spread is not None
    assert found == [wanted] * 5


@pytest.mark.parametrize("course", ["straight", "exponential"])
def test_nor_does_it_in_ten_years_of_months(course: str) -> None:
    """Noise of the other scale: with its shape the course was read wrong in a sixth of 40."""
    t = np.linspace(0, 1, N)
    wanted = "level" if course == "straight" else "log"
    wrong = 0
    for seed in range(40):
        y = (
            STRAIGHT * np.exp(0.1 * noise(seed))
            if wanted == "level"
            else 20 * 3**t + 3 * noise(seed)
        )
        found = prepare(named_series(pd.Series(y, INDEX))[0], as_events(EVENT), Settings())
        wrong += found.choice.scale != wanted and found.decided
    assert wrong <= 2
