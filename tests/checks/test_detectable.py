import numpy as np
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError


def test_a_change_of_the_stated_size_is_found_in_four_of_five(flat, monthly):
    """Power by the fitted process against adding the stated change to fresh series."""
    import pandas as pd

    from uploadtrends.simulate import ar1_series

    stated = []
    for row in flat:
        its = ut.interrupted_time_series(monthly(row), "2022-08-01", scale="log", season="none")
        stated.append(its.check(ut.power(n_draws=299)).table["minimum_detectable"].iloc[0])
    size = float(np.mean(stated))
    fresh = ar1_series(150, 96, rho=0.4, sd=0.12, mean=5.0, seed=77)
    after = np.asarray(pd.date_range("2016-01-01", periods=96, freq="MS") >= "2022-08-01")
    data = {("p", str(i)): monthly(row - size * after) for i, row in enumerate(fresh)}
    effects = ut.interrupted_time_series(data, "2022-08-01", scale="log", season="none").effects
    found = (effects.loc[effects["term"] == "level", "p"] <= 0.05).mean()
    assert 0.70 <= found <= 0.93


def test_power_curve_is_a_curve(stepped):
    outcome = stepped.check(ut.power(group="senior", n_draws=199))
    curve = outcome.figure_data["curve"].sort_values("effect")
    middle = curve.iloc[len(curve) // 2]
    assert middle["effect"] == pytest.approx(0, abs=1e-9)
    assert 0.0 <= middle["power"] <= 0.12
    falls = curve[curve["effect"] <= 0]["power"].to_numpy()
    assert (np.diff(falls) <= 1e-12).all()
    row = outcome.table.iloc[0]
    at = np.interp(-row["minimum_detectable"], curve["effect"], curve["power"])
    assert at == pytest.approx(0.8, abs=0.06)
    assert row["fall_percent"] == pytest.approx(100 * np.expm1(-row["minimum_detectable"]))


def test_adjustment_for_their_number_costs_power(stepped):
    table = stepped.check(ut.power(n_draws=199)).table
    assert (table["minimum_detectable_adjusted"] > table["minimum_detectable"]).all()
    assert (table["n_tests"] == 3).all()


def test_verdict_is_about_the_change_of_interest(stepped):
    assert stepped.check(ut.power(of_interest=0.6, n_draws=99)).status == "passed"
    tiny = stepped.check(ut.power(of_interest=0.01, n_draws=99))
    assert tiny.status == "failed"
    assert "This sample could not have found a fall of 1%" in tiny.text


def test_slope_is_per_year(stepped):
    table = stepped.check(ut.power(term="slope", n_draws=99)).table
    assert (table["fall_percent"] < 0).all()
    assert (table["fall_percent"] > -100).all()


def test_refused_series_are_not_applicable():
    import pandas as pd

    short = pd.Series(range(20, 30), pd.date_range("2022-01-01", periods=10, freq="MS"))
    outcome = ut.interrupted_time_series(short, "2022-06-01").check(ut.power())
    assert outcome.status == "not applicable"


@pytest.mark.parametrize("wrong", [{"of_interest": 0}, {"target": 1.2}, {"alpha": -1}])
def test_impossible_settings(wrong):
    with pytest.raises(InputError, match="between 0 and 1"):
        ut.power(**wrong)


def test_falls_below_zero_are_not_offered():
    import pandas as pd

    from uploadtrends.checks.detectable import _sentence

    falls = [-45.0, -60.0, -930.0]
    table = pd.DataFrame({"status": ["failed"] * 3, "fall_percent": falls})
    table["fall_percent_rule"] = [-50.0, -70.0, -np.inf]
    said = _sentence(table, 0.25, 0.8)
    assert "is between 45% and 60%; in 1 of 3 not even a fall to zero would have been found" in said
    assert "the whole claim rule (adjusted for all rows, beside bends and the other scale) " in said
    assert "claims between 50% and 70%; in 1 of 3 not even a fall to zero" in said
    assert "none: not even a fall to zero" in _sentence(table.iloc[2:], 0.25, 0.8)
