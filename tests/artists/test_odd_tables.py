"""Ready tables as people code them: the estimate by hand, or a refusal with a fix that works."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError

RNG = np.random.default_rng(3)
STARTS = np.repeat([6, 9, 0], [8, 7, 15])
ROWS = pd.DataFrame(
    [(unit, t, STARTS[unit]) for unit in range(30) for t in range(1, 13)], columns=["id", "t", "g"]
)
AFTER = (ROWS["g"] > 0) & (ROWS["t"] >= ROWS["g"])
ROWS["y"] = (
    RNG.normal(0, 2, 30)[ROWS["id"]] + RNG.normal(0, 1, 12)[ROWS["t"] - 1] + AFTER
) + RNG.normal(0, 0.5, 360)


def overall(table: Any, **settings: Any) -> pd.Series:
    panel = ut.panel_from_table(table, unit="id", period="t")
    exposed = ut.exposure(panel, settings.pop("g", "g"))
    settings = {"outcome": "y", "method": "imputation"} | settings
    return ut.exposure_effects(panel, exposed, **settings).overall.iloc[0]


def by_hand(rows: pd.DataFrame) -> float:
    """Unit and period effects from untreated rows; the mean of what is left of the treated."""
    effects = pd.get_dummies(rows[["id", "t"]].astype(str), dtype=float).to_numpy()
    after = ((rows["g"] > 0) & (rows["t"] >= rows["g"])).to_numpy()
    y = rows["y"].to_numpy(dtype=float)
    fitted = np.linalg.lstsq(effects[~after], y[~after], rcond=None)[0]
    return float((y - effects @ fitted)[after].mean())


WANT = by_hand(ROWS)
GIVEN = {
    "periods around 0, never empty": ROWS.assign(
        t=ROWS["t"] - 6, g=ROWS["g"].where(ROWS["g"] > 0) - 6
    ),
    "periods around 0, never infinite": ROWS.assign(
        t=ROWS["t"] - 6, g=ROWS["g"].where(ROWS["g"] > 0, np.inf) - 6
    ),
    "0 and 1 by period around 0": ROWS.assign(t=ROWS["t"] - 6, g=AFTER),
    "unit and period in the index": ROWS.set_index(["id", "t"]),
    "numbers as text": ROWS.assign(y=ROWS["y"].map(repr)),
    "every second year": ROWS.assign(
        t=2000 + 2 * ROWS["t"], g=(2000 + 2 * ROWS["g"]).where(ROWS["g"] > 0, 0)
    ),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_coding_that_can_be_read_one_way_only_is_read_so(name: str) -> None:
    assert overall(GIVEN[name])["estimate"] == pytest.approx(WANT)


def test_codes_that_can_be_read_two_ways_are_refused() -> None:
    shifted = ROWS.assign(t=ROWS["t"] - 6, g=(ROWS["g"] - 6).where(ROWS["g"] > 0, 0))
    for table, says in (
        (shifted, "0 is a period of 't'"),
        (ROWS.assign(g=ROWS["g"].replace(0, -1)), "code for never"),
        (ROWS.assign(g=ROWS["g"].replace(0, -999)), "code for never"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            overall(table)
        assert "leave never treated units empty" in str(caught.value.fix)


@pytest.mark.parametrize(
    "method", ["imputation", "two-stage", "sun-abraham", "callaway-santanna", "twfe"]
)
def test_the_unit_of_the_outcome_changes_nothing(method: str) -> None:
    want = overall(ROWS, method=method)
    for unit, plus in ((1e-9, 0.0), (1e12, 0.0), (1.0, 1e6)):
        found = overall(ROWS.assign(y=unit * ROWS["y"] + plus), method=method)
        assert found["estimate"] / unit == pytest.approx(want["estimate"], rel=1e-6)
        assert found["p"] == pytest.approx(want["p"], rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"confidence": 95}, "confidence"),
        ({"lags": 2.5}, "lags"),
        ({"lags": -1}, "lags"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_are_refused_by_name(settings: dict, named: str) -> None:
    with pytest.raises(InputError) as caught:
        overall(ROWS, **settings)
    assert caught.value.column == named
    periods = {"leads": 3, "lags": 2, "seed": 1}
    given = overall(ROWS, **{name: float(value) for name, value in periods.items()})
    assert given["estimate"] == overall(ROWS, **periods)["estimate"]


def test_growth_from_nothing_is_exploratory() -> None:
    rows = ROWS.assign(y=np.random.default_rng(1).poisson(3, 360))
    silent = rows.assign(y=rows["y"].where((rows["g"] == 0) | AFTER, 0))
    plain, found = (overall(table, method="poisson") for table in (rows, silent))
    assert "nothing but zeros before" not in plain["reason"]
    assert found["status"] == "exploratory"
    assert "nothing but zeros before" in found["reason"]


def test_matching_refuses_what_cannot_be() -> None:
    panel = ut.panel_from_table(ROWS.assign(x=ROWS["id"] % 7), unit="id", period="t")
    exposed = ut.exposure(panel, "g")
    for settings in ({"ratio": 0}, {"bins": 1}, {"caliper": 0.0}, {"seed": -1}, {"ratio": 1.5}):
        with pytest.raises(InputError) as caught:
            ut.matched(exposed, on=("x",), **settings)
        assert caught.value.column in settings
    whole, given = (ut.matched(exposed, on=("x",), ratio=two, seed=two) for two in (2, 2.0))
    pd.testing.assert_frame_equal(whole.pairs, given.pairs)


@pytest.mark.parametrize("method", ["imputation", "two-stage", "callaway-santanna"])
def test_a_table_without_any_noise_says_nothing_of_chance(method: str) -> None:
    found = overall(ROWS.assign(y=ROWS["id"] + 2.0 * ROWS["t"] + 5 * AFTER), method=method)
    assert found["estimate"] == pytest.approx(5)
    assert found["status"] == "exploratory"
    assert "nothing is known of chance" in found["reason"]
    assert np.isnan(found["p"])


def test_two_way_counts_that_vanish_have_no_ratio() -> None:
    counts = ROWS.assign(y=np.where(AFTER, 0, np.random.default_rng(1).poisson(3, 360)))
    found = overall(counts, method="poisson-twfe")
    assert found["status"] == "refused"
    assert "no upload at all" in found["reason"]
