"""Every result object, as somebody meets it: in a terminal, in a table, in LaTeX and in CSV."""

from __future__ import annotations

import importlib
import io
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends import brief
from uploadtrends.artists.exposure_study import exposure_study
from uploadtrends.breaks.counts import count_posterior
from uploadtrends.breaks.segmentation import penalty_path
from uploadtrends.errors import InputError
from uploadtrends.report.tables import Table
from uploadtrends.result import Result
from uploadtrends.simulate import population, training_set
from uploadtrends.study.added import AddedEvent

EVENT = "2021-06-01"


@cache
def series() -> dict[str, pd.Series]:
    rng = np.random.default_rng(1)
    index = pd.date_range("2018-01-01", periods=60, freq="MS")
    names = [f"a group with a rather long name, number {i}" for i in range(5)]
    return {
        name: pd.Series(rng.poisson(60, 60) - 20.0 * (np.arange(60) > 40), index) for name in names
    }


@cache
def one() -> pd.Series:
    return next(iter(series().values()))


@cache
def panel() -> ut.Panel:
    rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    people = population(60, platforms=("artstation",), start="2018-01-01", end="2022-12-31", seed=1)
    return ut.build_panel(people, seniority=rule)


@cache
def exposed() -> Any:
    world = training_set(80)
    return ut.exposure(ut.build_panel(world.population, start="2019-01-01"), world.treated_from)


@cache
def its() -> Any:
    return ut.interrupted_time_series(series(), [EVENT, "2020-01-01"])


@cache
def changes() -> Any:
    return ut.change_points(series(), penalty="bic")


@cache
def artists() -> Any:
    return ut.artist_model(panel(), EVENT, inference="cluster", terms=("level",))


MADE: dict[str, Callable[[], Any]] = {
    "InterruptedTimeSeries": its,
    "Comparison": lambda: ut.compare(its(), ["ols-hac", "bootstrap"]),
    "ChangePoints": changes,
    "Match": lambda: changes().match(EVENT, n_permutations=99),
    "CheckOutcome": lambda: its().check(ut.multiplicity()),
    "CommonChange": lambda: ut.common_change(series()),
    "CountPosterior": lambda: count_posterior(one()),
    "PenaltyPath": lambda: penalty_path(one()),
    "StructuralTest": lambda: ut.structural_breaks(one()),
    "StructuralBreaks": lambda: ut.structural_breaks(panel(), groups=["all", "new"]),
    "BaiPerron": lambda: ut.structural_breaks(one(), "Bai-Perron"),
    "Monitoring": lambda: ut.monitor(one(), "2021-01-01"),
    "Exposure": exposed,
    "Matched": lambda: ut.matched(exposed()),
    "ExposureEffects": lambda: ut.exposure_effects(exposed().panel, exposed()),
    "ExposureStudy": lambda: exposure_study(exposed().panel, training_set(80).treated_from),
    "ArtistModel": artists,
    "EventStudy": lambda: ut.event_study(panel(), EVENT, inference="cluster"),
    "HazardModel": lambda: ut.artist_hazards(panel(), EVENT, inference="cluster"),
    "ArtistSensitivity": lambda: ut.artist_sensitivity(artists(), models=("gee",)),
    "Decomposition": lambda: panel().decompose(
        ("2020-01-01", "2020-12-31"), ("2021-07-01", "2022-06-30"), n_bootstrap=19
    ),
    "CaptionLoop": lambda: ut.caption_loop(iterations=22),
    "RetrainingLoop": lambda: ut.retraining_loop(
        lambda n, rng: rng.standard_normal((n, 1)), generator="gaussian", generations=5, repeats=3
    ),
    "LoopStudy": lambda: ut.loop_study(iterations=22, generations=5, loops=2, generator="gaussian"),
    "Convergence": lambda: ut.convergence(
        np.random.default_rng(0).normal((1 - 0.5 ** np.arange(60.0))[:, None], 0.05, (60, 12))
    ),
    "SyntheticShare": lambda: ut.synthetic_share(panel()),
    "AttributionEarnings": lambda: ut.attribution_earnings(100, (0.1, 0.2, 0.4), 1.0, 0.3),
    "Table": lambda: Table(its().effects),
    "AddedEvent": lambda: AddedEvent(
        date=EVENT,
        label="Mine",
        effects=its().effects.assign(fitted="alone"),
        term="level",
        notes=("It joins a block.",),
        call=its().call,
    ),
}
BESIDE = {
    "Panel": panel,
    "Fit": lambda: its().fits[0],
    "EventSet": ut.event_catalogue,
}


