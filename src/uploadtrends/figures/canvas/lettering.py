"""Text that is measured, laid out and drawn once: most of what a figure costs are its letters.

The same words in the same font stand on many panels, in the wide and the narrow version of a
figure, and in its files of every format. What is remembered is what matplotlib itself answered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import get_ident
from typing import Any, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.backends import backend_agg
from matplotlib.font_manager import findfont, get_font
from matplotlib.textpath import TextToPath

T = TypeVar("T")
MOST = 20_000
"""Answers remembered of a kind; then all are forgotten."""
# Letters are drawn here as matplotlib 3.11 draws them; any other version draws them itself.
KNOWN = mpl.__version_info__[:2] == (3, 11)
_PIXEL = 64  # font files count in parts of one


class Memory(dict[Any, Any]):
    """Answers by question."""

    def get_or(self, key: Any, answer: Callable[[], T]) -> T:
        """Return what is remembered, or remember the answer."""
        try:
            found: T = self[key]
        except KeyError:
            if len(self) >= MOST:
                self.clear()
            found = self[key] = answer()
        return found


_HEIGHTS, _SIZES, _LINES, _OUTLINES, _LETTERS = (Memory() for _ in range(5))
_UNDER: list[Any] = [None]


def under(settings: Any) -> None:
    """Forget everything where other settings of matplotlib are in force than before."""
    if [settings] != _UNDER:
        _UNDER[:] = [settings]
        for memory in (_HEIGHTS, _SIZES, _LINES, _OUTLINES, _LETTERS):
            memory.clear()


def heights(prop: Any, dpi: float) -> tuple[float, float, float]:
    """Return ascent, descent and gap between lines of a font, in pixels, as 3.11 takes them."""

    def looked_up() -> tuple[float, float, float]:
        font = get_font(findfont(prop))
        tables: Any = font.get_sfnt_table
        scale = 1 / tables("head")["unitsPerEm"] * prop.get_size_in_points() * dpi / 72
        if (typographic := tables("OS/2")) is not None:
            names, table = ("sTypoAscender", "sTypoDescender", "sTypoLineGap"), typographic
        else:
            names, table = ("ascent", "descent", "lineGap"), tables("hhea")
        ascent, descent, gap = (table[name] * scale for name in names)
        return ascent, -descent, gap

    return _HEIGHTS.get_or((prop.copy(), dpi), looked_up)


class Outlines(TextToPath):
    """Text as paths, as an SVG needs it; its measures do not depend on the resolution."""

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> Any:
        """Return width, height and descent in points."""
        measure: Any = super().get_text_width_height_descent
        # A font is changed in place: the key is a copy.
        return _SIZES.get_or((s, prop.copy(), ismath), lambda: measure(s, prop, ismath))

    def get_glyphs_with_font(
        self,
        font: Any,
        s: str,
        glyph_map: Any = None,
        return_new_glyphs_only: bool = False,
        **how: Any,
    ) -> Any:
        """Return the letters with their places, and the outlines that are not in `glyph_map`."""
        plain: Any = super().get_glyphs_with_font
        key = (font, s, *how.values())
        places, outlines, boxes = _OUTLINES.get_or(key, lambda: plain(font, s, **how))
        known = glyph_map or {}
        wanted = {name: path for name, path in outlines.items() if name not in known}
        return places, wanted if return_new_glyphs_only else {**known, **wanted}, boxes


class Renderer(backend_agg.RendererAgg):
    """Draws pixels."""

    if KNOWN:

        def _get_font_height_metrics(self, prop: Any) -> tuple[float, float, float]:
            return heights(prop, self.dpi)

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> Any:
        """Return width, height and descent in pixels."""
        measure: Any = super().get_text_width_height_descent
        key = (s, prop.copy(), ismath, self.dpi)
        return _SIZES.get_or(key, lambda: measure(s, prop, ismath))

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        """Draw a line of text, letters in a place of the same fraction of a pixel copied."""
        whole: Any = self
        if ismath or not KNOWN or not gc.get_antialiased():
            plain: Any = super().draw_text
            plain(gc, x, y, s, prop, angle, ismath, mtext)
            return
        hinting: Any = backend_agg.get_hinting_flag
        flags = hinting()
        how = {}
        if mtext is not None:
            how = {"features": mtext.get_fontfeatures(), "language": mtext.get_language()}
        size = prop.get_size_in_points()

        def laid_out() -> list[tuple[Any, int, float, float]]:
            items = whole._prepare_font(prop)._layout(s, flags=flags, **how)
            return [(one.ft_object, one.glyph_index, one.x, one.y) for one in items]

        key = (s, prop.copy(), self.dpi, get_ident(), *how.values())
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        for font, glyph, dx, dy in _LINES.get_or(key, laid_out):
            right, over_x = divmod(round(_PIXEL * (x + dx * cos - dy * sin)), _PIXEL)
            up, over_y = divmod(round(_PIXEL * (self.height - y + dx * sin + dy * cos)), _PIXEL)

            def rendered(
                font: Any = font, glyph: int = glyph, over: tuple[int, int] = (over_x, over_y)
            ) -> tuple[Any, int, int]:
                font.set_size(size, self.dpi)
                turn = (0x10000 * np.array([[cos, -sin], [sin, cos]])).round().astype(int)
                font._set_transform(turn, list(over))
                bitmap = font._render_glyph(glyph, flags, mpl.ft2font.RenderMode.NORMAL)
                pixels = np.array(bitmap.buffer)
                return pixels, bitmap.left, pixels.shape[0] - bitmap.top

            letter = (font, glyph, size, self.dpi, angle, over_x, over_y)
            pixels, left, below = _LETTERS.get_or(letter, rendered)
            bottom = int(self.height) - up + below
            whole._renderer.draw_text_image(pixels, right + left, bottom, 0, gc)


class Canvas(backend_agg.FigureCanvasAgg):
    """The canvas of a figure in pixels."""

    def get_renderer(self) -> Any:
        """Return the renderer for the size of the figure, the same until that changes."""
        made: Any = Renderer
        known = getattr(self, "renderer", None)
        asked = (*self.get_width_height(physical=True), self.figure.dpi)
        if known is None or asked != (known.width, known.height, known.dpi):
            self.renderer = made(*asked)
        return self.renderer
