from __future__ import annotations

import numpy as np
import pytest

import uploadtrends as ut
from uploadtrends.checks.recipe.sizes import (
    Change,
    change_of,
    compare_years,
    sampling_covariance,
    verdict,
)
from uploadtrends.simulate import population


def test_a_change_and_its_sampling_error_by_the_jackknife():
    rng = np.random.default_rng(1)
    active = (rng.random((60, 34)) < 0.5).astype(float)
    usable = np.ones(34, dtype=bool)
    usable[3] = False
    names = [f"a{i}" for i in range(60)]
    found = change_of(2018, 24205, False, names, active, usable)

    def change(rows):
        first, last = active[rows][:, :12][:, usable[:12]], active[rows][:, 22:]
        return np.log(last.mean() / first.mean())

    everybody = np.arange(60)
    assert found.value == pytest.approx(change(everybody))
    left_out = np.array([change(np.delete(everybody, i)) for i in range(60)])
    jackknife = np.sqrt(59 / 60 * np.sum((left_out - left_out.mean()) ** 2))
    assert np.sqrt(sampling_covariance([found])[0, 0]) == pytest.approx(jackknife, rel=0.02)
    assert change_of(2018, 24205, False, names, active * 0, usable) is None


def test_artists_who_are_senior_twice_make_years_covary():
    same = {f"a{i}": 0.01 * (i % 5 - 2) for i in range(50)}
    other = {f"b{i}": 0.01 for i in range(50)}
    years = [Change(2015, 24170, 34, False, 0.0, moved) for moved in (same, same, other)]
    covariance = sampling_covariance(years)
    assert covariance[0, 1] == pytest.approx(covariance[0, 0])
    assert covariance[0, 2] == 0


def cuts(values, actual, spread=0.05):
    """Return cut years with these changes; the last is the actual one."""
    rng = np.random.default_rng(4)
    found = []
    for i, value in enumerate([*values, actual]):
        year = 2015 + i if i < len(values) else 2022
        moved = rng.normal(0, spread / np.sqrt(200), 200)
        influence = {f"{year}-{j}": float(x) for j, x in enumerate(moved)}
        found.append(Change(year, (year - 1) * 12 + 1, 34, i == len(values), value, influence))
    return found


@pytest.mark.parametrize(
    ("values", "actual", "expected"),
    [
        ([-0.45, -0.40, -0.44, -0.47, -0.42, -0.43], -0.44, ("failed", "recipe")),
        ([-0.02, 0.03, 0.01, -0.03, 0.00, 0.02], 0.01, ("not applicable", "no decline to explain")),
        ([-0.02, 0.03, 0.01, -0.03, 0.00, 0.02], -0.36, ("passed", "an excess")),
        ([-0.45, -0.40, -0.44, -0.47, -0.42, -0.43], -0.95, ("passed", "an excess")),
        ([0.3, -0.4, 0.2, -0.5], -0.45, ("not applicable", "no decline to explain")),
    ],
)
def test_verdicts_by_size(values, actual, expected):
    assert verdict(compare_years(cuts(values, actual))) == expected


def test_a_drift_is_not_taken_for_an_event():
    drifting = [-0.10, -0.20, -0.30, -0.40, -0.50, -0.60]
    sizes = compare_years(cuts(drifting, -0.80))
    assert sizes.excess_with_drift.p > 0.2
    assert verdict(sizes)[0] != "passed"


def test_without_an_actual_cut_the_recipe_can_still_fail():
    years = cuts([-0.45, -0.40, -0.44, -0.47], -0.4)[:-1]
    sizes = compare_years(years)
    assert sizes.excess is None
    assert verdict(sizes) == ("failed", "recipe")
    calm = compare_years(cuts([0.01, -0.02, 0.02, 0.0], 0.0)[:-1])
    assert verdict(calm) == ("not applicable", "no actual cut year")


def test_a_population_that_only_ages_fails_by_its_recipe():
    people = population(
        1500,
        platforms=("site",),
        start="2014-01-01",
        end="2023-12-31",
        exit_hazard=0.02,
        entry_rate=0.006,
        seed=5,
    )
    outcome = ut.placebo_cohorts(ut.build_panel(people, start="2012-01-01"), n_draws=10)
    assert outcome.status == "failed"
    assert "the rule makes seniors decline in any year" in outcome.text
    assert outcome.table["senior_change"].notna().all()
