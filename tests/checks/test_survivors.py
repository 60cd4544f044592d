import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import uploadtrends as ut
from uploadtrends.checks.survivors import _judged
from uploadtrends.errors import InputError


def test_sweep_and_bounds(people):
    panel, its = people
    outcome = its.check(ut.survivorship(panel))
    sweep = outcome.figure_data["thresholds"]
    for _, part in sweep.groupby("group"):
        assert part["value"].is_monotonic_increasing
        assert part["n_artists"].is_monotonic_decreasing
        assert len(part) >= 4
    bounds = outcome.figure_data["deletion"]
    senior = bounds[bounds["group"] == "senior"]
    after = senior[senior["kind"] == "deleted after the event"]
    assert after["relative"].is_monotonic_increasing
    assert outcome.status in ("passed", "failed")


def test_tipping_point_is_where_the_interval_reaches_no_change(stepped):
    table = stepped.check(ut.survivorship(group="senior")).table
    row = stepped.effects.query("term == 'level' and group == 'senior'").iloc[0]
    tipping = table["tipping_point"].iloc[0]
    assert (1 + row["relative_high"] / 100) / (1 - tipping) == pytest.approx(1.0)
    assert 0.05 < tipping < 1


@given(
    st.floats(-0.9, 1.5).filter(lambda v: abs(v) > 0.01),
    st.floats(0.01, 0.95),
)
def test_tipping_point_of_any_significant_estimate(log_ratio, share):
    """Scaling the interval by what the tipping point deletes brings it to no change."""
    import pandas as pd

    width = abs(log_ratio) * share
    ends = np.expm1([log_ratio, log_ratio - width, log_ratio + width]) * 100
    effect = pd.Series(
        {
            **dict.fromkeys(("platform", "group", "event", "label"), "x"),
            **{"term": "level", "status": "ok", "p": 0.01, "estimate": log_ratio},
            **{"low": log_ratio - width, "high": log_ratio + width},
            **dict(zip(("relative", "relative_low", "relative_high"), ends, strict=True)),
        }
    )
    table = _judged(effect, pd.DataFrame(), (0.1,), 0.05, 0.05)
    tipping = table["tipping_point"].iloc[0]
    near = (
        (1 + ends[2] / 100) / (1 - tipping)
        if log_ratio < 0
        else (1 + ends[1] / 100) * (1 - tipping)
    )
    assert near == pytest.approx(1.0)
    assert table["status"].iloc[0] == ("failed" if tipping < 0.05 else "passed")


def test_a_little_deletion_can_make_a_small_fall(stepped):
    outcome = stepped.check(ut.survivorship(plausible=0.9, platform="gallery"))
    assert outcome.status == "failed"
    assert "deleted on one side" in outcome.text


def test_own_attribute(people):
    panel, its = people
    known = panel.artists["artist_id"].unique().to_list()
    followers = {name: float(i) for i, name in enumerate(known)}
    check = ut.survivorship(panel, attribute=followers, thresholds=(0, len(known) // 2))
    sweep = its.check(check).figure_data["thresholds"]
    everyone = sweep[sweep["group"] == "all"]
    assert everyone["n_artists"].tolist() == [len(known), len(known) - len(known) // 2]


def test_shares_are_shares():
    with pytest.raises(InputError, match="between 0 and 1"):
        ut.survivorship(deletion=(0.1, 1.0))
