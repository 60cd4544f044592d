import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.checks.placebo import _default_window
from uploadtrends.checks.shifting import shifted, touched
from uploadtrends.errors import InputError
from uploadtrends.events import blocks
from uploadtrends.simulate import ar1_series


def test_a_real_change_stands_out_and_no_change_is_not_informative(stepped):
    outcome = stepped.check(ut.placebo_dates())
    table = outcome.table.set_index("group")
    assert list(table.loc[["senior", "new"], "status"]) == ["passed", "passed"]
    assert table.loc["all", "status"] == "not informative"
    assert outcome.status == "passed"
    assert (table["m"] >= 19).all()
    placebos = outcome.figure_data["placebos"]
    assert len(placebos) == table["m"].sum()
    # Windows lie wholly before the event.
    after = table["after"].max()
    last = placebos["date"].max()
    assert last + np.timedelta64(31 * int(after - 1), "D") < np.datetime64("2022-09-30")


def test_empirical_p_counts_the_event_itself(stepped):
    outcome = stepped.check(ut.placebo_dates(group="senior"))
    row = outcome.table.iloc[0]
    placebos = outcome.figure_data["placebos"]["statistic"].abs()
    expected = (1 + (placebos >= abs(row["statistic"])).sum()) / (1 + len(placebos))
    assert row["p"] == pytest.approx(expected)
    assert f"{row['m']} dates" in outcome.text


def test_a_random_walk_claims_as_much_elsewhere():
    """Newey-West finds steps all over a random walk; the check says so."""
    walks = 5 + 0.1 * np.random.default_rng(4).standard_normal((12, 96)).cumsum(axis=1)
    index = pd.date_range("2016-01-01", periods=96, freq="MS")
    data = {("p", str(i)): pd.Series(np.exp(row), index) for i, row in enumerate(walks)}
    its = ut.interrupted_time_series(data, "2022-01-01", method="ols-hac", season="none")
    table = its.check(ut.placebo_dates()).table
    assert table["false_alarms"].mean() > 0.3
    claimed = table[table["p_model"] <= 0.05]
    assert len(claimed) >= 2
    assert set(claimed["status"]) == {"failed"}


def test_too_short_a_history_is_not_applicable(monthly):
    series = monthly(ar1_series(1, 34, rho=0.3, sd=0.1, mean=5, seed=1)[0], "2021-01-01")
    outcome = ut.interrupted_time_series(series, "2022-08-22").check(ut.placebo_dates())
    assert outcome.status == "not applicable"
    assert "leave no room for 19 placebo dates" in outcome.text


def test_fewer_than_19_dates_are_refused():
    with pytest.raises(InputError, match="fewer than 19"):
        ut.placebo_dates(n=10)


def test_subset_is_seeded(stepped):
    one, two, other = (
        stepped.check(ut.placebo_dates(n=20, group="new", seed=s)).figure_data["placebos"]["date"]
        for s in (1, 1, 2)
    )
    assert list(one) == list(two)
    assert list(one) != list(other)
    assert len(one) == 20


@pytest.mark.parametrize(("before", "after"), [(30, 12), (36, 24), (60, 5), (90, 17), (200, 60)])
def test_default_windows_leave_room(before, after):
    months = pd.date_range("2000-01-01", periods=before + after, freq="MS")
    window = _default_window(before, 0, after, months)
    if window is None:
        assert before < 19 + 17 or after < 6
        return
    wide, late = window
    assert wide >= 12
    assert 6 <= late <= after
    assert before - wide - late + 1 >= 19


def test_weeks_after_an_event_need_not_be_half_a_year():
    weeks = pd.date_range("2020-01-06", periods=164, freq="W-MON")
    assert _default_window(143, 0, 21, weeks) == (84, 21)
    assert _default_window(143, 0, 5, weeks) is None


def test_a_block_moves_as_a_whole(stepped):
    index = stepped.fits[0].observed.index
    (block,) = blocks(["2022-07-12", ut.Event("2022-09", "month only")], index)
    moved = shifted(block, -24, "MS")
    assert [event.date for event in moved] == ["2020-07-12", "2020-09"]
    assert [event.id for event in moved] == [event.id for event in block.events]
    assert touched(block, index) == (78, 80)
    with pytest.raises(InputError, match="frequency"):
        shifted(block, 1, "often")
