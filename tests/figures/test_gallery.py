"""A figure from outside the package: saved, on the contact sheet, in the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from uploadtrends import figures
from uploadtrends.errors import InputError
from uploadtrends.figures import gallery


@figures.drawn("Uploads by month of the year")
def by_month(panel: Any, *, width: float = 7.0) -> figures.Drawing:
    figure = figures.Drawing(width, 2.0)
    values = panel.series("artstation", "total")
    months = values.groupby(values.index.month).mean()
    figure.data = pd.DataFrame({"period": months.index, "mean": months.to_numpy()})
    figure.add_axes((0.1, 0.2, 0.85, 0.7)).bar(figure.data["period"], figure.data["mean"])
    figure.caption = "Mean by month of the year: my own figure."
    figure.alternative = "Twelve bars."
    return figure


@pytest.fixture
def mine() -> Iterator[None]:
    figures.register("by_month", lambda results: by_month(results.panel))
    yield
    gallery.withdraw("by_month")


@pytest.mark.usefixtures("mine")
def test_a_figure_of_ones_own_is_seen_everywhere(study_results: Any, tmp_path: Path) -> None:
    drawn = study_results.drawings()
    assert len(drawn["by_month"].data) == 12
    assert drawn["by_month"].title == "Uploads by month of the year"
    assert study_results.drawings(width=3.5)["by_month"].get_figwidth() == 3.5
    few = {name: drawn[name] for name in ("effects", "by_month")}
    written = study_results.save_figures(tmp_path, few)
    assert (tmp_path / "by_month.svg") in written
    assert "my own figure" in (tmp_path / "index.html").read_text()
    small = replace(study_results, checks=())
    page = small.save_report(tmp_path, few).read_text()
    assert 'id="figure-by-month"' in page
    assert "my own figure" in page


def test_names_are_unique_and_what_cannot_be_drawn_is_left_out(study_results: Any) -> None:
    with pytest.raises(InputError, match="a figure of this name"):
        figures.register("effects", lambda results: None)

    def refuse(results: Any) -> figures.Drawing:
        raise InputError("nothing of this kind", value=results.spec.name)

    figures.register("refused", refuse)
    try:
        (entry,) = (one for one in gallery.entries(study_results) if one.name == "refused")
        assert entry.draw(study_results) == {}
    finally:
        gallery.withdraw("refused")


@pytest.fixture(scope="module")
def drawn(study_results: Any) -> dict[str, figures.Drawing]:
    return study_results.drawings()


def test_no_figure_is_drawn_twice(drawn: dict[str, figures.Drawing]) -> None:
    assert "figure1_tested" not in drawn
    names = list(drawn)
    for place, name in enumerate(names):
        for other in names[place + 1 :]:
            same = drawn[name].data
            assert not (len(same) and same.equals(drawn[other].data)), (name, other)


def test_raw_ids_are_nowhere(study_results: Any, drawn: dict[str, figures.Drawing]) -> None:
    ids = {event.id for event in study_results.events}
    for name, drawing in drawn.items():
        drawing.draw_without_rendering()
        said = " ".join(
            text.get_text() for text in drawing.findobj(lambda one: hasattr(one, "get_text"))
        )
        assert not [one for one in ids if one in said], name
        assert "drawn with uploadtrends" in said, name
        assert isinstance(drawing.data, pd.DataFrame)
