from __future__ import annotations

import datetime as dt
import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadtrends.errors import InputError
from uploadtrends.events import Event, blocks, event_catalogue
from uploadtrends.events.crowding import inflation

MONTHS = pd.date_range("2018-01-01", "2023-12-01", freq="MS")
SIX = [Event(day) for day in ("2021-03", "2022-04", "2022-07", "2022-08", "2022-12", "2023-03")]


def test_inflation_equals_the_reference_at_independent_errors(data) -> None:
    # Reference: standard errors of six steps at unit variance, monthly 2018-2023, computed by
    # ordinary least squares (tests/data/event_design/event_design.json).
    reference = json.loads((data / "event_design" / "event_design.json").read_text())
    monthly = reference["monthly_2018_2023"]
    expected = np.array(list(monthly["step_joint"].values())) / list(monthly["step_alone"].values())
    assert inflation(SIX, MONTHS, slope=False, phi=0.0) == pytest.approx(expected, rel=1e-6)


def test_july_and_august_2022_inflate_more_than_twice() -> None:
    ratio = inflation(SIX, MONTHS, slope=False, phi=0.0)
    assert ratio[2] > 2.5
    assert ratio[3] > 2.5


def test_the_six_dates_fall_into_three_blocks() -> None:
    found = blocks(SIX, MONTHS)
    assert [len(block.events) for block in found] == [1, 3, 2]
    assert found[0].reason == ""
    assert found[1].crowded
    assert "no member has an estimate of its own" in found[1].reason
    assert found[1].label == "block 2022-04 to 2022-08 (3 events)"
    assert found[1].id == "2022-04+2022-07+2022-08"


def test_the_full_catalogue_does_not_chain_into_one_block() -> None:
    found = blocks(event_catalogue(start="2021-01-01", end="2023-12-31"), MONTHS)
    assert len(found) >= 5
    assert all((block.end - block.start).days <= 183 + 31 for block in found)


def test_nothing_in_nothing_out() -> None:
    assert blocks([], MONTHS) == ()


def test_phi_is_checked() -> None:
    with pytest.raises(InputError, match="phi"):
        blocks(SIX, MONTHS, phi=1.0)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.dates(dt.date(2018, 6, 1), dt.date(2023, 6, 1)), max_size=12, unique=True))
def test_every_event_is_in_exactly_one_block_of_bounded_span(days: list[dt.date]) -> None:
    found = blocks(days, MONTHS)
    members = [event.start for block in found for event in block.events]
    assert members == sorted(days)
    for block in found:
        assert (block.end - block.start).days <= 6 * 365.25 / 12
    for earlier, later in pairwise(found):
        together = (later.end - earlier.start).days
        assert together > 6 * 365.25 / 12 or len(earlier.events) + len(later.events) > 2
