from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends import InputError, Seniority
from uploadtrends.artists.comparisons import difference_in_differences, event_study
from uploadtrends.artists.design import ArtistDesign, Spec
from uploadtrends.artists.hazards import _transitions, artist_hazards
from uploadtrends.artists.model import artist_model
from uploadtrends.artists.result import estimate
from uploadtrends.artists.sensitivity import artist_sensitivity
from uploadtrends.result import Call
from uploadtrends.simulate import population

EVENT = "2021-01-01"
CALM = {
    "platforms": ("site",),
    "event_date": EVENT,
    "start": "2019-01-01",
    "end": "2022-12-31",
    "spread": 0.4,
    "studio_share": 0.0,
    "dispersion": 5.0,
}


@pytest.fixture(scope="module")
def panel():
    people = population(
        300, effect={"senior": -0.5, "new": 0.0}, exit_hazard=0.004, seed=21, **CALM
    )
    return ut.build_panel(people, seniority=Seniority(EVENT, later="drop"), start="2019-01-01")


def test_event_study_is_flat_before_and_low_after(panel):
    study = event_study(panel, EVENT, leads=8, lags=8)
    table = study.effects.set_index("relative_period")
    assert table.index.tolist() == list(range(-8, 9))
    assert table.loc[-1, "estimate"] == 0
    assert table.loc[0:, "estimate"].mean() == pytest.approx(-0.5, abs=0.25)
    test = study.pretrend.iloc[0]
    assert test["p"] > 0.01
    assert test["df"] == 7
    assert test["minimum_detectable_slope"] > 2 * test["slope_se"]
    assert "smallest that would be found" in study.summary()


def test_a_pretrend_is_found():
    """A decline of seniors that begins a year before the date shows up in the leads."""
    people = population(
        500,
        effect={"senior": -0.8, "new": 0.0},
        exit_hazard=0.002,
        seed=22,
        **(CALM | {"event_date": "2020-01-01"}),
    )
    late = ut.build_panel(people, seniority=Seniority(EVENT, later="drop"), start="2019-01-01")
    rule = Seniority("2020-01-01", later="drop")
    study = event_study(late.with_seniority(rule), EVENT, leads=18, lags=6, tenure="none")
    # A sudden fall inside the leads might be a lasting shock of the group as well: both are said.
    test = study.pretrend.iloc[0]
    assert test["p_without_shocks"] < 0.05
    assert "courses that were not parallel" in study.summary()
    clustered = event_study(
        late.with_seniority(rule), EVENT, leads=18, lags=6, tenure="none", inference="cluster"
    )
    assert clustered.pretrend["p"].iloc[0] < 0.05


def test_event_study_says_what_it_lacks(panel):
    with pytest.raises(InputError, match="one event"):
        event_study(panel, [EVENT, "2021-06-01"])
    with pytest.raises(InputError, match="outside the periods"):
        event_study(panel, "2035-01-01")
    with pytest.raises(InputError, match="leads is a whole number of at least 2"):
        event_study(panel, EVENT, leads=1)


def test_difference_in_differences_is_the_named_contrast(panel):
    named = difference_in_differences(
        panel, EVENT, exposed="senior", unexposed="new", by="group", inference="cluster"
    )
    plain = artist_model(panel, EVENT, inference="cluster")
    assert named.effects["estimate"].tolist() == plain.effects["estimate"].tolist()
    with pytest.raises(InputError, match="no such group"):
        difference_in_differences(panel, EVENT, exposed="senior", unexposed="old", by="group")


