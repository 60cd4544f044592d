from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from uploadtrends import InputError, common_change

INDEX = pd.date_range("2019-01-01", periods=60, freq="MS")


def sets(takers: int, *, size: float = 3.0, cross: float = 0.0, seed: int = 0) -> dict:
    """Six AR(1) series, rho .4, a step at 30 in some of them."""
    rng = np.random.default_rng(seed)
    noise = np.sqrt(1 - cross) * rng.normal(size=(6, 90)) + np.sqrt(cross) * rng.normal(size=90)
    for t in range(1, 90):
        noise[:, t] = 0.4 * noise[:, t - 1] + np.sqrt(1 - 0.16) * noise[:, t]
    values = noise[:, 30:] + size * np.outer(np.arange(6) < takers, np.arange(60) >= 30)
    return {("p", f"g{i}"): pd.Series(10 + row, INDEX) for i, row in enumerate(values)}


def test_a_shared_step_is_dated_and_its_takers_are_named() -> None:
    found = common_change(sets(3))
    assert found.p <= 0.05
    assert abs(INDEX.get_loc(found.date) - 30) <= 1
    assert found.low <= INDEX[30] <= found.high
    assert found.table["takes_part"].tolist() == [True] * 3 + [False] * 3
    row = found.table.iloc[0]
    assert row["after"] - row["before"] == pytest.approx(3, abs=1)
    assert "common to some of the 6 series at 2021-0" in found.summary()
    assert "p, g0; p, g1; p, g2" in found.summary()


def test_nothing_is_claimed_when_nothing_is_there() -> None:
    p = [common_change(sets(0, cross=0.5, seed=seed)).p for seed in range(12)]
    assert np.mean(np.array(p) <= 0.05) <= 0.25
    assert min(p) > 0
    quiet = common_change(sets(0, seed=int(np.argmax(p))))
    assert "No change common" in quiet.summary() or quiet.found


def test_series_that_move_together_are_not_several_witnesses() -> None:
    apart = [common_change(sets(6, size=1.0, seed=s)) for s in range(4)]
    together = [common_change(sets(6, size=1.0, cross=0.8, seed=s)) for s in range(4)]
    assert np.mean([one.correlation for one in together]) > 0.4
    widths = [np.mean([(o.high - o.low).days for o in group]) for group in (apart, together)]
    assert widths[1] > widths[0]


def test_gaps_odd_months_and_unequal_ends() -> None:
    data = sets(4)
    data["p", "g0"].iloc[[5, 29, 30]] = np.nan
    data["p", "g1"].iloc[50] = 60.0
    data["p", "g2"] = data["p", "g2"][3:]
    found = common_change(data)
    assert found.p <= 0.05
    assert found.path.index[0] >= pd.Timestamp("2019-04-01")
    assert "set aside: 2023-03" in found.table["reason"].iloc[1]


def test_lines_are_exploratory_and_said_so() -> None:
    found = common_change(sets(6, size=4.0), trend=True)
    assert found.exploratory
    assert "Exploratory" in found.summary()


def test_a_series_that_cannot_be_used_is_refused_with_its_reason() -> None:
    data = sets(3)
    data["p", "flat"] = pd.Series(1.0, INDEX)
    found = common_change(data)
    assert found.table["status"].tolist() == ["ok"] * 6 + ["refused"]
    assert "never varies" in found.table["reason"].iloc[-1]


def test_what_cannot_be_compared_is_named() -> None:
    data = sets(3)
    with pytest.raises(InputError, match="at least two series"):
        common_change({"a": data["p", "g0"]})
    apart = data["p", "g1"].copy()
    apart.index = pd.date_range("2030-01-01", periods=60, freq="MS")
    with pytest.raises(InputError, match="in common"):
        common_change({"a": data["p", "g0"], "b": apart})
    yearly = pd.Series(np.arange(20.0), pd.date_range("2000", periods=20, freq="YS"))
    with pytest.raises(InputError, match="frequencies"):
        common_change({"a": data["p", "g0"], "b": yearly})
    with pytest.raises(InputError, match="confidence"):
        common_change(data, confidence=95)


def test_results_are_portable() -> None:
    found = common_change(sets(3), seed=4)
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())
    assert common_change(sets(3), seed=4).p == found.p
    assert "<table" in found._repr_html_()
