"""Figures are drawn where something that they show changed, and only there."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends import figures
from uploadtrends.figures import gallery
from uploadtrends.report.inline import Picture
from uploadtrends.study import beside, second
from uploadtrends.study.pictures import Unknown, Watched, content, pictures


@pytest.fixture(scope="module")
def results(root: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    spec = ut.Study.load(root / "studies" / "precipice.toml").spec
    found = ut.Study(replace(spec, checks={})).run(tmp_path_factory.mktemp("study"))
    pictures(found, found.kept_in)
    return found


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the figures drawn since."""
    names: list[str] = []
    made = Picture.of

    def of(name: str, *drawings: Any, **settings: Any) -> Picture:
        names.append(name)
        return made(name, *drawings, **settings)

    monkeypatch.setattr(Picture, "of", of)
    return names


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Leave out all figures but these and those of checks: drawing all takes its time."""
    every = gallery.entries
    monkeypatch.setattr(
        "uploadtrends.study.pictures.entries",
        lambda results: [e for e in every(results) if e.name in names or "check" in e.name],
    )


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "figure1", "effects")


def test_what_did_not_change_is_not_drawn(results: Any, drawn: list[str], tmp_path: Path) -> None:
    found = pictures(results, results.kept_in)
    assert drawn == []
    fresh = results.drawings()
    for name in ("effects", "figure1"):  # the same bytes as drawn now
        for path in fresh[name].save(tmp_path / name):
            assert found[name].files[path.suffix[1:]] == path.read_bytes()
    assert list(found) == list(fresh)
    page = results.save_report(tmp_path / "kept").read_text()
    assert page == results.save_report(tmp_path / "drawn", fresh).read_text()


def test_a_changed_result_is_drawn_again(results: Any, drawn: list[str]) -> None:
    effects = results.its.effects.copy()
    known = effects.index[effects["estimate"].notna() & (effects["term"] == "level")][0]
    for column in ("estimate", "low", "high", "relative", "relative_low", "relative_high"):
        effects.loc[known, column] *= 0.9
    changed = replace(results, its=replace(results.its, effects=effects))
    assert changed.its.call == results.its.call  # what it says of its making is not asked
    before, now = (pictures(one, results.kept_in) for one in (results, changed))
    assert {"effects", "interrupted_time_series"} <= set(drawn)
    assert not {"figure1", "figure2", "change_points", "event_timeline"} & set(drawn)
    assert now["effects"].files["svg"] != before["effects"].files["svg"]
    assert now["effects"].files["png"] != before["effects"].files["png"]
    assert now["effects"].on_page != before["effects"].on_page
    drawn.clear()
    assert pictures(results, results.kept_in) == before
    assert pictures(changed, results.kept_in) == now
    assert drawn == []


def test_an_added_event_is_seen_on_every_figure_with_events(results: Any, drawn: list[str]) -> None:
    pictures(replace(results, events=results.events + ut.Event("2022-11-11", "A")), results.kept_in)
    assert set(drawn) == {"figure1", "figure2", "upload_rates_pixiv", "event_timeline"}


@pytest.mark.usefixtures("two")
def test_another_style_or_language_is_drawn_again(results: Any, drawn: list[str]) -> None:
    before = pictures(results, results.kept_in)
    with figures.style(colours={"artstation": "#123456"}):
        styled = pictures(results, results.kept_in)
    assert set(drawn) == set(before)
    assert b"#123456" in styled["figure1"].files["svg"]
    drawn.clear()
    with figures.style(language="de"):
        german = pictures(results, results.kept_in)
    assert set(drawn) == set(before)
    assert german["effects"].files["svg"] != before["effects"].files["svg"]
    drawn.clear()
    import matplotlib as mpl

    with mpl.rc_context({"text.color": "#112233"}):
        inked = pictures(results, results.kept_in)
    assert set(drawn) == set(before)
    assert b"#112233" in inked["effects"].files["svg"]
    drawn.clear()
    assert pictures(results, results.kept_in) == before
    assert drawn == []


@pytest.mark.usefixtures("two")
def test_a_changed_code_is_drawn_again(
    results: Any, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploadtrends.study.pictures.code_fingerprint", lambda **_: "another")
    assert set(pictures(results, results.kept_in)) == set(drawn)


def test_a_changed_anchor_file_is_drawn_again(
    results: Any, drawn: list[str], tmp_path: Path
) -> None:
    clock = results.clocks["pixiv"]
    text = Path(clock.path).read_text().splitlines(keepends=True)
    (tmp_path / "ids.csv").write_text("".join(text))
    clock = replace(clock, path=tmp_path / "ids.csv")
    before = content({"pixiv": clock})
    (tmp_path / "ids.csv").write_text("".join(text[:-1]))
    assert content({"pixiv": clock}) != before
    assert drawn == []


@pytest.fixture
def mine() -> Iterator[list[int]]:
    numbers = [3]

    def draw(results: Any) -> figures.Drawing:
        figure = figures.Drawing(4.0, 2.0)
        figure.caption = f"{numbers[0]} dots"
        return figure

    gallery.register("mine", draw)
    yield numbers
    gallery.withdraw("mine")


def test_what_others_draw_is_drawn_every_time(
    results: Any, drawn: list[str], mine: list[int]
) -> None:
    assert pictures(results, results.kept_in)["mine"].caption == "3 dots"
    mine[0] = 4
    assert pictures(results, results.kept_in)["mine"].caption == "4 dots"
    assert drawn == ["mine", "mine"]


@pytest.mark.usefixtures("two")
def test_nothing_is_kept_without_a_folder(results: Any, drawn: list[str], tmp_path: Path) -> None:
    found = pictures(results, tmp_path / "gone")
    assert set(found) == set(drawn)
    assert not (tmp_path / "gone").exists()


@dataclass(frozen=True)
class Held:
    value: Any


def test_contents_differ_when_anything_inside_does() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    values = [
        *(None, 0, 0.0, -0.0, False, "0", b"0", float("nan"), 1e-300, (), {}, set()),
        *([0], (0,), {0}, {"0": 0}, {0: 0}, np.array([0]), np.array([0.0]), pd.Timestamp(0)),
        *(frame, frame.assign(a=[1.0, 2.0 + 4e-16]), frame.set_index("b"), frame["a"]),
        *(ut.EventSet([ut.Event("2022-11-11", label)]) for label in "AB"),
        *(len, pd.Timestamp),
    ]
    told = [content(Held([value])) for value in values]
    assert len(set(told)) == len(values)
    assert told == [content(Held([value])) for value in values]
    for value in (object(), lambda: 0):
        with pytest.raises(Unknown):
            content(Held({"a": value}))


def heard(*results: Any) -> second.Hear:
    """Return a way to hear of results, one after the other."""
    news = iter([*map(dict, map(vars, results)), None])
    return lambda: next(news)


def test_a_second_process_draws_what_shows_nothing_to_come(
    results: Any, drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "figure1", "effects", "interrupted_time_series")
    facts = ut.published_series(date="2022-08")(results.panel)
    spec = replace(results.spec, checks={facts.name: {}, "multiplicity": {}, "power": {}})
    whole = replace(results, spec=spec, kept_in=tmp_path)
    r = whole
    begun = type(r).begun(
        spec, r.panels, events=r.events, confounders=r.confounders, kept_in=tmp_path
    )
    told: list[Any] = []
    beside.draw(heard(begun), told.append)
    assert (told[0], told[-1]) == ("figure1", "")
    (named,) = (said for said in told if isinstance(said, dict))
    assert [path.name for path in tmp_path.glob(f"figure_figure1-{named['figure1'][:24]}*")]
    assert drawn == ["figure1"]  # the others show models
    fitted = replace(whole, checks=(), conclusion=None, manifest=None)
    drawn.clear()
    beside.draw(heard(begun, fitted), told.append)
    assert drawn == ["effects"]  # the last shows a check that has not run
    drawn.clear()
    many = ut.multiplicity(n_draws=99)(results.its)
    steps = [begun, fitted, replace(fitted, checks=(facts,)), replace(fitted, checks=(facts, many))]
    beside.draw(heard(*steps), told.append)
    assert drawn == ["interrupted_time_series", "check_multiplicity"]
    drawn.clear()
    whole = replace(whole, checks=(facts, many))
    found = pictures(whole, tmp_path)  # the run draws the rest: nothing
    assert drawn == []
    assert found == pictures(replace(whole, kept_in=tmp_path / "new"), tmp_path / "new")


def test_it_is_told_what_it_was_not_told_before(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = multiprocessing.Pipe()
    monkeypatch.setattr(second, "RUNNING", [second.Second(None, here)])  # type: ignore[arg-type]
    large = np.zeros(10**6)  # more than a pipe holds: who tells it does not wait for its work
    heard: Any = second.SimpleQueue()
    second.Thread(target=second._listen, args=(there, heard), daemon=True).start()
    for known in ({"a": large}, {"a": large, "b": None}, {"a": large, "b": 2}):
        second.tell(known)
    here.close()
    assert [sorted(heard.get()) for _ in range(3)] == [["a"], ["b"], ["b"]]
    assert heard.get() is None


APART = """
import os, pickle, sys
from pathlib import Path
from uploadtrends.study import beside, second

