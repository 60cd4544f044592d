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
    both = [
        "both",
        "--iterations",
        "20",
        "--generator",
        "gaussian",
        "--out",
        str(tmp_path / "both"),
    ]
    done = runner.invoke(app, ["loop", *both])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "both" / "loop.html").read_text()
    for said in ("What may be said", "What may not", "toys on handwritten digits", "round 20"):
        assert said in page
    assert page.count("<figure ") == 3
    assert page.count("<svg") == 6  # each for wide and narrow screens
    assert (tmp_path / "both" / "tables" / "loop_still_moving.csv").exists()
    before = (tmp_path / "caption" / "iterations" / "0003.npz").stat().st_mtime_ns
    again = runner.invoke(
        app, ["loop", "caption", "--iterations", "4", "--repeats", "2", "--out", str(tmp_path)]
    )
    assert again.exit_code == 0
    assert (tmp_path / "caption" / "iterations" / "0003.npz").stat().st_mtime_ns == before


def test_models_and_pictures_belong_together(tmp_path: Path) -> None:
    for arguments, message in (
        (["--painter", "somewhere"], "name a folder of them with --images"),
        (["--images", str(tmp_path)], "pictures of your own need four models"),
        (["--images", str(tmp_path), "--captioner", "a", "--painter", "b"], "--text"),
    ):
        done = runner.invoke(app, ["loop", "caption", *arguments, "--out", str(tmp_path)])
        assert done.exit_code == 1
        assert message in str(done.exception)
    kept = ["loop", "caption", "--iterations", "2", "--keep-images", "--out", str(tmp_path)]
    assert runner.invoke(app, kept).exit_code == 0
    assert len(list(tmp_path.glob("caption/pictures/*/*.png"))) == 3 * 270
    assert (tmp_path / "caption_loop_strip.svg").exists()
