from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadtrends import InputError, change_points
from uploadtrends.breaks.redraw import redraw_positions, shift_positions
from uploadtrends.events import Event

SIX = ["2021-03-11", "2022-04-06", "2022-07-12", "2022-08-22", "2022-12-13", "2023-03-15"]


def step_at(position: int, n: int = 72, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    return noise - 6.0 * (np.arange(n) >= position)


def test_a_change_at_an_event_is_near_it(monthly) -> None:
    found = change_points(monthly(step_at(56)), trend=False)  # 2022-09
    matched = found.match("2022-08-22")
    (row,) = matched.to_frame().itertuples()
    assert row.nearest == pd.Timestamp("2022-09-01")
    assert row.gap_days == 10
    assert row.within > 0.95
    assert row.p < 0.05
    assert row.p_holm == row.p == matched.p
    assert "by permutation" in matched.summary()
    assert "1 change in 1 series" in matched.sentence


def test_a_change_far_from_events_is_not(monthly) -> None:
    matched = change_points(monthly(step_at(20)), trend=False).match(SIX)
    assert matched.p > 0.3
    assert matched.series["n_within"].iloc[0] < 0.05


@pytest.mark.parametrize(
    ("start", "end", "months", "share"),
    [("2019-01", "2023-12", 60, 0.27), ("2021-01", "2023-06", 30, 0.53)],
)
def test_chance_is_what_the_reference_counts(
    shared: Path, monthly, start: str, end: str, months: int, share: float
) -> None:
    rows = json.loads((shared / "reference" / "event_design.json").read_text())["chance"]
    expected = next(r[3] for r in rows if r[:3] == [start, end, 1])
    assert expected == pytest.approx(share, abs=0.005)
    series = monthly(step_at(months // 2, months), start=f"{start}-01")
    found = change_points(series, trend=False)
    # One event at a time: here we count dates, not blocks.
    hits = np.zeros(months, dtype=bool)
    for day in SIX:
        place = series.index.get_loc(pd.Timestamp(day).to_period("M").to_timestamp())
        hits[max(place - 1, 0) : place + 2] = True
    assert hits.mean() == pytest.approx(expected)
    matched = found.match(SIX, edge=1)
    assert matched.series["chance"].iloc[0] >= expected - 0.02  # blocks span their gaps too


def test_crowded_events_are_matched_as_blocks(monthly) -> None:
    matched = change_points(monthly(step_at(56)), trend=False).match(SIX)
    frame = matched.to_frame()
    assert len(frame) == 3
    block = frame[frame["event"].str.contains("+", regex=False)].iloc[0]
    assert block["reason"]
    assert (frame["p_holm"] >= frame["p"]).all()
    assert frame["p_holm"].max() <= 1


def test_events_outside_the_data_are_listed(monthly) -> None:
    frame = (
        change_points(monthly(step_at(56)), trend=False)
        .match(["2022-08-22", "2030-01-01"])
        .to_frame()
    )
    assert set(frame["status"]) == {"ok", "outside the data"}


def test_nothing_to_match(monthly) -> None:
    quiet = change_points(monthly(np.random.default_rng(1).normal(size=72)))
    matched = quiet.match(SIX)
    assert np.isnan(matched.p)
    assert set(matched.table["status"]) == {"no change"}
    assert "No change" in matched.sentence
    refused = change_points(monthly(step_at(4, 8))).match(SIX)
    assert refused.table.empty


def test_several_series_move_together(monthly) -> None:
    data = {f"s{i}": monthly(step_at(56, seed=i)) for i in range(4)}
    matched = change_points(data, trend=False).match("2022-08-22")
    assert len(matched.series) == 4
    # Four copies of one change are one coincidence, not four: at best one shift in 72.
    assert matched.p >= 1 / 72
    assert matched.p < 0.08


def test_month_precision_counts_the_whole_month(monthly) -> None:
    found = change_points(monthly(step_at(56)), trend=False)
    (row,) = found.match(Event("2022-09")).to_frame().itertuples()
    assert row.gap_days == 0


def test_same_seed_same_answer_and_portable(monthly) -> None:
    found = change_points(monthly(step_at(50)), trend=False)
    first, second = found.match(SIX, seed=5), found.match(SIX, seed=5)
    pd.testing.assert_frame_equal(first.table, second.table)
    assert pickle.loads(pickle.dumps(first)).sentence == first.sentence
    assert first.call.parameters["window"] == "1 month"
    json.dumps(first.to_dict())


def test_p_values_are_uniform_when_dates_have_nothing_to_do_with_events(monthly) -> None:
    rng = np.random.default_rng(11)
    p = []
    for i in range(40):
        series = monthly(step_at(int(rng.integers(4, 69)), seed=100 + i))
        p.append(change_points(series, trend=False).match(SIX, n_permutations=199).p)
    p = np.array(p)
    assert np.mean(p <= 0.05) <= 0.15  # 40 series; the full study is in validation/
    assert 0.3 < np.mean(p) < 0.7


@pytest.mark.parametrize("window", ["soon", "0 days", "-1 month", ""])
def test_windows_are_read_or_refused(monthly, window: str) -> None:
    with pytest.raises(InputError, match="window"):
        change_points(monthly(step_at(50))).match(SIX, window=window)


def test_no_events_is_an_error(monthly) -> None:
    with pytest.raises(InputError, match="no event"):
        change_points(monthly(step_at(50))).match([])


@given(st.integers(1, 4), st.integers(30, 90), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_redrawn_dates_meet_their_constraints(k: int, n: int, edge: int, spacing: int) -> None:
    drawn = redraw_positions(np.random.default_rng(0), k, n, 50, edge, spacing)
    assert drawn.shape == (50, k)
    assert drawn.min() >= edge
    assert drawn.max() <= n - edge
    if k > 1:
        assert np.diff(np.sort(drawn, axis=1), axis=1).min() >= spacing


def test_redrawn_dates_are_uniform() -> None:
    drawn = redraw_positions(np.random.default_rng(1), 1, 20, 40_000, 3, 3)
    share = np.bincount(drawn[:, 0], minlength=21)[3:18] / 40_000
    assert share == pytest.approx(np.full(15, 1 / 15), abs=0.006)
    with pytest.raises(InputError, match="do not fit"):
        redraw_positions(np.random.default_rng(1), 5, 12, 1, 3, 3)
    with pytest.raises(InputError, match="at least 1"):
        redraw_positions(np.random.default_rng(1), 1, 12, 1, 0, 3)


def test_shifts_keep_positions_inside() -> None:
    moved = shift_positions(np.array([3, 20]), 30, 40, 3)
    assert moved.min() >= 3
    assert moved.max() <= 27
    assert moved[0].tolist() == [3, 20]


def test_p_is_never_zero_even_where_no_redraw_comes_near(monthly) -> None:
    found = change_points(monthly(step_at(56)), trend=False)
    change = found.fits[0].changes[0]
    # A dated change on the very day, one redraw: the smallest possible p is 1 / 2.
    for redraws in (1, 9, 99):
        matched = found.match(change.date, window="1 week", n_permutations=redraws, seed=1)
        assert matched.p >= 1 / (1 + redraws)
        assert matched.table["p"].min() >= 1 / (1 + redraws)
    exact = found.match(change.date, window="1 week", n_permutations=9, seed=1)
    assert exact.p == pytest.approx(1 / 10)


def test_only_confirmed_changes_are_matched(monthly) -> None:
    found = change_points(monthly(step_at(36)), trend=False)
    fit = found.fits[0]
    bend = replace(fit.changes[0], position=10, date=fit.index[10])
    shown = replace(found, fits=(replace(fit, changes=(), further=(bend,)),))
    matched = shown.match(fit.index[10])
    assert np.isnan(matched.p)
    assert matched.to_frame()["status"].tolist() == ["no change"]
