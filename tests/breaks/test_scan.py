"""The scan against the same models fitted one by one with the full covariance matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadtrends.breaks.likelihood.each import regime_columns
from uploadtrends.breaks.likelihood.pairs import PAIR_CANDIDATES, candidate_rows, scan_pairs
from uploadtrends.breaks.likelihood.scan import MINIMUM_SEGMENT, Base, plain_base, scan
from uploadtrends.breaks.likelihood.spacing import RHO_GRID, Spacing


def smallest_criterion(values: np.ndarray, times: np.ndarray, columns: list[np.ndarray]) -> float:
    """Exact Gaussian AR(1) over gaps by generalised least squares, rho over the grid."""
    n, found = len(values), []
    design = np.column_stack(columns)
    for rho in RHO_GRID:
        covariance = rho ** np.abs(times[:, None] - times[None, :])
        root = np.linalg.cholesky(covariance)
        white, response = np.linalg.solve(root, design), np.linalg.solve(root, values)
        residual = response - white @ np.linalg.lstsq(white, response, rcond=None)[0]
        log_det = 2 * np.log(np.diag(root)).sum()
        found.append(n * np.log(residual @ residual / n) + log_det)
    return min(found)


def step(times: np.ndarray, row: int) -> np.ndarray:
    return (times >= times[row]) * 1.0


def kink(times: np.ndarray, row: int) -> np.ndarray:
    return np.maximum(times - times[row] + 1.0, 0.0)


def odd(times: np.ndarray, row: int) -> np.ndarray:
    return (times == times[row]) * 1.0


def standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


@given(seed=st.integers(0, 10_000), missing=st.integers(0, 12), wander=st.booleans())
@settings(max_examples=12, deadline=None)
def test_every_criterion_equals_a_direct_fit_over_any_gaps(
    seed: int, missing: int, wander: bool
) -> None:
    rng = np.random.default_rng(seed)
    gone = rng.choice(np.arange(1, 29), missing, replace=False)
    times = np.delete(np.arange(30), gone).astype(float)
    n = len(times)
    noise = rng.normal(size=n)
    values = standard(noise.cumsum() if wander else noise)
    rows = range(MINIMUM_SEGMENT, n - MINIMUM_SEGMENT + 1)
    for sloped in (False, True):
        plain = [np.ones(n), *([times] if sloped else [])]
        kinds = ("none", "step", "odd", *(("kink", "both") if sloped else ()))
        base = plain_base(Spacing.of(times), sloped=sloped)
        found = scan(values[None, :], base, kinds)
        tried = {
            "none": [plain],
            "step": [[*plain, step(times, k)] for k in rows],
            "kink": [[*plain, kink(times, k)] for k in rows],
            "both": [[*plain, step(times, k), kink(times, k)] for k in rows],
            "odd": [[*plain, odd(times, k)] for k in range(n)],
        }
        for kind in kinds:
            direct = [smallest_criterion(values, times, columns) for columns in tried[kind]]
            first = 0 if kind in ("none", "odd") else MINIMUM_SEGMENT
            assert found[kind].criterion[0] == pytest.approx(min(direct), abs=1e-8)
            assert direct[found[kind].date[0] - first] == pytest.approx(min(direct), abs=1e-8)


@pytest.mark.parametrize("sloped", [False, True])
def test_a_change_beside_other_regimes_equals_a_direct_fit(sloped: bool) -> None:
    rng = np.random.default_rng(4)
    times = np.delete(np.arange(33.0), [5, 6, 20])
    values = standard(rng.normal(size=30) + step(times, 18))
    regimes = regime_columns(times, (18,), sloped=sloped)
    found = scan(values[None, :], Base(Spacing.of(times), regimes), ("step",), low=3, high=15)
    direct = [smallest_criterion(values, times, [*regimes, step(times, k)]) for k in range(3, 16)]
    assert found["step"].criterion[0] == pytest.approx(min(direct), abs=1e-8)
    assert found["step"].date[0] == 3 + int(np.argmin(direct))


@pytest.mark.parametrize("gone", [[], [4, 5, 11]])
def test_two_steps_equal_a_direct_fit(gone: list[int]) -> None:
    times = np.delete(np.arange(19.0), gone)
    n = len(times)
    values = standard(np.random.default_rng(3).normal(size=n).cumsum())
    found = scan_pairs(values[None, :], Spacing.of(times))
    direct = {
        (first, second): smallest_criterion(
            values, times, [np.ones(n), step(times, first), step(times, second)]
        )
        for first in range(3, n - 2)
        for second in range(first + 3, n - 2)
    }
    assert found.criterion[0] == pytest.approx(min(direct.values()), abs=1e-8)
    assert tuple(found.dates[0]) == min(direct, key=direct.get)


@pytest.mark.parametrize(("gone", "dates"), [([], (28, 42)), ([9, 10, 33], (24, 35))])
def test_two_steps_are_found_on_dates_that_the_first_pass_leaves_out(
    gone: list[int], dates: tuple[int, int]
) -> None:
    times = np.delete(np.arange(56.0), gone)
    n = len(times)
    assert not set(dates) & set(candidate_rows(n).tolist())
    noise = np.random.default_rng(8).normal(size=n)
    values = standard(noise + 6 * step(times, dates[0]) - 9 * step(times, dates[1]))
    found = scan_pairs(values[None, :], Spacing.of(times))
    direct = {
        (first, second): smallest_criterion(
            values, times, [np.ones(n), step(times, first), step(times, second)]
        )
        for first in range(dates[0] - 4, dates[0] + 5)
        for second in range(dates[1] - 4, dates[1] + 5)
    }
    assert tuple(found.dates[0]) == min(direct, key=direct.get) == dates
    assert found.criterion[0] == pytest.approx(min(direct.values()), abs=1e-8)


def test_no_room_for_two_steps() -> None:
    values = standard(np.random.default_rng(0).normal(size=8))
    assert scan_pairs(values[None, :], Spacing.of(np.arange(8))) is None


def test_candidates_for_pairs_are_thinned_evenly() -> None:
    rows = candidate_rows(5000)
    assert (rows[0], rows[-1], len(rows)) == (3, 4997, PAIR_CANDIDATES)
    assert np.ptp(np.diff(rows)) <= 1


@pytest.mark.parametrize("sloped", [False, True])
@pytest.mark.parametrize("gaps", [False, True])
def test_every_rho_in_one_go_or_one_by_one_gives_the_same(sloped: bool, gaps: bool) -> None:
    rng = np.random.default_rng(8)
    times = np.arange(72) if not gaps else np.sort(rng.choice(90, 72, replace=False))
    many = rng.normal(size=(200, 72)).cumsum(axis=1) * 0.2 + rng.normal(size=(200, 72))
    kinds = ("none", "step", "kink", "both", "odd") if sloped else ("none", "step", "odd")
    base = plain_base(Spacing.of(times), sloped=sloped)
    together = scan(many, base, kinds)  # too many values for one go
    for row in range(0, 200, 20):
        alone = scan(many[row : row + 1], base, kinds)
        for kind in kinds:
            assert alone[kind].criterion[0] == pytest.approx(together[kind].criterion[row], 1e-12)
            assert alone[kind].rho[0] == together[kind].rho[row]
            assert alone[kind].date[0] == together[kind].date[row]
