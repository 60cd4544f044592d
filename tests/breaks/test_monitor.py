from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from uploadtrends import InputError, monitor
from uploadtrends.breaks.monitoring.result import COLUMNS
from uploadtrends.simulate import ar1_series


def series(step: float = 0.0, *, rho: float = 0.3, seed: int = 0, at: int = 60) -> pd.Series:
    values = 50 + ar1_series(1, 84, rho=rho, step=step, step_at=at, seed=seed)[0]
    return pd.Series(values, pd.date_range("2019-01-01", periods=84, freq="MS"), name="uploads")


def test_a_drop_raises_an_alarm_and_is_dated() -> None:
    found = monitor(series(-4.0, at=62), "2024-01")
    (row,) = found.to_frame().itertuples()
    assert list(found.to_frame().columns) == list(COLUMNS)
    assert row.status == "alarm"
    assert pd.Timestamp("2024-03-01") <= row.alarm <= pd.Timestamp("2024-08-01")
    assert row.began == pd.Timestamp("2024-03-01")
    assert row.share_of_boundary > 1
    assert row.p <= 0.05
    assert "alarm at 2024-" in found.summary()
    assert "the change began about 2024-" in found.summary()


def test_nothing_is_said_where_nothing_happens() -> None:
    found = monitor(series(), "2024-01")
    (row,) = found.to_frame().itertuples()
    assert row.status == "quiet"
    assert pd.isna(row.alarm)
    assert 0 < row.share_of_boundary < 1
    assert "no alarm since 2024-01 (24 periods watched" in found.summary()
    assert found.alarms.empty


def test_history_and_new_periods_can_come_apart() -> None:
    whole = series(-4.0)
    one = monitor(whole, "2024-01").to_frame()
    two = monitor(whole[:60], whole[60:]).to_frame()
    pd.testing.assert_frame_equal(one, two)
    data = {("a", "senior"): whole, ("b", "senior"): series(seed=3)}
    past = {key: values[:60] for key, values in data.items()}
    more = {key: values[60:] for key, values in data.items()}
    assert monitor(past, more).to_frame()["status"].tolist() == ["alarm", "quiet"]


def test_an_alarm_stays_where_it_was_when_more_periods_come() -> None:
    whole = series(-2.0)
    last = monitor(whole, "2024-01").fits[0].alarm
    assert last is not None
    earlier = monitor(whole[: whole.index.get_loc(last) + 1], "2024-01").fits[0]
    assert earlier.alarm == last
    before = monitor(whole[: whole.index.get_loc(last)], "2024-01").fits[0]
    assert before.alarm is None


def test_false_alarms_hold_under_autocorrelation_where_the_plain_boundary_fails() -> None:
    rows = 50 + ar1_series(150, 84, rho=0.6, seed=1)
    index = pd.date_range("2019-01-01", periods=84, freq="MS")
    data = {str(i): pd.Series(row, index) for i, row in enumerate(rows)}
    ours = (monitor(data, "2024-01", season=False).to_frame()["status"] == "alarm").mean()
    plain = monitor(data, "2024-01", season=False, covariance="ols").to_frame()["status"]
    # 150 series: 5% has a standard error of 1.8%; validation/monitoring.py has 2,000.
    assert ours <= 0.12
    assert (plain == "alarm").mean() >= 0.15


@pytest.mark.parametrize("test", ["OLS-MOSUM", "RE", "ME"])
def test_other_processes_find_it_too(test: str) -> None:
    covariance = "ar1" if test == "OLS-MOSUM" else "hac"
    found = monitor(series(-5.0), "2024-01", test=test, covariance=covariance)
    assert found.fits[0].status == "alarm"


def test_a_season_and_a_trend_are_carried_on() -> None:
    whole = series(seed=5)
    wave = 8 * np.sin(2 * np.pi * np.arange(84) / 12) + 0.5 * np.arange(84)
    seasonal = monitor(whole + wave, "2024-01", trend=True)
    assert seasonal.fits[0].status == "quiet"
    assert "effects of 12 periods" in seasonal.fits[0].reason


def test_a_history_that_is_no_single_course_is_said_so() -> None:
    late = np.where(np.arange(84) >= 30, 12.0, 0.0)
    stepped = monitor(series(seed=7) + late, "2024-01")
    assert "Caution: the history itself changes, near 2021-07" in stepped.summary()
    drifting = monitor(series(seed=8) + 0.3 * np.arange(84), "2024-01")
    assert "Caution: the history drifts" in drifting.summary()
    carried = monitor(series(seed=8) + 0.3 * np.arange(84), "2024-01", trend=True)
    assert "Caution" not in carried.summary()


def test_gaps_and_odd_months_of_the_history() -> None:
    whole = series(-5.0, seed=6)
    whole.iloc[[10, 11, 40, 70]] = np.nan
    whole.iloc[20] = 200.0
    found = monitor(whole, "2024-01")
    assert found.fits[0].status == "alarm"
    assert "4 missing periods" in found.fits[0].reason
    assert "set aside: 2020-09" in found.fits[0].reason
    assert found.to_frame()["watched"].iloc[0] == 23


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s[52:], "8 observed periods"),
        (lambda s: s[:60], "no new period"),
        (lambda s: s.where(s.index >= "2024-01", 5.0), "never varies"),
    ],
)
def test_what_cannot_be_watched_is_refused(change, reason: str) -> None:
    found = monitor(change(series()), "2024-01")
    assert found.fits[0].status == "refused"
    assert reason in found.summary()
    assert found.paths.empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 5}, "between 0 and 1"),
        ({"test": "Rec-CUSUM"}, "unknown test"),
        ({"test": "RE"}, "autocorrelated errors"),
        ({"covariance": "hc3"}, "unknown covariance"),
        ({"horizon": 10}, "shorter than the new periods"),
        ({"covariance": "ols", "test": "ME", "window": 0.3}, "window and period"),
    ],
)
def test_bad_options_are_named(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        monitor(series(), "2024-01", **options)


def test_new_periods_inside_the_history_are_refused() -> None:
    whole = series()
    with pytest.raises(InputError, match="begin within the history"):
        monitor(whole[:60], whole[50:])
    with pytest.raises(InputError, match="no new periods"):
        monitor({"a": whole[:60], "b": whole[:60]}, {"a": whole[60:]})


def test_results_are_portable_and_can_be_drawn(tmp_path) -> None:
    found = monitor({"a": series(-4.0), "b": series()}, "2024-01")
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())
    assert set(found.paths.columns) == {"platform", "group", "date", "process", "boundary"}
    figure = found.plot()
    figure.savefig(tmp_path / "path.png")
    assert "alarm at" in figure.alternative
    assert monitor(series(), "2024-01").plot().data["boundary"].gt(0).all()
