"""A date that the user added is answered first, wherever answers are given."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from uploadtrends.errors import InputError
from uploadtrends.figures import gallery
from uploadtrends.report.answer import answer
from uploadtrends.study import Study

CONTENT = {
    "study": {"name": "small", "question": "Did it change?", "seed": 1},
    "data": [{"source": "bundled", "path": "bundled:precipice_figure1"}],
    "panel": {"platforms": ["artstation", "deviantart"]},
    "events": {
        "ids": [
            "mr-dalle2",
            "mr-midjourney-beta",
            "mr-sd-public",
            "pr-artstation-protest",
            "mr-midjourney-v5",
        ]
    },
    "matching": {"n_permutations": 199},
    "primary": {
        "platform": "artstation",
        "group": "senior",
        "event": "mr-sd-public",
        "term": "level",
    },
    "checks": {"multiplicity": {}},
}


def study(**sections) -> Study:
    return Study.from_dict({**CONTENT, **sections})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("added")


@pytest.fixture(scope="module")
def plain(folder):
    return study().run(folder)


@pytest.fixture(scope="module")
def november(folder, plain):
    return study().with_event("2022-11-11", "My event").run(folder)


def test_nothing_is_said_where_nothing_was_added(plain) -> None:
    assert plain.added == ()
    assert "fitted" not in plain.effects()
    assert len(answer(plain)) == 3


def test_the_numbers_are_those_of_the_date_alone_and_with_the_study(november, plain) -> None:
    (mine,) = november.added
    alone = plain.its.refit(events=["2022-11-11"]).effects
    shown = mine.to_frame()
    assert list(dict.fromkeys(shown["fitted"])) == ["alone", "with the study's events"]
    keys = ["platform", "group", "term"]
    both = shown[shown["fitted"] == "alone"].merge(alone, on=keys, suffixes=("", "_again"))
    assert len(both) == len(alone)
    assert both["estimate"].equals(both["estimate_again"])
    joint = shown[shown["fitted"] != "alone"]
    held = november.its.effects["event"].str.contains("2022-11-11-my-event", regex=False)
    assert len(joint) == held.sum() > 0
    assert (shown.iloc[0]["platform"], shown.iloc[0]["group"]) == ("artstation", "senior")


def test_a_date_that_joins_a_block_says_what_that_removes_and_why(november, plain) -> None:
    (mine,) = november.added
    text = mine.summary()
    assert text.startswith("My event (2022-11-11)\n")
    assert "The catalogue holds on this date: DeviantArt DreamUp" in text
    assert (
        "ArtStation (new, senior, total): Beside the study's events it joins block 2022-11 to "
        "2023-03 (3 events)" in text
    )
    assert "3 events within 124 days: fitted jointly" in text
    assert (
        "This removes the estimate of 'block 2022-12 to 2023-03 (2 events)': it is part of "
        "block 2022-11 to 2023-03 (3 events)." in text
    )
    then, now = plain.primary, november.primary
    assert then["estimate"] != now["estimate"]
    moved = next(note for note in mine.notes if note.startswith("The stated contrast"))
    assert f"is {then['relative']:+.1f}% (" in moved
    assert f"and {now['relative']:+.1f}% (" in moved


def test_it_comes_first_in_the_answer_the_terminal_the_figure_and_the_results(
    november, tmp_path
) -> None:
    assert answer(november)[0].startswith("My event (2022-11-11), fitted alone: ")
    assert november.summary().startswith("My event (2022-11-11)")
    assert not november.rest_of_summary().startswith("My event")
    (effects,) = (one for one in gallery.entries(november) if one.name == "effects")
    drawn = effects.draw(november)["effects"]
    labels = list(dict.fromkeys(drawn.data["label"]))
    assert labels[0] == "My event (2022-11-11), alone"
    assert labels[1].startswith("My event (2022-11-11), with the study's events: block 2022-")
    november.save(tmp_path)
    page = BeautifulSoup((tmp_path / "report.html").read_text(encoding="utf-8"), "lxml")
    first = page.find(class_="answer")
    assert len(first.find_all("p")) == 4  # the date in one sentence, then the study in three
    (mine,) = november.added
    assert [item.get_text() for item in first.find_all("li")] == list(mine.notes)
    assert not any("mr-dalle2" in note for note in mine.notes)
    table = pd.read_csv(tmp_path / "results.csv")
    assert table.loc[0, "fitted"] == "alone"
    assert table.loc[0, "event"] == "2022-11-11-my-event"
    told = json.loads((tmp_path / "results.json").read_text())
    assert told["added"][0]["label"] == "My event"
    page = (tmp_path / "report.html").read_text()
    at = page.index('<section class="answer"')
    assert page.index("My event (2022-11-11), fitted alone", at) < page.index("These data", at)


@pytest.mark.parametrize(
    ("date", "why"),
    [
        ("2030-01-01", "it lies after the last month of the data (2023-10-01)"),
        ("2021-02-05", "only 1 month of data before it, 6 needed"),
        ("1999-01-01", "it lies before the first month of the data"),
    ],
)
def test_a_date_without_an_estimate_is_answered_before_any_check(folder, plain, date, why) -> None:
    told: list[str] = []
    found = (
        study()
        .with_event(date, "Mine")
        .run(
            folder,
            announce=lambda step, state, _: told.append(f"{step}: {state}"),
            answer=lambda answers: told.append(answers[0].summary()),
        )
    )
    (mine,) = found.added
    assert not mine.estimable
    assert mine.summary().startswith(f"Mine ({date}): not estimable here\n  {why}")
    assert answer(found)[0].startswith(f"Mine ({date}): not estimable here: {why}")
    at = told.index(mine.summary())
    assert not any(line.startswith("check") for line in told[:at])
    # Nor does it move anything else: the checks are those of the study without it.
    assert [line for line in told[at:] if line.endswith("running")] == ["matching: running"]
    assert found.primary["estimate"] == plain.primary["estimate"]


def test_two_labels_on_one_day_are_one_date_with_one_number(folder, plain) -> None:
    one = study().with_event("2022-11-11", "A").run(folder)
    two = study().with_event("2022-11-11", "A").with_event("2022-11-11", "B").run(folder)
    (mine,) = two.added
    assert mine.label == "A; B"
    assert mine.summary().startswith("A; B (2022-11-11)")
    numbers = ["platform", "group", "term", "estimate", "low", "high", "p"]
    pd.testing.assert_frame_equal(mine.effects[numbers], one.added[0].effects[numbers])
    alone = mine.effects[mine.effects["fitted"] == "alone"]
    assert set(alone["label"]) == {"A; B"}


def test_a_date_that_the_study_has_already_shares_its_number(folder, plain) -> None:
    found = study().with_event("2022-08-22", "Mine").run(folder)
    (mine,) = found.added
    assert "It is one date with Stable Diffusion public release" in mine.summary()
    assert found.primary["estimate"] == pytest.approx(plain.primary["estimate"])
    assert not any("removes" in note or "stated contrast" in note for note in mine.notes)


def test_several_dates_each_have_an_answer(folder) -> None:
    extra = [{"date": "2030-01-01", "label": "Late"}, {"date": "2022-11-11", "label": "Mine"}]
    found = study(events={**CONTENT["events"], "extra": extra}).run(folder)
    assert [one.label for one in found.added] == ["Mine", "Late"]
    assert [one.estimable for one in found.added] == [True, False]
    assert "Mine (2022-11-11)" in answer(found)[0]
    assert "Late (2030-01-01)" in answer(found)[1]


def test_a_study_of_nothing_but_added_dates(folder) -> None:
    events = {"extra": [{"date": "2022-11-11", "label": "Mine"}]}
    found = study(events=events, primary={**CONTENT["primary"], "event": "Mine"}).run(folder)
    (mine,) = found.added
    assert set(mine.effects["fitted"]) == {"alone"}
    assert len(found.effects()) == len(found.its.effects)
    assert found.primary["event"] == "2022-11-11-mine"


@pytest.mark.parametrize(
    ("primary", "message"),
    [
        ({"event": "mr-sd-publik"}, "did you mean 'mr-sd-public'"),
        ({"event": "Stable Diffusion public"}, "did you mean 'Stable Diffusion public release"),
        ({"term": "levle"}, "there is no such term"),
        ({"term": "pulse"}, "the model has no such term"),
        ({"platform": "pixiv"}, "the panel leaves its platform out"),
    ],
)
def test_a_contrast_that_cannot_be_is_refused_before_loading(primary, message) -> None:
    seen: list[str] = []
    with pytest.raises(InputError, match=re.escape(message)):
        study(primary={**CONTENT["primary"], **primary}).run(
            announce=lambda step, *_: seen.append(step)
        )
    assert seen == []


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"method": "nonsense"}}, "nonsense"),
        ({"model": {"terms": ["level", "slop"]}}, "slop"),
        ({"seniority": {"at": "soon"}}, "soon"),
        ({"checks": {"leave_one_out": {"what": ["people"]}}}, "people"),
        ({"data": [{"source": "series", "path": "none.csv"}]}, "does not exist"),
        ({"events": {"extra": [{"date": "2022-13-01"}]}}, "2022-13-01"),
        ({"events": {"ids": ["mr-sd-public"], "confounders": ["none"]}}, "none"),
    ],
)
def test_values_that_cannot_be_are_refused_before_loading(sections, message) -> None:
    seen: list[str] = []
    with pytest.raises(InputError, match=message):
        study(**sections).run(announce=lambda step, *_: seen.append(step))
    assert seen == []


def test_a_label_stands_for_its_event(plain) -> None:
    label = next(e.label for e in plain.events if e.id == "mr-sd-public")
    primary = {**CONTENT["primary"], "event": label}
    found = study(primary=primary).run()
    assert found.primary["event"] == plain.primary["event"]
    assert found.spec.primary_stamp == plain.spec.primary_stamp


def test_a_break_of_collection_is_held_constant_on_its_platform_only(folder, plain) -> None:
    given = ["cf-artstation-cloudflare-2021", "cf-artstation-cloudflare-2024"]
    found = study(model={"instrument_breaks": given}).run(folder)
    held = {fit.platform: " ".join(fit.prepared.notes) for fit in found.its.fits}
    assert "level change of the instrument at 2021-11-01 held constant" in held["artstation"]
    assert "2024" not in held["artstation"], "it lies after the data"
    assert "instrument" not in held["deviantart"]
    rows = found.its.effects["platform"] == "deviantart"
    assert found.its.effects["estimate"][rows].equals(plain.its.effects["estimate"][rows])
    with pytest.raises(InputError, match="no event has this id"):
        study(model={"instrument_breaks": ["cf-artstation-cloudflare"]}).run(folder)
