"""What a loop cannot work with: each a clear error, or a mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.loop import distances
from uploadtrends.loop.digits import digits
from uploadtrends.loop.toy import DigitCaptioner, DigitPainter, PixelEncoder, WordEncoder


def go(images: Any = None, **changed: Any) -> Any:
    parts: dict[str, Any] = {
        "captioner": DigitCaptioner(),
        "painter": DigitPainter(),
        "text_encoder": WordEncoder(),
        "image_encoder": PixelEncoder(),
        "iterations": 2,
    }
    chosen = digits().originals[:12] if images is None else images
    return ut.caption_loop(chosen, **parts | changed)


def spoiled(at: int, value: float) -> Any:
    images = digits().originals[:12].copy()
    images[at] = value
    return images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (digits().originals[:0], "no pictures"),
        (digits().originals[[0, 1, 2, 1]], r"same picture.*pictures 1 and 3.*set repeats"),
        (spoiled(4, 7.0), r"all of one shade.*picture 4"),
        (spoiled(5, np.nan), r"no numbers.*picture 5"),
        ([np.zeros((4, 4, 3), dtype=np.uint8)], "all of one shade"),
    ],
)
def test_originals_that_are_no_pictures_of_their_own(images: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        go(images)


def test_a_reference_that_holds_an_original_is_refused() -> None:
    sets = digits()
    overlapping = np.vstack([sets.reference[:40], sets.originals[3:4]])
    with pytest.raises(InputError, match="reference 40 is original 3"):
        go(reference=overlapping)
    with pytest.raises(InputError, match="reference 0 is original 7"):
        ut.caption_loop(iterations=1, reference=sets.originals[7:60])
    assert go(reference=sets.reference[:80]).reference.shape == (80, 32)


class Changing(PixelEncoder):
    """Gives as many columns less as it was asked before."""

    def __init__(self, at: int, how: str) -> None:
        super().__init__()
        self.at, self.how, self.asked = at, how, 0

    def encode(self, images: Any) -> Any:
        rows, self.asked = super().encode(images), self.asked + 1
        if self.asked <= self.at:
            return rows
        if self.how == "narrow":
            return rows[:, :5]
        if self.how == "short":
            return rows[:-1]
        if self.how == "flat":
            return rows.ravel()
        rows = rows.copy()
        rows[7, 2] = np.nan if self.how == "nan" else np.inf
        return rows


@pytest.mark.parametrize(
    ("how", "at", "message"),
    [
        ("narrow", 1, r"changed the number of its columns.*5 in iteration 1, 32 before"),
        ("nan", 0, r"no numbers.*image_encoder.*chain 7 in iteration 0"),
        ("inf", 2, r"no numbers.*chain 7 in iteration 2"),
        ("short", 1, r"one row of numbers a thing.*for 12 in iteration 1"),
        ("flat", 0, "one row of numbers a thing"),
    ],
)
def test_encoders_that_change_their_mind(how: str, at: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        go(image_encoder=Changing(at, how), folder=tmp_path)
    # What was whole is kept, what was not is not.
    assert len(list(tmp_path.glob("iterations/*.json"))) == at


def test_the_reference_is_embedded_as_wide_as_the_loop() -> None:
    with pytest.raises(InputError, match="5 in the reference, 32 before"):
        go(image_encoder=Changing(3, "narrow"), reference=digits().reference[:40])


def test_captioners_and_painters_answer_for_every_picture() -> None:
    class Silent(DigitCaptioner):
        def caption(self, images: Any, seeds: Any) -> Any:
            return super().caption(images, seeds)[:-2]

    class Lazy(DigitPainter):
        def paint(self, captions: Any, seeds: Any) -> Any:
            return super().paint(captions, seeds)[:-1]

    with pytest.raises(InputError, match="10 texts for 12 pictures in iteration 0"):
        go(captioner=Silent())
    with pytest.raises(InputError, match="11 pictures for 12 texts in iteration 1"):
        go(painter=Lazy())


def test_few_artworks_get_no_interval_and_no_distance() -> None:
    sets = digits()
    few = go(sets.originals[:9], reference=sets.reference[:80])
    assert few.novelty("content")[["low", "high"]].isna().all(axis=None)
    assert few.novelty("content")["mean"].notna().all()
    assert "9 artworks: no intervals below 10, no distances below 30" in few.summary()
    ten = go(sets.originals[:10])
    assert ten.novelty("content")["low"].notna().all()
    with pytest.raises(InputError, match="needs 30 works on each side"):
        go(sets.originals[:29], reference=sets.reference[:80]).distance()
    assert len(go(sets.originals[:30], reference=sets.reference[:80]).distance()) == 2


def test_short_loops_get_no_verdict() -> None:
    values = go(digits().originals[:12], iterations=19).by_artwork("content")
    with pytest.raises(InputError, match="20 iterations of 10 artworks"):
        ut.convergence(values)
    courses = np.cumsum(np.random.default_rng(1).random((30, 12)), axis=0)
    assert ut.convergence(courses, draws=50).verdict in ("drift", "undecided")
    courses[3, :4] = np.nan
    with pytest.raises(InputError, match="8 artworks"):
        ut.convergence(courses)
    study = ut.loop_study(iterations=4, generations=1, loops=2)
    assert study.verdicts == {}
    assert "no verdict below 20 iterations" in study.summary()


def test_empty_and_cut_captions_are_counted() -> None:
    class Terse(DigitCaptioner):
        def caption(self, images: Any, seeds: Any) -> list[str]:
            return ["", *super().caption(images, seeds)[1:]]

    class Short(WordEncoder):
        def encode(self, captions: Any) -> Any:
            self.truncated = [len(caption) > 60 for caption in captions]
            return super().encode(captions)

    loop = go(captioner=Terse(), text_encoder=Short())
    assert "3 captions are empty" in loop.summary()
    cut = int(loop.captions["truncated"].sum())
    assert cut > 0
    assert f"{cut} captions were longer than painter or encoder read" in loop.summary()
    assert np.isfinite(loop.novelty("content")["mean"]).all()


def test_withheld_pictures_are_in_no_distance() -> None:
    class Prudish(DigitPainter):
        def paint(self, captions: Any, seeds: Any) -> Any:
            painted = super().paint(captions, seeds)
            self.flagged = ["four" in caption for caption in captions]
            painted[self.flagged] = np.nan
            return painted

    class Blind(PixelEncoder):
        def encode(self, images: Any) -> Any:
            return super().encode(np.asarray(images))

    class Kind(DigitCaptioner):
        def caption(self, images: Any, seeds: Any) -> list[str]:
            return super().caption(np.nan_to_num(images), seeds)

    loop = ut.caption_loop(iterations=2, painter=Prudish(), image_encoder=Blind(), captioner=Kind())
    assert 0 < loop.withheld.sum() < 100
    assert np.isfinite(loop.distance()).all(axis=None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 1}, "n is a whole number of at least 2"),
        ({"regime": "fresh", "fresh": 1.5}, "from 0 to 1"),
        ({"regime": "fresh", "fresh": -0.1}, "from 0 to 1"),
        ({"sampling_bias": 0.0}, "above 0"),
        ({"generations": 0}, "at least 1"),
        ({"repeats": 1}, "repeats is a whole number of at least 2"),
        ({"n": 5}, "works"),
    ],
)
def test_retraining_loops_that_cannot_run(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ut.retraining_loop(generator="gaussian", **{"generations": 1, "repeats": 2} | settings)


def test_neighbours_need_more_works_than_there_are_neighbours() -> None:
    works = np.random.default_rng(1).standard_normal((5, 3))
    with pytest.raises(InputError, match="too few works"):
        distances.precision_recall(works, np.vstack([works, works + 1]), k=5)
    with pytest.raises(InputError, match="different encoders"):
        distances.frechet_distance(np.ones((40, 3)), np.ones((40, 4)))


def test_pictures_are_kept_in_a_folder_only() -> None:
    with pytest.raises(InputError, match="kept in the folder"):
        ut.caption_loop(iterations=1, keep_images=True)


def test_a_share_without_labels_is_said_and_stops_nothing() -> None:
    from uploadtrends.simulate import population

    when = {"platforms": ("site",), "start": "2021-01-01", "end": "2021-12-31", "seed": 1}
    people = population(40, ai_share=0.2, ai_unknown=1.0, event_date="2021-06-01", **when)
    study = ut.loop_study(ut.build_panel(people), iterations=1, generations=1, loops=2)
    assert study.share is None
    assert "no synthetic share of these data" in study.summary()
    assert isinstance(study.kept, pd.DataFrame)
    with pytest.raises(InputError, match="spread"):
        ut.loop_study(spread=-1.0)
