"""When captions stop changing, and pictures that are kept or painted again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.loop.digits import digits
from uploadtrends.loop.pictures import pictures_of, shown_iterations
from uploadtrends.loop.progress import Line, duration, told
from uploadtrends.loop.rest import resting_times, still_moving
from uploadtrends.loop.toy import DigitPainter, PixelEncoder
from uploadtrends.loop.verdict import last_change

# Rows: iterations 0 to 6; columns: chains.
CAPTIONS = np.array(
    [
        ["a", "a", "a", "a"],
        ["a", "b", "b", "b"],
        ["a", "b", "c", "a"],
        ["a", "b", "c", "b"],
        ["a", "b", "c", "a"],
        ["a", "c", "d", "b"],
        ["a", "d", "d", "a"],
    ]
)


def test_a_caption_rests_once_it_stays() -> None:
    times, rested = resting_times(CAPTIONS, 2)
    # The same in rounds 1, 2; in 2, 3; in 3, 4; never (the last that could have been: 5).
    assert times.tolist() == [1, 2, 3, 5]
    assert rested.tolist() == [True, True, True, False]
    assert resting_times(CAPTIONS, 6)[1].tolist() == [True, False, False, False]
    with pytest.raises(InputError, match=r"longer than the loop ran.*1 to 6"):
        resting_times(CAPTIONS, 7)


def test_the_share_that_moves_is_kaplan_and_meiers() -> None:
    table = still_moving(CAPTIONS, 2)
    # By hand: 3/4, then 3/4 * 2/3, then 1/2 * 1/2; the last chain is censored at 5.
    assert table.loc[[1, 2, 3, 5], "moving"].tolist() == pytest.approx([0.75, 0.5, 0.25, 0.25])
    assert table["at_risk"].tolist() == [4, 3, 2, 1]
    assert table["rested"].tolist() == [1, 1, 1, 0]
    # Log-log interval at the first step: S ** exp(+-1.96 se / (S |log S|)), se from Greenwood.
    reach = 1.959964 * np.sqrt(0.75**2 * (1 / (4 * 3))) / (0.75 * abs(np.log(0.75)))
    assert table.loc[1, "low"] == pytest.approx(0.75 ** np.exp(reach), rel=1e-5)
    assert table.loc[1, "high"] == pytest.approx(0.75 ** np.exp(-reach), rel=1e-5)
    nobody = still_moving(CAPTIONS[:, [3]], 2)
    assert nobody["moving"].tolist() == [1.0]


def test_a_loop_tells_when_its_captions_rest() -> None:
    still = ut.caption_loop(iterations=12, painter=DigitPainter(spread=0.0))
    moving = still.still_moving(hold=3)["moving"]
    assert moving.iloc[-1] < 0.1
    assert moving.is_monotonic_decreasing
    assert "stayed the same for five rounds" in still.summary()


def test_a_picture_painted_again_is_the_one_the_loop_saw() -> None:
    loop = ut.caption_loop(iterations=5, repeats=2)
    painter, original = DigitPainter(), digits().originals[3]
    found = pictures_of(loop, 3, [0, 1, 5], original=original, painter=painter)
    for number, picture in found.items():
        seen = PixelEncoder().encode(picture[None])[0]
        assert seen == pytest.approx(loop.image[number, 6], abs=1e-9)
    for wrong, message in (
        ({"artwork": 300, "iterations": [1]}, "no such artwork"),
        ({"artwork": 0, "iterations": [9]}, "no such iteration"),
    ):
        with pytest.raises(InputError, match=message):
            pictures_of(loop, **wrong, painter=painter)
    with pytest.raises(InputError, match="not part of a loop"):
        pictures_of(loop, 0, [1])
    assert shown_iterations(100) == [0, 1, 2, 5, 10, 22, 46, 100]
    assert shown_iterations(1) == [0, 1]


def test_pictures_are_kept_as_png_and_read_back(tmp_path: Path) -> None:
    loop = ut.caption_loop(iterations=2, folder=tmp_path, keep_images=True)
    kept = sorted(tmp_path.glob("pictures/*/*"))
    assert len(kept) == 3 * 270
    assert {path.suffix for path in kept} == {".png"}
    with Image.open(tmp_path / "pictures" / "0000" / "0004-00.png") as opened:
        grey = digits().originals[4].reshape(8, 8)
        assert np.asarray(opened) == pytest.approx(grey * 255 / grey.max(), abs=0.5)
    assert set(pictures_of(loop, 4, [0, 2], folder=tmp_path)) == {0, 2}
    kept[0].unlink()
    with pytest.raises(InputError, match="not there"):
        pictures_of(loop, 0, [0], folder=tmp_path)


def test_the_strip_shows_every_picture_with_its_caption() -> None:
    from uploadtrends.figures.canvas import layout
    from uploadtrends.figures.strip import strip

    loop = ut.caption_loop(iterations=9)
    found = pictures_of(
        loop, 2, shown_iterations(9), original=digits().originals[2], painter=DigitPainter()
    )
    for width in (7.0, 3.5):
        drawing: Any = strip(loop, found, 2, width=width)
        assert len(drawing.axes) == len(found)
        assert layout.overlaps(drawing) == []
        assert layout.outside(drawing) == []
    assert drawing.data["iteration"].tolist() == list(found)
    assert drawing.data["caption"].iloc[0] in drawing.alternative


def test_the_change_point_search_is_a_sensitivity() -> None:
    t, rng = np.arange(1, 101), np.random.default_rng(2)
    bent = np.minimum(t / 66, 1) + 0.01 * rng.standard_normal(100)
    assert abs(last_change(bent) - 66) <= 2
    assert np.isnan(last_change(t / 100 + 0.01 * rng.standard_normal(100)))
    rise = np.minimum(t / 66, 1)[:, None] + 0.05 * rng.standard_normal((100, 60))
    found = ut.convergence(rise, draws=60).sensitivity.set_index("method")["iteration"]
    assert abs(found["last change point of straight pieces"] - 66) <= 3


def test_progress_is_one_line_that_goes_away(capsys: Any, monkeypatch: Any) -> None:
    line = Line("iteration")
    line(1, 3, 50.0)
    assert capsys.readouterr().err == ""  # not before a few seconds
    line._began -= 10
    line(2, 3, 50.0)
    line(3, 3, 0.0)
    said = capsys.readouterr().err
    assert "\riteration 2 of 3, about 50 s left" in said
    assert said.endswith("\r")
    assert said.rsplit("\r", 2)[1].strip() == ""
    assert [duration(s) for s in (50, 600, 9000)] == ["50 s", "10 min", "2.5 h"]
    seen: list[tuple[int, int]] = []
    ut.caption_loop(iterations=2, announce=lambda number, of, _: seen.append((number, of)))
    ut.retraining_loop(
        generator="gaussian",
        generations=1,
        repeats=2,
        announce=lambda number, of, _: seen.append((number, of)),
    )
    assert seen == [(1, 2), (2, 2), (1, 2), (2, 2)]
    assert not isinstance(told(None, "x"), Line)  # nobody watches a test
    shell = type("ZMQInteractiveShell", (), {})()
    notebook = type("IPython", (), {"get_ipython": staticmethod(lambda: shell)})
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    assert isinstance(told(None, "x"), Line)
    assert not isinstance(told(False, "x"), Line)
