"""Null distributions of matching: complete circles, and a p-value that is never zero."""

from __future__ import annotations

import numpy as np
import pytest

from uploadtrends.breaks.matching import _p
from uploadtrends.breaks.redraw import shift_positions


@pytest.mark.parametrize(("n", "edge"), [(40, 1), (40, 6), (61, 12)])
def test_a_full_circle_visits_every_admissible_position_once(n: int, edge: int) -> None:
    admissible = np.arange(edge, n - edge + 1)
    starts = np.array([edge, n // 2, n - edge])
    moved = shift_positions(starts, n, len(admissible), edge)
    assert (moved[0] == starts).all()
    for column in moved.T:
        assert np.sort(column).tolist() == admissible.tolist()


def test_the_observed_statistic_is_one_of_the_draws() -> None:
    null = np.array([0.0, 1.0, 2.0, 3.0])
    assert _p(2.0, null) == (1 + 2) / (1 + 4)
    assert _p(9.0, np.zeros(99)) == 1 / 100  # as small as 99 draws can make it
    assert _p(0.0, null) == 1.0
