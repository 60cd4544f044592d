from __future__ import annotations

import json
import pickle

import duckdb
import pandas as pd
import pytest

from uploadtrends.errors import InputError, StoreError
from uploadtrends.figures import gallery
from uploadtrends.study import Study

CONTENT = {
    "study": {"name": "small", "question": "Did it change?", "seed": 1},
    "data": [{"source": "bundled", "path": "bundled:precipice_figure1"}],
    "panel": {"platforms": ["artstation", "deviantart"]},
    "events": {"ids": ["mr-sd-public"]},
    "matching": {"n_permutations": 199},
    "primary": {
        "platform": "artstation",
        "group": "senior",
        "event": "mr-sd-public",
        "term": "level",
    },
    "checks": {"published_series": {}, "multiplicity": {}, "power": {}},
}


def study(**sections) -> Study:
    return Study.from_dict({**CONTENT, **sections})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def results(folder):
    return study().run(folder)


def ran(a_study: Study, folder) -> list[str]:
    """Return the steps that a run computes anew."""
    seen: list[str] = []
    a_study.run(folder, announce=lambda step, state, _: seen.append(step) if state == "done" else 0)
    return seen


def test_the_run_holds_every_part(results) -> None:
    assert {(fit.platform, fit.group) for fit in results.its.fits} == {
        (platform, group)
        for platform in ("artstation", "deviantart")
        for group in ("total", "senior", "new")
    }
    assert [outcome.name for outcome in results.checks] == list(CONTENT["checks"])
    assert results.primary["event"] == "mr-sd-public"
    assert results.primary["group"] == "senior"
    assert results.check("power") is results.checks[2]
    assert results.check("placebo_dates") is None
    assert "Did it change?" in str(results)


def test_no_change_is_claimed_where_none_was_shown(results) -> None:
    # The senior series falls along a line: nothing happens to it in August 2022.
    assert results.conclusion.strength == "no claim"
    assert "caused" not in results.summary()


def test_running_again_computes_nothing(results, folder) -> None:
    assert ran(study(), folder) == []


def test_another_event_reruns_only_what_uses_events(results, folder, tmp_path) -> None:
    again = ran(study().with_event("2023-05-15", "My event"), folder)
    assert "load" not in again
    assert "panel" not in again
    assert "change points" not in again
    assert {"interrupted time series", "matching"} <= set(again)
    ran(study(), folder)  # leave the folder as it was


def test_another_check_setting_reruns_only_that_check(results, folder) -> None:
    checks = {**CONTENT["checks"], "published_series": {"alpha": 0.01}}
    assert ran(study(checks=checks), folder) == ["check published_series"]
    ran(study(), folder)


def test_a_lost_store_is_built_again(results, folder) -> None:
    (folder / "uploads.duckdb").unlink()
    assert ran(study(), folder) == ["load"]


def test_a_store_that_was_changed_is_built_again_or_left_alone(results, folder) -> None:
    path = folder / "uploads.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("DELETE FROM series")
    assert ran(study(), folder) == ["load"]
    path.write_bytes(b"no store")
    assert ran(study(), folder) == ["load"]
    with duckdb.connect(str(path)) as con:
        con.execute("INSERT INTO artist (platform, artist_id) VALUES ('mine', 'collected')")
    with pytest.raises(StoreError, match="would hold less"):
        study().run(folder)
    with duckdb.connect(str(path)) as con:
        con.execute("DELETE FROM artist WHERE platform = 'mine'")
    study().run(folder)


@pytest.mark.parametrize("spoil", ["", "other"])
def test_outputs_that_were_changed_are_noticed(results, tmp_path, caplog, spoil) -> None:
    results.save(tmp_path)
    table = tmp_path / "results.csv"
    right = table.read_text()
    table.write_text(spoil)
    results.save(tmp_path)
    assert "results.csv' was changed" in caplog.text
    assert table.read_text() == right
    (tmp_path / "manifest.json").write_text("{")
    results.save(tmp_path)
    assert "cannot be read" in caplog.text
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert set(told["outputs"]) == set(told["files"])


@pytest.mark.parametrize(
    ("date", "reason"),
    [("2021-03-11", "2 months of data before"), ("2024-06-01", "after"), ("2023-10-20", "after")],
)
def test_an_event_the_data_cannot_carry_is_answered_with_why(results, date, reason) -> None:
    its = results.its.refit(events=[date])
    assert set(its.effects["status"]) <= {"not estimable", "refused"}
    assert its.effects["reason"].str.contains(reason).all()
    assert its.effects["estimate"].isna().all()
    assert "not estimable" in its.summary()


def test_saving_writes_everything_and_the_manifest_last(results, tmp_path) -> None:
    written = results.save(tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in written]
    assert names[-1] == "manifest.json"
    for expected in (
        "results.csv",
        "results.json",
        "report.html",
        "tables/checks.csv",
        "figures/index.html",
        "figures/figure1.svg",
        "figures/figure1.png",
        "figures/interrupted_time_series.svg",
    ):
        assert expected in names
    assert not list(tmp_path.rglob("*.part"))
    table = pd.read_csv(tmp_path / "results.csv")
    assert len(table) == len(results.its.effects)
    everything = json.loads((tmp_path / "results.json").read_text())
    assert everything["conclusion"]["strength"] == "no claim"
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["primary_stamp"] == results.spec.primary_stamp
    assert manifest["inputs"][0]["sha256"].startswith("87049fe6")
    assert set(manifest["steps"]) >= {"load", "panel", "change points"}
    assert str(tmp_path) not in (tmp_path / "manifest.json").read_text()


