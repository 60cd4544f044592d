"""Records of what is asked about artists: equal exactly when settings and data are."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import uploadtrends as ut
from recorded_calls import (
    all_differ,
    equal_panels,
    record,
    varied,
)
from uploadtrends.result import Call


@pytest.fixture(scope="module")
def panels() -> list[ut.Panel]:
    return equal_panels()


def test_exposures(panels) -> None:
    first, again, others = panels
    who = first.artists["artist_id"].unique().sort().to_list()[:20]
    treated = dict.fromkeys(who, "2021-03-01")
    base = record(ut.exposure, first, treated)
    assert record(ut.exposure, again, treated) == base
    records = {
        "treated_from": record(ut.exposure, first, dict.fromkeys(who, "2021-04-01")),
        "platform": record(ut.exposure, first, treated, platform="artstation"),
        "panel": record(ut.exposure, others, treated),
    }
    all_differ(ut.exposure, base, records)

    found = [ut.exposure(panel, treated) for panel in (first, again)]
    found.append(ut.exposure(first, dict.fromkeys(who, "2021-04-01")))
    for verb, before in ((ut.matched, ()), (ut.exposure_effects, (first,))):
        base = record(verb, *before, found[0])
        assert record(verb, *before, found[1]) == base
        own = {"method": "coarsened" if verb is ut.matched else "twfe", "control": "never"}
        values = varied(verb, {"panel", "exposure"}, own)
        records = {
            key: record(verb, *before, found[0], **{key: value}) for key, value in values.items()
        }
        all_differ(verb, base, records | {"exposure": record(verb, *before, found[2])})


def test_a_ready_table_is_told_by_what_it_holds() -> None:
    table = pd.DataFrame({"who": [1, 1, 2, 2], "t": [1, 2, 1, 2], "y": [1.0, 2.0, 3.0, 4.0]})

    def told(frame: pd.DataFrame, **said: Any) -> str:
        return ut.panel_from_table(frame, **{"unit": "who", "period": "t"} | said).fingerprint

    base = told(table)
    assert told(table.copy()) == base
    renamed = table.rename(columns={"who": "artist"})
    others = [told(table.assign(y=table["y"] + 1)), told(table.assign(t=table["t"] + 1))]
    others += [told(table.assign(who=table["who"] + 1)), told(renamed, unit="artist")]
    assert base not in others


def test_a_study_of_one_exposure(panels) -> None:
    first, again, others = panels
    who = first.artists["artist_id"].unique().sort().to_list()[:20]
    treated = dict.fromkeys(who, "2021-03-01")

    def found(panel: ut.Panel, treated_from: Any = treated, **said: Any) -> Call:
        return record(ut.exposure_study, panel, treated_from, function="exposure_study", **said)

    base = found(first)
    assert found(again) == base
    own = {"match_on": ("tenure",), "match": "coarsened", "methods": ("twfe",), "control": "never"}
    own |= {"outcomes": ("active",), "platform": "artstation"}
    values = varied(ut.exposure_study, {"panel", "treated_from"}, own)
    records = {key: found(first, **{key: value}) for key, value in values.items()}
    records["treated_from"] = found(first, dict.fromkeys(who, "2021-04-01"))
    all_differ(ut.exposure_study, base, records | {"panel": found(others)})


@pytest.mark.parametrize("verb", [ut.artist_model, ut.artist_hazards, ut.event_study])
def test_artist_models(verb, panels) -> None:
    first, again, others = panels
    base = record(verb, first, "2021-06-01")
    assert record(verb, again, "2021-06-01") == base
    values = varied(verb, {"panel", "events", "event"})
    records = {
        key: record(verb, first, "2021-06-01", **{key: value}) for key, value in values.items()
    }
    records["event"] = record(verb, first, "2021-07-01")
    records["panel"] = record(verb, others, "2021-06-01")
    records["rule"] = record(verb, first.with_seniority(None), "2021-06-01")
    all_differ(verb, base, records)


def test_differences_in_differences(panels) -> None:
    def found(event="2021-06-01", **settings: Any) -> Call:
        return record(
            ut.difference_in_differences,
            panels[0],
            event,
            **{"exposed": "senior", "unexposed": "new", "by": "group"} | settings,
        )

    base = found()
    assert found() == base
    records = {
        "event": found("2021-07-01"),
        "exposed": found(exposed="later"),
        "unexposed": found(unexposed="later"),
        "by": found(by="platform"),
        "passed on": found(terms=("slope",)),
    }
    all_differ(ut.difference_in_differences, base, records)


def test_sensitivity_and_decomposition(panels) -> None:
    first, again, others = panels
    models = [
        ut.artist_model(panel, event, inference="cluster", terms=("level",))
        for panel, event in ((first, "2021-06-01"), (again, "2021-06-01"), (first, "2021-09-01"))
    ]
    base = record(ut.artist_sensitivity, models[0])
    assert record(ut.artist_sensitivity, models[1]) == base
    records = {
        "models": record(ut.artist_sensitivity, models[0], models=("gee",)),
        "confidence": record(ut.artist_sensitivity, models[0], confidence=0.9),
        "model": record(ut.artist_sensitivity, models[2]),
    }
    all_differ(ut.artist_sensitivity, base, records)

    windows = ("2020-01-01", "2020-12-31"), ("2021-07-01", "2022-06-30")
    base = record(first.decompose, *windows)
    assert record(again.decompose, *windows) == base
    values = {"rule": "shapley", "n_bootstrap": 9, "confidence": 0.9, "seed": 3}
    records = {
        key: record(first.decompose, *windows, **{key: value}) for key, value in values.items()
    }
    records["before"] = record(first.decompose, ("2020-01-01", "2020-11-30"), windows[1])
    records["after"] = record(first.decompose, windows[0], ("2021-07-01", "2022-05-31"))
    records["panel"] = record(others.decompose, *windows)
    all_differ(first.decompose, base, records)
