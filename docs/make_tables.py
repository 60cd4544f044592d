"""Write the tables of error rates in the docs from the committed results of validation.

Run from the root: `python docs/make_tables.py`. A test fails when a page is stale.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import quality_tables
from quality_tables import RESULTS, markdown, percent

DOCS = Path(__file__).resolve().parent
TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.S)


def _before_and_after() -> pd.DataFrame:
    parts = []
    for version in ("0.1.0", "0.2.0"):
        path = RESULTS / f"change_points_{version}.csv"
        if path.exists():
            parts.append(pd.read_csv(path).assign(version=version))
    return pd.concat(parts, ignore_index=True)


def false_alarms() -> str:
    """How often a change is dated where there is none, by process and length."""
    found = _before_and_after()
    chosen = found[(found["study"] == "false_alarms") & (found["what"] == "dated")]
    wide = chosen.pivot_table(index="kind", columns=["n", "version"], values="share", sort=False)
    lengths = sorted(chosen["n"].unique())
    rows = [[str(kind), *(_pair(line, n) for n in lengths)] for kind, line in wide.iterrows()]
    return markdown(rows, ["nothing is dated in", *(f"{n} periods" for n in lengths)])


def power() -> str:
    """How often a step is dated, and how often p is at most .05."""
    found = _before_and_after()
    chosen = found[found["study"] == "power"]
    wide = chosen.pivot_table(index="kind", columns=["what", "version"], values="share", sort=False)
    rows = [
        [str(kind), *(_pair(line, what) for what in ("dated", "p <= .05"))]
        for kind, line in wide.iterrows()
    ]
    return markdown(rows, ["a step of", "dated", "p at most .05"])


def _pair(line: pd.Series, column: object) -> str:
    """What 0.1.0 did and what is done now, as far as they were run."""
    before, now = (percent(line.get((column, name), float("nan"))) for name in ("0.1.0", "0.2.0"))
    return f"{before} → {now}" if before else now


TABLES = {"false_alarms": false_alarms, "power": power} | quality_tables.TABLES


def written(text: str) -> str:
    """A page with its tables made anew."""
    return TABLE.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


def main() -> None:
    """Write every page that holds a table."""
    for page in [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        if TABLE.search(text):
            page.write_text(written(text), encoding="utf-8")


if __name__ == "__main__":
    main()
