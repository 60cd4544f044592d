from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import pytest

from uploadtrends import InputError, change_points
from uploadtrends.breaks.result import COLUMNS
from uploadtrends.simulate import ar1_series

RNG = np.random.default_rng(0)
STEP = np.repeat([10.0, 4.0], 30) + RNG.normal(size=60)
FLAT = 10 + RNG.normal(size=60)


def test_nile_is_dated_by_the_first_year_of_the_new_regime(nile: pd.Series) -> None:
    found = change_points(nile)
    frame = found.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    (row,) = frame.itertuples()
    assert row.date == pd.Timestamp("1899-01-01")
    assert row.low <= row.date <= row.high
    assert row.high.year - row.low.year <= 8
    assert row.before == pytest.approx(1097.75)
    assert row.after == pytest.approx(849.972222, rel=1e-6)
    assert row.p < 0.05
    assert row.status == "ok"
    assert "1899" in found.summary()


def test_nothing_is_said_when_nothing_is_there(monthly) -> None:
    found = change_points(monthly(FLAT, name="uploads"))
    (row,) = found.to_frame().itertuples()
    assert row.status == "no change"
    assert pd.isna(row.date)
    assert row.p > 0.05
    assert "by chance" in row.reason
    assert found.summary().startswith("uploads: no change found")
    fit = found.fits[0]
    assert fit.fitted.nunique() == 1
    assert len(found.segments) == 1


def test_eleven_points_are_refused_with_a_reason(monthly) -> None:
    found = change_points(monthly(STEP[25:36]))
    (row,) = found.to_frame().itertuples()
    assert row.status == "refused"
    assert "11 observed periods" in row.reason
    assert found.fits[0].fitted.empty
    assert len(found.fits[0].observed) == 11
    assert found.segments.empty
    assert found.to_dict()["table"][0]["status"] == "refused"


@pytest.mark.parametrize(
    ("values", "status", "reason"),
    [
        (np.full(40, 3.0), "no change", "never varies"),
        (np.zeros(40), "no change", "never varies"),
        (np.full(40, np.nan), "refused", "0 observed"),
        (np.where(np.arange(40) % 3, np.nan, STEP[:40]), "refused", "missing"),
    ],
)
def test_degenerate_series(monthly, values: np.ndarray, status: str, reason: str) -> None:
    (row,) = change_points(monthly(values)).to_frame().itertuples()
    assert row.status == status
    assert reason in row.reason


def test_exact_steps_and_lines_do_not_break_anything(monthly) -> None:
    exact = change_points(monthly(np.repeat([1.0, 2.0], 20)))
    assert exact.to_frame()["date"].iloc[0] == pd.Timestamp("2019-09-01")
    line = change_points(monthly(np.arange(40.0)))
    assert np.isfinite(line.fits[0].p)
    huge = change_points(monthly(1e12 + 1e9 * STEP))
    assert (
        huge.to_frame()["date"].iloc[0] == change_points(monthly(STEP)).to_frame()["date"].iloc[0]
    )
    one = np.zeros(40)
    one[20] = 1e6
    assert change_points(monthly(one)).fits[0].status in ("ok", "no change")


def test_gaps_are_bridged_and_the_interval_covers_them(monthly) -> None:
    values = np.repeat([10.0, 4.0], 30) + np.random.default_rng(1).normal(size=60)
    values[[5, 28, 29, 30]] = np.nan
    found = change_points(monthly(values))
    (row,) = found.to_frame().itertuples()
    index = found.fits[0].index
    assert index.get_loc(row.low) <= 28
    assert index.get_loc(row.high) >= 31
    assert "4 missing periods" in row.reason
    assert found.fits[0].observed.isna().sum() == 4


def test_leading_and_trailing_gaps_are_cut(monthly) -> None:
    values = np.concatenate([[np.nan] * 5, STEP, [np.nan] * 4])
    found = change_points(monthly(values))
    assert len(found.fits[0].observed) == 60
    assert found.to_frame()["date"].iloc[0] == pd.Timestamp("2018-06-01") + pd.DateOffset(months=30)


