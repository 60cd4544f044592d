"""Text that is measured and drawn once: the same pixels, paths and measures as matplotlib's own."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from uploadtrends.figures.canvas import lettering, sheet
from uploadtrends.figures.canvas.drawing import Drawing, render_svgs

SAID = ("2021", "Works a month, 95% interval", "AVAT fi é", "$x_1$", "1", "two\nlines")


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    lettering.under(object())
    yield
    lettering.under(None)


def _written(figure: Figure) -> Figure:
    """Write the same words at many fractions of a pixel, upright and turned, in several fonts."""
    for number in range(36):
        figure.text(
            0.02 + 0.0237 * number,
            0.03 + 0.0259 * number,
            SAID[number % len(SAID)],
            fontsize=(6, 7.5, 9)[number % 3],
            rotation=(0, 0, 90, 30)[number % 4],
            fontweight=("normal", "bold")[number % 2],
            color=("black", "#0072b2")[number % 2],
            alpha=(None, 0.5)[number % 2],
            antialiased=number % 7 > 0,
        )
    axes = figure.add_axes((0.3, 0.2, 0.5, 0.3))
    axes.plot([0, 3e7], [1, 2])  # an offset of ticks, placed beside their labels
    return figure


def _pixels(figure: Figure, canvas: type[FigureCanvasAgg]) -> np.ndarray:
    canvas(figure).draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()  # type: ignore[attr-defined]


@pytest.mark.parametrize("dpi", [72, 120, 200])
def test_text_has_the_same_pixels_as_matplotlibs_own(dpi: int) -> None:
    with sheet.applied():
        plain = _pixels(_written(Figure(dpi=dpi)), FigureCanvasAgg)
        for _ in range(2):  # asked, then remembered
            ours = _pixels(_written(Figure(dpi=dpi)), lettering.Canvas)
            assert (ours == plain).all()
    assert (plain[..., :3].min(axis=-1) < 200).sum() > 1000  # there are letters
    assert not lettering.KNOWN or lettering._LETTERS


def test_text_has_the_same_outlines_and_measures_as_matplotlibs_own() -> None:
    plain, ours, known = TextToPath(), lettering.Outlines(), {}
    for prop in (FontProperties(size=7), FontProperties(size=9, weight="bold")):
        for said in ("1.5%", "Works", "Works"):
            measures = plain.get_text_width_height_descent(said, prop, False)
            assert ours.get_text_width_height_descent(said, prop, False) == measures
            font = plain._get_font(prop)
            places, shapes, boxes = plain.get_glyphs_with_font(font, said)
            found = ours.get_glyphs_with_font(font, said, dict(known), True)
            assert (found[0], found[2]) == (places, boxes)
            assert list(found[1]) == [name for name in shapes if name not in known]
            assert all((found[1][name][0] == shapes[name][0]).all() for name in found[1])
            known |= found[1]


def test_a_font_that_is_changed_in_place_is_measured_anew() -> None:
    prop = FontProperties(size=7)
    measure = lettering.Outlines().get_text_width_height_descent
    small, height, _ = measure("Works", prop, False)
    prop.set_size(14)
    assert measure("Works", prop, False)[:2] == pytest.approx((2 * small, 2 * height))


def test_other_settings_of_the_user_are_not_answered_from_memory() -> None:
    def drawn() -> str:
        with sheet.applied():
            figure = Drawing(3, 2)
            figure.text(0.5, 0.5, "Works", family="sans-serif")
        return render_svgs(figure)[0]

    first = drawn()
    with mpl.rc_context({"font.sans-serif": ["DejaVu Serif"]}):
        other = drawn()
    assert "DejaVuSans-" in first
    assert "DejaVuSerif-" in other
    assert drawn() == first
