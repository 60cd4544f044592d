"""Results in little room: numbers as people write them, six columns, a text for a terminal."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 100
"""Columns of a terminal that a repr keeps to."""
LENGTH = 2000
"""Characters of a repr at most."""
COLUMNS = ("group", "event", "effect", "interval", "p", "status")
"""What a table shows unless everything is asked for."""
_CELL = 34
_SERIES = ("platform", "group", "by")  # what tells the rows of one series


def number(value: float) -> str:
    """Return three significant digits without an exponent where that is readable."""
    if value != value:
        return "?"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.01:
        return f"{value:.2g}" if size < 1 else f"{value:.1f}"
    return f"{value:.1g}"


def p_number(p: float) -> str:
    """Return a p value as tables print it: never zero, empty where there is none."""
    if p != p:
        return ""
    if p < 0.001:
        return "< .001"
    return f"{p:.3f}".removeprefix("0") if p < 0.9995 else "1.000"


def p_text(p: float) -> str:
    """Return a p value as sentences say it, such as ``p = .021`` or ``p < .001``."""
    said = p_number(p)
    return f"p {said}" if said.startswith("<") else f"p = {said or '?'}"


def months_text(months: float) -> str:
    """Return a number of months with its noun."""
    return f"{months:g} month{'' if months == 1 else 's'}"


def interval_text(low: float, high: float, unit: str = "", *, sign: bool = False) -> str:
    """Return an interval, one-sided where one of its ends is infinite."""
    say = _signed if sign else number
    if low == -math.inf:
        return f"up to {say(high)}{unit}"
    if high == math.inf:
        return f"{say(low)}{unit} or more"
    return f"{say(low)} to {say(high)}{unit}"


def short_table(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Return a table of effects or of changes as text in the columns of `COLUMNS`.

    None where the frame is neither. Of effects the size in percent is shown where there is one,
    else the one in the unit of the data, else the one on the model's scale.
    """
    import pandas as pd

    columns = set(frame.columns)
    if {"estimate", "low", "high", "p"} <= columns:
        names = [name for name in (*_SERIES, "event", "term") if name in columns]
        twice = "method" in columns and bool(names) and frame.duplicated(names).any()
        rows = [_effect(row, method=bool(twice)) for row in frame.to_dict("records")]
    elif {"date", "low", "high", "before", "after"} <= columns:
        rows = [_change(row) for row in frame.to_dict("records")]
    elif {"watched", "alarm", "share_of_boundary"} <= columns:
        rows = [_watched(row) for row in frame.to_dict("records")]
    elif {"test", "statistic", "date"} <= columns:
        rows = [_tested(row) for row in frame.to_dict("records")]
    else:
        return None
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _effect(row: Mapping[Any, Any], *, method: bool) -> tuple[str, ...]:
    size, low, high, unit = _sizes(row)
    term = str(row.get("term", row.get("of", "")))
    if "relative_period" in row:
        term = f"period {row['relative_period']:+d}"
    elif "when" in row:
        term = f"{term}, {_day(row['when'])}".strip(", ")
    known = size == size
    return (
        _group(row),
        _when(row, method),
        f"{term_text(term)}{' ' if term else ''}{_signed(size) + unit if known else ''}".strip(),
        interval_text(low, high, unit, sign=True) if known and low == low else "",
        p_number(_float(row.get("p"))),
        _status(row),
    )


def _sizes(row: Mapping[Any, Any]) -> tuple[float, float, float, str]:
    """Return size, ends and unit: percent before units before the model's scale."""
    for kind, unit in (("relative", "%"), ("absolute", ""), ("", "")):
        names = [kind, f"{kind}_low", f"{kind}_high"] if kind else ["estimate", "low", "high"]
        found = [_float(row.get(name)) for name in names]
        if found[0] == found[0] and (found[1] == found[1] or not kind):
            return found[0], found[1], found[2], unit
    return (float("nan"),) * 3 + ("",)


def main_rows(frame: pd.DataFrame) -> pd.Series:
    """Return which rows of an effects table a first look needs: all but the shorter horizons."""
    import pandas as pd

    if "term" not in frame:
        return pd.Series(True, index=frame.index)
    terms = frame["term"].astype(str)
    months = terms.str.extract(_HORIZON.pattern, expand=False).astype(float)
    known = months.where(frame["p"].notna())
    names = [name for name in (*_SERIES, "event") if name in frame]
    longest = known.groupby([frame[name] for name in names], dropna=False).transform("max")
    return months.isna() & (terms != "effect_end") | (known == longest)


_HORIZON = re.compile(r"effect_(\d+)m")


def term_text(term: str) -> str:
    """Return a term of the effects table in words."""
    if found := _HORIZON.fullmatch(term):
        return f"after {months_text(int(found[1]))}"
    return {"effect_end": "at the end", "cumulative": "in sum"}.get(term, term)


def _change(row: Mapping[Any, Any]) -> tuple[str, ...]:
    found = row["date"] == row["date"] and row["date"] is not None
    return (
        _group(row),
        _day(row["date"]) if found else "",
        f"{number(_float(row['before']))} to {number(_float(row['after']))}" if found else "",
        f"{_day(row['low'])} to {_day(row['high'])}" if found else "",
        p_number(_float(row.get("p"))),
        _status(row),
    )


def _watched(row: Mapping[Any, Any]) -> tuple[str, ...]:
    alarm = _day(row["alarm"])
    return (
        _group(row),
        f"alarm {alarm}" if alarm else "",
        f"{100 * _float(row['share_of_boundary']):.0f}% of the boundary",
        f"{_day(row['first'])} to {_day(row['last'])}",
        p_number(_float(row.get("p"))),
        _status(row),
    )