if sys.argv[2] == "busy":
    os.getloadavg = lambda: (99.0, 0.0, 0.0)
else:
    second.core_is_free = lambda: True
if sys.argv[2] == "refused":
    import multiprocessing.popen_fork

    def refused(*_):
        raise OSError("no more processes")

    multiprocessing.popen_fork.Popen._launch = refused
if sys.argv[2] == "late":
    import polars as pl

    pl.DataFrame({"a": [1, 2]}).lazy().group_by("a").len().collect()
second.start(beside.draw)
second.start(beside.draw)  # never two
results = pickle.loads(Path(sys.argv[1]).read_bytes())
beside.draw_beside(results)
for one in second.RUNNING:
    while one.pipe.recv():  # until it waits for more
        pass
print(len(second.RUNNING))
second.stop()
assert second.RUNNING == []
"""


TO_DRAW = ("event_study", "effects", "change_points", "event_timeline")


@pytest.mark.parametrize(
    ("how", "running"), [("free", "1"), ("busy", "0"), ("refused", "0"), ("late", "0")]
)
def test_the_second_process_draws_what_this_one_would(
    results: Any, drawn: list[str], tmp_path: Path, how: str, running: str
) -> None:
    """From a process of its own: this one has read data, and is not to be forked."""
    shutil.copytree(results.kept_in, tmp_path / "kept")
    for name in TO_DRAW:
        for kept in (tmp_path / "kept").glob(f"figure_{name}-*"):
            kept.unlink()
    given, apart = tmp_path / "results.pickle", replace(results, kept_in=tmp_path / "kept")
    given.write_bytes(pickle.dumps(apart))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", APART, str(given), how],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == running
    assert done.stderr == ""
    pictures(apart, tmp_path / "kept")
    assert sorted(drawn) == ([] if running == "1" else sorted(TO_DRAW))


class Pipe:
    """Says what it is given, one at a time; then it is at its last for ever."""

    def __init__(self, *said: Any) -> None:
        self.said, self.waited = list(said), []

    def poll(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return bool(self.said)

    def recv(self) -> Any:
        return self.said.pop(0)


def test_what_the_second_process_is_at_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe("figure1", "effects")
    monkeypatch.setattr(second, "RUNNING", [second.Second(None, pipe)])  # type: ignore[arg-type]
    second.wait_for("matches")  # none of its work: nobody waits
    assert pipe.waited == [0, 0, 0]
    second.wait_for("effects")  # it does not end, and is waited for no longer than that
    assert pipe.waited[3:] == [second.PATIENCE]
    pipe.said.append("")
    second.wait_for("effects")
    assert second.RUNNING[0].at == ""


def test_what_the_second_process_has_drawn_is_not_looked_for(
    results: Any, drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told what this one knows: nothing of that is hashed again."""
    only(monkeypatch, "effects")
    kept = replace(results, kept_in=tmp_path)
    said: list[Any] = []
    beside.draw(heard(kept), said.append)
    assert drawn == ["effects"]
    monkeypatch.setattr(second, "RUNNING", [second.Second(None, Pipe(*said))])  # type: ignore[arg-type]
    with monkeypatch.context() as patched:
        patched.setattr(Watched, "contents", None)
        first = pictures(kept, tmp_path)
    assert first == pictures(kept, tmp_path)
    assert drawn == ["effects"]
    lost = second.Second(None, Pipe({"effects": "0" * 64}))  # type: ignore[arg-type]
    monkeypatch.setattr(second, "RUNNING", [lost])  # told of, and not there
    assert pictures(kept, tmp_path) == first


