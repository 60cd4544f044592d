"""The loop command writes what it says, and goes on where it was."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from uploadtrends.cli import app

runner = CliRunner()


def test_both_loops_write_figure_table_and_words(tmp_path: Path) -> None:
    for arguments in (["caption", "--iterations", "3"], ["retrain", "--iterations", "2"]):
        done = runner.invoke(
            app,
            [
                "loop",
                *arguments,
                "--repeats",
                "2",
                "--generator",
                "gaussian",
                "--out",
                str(tmp_path),
            ],
        )
        assert done.exit_code == 0, done.output
    for kind in ("caption", "retrain"):
        for ending in ("svg", "png", "csv", "txt"):
            assert (tmp_path / f"{kind}_loop.{ending}").stat().st_size > 50
    before = (tmp_path / "caption" / "iterations" / "0003.npz").stat().st_mtime_ns
    again = runner.invoke(
        app, ["loop", "caption", "--iterations", "4", "--repeats", "2", "--out", str(tmp_path)]
    )
    assert again.exit_code == 0
    assert (tmp_path / "caption" / "iterations" / "0003.npz").stat().st_mtime_ns == before
