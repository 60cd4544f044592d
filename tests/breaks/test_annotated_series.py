"""Human-annotated series (TCPD): R's segmentations, the published scores, and our default."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from uploadtrends import change_points
from uploadtrends.breaks import segment
from uploadtrends.breaks.costs import MeanCost, MeanVarianceCost
from uploadtrends.breaks.partition import errors_of

MARGIN = 5


def true_positives(truth: set[int], found: set[int]) -> int:
    left, hits = set(found), 0
    for mark in sorted(truth):
        near = sorted((abs(mark - place), place) for place in left if abs(mark - place) <= MARGIN)
        if near:
            hits += 1
            left.remove(near[0][1])
    return hits


def f1(annotations: list[list[int]], found: list[int]) -> float:
    """van den Burg & Williams (2020): precision over all annotators together, recall over each."""
    truths = [{0, *marks} for marks in annotations]
    places = {0, *found}
    precision = true_positives(set().union(*truths), places) / len(places)
    recall = np.mean([true_positives(truth, places) / len(truth) for truth in truths])
    return float(2 * precision * recall / (precision + recall))


def cover(annotations: list[list[int]], found: list[int], n: int) -> float:
    """Covering metric (Arbelaez et al. 2010), mean over annotators."""

    def parts(changes: list[int]) -> list[tuple[int, int]]:
        bounds = [0, *sorted({c for c in changes if 0 < c < n}), n]
        return list(pairwise(bounds))

    def overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
        shared = max(0, min(a[1], b[1]) - max(a[0], b[0]))
        return shared / (max(a[1], b[1]) - min(a[0], b[0])) if shared else 0.0

    mine = parts(found)
    return float(
        np.mean(
            [
                sum((p[1] - p[0]) * max(overlap(p, q) for q in mine) for p in parts(marks)) / n
                for marks in annotations
            ]
        )
    )


def test_scores_equal_the_published_ones(annotated) -> None:
    for name in annotated.names:
        marks, n = annotated.annotations[name], len(annotated.values[name])
        for method in ("zero", "amoc", "binseg", "pelt", "segneigh"):
            # The benchmark scored R's last point of the old segment, 0-based: one below ours.
            found = [c - 1 for c in annotated.r["cpts"][name].get(method, [])]
            published = annotated.published
            assert f1(marks, found) == pytest.approx(
                published["default_f1"][name][method], abs=1e-9
            )
            assert cover(marks, found, n) == pytest.approx(
                published["default_cover"][name][method], abs=1e-9
            )


def test_r_segmentations_are_reproduced(annotated) -> None:
    for name in annotated.names:
        values, expected = annotated.values[name], annotated.r["cpts"][name]
        assert segment(values, search="one") == expected["amoc"], name
        assert segment(values, search="binary") == expected["binseg"], name
        assert segment(values) == expected["pelt"], name
        assert segment(values, penalty="bic", search="number") == expected["segneigh"], name


def test_r_bic_and_poisson_are_reproduced(annotated) -> None:
    for name in annotated.names:
        values, more = annotated.values[name], annotated.r["more"][name]
        assert segment(values, penalty="bic") == more["bic"], name
        if "poisson_meanvar_bic" in more:
            found = segment(values, cost="poisson", penalty="bic", min_size=2)
            assert found == more["poisson_meanvar_bic"], name


def test_mean_and_variance_equal_r_or_cost_less(annotated) -> None:
    # With MBIC's priced lengths R's pruning may drop the optimum; ours is exact.
    different = []
    for name in annotated.names:
        values, expected = annotated.values[name], annotated.r["more"][name]["meanvar_normal_mbic"]
        found = segment(values, cost="mean_variance")
        if found == expected:
            continue
        different.append(name)
        n = len(values)
        errors = errors_of(
            MeanVarianceCost().fit((values - values.mean()) / values.std(ddof=1)), True
        )

        def total(changes: list[int], n=n, errors=errors) -> float:
            bounds = np.array([0, *changes, n])
            return float(errors(bounds[:-1], bounds[1:]).sum() + 4 * np.log(n) * len(changes))

        assert total(found) < total(expected), name
    assert len(different) <= 1


def test_exact_search_costs_no_more_than_pelt(annotated) -> None:
    for name in annotated.names:
        values = annotated.values[name]
        n = len(values)
        errors = errors_of(MeanCost().fit((values - values.mean()) / values.std(ddof=1)), True)
        costs = []
        for search in ("exact", "pelt"):
            found = segment(values, search=search)
            bounds = np.array([0, *found, n])
            costs.append(errors(bounds[:-1], bounds[1:]).sum() + 3 * np.log(n) * len(found))
        assert costs[0] <= costs[1] + 1e-9, name


def test_the_default_scores_better_than_every_published_default(annotated) -> None:
    scores, covers = [], []
    for name in annotated.names:
        # Real dates: every 10 years, 4 years and 14 days among them.
        dates, values = annotated.dates[name], annotated.values[name]
        (fit,) = change_points(pd.Series(values, dates)).fits
        found = [int(dates.searchsorted(change.date)) for change in fit.changes]
        scores.append(f1(annotated.annotations[name], found))
        covers.append(cover(annotated.annotations[name], found, len(values)))
    assert np.mean(scores) >= 0.795  # best published default .776, doing nothing .680
    assert np.mean(covers) >= 0.725  # best published default .719, doing nothing .576
