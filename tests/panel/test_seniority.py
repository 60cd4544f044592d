from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadtrends import InputError, Seniority
from uploadtrends.engines import DuckDBEngine
from uploadtrends.panel.seniority import Duration

ENGINE = DuckDBEngine()


def group_of(rule, entered, censored=False, on=None):
    """Evaluate the rule's SQL for one artist."""
    at = on or rule.moment

    def stamp(moment):
        return f"TIMESTAMP '{moment.isoformat(' ')}'"

    expression = rule.sql(
        "CAST(NULL AS TIMESTAMP)" if entered is None else stamp(entered),
        str(censored).upper(),
        stamp(at),
        [stamp(moment) for moment in rule.thresholds(at)],
    )
    return ENGINE.frame(f"SELECT {expression} AS g")["g"][0]


def test_senior_new_and_later():
    rule = Seniority(at="2022-01-01", senior_after="24 months")
    assert group_of(rule, dt.datetime(2020, 1, 1)) == "senior"
    assert group_of(rule, dt.datetime(2020, 1, 1, 0, 0, 1)) == "new"
    assert group_of(rule, dt.datetime(2021, 12, 31, 23)) == "new"
    assert group_of(rule, dt.datetime(2022, 1, 1)) == "later"
    assert rule.groups == ("later", "new", "senior")


def test_later_as_new_or_dropped():
    entered = dt.datetime(2022, 6, 1)
    assert group_of(Seniority("2022-01-01", later="new"), entered) == "new"
    assert group_of(Seniority("2022-01-01", later="drop"), entered) is None


def test_the_papers_preset():
    rule = Seniority.paper("2022-01-01")
    assert group_of(rule, dt.datetime(2020, 12, 31)) == "senior"
    assert group_of(rule, dt.datetime(2021, 6, 1)) == "new"
    assert group_of(rule, dt.datetime(2022, 6, 1)) == "new"


def test_bands():
    rule = Seniority("2022-01-01", bands=("12 months", "36 months"))
    assert rule.groups == ("later", "under 12 months", "12 to 36 months", "36 months or more")
    assert group_of(rule, dt.datetime(2018, 5, 1)) == "36 months or more"
    assert group_of(rule, dt.datetime(2020, 5, 1)) == "12 to 36 months"
    assert group_of(rule, dt.datetime(2021, 5, 1)) == "under 12 months"
    mixed = Seniority("2022-01-01", bands=("90 days", "2 years"))
    assert mixed.groups == ("later", "under 90 days", "90 days to 2 years", "2 years or more")


def test_a_cut_off_history_is_never_guessed():
    early, late = dt.datetime(2019, 1, 1), dt.datetime(2021, 6, 1)
    rule = Seniority("2022-01-01")
    assert group_of(rule, early, censored=True) == "senior"  # senior even as seen
    assert group_of(rule, late, censored=True) is None
    bounds = {
        fate: group_of(Seniority("2022-01-01", left_censored=fate), late, censored=True)
        for fate in ("separate", "senior", "as_seen")
    }
    assert bounds == {"separate": "left-censored", "senior": "senior", "as_seen": "new"}


def test_unknown_date_of_joining():
    assert group_of(Seniority("2022-01-01", basis="joined"), None) == "unknown"


def test_tenure_at_the_period_moves_with_it():
    rule = Seniority("period", senior_after="12 months")
    entered = dt.datetime(2020, 1, 1)
    assert group_of(rule, entered, on=dt.datetime(2020, 12, 1)) == "new"
    assert group_of(rule, entered, on=dt.datetime(2021, 1, 1)) == "senior"
    assert "cannot be told apart" in rule.caveat


def test_shifting_keeps_everything_else():
    rule = Seniority("2022-03-31", senior_after="2 years", later="new")
    moved = rule.shifted("-1 month")
    assert moved == Seniority("2022-02-28", senior_after="2 years", later="new")


@given(
    st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1)),
    st.integers(-600, 600),
    st.integers(-1000, 1000),
)
def test_moving_by_months_lands_in_the_right_month(moment, months, days):
    moved = Duration(months=months).after(moment)
    assert moved.year * 12 + moved.month - (moment.year * 12 + moment.month) == months
    assert moved.day <= moment.day
    shifted = Duration(days=days)
    assert shifted.before(shifted.after(moment)) == moment


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"at": "soon"}, "not a date"),
        ({"at": "2022-01-01", "basis": "born"}, "basis"),
        ({"at": "2022-01-01", "senior_after": "long"}, "length of time"),
        ({"at": "2022-01-01", "bands": ("3 years", "1 year")}, "must grow"),
        ({"at": "2022-01-01", "bands": ("1 year",), "later": "new"}, "no group 'new'"),
        ({"at": "2022-01-01", "left_censored": "guess"}, "left_censored"),
    ],
)
def test_bad_rules_are_named(arguments, says):
    with pytest.raises(InputError, match=says):
        Seniority(**arguments)


def test_a_rule_by_period_has_no_date_to_shift():
    with pytest.raises(InputError, match="no date to shift"):
        Seniority("period").shifted("1 month")
