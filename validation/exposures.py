"""Do exposure designs cover the truth in populations like those of three published studies?

Each draw goes through the public verbs: a population (`uploadtrends.simulate`), its panel,
`exposure`, `matched` where the study matched, `exposure_effects` by the recommended method, by
imputation, and by two-way fixed effects for comparison. The truth is the mean effect that the
population was drawn with, on those of the exposed who are compared (matching leaves some out).

Run `python validation/exposures.py [--draws 500] [--scale 1]`. Rows are kept as they come in
results/exposures.csv, the table in results/exposures_summary.csv.
"""

from __future__ import annotations

import argparse
import time
import zlib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import uploadtrends as ut
from uploadtrends import simulate
from uploadtrends.simulate import Exposed

LIBRARIES = ("uploadtrends", "diff-diff", "pyfixest", "numpy", "scipy")
RESULTS = Path(__file__).parent / "results"
STUDIES = {
    "training set (Peukert et al. 2024)": ("two-step", "poisson-twfe"),
    "tool adopters (Zhou & Lee 2024)": ("poisson", "imputation", "twfe"),
    "labelled works (Wei & Tyson 2024)": ("poisson", "imputation", "twfe"),
}


def drawn(study: str, seed: int) -> tuple[Exposed, ut.Panel, Any]:
    """Return the population, its panel and the exposure (matched where the study matched)."""
    if study.startswith("training"):
        world = simulate.training_set(seed=seed)
        panel = ut.build_panel(world.population, start="2018-01-01")
        return world, panel, ut.exposure(panel, world.treated_from)
    if study.startswith("tool"):
        world = simulate.tool_adopters(seed=seed)
        panel = ut.build_panel(world.population, start="2021-01-01")
        return world, panel, ut.matched(ut.exposure(panel, world.treated_from), seed=seed)
    world = simulate.labelled_works(seed=seed)
    panel = ut.build_panel(world.population, start="2021-01-01")
    # Who uploads such a work is still there: the others must be, too.
    alike = ut.matched(
        ut.exposure(panel, "first AI upload"), on=("active_last_3m", "uploads_last_12m"), seed=seed
    )
    return world, panel, alike


def truth(world: Exposed, exposure: Any) -> tuple[float, float]:
    """Return the effect on those who are compared, as a log ratio and in uploads a month."""
    table = getattr(exposure, "exposure", exposure).table
    return world.among(table.loc[table["kind"] == "treated", "artist_id"])


def one(study: str, seed: int) -> list[dict[str, Any]]:
    """Draw once and estimate by every method."""
    world, panel, exposure = drawn(study, seed)
    log_ratio, uploads = truth(world, exposure)
    rows = []
    for place, method in enumerate(STUDIES[study]):
        result = ut.exposure_effects(panel, exposure, method=method)
        row = result.overall.iloc[0]
        ratio = row["unit"] == "log ratio"
        rows.append(
            {
                "study": study,
                "method": method,
                "recommended": place == 0,
                "seed": seed,
                "truth": log_ratio if ratio else uploads,
                **{name: row[name] for name in ("estimate", "low", "high", "status")},
                "p_leads": result.pretrend["p"].iloc[0] if len(result.pretrend) else np.nan,
            }
        )
    return rows


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return bias, coverage and claims by study and method, with Monte Carlo errors."""
    rows = rows.assign(
        error=rows["estimate"] - rows["truth"],
        covered=(rows["low"] <= rows["truth"]) & (rows["truth"] <= rows["high"]),
        claimed=(rows["low"] > 0) | (rows["high"] < 0),
        pretrend=(rows["p_leads"] < 0.05).where(rows["p_leads"].notna()),
        width=rows["high"] - rows["low"],
    )
    table = (
        rows.groupby(["study", "method", "recommended"], sort=False)
        .agg(
            draws=("error", "size"),
            truth=("truth", "mean"),
            bias=("error", "mean"),
            spread=("error", "std"),
            coverage=("covered", "mean"),
            claims=("claimed", "mean"),
            width=("width", "mean"),
            leads_rejected=("pretrend", "mean"),
        )
        .reset_index()
    )
    table["bias_error"] = table["spread"] / np.sqrt(table["draws"])
    table["coverage_error"] = np.sqrt(table["coverage"] * (1 - table["coverage"]) / table["draws"])
    table["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
    table["versions"] = " ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return table.round(4)


def main() -> None:
    """Run the study; rows are kept every ten draws."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the draws")
    parser.add_argument("--only", default="", help="studies whose name begins like this")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--out", type=Path, default=RESULTS)
    settings = parser.parse_args()
    path = settings.out / "exposures.csv"
    known = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["study", "seed"])
    began, fresh = time.monotonic(), []
    for i in range(round(settings.draws * settings.scale)):
        for study in STUDIES:
            seed = zlib.crc32(study.encode()) + i
            have = set(known.loc[known["study"] == study, "seed"])
            if study.startswith(settings.only) and seed not in have:
                fresh += one(study, seed)
        late = time.monotonic() - began > 60 * settings.minutes
        if fresh and (i % 10 == 9 or late or i + 1 == round(settings.draws * settings.scale)):
            known = pd.concat([known, pd.DataFrame(fresh)], ignore_index=True)
            fresh = []
            known.round(5).to_csv(path, index=False)
            summarise(known).to_csv(settings.out / "exposures_summary.csv", index=False)
        if late:
            break
    print(summarise(known).to_string(index=False))


if __name__ == "__main__":
    main()
