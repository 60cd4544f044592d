"""What a caption loop cannot work with, said before it runs or at the round where it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError


def require_pictures(images: Any, reference: Any) -> None:
    """Raise InputError for originals that are not pictures of their own, or in the reference."""
    if len(images) == 0:
        raise InputError("no pictures to send round", column="images", fix="give some")
    seen: dict[bytes, int] = {}
    for number, image in enumerate(images):
        shades = np.asarray(image)
        if shades.dtype.kind == "f" and not np.isfinite(shades).all():
            raise InputError(
                "a picture holds values that are no numbers",
                column="images",
                value=f"picture {number}",
                fix="leave it out",
            )
        if shades.size and _one_shade(shades):
            raise InputError(
                "a picture is all of one shade: there is nothing to describe",
                column="images",
                value=f"picture {number}",
                fix="leave it out",
            )
        same = seen.setdefault(_content(shades), number)
        if same != number:
            raise InputError(
                "two originals are the same picture",
                column="images",
                value=f"pictures {same} and {number}",
                fix="leave one out; for several chains from one artwork set repeats",
            )
    for number, image in enumerate(() if reference is None else reference):
        same = seen.get(_content(np.asarray(image)), -1)
        if same >= 0:
            raise InputError(
                "the reference holds an original: distances would be too small",
                column="reference",
                value=f"reference {number} is original {same}",
                fix="give works that are not in the loop",
            )


def _one_shade(shades: Array) -> bool:
    flat = shades.reshape(-1, shades.shape[-1]) if shades.ndim == 3 else shades.reshape(-1, 1)
    return bool((flat == flat[0]).all())


def _content(shades: Array) -> bytes:
    return repr((shades.shape, shades.dtype.kind)).encode() + np.ascontiguousarray(shades).tobytes()


def require_texts(texts: Any, chains: int, number: int) -> list[str]:
    """Return captions, one a chain; raise InputError if they are not."""
    if len(texts) != chains or not all(isinstance(text, str) for text in texts):
        raise InputError(
            "a captioner says one text a picture",
            column="captioner",
            value=f"{len(texts)} texts for {chains} pictures in iteration {number}",
            fix="return a list of str",
        )
    return list(texts)


def require_painted(pictures: Any, chains: int, number: int) -> None:
    """Raise InputError unless a painter made one picture a text."""
    if len(pictures) != chains:
        raise InputError(
            "a painter makes one picture a text",
            column="painter",
            value=f"{len(pictures)} pictures for {chains} texts in iteration {number}",
        )


def require_rows(
    rows: Any,
    chains: int,
    width: int | None,
    part: str,
    number: int | None,
    excused: Sequence[bool],
) -> Array:
    """Return embeddings, one finite row a chain and as wide as before; raise InputError if not.

    Parameters
    ----------
    rows : array-like, shape (chains, d)
    chains : int
    width : int, optional
        d of the iterations before.
    part : str
        Which encoder.
    number : int, optional
        The iteration; None for the reference.
    excused : sequence of bool
        Chains whose picture was withheld: what stands for them is in no mean.
    """
    found = np.asarray(rows)
    where = "the reference" if number is None else f"iteration {number}"
    if found.ndim != 2 or len(found) != chains or found.dtype.kind not in "fiu":
        raise InputError(
            "an encoder gives one row of numbers a thing",
            column=part,
            value=f"shape {found.shape} for {chains} in {where}",
        )
    if width is not None and found.shape[1] != width:
        raise InputError(
            "an encoder changed the number of its columns",
            column=part,
            value=f"{found.shape[1]} in {where}, {width} before",
            fix="use one encoder throughout",
        )
    bad = ~np.isfinite(found).all(axis=1) & ~np.asarray(excused, dtype=bool)
    if bad.any():
        raise InputError(
            "an encoder gave values that are no numbers",
            column=part,
            value=f"chain {int(np.flatnonzero(bad)[0])} in {where}",
            fix="see what it was given; a model in half precision may overflow",
        )
    return found
