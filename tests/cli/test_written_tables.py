"""Tables on the command line: six columns to read, everything in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import uploadtrends as ut
from uploadtrends.brief import COLUMNS
from uploadtrends.cli import app
from uploadtrends.cli.write import write_frame


@pytest.fixture
def series(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    index = pd.date_range("2018-01-01", periods=60, freq="MS", name="month")
    frame = pd.DataFrame(
        {"works": rng.poisson(80, 60) - 25 * (np.arange(60) > 40), "other": rng.poisson(80, 60)},
        index,
    )
    frame.to_csv(tmp_path / "x.csv")
    return tmp_path / "x.csv"


def workbook(path: Path) -> pd.DataFrame:
    from python_calamine import CalamineWorkbook

    head, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    return pd.DataFrame(rows, columns=head)


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, f"{result.output} {result.exception!r}"
    return result.output


def test_the_table_of_its_has_six_columns(series: Path) -> None:
    text = run("its", str(series), "--event", "2021-06-01", "--control", "other")
    head = next(line for line in text.splitlines() if "interval" in line and "effect" in line)
    assert head.replace("┃", " ").split() == list(COLUMNS)
    assert "other" not in {line.split()[1] for line in text.splitlines() if "level" in line[:30]}


def test_the_settings_of_its_arrive(series: Path, tmp_path: Path) -> None:
    out = tmp_path / "effects.json"
    run(
        *("its", str(series), "--event", "2021-06-01", "--control", "other"),
        *("--confidence", "0.8", "--season", "1", "--terms", "level,slope", "--out", str(out)),
    )
    frame = pd.read_csv(series, index_col=0, parse_dates=True)
    same = ut.interrupted_time_series(
        frame, "2021-06-01", control="other", confidence=0.8, season=1
    ).effects
    found = pd.DataFrame(json.loads(out.read_text()))
    np.testing.assert_allclose(found["low"].astype(float), same["low"])


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx", ".json"])
def test_every_form_holds_every_column(series: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / "new" / f"effects{suffix}"
    run("its", str(series), "--event", "2021-06-01", "--group", "works", "--out", str(out))
    read = {
        ".csv": pd.read_csv,
        ".parquet": pd.read_parquet,
        ".xlsx": workbook,
        ".json": pd.read_json,
    }[suffix](out)
    frame = pd.read_csv(series, index_col=0, parse_dates=True)
    same = ut.interrupted_time_series(frame, "2021-06-01", groups="works").effects
    assert list(read.columns) == list(same.columns)
    np.testing.assert_allclose(read["estimate"].astype(float), same["estimate"], rtol=1e-9)


def test_no_cell_of_a_workbook_is_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": ["=1+1", "@x", "plain"], "x": [-1.5, 2.0, np.inf]})
    write_frame(frame, tmp_path / "a.xlsx")
    assert workbook(tmp_path / "a.xlsx")["label"].to_list() == ["=1+1", "@x", "plain"]
    write_frame(frame, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == "'=1+1,-1.5"


def test_changes_and_panels_are_written_too(series: Path, tmp_path: Path) -> None:
    text = run("change-points", str(series), "--group", "works")
    assert "to" in text
    run("change-points", str(series), "--group", "works", "--out", str(tmp_path / "c.csv"))
    assert "slope_before" in pd.read_csv(tmp_path / "c.csv").columns


def test_a_name_without_a_form_is_refused_before_anything_runs(series: Path) -> None:
    result = CliRunner().invoke(
        app, ["its", str(series), "--event", "2021-06-01", "--out", "x.doc"]
    )
    assert "end it in .csv, .parquet, .xlsx or .json" in str(result.exception)


@pytest.mark.parametrize("command", [["monitor", "--from", "2022-01"], ["structural-breaks"]])
def test_watching_and_testing_print_the_same_columns(
    series: Path, tmp_path: Path, command: list[str]
) -> None:
    name, *flags = command
    text = run(name, str(series), *flags)
    head = next(line for line in text.splitlines() if "interval" in line and "effect" in line)
    assert head.replace("┃", " ").split() == list(COLUMNS)
    assert "All columns: --out FILE" in text
    out = tmp_path / "all.csv"
    run(name, str(series), *flags, "--out", str(out))
    assert pd.read_csv(out)["group"].tolist() == ["works", "other"]
    refused = CliRunner().invoke(app, [name, str(series), *flags, "--out", "table.doc"])
    assert refused.exit_code != 0
    assert "in which form to write" in str(refused.exception)


def test_checks_go_into_a_file_too(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        """
[study]
name = "small"
question = "Did seniors upload less?"
[[data]]
source = "bundled"
path = "bundled:precipice_figure1"
[panel]
platforms = ["artstation"]
[events]
ids = ["mr-sd-public"]
[primary]
platform = "artstation"
group = "senior"
event = "mr-sd-public"
term = "level"
[checks.multiplicity]
n_draws = 19
"""
    )
    where = ["checks", str(study), "--out", str(tmp_path / "out")]
    text = run(*where)
    assert "multiplicity" in text
    assert "--table FILE" in text
    run(*where, "--table", str(tmp_path / "checks.csv"))
    assert pd.read_csv(tmp_path / "checks.csv")["check"].tolist() == ["multiplicity"]
