"""Picture, caption, picture: what is kept, that it goes on after a kill, and summaries."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.loop.captions import CaptionLoop
from uploadtrends.loop.digits import digits
from uploadtrends.loop.novelty import cosine_novelty, novelty_among_others
from uploadtrends.loop.toy import (
    DIGIT_NAMES,
    DigitCaptioner,
    DigitPainter,
    PixelEncoder,
    WordEncoder,
)


@pytest.fixture(scope="module")
def loop() -> CaptionLoop:
    return ut.caption_loop(iterations=25)


def test_captions_say_what_is_there_and_differ(loop: CaptionLoop) -> None:
    first = loop.captions.query("iteration == 0")["caption"]
    sets = digits()
    names = np.array(DIGIT_NAMES)
    right = [n in c for n, c in zip(names[sets.original_labels], first, strict=True)]
    assert np.mean(right) > 0.9
    assert first.nunique() > 150


def test_feedback_carries_the_loop_away_from_its_origin(loop: CaptionLoop) -> None:
    for kind in ("content", "visual"):
        table = loop.novelty(kind)
        assert table["mean"].iloc[-1] > table["mean"].iloc[0] + 0.1
        assert (table["low"] < table["mean"]).all()
        assert table["mean"].iloc[-1] < table["chance"].iloc[0]
    variety = loop.variety()["unique_captions"]
    assert variety.iloc[-1] < variety.iloc[0]


def test_without_spread_it_comes_to_rest_at_once() -> None:
    still = ut.caption_loop(iterations=6, painter=DigitPainter(spread=0.0))
    assert still.variety()["unchanged"].iloc[-1] > 0.95
    assert still.novelty("content")["mean"].iloc[-1] < 0.1


def test_distances_stand_beside_their_floor(loop: CaptionLoop) -> None:
    table = loop.distance(every=12)
    assert (table["frechet"] > table["floor"]).all()
    assert table["frechet"].is_monotonic_increasing
    assert (table["plain_low"] < table["plain_high"]).all()


def test_another_picture_gets_another_caption() -> None:
    captioner, sets = DigitCaptioner(), digits()
    pairs = captioner.caption(sets.originals[:40], [0] * 40)
    assert len(set(pairs)) > 20
    assert captioner.caption(sets.originals[:1], [1]) == captioner.caption(sets.originals[:1], [2])


def test_the_same_seed_paints_the_same_and_another_does_not() -> None:
    painter = DigitPainter()
    one = painter.paint(["a bold handwritten seven, narrow"] * 2, [5, 6])
    again = painter.paint(["a bold handwritten seven, narrow"] * 2, [5, 6])
    assert (one == again).all()
    assert (one[0] != one[1]).any()
    # Words that nobody fitted make a picture, too.
    assert np.isfinite(painter.paint(["", "a cat"], [1, 2])).all()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def started(folder: Path) -> int:
    """Begin a slow loop in a forked child; return its process id."""
    child = os.fork()
    if child == 0:
        try:
            ut.caption_loop(iterations=40, folder=folder, announce=lambda *_: time.sleep(0.02))
        finally:
            os._exit(0)
    return child


def test_a_killed_loop_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    ut.caption_loop(iterations=40, folder=tmp_path / "whole")
    killed = tmp_path / "killed"
    ends = []
    for _ in range(10):
        before = len(list(killed.glob("iterations/*.json")))
        child = started(killed)
        deadline = time.monotonic() + 30
        wanted = min(before + 3, 40)
        while len(list(killed.glob("iterations/*.json"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
        ends.append(os.waitpid(child, 0)[1])
    assert ends[0] == signal.SIGKILL
    resumed = ut.caption_loop(iterations=40, folder=killed)
    assert contents(killed) == contents(tmp_path / "whole")
    assert resumed.iterations == 40


def test_a_folder_of_another_loop_is_refused(tmp_path: Path) -> None:
    ut.caption_loop(iterations=1, folder=tmp_path)
    with pytest.raises(InputError, match=r"another loop.*different: seed"):
        ut.caption_loop(iterations=1, folder=tmp_path, seed=1)
    with pytest.raises(InputError, match="different: parts"):
        ut.caption_loop(iterations=1, folder=tmp_path, painter=DigitPainter(spread=0.5))
    (tmp_path / "iterations" / "0001.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        ut.caption_loop(iterations=1, folder=tmp_path)


def test_withheld_pictures_leave_the_means() -> None:
    class Prudish(DigitPainter):
        def paint(self, captions, seeds):
            painted = super().paint(captions, seeds)
            self.flagged = ["four" in caption for caption in captions]
            painted[self.flagged] = 0.0
            return painted

    loop = ut.caption_loop(iterations=3, painter=Prudish())
    assert loop.captions["flagged"].any()
    assert (loop.novelty("visual")["artworks"] < 270).all()
    assert "withheld" in loop.summary()


def test_pictures_of_ones_own_need_all_parts() -> None:
    with pytest.raises(InputError, match="both encoders"):
        ut.caption_loop(digits().originals[:5], captioner=DigitCaptioner())
    with pytest.raises(InputError, match="iterations is a whole number of at least 1"):
        ut.caption_loop(iterations=0)
    with pytest.raises(InputError, match="no such novelty"):
        ut.caption_loop(iterations=1).novelty("odd")


def test_repeats_are_chains_of_their_own() -> None:
    loop = ut.caption_loop(
        digits().originals[:12],
        captioner=DigitCaptioner(),
        painter=DigitPainter(),
        text_encoder=WordEncoder(),
        image_encoder=PixelEncoder(),
        iterations=3,
        repeats=4,
    )
    assert loop.text.shape[:2] == (4, 48)
    assert loop.novelty("content")["artworks"].eq(12).all()
    last = loop.captions.query("iteration == 3 and artwork == 0")
    assert last["seed"].nunique() == 4
    with pytest.raises(InputError, match="other works"):
        loop.distance()


def test_the_two_novelties_are_different_things() -> None:
    origin = np.eye(3)
    assert cosine_novelty(origin, origin).tolist() == [0, 0, 0]
    assert cosine_novelty(np.zeros((3, 3)), origin).tolist() == [1, 1, 1]
    assert novelty_among_others(origin, np.eye(3)[:1]).tolist() == [0, 1, 1]