def _tested(row: Mapping[Any, Any]) -> tuple[str, ...]:
    low, high = _day(row.get("low")), _day(row.get("high"))
    return (
        _group(row),
        _day(row["date"]),
        f"{row['test']} {number(_float(row['statistic']))}",
        f"{low} to {high}" if low and high else "",
        p_number(_float(row.get("p"))),
        _status(row),
    )


def _group(row: Mapping[Any, Any]) -> str:
    parts = [_text(row.get(name)) for name in ("platform", "group")]
    by = _text(row.get("by"))
    return ", ".join(part for part in (by and f"by {by}", *parts) if part)


def _when(row: Mapping[Any, Any], method: bool) -> str:
    """Return the event, and outcome and method where those tell rows apart."""
    event = _text(row.get("label")) or _text(row.get("event"))
    names = ("outcome", "method") if method or not event else ("outcome",)
    return ", ".join(part for part in (event, *(_text(row.get(name)) for name in names)) if part)


def _status(row: Mapping[Any, Any]) -> str:
    status, depends = _text(row.get("status")), _text(row.get("depends_on"))
    hangs = {"both": "scale and trend"}.get(depends, depends)
    return f"{status}, hangs on {hangs}" if hangs else status


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)


def cell(value: Any) -> str:
    """Return a value of a table in few characters: four digits, a date as a day, nothing if none.

    Examples
    --------
    >>> cell(0.123456), cell(None)
    ('0.1235', '')
    """
    if isinstance(value, float) and value == value:
        return f"{value:.4g}"
    return _day(value)


def _day(value: Any) -> str:
    known = value == value and hasattr(value, "strftime")
    return f"{value:%Y-%m-%d}" if known else _text(value)


def _signed(value: float) -> str:
    text = number(value)
    return f"+{text}" if value > 0 else text


def lines_of(table: pd.DataFrame) -> list[str]:
    """Return a table of text as lines of at most `WIDTH` characters, head first.

    A cell that is too long ends in an ellipsis.
    """
    cells = [list(map(str, table.columns)), *table.astype(str).to_numpy().tolist()]
    widths = [min(max(len(row[i]) for row in cells), _CELL) for i in range(len(cells[0]))]
    # Numbers are never cut: names, and what is said of the status, give way.
    soft = [i for i, name in enumerate(cells[0]) if name in ("group", "event", "status")]
    while sum(widths) + 2 * len(widths) > WIDTH:
        widest = max(soft or range(len(widths)), key=lambda i: widths[i])
        widths[widest] -= 1
    return [
        "  ".join(
            _cut(cell, room).ljust(room) for cell, room in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def _cut(text: str, room: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…"


def boxed(lines: Sequence[str], rest: str, *, left_out: int | None = None) -> str:
    """Return lines in at most `LENGTH` characters, none longer than `WIDTH`.

    Where lines are left out, the last one says how many, and how to see them (`rest`); `left_out`
    of them before this.
    """
    folded = [part for line in lines for part in (textwrap.wrap(line, WIDTH) or [""])]
    if len("\n".join(folded)) <= LENGTH and left_out is None:
        return "\n".join(folded)
    room, kept = LENGTH - 2 * WIDTH, list(folded)
    while len("\n".join(kept)) > room:
        kept.pop()
    left_out = (left_out or 0) + len(folded) - len(kept)
    more = f"{left_out} more line{'' if left_out == 1 else 's'}. " if left_out else ""
    return "\n".join([*kept, *textwrap.wrap(more + rest, WIDTH)])


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {mark: "\\" + mark for mark in "&%$#_{}"}
_LATEX |= {"<": r"\textless{}", ">": r"\textgreater{}", "−": "$-$", "…": r"\ldots{}"}


def latex_text(text: str) -> str:
    """Return a text with every letter that LaTeX would take as a command written out."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def latex_row(cells: Sequence[str]) -> str:
    r"""Return one row of a tabular; the line break before it takes ``[`` and ``*`` as its own."""
    row = " & ".join(latex_text(cell) for cell in cells)
    return ("{}" if row.lstrip().startswith(("[", "*")) else "") + row + r" \\"


def latex_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", label: str = ""
) -> str:
    """Return a tabular with the rules of booktabs; with a caption, a table that holds it."""
    tabular = [
        rf"\begin{{tabular}}{{{'l' * len(head)}}}",
        r"\toprule",
        latex_row(head),
        r"\midrule",
        *(latex_row(row) for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if caption:
        tabular = [
            r"\begin{table}",
            rf"\caption{{{latex_text(caption)}}}",
            *([rf"\label{{{label}}}"] if label else []),
            *tabular,
            r"\end{table}",
        ]
    return "\n".join(tabular) + "\n"


def safe_text(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers.

    A text that begins with ``=``, ``+``, ``-``, ``@`` or a control character gets an apostrophe in
    front (OWASP, CSV injection); a text that is a number is none.
    """
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def safe_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts, names of columns included, no spreadsheet takes for formulas."""
    kinds = frame.dtypes
    made = frame.copy()
    for place, kind in enumerate(kinds):
        if kind.kind not in "biufcmM":
            made.isetitem(place, frame.iloc[:, place].map(safe_text).to_numpy())
    made.columns = [safe_text(name) for name in frame.columns]
    return made


def csv_text(frame: pd.DataFrame) -> str:
    """Return a frame as CSV that a spreadsheet opens without running anything in it."""
    return str(safe_frame(frame).to_csv(index=False))
