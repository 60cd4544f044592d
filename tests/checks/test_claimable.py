"""The smallest effect that the whole claim rule claims, against the rule itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.checks.claimable import CONDITIONS, Fits, rule_of
from uploadtrends.checks.nulls import errors
from uploadtrends.checks.working import contrast_row, working_series
from uploadtrends.familywise import closed_test
from uploadtrends.models.adequacy import LEVEL
from uploadtrends.models.bends import overturned
from uploadtrends.models.estimators.mixture import two_sided
from uploadtrends.simulate import ar1_series


def ruled(values, term, **settings):
    """Return a fit, its working regression, and what the rule would claim of one term."""
    its = ut.interrupted_time_series(values, "2022-08-01", **settings)
    work = next(iter(working_series(its).values()))
    line = contrast_row(work.design, its.effects["event"].iloc[0], term)
    noise = errors(work.y, work.x, work.positions, 200, 0)
    event = its.effects["event"].iloc[0]
    rule = rule_of(its.fits[0], event, line[0], noise, alpha=0.05, n_blocks=1)
    return its, work, rule


@pytest.mark.parametrize("term", ["level", "slope", "effect_12m"])
@pytest.mark.parametrize("scale", ["log", "level"])
def test_each_number_is_that_of_the_effects_table(flat, monthly, term, scale) -> None:
    its, work, rule = ruled(monthly(flat[0]), term, scale=scale)
    row = its.effects.set_index("term").loc[term]
    fits = Fits.of(rule.side, work.y[None])
    assert fits.p(0.0)[0] == pytest.approx(row["p"], rel=0.02, abs=1e-4)
    assert fits.joint(0.0)[0] == pytest.approx(row["p_joint"], rel=0.02, abs=1e-4)
    # Shifted to where it is significant, the judgement is that of the table for such a series.
    for size in np.array([-1.5, -0.3, 0.1, 0.4, 2.0]) * abs(row["minimum_detectable"]):
        shifted = work.response + size * (rule.side.prepared.design.matrix @ rule.side.step)
        moved = pd.Series(np.exp(shifted) if scale == "log" else shifted, work.index)
        again = ut.interrupted_time_series(moved, "2022-08-01", scale=scale)
        there = again.effects.set_index("term").loc[term]
        assert fits.p(size)[0] == pytest.approx(there["p"], rel=0.02, abs=1e-4)
        assert fits.joint(size)[0] == pytest.approx(there["p_joint"], rel=0.02, abs=1e-4)
        one = replace(rule, noise=work.y[None], other=None).conditions(size)[:, 0]
        assert one[0] == (closed_test([there["p"]], [there["p_joint"]], [2], 1)[0] <= 0.05)
        beyond = overturned(
            np.zeros(1),
            np.array([rule.side.level_like]),
            np.array([there["breakdown"]]),
            there["curvature_before"],
            np.array([there["p_bend"]]),
            np.array([True]),
        )
        if there["p"] <= 0.05:
            assert fits.stands(size)[0] == (not beyond[0])


@pytest.mark.parametrize("term", ["level", "slope"])
@pytest.mark.parametrize("scale", ["log", "level", "auto", "counts"])
def test_a_share_claimed_is_that_of_all_conditions(flat, monthly, scale, term) -> None:
    """Whichever draws each is looked at in; without the other scale where the rest falls short."""
    values = monthly(flat[0])
    if scale == "counts":
        values = (values / 20).round()
    values.iloc[[20, 50]] = np.nan
    its, _, rule = ruled(values, term, scale="auto" if scale == "counts" else scale)
    least = float(its.effects.set_index("term")["minimum_detectable"][term])
    seen = []
    for size in np.array([-6.0, -2.5, -1.5, -1.0, 0.0, 1.0, 1.7, 3.0]) * least:
        met = rule.conditions(size)
        rest, every = met[[0, 1, 3]].all(axis=0).mean(), met.all(axis=0).mean()
        assert rule._claimed(size, 0.0) == every
        assert rule._claimed(size, 0.5) == (every if rest >= 0.5 else rest)
        seen.append(every)
    assert min(seen) < 0.3
    assert max(seen) > 0.7


def test_tails_far_out_are_told_apart_from_an_alpha_without_their_size() -> None:
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.ones(7), 400)
    offset = rng.normal(scale=5, size=(400, 1)) + rng.normal(size=(400, 7))
    exact = two_sided(weights, offset, 40)
    fast = two_sided(weights, offset, 40, far_out=False)
    near = exact >= 2e-6
    assert 50 < near.sum() < 395
    assert (fast[near] == exact[near]).all()
    assert (fast[~near] < 3e-6).all()


def test_the_stated_change_is_claimed_in_four_of_five(monthly) -> None:
    """By the public verb and `conclude`, on fresh series with the change added."""
    stated = []
    for row in ar1_series(6, 96, rho=0.4, sd=0.12, mean=5.0, seed=5):
        its = ut.interrupted_time_series(monthly(row), "2022-08-01", scale="log", season="none")
        stated.append(its.check(ut.power(n_draws=299)).table["minimum_detectable_rule"].iloc[0])
    size = float(np.mean(stated))
    fresh = ar1_series(150, 96, rho=0.4, sd=0.12, mean=5.0, seed=78)
    after = np.asarray(pd.date_range("2016-01-01", periods=96, freq="MS") >= "2022-08-01")
    claimed = []
    for row in fresh:
        its = ut.interrupted_time_series(
            monthly(row - size * after), "2022-08-01", scale="log", season="none"
        )
        level = its.effects.set_index("term").loc["level"].to_dict() | {"term": "level"}
        claimed.append(ut.checks.conclude(level).claims)
    assert 0.70 <= np.mean(claimed) <= 0.92


def test_a_correct_model_is_called_wrong_at_the_level_of_its_tests(flat, monthly) -> None:
    _, _, rule = ruled(monthly(flat[0]), "level")
    assert rule.sound.mean() == pytest.approx(1 - LEVEL, abs=0.011)


def test_share_of_each_condition_and_of_all(stepped) -> None:
    row = stepped.check(ut.power(group="senior", n_draws=299)).table.iloc[0]
    assert row["minimum_detectable_rule"] >= row["minimum_detectable_adjusted"]
    assert row["fall_percent_rule"] <= row["fall_percent_adjusted"] < row["fall_percent"] < 0
    shares = row[["rule_adjusted", "rule_bend", "rule_scale", "rule_model"]].astype(float)
    assert shares.between(0.3, 1.0).all()
    assert len(shares) == len(CONDITIONS)


def test_without_a_trend_the_rule_is_not_simulated(flat, monthly) -> None:
    its = ut.interrupted_time_series(monthly(flat[0]), "2022-08-01", terms=("level",), trend=False)
    outcome = its.check(ut.power(n_draws=99))
    assert np.isnan(outcome.table["fall_percent_rule"].iloc[0])
    assert "claim rule" not in outcome.text


def test_a_series_too_short_before_for_a_slope_has_no_minimum(monthly) -> None:
    row = ar1_series(1, 48, rho=0.2, sd=0.05, mean=5.0, seed=2)[0]
    its = ut.interrupted_time_series(monthly(row), "2017-06-01", season="none", scale="log")
    outcome = its.check(ut.power(term="slope", n_draws=99))
    assert np.isinf(outcome.table["minimum_detectable_rule"].iloc[0])
    assert "claims none: not even a fall to zero" in outcome.text


def test_where_nothing_is_claimed_the_conclusion_says_what_would_have_been(flat, monthly) -> None:
    its = ut.interrupted_time_series(monthly(flat[1]), "2022-08-01", scale="log", season="none")
    row = its.effects.set_index("term").loc["level"].to_dict() | {"term": "level"}
    outcome = its.check(ut.power(n_draws=99))
    said = ut.checks.conclude(row, [outcome]).sentence
    fall, rise = outcome.table[["fall_percent_rule", "rise_percent_rule"]].iloc[0]
    ratio = np.exp(row["minimum_detectable"])
    found = f"a fall of {100 * (1 - 1 / ratio):.0f}% or a rise of {100 * (ratio - 1):.0f}%, "
    assert f"with 80% power is {found}" in said
    assert said.endswith(f"been claimed a fall of {-fall:.0f}% or a rise of {rise:.0f}%.")
    assert "claimed" not in ut.checks.conclude(row).sentence.partition("power is")[2]