def test_other_models_agree_on_the_reference_panel(data):
    """R's glmmTMB on the same rows: NB -0.333 (SE .088), zero-inflated NB -0.289 (SE .080)."""
    folder = data / "panel_sim"
    published = json.loads((folder / "reference_R.json").read_text())
    frame = pd.read_csv(folder / "panel.csv").dropna().sort_values(["artist", "month"])
    wave = 2 * np.pi * frame["month"] / 12
    rows = pd.DataFrame(
        {
            "artist": np.unique(frame["artist"], return_inverse=True)[1],
            "period": frame["month"].to_numpy() - 1,
            "y": frame["uploads"].to_numpy(float),
            "tenure": frame["month"].to_numpy(float),
            "weight": 1.0,
            "offset": 0.0,
            "label": frame["senior"].to_numpy(),
        }
    )
    x = np.column_stack(
        [frame["month"], np.sin(wave), np.cos(wave), frame["post"], frame["post"] * frame["senior"]]
    ).astype(float)
    block = ut.blocks("2022-01-01", pd.date_range("2020-01-01", periods=48, freq="MS"))[0]
    effects = {
        (block.id, "level", "new"): 3,
        (block.id, "level", "senior vs new"): 4,
    }
    design = ArtistDesign(
        rows,
        x,
        ("trend", "sine 1", "cosine 1", "level[e]:new", "level[e]:senior vs new"),
        effects,
        ("new", "senior"),
        (block,),
        {},
        pd.date_range("2020-01-01", periods=48, freq="MS"),
        (),
    )
    spec = Spec(
        ("sim",),
        "group",
        None,
        "trend",
        "none",
        ("level",),
        "uploads",
        "exposure",
        None,
        None,
        None,
    )
    model = estimate(
        design,
        spec,
        inference="cluster",
        n_bootstrap=0,
        n_randomisations=0,
        confidence=0.95,
        seed=0,
        call=Call("test", {}, "", "0"),
    )
    result = artist_sensitivity(model)
    table = result.table[result.table["group"] == "senior vs new"].set_index(["model", "part"])
    assert (table["status"] == "ok").all()
    negative = published["nbinom2_RI"]["coef"]["senior:post"]
    inflated = published["zinb_RI"]["coef"]["senior:post"]
    for name, expected in (("negative-binomial", negative), ("zero-inflated", inflated)):
        value = table.loc[(name, "rate"), "estimate"]
        assert value == pytest.approx(expected["estimate"], abs=expected["se"])
    assert table.loc[("gee", "rate"), "estimate"] == pytest.approx(-0.31, abs=0.1)
    assert table.loc[("hurdle", "uploads if any"), "estimate"] < 0
    assert "over 4 models" in result.summary()
    with pytest.raises(InputError, match="unknown model"):
        artist_sensitivity(model, models=["oracle"])


def by_hand(counts):
    """Make a design of one artist with these counts, from the period after entry on."""
    n = len(counts)
    rows = pd.DataFrame(
        {"artist": 0, "period": np.arange(n), "y": np.asarray(counts, float), "label": 0}
    )
    rows["tenure"] = np.arange(1.0, n + 1)
    index = pd.date_range("2020-01-01", periods=n, freq="MS")
    return ArtistDesign(rows, np.zeros((n, 0)), (), {}, ("all",), (), {}, index, ())


def test_transitions_by_hand():
    design = by_hand([1, 0, 0, 2, 0, 0, 0, 3, 1, 0, 0])
    used, happened, _ = _transitions(design, "going silent", 3)
    # At risk: after an active period, while three periods ahead are known.
    assert np.flatnonzero(used).tolist() == [0, 1, 4, 8]
    assert np.flatnonzero(used & happened).tolist() == [4]
    used, happened, length = _transitions(design, "returning", 3)
    assert np.flatnonzero(used).tolist() == [7]
    assert happened[7]
    assert length[7] == pytest.approx(np.log(3))


def test_hazards_of_a_population_that_leaves():
    """An event that cuts everybody's rate makes silence more, and return less, likely."""
    people = population(500, effect={"senior": -1.0, "new": -1.0}, rate=1.0, seed=23, **CALM)
    panel = ut.build_panel(people, seniority=Seniority(EVENT, later="drop"), start="2019-01-01")
    model = artist_hazards(panel, EVENT)
    table = model.effects.set_index(["term", "group"])
    assert (table["status"] == "ok").all()
    assert table.loc[("going silent", "senior"), "low"] > 0
    assert table.loc[("returning", "senior"), "high"] < 0
    contrast = table.loc[("going silent", "senior vs new")]
    main = table.loc[("going silent", "senior"), "estimate"]
    assert abs(contrast["estimate"]) < main
    assert set(model.spells["term"]) == {"going silent", "returning"}
    assert (model.spells["transitions"] <= model.spells["periods"]).all()
    assert "hazard" in model.summary()


def test_a_hazard_needs_transitions(panel):
    with pytest.raises(InputError, match="silent_after is a whole number of at least 1"):
        artist_hazards(panel, EVENT, silent_after=0)
    model = artist_hazards(panel, "2035-01-01")
    assert (model.effects["status"] == "not estimable").all()


def test_a_first_step_that_overshoots_is_shortened() -> None:
    # A full Newton step from zero leaves the region where the likelihood can be computed here.
    people = population(
        300,
        platforms=("mysite",),
        start="2017-01-01",
        end="2022-12-31",
        event_date="2021-06-15",
        effect={"senior": np.log(0.6), "new": 0.0},
        seed=7,
    ).visible("2022-12-31")
    panel = ut.build_panel(
        people, seniority=ut.Seniority(at="2021-01-01", senior_after="24 months")
    )
    effects = ut.artist_model(panel, "2021-06-15", groups=["senior", "new"]).effects
    row = effects[(effects["group"] == "senior vs new") & (effects["term"] == "level")].iloc[0]
    assert row["low"] < np.log(0.6) < row["high"]