def test_several_series_keep_their_names(monthly) -> None:
    series = {("artstation", "senior"): monthly(STEP), ("deviantart", "new"): monthly(FLAT)}
    frame = change_points(series).to_frame()
    assert frame[["platform", "group", "status"]].to_numpy().tolist() == [
        ["artstation", "senior", "ok"],
        ["deviantart", "new", "no change"],
    ]
    wide = pd.DataFrame({"a": monthly(STEP), "b": monthly(FLAT)})
    assert change_points(wide).to_frame()["group"].tolist() == ["a", "b"]
    assert change_points(wide, groups=["b"]).to_frame()["group"].tolist() == ["b"]
    assert change_points(series, platforms="artstation").to_frame()["group"].tolist() == ["senior"]


class PanelLike:
    """The two methods of a panel that change points use."""

    def __init__(self, series: pd.Series) -> None:
        self.asked: list[str] = []
        self._series = series

    def keys(self) -> list[tuple[str, str]]:
        return [("artstation", "all"), ("deviantart", "senior")]

    def series(self, platform: str, group: str, unit: str) -> pd.Series:
        self.asked.append(unit)
        return self._series


def test_a_panel_is_asked_for_its_unit(monthly) -> None:
    panel = PanelLike(monthly(STEP))
    frame = change_points(panel, unit="active_artists").to_frame()
    assert panel.asked == ["active_artists"] * 2
    assert frame["platform"].tolist() == ["artstation", "deviantart"]


@pytest.mark.parametrize("freq", ["YS", "QS", "MS", "W-MON", "D", "h"])
def test_any_regular_frequency(freq: str) -> None:
    series = pd.Series(STEP, pd.date_range("1990-01-01", periods=60, freq=freq))
    found = change_points(series)
    assert found.to_frame()["date"].iloc[0] == series.index[30]
    assert str(series.index[30].year) in found.summary()


def test_month_ends_periods_and_time_zones_are_the_same_months(monthly) -> None:
    plain = change_points(monthly(STEP)).to_frame()["date"].iloc[0]
    ends = pd.Series(STEP, pd.date_range("2018-01-31", periods=60, freq="ME"))
    periods = pd.Series(STEP, pd.period_range("2018-01", periods=60, freq="M"))
    zoned = pd.Series(STEP, pd.date_range("2018-01-01", periods=60, freq="MS", tz="UTC"))
    for series in (ends, periods, zoned):
        assert change_points(series).to_frame()["date"].iloc[0] == plain


def test_a_season_is_removed_and_given_back(monthly) -> None:
    wave = 4 * np.sin(2 * np.pi * np.arange(60) / 12)
    found = change_points(monthly(STEP + wave))
    fit = found.fits[0]
    assert "12-period season removed" in fit.season
    assert found.to_frame()["date"].iloc[0] == pd.Timestamp("2020-07-01")
    assert np.corrcoef(fit.fitted, STEP + wave)[0, 1] > 0.95
    assert change_points(monthly(STEP), season=False).fits[0].season == "none"


def test_regimes_keep_their_shortest_length(monthly) -> None:
    late = np.random.default_rng(2).normal(size=72) - 3.0 * (np.arange(72) >= 66)
    for trend in (True, False):
        for change in change_points(monthly(late), trend=trend, min_size=20).fits[0].changes:
            assert 20 <= change.position <= 52


def test_trend_false_has_flat_regimes_and_more_power(monthly) -> None:
    rows = ar1_series(40, 72, rho=0.4, step=2, step_at=36, seed=2)
    with_trend = [bool(change_points(monthly(row)).fits[0].changes) for row in rows]
    without = [change_points(monthly(row), trend=False).fits[0] for row in rows]
    assert sum(bool(fit.changes) for fit in without) > sum(with_trend)
    assert all(c.slope_before == c.slope_after == 0 for fit in without for c in fit.changes)


