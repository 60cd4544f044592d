"""The command line on a file as a spreadsheet of another country writes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import run

HOW = ["--option", "date_format=%d.%m.%Y", "--option", "decimal=,"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    month = pd.date_range("2018-01-01", periods=72, freq="MS")
    values = rng.normal(1500, 10, 72) - 500 * (month >= "2022-11-01")
    text = [f"{value:,.1f}".translate(str.maketrans(",.", ".,")) for value in values]
    frame = pd.DataFrame({"Monat": month.strftime("%d.%m.%Y"), "Werke": text})
    frame.to_csv(tmp_path / "x.csv", sep=";", index=False, encoding="cp1252")
    works = "Nr;Künstler;Ort;Tag\n" + "".join(
        f"{n};k{n % 9};{'AB'[n % 2]};{n % 28 + 1}.{n % 12 + 1}.2021\n" for n in range(200)
    )
    (tmp_path / "works.csv").write_text(works, encoding="cp1252")
    return tmp_path


def test_every_refusal_names_the_flag_that_reads_the_file(folder: Path) -> None:
    words = ["its", "x.csv", "--event", "2022-10-31"]
    refused = run(*words, folder=folder)
    assert "--option date_format=%d.%m.%Y, which reads every row" in refused.stderr
    refused = run(*words, *HOW[:2], folder=folder)
    assert "--option decimal=," in refused.stderr
    done = run(*words, *HOW, "--label", "The label", "--figure", "fall.png", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "at The label (2022-10-31) the level changed by -4" in done.stdout
    assert (folder / "fall.png").stat().st_size > 5_000


@pytest.mark.parametrize("command", ["change-points", "structural-breaks"])
def test_other_commands_read_and_draw_it_too(folder: Path, command: str) -> None:
    done = run(command, "x.csv", *HOW, "--figure", "f.svg", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "2022-11" in done.stdout
    assert (folder / "f.svg").exists()


def test_a_label_without_a_date_is_refused(folder: Path) -> None:
    done = run("its", "x.csv", *HOW, "--event-id", "mr-sd-public", "--label", "L", folder=folder)
    assert done.returncode == 2
    assert "--label names an --event" in done.stderr


def test_a_table_of_two_platforms_is_loaded_in_one_command(folder: Path) -> None:
    load = ["load", "table", "works.csv", "--store", "s.duckdb", "--option", "encoding=cp1252"]
    load += ["--column", "platform=Ort", "--column", "artist_id=Künstler"]
    load += ["--column", "upload_id=Nr", "--column", "published_at=Tag"]
    refused = run(*load, folder=folder)
    assert "--option date_format=%d.%m.%Y, the only order that fits" in refused.stderr
    done = run(*load, "--option", "date_format=%d.%m.%Y", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "A, table: 100 upload rows" in done.stdout
    assert "B, table: 100 upload rows" in done.stdout
    load[3:4] = ["--json", load[3]]
    again = run(*load, "--option", "date_format=%d.%m.%Y", folder=folder)
    assert [one["status"] for one in json.loads(again.stdout)] == ["unchanged", "unchanged"]
