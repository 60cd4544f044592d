"""Saving, dispatch, effects and checks as drawings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import uploadtrends as ut
from uploadtrends import figures
from uploadtrends.checks import CheckOutcome
from uploadtrends.errors import InputError
from uploadtrends.figures.canvas import layout, ratios
from uploadtrends.figures.canvas.drawing import render, render_svgs
from uploadtrends.figures.checked import draw
from uploadtrends.result import Call
from uploadtrends.simulate import population

CALL = Call("made up", {}, "", "0")


def series(n: int = 60, start: str = "2018-01-01", step: float = 0.0, seed: int = 0) -> pd.Series:
    rng = np.random.default_rng(seed)
    index = pd.date_range(start, periods=n, freq="MS")
    return pd.Series(100 + rng.normal(0, 6, n) + step * (np.arange(n) >= 40), index)


def legible(figure: Any) -> None:
    assert layout.overlaps(figure) == []
    assert layout.outside(figure) == []


def test_the_same_figure_gives_the_same_bytes(study_results: Any, tmp_path: Path) -> None:
    one = figures.save(figures.forest(study_results.its), tmp_path / "one")
    with mpl.rc_context({"font.size": 30, "figure.figsize": (1, 1), "svg.hashsalt": "other"}):
        two = figures.save(figures.forest(study_results.its), tmp_path / "two")
    assert [path.suffix for path in one] == [".svg", ".png"]
    for first, second in zip(one, two, strict=True):
        assert first.read_bytes() == second.read_bytes()
    svg = one[0].read_text()
    assert "<dc:date>" not in svg
    assert str(tmp_path) not in svg


def test_an_svg_drawn_once_is_that_with_outlines_and_that_with_letters(study_results: Any) -> None:
    odd = pd.Series([1.0, 2.0, 4.0] * 20, pd.date_range("2018-01-01", periods=60, freq="MS"))
    named = ut.Event("2021-05-15", 'a < b -- & "twofold-begin" $x_1$ --> é')
    drawings = [
        figures.plot(study_results.its),
        figures.plot(study_results.breaks),
        figures.plot(ut.interrupted_time_series(odd, named)),
    ]
    for drawing in drawings:
        outlines, letters = render_svgs(drawing)
        assert outlines.encode() == render(drawing, "svg")
        assert letters.encode() == render(drawing, "svg", letters=True)
        assert outlines != letters


def test_style_leaves_the_users_settings_alone(study_results: Any) -> None:
    before = dict(mpl.rcParams)
    figures.plot(study_results.breaks)
    assert dict(mpl.rcParams) == before


def test_plot_dispatches_on_the_type(study_results: Any) -> None:
    r = study_results
    for result in (r.its, r.breaks, r.matches, r.events):
        for width in (7.0, 3.5):
            figure = figures.plot(result, width=width)
            assert figure.get_figwidth() == width
            legible(figure)
    assert len(r.its.plot().data) == sum(len(fit.observed) for fit in r.its.fits)
    with pytest.raises(InputError, match="no drawing for this type"):
        figures.plot(3)


def test_one_series_can_share_the_users_axes() -> None:
    from matplotlib.figure import Figure

    result = ut.interrupted_time_series(series(step=25), "2021-05-01")
    mine = Figure()
    axes = mine.add_subplot()
    assert result.plot(ax=axes) is mine
    assert {"observed", "fitted"} <= {line.get_label() for line in axes.get_lines()}
    breaks = ut.change_points(series(step=60))
    other = mine.add_subplot()
    assert breaks.plot(ax=other) is mine


def test_many_series_cannot_share_one_axes(study_results: Any) -> None:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    with pytest.raises(InputError, match="cannot share one axes"):
        study_results.its.plot(ax=axes)
    with pytest.raises(InputError, match="makes its own axes"):
        study_results.matches.plot(ax=axes)


def test_a_refused_series_is_drawn_with_its_reason() -> None:
    result = ut.interrupted_time_series(series(11), "2018-08-01")
    figure = result.plot()
    assert any("Not estimable here" in text.get_text() for text in figure.texts)
    labels = [line.get_label() for line in figure.axes[0].get_lines()]
    assert "observed" in labels
    assert "fitted" not in labels


def test_breaks_are_drawn_at_the_first_period_of_the_new_regime() -> None:
    breaks = ut.change_points(series(step=60))
    found = breaks.to_frame()["date"].dropna()
    assert list(found) == [pd.Timestamp("2021-05-01")]
    figure = breaks.plot()
    marker = next(line for line in figure.axes[0].get_lines() if line.get_marker() == "v")
    assert mpl.dates.num2date(marker.get_xdata()[0]).strftime("%Y-%m-%d") == "2021-05-01"


def test_forest_keeps_what_was_refused(study_results: Any) -> None:
    figure = figures.forest(study_results.its)
    legible(figure)
    level = study_results.its.effects.query("term == 'level'")
    assert len(figure.data) == len(level)
    # Six lie before the data; three concern the other platform.
    assert (figure.data["status"] == "not estimable").sum() == 9
    shown = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "all 6 series: not estimable (only 2 months of data before it, 6 needed)" in shown
    assert "not estimable (it concerns ArtStation and not DeviantArt)" in shown
    assert "a month (exploratory)" in shown  # no percent: in its own unit, in words
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    heads = [text for text in words if text in set(figure.data["label"])]
    starts = dict(zip(figure.data["label"], figure.data["starts"], strict=True))
    assert [starts[head] for head in heads] == sorted(starts.values())  # events by their dates
    with pytest.raises(InputError, match="no effect of this name"):
        figures.forest(study_results.its, term="levels")


def test_percent_axis_puts_halving_and_doubling_at_equal_distance() -> None:
    half, double = ratios.place([-50, 100], percent=True)
    assert half == pytest.approx(-double)
    places, names = ratios.percent_ticks(-2.0, 2.0, 3.0, 0.3)
    assert "0" in names
    assert (np.diff(places) / 4 * 3 >= 0.3).all()


def test_what_leaves_the_axis_ends_in_an_arrow() -> None:
    frame = pd.DataFrame(
        {
            "platform": "artstation",
            "group": "senior",
            "relative_period": [1, 2, 3],
            "estimate": [5.0, -150.0, 10.0],
            "low": [-5.0, -220.0, -20.0],
            "high": [15.0, 40.0, 5000.0],
            "unit": "% of expected",
        }
    )
    (axes,) = (one for one in figures.event_study(frame).axes if one.axison)
    marked = {
        line.get_marker(): list(line.get_xdata())
        for line in axes.lines
        if line.get_marker() in ("^", "v") and not line.get_label().startswith("its")
    }
    assert marked == {"^": [3.0], "v": [2.0]}
    assert all(tick == round(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize("width", [3.5, 7.0])
def test_monitoring_tests_and_residuals_stay_legible(study_results: Any, width: float) -> None:
    panel, its = study_results.panel, study_results.its
    tested = figures.plot(ut.structural_breaks(panel, "sup-F"), width=width)
    assert "boundary" not in tested.caption  # none is drawn
    drawn = [
        figures.plot(ut.monitor(panel, "2022-06", groups=["total", "new"]), width=width),
        figures.plot_diagnostics(its.fit("senior", platform="artstation"), width=width),
        tested,
        figures.plot_panel(panel, width=width),
    ]
    for figure in drawn:
        assert layout.overlaps(figure) == []
        assert layout.outside(figure) == []
    said = [text.get_text() for text in drawn[3].findobj(Text)]
    assert any(text.startswith("Source: ArtStation, DeviantArt, data") for text in said)


def test_balance_and_exposure_studies_stay_inside() -> None:
    people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    panel = ut.build_panel(people)
    exposed = dict.fromkeys(panel.artists["artist_id"].unique().sort()[:15], "2021-03-01")
    matched = ut.matched(ut.exposure(panel, exposed), on=["tenure"])
    study = ut.exposure_study(panel, exposed, outcomes=("uploads",), methods=("poisson",))
    for width in (3.5, 7.0):
        for figure in (figures.plot(matched, width=width), figures.plot(study, width=width)):
            figure.draw_without_rendering()
            whole = figure.bbox
            for axes in figure.axes:
                box = axes.get_tightbbox()
                assert box.x0 >= -1
                assert box.y0 >= -1
                assert box.x1 <= whole.x1 + 1
                foot = min(text.get_window_extent().y1 for text in figure.texts)
                assert box.y0 >= foot - 1  # the source line stands below everything


def test_one_sided_intervals_are_said_in_words(study_results: Any) -> None:
    its = study_results.its
    rows = its.effects.assign(relative_low=-np.inf, low=-np.inf)
    for percent in (True, False):
        drawing = figures.forest(rows, relative=percent)
        said = " ".join(text.get_text() for text in drawing.findobj(Text))
        assert "[up to " in said
        assert "-10000" not in said
        assert "[up to " in drawing.alternative


def test_event_study_orders_the_horizons(study_results: Any) -> None:
    for width in (7.0, 3.5):
        figure = figures.event_study(study_results.its, width=width)
        legible(figure)
        path = figure.data.query("platform == 'artstation' and group == 'total'")
        assert sorted(path["relative_period"]) == [1, 3, 6, 12]
    with pytest.raises(InputError, match="no effects by horizon"):
        figures.event_study(study_results.its, "nft-beeple-christies")
    given = pd.DataFrame(
        {
            "platform": "x",
            "group": "all",
            "relative_period": [-2, -1, 0, 1],
            "estimate": 0.1,
            "low": -0.1,
            "high": 0.3,
        }
    )
    assert len(figures.event_study(given).data) == 4


@pytest.mark.parametrize("width", [7.0, 3.5])
@pytest.mark.parametrize(
    "name", ["placebo_dates", "anticipation", "power", "multiplicity", "leave_one_out"]
)
def test_checks_are_drawn_from_their_own_layers(name: str, width: float) -> None:
    data = {("artstation", "senior"): series(step=-30), ("artstation", "new"): series(seed=3)}
    result = ut.interrupted_time_series(data, "2021-05-01", season="none", scale="level")
    outcome = result.check(getattr(ut, name)())
    figure = figures.plot(outcome, width=width)
    legible(figure)
    assert outcome.text in figure.caption
    if outcome.status != "not applicable":
        assert len(figure.data)


def test_the_placebo_line_is_the_event_itself() -> None:
    result = ut.interrupted_time_series(series(72, step=-40), "2021-05-01", season="none")
    outcome = result.check(ut.placebo_dates())
    assert outcome.status in ("passed", "failed")
    figure = figures.placebo_distribution(outcome)
    line = next(x for x in figure.axes[0].get_lines() if x.get_label() == "the event itself")
    assert line.get_xdata()[0] == pytest.approx(outcome.table["statistic"].iloc[0])
    counted = sum(patch.get_height() for patch in figure.axes[0].patches)
    assert counted == len(outcome.figure_data["placebos"])


def test_a_check_without_anything_to_draw_says_so() -> None:
    outcome = CheckOutcome("composition", "?", "not applicable", pd.DataFrame(), "Why.", {}, CALL)
    figure = draw(outcome)
    assert any("Why." in text.get_text() for axes in figure.axes for text in axes.texts)


def test_contact_sheet_shows_every_figure(study_results: Any, tmp_path: Path) -> None:
    drawn = {"effects": figures.forest(study_results.its)}
    figures.save(drawn["effects"], tmp_path / "effects")
    page = figures.contact_sheet(drawn, tmp_path, "A <title>")
    text = page.read_text()
    assert 'src="effects.png"' in text
    assert "A &lt;title&gt;" in text
    assert "alt=" in text


def test_notebooks_show_a_drawing_once(study_results: Any) -> None:
    figure = figures.forest(study_results.its)
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert isinstance(figure, figures.Drawing)


def test_specification_curve_draws_one_contrast(tmp_path: Path) -> None:
    rows = [
        {
            "platform": "a",
            "group": g,
            "event": "e",
            "own": i == 0,
            "unit": "uploads",
            "seniority": "as given",
            "period": "month",
            "window": w,
            "scale": s,
            "terms": "level",
            "season": "auto",
            "boundary": "exposure",
            "method": "reml-ar1",
            "effect_percent": 10.0 * i - 20,
            "low_percent": 10.0 * i - 40,
            "high_percent": 10.0 * i + 5,
            "p": 0.2,
            "n_periods": 40,
            "rank": i,
        }
        for g in ("x", "y")
        for i, (w, s) in enumerate([("all", "log"), ("all", "level"), ("36", "log")])
    ]
    table = pd.DataFrame([{"platform": "a", "group": "x", "event": "e", "label": "An event"}])
    outcome = CheckOutcome(
        "specification_curve", "?", "passed", table, "Fine.", {"curve": pd.DataFrame(rows)}, CALL
    )
    figure = figures.specification_curve(outcome, contrast=("a", "x", "e"))
    legible(figure)
    assert list(figure.data["effect_percent"]) == [-20.0, -10.0, 0.0]
    names = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert names == ["window: all", "window: 36", "scale: log", "scale: level"]
    with pytest.raises(InputError, match="no such contrast"):
        figures.specification_curve(outcome, contrast=("a", "z", "e"))


@pytest.fixture(scope="module")
def crawled() -> Any:
    from uploadtrends.simulate import population

    drawn = population(150, platforms=("artstation",), start="2018-01-01", end="2022-12-31", seed=3)
    return ut.build_panel(drawn, seniority=ut.Seniority(at="2021-01-01"))


@pytest.mark.parametrize("width", [7.0, 3.5])
def test_composition_and_survivorship_are_drawn(crawled: Any, width: float) -> None:
    its = ut.interrupted_time_series(crawled, "2021-06-15", groups=["all", "senior"])
    parts = its.check(ut.composition(panel=crawled))
    figure = figures.plot(parts, width=width)
    legible(figure)
    assert {"entrants", "exits", "intensity", "change"} <= set(figure.data["component"])
    swept = its.check(ut.survivorship(panel=crawled))
    figure = figures.plot(swept, width=width)
    legible(figure)
    assert set(figure.data["sweep"]) == {"by minimum number of works", "by share deleted"}


def test_a_decomposition_and_an_artist_model_are_drawn(crawled: Any) -> None:
    from uploadtrends.artists.comparisons import event_study
    from uploadtrends.artists.model import artist_model

    parts = crawled.decompose(("2020-01-01", "2020-12-01"), ("2021-07-01", "2022-06-01"))
    legible(figures.plot(parts))
    model = artist_model(crawled, "2021-06-15", groups=["senior", "new"])
    assert "senior vs new" in set(figures.plot(model).data["group"])
    study = event_study(crawled, "2021-06-15", groups=["senior", "new"])
    drawn = figures.plot(study).data
    assert drawn["relative_period"].min() < 0 < drawn["relative_period"].max()


def test_ai_share_has_bounds_and_delisted_says_what_it_cannot_tell(crawled: Any) -> None:
    figure = figures.ai_share(crawled, groups=["senior", "new"])
    legible(figure)
    known = figure.data.dropna()
    assert (known["ai_share_low"] <= known["ai_share"] + 1e-12).all()
    assert (known["ai_share"] <= known["ai_share_high"] + 1e-12).all()
    figure = figures.delisted(crawled)
    legible(figure)
    assert (figure.data["no_longer_listed"] <= figure.data["uploads"]).all()
    assert figure.data["no_longer_listed"].sum() > 0
    assert "cannot tell which" in figure.caption


def test_works_need_single_works(study_results: Any) -> None:
    with pytest.raises(InputError, match="no single works"):
        figures.ai_share(study_results.panel, groups=["total"])
