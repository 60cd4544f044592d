"""A backend of matplotlib that draws an SVG once and writes its text in both ways.

Files hold text as outlines, the same everywhere; pages hold it as letters, which can be searched.
Everything else in the two is equal, so that drawing twice would cost twice for nothing.
"""

from __future__ import annotations

import re
from typing import Any, TextIO

from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG

from uploadtrends.figures.canvas import lettering

BEGIN, BETWEEN, END = ("twofold-begin", "twofold-between", "twofold-end")


def _untyped(thing: Any) -> Any:
    """Return a part of matplotlib that has no types, as it is."""
    return thing


class _Twofold(RendererSVG):
    """Writes every text as outlines and as letters, with marks around them; or as letters only."""

    def __init__(self, *args: Any, letters: bool, **kwargs: Any) -> None:
        _untyped(super()).__init__(*args, **kwargs)
        self._letters = letters
        self._text2path = lettering.Outlines()

    if lettering.KNOWN:

        def _get_font_height_metrics(self, prop: Any) -> tuple[float, float, float]:
            return lettering.heights(prop, 72)

    def _draw_text_as_path(self, *args: Any, **kwargs: Any) -> None:
        plain, comment = _untyped(super()), _untyped(self.writer).comment
        if self._letters:
            plain._draw_text_as_text(*args, **kwargs)
            return
        comment(f"\0{BEGIN}")  # no text holds this letter: XML has none
        plain._draw_text_as_path(*args, **kwargs)
        comment(f"\0{BETWEEN}")
        plain._draw_text_as_text(*args, **kwargs)
        comment(f"\0{END}")


class FigureCanvas(FigureCanvasSVG):
    """The canvas that `Figure.savefig` takes with ``backend="module://..."``."""

    def print_svg(
        self,
        filename: TextIO,
        *,
        bbox_inches_restore: Any = None,
        metadata: Any = None,
        letters: bool = False,
        **_: Any,  # of other formats
    ) -> None:
        """Write both, to be told apart by `apart`, or letters only."""
        figure: Any = self.figure
        dpi, figure.dpi = figure.dpi, 72
        size = figure.get_size_inches()
        both = _untyped(_Twofold)(
            *(72 * size), filename, image_dpi=dpi, metadata=metadata, letters=letters
        )
        renderer = _untyped(MixedModeRenderer)(
            figure, *size, dpi, both, bbox_inches_restore=bbox_inches_restore
        )
        figure.draw(renderer)
        renderer.finalize()


def apart(both: str) -> tuple[str, str]:
    """Return the SVG with outlines and the one with letters."""
    begin, between, end = (rf" *<!-- \0{mark} -->\n" for mark in (BEGIN, BETWEEN, END))
    parts = re.split(rf"{begin}(.*?){between}(.*?){end}", both, flags=re.S)
    rest, outlines, letters = parts[::3], parts[1::3], parts[2::3]

    def joined(texts: list[str]) -> str:
        return "".join(one for pair in zip(rest, [*texts, ""], strict=True) for one in pair)

    return joined(outlines), joined(letters)
