"""Checks refit with errors of the sizes that the fit found, not with errors of one size."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.checks.nulls import detection, smallest_detectable
from uploadtrends.checks.working import contrast_row, working
from uploadtrends.events import as_events
from uploadtrends.models.estimators.averaged import fit_batch
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.preparation import prepare


@pytest.fixture(scope="module")
def falling():
    """A straight fall of counts with their noise, and a step of -30: smaller noise after it."""
    t = np.arange(120)
    mean = 420 - 3.3 * t - 30 * (t >= 90)
    index = pd.date_range("2014-01-01", periods=120, freq="MS")
    values = np.random.default_rng(4).poisson(np.maximum(mean, 3)).astype(float)
    result = ut.interrupted_time_series(pd.Series(values, index), "2021-07-01", terms=("level",))
    fit = result.fits[0]
    assert fit.scale == "level"
    assert fit.prepared.spread is not None
    return result


def test_the_working_regression_is_the_fit(falling):
    work = working(falling.fits[0].prepared)
    row = falling.effects.iloc[0]
    again = fit_batch(work.y, work.x, contrast_row(work.design, row["event"], "level"))
    for name in ("estimate", "se", "low", "high", "p"):
        assert getattr(again, name)[0, 0] == pytest.approx(row[name], rel=1e-5)


def test_power_is_that_of_the_errors_around_the_event(falling):
    """Where the noise is small the sample finds less than errors of one size would say."""
    found = falling.check(ut.power(n_draws=299)).table.iloc[0]
    assert found["minimum_detectable"] == pytest.approx(
        falling.effects["minimum_detectable"].iloc[0], rel=0.2
    )
    prepared = falling.fits[0].prepared
    flat = working(replace(prepared, spread=None))
    line = contrast_row(flat.design, found["event"], "level")
    low, high = detection(flat.y, flat.x, line, positions=flat.positions, n_draws=299)
    assert found["minimum_detectable"] < 0.9 * smallest_detectable(low[:, 0], high[:, 0])


def test_leaving_out_a_period_keeps_the_sizes_of_the_others(falling):
    outcome = falling.check(ut.leave_one_out(what=("period",), keep=1))
    top = outcome.table.iloc[0]
    prepared = falling.fits[0].prepared
    kept = prepared.design.index != pd.Timestamp(top["left_out"])
    y, x = prepared.y / prepared.spread, prepared.design.matrix / prepared.spread[:, None]
    line = contrast_row(prepared.design, top["event"], "level")
    want = fit_batch(y[kept], x[kept], line, positions=np.flatnonzero(kept).astype(float))
    assert top["estimate"] == pytest.approx(want.estimate[0, 0], abs=1e-9)
    assert top["low"] == pytest.approx(want.low[0, 0], abs=1e-9)


def test_placebo_windows_have_the_sizes_of_the_fit(falling):
    outcome = falling.check(ut.placebo_dates(window=(24, 12)))
    fit = falling.fits[0]
    window = slice(90 - 24, 90 + 12)
    item = replace(fit.prepared.item, values=fit.observed.iloc[window])
    settings = replace(falling.settings, scale="level")
    plain = prepare(item, as_events("2021-07-01"), settings)
    sized = estimate(replace(plain, spread=fit.prepared.spread[window]))
    want = sized.contrast(contrast_row(plain.design, falling.effects["event"].iloc[0], "level"))
    row = outcome.table.iloc[0]
    assert row["estimate"] == pytest.approx(want.estimate[0], abs=1e-9)
    assert row["p_model"] == pytest.approx(want.p[0], abs=1e-9)
    assert row["m"] >= 19
