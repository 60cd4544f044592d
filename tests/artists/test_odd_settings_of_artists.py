"""Settings and doses of models of artists as people give them."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.simulate import population

EVENT = "2021-06-01"


@cache
def panel(*platforms: str) -> ut.Panel:
    people = population(
        60, platforms=platforms or "mysite", start="2018-01-01", end="2022-12-31", seed=1
    )
    return ut.build_panel(people, seniority=ut.Seniority(at="2021-01-01", senior_after="12 months"))


def model(event: Any = EVENT, **settings: Any) -> pd.DataFrame:
    return ut.artist_model(panel(), event, **({"inference": "cluster"} | settings)).effects


def study(**settings: Any) -> Any:
    return ut.event_study(panel(), EVENT, **settings)


def both(**settings: Any) -> Any:
    return ut.difference_in_differences(panel("a", "b"), EVENT, **settings)


def hazards(**settings: Any) -> Any:
    return ut.artist_hazards(panel(), EVENT, **settings)


@pytest.mark.parametrize(
    ("verb", "settings", "named"),
    [
        (model, {"confidence": 95}, "confidence"),
        (model, {"inference": "bootstrap", "n_bootstrap": 1}, "n_bootstrap"),
        (model, {"inference": "bootstrap", "seed": -1}, "seed"),
        (model, {"n_randomisations": -1}, "n_randomisations"),
        (model, {"terms": ()}, "terms"),
        (model, {"boundary": "half"}, "boundary"),
        (model, {"offset": "weeks"}, "offset"),
        (model, {"start": "soon"}, "start"),
        (model, {"end": "never"}, "end"),
        (model, {"event": []}, "events"),
        (study, {"leads": 6.5}, "leads"),
        (study, {"lags": -1}, "lags"),
        (study, {"confidence": 0}, "confidence"),
        (study, {"contrast": "country"}, "contrast"),
        (both, {"exposed": "a", "unexposed": "b", "by": "country"}, "by"),
        (both, {"exposed": "a", "unexposed": "b", "confidenc": 0.9}, "setting"),
        (hazards, {"silent_after": 2.5}, "silent_after"),
        (hazards, {"confidence": 1.5}, "confidence"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(verb: Any, settings: dict, named: str) -> None:
    with pytest.raises(InputError) as caught:
        verb(**settings)
    assert (caught.value.column, bool(caught.value.fix)) == (named, True)


def test_one_term_one_group_and_dates_of_any_kind() -> None:
    pd.testing.assert_frame_equal(model(terms="level"), model(terms=("level",)))
    days = [model(start=given) for given in ("2019-01-01", "2019-01", dt.date(2019, 1, 1))]
    pd.testing.assert_frame_equal(days[0], days[1])
    pd.testing.assert_frame_equal(days[0], days[2])
    with pytest.raises(InputError, match="no such group"):
        model(groups="nobody")
    table = pd.DataFrame({"id": [1, 1], "t": [1, 2]})
    ready = ut.panel_from_table(table, unit="id", period="t")
    for verb in (ut.artist_model, ut.artist_hazards, ut.event_study):
        with pytest.raises(InputError, match="need a panel of their works"):
            verb(ready, EVENT)


def test_a_dose_is_one_number_for_every_artist() -> None:
    who = panel().artists["artist_id"].unique().sort().to_list()
    dose = pd.Series(np.random.default_rng(1).normal(size=len(who)), who)
    for given, says in (
        (dose.replace(dose.iloc[0], np.inf), "1 artists of the panel have no dose"),
        (pd.Series("much", who), "none that is a number"),
        (pd.concat([dose, dose[:1]]), "two doses"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            model(dose=given, inference="auto")
        assert caught.value.column == "dose"
    same = model(dose=pd.Series(1.0, who), inference="auto")
    assert same["status"].tolist() == ["not estimable"]
    for inference in ("jackknife", "cluster"):
        want = model(dose=dose, inference=inference).iloc[0]
        for unit in (1e-9, 1e12):
            found = model(dose=dose * unit, inference=inference).iloc[0]
            assert found["estimate"] * unit == pytest.approx(want["estimate"], rel=1e-6)
            assert found["p"] == pytest.approx(want["p"], rel=1e-5)


@pytest.mark.parametrize("inference", ["cluster", "two-step"])
def test_hazards_answer_for_whom_they_can(inference: str) -> None:
    found = hazards(inference=inference).effects.set_index(["term", "group"])
    # Only seniors are seen on both sides, silent and not: theirs is the only hazard that changes.
    known = found[found["status"] == "ok"]
    assert known.index.tolist() == [("going silent", "senior"), ("returning", "senior")]
    assert (known["se"] < 2).all()
    assert (found.drop(known.index)["status"] == "not estimable").all()
    assert "'new', or everybody, is seen going silent" in found["reason"]["going silent", "new"]
    assert "at risk on both sides" in found["reason"]["returning", "new"]
    never = hazards(silent_after=50, inference=inference).effects
    assert set(never["status"]) == {"not estimable"}


def test_other_models_take_one_name_and_a_confidence() -> None:
    fitted = ut.artist_model(panel(), EVENT, inference="cluster")
    table = ut.artist_sensitivity(fitted, models="gee").to_frame()
    assert set(table["model"]) == {"poisson, artist effects", "gee"}
    for settings in ({"models": ()}, {"confidence": 95}):
        with pytest.raises(InputError) as caught:
            ut.artist_sensitivity(fitted, **settings)
        assert caught.value.column in settings


class Silenced:
    """A panel of which one group uploads nothing on one side of the event."""

    def __init__(self, group: str, after: bool) -> None:
        quiet = (pl.col("group") == group) & ((pl.col("period") >= dt.date(2021, 6, 1)) == after)
        uploads = pl.when(quiet).then(0).otherwise(pl.col("uploads"))
        self.artists = panel().artists.with_columns(uploads.alias("uploads"))

    def __getattr__(self, name: str) -> Any:
        return getattr(panel(), name)


def test_without_any_estimate_there_is_nothing_to_hold_others_against() -> None:
    fitted = ut.artist_model(Silenced("new", True), EVENT, inference="cluster")
    with pytest.raises(InputError, match="no estimate that others") as caught:
        ut.artist_sensitivity(fitted, models=("gee",))
    assert "no upload at all" in str(caught.value.value)


def test_a_group_without_uploads_on_one_side_has_no_ratio() -> None:
    for silenced, left in ((Silenced("new", True), []), (Silenced("senior", False), ["later"])):
        found = ut.artist_model(silenced, EVENT, inference="cluster").effects.set_index("group")
        for name in ("later", "senior"):
            row = found.loc[f"{name} vs new"]
            if name in left:
                assert row["status"] in ("ok", "exploratory")
                assert abs(row["estimate"]) < 2
            else:
                assert row["status"] == "not estimable"
                assert "no upload at all" in row["reason"]
