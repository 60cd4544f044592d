"""Self-consuming loops as a section of a study and of its report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import uploadtrends as ut
from uploadtrends import simulate
from uploadtrends.errors import InputError

CONTENT: dict[str, Any] = {
    "study": {"name": "loops", "question": "What would the labels mean for a model?"},
    "panel": {"start": "2021-01-01"},
    "events": {"extra": [{"date": "2022-08-22", "label": "release", "id": "release"}]},
    "matching": {"n_permutations": 99},
    "primary": {"platform": "site", "group": "all", "event": "release", "term": "level"},
    "loop": {
        "iterations": 20,
        "generations": 2,
        "loops": 2,
        "window": 12,
        "generator": "gaussian",
    },
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("loops")
    columns = ["upload_id", "artist_id", "published_at", "ai_label"]
    works = simulate.labelled_works(60, seed=2).population.uploads
    works.select(columns).write_csv(folder / "works.csv")
    entry = {"source": "table", "path": str(folder / "works.csv"), "platform": "site"}
    entry["columns"] = {name: name for name in columns}
    results = ut.Study.from_dict(CONTENT | {"data": [entry]}).run(folder / "out")
    results.save(folder / "out")
    return results, folder / "out"


def test_the_labels_of_a_panel_meet_the_loop(written: tuple[Any, Path]) -> None:
    found = written[0].analyses["loop"]
    share = found.share.table.iloc[-1]
    assert 0.1 < share["low"] == share["middle"] == share["high"] < 0.7  # every work is labelled
    # Refitted for ever on f human works: f / (1 - lam (1 - f)).
    human = 1 - share["middle"]
    kept = found.kept.query("bound == 'middle'").set_index("sampling_bias")["variance_kept"]
    assert kept[1.0] == pytest.approx(1.0)
    assert kept[0.8] == pytest.approx(human / (1 - 0.8 * (1 - human)))
    assert "in the long run" in found.summary()
    assert set(found.verdicts) == {"content", "visual"}


def test_the_report_says_what_it_can_and_cannot(written: tuple[Any, Path]) -> None:
    folder = written[1]
    page = (folder / "report.html").read_text()
    section = page[page.index('<section id="loop"') : page.index('<section id="checks"')]
    for said in ("What may be said", "What may not", "It says nothing about any generator in use"):
        assert said in section
    assert section.count("<figure ") == 3
    assert 'id="figure-loop-strip"' not in page.replace(section, "")
    assert (folder / "figures" / "loop_strip.svg").exists()
    assert (folder / "tables" / "loop_variance_kept.csv").exists()
    assert '<a href="#loop">Self-consuming loops</a>' in page


def test_data_without_labels_have_no_share(tmp_path: Path) -> None:
    content = CONTENT | {
        "data": [{"source": "bundled", "path": "bundled:precipice_figure1"}],
        "panel": {},
        "events": {"ids": ["mr-sd-public"]},
        "primary": CONTENT["primary"]
        | {"platform": "artstation", "group": "senior", "event": "mr-sd-public"},
    }
    found = ut.Study.from_dict(content).run(tmp_path).analyses["loop"]
    assert found.share is None
    assert "no synthetic share of these data" in found.summary()
    with pytest.raises(InputError, match="hold no such platform"):
        ut.Study.from_dict(content | {"loop": {"platform": "pixiv"}}).run(tmp_path)
    with pytest.raises(InputError, match="did you mean 'iterations'"):
        ut.Study.from_dict(content | {"loop": {"iteration": 5}})