def test_the_same_run_is_not_drawn_again_unless_a_file_is_gone(results, tmp_path) -> None:
    written = results.save(tmp_path)
    drawn = tmp_path / "figures" / "figure1.svg"
    first = drawn.stat().st_mtime_ns
    assert results.save(tmp_path) == written
    assert drawn.stat().st_mtime_ns == first
    (tmp_path / "results.csv").unlink()
    results.save(tmp_path)
    assert drawn.stat().st_mtime_ns > first
    assert (tmp_path / "results.csv").exists()


def test_results_can_be_pickled(results) -> None:
    again = pickle.loads(pickle.dumps(results.its))
    pd.testing.assert_frame_equal(again.effects, results.its.effects)


def test_a_run_without_a_folder_leaves_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = study(checks={"power": {}}).run()
    assert found.primary["term"] == "level"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"primary": {**CONTENT["primary"], "group": "old"}}, "primary contrast is not among"),
        ({"primary": {**CONTENT["primary"], "event": "mr-dalle2"}}, "primary contrast is not"),
        ({"panel": {"platforms": ["artstation", "x"]}}, "the data hold no such platform"),
        ({"panel": {"platforms": ["artstaton"]}}, "the panel leaves its platform out"),
        ({"events": {}}, "names no events"),
        ({"events": {"ids": ["mr-sd-publik"]}}, "did you mean"),
        ({"data": [{"source": "series", "path": "none.csv"}]}, "does not exist"),
        ({"data": [{"source": "serie", "path": "bundled:precipice_figure1"}]}, "did you mean"),
        ({"checks": {"power": {"nonsense": 1}}}, r"unknown key in \[checks.power\]"),
        ({"checks": {"placebo_cohorts": {"platform": "x"}}}, "the data hold no such platform"),
    ],
)
def test_a_mistake_in_the_study_is_named(sections, message: str) -> None:
    with pytest.raises(InputError, match=message):
        study(**sections).run()


def test_further_analyses_of_series(tmp_path) -> None:
    found = study(
        checks={},
        structural_breaks={"test": "OLS-CUSUM", "covariance": "hac", "groups": ["senior"]},
        common_change={"groups": ["senior", "new"], "platforms": ["artstation"]},
        monitor={"new": "2023-01", "groups": "new", "platforms": "deviantart"},
    ).run(tmp_path)
    breaks = found.analyses["structural_breaks"].to_frame()
    assert set(breaks["platform"]) == {"artstation", "deviantart"}
    assert set(breaks["group"]) == {"senior"}
    assert found.analyses["common_change"].call.function == "common_change"
    assert set(found.analyses["monitor"].to_frame()["group"]) == {"new"}


def test_extra_events_and_files(tmp_path) -> None:
    listed = tmp_path / "mine.csv"
    listed.write_text("date,label\n2022-11-30,Mine\n")
    chosen = study(
        events={
            "ids": ["mr-sd-public"],
            "file": str(listed),
            "extra": [{"date": "2023-05-15", "label": "Extra"}],
        }
    )
    with pytest.raises(InputError, match="no event has this id"):
        _ = chosen.events  # ids select within the file
    only_file = study(events={"file": str(listed), "extra": [{"date": "2023-05-15"}]})
    assert [event.date for event in only_file.events] == ["2022-11-30", "2023-05-15"]


def test_a_study_of_single_artists_runs_every_check_that_needs_them(tmp_path) -> None:
    checks = {
        "placebo_dates": {},
        "composition": {"n_bootstrap": 49},
        "survivorship": {},
        "parallel_trends": {"n_draws": 49},
        "negative_control": {"group": "later"},
        "leave_one_out": {},
    }
    found = Study.from_dict(
        {
            "study": {"name": "artists", "question": "Did it change?", "seed": 1},
            "data": [{"source": "bundled", "path": "bundled:artist_months"}],
            "panel": {"platforms": ["shadertoy"], "instrument": "shaders20k"},
            "seniority": {"at": "2018-01-01", "senior_after": "24 months"},
            "events": {"extra": [{"date": "2018-05-15", "label": "My event", "id": "mine"}]},
            "model": {"scale": "level"},  # groups are compared on one scale only
            "matching": {"n_permutations": 199},
            "primary": {
                "platform": "shadertoy",
                "group": "senior",
                "event": "mine",
                "term": "level",
            },
            "checks": checks,
        }
    ).run()
    assert [outcome.name for outcome in found.checks] == list(checks)
    assert found.check("composition").status != "not applicable"
    # Senior artists upload ever less here, and the noise around their level is not of one size.
    assert found.primary["status"] == "exploratory"
    assert "noise" in found.primary["reason"]
    drawn = [name for e in gallery.entries(found) if "check" in e.name for name in e.draw(found)]
    assert {"check_composition", "check_parallel_trends"} <= set(drawn)
