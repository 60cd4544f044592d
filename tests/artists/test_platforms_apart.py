"""Events that concern some platforms and not others."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats
from two_sites import CALM, EVENT, two_sites

import uploadtrends as ut
from uploadtrends import Event, InputError, Seniority
from uploadtrends.simulate import population

FIRST = Event(EVENT, "terms of A", platforms=("artstation",))
SECOND = Event("2021-12-01", "terms of B", platforms=("deviantart",))


@pytest.fixture(scope="module")
def touched_apart():
    """Two platforms; only the second has an effect, at its own event."""
    return two_sites(6, effect_b=-0.5, date_b="2021-12-01")


@pytest.mark.parametrize("inference", ["two-step", "cluster"])
def test_a_control_that_is_treated_later_is_left_out_from_then_on(touched_apart, inference):
    result = ut.artist_model(
        touched_apart,
        [FIRST, SECOND],
        contrast="platform",
        reference="deviantart",
        inference=inference,
    )
    table = result.effects.set_index("event")
    first, second = table.loc[FIRST.id], table.loc[SECOND.id]
    assert first["low"] < 0 < first["high"]
    assert first["high"] < 0.35
    assert second["status"] == "refused"
    assert "already treated" in second["reason"]
    assert any("left out: deviantart" in note for note in result.notes)


def test_the_untreated_platform_is_the_reference(touched_apart):
    result = ut.artist_model(touched_apart, SECOND, contrast="platform")
    row = result.effects.iloc[0]
    assert row["group"] == "deviantart vs artstation"
    assert row["low"] < -0.5 < row["high"]
    with pytest.raises(InputError, match="called unexposed"):
        ut.difference_in_differences(
            touched_apart, SECOND, exposed="artstation", unexposed="deviantart"
        )


def test_own_changes_use_all_periods(touched_apart):
    result = ut.artist_model(
        touched_apart,
        [FIRST, SECOND],
        contrast="platform",
        reference="deviantart",
        time="trend",
    )
    table = result.effects.set_index(["event", "group"])
    own = table.loc[(SECOND.id, "deviantart")]
    assert own["status"] == "ok"
    assert table.loc[(SECOND.id, "artstation vs deviantart"), "status"] == "refused"
    with pytest.raises(InputError, match="needs the two-step"):
        ut.artist_model(
            touched_apart, FIRST, contrast="platform", time="trend", inference="cluster"
        )


def test_an_event_elsewhere_is_not_estimated():
    people = population(100, seed=3, **(CALM | {"platforms": ("site",)}))
    alone = ut.build_panel(people, seniority=Seniority(EVENT), start="2019-01-01")
    for verb in (ut.artist_model, ut.artist_hazards):
        table = verb(alone, FIRST).effects
        assert (table["status"] == "not estimable").all()
        assert table["reason"].str.contains("concerns artstation, not site").all()
    with pytest.raises(InputError, match="concerns artstation, not site"):
        ut.event_study(alone, FIRST)


def test_the_leads_of_few_artists_are_rarely_rejected():
    """Six to a dozen artists a side: as though their covariance were known, most are rejected."""
    p = {name: [] for name in ("cluster", "two-step", "without shocks", "one date")}
    for seed in range(10):
        panel = two_sites(seed, n=20)
        for inference in ("cluster", "two-step"):
            study = ut.event_study(
                panel, EVENT, contrast="platform", reference="deviantart", inference=inference
            )
            test = study.pretrend.iloc[0]
            assert test["df"] + test["df_error"] <= 12
            p[inference].append(test["p"])
        p["without shocks"].append(test["p_without_shocks"])
        one_site = panel.artists.filter(pl.col("platform") == "artstation")["artist_id"]
        given = dict.fromkeys(one_site.unique().sort(), EVENT)
        found = ut.exposure_effects(panel, ut.exposure(panel, given))
        p["one date"] += found.pretrend["p"].tolist()
    rejected = {name: np.mean(np.array(values) < 0.05) for name, values in p.items()}
    assert max(rejected.values()) <= 0.2, rejected
    assert (
        "too few artists"
        in ut.event_study(
            two_sites(3, n=4), EVENT, contrast="platform", reference="deviantart"
        ).summary()
    )


def test_intervals_of_few_artists_are_those_of_t():
    """Their degrees of freedom are the artists of the smaller side less one, not of both sides."""
    panel = two_sites(1, n=14)
    study = ut.event_study(
        panel, EVENT, contrast="platform", reference="deviantart", inference="cluster"
    )
    test, one = study.pretrend.iloc[0], study.effects.query("relative_period == 3").iloc[0]
    fewest = int(test["df"] + test["df_error"])
    reach = stats.t.ppf(0.975, fewest - 1)
    assert (one["high"] - one["low"]) / (2 * one["se"]) == pytest.approx(reach)
    assert f"only {fewest} artists on its smaller side" in study.summary()
    treated = panel.artists.filter(pl.col("platform") == "artstation")["artist_id"].unique().sort()
    found = ut.exposure_effects(panel, ut.exposure(panel, dict.fromkeys(treated, EVENT)))
    seen = found.effects.dropna(subset="se")
    alone = ((seen["high"] - seen["low"]) / (2 * seen["se"])).to_numpy()
    together = ((seen["band_high"] - seen["band_low"]) / (2 * seen["se"])).to_numpy()
    fewest = min(found.exposed, found.others)
    assert alone == pytest.approx(stats.t.ppf(0.975, fewest - 1), rel=0.06)  # fewer are comparable
    assert (together > alone).all()
