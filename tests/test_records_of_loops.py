"""Records of loops and of arithmetic: equal exactly when settings and data are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest

import uploadtrends as ut
from recorded_calls import (
    all_differ,
    equal_panels,
    record,
    varied,
)
from store_records import Records
from uploadtrends.records import Artist, Credit, Upload
from uploadtrends.signatures import settings_of


@pytest.fixture(scope="module")
def panels() -> list[ut.Panel]:
    return equal_panels()


def test_retraining_loops() -> None:
    works = np.random.default_rng(1).standard_normal((90, 2))
    small = {"n": 20, "generations": 2, "repeats": 2, "regime": "fresh", "generator": "gaussian"}
    base = record(ut.retraining_loop, works, **small)
    assert record(ut.retraining_loop, works.copy(), **small) == base
    changes = {"n": 21, "generations": 3, "repeats": 3, "regime": "augment", "generator": "kde"}
    changes |= {"fresh": 0.2, "sampling_bias": 0.9, "seed": 1}
    assert set(changes) == set(settings_of(ut.retraining_loop, {"data", "announce"}))
    records = {
        key: record(ut.retraining_loop, works, **small | {key: value})
        for key, value in changes.items()
    }
    records["data"] = record(ut.retraining_loop, works + 1.0, **small)
    all_differ(ut.retraining_loop, base, records)


def test_studies_of_loops(panels) -> None:
    first, again, others = panels
    base = record(ut.loop_study, first, iterations=1)
    assert record(ut.loop_study, again, iterations=1) == base
    own = {"generator": "kde", "regime": "fresh", "platform": "artstation", "window": 12}
    values = varied(ut.loop_study, {"panel", "folder", "announce"}, own)
    records = {
        key: record(ut.loop_study, first, **{"iterations": 1, key: v}) for key, v in values.items()
    }
    all_differ(
        ut.loop_study, base, records | {"panel": record(ut.loop_study, others, iterations=1)}
    )


class Words:
    """Captions a picture by its sum."""

    def caption(self, images: Any, seeds: Any) -> list[str]:
        return [f"{np.sum(image):.3f}" for image in images]


class OtherWords(Words):
    pass


class Brush:
    """Paints a number, a little off."""

    def paint(self, captions: Any, seeds: Any) -> list[np.ndarray]:
        return [np.full((2, 2), float(text) / 4 + 0.01) for text in captions]


class OtherBrush(Brush):
    pass


class Eye:
    """Embeds texts and pictures."""

    def encode(self, things: Any) -> np.ndarray:
        return np.array([[1.0, np.sum(np.asarray(one, dtype=float))] for one in things])


class OtherEye(Eye):
    pass


def test_caption_loops(tmp_path) -> None:
    def pictures(seed: int) -> list[np.ndarray]:
        return list(np.random.default_rng(seed).random((30, 2, 2)))

    parts = {"captioner": Words(), "painter": Brush(), "text_encoder": Eye()}
    said = {**parts, "image_encoder": Eye(), "iterations": 1, "reference": pictures(9)}
    base = record(ut.caption_loop, pictures(1), **said)
    assert record(ut.caption_loop, pictures(1), **said, folder=tmp_path / "kept") == base
    changes = {"iterations": 2, "repeats": 2, "seed": 1, "reference": pictures(8)}
    changes |= {"captioner": OtherWords(), "painter": OtherBrush()}
    changes |= {"text_encoder": OtherEye(), "image_encoder": OtherEye()}
    told = {"images", "folder", "announce", "keep_images"}
    assert set(changes) == set(settings_of(ut.caption_loop, told))
    records = {
        key: record(ut.caption_loop, pictures(1), **said | {key: value})
        for key, value in changes.items()
    }
    records["images"] = record(ut.caption_loop, pictures(2), **said)
    all_differ(ut.caption_loop, base, records)


def test_verdicts_and_arithmetic() -> None:
    courses = np.random.default_rng(3).standard_normal((40, 30)).cumsum(axis=0)
    base = record(ut.convergence, courses)
    assert record(ut.convergence, courses.copy()) == base
    changes = {"band": 0.2, "horizon": 0.6, "draws": 99, "seed": 1}
    records = {key: record(ut.convergence, courses, **{key: v}) for key, v in changes.items()}
    all_differ(ut.convergence, base, records | {"values": record(ut.convergence, courses + 1.0)})

    given = {"works": 30_000, "contribution": 0.3, "price": 0.5, "platform_cut": 0.3}
    base = record(ut.attribution_earnings, **given)
    changes = {key: value * 0.9 for key, value in given.items()}
    changes |= {"paid_at": "download", "downloaded": 0.5}
    records = {
        key: record(ut.attribution_earnings, **given | {"paid_at": "download"} | {key: value})
        for key, value in changes.items()
    }
    all_differ(ut.attribution_earnings, base, records)


def test_the_share_of_a_corpus(tmp_path) -> None:
    def panel(*labels: bool) -> ut.Panel:
        rows: list[Any] = [Artist("site", "a", "a")]
        for number, label in enumerate(labels):
            rows.append(Upload("site", str(number), datetime(2022, number + 1, 15), ai_label=label))
            rows.append(Credit("site", str(number), "a"))
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.duckdb"
        ut.build_store(path, [Records(*rows)])
        return ut.build_panel(path)

    works = panel(False, True, False)
    base = record(ut.synthetic_share, works)
    assert record(ut.synthetic_share, panel(False, True, False)) == base
    changes = {"window": 2, "sensitivity": (0.5, 0.9)}
    records = {key: record(ut.synthetic_share, works, **{key: v}) for key, v in changes.items()}
    records["panel"] = record(ut.synthetic_share, panel(False, True, True))
    all_differ(ut.synthetic_share, base, records)
