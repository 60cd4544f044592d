"""Whatever a verb takes can be said in a study: series, events, sources of one's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends import datasets
from uploadtrends.errors import InputError
from uploadtrends.sources.bundled import bundled
from uploadtrends.study.keys import section
from uploadtrends.study.sources import make_source, source_names
from uploadtrends.study.values import Values, events_named


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Values:
    folder = tmp_path_factory.mktemp("values")
    ut.build_store(folder / "s.duckdb", [bundled("precipice_figure1")])
    datasets.precipice_figure1().rename_axis("month").to_csv(folder / "mine.csv")
    (folder / "artists.csv").write_text("artist,works\n7,3.5\nb,1\n")
    return Values({"main": ut.build_panel(folder / "s.duckdb")}, folder, folder / "study.toml")


NAMED = {"platform": "deviantart", "group": "total"}
FILED = {"file": "mine.csv", "column": "total_deviantart", "date": "month"}


@pytest.mark.parametrize("said", [NAMED, FILED])
def test_a_series_is_named_by_platform_and_group_or_by_file_and_column(values, said) -> None:
    found = values.section("model", {"offset": said})["offset"]
    expected = datasets.precipice_figure1()["total_deviantart"]
    pd.testing.assert_series_equal(
        found, expected, check_names=False, check_freq=False, check_index_type=False
    )


def test_several_series_become_a_frame_or_a_mapping(values) -> None:
    found = values.section(
        "model",
        {
            "covariates": {"one": NAMED, "two": FILED},
            "control": {"artstation/senior": NAMED, "new": FILED},
            "terms": ["level"],
            "washout": [["2022-01-01", "2022-02-28"]],
        },
    )
    assert list(found["covariates"]) == ["one", "two"]
    assert set(found["control"]) == {("artstation", "senior"), "new"}
    assert found["terms"] == ("level",)
    assert found["washout"] == (("2022-01-01", "2022-02-28"),)
    assert ut.interrupted_time_series(
        datasets.precipice_figure1()["senior_artstation"],
        "2022-08-22",
        method="ols-hac",
        covariates=found["covariates"][["two"]],
    ).fits


def test_artists_are_the_index_of_what_is_theirs(values) -> None:
    said = {"file": "artists.csv", "artist": "artist", "column": "works"}
    assert values.section("artist_model", {"dose": said})["dose"].to_dict() == {"7": 3.5, "b": 1.0}
    found = values.section("checks.survivorship", {"attribute": said})["attribute"]
    assert found == {"7": 3.5, "b": 1.0}


def test_artists_keep_the_zeros_before_their_ids(tmp_path) -> None:
    (tmp_path / "followers.tsv").write_text("artist\tplace\tn\n007\t01\t3\n7\t02\t4\n")
    values = Values({}, tmp_path, None)
    said = {"file": "followers.tsv", "artist": "artist", "column": "n"}
    assert values.section("artist_model", {"dose": said})["dose"].to_dict() == {"007": 3, "7": 4}
    said["column"] = "place"
    found = values.section("checks.survivorship", {"attribute": said})["attribute"]
    assert found == {"007": "01", "7": "02"}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"platfrom": "deviantart"}, r"model\.offset\.platfrom.*did you mean 'platform'"),
        ({"group": "total"}, "named by its platform"),
        ({"platform": "deviantart", "group": "nobody"}, "nobody"),
        ({"file": "none.csv"}, "does not exist"),
        ({"file": "mine.csv", "column": "total_deviant"}, "did you mean 'total_deviantart'"),
        ({"file": "artists.csv", "column": "works"}, "a date cannot be read"),
    ],
)
def test_a_series_that_is_not_there_is_named(values, said, message: str) -> None:
    with pytest.raises(InputError, match=message):
        values.section("model", {"offset": said})


def test_events_are_named_by_date_or_id() -> None:
    assert events_named(["2023-05-15", "mr-sd-public"]).ids == ("mr-sd-public", "2023-05-15")


def test_every_setting_of_the_verbs_is_a_key() -> None:
    import inspect

    for name, verb, given in (
        ("model", ut.interrupted_time_series, {"data", "events"}),
        ("change_points", ut.change_points, {"data"}),
        ("panel", ut.build_panel, {"data", "seniority"}),
        ("seniority", ut.Seniority, set()),
        ("artist_model", ut.artist_model, {"panel", "events"}),
        ("artist_hazards", ut.artist_hazards, {"panel", "events"}),
        ("monitor", ut.monitor, {"history"}),
        ("common_change", ut.common_change, {"data"}),
        ("structural_breaks", ut.structural_breaks, {"data"}),
        ("checks.negative_control", ut.negative_control, set()),
    ):
        assert set(section(name)) == set(inspect.signature(verb).parameters) - given


CONTENT: dict[str, Any] = {
    "study": {"name": "artists", "question": "Did they?", "seed": 3},
    "data": [{"source": "mine:Works", "path": "works.txt", "rate": 2}],
    "seniority": {"at": "2021-01-01", "senior_after": "12 months"},
    "events": {"extra": [{"date": "2021-06-01", "label": "x", "id": "x"}]},
    "model": {"method": "ols-hac", "confounders": ["2020-09-01"]},
    "change_points": {"penalty": "bic"},
    "matching": {"n_permutations": 19},
    "primary": {"platform": "mine", "group": "senior", "event": "x", "term": "level"},
    "artist_model": {"platform": "mine", "inference": "cluster", "terms": ["level"]},
    "artist_sensitivity": {"models": ["gee"]},
}
# A source as somebody else would write it.
SOURCE = """
import datetime as dt
import random

