from __future__ import annotations

import pytest

from uploadtrends import datasets
from uploadtrends.errors import InputError
from uploadtrends.study.spec import parse_study, read_study
from uploadtrends.study.template import write_template

MINIMAL = {
    "study": {"name": "x", "question": "Did it?"},
    "data": [{"source": "bundled", "path": "bundled:precipice_figure1"}],
    "events": {"ids": ["mr-sd-public"]},
    "primary": {
        "platform": "artstation",
        "group": "senior",
        "event": "mr-sd-public",
        "term": "level",
    },
}


def changed(**sections):
    return parse_study({**MINIMAL, **sections})


def test_the_study_that_make_figures_runs_can_be_read(root) -> None:
    spec = read_study(root / "studies" / "precipice.toml")
    assert spec.name == "precipice"
    assert [entry.path.name for entry in spec.data if not entry.optional] == [
        "precipice_figure1.csv",
        "artist_months.csv",
        "danbooru_id_dates.csv",
        "pixiv_id_dates.csv",
    ]
    assert all(entry.path.exists() for entry in spec.data if not entry.optional)


def test_bundled_data_are_found_from_anywhere() -> None:
    assert changed().data[0].path == datasets.path("precipice_figure1")


def test_the_template_is_a_valid_study_and_is_never_overwritten(tmp_path) -> None:
    path = write_template(tmp_path / "mine.toml")
    assert read_study(path).events["ids"] == ["mr-sd-public"]
    with pytest.raises(InputError, match="exists already"):
        write_template(path)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"modell": {}}, r"unknown key in \[top level\].*did you mean 'model'"),
        ({"model": {"metod": "auto"}}, r"unknown key in \[model\].*did you mean 'method'"),
        ({"checks": {"placebo_date": {}}}, "did you mean 'placebo_dates'"),
        ({"model": {"method": 3}}, r"column 'model.method', value 3\). Fix: give text"),
        ({"model": {"confidence": True}}, "give a number"),
        ({"panel": {"platforms": 3}}, "a list"),
        ({"study": {"name": "x"}}, r"\[study\] lacks 'question'"),
        ({"primary": {}}, r"\[primary\] lacks 'platform'"),
        ({"data": [{"source": "series"}]}, "lacks 'path'"),
        ({"data": ["x.csv"]}, "give a table"),
        ({"events": {"extra": [{"dat": "2023-05-15"}]}}, "did you mean 'date'"),
        ({"data": [{"source": "series", "path": "bundled:nothing"}]}, "no bundled data set"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_fix(sections, message: str) -> None:
    with pytest.raises(InputError, match=message):
        changed(**sections)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[study", "is not TOML"), ("question = 'Künstler'".encode("latin-1"), "is not UTF-8")],
)
def test_an_unreadable_file_is_named(tmp_path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_study(path)
    assert "bad.toml" in str(caught.value)


def test_a_missing_file_says_how_to_write_one(tmp_path) -> None:
    with pytest.raises(InputError, match="uploadtrends new"):
        read_study(tmp_path / "none.toml")


def test_dates_may_be_toml_dates(tmp_path) -> None:
    path = write_template(tmp_path / "mine.toml")
    text = path.read_text().replace('"mr-sd-public"]', '"mr-sd-public"]\nstart = 2022-01-01')
    path.write_text(text)
    assert str(read_study(path).events["start"]) == "2022-01-01"


def test_the_stamp_follows_what_defines_the_primary_contrast() -> None:
    stamp = changed().primary_stamp
    assert changed(checks={"power": {}}).primary_stamp == stamp
    assert changed(change_points={"trend": False}).primary_stamp == stamp
    for other in (
        {"primary": {**MINIMAL["primary"], "group": "new"}},
        {"model": {"method": "ols-hac"}},
        {"events": {"ids": ["mr-sd-public", "mr-dalle2"]}},
        {"data": [{"source": "series", "path": "bundled:artist_months"}]},
    ):
        assert changed(**other).primary_stamp != stamp
