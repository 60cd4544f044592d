from __future__ import annotations

import json
import subprocess
import sys

import polars as pl
import pytest
from command import run, run_apart
from typer.testing import CliRunner

from uploadtrends import datasets
from uploadtrends.cli import app

runner = CliRunner()
COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]


def test_help_lists_every_command() -> None:
    shown = runner.invoke(app, ["--help"])
    assert shown.exit_code == 0
    for name in COMMANDS:
        assert name in shown.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    shown = runner.invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert f"uploadtrends {name}" in shown.output.replace("\n", " ")
    assert "Example" in shown.output


LOADED = """
from uploadtrends.cli.options import without_help

with without_help():
    from matplotlib.lines import Line2D
from matplotlib import artist

print("solid_capstyle" in Line2D.set.__doc__, "solid_capstyle" in artist.kwdoc(Line2D))
print(artist.setp(Line2D([], []), "linewidth", 3.0), artist.getp(Line2D([], [], lw=3.0), "lw"))
"""


def test_a_command_loads_matplotlib_without_help_texts_and_leaves_it_whole() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["False True", "[None] 3.0"]


def test_version() -> None:
    assert runner.invoke(app, ["--version"]).output.startswith("uploadtrends 0.")


def test_wrong_usage_exits_with_2() -> None:
    assert run("events", "--nonsense").returncode == 2
    assert run("its", "x.csv").returncode == 2


def test_an_error_exits_with_1_and_says_what_to_do() -> None:
    done = run_apart("run", "no_such_study.toml")
    assert done.returncode == 1
    assert "Fix: write one with `uploadtrends new FILE`" in done.stderr
    assert "Traceback" not in done.stderr


def test_events_as_json_and_with_crowding() -> None:
    shown = runner.invoke(app, ["events", "--id", "mr-sd-public", "--json"])
    assert [row["date"] for row in json.loads(shown.output)] == ["2022-08-22"]
    crowded = runner.invoke(app, ["events", "--category", "nft", "--crowding", "--json"])
    assert any(row["events"] > 1 for row in json.loads(crowded.output))


def test_events_from_a_file(tmp_path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("date,label\n2023-05-15,My event\n")
    shown = runner.invoke(app, ["events", "--file", str(path), "--json"])
    assert json.loads(shown.output)[0]["label"] == "My event"


def test_load_panel_and_loading_twice(tmp_path) -> None:
    store = tmp_path / "folder" / "uploads.duckdb"
    args = ["load", "bundled", str(datasets.path("precipice_figure1")), "--store", str(store)]
    assert "204 series rows" in runner.invoke(app, args).output
    assert "nothing to do" in runner.invoke(app, args).output
    shown = runner.invoke(app, ["panel", str(store), "--platform", "artstation", "--json"])
    rows = json.loads(shown.output)
    assert {row["group"] for row in rows} == {"total", "senior", "new"}
    assert len(rows) == 3 * 34
    written = tmp_path / "panel.csv"
    assert runner.invoke(app, ["panel", str(store), "--out", str(written)]).exit_code == 0
    assert len(written.read_text().splitlines()) == 1 + 6 * 34


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["table", "x.csv"], "needs 'columns'"),
        (["tabel", "x.csv"], "did you mean 'table'"),
        (["series", "x.csv", "--option", "unitt=x"], "did you mean 'unit'"),
        (["bundled", "x.csv"], "no bundled data set"),
    ],
)
def test_load_mistakes(tmp_path, args, message: str) -> None:
    done = run("load", *args, "--store", tmp_path / "s.duckdb")
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "s.duckdb").exists()


def test_load_option_syntax(tmp_path) -> None:
    done = run("load", "series", "x.csv", "--option", "unit", "--store", tmp_path / "s.duckdb")
    assert done.returncode == 2
    assert "name=value" in done.stderr


def test_change_points_and_its_on_a_csv(tmp_path) -> None:
    path = tmp_path / "series.csv"
    senior = datasets.precipice_figure1()["senior_artstation"]
    senior.to_csv(path)
    shown = runner.invoke(app, ["change-points", str(path), "--json"])
    assert shown.exit_code == 0, shown.output
    json.loads(shown.output)
    shown = runner.invoke(app, ["its", str(path), "--event", "2022-08-22", "--json"])
    assert shown.exit_code == 0, shown.output
    assert {row["term"] for row in json.loads(shown.output)} >= {"level", "slope"}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"d,x\nsoon,1\n", "cannot be read"), (b"d,\xe9\n2020-01-01,1\n", "UTF-8")],
)
def test_a_bad_csv_is_named(tmp_path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    done = run("change-points", path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "bad.csv" in done.stderr


def test_new_writes_a_study_once(tmp_path) -> None:
    path = tmp_path / "mine.toml"
    assert runner.invoke(app, ["new", str(path)]).exit_code == 0
    done = run_apart("new", path)
    assert done.returncode == 1
    assert "exists already" in done.stderr


def test_export_hides_who_is_who_unless_asked(tmp_path) -> None:
    store, key = tmp_path / "uploads.duckdb", tmp_path / "key"
    loaded = ["load", "bundled", str(datasets.path("artist_months")), "--store", str(store)]
    assert runner.invoke(app, loaded).exit_code == 0

    def artists(name: str, *options: str) -> set[str]:
        folder = tmp_path / name
        args = ["export", str(folder), "--store", str(store), "--key-file", str(key), *options]
        shown = runner.invoke(app, args)
        assert shown.exit_code == 0, shown.output
        frame = pl.read_parquet(folder / "artist", hive_partitioning=True)
        return set(frame["artist_id"].to_list())

    real = set(datasets.artist_months()["artist_id"])
    assert artists("identified", "--identify") == real
    hidden = artists("hidden")
    assert len(hidden) == len(real)
    assert not hidden & real
    assert key.stat().st_mode & 0o777 == 0o600


def test_collecting_without_contact_keys_or_permission_is_explained(tmp_path) -> None:
    artists = tmp_path / "artists.txt"
    artists.write_text("mira-okafor\n")
    common = ["--artists", artists, "--raw", tmp_path / "raw", "--store", tmp_path / "s.duckdb"]
    assert "--i-have-permission" in run("collect", "artstation", *common).stderr
    assert "UPLOADTRENDS_DEVIANTART_CLIENT_ID" in run("collect", "deviantart", *common).stderr
    assert "contact" in run("collect", "danbooru", *common).stderr
    assert not (tmp_path / "s.duckdb").exists()


def test_a_dry_run_asks_nobody(tmp_path) -> None:
    artists = tmp_path / "artists.txt"
    artists.write_text("one\ntwo\n")
    args = ["--artists", artists, "--raw", tmp_path / "raw", "--i-have-permission", "--dry-run"]
    done = run_apart("collect", "artstation", *args)
    assert done.returncode == 0, done.stderr
    assert "requests" in done.stdout