def kinds() -> set[str]:
    """Return the names of all result classes of the package."""
    for module in pkgutil.walk_packages(ut.__path__, "uploadtrends."):
        if ".__main__" not in module.name:
            importlib.import_module(module.name)
    found, todo = set(), [Result]
    while todo:
        below = [c for c in todo.pop().__subclasses__() if c.__module__.startswith("uploadtrends")]
        found |= {c.__name__ for c in below}
        todo += below
    return found


def test_no_result_is_forgotten_here() -> None:
    assert kinds() == set(MADE)


@pytest.mark.parametrize("name", [*MADE, *BESIDE])
def test_a_repr_fits_a_terminal(name: str) -> None:
    made = (MADE | BESIDE)[name]()
    text = repr(made)
    assert len(text) <= 2000
    assert max(len(line) for line in text.splitlines()) <= 100
    if isinstance(made, Result):
        assert made.title in " ".join(text.split("\n"))
        assert "<table" in made._repr_html_()


def test_a_repr_says_what_it_left_out() -> None:
    lines = repr(its()).splitlines()
    assert lines[1].split() == list(brief.COLUMNS)
    left = len(its().effects) - (len(lines) - 3)
    assert left > 0
    assert lines[-1] == (f"{left} more lines. All columns: .to_frame(). In words: .summary().")
    text = brief.boxed([f"line {n}" for n in range(400)], "The rest: elsewhere.")
    assert len(text) <= brief.LENGTH
    shown = text.count("\n")
    assert text.splitlines()[-1] == f"{400 - shown} more lines. The rest: elsewhere."


def test_artist_models_and_event_studies_are_captioned_as_differences() -> None:
    study = MADE["EventStudy"]()
    assert "difference between groups" in study.title
    assert "difference between groups" in artists().title
    assert study.plot().caption.startswith("Difference between groups")
    assert artists().plot().caption.startswith("Artist model: difference between groups")
    assert "expected" not in study.plot().caption


def test_the_short_latex_table_has_six_columns_and_the_full_one_all() -> None:
    short, full = its().to_latex(), its().to_latex(full=True)
    own = its().to_latex(full=True, caption="50% & more", label="tab:a")
    assert own.startswith("\\begin{table}\n\\caption{50\\% \\& more}\n\\label{tab:a}\n")
    assert r"\begin{tabular}{llllll}" in short
    assert r"\caption{Interrupted time series" in short
    assert rf"\begin{{tabular}}{{{'l' * len(its().effects.columns)}}}" in full
    assert "absolute\\_low" in full
    assert r"\textless{} .001" in short or ".0" in short


def test_a_row_that_begins_with_a_bracket_is_no_argument_of_the_line_break() -> None:
    table = Table(pd.DataFrame({"name": ["[a]", "*b", "c"], "x": [1, 2, 3]}))
    rows = table.to_latex().splitlines()
    assert r"{}[a] & 1 \\" in rows
    assert r"{}*b & 2 \\" in rows
    assert r"c & 3 \\" in rows


def test_no_cell_of_a_csv_is_taken_for_a_formula() -> None:
    given = pd.DataFrame(
        {"=name": ["=1+1", "+49 1", "-x", "@me", "-1.5", "plain"], "x": [-1.0, 2, 3, 4, 5, 6]}
    )
    text = brief.csv_text(given)
    read = pd.read_csv(io.StringIO(text))
    assert read.columns[0] == "'=name"
    assert list(read.iloc[:, 0]) == ["'=1+1", "'+49 1", "'-x", "'@me", "-1.5", "plain"]
    assert read["x"].tolist() == given["x"].tolist()
    assert given.columns[0] == "=name"


@pytest.mark.parametrize(
    ("p", "said"),
    [(0.0, "< .001"), (0.00049, "< .001"), (0.021, ".021"), (0.9999, "1.000"), (1.0, "1.000")],
)
def test_p_is_never_zero(p: float, said: str) -> None:
    assert brief.p_number(p) == said


def test_months_have_their_number() -> None:
    assert [brief.months_text(n) for n in (1, 3)] == ["1 month", "3 months"]
    assert brief.term_text("effect_1m") == "after 1 month"


def test_a_panel_is_a_frame_and_a_picture() -> None:
    frame = panel().to_frame()
    assert len(frame) == panel().groups.height
    assert isinstance(frame, pd.DataFrame)
    drawing = panel().plot()
    values = drawing.data.set_index(["platform", "group", "period"])["value"]
    for platform, group in panel().keys():
        counted = panel().series(platform, group)
        np.testing.assert_array_equal(values[platform, group], counted)
    assert "as counted" in drawing.caption
    with pytest.raises(InputError, match="unknown unit"):
        panel().plot(unit="likes")
