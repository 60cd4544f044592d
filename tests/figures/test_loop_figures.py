"""Pictures of loops: rails, verdict and theory are there, and labels are legible."""

from __future__ import annotations

import pytest

import uploadtrends as ut
from uploadtrends.figures.canvas import layout


@pytest.mark.parametrize("width", [7.0, 3.5])
def test_loops_are_drawn_legibly(width: float) -> None:
    from uploadtrends.figures import plot

    chain = ut.caption_loop(iterations=22)
    drawn = plot(chain, width=width)
    assert {"no feedback", "unrelated originals"} <= {
        text.get_text() for legend in drawn.legends for text in legend.get_texts()
    }
    assert ut.convergence(chain.novelty_of("content")).verdict in drawn.axes[0].get_title("left")
    loop = ut.retraining_loop(generator="gaussian", generations=3, repeats=2)
    paid = ut.attribution_earnings((1, 2, 3), 0.5, 1.0, 0.1)
    for figure in (drawn, plot(loop, width=width), plot(paid, width=width)):
        assert layout.overlaps(figure) == []
        assert layout.outside(figure) == []
        assert figure.caption
        assert figure.alternative