def test_a_second_process_that_is_gone_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = multiprocessing.Pipe()
    monkeypatch.setattr(second, "RUNNING", [second.Second(None, here, at="effects")])  # type: ignore[arg-type]
    there.close()
    began = time.monotonic()
    second.wait_for("effects")
    second.tell({"anything": 1})
    assert time.monotonic() - began < second.PATIENCE


def test_a_style_of_this_process_is_not_drawn_in_another(
    results: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(second, "tell", given.append)
    with figures.style(language="de"):
        beside.draw_beside(replace(results, kept_in=tmp_path))
    assert given == []
    beside.draw_beside(replace(results, kept_in=tmp_path))
    assert len(given) == 1


@pytest.mark.usefixtures("two")
def test_the_curve_of_a_contrast_depends_on_its_name_only(
    results: Any, drawn: list[str], tmp_path: Path
) -> None:
    curve = ut.specification_curve(n_draws=19)(results.its)
    checked = replace(results, checks=(curve,), kept_in=tmp_path)
    pictures(checked, tmp_path)
    assert "check_specification_curve" in drawn
    drawn.clear()
    primary = results.primary.copy()
    primary["estimate"] = 0.5  # where the curve shows it, the curve holds it
    pictures(replace(checked, primary=primary), tmp_path)
    assert drawn == []
    effects = results.its.effects
    known = effects[effects["estimate"].notna() & (effects["term"] == "level")]
    other = known[known["platform"] == "deviantart"].iloc[0]
    pictures(replace(checked, primary=other), tmp_path)
    assert drawn == ["check_specification_curve"]
