from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from uploadtrends.cli import app

runner = CliRunner()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    index = pd.date_range("2019-01-01", periods=72, freq="MS")
    frame = pd.DataFrame(
        {
            "falls": rng.normal(50, 1, 72) - 6 * (np.arange(72) >= 62),
            "stays": rng.normal(50, 1, 72),
        },
        index=pd.Index(index.strftime("%Y-%m"), name="month"),
    )
    path = tmp_path / "series.csv"
    frame.to_csv(path)
    return path


def test_an_alarm_exits_with_4_only_when_asked(table: Path) -> None:
    arguments = ["monitor", str(table), "--from", "2024-01"]
    calm = runner.invoke(app, [*arguments, "--json"])
    assert calm.exit_code == 0
    rows = json.loads(calm.output)
    assert [row["status"] for row in rows] == ["alarm", "quiet"]
    assert rows[0]["alarm"].startswith("2024-0")
    loud = runner.invoke(app, [*arguments, "--fail-on-alarm"])
    assert loud.exit_code == 4
    assert "falls: alarm at 2024-0" in loud.output
    quiet = runner.invoke(app, [*arguments, "--group", "stays", "--fail-on-alarm"])
    assert quiet.exit_code == 0


def test_a_study_says_how_it_is_watched(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        """
[study]
name = "watched"
question = "Has anything changed?"
[[data]]
source = "bundled"
path = "bundled:precipice_figure1"
[panel]
platforms = ["artstation"]
[primary]
platform = "artstation"
group = "senior"
event = "mr-sd-public"
term = "level"
[events]
ids = ["mr-sd-public"]
[monitor]
new = "2022-08"
level = 0.01
"""
    )
    shown = runner.invoke(app, ["monitor", str(study), "--json"])
    assert shown.exit_code == 0, shown.output
    rows = json.loads(shown.output)
    assert {row["platform"] for row in rows} == {"artstation"}
    assert {row["level"] for row in rows} == {0.01}
    later = runner.invoke(app, ["monitor", str(study), "--from", "2022-12", "--json"])
    assert min(row["first"] for row in json.loads(later.output)) >= "2022-12"


def test_the_figure_is_written(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "paths.png"
    done = runner.invoke(app, ["monitor", str(table), "--from", "2024-01", "--figure", str(out)])
    assert done.exit_code == 0
    assert out.stat().st_size > 5_000


def test_without_a_first_period_the_fix_is_named(table: Path) -> None:
    failed = runner.invoke(app, ["monitor", str(table)])
    assert "--from 2024-01" in str(failed.exception)


@pytest.mark.parametrize("test", ["sup-F", "OLS-CUSUM", "Bai-Perron"])
def test_structural_breaks_of_every_series(table: Path, test: str) -> None:
    shown = runner.invoke(app, ["structural-breaks", str(table), "--test", test, "--json"])
    assert shown.exit_code == 0
    rows = json.loads(shown.output)
    assert rows[0]["group"] == "falls"
    assert pd.Timestamp("2023-10") <= pd.Timestamp(rows[0]["date"][:10]) <= pd.Timestamp("2024-03")


def test_settings_of_a_structural_test_arrive(table: Path) -> None:
    shown = runner.invoke(app, ["structural-breaks", str(table), "--option", "trim=0.3", "--json"])
    assert shown.exit_code == 0
    assert json.loads(shown.output)[0]["statistic"] > 0
    wrong = runner.invoke(app, ["structural-breaks", str(table), "--option", "window=0.3"])
    assert "sup-F has no such setting" in str(wrong.exception)
