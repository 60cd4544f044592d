"""A check from outside the package is seen wherever the package's own are."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from typer.testing import CliRunner

import uploadtrends as ut
from uploadtrends import checks, figures
from uploadtrends.checks import check as registry
from uploadtrends.checks.check import Check, Sketch, Weight
from uploadtrends.checks.wording import conclude
from uploadtrends.cli import app
from uploadtrends.errors import InputError
from uploadtrends.study.spec import parse_study

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def december(monkeypatch: pytest.MonkeyPatch) -> type[Check]:
    """A check as another package would write it, on the list for one test."""
    registry.check_names()
    monkeypatch.setattr(registry, "_KNOWN", {**registry._KNOWN})

    def draw(axes: Any, style: Any, rows: pd.DataFrame, outcome: Any) -> None:
        axes.bar(rows["share"].index, rows["share"], color=style.look(rows["platform"].iloc[0])[0])

    @dataclass(frozen=True, repr=False)
    class December(Check):
        """Ask whether the change is a matter of Decembers.

        Parameters
        ----------
        most : float
            Share of the works that Decembers may hold.
        """

        name: ClassVar[str] = "december"
        question: ClassVar[str] = "Is the change a matter of Decembers?"
        weight: ClassVar[Weight | None] = Weight("withdraws", "it is a matter of Decembers")
        drawing: ClassVar[Sketch | None] = Sketch("shares", draw, "Share of works in December.")

        most: float = 0.5

        def run(self, result: Any) -> Any:
            fit = result.fits[0]
            share = float(fit.observed[fit.observed.index.month == 12].sum() / fit.observed.sum())
            rows = pd.DataFrame({"platform": [fit.platform], "group": [fit.group], "share": share})
            status: Any = "failed" if share > self.most else "passed"
            return self.found(result, status, rows, f"{share:.0%} in December.", {"shares": rows})

    return December


def test_a_check_of_another_package_is_a_public_name(december, stepped):
    assert ut.december is december is checks.december
    assert "december" in dir(ut)
    assert "december" in dir(checks)
    assert "december" in ut.__all__
    outcome = stepped.check(ut.december())
    assert outcome.passed
    assert outcome.question.endswith("Decembers?")
    assert outcome.call.function == "december"
    assert outcome.call.parameters == {"most": 0.5}
    assert outcome.call != stepped.check(ut.december(most=0.4)).call


def test_its_failure_weighs_on_the_conclusion(december, stepped):
    effect = {**stepped.effects.iloc[0].to_dict(), "status": "ok", "p": 1e-6, "p_holm": 1e-6}
    failed, passed = (stepped.check(ut.december(most=most)) for most in (0.01, 0.99))
    assert conclude(effect, [passed]).claims
    withdrawn = conclude(effect, [failed])
    assert not withdrawn.claims
    assert "it is a matter of Decembers" in withdrawn.reasons


def test_it_is_drawn_from_its_own_sketch(december, stepped):
    drawing = figures.plot(stepped.check(ut.december()))
    assert drawing.caption.startswith("Share of works in December.")
    assert len(drawing.axes[0].patches) == 1
    assert drawing.data["share"].between(0, 1).all()


STUDY = """
[study]
name = "december"
question = "Is it December?"
[[data]]
source = "bundled"
path = "bundled:precipice_figure1"
[events]
ids = ["mr-sd-public"]
[panel]
platforms = ["artstation", "deviantart"]
[matching]
n_permutations = 19
[primary]
platform = "artstation"
group = "senior"
event = "mr-sd-public"
term = "level"
[checks.december]
most = 0.01
"""


def test_a_study_and_the_command_line_run_it(december, tmp_path):
    (tmp_path / "study.toml").write_text(STUDY)
    ran = CliRunner().invoke(app, ["checks", str(tmp_path / "study.toml"), "--fail-on-check"])
    assert ran.exit_code == 4, ran.output
    assert "december" in ran.output
    assert "in December" in ran.output
    with pytest.raises(InputError, match="did you mean 'most'"):
        parse_study(tomllib.loads(STUDY.replace("most =", "mots =")))
    with pytest.raises(InputError, match="did you mean 'december'"):
        parse_study(tomllib.loads(STUDY.replace("checks.december", "checks.decembre")))


def test_it_is_on_the_api_page(december, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    page = import_module("make_api").page()
    assert "### `ut.december(most=0.5)`" in page
    assert "matter of Decembers" in page


def test_an_entry_point_brings_a_check(monkeypatch):
    registry.check_names()
    monkeypatch.setattr(registry, "_KNOWN", {**registry._KNOWN})
    loaded = []

    class Entry:
        def load(self) -> None:
            loaded.append("a module of another package")

    monkeypatch.setattr(
        registry, "entry_points", lambda group: [Entry()] * (group == "uploadtrends.checks")
    )
    registry._import_all.cache_clear()
    registry.check_names()
    assert loaded == ["a module of another package"]


def test_every_check_says_how_it_weighs_or_informs_only():
    silent = {name for name in registry.check_names() if registry.check_class(name).weight is None}
    assert silent == {"composition", "power", "published_series"}
    ranks = [weight.rank for weight in registry.weights().values()]
    assert ranks == sorted(set(ranks))
    with pytest.raises(InputError, match="no such check"):
        registry.check_class("nothing")