from uploadtrends.records import Artist, Credit, Upload
from uploadtrends.sources.staging import stage_records


class Works:
    name, credits_complete = "mine", True

    def __init__(self, path, *, rate: int = 1):
        self.path, self.rate = path, rate

    def parameters(self):
        return {"rate": self.rate}

    def inputs(self):
        return [self.path]

    def records(self):
        drawn, number = random.Random(1), 0
        for line in self.path.read_text().splitlines():
            name, first = line.split()
            yield Artist("mine", name, name)
            for month in range(int(first), 60):
                for _ in range(drawn.randint(1, 2 * self.rate)):
                    number += 1
                    day = dt.datetime(2018 + month // 12, month % 12 + 1, drawn.randint(1, 28))
                    yield Upload("mine", str(number), day)
                    yield Credit("mine", str(number), name)

    def stage(self, con, progress):
        stage_records(con, self.records(), progress=progress)
"""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(SOURCE)
    lines = [f"artist{i} {0 if i % 2 else 25 + i % 7}" for i in range(24)]
    (tmp_path / "works.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_source_and_further_analyses_from_a_study(outside: Path, monkeypatch) -> None:
    monkeypatch.chdir(outside)
    results = ut.Study.from_dict(CONTENT).run(outside / "out")
    assert set(results.analyses) == {"artist_model", "artist_sensitivity"}
    assert set(results.tables()) >= {"artist_model", "artist_sensitivity"}
    assert results.analyses["artist_model"].call.parameters["inference"] == "cluster"
    assert "Artist model" in results.summary()
    said = results.its.call.parameters["confounders"]
    assert [event["date"] for event in said] == ["2020-09-01"]
    again = ut.Study.from_dict(CONTENT).run(outside / "out")
    assert again.analyses["artist_model"].call == results.analyses["artist_model"].call


def test_a_source_of_another_package_is_known_by_its_entry_point(
    outside: Path, monkeypatch
) -> None:
    about = outside / "someones_sources-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: someones-sources\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[uploadtrends.sources]\nworks = mine:Works\n")
    monkeypatch.syspath_prepend(str(outside))
    os.utime(outside)
    assert "works" in source_names()
    made = make_source("works", outside / "works.txt", {"rate": "3"})
    assert made.parameters() == {"rate": 3}
    with pytest.raises(InputError, match="did you mean 'rate'"):
        make_source("works", outside / "works.txt", {"rat": "3"})


def test_a_source_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        make_source("nowhere_at_all:Mine", tmp_path / "x", {})
