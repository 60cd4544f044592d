import numpy as np
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError

EVENT = "2022-08-22"


def test_an_untouched_series_passes(stepped):
    outcome = stepped.check(ut.negative_control(platform="archive"))
    assert outcome.table["group"].tolist() == ["all"]
    assert outcome.status == "passed"
    row = outcome.table.iloc[0]
    assert row["minimum_detectable_percent"] < row["largest_studied_percent"]
    assert set(outcome.figure_data["estimates"]["role"]) == {"control", "studied"}


def test_a_control_that_fell_too_fails(stepped, flat, monthly):
    control = monthly(flat[0] - 0.7 * (np.arange(96) >= 80))
    outcome = stepped.check(ut.negative_control(control))
    assert outcome.status == "failed"
    assert "does not tell the event apart" in outcome.text


def test_a_noisy_control_is_not_informative(stepped, monthly):
    from uploadtrends.simulate import ar1_series

    noisy = monthly(ar1_series(1, 96, rho=0.3, sd=0.9, mean=6.0, seed=12)[0])
    outcome = stepped.check(ut.negative_control(noisy))
    assert outcome.status == "not informative"


def test_a_control_must_be_named(stepped, monthly):
    with pytest.raises(InputError, match="no negative control"):
        ut.negative_control()
    with pytest.raises(InputError, match="not both"):
        ut.negative_control(monthly(np.ones(96)), group="all")
    with pytest.raises(InputError, match="no such series"):
        stepped.check(ut.negative_control(group="nobody"))


def test_a_passed_control_lifts_the_wording(stepped):
    from uploadtrends.checks import conclude

    rows = stepped.effects.query("term == 'level' and group == 'senior'")
    effect = rows.iloc[0]
    outcomes = [stepped.check(ut.placebo_dates()), stepped.check(ut.anticipation(n_draws=199))]
    before = conclude(effect, outcomes)
    after = conclude(effect, [*outcomes, stepped.check(ut.negative_control(platform="archive"))])
    assert before.strength == after.strength == "associated with"
    assert any("no comparison" in reason for reason in before.reasons)
    assert not any("no comparison" in reason for reason in after.reasons)
    assert EVENT not in after.sentence
    assert "The release" in after.sentence
