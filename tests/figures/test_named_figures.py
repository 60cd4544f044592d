"""The figures of the paper and of the study: what they draw, and that their labels are legible."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends import datasets, figures
from uploadtrends.errors import InputError
from uploadtrends.figures import series
from uploadtrends.figures.canvas import layout, markers
from uploadtrends.sources import bundled

WIDTHS = [7.0, 3.5]


def legible(figure: Any) -> None:
    assert layout.overlaps(figure) == []
    assert layout.outside(figure) == []
    assert figure.caption
    assert figure.alternative
    sizes = [text.get_fontsize() for text in figure.findobj(lambda a: hasattr(a, "get_fontsize"))]
    assert min(sizes) >= 5.5


@pytest.mark.parametrize("width", WIDTHS)
def test_figure1_draws_the_published_numbers(study_results: Any, width: float) -> None:
    figure = figures.figure1(study_results.panel, study_results.events, width=width)
    legible(figure)
    published = datasets.precipice_figure1()
    for (platform, group), rows in figure.data.groupby(["platform", "group"]):
        expected = published[f"{group}_{platform}"].to_numpy()
        np.testing.assert_array_equal(rows["value"].to_numpy(), expected)
    assert len(figure.data) == published.size
    panels = [axes for axes in figure.axes if axes.axison]
    assert len(panels) == 3
    drawn = {line.get_label(): line.get_ydata() for line in panels[0].get_lines()}
    np.testing.assert_array_equal(drawn["ArtStation"], published["total_artstation"])
    assert "the two lines lie on each other" in figure.caption


@pytest.mark.parametrize("width", WIDTHS)
def test_the_whole_catalogue_stays_legible(study_results: Any, width: float) -> None:
    figure = figures.figure1(study_results.panel, ut.event_catalogue(), width=width)
    legible(figure)
    assert "events lie outside these months" in figure.caption


def test_markers_never_share_a_place() -> None:
    strip = markers.arrange(ut.event_catalogue(verified=None), (18600.0, 19700.0), 6.0)
    scale = 6.0 / 1100
    places: dict[tuple[int, int], list[float]] = {}
    for marker in strip.markers:
        places.setdefault((marker.row, marker.lane), []).append((marker.when - 18600) * scale)
    for row in places.values():
        assert (np.diff(sorted(row)) >= markers.BOX).all()
    numbers = [marker.number for marker in strip.markers]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(strip.markers) + len(strip.left_out) == len(ut.event_catalogue(verified=None))


def test_figure1_names_the_groups_it_could_have_drawn(study_results: Any) -> None:
    with pytest.raises(InputError, match="no group named everyone"):
        figures.figure1(study_results.panel, groups=["everyone"])


@pytest.mark.parametrize("width", WIDTHS)
def test_figure1_tested_shows_fits_and_facts(study_results: Any, width: float) -> None:
    r = study_results
    figure = figures.figure1_tested(r.panel, r.its, r.breaks, r.events, width=width)
    legible(figure)
    assert len([axes for axes in figure.axes if axes.axison]) == 6
    assert list(figure.data) == list(figures.plot_its(r.its).data)  # one figure since 0.2
    for fit in r.its.fits:
        rows = figure.data.query("platform == @fit.platform and group == @fit.group")
        np.testing.assert_array_equal(rows["observed"].to_numpy(), fit.observed.to_numpy())
        band = rows.set_index("period").loc[fit.counterfactual.index]
        np.testing.assert_allclose(band["expected_low"], fit.counterfactual["low"])
    said = " ".join(text.get_text() for text in figure.texts)
    assert "Before/after test: significant at 24 of 24" in said
    assert "(F = 37.9)" in said


def test_no_line_is_drawn_through_a_washout(study_results: Any) -> None:
    figure = figures.plot_its(study_results.its)
    fit = study_results.its.fit(group="total", platform="artstation")
    line = next(line for line in figure.axes[0].get_lines() if line.get_label() == "fitted")
    np.testing.assert_array_equal(np.isnan(line.get_ydata()), ~fit.used.to_numpy())
    assert (~fit.used).sum() >= 5


@pytest.mark.parametrize("width", WIDTHS)
def test_figure2_marks_what_is_interpolated(study_results: Any, width: float) -> None:
    panel = study_results.panels["danbooru"]
    anchors = datasets.danbooru_id_dates()["created_at_utc"]
    figure = figures.figure2(panel, study_results.events, anchors=anchors, width=width)
    legible(figure)
    flags = panel.flags("danbooru", "total")["interpolated"].astype(bool)
    drawn = figure.data.set_index("period")
    assert drawn.index[0] == pd.Timestamp("2018-01-01")
    assert (drawn["interpolated"] == flags.reindex(drawn.index)).all()
    assert drawn.loc["2022-03-01", "interpolated"]
    assert not drawn.loc["2021-03-01", "interpolated"]
    shaded = [patch for patch in figure.axes[-2].patches if patch.get_zorder() == 0.2]
    days = (
        drawn.index[drawn["interpolated"]].map(lambda month: month.days_in_month).to_numpy().sum()
    )
    assert sum(patch.get_width() for patch in shaded) == pytest.approx(days)
    assert "No test is run on these months" in figure.caption


@pytest.mark.parametrize("width", WIDTHS)
def test_fits_number_their_events_and_name_them(study_results: Any, width: float) -> None:
    figure = figures.plot_its(study_results.its, breaks=study_results.breaks, width=width)
    legible(figure)
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    for number, event in enumerate(study_results.its.events, start=1):
        assert said.count(str(number)) == 6 + 1  # above every panel, and in the key
        assert event.label in " ".join(said)
    notes = " ".join(text.get_text() for text in figure.texts)
    assert re.search(r"2-4: level [+-][\d.]+% \[-?[\d.]+, ", notes)
    assert "mr-" not in notes
    assert "not deviantart" not in notes  # sites by their written names
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 2
    assert "Hatched: periods that the fit leaves out" in figure.caption


def test_a_band_is_shown_whole_or_cut_with_arrows(study_results: Any) -> None:
    figure = figures.plot_its(study_results.its)
    panels = [axes for axes in figure.axes if axes.axison]
    fits = series.in_order(study_results.its.fits)
    arrows = 0
    for axes, fit in zip(panels, fits, strict=True):
        top = axes.get_ylim()[1]
        cut = (fit.counterfactual["high"] > top).any()
        marks = [line for line in axes.get_lines() if line.get_marker() == "^"]
        assert len(marks) == cut
        arrows += len(marks)
    assert 0 < arrows < len(fits)


def test_events_by_horizon_are_in_percent_of_all_or_of_none(study_results: Any) -> None:
    figure = figures.event_study(study_results.its)
    assert set(figure.data["unit"]) == {"% of expected"}
    drawn = {label.get_text() for axes in figure.axes for label in axes.get_yticklabels()}
    assert all(label.endswith("%") or label == "0" for label in drawn)


def test_figure2_without_events_shows_everything(study_results: Any) -> None:
    figure = figures.figure2(study_results.panels["danbooru"])
    assert figure.data["period"].iloc[0] <= pd.Timestamp("2005-07-01")
    legible(figure)


@pytest.mark.parametrize("width", WIDTHS)
def test_figure3_has_a_panel_for_every_cut(cohorts: Any, width: float) -> None:
    figure = figures.figure3_placebo_cohorts(cohorts, width=width)
    legible(figure)
    cuts = figure.data[["kind", "cut_year"]].drop_duplicates()
    assert set(map(tuple, cuts.to_numpy().tolist())) == {
        *(("placebo", year) for year in range(2016, 2021)),
        ("actual", 2022),
    }
    panels = [axes for axes in figure.axes if axes.axison]
    titles = [text.get_text() for text in figure.texts if text.get_fontweight() == "bold"]
    assert len(panels) == len(titles) == 6
    assert titles[-1].startswith("Cut at 2022")
    senior = figure.data.query("kind == 'placebo' and cut_year == 2018 and group == 'senior'")
    line = panels[2].get_lines()[0]
    np.testing.assert_allclose(line.get_ydata(), senior["mean"])


@pytest.mark.parametrize("width", WIDTHS)
def test_timeline_lists_every_event(width: float) -> None:
    events = ut.event_catalogue(start="2021-01", end="2023-12")
    figure = figures.event_timeline(events, width=width)
    legible(figure)
    assert list(figure.data["id"]) == sorted(
        events.ids, key=lambda name: figure.data.set_index("id").loc[name, "number"]
    )
    assert len(figure.data) == len(events)
    with pytest.raises(InputError, match="no events"):
        figures.event_timeline([])


@pytest.mark.parametrize("width", WIDTHS)
def test_upload_rates_show_months_and_weeks_and_number_the_events(width: float) -> None:
    clock = bundled("pixiv_id_dates")
    weeks = ("2022-07", "2022-12")
    drawn = figures.upload_rates(clock, ["2022-10-03"], weeks=weeks, width=width)
    legible(drawn)
    steps = drawn.data.set_index("step")
    assert steps.loc["week", "period"].min() == pd.Timestamp("2022-07-04")
    assert steps.loc["month", "rate"].max() > 30_000
    assert "does not begin at zero" in drawn.caption
    assert any(text.get_text() == "1" for axes in drawn.axes for text in axes.texts)
