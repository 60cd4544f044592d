"""A group that fills up from nobody is read per artist at risk first."""

from __future__ import annotations

import pytest

import uploadtrends as ut
from uploadtrends.simulate import population


@pytest.fixture(scope="module")
def panel():
    people = population(200, platforms="mysite", start="2016-01-01", end="2022-12-31", seed=3)
    return ut.build_panel(people, seniority=ut.Seniority(at="2019-01-01", senior_after="12 months"))


def test_the_unit_is_uploads_over_everyone_at_risk(panel) -> None:
    rate = panel.series("mysite", "later", unit="uploads_per_at_risk")
    works = panel.series("mysite", "later")
    people = panel.series("mysite", "later", unit="at_risk_artists")
    assert rate.dropna().tolist() == pytest.approx((works / people)[people > 0].tolist())


def test_later_entrants_lead_per_artist(panel) -> None:
    its = ut.interrupted_time_series(panel, "2021-06-01", groups=["later", "senior"])
    text = its.summary()
    assert text.startswith(
        "Groups that fill up from nobody, first per artist at risk:\n\nmysite, later"
    )
    assert "uploads per at risk a month" in text.split("All groups in totals:")[0]
    alone = ut.interrupted_time_series(
        panel, "2021-06-01", groups="later", unit="uploads_per_at_risk"
    )
    same = its.per_artist.effects["estimate"].dropna().tolist()
    assert same == pytest.approx(alone.effects["estimate"].dropna().tolist())


def test_a_group_of_any_name_that_still_fills_up_leads_per_artist(panel) -> None:
    mixed = panel.with_seniority(
        ut.Seniority(at="2019-01-01", senior_after="12 months", later="new")
    )
    its = ut.interrupted_time_series(mixed, "2021-06-01", groups=["new", "senior"])
    assert [fit.group for fit in its.per_artist.fits] == ["new"]  # seniors closed years before
    assert its.per_artist.settings.unit == "uploads_per_at_risk"
    assert its.summary().startswith("Groups that fill up from nobody")


def test_closed_groups_and_other_units_are_read_as_asked(panel) -> None:
    closed = ut.interrupted_time_series(panel, "2021-06-01", groups="senior")
    assert closed.per_artist is None
    other = ut.interrupted_time_series(panel, "2021-06-01", groups="later", unit="active_artists")
    assert other.per_artist is None
