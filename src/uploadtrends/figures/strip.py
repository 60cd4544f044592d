"""One artwork on its way round a caption loop: its pictures, and under each what it was called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from uploadtrends.figures.canvas import layout, sheet
from uploadtrends.figures.canvas.drawing import Drawing, drawn
from uploadtrends.figures.canvas.styling import say
from uploadtrends.loop.captions import CaptionLoop
from uploadtrends.loop.pictures import as_image

_MARGIN, _GAP, _HEAD, _SMALL = 0.08, 0.12, 0.18, 5.8


@drawn("One artwork on its way round")
def strip(
    loop: CaptionLoop,
    pictures: Mapping[int, Any],
    artwork: int = 0,
    *,
    width: float = sheet.FULL_WIDTH,
) -> Drawing:
    """Draw one artwork's pictures in the order of the loop, each above its caption.

    Parameters
    ----------
    loop : CaptionLoop
    pictures : mapping of int to picture
        By iteration; see `uploadtrends.loop.pictures.pictures_of`.
    artwork : int
    width : float
        In inches.

    Returns
    -------
    Drawing
        Its ``data`` has iteration, caption, seed, flagged, truncated.
    """
    rows = loop.captions[(loop.captions["artwork"] == artwork) & (loop.captions["repeat"] == 0)]
    rows = rows[rows["iteration"].isin(list(pictures))].set_index("iteration")
    across = min(len(rows), 8 if width > 5 else 4)
    each = (width - 2 * _MARGIN - (across - 1) * _GAP) / across
    # A long caption is cut: the table has it whole.
    told = {number: _short(text, each) for number, text in rows["caption"].items()}
    numbers = list(rows.index)
    bands = [numbers[i : i + across] for i in range(0, len(numbers), across)]
    words = [max(len(told[n]) for n in band) * layout.line_height(_SMALL) for band in bands]
    height = sum(_HEAD + each + 0.06 + below + 0.12 for below in words)
    figure, top = Drawing(width, height), 0.02
    for band, below in zip(bands, words, strict=True):
        for place, number in enumerate(band):
            left = _MARGIN + place * (each + _GAP)
            head = say("original") if number == 0 else say("round {number}", number=number)
            layout.label(figure, head, left, top, each, 6.5, weight="bold")
            axes = layout.place(figure, left, top + _HEAD, each, each)
            axes.imshow(
                np.asarray(as_image(pictures[number])),
                cmap="gray_r" if np.asarray(pictures[number]).ndim < 3 else None,
                interpolation="nearest",
                aspect="equal",
            )
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
            layout.label(
                figure,
                " ".join(told[number]),
                left,
                top + _HEAD + each + 0.06,
                each,
                _SMALL,
            )
        top += _HEAD + each + 0.06 + below + 0.12
    columns = ["caption", "seed", "flagged", "truncated"]
    figure.data = rows[columns].reset_index()
    figure.caption = say(
        "Artwork {artwork} on its way round: every picture was painted from the caption of the "
        "one before it. One chain of one artwork shows what happens, not how often.",
        artwork=artwork,
    )
    figure.alternative = " ".join(
        f"{'Original' if number == 0 else f'Round {number}'}: {text}."
        for number, text in rows["caption"].items()
    )
    return figure


def _short(text: str, width: float, most: int = 7) -> list[str]:
    lines = layout.wrap(text, width, _SMALL) or [""]
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1] + " ..."]
