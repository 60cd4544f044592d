"""Assumptions, shares and courses that cannot be are refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.loop.share import _corrected
from uploadtrends.simulate import labelled_works

RNG = np.random.default_rng(1)
RISE = np.minimum(np.arange(1, 101) / 66, 1)[:, None] + 0.05 * RNG.standard_normal((100, 60))
PANEL = ut.build_panel(labelled_works(60).population)


def earnings(works: Any = 10, share: Any = 0.3, cut: Any = 0.3, **more: Any) -> Any:
    return ut.attribution_earnings(works, share, 0.5, cut, **more)


def course(**settings: Any) -> Any:
    return ut.convergence(RISE, **settings)


def share(**settings: Any) -> Any:
    return ut.synthetic_share(PANEL, **settings)


@pytest.mark.parametrize(
    ("verb", "settings", "named"),
    [
        (earnings, {"works": np.inf}, "works"),
        (earnings, {"works": None}, "works"),
        (earnings, {"works": "many"}, "works"),
        (earnings, {"works": (1, 2)}, "works"),
        (earnings, {"works": ()}, "works"),
        (earnings, {"cut": 30}, "platform_cut"),
        (earnings, {"downloaded": 0.2}, "downloaded"),
        (course, {"draws": 0}, "draws"),
        (course, {"draws": 19.5}, "draws"),
        (course, {"seed": -1}, "seed"),
        (course, {"band": 1}, "band"),
        (share, {"window": 1.5}, "window"),
        (share, {"window": 0}, "window"),
        (share, {"sensitivity": 0.5}, "sensitivity"),
        (share, {"sensitivity": (np.nan, 0.5)}, "sensitivity"),
        (share, {"sensitivity": (0.01, 0.02)}, "sensitivity"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(verb: Any, settings: dict, named: str) -> None:
    with pytest.raises(InputError) as caught:
        verb(**settings)
    assert (caught.value.column, bool(caught.value.fix)) == (named, True)


def test_a_few_works_that_all_carry_the_label_refuse_nothing() -> None:
    table = pd.DataFrame({"works": [2, 400], "low": [1.0, 0.2], "middle": np.nan, "high": 1.0})
    assert _corrected(table, (0.5, 0.8))["low"].tolist() == pytest.approx([1.0, 0.25])
    with pytest.raises(InputError, match="carry the label"):
        _corrected(table, (0.05, 0.1))


WORKS = np.random.default_rng(1).normal(size=(400, 2))


def loop(**settings: Any) -> Any:
    small = {"generator": "gaussian", "n": 20, "generations": 3, "repeats": 2, "announce": False}
    return ut.retraining_loop(settings.pop("data", WORKS), **(small | settings))


def captions(**settings: Any) -> Any:
    return ut.caption_loop(**({"iterations": 1, "announce": False} | settings))


@pytest.mark.parametrize(
    ("verb", "settings", "named"),
    [
        (loop, {"generations": 2.5}, "generations"),
        (loop, {"n": 2.5}, "n"),
        (loop, {"repeats": 1}, "repeats"),
        (loop, {"seed": -1}, "seed"),
        (loop, {"data": np.full((400, 2), "a")}, "data"),
        (loop, {"data": np.ones((400, 2))}, "data"),
        (captions, {"iterations": 1.5}, "iterations"),
        (captions, {"repeats": 0}, "repeats"),
        (captions, {"seed": -1}, "seed"),
    ],
)
def test_loops_refuse_by_name(verb: Any, settings: dict, named: str) -> None:
    with pytest.raises(InputError) as caught:
        verb(**settings)
    assert (caught.value.column, bool(caught.value.fix)) == (named, True)


def test_ranges_of_any_kind_and_courses_that_are_no_numbers() -> None:
    assert earnings(np.array([10, 20, 40])).low == pytest.approx(10 * 0.3 * 0.5 * 0.7)
    assert earnings(np.int8(10)).middle == pytest.approx(10 * 0.3 * 0.5 * 0.7)
    with pytest.raises(InputError, match="no numbers"):
        ut.convergence(np.full((100, 60), "a"))
