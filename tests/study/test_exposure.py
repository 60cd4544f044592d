"""Exposed artists from files to the page: every outcome, through study file and command line."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from typer.testing import CliRunner

import uploadtrends as ut
from uploadtrends import simulate
from uploadtrends.cli import app
from uploadtrends.errors import InputError

COLUMNS = ("upload_id", "artist_id", "published_at", "ai_label", "status")
STUDY = """
[study]
name = "adopters"
question = "Do those who adopt the tool upload more?"

[[data]]
source = "table"
path = "works.csv"
platform = "site"
columns = {{ {columns} }}

[panel]
start = "2021-01-01"

[events]
extra = [{{ date = "2022-08-22", label = "release", id = "release" }}]

[matching]
n_permutations = 99

[primary]
platform = "site"
group = "all"
event = "release"
term = "level"

[exposure]
treated_from = {{ file = "adopters.csv", artist = "artist_id", column = "treated_from" }}
match_on = ["uploads_last_12m"]
outcomes = ["uploads", "active", "silent", "removals", "ai_share"]
methods = ["auto", "twfe"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Works with labels and status: who adopts takes down one work in four from then on."""
    made = tmp_path_factory.mktemp("exposure")
    world = simulate.labelled_works(110, effect=0.6, seed=4)
    works = world.population.uploads.to_pandas()
    since = pd.to_datetime(works["artist_id"].map(world.treated_from))
    late = (works["published_at"] >= since).to_numpy()
    taken = np.random.default_rng(1).random(len(works)) < np.where(late, 0.25, 0.02)
    works["status"] = np.where(taken, "deleted", "listed")
    works[list(COLUMNS)].to_csv(made / "works.csv", index=False)
    dates = pd.Series(world.treated_from, name="treated_from").rename_axis("artist_id")
    dates.to_csv(made / "adopters.csv")
    columns = ", ".join(f'{name} = "{name}"' for name in COLUMNS)
    (made / "study.toml").write_text(STUDY.format(columns=columns))
    return made


@pytest.fixture(scope="module")
def results(folder: Path) -> Any:
    found = ut.Study.load(folder / "study.toml").run(folder / "out")
    found.save(folder / "out")
    return found


def mean_effects(found: Any) -> pd.DataFrame:
    table = found.overall[found.overall["of"] == "all exposed"]
    return table.set_index(["outcome", "method"])


def test_every_outcome_is_estimated_from_a_study_file(results: Any) -> None:
    found = results.analyses["exposure"]
    assert found.kinds.set_index("kind")["artists"]["treated"] > 30
    table = mean_effects(found)
    assert set(table["status"]) == {"ok", "biased"}
    ours = table[table["status"] == "ok"].droplevel("method")
    assert ours.loc["uploads", "low"] > 0
    assert ours.loc["removals", "low"] > 0
    assert 0.6 < ours.loc["ai_share", "estimate"] < 0.95
    # Adopters stay and upload more: silence does not grow, activity does not fall.
    assert ours.loc["silent", "low"] < 0.02
    assert ours.loc["active", "high"] > 0
    assert set(found.tests()["outcome"]) >= {"uploads", "active", "silent", "removals"}
    assert (found.tests()["minimum_detectable_slope"] > 0).all()
    assert found.honest().groupby("outcome")["seen_before"].first().notna().all()
    assert set(found.shared()["outcome"]) == {"uploads"}


def test_the_report_has_its_section_and_names_nobody(results: Any, folder: Path) -> None:
    page = (folder / "out" / "report.html").read_text()
    section = page[page.index('<section id="exposure"') : page.index('<section id="checks"')]
    for said in ("Exposed artists", "jointly zero", "Standardised differences", "biased"):
        assert said in section
    assert '<a href="#exposure">' in page
    assert page.count('id="figure-exposure"') == 1
    tables = {path.stem for path in (folder / "out" / "tables").glob("exposure*.csv")}
    assert {"exposure", "exposure_leads", "exposure_bends", "exposure_balance"} <= tables
    written = json.loads((folder / "out" / "results.json").read_text())
    everything = json.dumps(written["analyses"]) + section
    names = pl.read_csv(folder / "adopters.csv", infer_schema=False)["artist_id"].to_list()
    assert not [name for name in names if f'"{name}"' in everything or f">{name}<" in everything]


def test_the_figure_fits_its_page(results: Any) -> None:
    from uploadtrends.figures import plot
    from uploadtrends.figures.canvas.layout import outside, overlaps

    for width in (7.0, 3.5):
        drawing: Any = plot(results.analyses["exposure"], width=width)
        assert overlaps(drawing) == []
        assert outside(drawing) == []
    assert "removals" in drawing.alternative


def test_the_command_says_the_same(results: Any, folder: Path, tmp_path: Path) -> None:
    words = ["exposure", str(folder / "out" / "uploads.duckdb"), "--option", "start=2021-01-01"]
    words += ["--treated-from", str(folder / "adopters.csv"), "--match-on", "uploads_last_12m"]
    words += ["--outcome", "uploads", "--outcome", "removals", "--method", "auto", "--json"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["outcome"] for row in rows if row["of"] == "all exposed"] == ["uploads", "removals"]
    assert {path.suffix for path in tmp_path.iterdir()} >= {".svg", ".png", ".csv", ".txt"}
    rule = CliRunner().invoke(app, [*words[:4], "--method", "imputation"])
    assert rule.exit_code == 0, rule.output
    assert "left out: it was chosen for having one" in " ".join(rule.output.split())


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("missing.csv", "no such file"),
        ("last AI upload", "no such rule"),
        ("mr-sd-public", "leaves nobody to compare with"),
    ],
)
def test_an_exposure_that_cannot_be_read_is_named(
    results: Any, folder: Path, said: str, message: str
) -> None:
    store = str(folder / "out" / "uploads.duckdb")
    done = CliRunner().invoke(app, ["exposure", store, "--treated-from", said])
    assert done.exit_code == 1
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)


def test_a_study_says_from_when_artists_are_exposed(folder: Path) -> None:
    from uploadtrends.study.spec import parse_study

    content: dict[str, Any] = {
        "study": {"name": "x", "question": "?"},
        "primary": {"platform": "site", "group": "all", "event": "e", "term": "level"},
    }
    assert parse_study(content).analyses == {}
    with pytest.raises(InputError, match=r"\[exposure\] lacks 'treated_from'"):
        parse_study(content | {"exposure": {}})
    with pytest.raises(InputError, match="did you mean 'outcomes'"):
        parse_study(content | {"exposure": {"treated_from": "joined_at", "outcome": ["active"]}})


def _ready(folder: Path) -> Path:
    """Write a table of 60 units by 24 periods, 20 of them treated from period 10 on: -0.5."""
    unit, t = np.divmod(np.arange(60 * 24), 24)
    first = np.where(unit < 20, 10, 0)
    noise = np.random.default_rng(3).normal(0, 0.2, t.size)
    y = np.sin(unit) + 0.02 * t - 0.5 * ((first > 0) & (t + 1 >= first)) + noise
    table = pd.DataFrame({"who": [f"00{u}" for u in unit], "t": t + 1, "g": first, "y": y})
    table.to_csv(folder / "ready.csv", index=False)
    return folder / "ready.csv"


def test_a_ready_table_has_a_door_on_the_command_line(tmp_path: Path) -> None:
    path = str(_ready(tmp_path))
    words = ["exposure", path, "--unit", "who", "--period", "t", "--treated-from", "g"]
    done = CliRunner().invoke(app, [*words, "--outcome", "y", "--method", "imputation", "--json"])
    assert done.exit_code == 0, done.output
    rows = pd.read_json(StringIO(done.stdout))
    whole = rows[rows["of"] == "all exposed"].iloc[0]
    assert whole["estimate"] == pytest.approx(-0.5, abs=0.1)
    refused = CliRunner().invoke(app, [*words, "--platform", "artstation"])
    assert refused.exit_code == 2
    assert "neither platforms nor seniority" in " ".join(refused.output.split())
    wrong = CliRunner().invoke(app, ["exposure", path, "--unit", "artist", "--period", "t"])
    assert isinstance(wrong.exception, InputError)
    assert "artist" in str(wrong.exception)


def test_a_study_takes_a_ready_table(tmp_path: Path) -> None:
    from uploadtrends.study.values import Values

    _ready(tmp_path)
    values = Values({}, tmp_path, None)
    said = {"file": "ready.csv", "unit": "who", "period": "t"}
    table = values.ready_table("exposure.table", said)
    assert sorted(table.rows["artist_id"].unique())[0] == "000"  # ids stay text
    with pytest.raises(InputError, match="did you mean 'unit'"):
        values.ready_table("exposure.table", said | {"units": "who"})
    with pytest.raises(InputError, match="lacks 'period'"):
        values.ready_table("exposure.table", {"file": "ready.csv", "unit": "who"})
    with pytest.raises(InputError, match="does not exist"):
        values.ready_table("exposure.table", said | {"file": "none.csv"})
