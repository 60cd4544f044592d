"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from uploadtrends.brief import main_rows, p_number, short_table
from uploadtrends.figures.canvas.drawing import Drawing
from uploadtrends.figures.canvas.markers import entry
from uploadtrends.figures.canvas.sheet import COLUMN_WIDTH, ordered, title
from uploadtrends.figures.canvas.styling import changed
from uploadtrends.figures.gallery import entries
from uploadtrends.report import further
from uploadtrends.report.answer import answer, tally, unprompted
from uploadtrends.report.chart import Chart, chart_html
from uploadtrends.report.checklist import checklist
from uploadtrends.report.inline import Picture, figure_html
from uploadtrends.report.methods import REFERENCES, paragraph
from uploadtrends.report.tables import downloads, html_table

if TYPE_CHECKING:
    from uploadtrends.checks import CheckOutcome

SAID_ELSEWHERE = ("figure1", "event_timeline")
"""Figures that are saved and not on the page: its charts and their key show the same."""
SECTIONS = (
    ("series", "The series"),
    ("figures", "Figures"),
    ("effects", "Estimates"),
    ("checks", "Checks"),
    ("methods", "Methods"),
    ("checklist", "Reporting checklist"),
    ("manifest", "Manifest"),
)


def write(
    results: Any, path: str | Path, drawings: Mapping[str, Drawing | Picture] | None = None
) -> Path:
    """Write the report of a study as one self-contained HTML page.

    Parameters
    ----------
    results : StudyResults
    path : str or pathlib.Path
        The file to write, such as ``data/derived/report.html``.
    drawings : mapping of str to Drawing or Picture, optional
        The figures, where they were drawn already; else drawn here.

    Returns
    -------
    pathlib.Path
        The page. It makes no request, works without a connection and without scripts, and holds
        its tables as CSV, Markdown and LaTeX.
    """
    path = Path(path)
    drawn = dict(results.drawings() if drawings is None else drawings)
    narrow = _narrow(results, drawn)
    own = further.asked(results)

    def picture(name: str) -> str:
        return figure_html(name, drawn[name], narrow.get(name)) if name in drawn else ""

    parts = [
        _answer(results),
        _series(results),
        _figures(
            results,
            {k: one for k, one in drawn.items() if k.partition("_")[0] not in own},
            narrow,
        ),
        _effects(results),
        *(_section(key, body) for key, body in further.written(results, picture).items()),
        _checks(results, drawn, narrow),
        _methods(results),
        _checklist(results),
        _manifest(results),
    ]
    spec = results.spec
    version = results.its.call.package_version
    return write_page(path, spec.title, spec.question, _headings(own), "\n".join(parts), version)


def _narrow(results: Any, drawn: Mapping[str, Drawing | Picture]) -> dict[str, Drawing]:
    """Return narrow versions for phones, but for what has its own; the page shows either."""
    found: dict[str, Drawing] = {}
    wanted = {name for name, one in drawn.items() if not isinstance(one, Picture)}
    if wanted - set(SAID_ELSEWHERE):
        with changed(width=COLUMN_WIDTH):
            for entry in entries(results):
                if entry.name not in SAID_ELSEWHERE:
                    found |= entry.draw(results)
    return found