def test_a_bend_has_slopes(monthly) -> None:
    time = np.arange(80)
    bend = 0.5 * time - 1.0 * np.maximum(time - 40, 0) + np.random.default_rng(3).normal(size=80)
    (change,) = change_points(monthly(bend)).fits[0].changes
    assert abs(change.position - 40) <= 3
    assert change.slope_before == pytest.approx(0.5, abs=0.05)
    assert change.slope_after == pytest.approx(-0.5, abs=0.05)
    assert "per month" in change_points(monthly(bend)).summary()


@pytest.mark.parametrize("cost", ["mean", "mean_variance", "linear", "autoregressive"])
@pytest.mark.parametrize("penalty", ["mbic", "bic", "crops", 30.0])
def test_descriptive_costs_and_penalties(monthly, cost: str, penalty: object) -> None:
    found = change_points(monthly(STEP), cost=cost, penalty=penalty, min_size=6)
    fit = found.fits[0]
    assert fit.cost == cost
    assert np.isnan(fit.p)
    for change in fit.changes:
        assert change.low <= change.date <= change.high
        assert change.probability.sum() == pytest.approx(1, abs=0.02)


def test_counts_can_have_their_own_cost(monthly) -> None:
    counts = np.random.default_rng(1).poisson(np.repeat([30, 12], 30)).astype(float)
    for cost in ("poisson", "negative_binomial"):
        (change,) = change_points(monthly(counts), cost=cost, penalty="mbic").fits[0].changes
        assert abs(change.position - 30) <= 1


def test_one_hundred_thousand_hours_are_usable() -> None:
    rng = np.random.default_rng(3)
    n = 100_000
    values = rng.normal(size=n) + 0.4 * (np.arange(n) >= 70_000)
    series = pd.Series(values, pd.date_range("2010-01-01", periods=n, freq="h"))
    (change,) = change_points(series).fits[0].changes
    assert abs(change.position - 70_000) < 200
    assert change.low <= series.index[70_000] <= change.high


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"confidence": 95}, "confidence"),
        ({"min_size": 1}, "at least 2"),
        ({"season": "stl"}, "unknown season"),
        ({"cost": "mean"}, "calibrated penalty"),
        ({"penalty": "aic"}, "unknown penalty"),
        ({"penalty": "mbic", "cost": "nothing"}, "unknown cost"),
        ({"groups": ["absent"]}, "no such group"),
    ],
)
def test_bad_arguments_are_named(monthly, arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        change_points(monthly(STEP), **arguments)


@pytest.mark.parametrize("data", [[1, 2, 3], {"a": [1, 2]}, {}, None, "uploads"])
def test_bad_data_are_named(data: object) -> None:
    with pytest.raises(InputError):
        change_points(data)


def test_results_are_portable_and_say_how_they_were_made(monthly) -> None:
    found = change_points(monthly(STEP), seed=3)
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())
    assert found.call.parameters["seed"] == 3
    assert len(found.call.data_fingerprint) == 64
    json.dumps(found.to_dict())
    assert "<table" in found._repr_html_()
    assert "2020-07" in repr(found)
    with pytest.raises(AttributeError):
        found.confidence = 0.5  # type: ignore[misc]
    segments = found.segments
    assert segments["periods"].sum() == 60
    assert segments["end"].iloc[0] < segments["start"].iloc[1]


def test_probability_between_two_dates(monthly) -> None:
    (change,) = change_points(monthly(STEP)).fits[0].changes
    assert change.probability_between("2018-01-01", "2022-12-01") == pytest.approx(1, abs=0.01)
    assert change.probability_between(change.low, change.high) >= 0.94
    assert change.probability_between("2018-01-01", "2018-12-01") == pytest.approx(0, abs=0.01)
    with pytest.raises(InputError, match="reads two ways"):
        change.probability_between("01.06.2018", "2022-12-01")
