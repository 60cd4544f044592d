"""Figures in another language: words, captions, reasons; what a table lacks is named."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import kinds
import pandas as pd
import pytest
from matplotlib.text import Text

import uploadtrends as ut
from uploadtrends import figures
from uploadtrends.figures.canvas.words import Phrases

# Words of English that German does not have ("was" is German).
ENGLISH = re.compile(
    r"\b(the|of|and|is|are|no|with|at|by|for|than|not|were|this|that|which|from|to|between|each|"
    r"change|before|after|events?|periods?|months?|interval|estimates?|artists?|works)\b"
)
LABELS = re.compile(r"a group with a rather long name, number \d", re.I)


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def english(figure: Any, labels: set[str]) -> list[str]:
    """Return what of a figure is English, but for labels of events and names of series."""
    found = []
    for text in [figure.caption, figure.alternative, *texts(figure)]:
        for label in labels:
            text = text.replace(label, "")
        if ENGLISH.search(LABELS.sub("", text)):
            found.append(text)
    return found


def wholly_german(name: str, figure: Any, labels: set[str]) -> None:
    table = figures.words("de")
    assert figure.untranslated == (), name
    assert english(figure, labels) == [], name
    left = [text for text in texts(figure) if table.get(text, text) != text]
    assert [text for text in left if text not in table.values()] == [], name


def test_every_figure_is_wholly_german() -> None:
    with figures.style(language="de"):
        for name, figure in kinds.every(7.0):
            if name not in ("EventSet", "LoopStudy_strip"):  # labels and captions are data
                wholly_german(name, figure, set())
            assert ENGLISH.search(LABELS.sub("", figure.caption)) is None, name


def test_a_study_is_wholly_german(study_results: Any, cohorts: Any) -> None:
    facts = ut.published_series(study_results.panel, study_results.its, date="2022-08")
    labels = {event.label for event in study_results.events}
    labels |= {label.partition(" (")[0] for label in labels}
    with figures.style(language="de", source=False):
        drawn = dict(study_results.drawings())
        drawn["facts"] = figures.plot_its(study_results.its, facts=facts)
        drawn["published"] = figures.plot(facts)
        drawn["cohorts"] = figures.figure3_placebo_cohorts(cohorts)
    drawn.pop("event_timeline")
    drawn.pop("upload_rates_pixiv")  # labels of events that only pixiv has
    for name, figure in drawn.items():
        wholly_german(name, figure, labels)
    reasons = " ".join(texts(drawn["effects"]))
    assert "nicht schätzbar (nur 2 Monate an Daten davor, 6 nötig)" in reasons
    assert "nicht schätzbar (es betrifft ArtStation und nicht DeviantArt)" in reasons


def test_sentences_are_found_by_their_templates() -> None:
    german = Phrases(figures.words("de"))
    said = german.sentence(
        "the best single change (2023-06) is no larger than a straight line with autocorrelation "
        "0.19 shows by chance (p = .061); 2 unusual months: 2021-02, 1,500.5 where about 249 was "
        "expected; 2017-04, 474 where about 247 was expected"
    )
    assert said == (
        "die beste einzelne Änderung (2023-06) ist nicht größer, als eine Gerade mit "
        "Autokorrelation 0,19 zufällig zeigt (p = 0,061); 2 ungewöhnliche Zeiträume (Monate): "
        "2021-02, 1.500,5 statt erwarteter etwa 249; 2017-04, 474 statt erwarteter etwa 247"
    )
    assert german.missing == {}
    assert german.sentence("A sentence that is not of the package.") == (
        "A sentence that is not of the package."
    )
    assert list(german.missing) == ["A sentence that is not of the package."]


def test_a_dictionary_works_and_its_gaps_are_named() -> None:
    index = pd.date_range("2018-01-01", periods=60, freq="MS")
    values = pd.Series([100.0 + i % 7 - 30 * (i >= 40) for i in range(60)], index)
    its = ut.interrupted_time_series(values, "2021-05-15")
    spanish = {"observed": "observado", "Points: observed.": "Puntos: observado."}
    figure = its.plot(language=spanish)
    assert "observado" in texts(figure)
    assert figure.caption.startswith("Puntos: observado. Line: fitted.")
    assert "fitted" in figure.untranslated
    assert "observed" not in figure.untranslated
    assert its.plot(language="de").untranslated == ()
    assert its.plot().untranslated == ()


def _said() -> set[str]:
    """Return every word and template that the package says by `say`."""
    found = set()
    for path in (Path(ut.__file__).parent).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("say", "drawn") and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found - {""}


def test_every_word_that_is_said_is_in_the_table() -> None:
    missing = {text for text in _said() if text not in figures.words("de")}
    assert missing == set()


@pytest.mark.parametrize("language", ["de"])
def test_templates_keep_their_places(language: str) -> None:
    for english_text, text in figures.words(language).items():
        places = set(re.findall(r"{(\w+)}", english_text))
        assert places == set(re.findall(r"{(\w+)}", text)), english_text
