"""Columns by name and by formula give the model that the same columns by hand give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.simulate import ar1_series, population

EVENT = "2020-06-01"
INDEX = pd.date_range("2016-01-01", periods=96, freq="MS")
PLAIN = {"scale": "level", "terms": ("level",), "season": "none"}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    values = 40 + ar1_series(3, 96, rho=0.3, seed=2)
    made = pd.DataFrame(values.T, INDEX, ["works", "elsewhere", "price"])
    made["works"] += 2.0 * made["price"] - 5.0 * (INDEX >= EVENT)
    return made


def table(result) -> pd.DataFrame:
    return result.fits[0].coefficients


def test_a_control_by_name_is_the_control_by_hand(frame) -> None:
    named = ut.interrupted_time_series(frame, EVENT, control="elsewhere", groups="works", **PLAIN)
    by_hand = ut.interrupted_time_series(frame["works"], EVENT, control=frame["elsewhere"], **PLAIN)
    assert [fit.group for fit in named.fits] == ["works"]
    pd.testing.assert_frame_equal(table(named), table(by_hand))


def test_named_columns_are_no_outcomes(frame) -> None:
    found = ut.interrupted_time_series(
        frame, EVENT, control="elsewhere", covariates=["price"], **PLAIN
    )
    assert [fit.group for fit in found.fits] == ["works"]
    names = table(found).set_index("name")["estimate"]
    assert names["price"] == pytest.approx(2.0, abs=0.3)
    assert names[f"level[{EVENT}]"] == pytest.approx(-5.0, abs=1.0)
    other = ut.interrupted_time_series(frame, EVENT, covariates="price", **PLAIN)
    assert [fit.group for fit in other.fits] == ["works", "elsewhere"]


def test_a_name_that_is_not_there_suggests_the_nearest(frame) -> None:
    with pytest.raises(InputError, match="did you mean 'elsewhere'"):
        ut.interrupted_time_series(frame, EVENT, control="elsewere")


def test_a_series_of_a_panel_by_name() -> None:
    people = population(
        80, platforms=("artstation", "deviantart"), start="2018-01-01", end="2022-12-31", seed=1
    )
    panel = ut.build_panel(people)
    named = ut.interrupted_time_series(
        panel, "2021-01-01", control="deviantart/all", platforms="artstation"
    )
    by_hand = ut.interrupted_time_series(
        panel, "2021-01-01", control=panel.series("deviantart"), platforms="artstation"
    )
    pd.testing.assert_frame_equal(table(named), table(by_hand))


def test_a_formula_makes_the_columns_that_one_makes_by_hand(frame) -> None:
    by_formula = ut.interrupted_time_series(
        frame[["works", "price"]], EVENT, formula="log(price) + C(quarter)", **PLAIN
    )
    by_hand = pd.DataFrame({"log(price)": np.log(frame["price"])}, INDEX)
    for quarter in (2, 3, 4):
        by_hand[f"q{quarter}"] = (INDEX.quarter == quarter).astype(float)
    same = ut.interrupted_time_series(frame["works"], EVENT, covariates=by_hand, **PLAIN)
    for name in ("estimate", "se"):
        np.testing.assert_allclose(table(by_formula)[name], table(same)[name], rtol=1e-6)
    assert "price" not in set(table(by_formula)["name"])


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("log(prize)", "names what is not there"),
        ("works ~ price", "right-hand side only"),
        ("price.sum()", "a few functions only"),
        ("__import__('os')", "a few functions only"),
        ("log(", "cannot be read"),
    ],
)
def test_a_formula_that_cannot_be_meant(frame, formula: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        ut.interrupted_time_series(frame, EVENT, formula=formula, **PLAIN)


@pytest.mark.parametrize("scale", ["level", "log"])
def test_one_sided_answers(frame, scale: str) -> None:
    def rows(**settings):
        found = ut.interrupted_time_series(
            frame["works"], EVENT, scale=scale, terms=("level",), **settings
        )
        return found, found.effects[found.effects["p"].notna()].set_index("term")

    _, both = rows()
    _, ninety = rows(confidence=0.9)
    less, down = rows(alternative="less")
    _, up = rows(alternative="greater")
    falls = both["estimate"] < 0
    np.testing.assert_allclose(down["p"], np.where(falls, both["p"] / 2, 1 - both["p"] / 2))
    np.testing.assert_allclose(down["p"] + up["p"], 1)
    assert (down["low"] == -np.inf).all()
    assert (up["high"] == np.inf).all()
    np.testing.assert_allclose(down["high"], ninety["high"])
    np.testing.assert_allclose(up["absolute_low"], ninety["absolute_low"])
    np.testing.assert_allclose(up["relative_low"], ninety["relative_low"])
    assert "one-sided interval up to" in less.summary()
    assert "up to" in repr(less)
    with pytest.raises(InputError, match=r"between 0\.5 and 1"):
        rows(alternative="less", confidence=0.5)


def test_what_could_be_found_is_said_for_a_fall_and_a_rise() -> None:
    noise = pd.Series(np.random.default_rng(3).normal(100, 20, 60), INDEX[:60])
    found = ut.interrupted_time_series(noise, "2019-01-01", scale="log", terms=("level",))
    least = found.effects["minimum_detectable"].iloc[0]
    fall, rise = -100 * np.expm1(-least), 100 * np.expm1(least)
    assert f"a fall of {fall:.1f}% or a rise of {rise:.1f}%" in found.summary()
    assert fall < rise
