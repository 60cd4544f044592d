"""The scan against the same models fitted one by one with a general least-squares routine."""

from __future__ import annotations

import numpy as np
import pytest

from uploadtrends.breaks.pairs import PAIR_CANDIDATES, scan_pairs
from uploadtrends.breaks.scan import MINIMUM_SEGMENT, RHO_GRID, candidate_dates, scan


def whiten(column: np.ndarray, rho: float) -> np.ndarray:
    return np.concatenate([[np.sqrt(1 - rho**2) * column[0]], column[1:] - rho * column[:-1]])


def smallest_criterion(values: np.ndarray, columns: list[np.ndarray]) -> float:
    n = len(values)
    found = []
    for rho in RHO_GRID:
        design = np.column_stack([whiten(column, rho) for column in columns])
        response = whiten(values, rho)
        residual = response - design @ np.linalg.lstsq(design, response, rcond=None)[0]
        found.append(n * np.log(residual @ residual / n) - np.log(1 - rho**2))
    return min(found)


def a_few_series(n: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    series = np.stack(
        [
            rng.normal(size=n),
            rng.normal(size=n).cumsum(),
            rng.normal(size=n) + 3 * (np.arange(n) >= n // 3),
            rng.normal(size=n) + 0.2 * np.arange(n),
        ]
    )
    series -= series.mean(axis=1, keepdims=True)
    return series / series.std(axis=1, keepdims=True)


@pytest.mark.parametrize("n", [12, 31])
def test_every_criterion_equals_a_direct_fit(n: int) -> None:
    series = a_few_series(n)
    found = scan(series)
    time, one = np.arange(n, dtype=float), np.ones(n)
    for row, values in enumerate(series):
        constant = smallest_criterion(values, [one])
        line = smallest_criterion(values, [one, time])
        steps, changes = {}, {}
        for date in range(MINIMUM_SEGMENT, n - MINIMUM_SEGMENT + 1):
            step = (time >= date).astype(float)
            kink = np.maximum(time - date + 1, 0.0)
            steps[date] = smallest_criterion(values, [one, step])
            changes[date] = min(
                smallest_criterion(values, [one, time, step]) + np.log(n),
                smallest_criterion(values, [one, time, kink]) + np.log(n),
                smallest_criterion(values, [one, time, step, kink]) + 2 * np.log(n),
            )
        assert found.constant[row] == pytest.approx(constant, abs=1e-8)
        assert found.line[row] == pytest.approx(line, abs=1e-8)
        assert found.step[row] == pytest.approx(min(steps.values()), abs=1e-8)
        assert found.step_date[row] == min(steps, key=steps.get)
        assert found.line_change[row] == pytest.approx(min(changes.values()), abs=1e-7)
        assert found.line_change_date[row] == min(changes, key=changes.get)


def test_two_steps_equal_a_direct_fit() -> None:
    n = 16
    series = a_few_series(n)
    found = scan_pairs(series)
    time = np.arange(n)
    for row, values in enumerate(series):
        best = {}
        for first in range(3, n - 2):
            for second in range(first + 3, n - 2):
                columns = [np.ones(n), (time >= first) * 1.0, (time >= second) * 1.0]
                best[first, second] = smallest_criterion(values, columns)
        assert found.two_steps[row] == pytest.approx(min(best.values()), abs=1e-7)
        assert tuple(found.dates[row]) == min(best, key=best.get)


def test_no_room_for_two_steps() -> None:
    assert scan_pairs(a_few_series(8)) is None


def test_candidates_are_thinned_evenly() -> None:
    dates = candidate_dates(5000)
    assert len(dates) == 200
    assert dates[0] == 3
    assert dates[-1] == 4997
    assert np.ptp(np.diff(dates)) <= 1
    assert len(candidate_dates(5000, PAIR_CANDIDATES)) == PAIR_CANDIDATES
