"""Sending artworks round: picture, caption, picture from the caption, every round kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.limits import whole_number
from uploadtrends.loop import usable
from uploadtrends.loop.captions import Captioner, CaptionLoop, Encoder, Painter
from uploadtrends.loop.pictures import keep_pictures
from uploadtrends.loop.progress import Told, told
from uploadtrends.loop.record import Iteration, Record
from uploadtrends.result import Call, fingerprint, package_version


def caption_loop(
    images: Any = None,
    *,
    captioner: Captioner | None = None,
    painter: Painter | None = None,
    text_encoder: Encoder | None = None,
    image_encoder: Encoder | None = None,
    iterations: int = 100,
    repeats: int = 1,
    reference: Any = None,
    folder: str | Path | None = None,
    seed: int = 0,
    announce: Told | bool | None = None,
    keep_images: bool = False,
) -> CaptionLoop:
    """Send artworks round and round: picture, caption, picture from the caption, caption, ...

    Parameters
    ----------
    images : sequence of pictures, optional
        Whatever the captioner takes. None: 270 handwritten digits of scikit-learn.
    captioner, painter, text_encoder, image_encoder : objects of one method, optional
        See `Captioner`, `Painter`, `Encoder`. By default small ones fitted to other digits.
    iterations : int
        Rounds.
    repeats : int
        Chains from each artwork, with other seeds.
    reference : sequence of pictures, optional
        Other works, for distances; by default other digits.
    folder : path, optional
        Where every iteration is kept, and an interrupted loop goes on.
    seed : int
        Every (repeat, artwork, iteration) has a seed of its own, derived from it.
    announce : callable or bool, optional
        Told of progress: number, how many, seconds left. By default a line with the time left where
        somebody watches (a terminal, Jupyter) and it takes more than a few seconds; False: never.
    keep_images : bool
        Write every picture into the folder as PNG.

    Raises
    ------
    InputError
        Without pictures, with two that are the same, one of a single shade or one that is in the
        reference; with parts missing for pictures of one's own; where a part gives fewer things
        than it was given, other columns than before or values that are no numbers; in a folder
        that holds another loop.

    See Also
    --------
    convergence : Whether such a loop came to rest.
    retraining_loop : Loops that are trained on themselves.

    Examples
    --------
    >>> loop = caption_loop(iterations=3)
    >>> loop.captions.query("artwork == 0").caption.iloc[0]
    'a bold handwritten two, narrow and bottom-heavy, set to the left'
    """
    iterations = whole_number("iterations", iterations, 1)
    repeats = whole_number("repeats", repeats, 1)
    seed = whole_number("seed", seed)
    if keep_images and folder is None:
        raise InputError(
            "pictures are kept in the folder of the loop", column="keep_images", fix="name a folder"
        )
    parts = (captioner, painter, text_encoder, image_encoder)
    if images is None:
        images, reference, parts = _with_digits(parts, reference)
    elif any(part is None for part in parts):
        raise InputError(
            "pictures of your own need a captioner, a painter and both encoders",
            column="captioner",
            fix="give all four, or no pictures to use the handwritten digits",
        )
    usable.require_pictures(images, reference)
    tell = told(announce, "iteration")
    kept = Path(folder) if keep_images and folder is not None else None
    return _go_round(images, reference, parts, iterations, repeats, folder, seed, tell, kept)


def _with_digits(parts: tuple[Any, ...], reference: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    from uploadtrends.loop import toy
    from uploadtrends.loop.digits import digits

    makers = (toy.DigitCaptioner, toy.DigitPainter, toy.WordEncoder, toy.PixelEncoder)
    made = tuple(
        maker() if part is None else part for part, maker in zip(parts, makers, strict=True)
    )
    sets = digits()
    return sets.originals, sets.reference if reference is None else reference, made


def _go_round(
    images: Any,
    reference: Any,
    parts: tuple[Any, ...],
    iterations: int,
    repeats: int,
    folder: str | Path | None,
    seed: int,
    tell: Told,
    pictures_in: Path | None,
) -> CaptionLoop:
    _, painter, _, image_encoder = parts
    n = len(images)
    settings = {
        "package": package_version(),
        "images": fingerprint(*(np.asarray(image).tobytes() for image in images)),
        "parts": [_described(part) for part in parts],
        "repeats": repeats,
        "seed": seed,
    }
    record = Record(folder, settings)
    if 0 not in record:
        record.keep(0, _originals(images, parts, repeats, seed))
    if pictures_in is not None:
        keep_pictures(pictures_in, 0, images, 1)
    began, done = time.monotonic(), 0
    for number in range(1, iterations + 1):
        if number in record:
            continue
        before = record.read(number - 1)
        seeds = _seeds(seed, repeats, n, number)
        pictures = painter.paint(before.captions, seeds)
        usable.require_painted(pictures, len(seeds), number)
        if pictures_in is not None:
            keep_pictures(pictures_in, number, pictures, repeats)
        record.keep(number, _looked_at(pictures, parts, seeds, before, number))
        done += 1
        tell(number, iterations, (time.monotonic() - began) / done * (iterations - number))
    found = [record.read(number) for number in range(iterations + 1)]
    others = None
    if reference is not None:
        many, width = len(reference), found[0].image.shape[1]
        rows = image_encoder.encode(reference)
        others = usable.require_rows(rows, many, width, "image_encoder", None, [False] * many)
    said = settings | {"iterations": iterations}
    call = Call.of(said, *([] if others is None else [others]), function="caption_loop")
    return CaptionLoop(
        captions=_captions(found, n, repeats),
        text=np.stack([one.text for one in found]),
        image=np.stack([one.image for one in found]),
        reference=others,
        n_artworks=n,
        call=call,
    )


def _looked_at(
    pictures: Any, parts: tuple[Any, ...], seeds: list[int], before: Iteration, number: int
) -> Iteration:
    """Caption and embed the pictures of a round."""
    captioner, painter, text_encoder, image_encoder = parts
    chains = len(seeds)
    none = [False] * chains
    flagged = [bool(flag) for flag in getattr(painter, "flagged", none)]
    captions = usable.require_texts(captioner.caption(pictures, seeds), chains, number)
    widths = before.text.shape[1], before.image.shape[1]
    rows = text_encoder.encode(captions)
    text = usable.require_rows(rows, chains, widths[0], "text_encoder", number, flagged)
    cuts = getattr(painter, "truncated", none), getattr(text_encoder, "truncated", none)
    cut = [any(both) for both in zip(*cuts, strict=True)]
    rows = image_encoder.encode(pictures)
    image = usable.require_rows(rows, chains, widths[1], "image_encoder", number, flagged)
    return Iteration(captions, seeds, flagged, cut, text, image)


def _originals(images: Any, parts: tuple[Any, ...], repeats: int, seed: int) -> Iteration:
    captioner, _, text_encoder, image_encoder = parts
    n = len(images)
    captions = usable.require_texts(captioner.caption(images, _seeds(seed, 1, n, 0)), n, 0)
    none = [False] * n
    text = usable.require_rows(text_encoder.encode(captions), n, None, "text_encoder", 0, none)
    cut = list(getattr(text_encoder, "truncated", none))
    image = usable.require_rows(image_encoder.encode(images), n, None, "image_encoder", 0, none)
    # Chains of one artwork stand side by side.
    spread = np.repeat(np.arange(n), repeats)
    return Iteration(
        [captions[i] for i in spread],
        _seeds(seed, repeats, n, 0),
        [False] * len(spread),
        [cut[i] for i in spread],
        text[spread],
        image[spread],
    )


def _seeds(seed: int, repeats: int, n: int, number: int) -> list[int]:
    """Return one seed a chain; the same chain, iteration and seed give the same."""
    return [
        int(np.random.SeedSequence([seed, artwork, repeat, number]).generate_state(1)[0])
        for artwork in range(n)
        for repeat in range(repeats)
    ]


def _captions(found: Sequence[Iteration], n: int, repeats: int) -> pd.DataFrame:
    artworks, chains = np.repeat(np.arange(n), repeats), np.tile(np.arange(repeats), n)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "artwork": artworks,
                    "repeat": chains,
                    "iteration": number,
                    "caption": one.captions,
                    "seed": one.seeds,
                    "flagged": one.flagged,
                    "truncated": one.truncated,
                }
            )
            for number, one in enumerate(found)
        ],
        ignore_index=True,
    )


def _described(part: Any) -> str:
    """Say what a part is, with the settings that it tells of itself."""
    described = getattr(part, "described", None)
    if described is not None:
        return str(described)
    settings = {k: v for k, v in vars(part).items() if isinstance(v, bool | int | float | str)}
    own = {key: value for key, value in sorted(settings.items()) if not key.startswith("_")}
    return f"{type(part).__module__}.{type(part).__qualname__}{own or ''}"
