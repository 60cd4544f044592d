"""Conventions of the design: boundary, ramp, washout, onset, seasons, what is not estimable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.events import Event, as_events, blocks
from uploadtrends.events.crowding import Block
from uploadtrends.models.design import Design, build_design
from uploadtrends.models.settings import Settings

MONTHS = pd.date_range("2020-01-01", periods=48, freq="MS")


def design(events: object, index: pd.DatetimeIndex = MONTHS, **changes: object) -> Design:
    settings = Settings(**changes)  # type: ignore[arg-type]
    chosen = blocks(as_events(events), index)
    return build_design(index, np.ones(len(index), dtype=bool), chosen, settings)


def column(built: Design, name: str) -> pd.Series:
    return pd.Series(built.matrix[:, built.names.index(name)], built.index)


def test_a_day_weighs_its_month_by_the_share_after() -> None:
    built = design("2022-08-22")
    level, slope = column(built, "level[2022-08-22]"), column(built, "slope[2022-08-22]")
    assert level["2022-07"].item() == 0
    assert level["2022-08"].item() == pytest.approx(10 / 31)
    assert (level["2022-09":] == 1).all()
    assert slope[:"2022-09"].eq(0).all()
    assert slope["2022-10":"2022-12"].tolist() == [1, 2, 3]
    assert built.used.all()


def test_inclusive_counts_the_whole_month_and_ramp_start_moves_the_slope() -> None:
    built = design("2022-08-22", boundary="inclusive", ramp_start=1)
    assert column(built, "level[2022-08-22]")["2022-08"].item() == 1
    assert column(built, "slope[2022-08-22]")["2022-07":"2022-10"].tolist() == [0, 1, 2, 3]


def test_exclude_leaves_the_month_out() -> None:
    built = design("2022-08-22", boundary="exclude")
    assert built.index[~built.used].tolist() == [pd.Timestamp("2022-08-01")]
    assert column(built, "slope[2022-08-22]")["2022-09":"2022-11"].tolist() == [0, 1, 2]
    # On the first day of a month there is nothing to leave out.
    assert design("2022-08-01", boundary="exclude").used.all()


def test_an_event_known_to_the_month_is_a_washout() -> None:
    built = design("2022-08")
    assert built.index[~built.used].tolist() == [pd.Timestamp("2022-08-01")]
    assert column(built, "level[2022-08]")["2022-09"].item() == 1
    inclusive = design("2022-08", boundary="inclusive")
    assert inclusive.used.all()
    assert column(inclusive, "level[2022-08]")["2022-08"].item() == 1


def test_a_month_in_yearly_data_costs_no_year() -> None:
    years = pd.date_range("1990-01-01", periods=40, freq="YS")
    built = design("2010-07", years)
    assert built.used.all()
    assert column(built, "level[2010-07]")["2010"].item() == pytest.approx(0.46, abs=0.01)


def test_a_block_is_a_washout_from_first_to_last_date() -> None:
    built = design(["2022-07-12", "2022-08-22"])
    (block,) = built.blocks
    assert block.crowded
    assert block.reason
    left_out = built.index[~built.used]
    assert left_out.tolist() == [pd.Timestamp("2022-07-01"), pd.Timestamp("2022-08-01")]
    assert column(built, f"level[{block.id}]")["2022-09"].item() == 1
    # A last member on the first day of a month leaves that month whole.
    ends_whole = design(["2022-07-12", "2022-09-01"])
    assert ends_whole.used[MONTHS.get_loc("2022-09-01")]


def test_lag_onset_and_pulse() -> None:
    lagged = column(design("2022-03-01", lag=2), "level[2022-03-01]")
    assert lagged["2022-03":"2022-05"].tolist() == [0, 0, 1]
    gradual = column(design("2022-03-01", onset_periods=4), "level[2022-03-01]")
    assert gradual["2022-02":"2022-07"].tolist() == [0, 0.25, 0.5, 0.75, 1, 1]
    built = design("2022-03-16", terms=("level", "pulse"), pulse_periods=2)
    pulse = column(built, "pulse[2022-03-16]")
    assert pulse.sum() == pytest.approx(2)
    assert pulse["2022-06":].eq(0).all()


def test_washout_by_number_and_by_dates() -> None:
    by_number = design("2022-03-01", washout=2)
    assert by_number.index[~by_number.used].strftime("%Y-%m").tolist() == ["2022-03", "2022-04"]
    assert column(by_number, "slope[2022-03-01]")["2022-05":"2022-06"].tolist() == [0, 1]
    by_dates = design("2022-03-01", washout=("2022-02-10", "2022-03-20"))
    assert by_dates.index[~by_dates.used].strftime("%Y-%m").tolist() == ["2022-02", "2022-03"]
    assert column(by_dates, "slope[2022-03-01]")["2022-04":"2022-05"].tolist() == [0, 1]
    two = design("2022-03-01", washout=[("2020-02", "2020-02"), ("2021-05", "2021-06")])
    assert (~two.used).sum() == 3
    with pytest.raises(InputError, match="washout"):
        design("2022-03-01", washout=[("2020-02",)])


def test_the_calendar_gap_is_kept() -> None:
    built = design("2022-03-01", washout=3)
    assert np.diff(built.positions).max() == 4


def test_seasons_need_two_years_before_the_event() -> None:
    assert "sin1" not in design("2021-12-01").names
    assert "23 months before" in design("2021-12-01").season
    built = design("2022-01-01")
    assert {"sin1", "cos1", "sin2", "cos2"} <= set(built.names)
    assert len([n for n in design("2022-01-01", season="dummies").names if "month_" in n]) == 11
    assert "sin3" in design("2022-01-01", season=3).names
    quarters = pd.date_range("2015-01-01", periods=32, freq="QS")
    assert "quarter_2" in design("2019-01-01", quarters).names
    with pytest.raises(InputError, match="harmonics"):
        design("2019-01-01", quarters, season=3)
    days = pd.date_range("2022-01-01", periods=200, freq="D")
    assert "weekday_1" in design("2022-04-01", days).names


@pytest.mark.parametrize(
    ("date", "why"),
    [
        ("2019-12-31", "before the first month"),
        ("2024-01-01", "after the last month"),
        ("2020-01-01", "no month of data before it, 6 needed"),
        ("2020-04-15", "only 3 months of data before it, 6 needed"),
        ("2023-12-05", "no month of data after it, 4 needed"),
        ("2023-10-05", "only 2 months of data after it, 4 needed"),
    ],
)
def test_events_with_too_little_data_say_why(date: str, why: str) -> None:
    built = design(date)
    assert not built.blocks
    ((_, reason),) = built.dropped
    assert why in reason
    assert not any(name.startswith("level") for name in built.names)


def test_a_block_too_close_to_the_one_before_is_left_out() -> None:
    years = pd.date_range("1980-01-01", periods=40, freq="YS")
    built = design(["2000-01-01", "2001-01-01"], years)
    assert [block.id for block in built.blocks] == ["2000-01-01"]
    assert "between '2000-01-01' and it" in built.dropped[0][1]


def test_events_outside_the_data_do_not_join_a_block() -> None:
    series = pd.Series(np.random.default_rng(0).poisson(90, 48).astype(float), MONTHS)
    result = ut.interrupted_time_series(series, ["2019-12-20", "2020-01-05", "2022-08-01"])
    reasons = {b.id: why for b, why in result.fits[0].not_estimable}
    assert "before the first month" in reasons["2019-12-20"]


def test_collinear_and_constant_covariates_are_named() -> None:
    observed = np.ones(48, dtype=bool)
    trend = np.arange(48.0)
    with pytest.raises(InputError, match="twice"):
        build_design(MONTHS, observed, (), Settings(), [("twice", 2 * trend + 3)])
    with pytest.raises(InputError, match="flat"):
        build_design(MONTHS, observed, (), Settings(), [("flat", np.ones(48))])


def test_an_event_that_equals_an_instrument_change_is_not_estimable() -> None:
    block = Block((Event("2022-03-01"),))
    settings = Settings(terms=("level",), instrument_breaks=("2022-03-01",))
    observed = np.ones(48, dtype=bool)
    with pytest.raises(InputError, match="instrument"):
        build_design(MONTHS, observed, (block,), settings)


def test_confounders_and_instrument_breaks_are_columns_that_stay_in_the_counterfactual() -> None:
    built = design(
        "2022-08-22", confounders=["2021-03-11"], instrument_breaks=["2021-09-01", "2030-01-01"]
    )
    assert {"confounder[2021-03-11]", "instrument[2021-09-01]"} <= set(built.names)
    assert not any("2030" in name for name in built.names)
    without = built.counterfactual
    assert without[:, built.names.index("instrument[2021-09-01]")].sum() > 0
    assert without[:, built.names.index("level[2022-08-22]")].sum() == 0


def test_horizons_are_complete_months_at_any_frequency() -> None:
    built = design("2022-08-22")
    assert built.index[built.horizon("2022-08-22", 1)] == pd.Timestamp("2022-09-01")
    assert built.index[built.horizon("2022-08-22", 12)] == pd.Timestamp("2023-08-01")
    assert built.horizon("2022-08-22", 24) is None
    weeks = pd.date_range("2021-01-04", periods=110, freq="W-MON")
    weekly = design("2022-03-07", weeks)
    assert weekly.index[weekly.horizon("2022-03-07", 1)] == pd.Timestamp("2022-04-04")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"method": "reml"}, "reml-ar1"),
        ({"terms": ("levels",)}, "level"),
        ({"terms": ()}, "terms"),
        ({"scale": "logs"}, "log"),
        ({"boundary": "inclusiv"}, "inclusive"),
        ({"season": "monthly"}, "season"),
        ({"confidence": 95}, "confidence"),
        ({"lag": -1}, "lag"),
        ({"horizons": (0,)}, "horizons"),
        ({"method": "poisson", "scale": "log"}, "scale"),
        ({"method": "reml-ar1", "scale": "counts"}, "count-ar1"),
        ({"phi": "integrated"}, "integrate"),
    ],
)
def test_unknown_settings_are_refused_with_the_fix(changes: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named):
        Settings(**changes)  # type: ignore[arg-type]