def write_page(
    path: Path, title: str, question: str, sections: Mapping[str, str], body: str, version: str
) -> Path:
    """Write a page in one step; `sections` are headings by their ids."""
    text = _TEMPLATE.format(
        title=html.escape(title),
        question=html.escape(question),
        style=_asset("page.css"),
        script=_asset("hover.js"),
        navigation="".join(
            f'<li><a href="#{key}">{name}</a></li>' for key, name in sections.items()
        ),
        body=body,
        version=html.escape(version),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    growing = path.with_name(path.name + ".part")
    growing.write_text(text, encoding="utf-8")
    growing.replace(path)
    return path


def _asset(name: str) -> str:
    return (files("uploadtrends.report") / name).read_text(encoding="utf-8")


def _headings(own: Mapping[str, str]) -> dict[str, str]:
    """Return every section's heading in order: those that only some studies have, before checks."""
    fixed = list(SECTIONS)
    place = [key for key, _ in fixed].index("checks")
    return dict([*fixed[:place], *own.items(), *fixed[place:]])


def _section(key: str, body: str) -> str:
    name = dict(SECTIONS).get(key) or further.SECTIONS[key][0]
    return section_html(key, name, body)


def section_html(key: str, name: str, body: str) -> str:
    """Return a section with its heading."""
    return (
        f'<section id="{key}" aria-labelledby="{key}-name">'
        f'<h2 id="{key}-name">{name}</h2>{body}</section>'
    )


def _answer(results: Any) -> str:
    body = ""
    for one in results.added:
        first, *notes = one.sentences()
        body += _p(first)
        if notes:
            listed = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
            body += f"<ul>{listed}</ul>"
    body += "".join(map(_p, answer(results)[len(results.added) :]))
    return (
        '<section class="answer" aria-labelledby="answer-name">'
        f'<h2 id="answer-name">The answer</h2>{body}</section>'
    )


def _p(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def _series(results: Any) -> str:
    keys = list(results.panel.keys())
    named = [" ".join(entry(event).split()) for event in results.events]
    marks = [(pd.Timestamp(e.start), name) for e, name in zip(results.events, named, strict=True)]
    charts = []
    units = _units(results)
    for place, group in enumerate(dict.fromkeys(group for _, group in ordered(keys))):
        members = [platform for platform, name in keys if name == group]
        lines = {title(platform): whole(results.panel, platform, group) for platform in members}
        charts.append(
            Chart(
                f"chart-{place}",
                f"{title(group)}" if group != "all" else "All artists",
                dict(pd.DataFrame(lines).items()),  # type: ignore[arg-type]
                members,
                marks,
                units.get(group, str(results.its.settings.unit)),
            )
        )
    values = pd.DataFrame(results.panel.groups.to_pandas())
    kept = [
        c for c in ("platform", "group", "period", "uploads", "unit", "complete") if c in values
    ]
    table = values[kept]
    body = "".join(chart_html(chart) for chart in charts)
    names = "".join(f"<li>{html.escape(label)}</li>" for _, label in marks)
    body += f'<ol class="key">{names}</ol>'
    body += (
        "<details><summary>All values as a table</summary>"
        f"{html_table(table, 'The main series, one row a period')}</details>"
        f"{downloads('series', table)}"
    )
    return _section("series", body)


def whole(panel: Any, platform: str, group: str) -> pd.Series:
    """Return a series from its first to its last whole period: a part of one looks like a fall."""
    known = panel.flags(platform, group)["complete"].to_numpy(bool)
    values: pd.Series = panel.series(platform, group, flagged="keep")
    return values[known.argmax() : len(known) - known[::-1].argmax()] if known.any() else values


def _units(results: Any) -> dict[str, str]:
    """Return the unit of each group, where the source of a published series states one."""
    rows = results.panel.groups.select("group", "unit").unique().drop_nulls()
    return {group: f"unit: {unit}" for group, unit in rows.iter_rows()}


def _figures(
    results: Any, drawn: Mapping[str, Drawing | Picture], narrow: Mapping[str, Drawing]
) -> str:
    said = [outcome.text for outcome in results.checks] + [results.matches.summary()]
    return _section(
        "figures",
        "".join(
            figure_html(name, drawing, narrow.get(name), leave_out=said)
            for name, drawing in drawn.items()
            if not name.startswith("check_") and name not in SAID_ELSEWHERE
        ),
    )


def _effects(results: Any) -> str:
    effects, breaks = results.its.answers, results.breaks.to_frame()
    main = effects[main_rows(effects)]
    # What cannot be estimated has the same reason for every term: it is said once.
    alike = ["platform", "group", "event", "reason", *(["by"] if "by" in main else [])]
    again = main["estimate"].isna() & main.duplicated(alike)
    body = (
        "<p>In percent of what was expected without the event, where the model gives it, with 95% "
        "intervals. The first p is of one test alone, the second one is adjusted for all rows of "
        "all series and events (a closed test). The downloads have every column, the smallest "
        "change that could have been found among them.</p>"
    )
    body += html_table(_told(main[~again]), "Estimates by series and event")
    body += downloads("results", effects)
    body += "<h3>Change points</h3>"
    body += html_table(_told(breaks), "Changes found without looking at the events")
    body += downloads("change_points", breaks)
    body += _p(unprompted(results)) + _p(results.breaks.plain_sentence())
    body += downloads("matches", results.matches.to_frame())
    return _section("effects", body)


def _told(frame: pd.DataFrame) -> pd.DataFrame:
    """Return effects or changes in a few columns of text, sites by their written names."""
    short = cast("pd.DataFrame", short_table(frame.assign(platform=frame["platform"].map(title))))
    if "p_adjusted" in frame:
        adjusted = [p_number(float(p)) for p in frame["p_adjusted"]]
        short.insert(list(short).index("p") + 1, "p adjusted", adjusted)
    return short


def _checks(
    results: Any, drawn: Mapping[str, Drawing | Picture], narrow: Mapping[str, Drawing]
) -> str:
    body = (
        "<p>A check passes, fails, had no power to fail (not informative), or cannot be run on "
        "these data (not applicable).</p>"
    )
    count = tally(results.checks)
    if count not in answer(results):  # said once
        body += _p(count)
    for outcome in results.checks:
        name = f"check_{outcome.name}"
        body += _check(outcome, drawn.get(name), narrow.get(name))
    return _section("checks", body)


def _check(outcome: CheckOutcome, drawing: Drawing | Picture | None, narrow: Drawing | None) -> str:
    name = outcome.name.replace("_", " ")
    table = outcome.to_frame()
    verdict = f'<span class="verdict {outcome.status.replace(" ", "-")}">{outcome.status}</span>'
    body = f"<h3>{html.escape(name.capitalize())}{verdict}</h3>"
    body += _p(outcome.question) + _p(outcome.text)
    if drawing is not None:
        body += figure_html(f"check_{outcome.name}", drawing, narrow, leave_out=[outcome.text])
    if len(table):
        shown = html_table(table, f"{name}: numbers")
        body += f"<details><summary>Numbers</summary>{shown}</details>"
        body += downloads(f"check_{outcome.name}", table)
    return f'<article class="check" id="check-{name.replace(" ", "-")}">{body}</article>'


def _methods(results: Any) -> str:
    text, cited = paragraph(results)
    items = "".join(f"<li>{html.escape(key)}. {html.escape(REFERENCES[key])}</li>" for key in cited)
    return _section("methods", f"{_p(text)}<h3>References</h3><ul>{items}</ul>")


def _checklist(results: Any) -> str:
    table = checklist(results)
    shown = html_table(table, "What a report of an interrupted time series must state")
    return _section(
        "checklist", f'<div class="checklist">{shown}</div>{downloads("checklist", table)}'
    )


def _manifest(results: Any) -> str:
    text = html.escape(json.dumps(results.manifest, indent=1, default=str))
    return _section(
        "manifest",
        "<p>Everything needed to repeat this run: hashes of the inputs, versions, seeds, "
        f"parameters.</p><details><summary>Show</summary><pre>{text}</pre></details>",
    )


_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the answer</a>
<header>
<h1>{title}</h1>
<p class="question">{question}</p>
<nav aria-label="Sections"><ul>{navigation}</ul></nav>
</header>
<main id="main">
{body}
</main>
<footer><p>Made by uploadtrends {version}. The page holds everything it shows.</p></footer>
<script>
{script}</script>
</body>
</html>
"""
