"""Pictures of a loop on disk, as PNG in the user's own folder and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.loop.captions import CaptionLoop, Painter


def keep_pictures(folder: Path, number: int, pictures: Any, repeats: int) -> None:
    """Write the pictures of an iteration: ``pictures/0007/artwork-repeat.png``, each by rename."""
    place = folder / "pictures" / f"{number:04d}"
    place.mkdir(parents=True, exist_ok=True)
    for chain, picture in enumerate(pictures):
        path = place / f"{chain // repeats:04d}-{chain % repeats:02d}.png"
        part = path.with_suffix(".part")
        with part.open("wb") as stream:
            as_image(picture).save(stream, format="PNG")
        part.replace(path)


def as_image(picture: Any) -> Any:
    """Return a picture as one of pillow: as it is, or from grey values from 0 to its largest."""
    from PIL import Image

    if isinstance(picture, Image.Image):
        return picture
    values = np.asarray(picture, dtype=float)
    if values.ndim == 1:
        side = round(len(values) ** 0.5)
        values = values.reshape(side, side)
    scaled: Array = values * (255 / max(float(values.max()), 1e-12))
    return Image.fromarray(scaled.round().astype(np.uint8))


def pictures_of(
    loop: CaptionLoop,
    artwork: int,
    iterations: Sequence[int],
    *,
    original: Any = None,
    painter: Painter | None = None,
    folder: str | Path | None = None,
) -> dict[int, Any]:
    """Return the pictures of one artwork at some iterations, the first chain's.

    They are read from the folder where the loop kept them, or painted again: a picture depends on
    the caption before it and its seed alone.

    Parameters
    ----------
    loop : CaptionLoop
    artwork : int
    iterations : sequence of int
        0 is the original.
    original : picture, optional
        Needed for iteration 0 where pictures are painted again.
    painter : Painter, optional
        That of the loop.
    folder : path, optional
        That of the loop, run with ``keep_images=True``.

    Raises
    ------
    InputError
        For an artwork or iteration that the loop does not have, or without a way to get pictures.
    """
    if not 0 <= artwork < loop.n_artworks:
        raise InputError("no such artwork", column="artwork", value=artwork)
    chain = loop.captions[(loop.captions["artwork"] == artwork) & (loop.captions["repeat"] == 0)]
    rows = chain.set_index("iteration")
    found: dict[int, Any] = {}
    for number in iterations:
        if number not in rows.index:
            raise InputError("no such iteration", column="iterations", value=number)
        if folder is not None:
            found[number] = _read(Path(folder), number, artwork)
        elif number == 0 and original is not None:
            found[number] = original
        elif number and painter is not None:
            caption, seed = rows["caption"][number - 1], int(rows["seed"][number])
            found[number] = painter.paint([caption], [seed])[0]
        else:
            raise InputError(
                "pictures are not part of a loop",
                column="folder",
                fix="name the folder of a loop with keep_images=True, or give painter and original",
            )
    return found


def _read(folder: Path, number: int, artwork: int) -> Any:
    from PIL import Image

    path = folder / "pictures" / f"{number:04d}" / f"{artwork:04d}-00.png"
    try:
        with Image.open(path) as opened:
            return opened.copy()
    except OSError as error:
        raise InputError(
            "the picture is not there", file=path, fix="run the loop with keep_images=True"
        ) from error


def shown_iterations(total: int, most: int = 8) -> list[int]:
    """Return iterations that show the course of a loop: the first ones, then ever wider apart."""
    steps = np.unique(np.round(np.geomspace(1, total, most - 1)).astype(int))
    return [0, *(int(step) for step in steps)]
