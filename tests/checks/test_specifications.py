from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.checks.specification_fits import (
    _by_quarter,
    averaged_batch,
    ols_hac_batch,
    reml_batch,
)
from uploadtrends.errors import InputError

EVENT = "2022-08-22"


@pytest.fixture(scope="module")
def curve(stepped):
    return stepped.check(ut.specification_curve(n=30, n_draws=39, n_jobs=1, seed=5))


def test_a_real_change_survives_and_none_is_not_informative(curve):
    table = curve.table.set_index("group")
    assert list(table.loc[["senior", "new"], "status"]) == ["passed", "passed"]
    assert table.loc["all", "status"] == "not informative"
    assert (table.loc[["senior", "new"], "median_percent"] < -20).all()
    assert table.loc["senior", "p_mean_z"] == pytest.approx(1 / 40)
    # Two of the thirty may come to the same regression (on quarters, exposure and exclude do not).
    assert (table["n"] >= 27).all()


def test_own_specification_reproduces_the_estimate(curve, stepped):
    points = curve.figure_data["curve"]
    own = points[points["own"]].set_index(["platform", "group"])
    effects = stepped.effects[stepped.effects["term"] == "level"]
    for _, row in effects.iterrows():
        point = own.loc[(row["platform"], row["group"])]
        assert point["effect_percent"] == pytest.approx(row["relative"], abs=0.05)
        # On the scale of the data the table's percentages carry the base's uncertainty too.
        near = 0.05 if row["unit"] == "log ratio" else 1.5
        assert point["low_percent"] == pytest.approx(row["relative_low"], abs=near)
        assert point["p"] == pytest.approx(row["p"], rel=0.02, abs=1e-6)


def test_same_seed_same_curve(curve, stepped):
    again = stepped.check(ut.specification_curve(n=30, n_draws=39, n_jobs=2, seed=5))
    # The last digit depends on how many threads the linear algebra of a worker has.
    pd.testing.assert_frame_equal(again.table, curve.table, rtol=1e-9)
    pd.testing.assert_frame_equal(again.figure_data["curve"], curve.figure_data["curve"], rtol=1e-9)
    other = stepped.check(ut.specification_curve(n=30, n_draws=39, n_jobs=1, seed=6))
    assert not other.figure_data["curve"].equals(curve.figure_data["curve"])


def test_curve_is_in_order(curve):
    for _, part in curve.figure_data["curve"].groupby(["platform", "group", "event"]):
        assert part["effect_percent"].is_monotonic_increasing
        assert list(part["rank"]) == list(range(1, len(part) + 1))
        assert part["own"].sum() == 1


def test_choices_can_be_replaced(stepped):
    outcome = stepped.check(
        ut.specification_curve(
            choices={"period": ("month",), "scale": ("log",), "method": ("reml-averaged",)},
            n=500,
            n_draws=19,
            n_jobs=1,
        )
    )
    points = outcome.figure_data["curve"]
    assert set(points["scale"]) == {"log"}
    # 3 windows x 2 terms x 2 seasons x 3 boundaries; in the shortest window there is no season.
    assert outcome.table["n"].tolist() == [30, 30, 30]


def test_units_and_rules_come_from_the_panel(people):
    panel, its = people
    check = ut.specification_curve(panel, n=40, n_draws=19, n_jobs=1)
    points = its.check(check).figure_data["curve"]
    senior = points[points["group"] == "senior"]
    assert set(senior["unit"]) == {"uploads", "active_artists", "uploads_per_active"}
    assert set(senior["seniority"]) == {"12 months", "24 months", "36 months"}
    # A senior group is only used once it is closed: a year of "12 months" is left out.
    late = senior[(senior["seniority"] == "12 months") & (senior["window"] == "all")]
    if len(late):
        assert late["n_periods"].max() <= 36


def test_the_same_regression_counts_once(stepped):
    short = {(fit.platform, fit.group): fit.observed.iloc[-36:] for fit in stepped.fits}
    its = stepped.refit(data=short)
    choices = {"window": ("all", "36 months"), "season": ("auto", "none"), "period": ("month",)}
    check = ut.specification_curve(choices=choices, n=400, n_draws=19, n_jobs=1)
    outcome = its.check(check)
    # 2 scales x 2 terms x 3 boundaries x 2 methods; window and season change nothing here.
    assert outcome.table["n"].tolist() == [24, 24, 24]
    assert "distinct" in outcome.text


def test_unknown_choice():
    with pytest.raises(InputError, match="'colour'"):
        ut.specification_curve(choices={"colour": ("red",)})
    with pytest.raises(InputError, match="at least 19"):
        ut.specification_curve(n_draws=5)


def test_batches_agree_with_the_models(stepped):
    prepared = stepped.fits[0].prepared
    x, y, at = prepared.design.fitted, prepared.y, prepared.design.positions
    line = np.eye(x.shape[1])[2:3]
    from uploadtrends.models.estimators.by_name import estimate

    for name, batch in (
        ("ols-hac", ols_hac_batch),
        ("reml-ar1", reml_batch),
        ("reml-averaged", averaged_batch),
    ):
        choice = replace(prepared.choice, method=name)
        theirs = estimate(replace(prepared, choice=choice)).contrast(line)
        value, low, high, p = batch(y[None], x, line, at, 1)
        np.testing.assert_allclose(value[0], theirs.estimate, rtol=1e-3)
        np.testing.assert_allclose(low[0], theirs.low, rtol=1e-4)
        np.testing.assert_allclose(high[0], theirs.high, rtol=1e-4)
        np.testing.assert_allclose(p[0], theirs.p, rtol=0.02, atol=1e-6)


def test_quarters_are_whole():
    index = pd.date_range("2020-02-01", periods=12, freq="MS")
    grid, values = _by_quarter(index, np.arange(12.0)[None], summed=True)
    assert list(grid.strftime("%Y-%m")) == ["2020-04", "2020-07", "2020-10"]
    assert values.tolist() == [[2 + 3 + 4, 5 + 6 + 7, 8 + 9 + 10]]
    _, means = _by_quarter(index, np.arange(12.0)[None], summed=False)
    assert means[0, 0] == 3


def test_joint_p_is_not_small_without_effect(flat, monthly):

    data = {("p", str(i)): monthly(row) for i, row in enumerate(flat)}
    its = ut.interrupted_time_series(data, EVENT)
    table = its.check(ut.specification_curve(n=20, n_draws=39, n_jobs=1)).table
    assert (table["p_mean_z"] > 0.05).sum() >= 3
