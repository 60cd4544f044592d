"""The shape of the effect has a test of its own: calibrated, and with power against an onset."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.models.adequacy import KINDS, SHAPE_LEVEL, SHARES
from uploadtrends.simulate import ar1_series

INDEX = pd.date_range("2015-01-01", periods=96, freq="MS")
SINCE = np.arange(96) - 58


def fitted(seed: int, effect: np.ndarray, rho: float = 0.4):
    noise = ar1_series(1, 96, rho=rho, sd=0.1, mean=5.0, seed=seed)[0]
    series = pd.Series(np.exp(noise + effect), INDEX)
    return ut.interrupted_time_series(series, INDEX[58], scale="log").fits[0]


def test_shares_are_of_one_level() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)
    assert sum(KINDS.values()) == pytest.approx(1)


@pytest.mark.parametrize("effect", [0.0, -0.5])
def test_a_step_is_seldom_said_to_be_something_else(effect) -> None:
    found = [fitted(seed, effect * (SINCE >= 0)).adequacy.p_shape for seed in range(60)]
    # .05 of 60 is 3; 8 or more would be seen in one run of a hundred.
    assert sum(p <= SHAPE_LEVEL for p in found) <= 7


def test_an_onset_over_half_a_year_is_found_more_often_than_the_joint_test_does() -> None:
    onset = -0.6 * np.clip((SINCE + 1) / 6, 0, 1)
    found = [fitted(seed, onset).adequacy for seed in range(20)]
    alone = sum(one.p_shape <= SHAPE_LEVEL for one in found)
    assert alone >= 16
    assert alone >= sum(one.p <= 0.04 for one in found)


def test_the_summary_says_which_shape_fits_better() -> None:
    fits = [fitted(seed, -0.35 * np.clip((SINCE + 1) / 6, 0, 1)) for seed in range(12)]
    hinted = [fit for fit in fits if fit.adequacy.hint]
    assert hinted
    for fit in hinted:
        assert fit.status == "ok"
        assert fit.adequacy.hint in fit.diagnostics.verdict
        assert "the effect may have another shape: " in fit.sentence
    assert sum("an onset over" in fit.adequacy.hint for fit in hinted) >= len(hinted) - 1


def test_an_overshoot_is_no_onset() -> None:
    """A fall that is largest at first has the sign of an onset of the opposite direction."""
    over = -0.6 * (SINCE >= 0) - 0.6 * ((SINCE >= 0) & (SINCE < 3))
    fit = fitted(1, over)
    assert "an onset" not in fit.reason + fit.adequacy.hint
    assert fit.adequacy.p_shape <= SHAPE_LEVEL
