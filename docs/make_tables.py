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


# The cells that 0.1.0 was measured on as well: its kind and autocorrelation, and their name now.
SAME_SERIES = {
    ("constant", 0.0): "AR 0",
    ("constant", 0.4): "AR .4",
    ("constant", 0.7): "AR .7",
    ("heavy tails, t(3)", 0.4): "t3, AR .4",
    ("season of 12, 1.5 sd", 0.4): "season 1.5 sd",
}


def _before_and_after() -> pd.DataFrame:
    """All cells of 0.2.0, and those of 0.1.0 that ask the same."""
    alarms = pd.read_csv(RESULTS / "change_points_0.1.0_false_alarms.csv")
    names = pd.Series(zip(alarms["kind"], alarms["rho"], strict=True)).map(SAME_SERIES)
    alarms = alarms.assign(study="false_alarms", what="dated", kind=names)
    steps = pd.read_csv(RESULTS / "change_points_0.1.0_power.csv")
    steps = steps[(steps["n"] == 72) & (steps["at"] == "half")]
    kinds = [
        f"{row.step_sd:g} sd at 36, AR {row.rho:g}, trend={'False' not in row.method}"
        for row in steps.itertuples()
    ]
    steps = steps.assign(study="power", what="dated", kind=kinds)
    several = pd.read_csv(RESULTS / "change_points_0.1.0_several_changes.csv").query("rho == 0.4")
    kinds = several["shape"].str.replace(" and", ",") + ", trend=" + several["trend"].astype(str)
    several = several.assign(
        study="several_changes",
        n=120,
        kind=kinds,
        what="right number",
        share=several["right_number"],
        method="calibrated",
    )
    before = pd.concat([alarms, steps, several], ignore_index=True)
    kept = before["method"].isin(["calibrated", "calibrated, trend=False"]) & before["kind"].notna()
    kept &= ~((before["study"] == "false_alarms") & (before["method"] != "calibrated"))
    now = pd.read_csv(RESULTS / "change_points_0.2.0.csv").assign(version="0.2.0")
    return pd.concat([now, before[kept].assign(version="0.1.0")], ignore_index=True)


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
    chosen = chosen[chosen["kind"].isin(chosen.loc[chosen["version"] == "0.2.0", "kind"])]
    return _by_kind(chosen, ["dated", "p <= .05"], ["a step of", "dated", "p at most .05"])


def several() -> str:
    """How often several steps are found, all and no more."""
    found = _before_and_after()
    chosen = found[(found["study"] == "several_changes") & (found["n"] == 120)]
    wanted = [
        "found at all",
        "right number",
        "more than the true ones",
        "all joint intervals cover",
    ]
    return _by_kind(chosen, wanted, ["steps", *wanted])


def _by_kind(chosen: pd.DataFrame, wanted: list[str], head: list[str]) -> str:
    wide = chosen.pivot_table(index="kind", columns=["what", "version"], values="share", sort=False)
    rows = [[str(kind), *(_pair(line, what) for what in wanted)] for kind, line in wide.iterrows()]
    return markdown(rows, head)


def _pair(line: pd.Series, column: object) -> str:
    """What 0.1.0 did and what is done now, as far as they were run."""
    before, now = (percent(line.get((column, name), float("nan"))) for name in ("0.1.0", "0.2.0"))
    return f"{before} → {now}" if before else now


TABLES = {"false_alarms": false_alarms, "power": power, "several": several} | quality_tables.TABLES


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
