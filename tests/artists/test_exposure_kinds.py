"""Who was exposed, said in each way, and who they are matched with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from adoption import CALM, adopters

import uploadtrends as ut
from uploadtrends import Event, InputError
from uploadtrends.artists.matching import covariates
from uploadtrends.artists.staggered import exposure_effects
from uploadtrends.simulate import Population, population


@pytest.fixture(scope="module")
def panel():
    return ut.build_panel(population(160, seed=3, **CALM), start="2019-01-01")


def test_kinds_of_exposure(panel):
    given = adopters(panel)
    names = list(given)
    given |= {names[0]: "2015-01-01", names[1]: "2031-01-01"}
    found = ut.exposure(panel, given)
    counts = found.counts()
    always = found.table[found.table["kind"] == "always treated"]
    assert names[0] in set(always["artist_id"])
    assert counts["not yet treated"] == 1
    assert sum(counts.values()) == panel.artists["artist_id"].n_unique()
    june = found.table[found.table["treated_from"] == "2020-06-01"]
    assert len(june) > 0
    assert "left out of every comparison" in found.summary()
    same = ut.exposure(panel, pd.Series(given))
    pd.testing.assert_frame_equal(same.table, found.table)
    table = pd.DataFrame({"artist_id": list(given), "treated_from": list(given.values())})
    pd.testing.assert_frame_equal(ut.exposure(panel, table).table, found.table)


def test_exposure_by_period_and_its_end(panel):
    name, other = list(adopters(panel))[:2]
    rows = pd.DataFrame(
        {
            "artist_id": [name] * 4 + [other] * 4,
            "period": ["2020-01-01", "2020-06-01", "2021-01-01", "2021-06-01"] * 2,
            "treated": [0, 1, 1, 0, 0, 0, 1, 1],
        }
    )
    found = ut.exposure(panel, rows)
    kinds = found.table.set_index("artist_id")["kind"]
    assert kinds[name] == "reversed"
    assert kinds[other] == "treated"
    assert "take exposure to last" in found.summary()


def test_the_first_ai_upload_is_a_rule():
    people = population(120, event_date="2021-03-01", ai_share=0.4, ai_unknown=0.1, seed=4, **CALM)
    found = ut.exposure(ut.build_panel(people, start="2019-01-01"), "first AI upload")
    treated = found.table[found.table["kind"] == "treated"]
    assert len(treated) > 20
    assert (treated["treated_from"] >= "2021-03-01").all()


def test_an_event_exposes_platforms():
    both = population(80, seed=5, **(CALM | {"platforms": ("artstation", "deviantart")}))
    panel = ut.build_panel(both, start="2019-01-01")
    found = ut.exposure(panel, Event("2021-02-10", "terms", platforms=("artstation",)))
    kinds = found.table.groupby("platform")["kind"].agg(set)
    assert kinds["deviantart"] == {"never treated"}
    assert "treated" in kinds["artstation"]
    result = exposure_effects(panel, found)
    assert result.method == "two-step"
    assert any("rests on as many series" in note for note in result.notes)
    with pytest.raises(InputError, match="whole platforms"):
        exposure_effects(panel, found, method="imputation")
    with pytest.raises(InputError, match="leaves nobody"):
        ut.exposure(panel, Event("2021-02-10", "everywhere"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"nobody": "2021-01-01"}, "at risk in the panel"),
        ("last AI upload", "no such rule"),
        (7, "cannot read"),
        (pd.DataFrame({"name": ["x"]}), "has no artists"),
        (pd.DataFrame({"artist_id": ["000001"]}), "neither when"),
    ],
)
def test_bad_exposures_are_named(panel, given, says):
    with pytest.raises(InputError, match=says):
        ut.exposure(panel, given)


def test_the_same_name_on_two_platforms_is_no_guess(panel):
    two = population(60, seed=5, **(CALM | {"platforms": ("a", "b")}))
    same = two.artists["artist_id"].head(1).item()
    twin = two.artists.filter(pl.col("platform") == "b").head(1)["artist_id"].item()
    rename = pl.col("artist_id").replace({twin: same})
    people = Population(
        two.artists.with_columns(rename), two.uploads.with_columns(rename), two.truth
    )
    both = ut.build_panel(people, start="2019-01-01")
    with pytest.raises(InputError, match="on several platforms"):
        ut.exposure(both, {same: "2020-12-01"})
    table = pd.DataFrame({"platform": ["b"], "artist_id": [same], "treated_from": ["2020-12-01"]})
    found = ut.exposure(both, table).table.set_index(["platform", "artist_id"])["kind"]
    assert found["b", same] == "treated"
    assert found["a", same] == "never treated"
    some = adopters(panel) | {"nobody": "2020-12-01"}
    assert "1 artists who are named are never at risk" in ut.exposure(panel, some).summary()


def test_bad_dates_and_periods_are_named(panel):
    name = next(iter(adopters(panel)))
    with pytest.raises(InputError, match="not a date"):
        ut.exposure(panel, {name: "soon"})
    with pytest.raises(InputError, match="no artist is exposed"):
        ut.exposure(panel, {name: "2035-01-01"})
    rows = pd.DataFrame({"artist_id": [name], "period": ["2020-01-01"], "treated": [3]})
    with pytest.raises(InputError, match="0 or 1"):
        ut.exposure(panel, rows)


def test_matching_balances_what_it_matches_on(panel):
    rows = panel.artists.to_pandas()
    rows["period"] = pd.to_datetime(rows["period"])
    seen = covariates(rows, pd.Timestamp("2020-12-01"), ["tenure", "uploads_last_6m"])
    busy = seen["uploads_last_6m"].rank(pct=True)
    rng = np.random.default_rng(1)
    chosen = busy[rng.random(len(busy)) < 0.1 + 0.5 * busy].index
    found = ut.exposure(panel, {name: "2020-12-01" for _, name in chosen})
    for method in ("nearest", "coarsened"):
        result = ut.matched(found, method=method, caliper=0.3)
        balance = result.balance.set_index("covariate")
        assert abs(balance.loc["uploads_last_6m", "after"]) < 0.15
        assert balance.loc["uploads_last_6m", "before"] > 0.15
        assert not result.pairs.duplicated(["match_platform", "match_id"]).any()
        assert result.support["matched"].sum() + result.support["outside"].sum() == len(chosen)
        again = ut.matched(found, method=method, caliper=0.3)
        pd.testing.assert_frame_equal(again.pairs, result.pairs)
    assert "have matches" in result.summary()
    from uploadtrends.figures import plot

    drawing = plot(result)
    assert drawing.data is result.balance
    with pytest.raises(InputError, match="unknown covariate"):
        ut.matched(found, on=("likes",))
    with pytest.raises(InputError, match="anybody like"):
        ut.matched(ut.exposure(panel, {busy.idxmax()[1]: "2020-12-01"}), caliper=0.1)
