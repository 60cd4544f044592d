"""Who is biased by exits, ageing and follower thresholds: totals, per-active rates, artist models?

Each seed draws 700 artists who join, age, leave and delete, without an event effect and with a fall
of the senior artists' rate by 30% (log ratio -0.35). A crawl at the end sees what is left. Two
samples are analysed: 200 artists at random, and 200 among those who have 600 followers or more on
the day of the crawl, a number that grows with what they uploaded (before *and* after the event)
and halves for those who left. Months have shocks that all artists of the platform share, of sd .1
in logs (shocks of one platform only: common_shocks.py). The estimand is the log ratio of the senior
artists' change at the event to that of the new ones.

Run `python validation/artists.py [--seeds 250] [--first 0] [--jobs 1]`. Writes one row per panel
and estimator to results/artists.csv.gz, the table to results/artists_summary.csv and the plot to
results/artists.png.
"""

from __future__ import annotations

import argparse
import platform as machine
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats

import uploadtrends as ut
from uploadtrends.artists.model import artist_model
from uploadtrends.panel import Panel
from uploadtrends.simulate import population

EVENT = "2021-01-01"
CRAWLED = "2023-01-01"
EFFECTS = (0.0, -0.35)
SHOCKS = 0.1
SAMPLES = {"random": 0, "600 followers or more": 600}
RESULTS = Path(__file__).parent / "results"
ESTIMATORS = {
    "totals, before and after": "naive",
    "uploads per active artist, before and after": "naive",
    "totals, interrupted time series": "its",
    "uploads per active artist, interrupted time series": "its",
    "artist effects": "none",
    "artist effects and ageing": "spline",
    "artist effects and ageing, jackknife": "spline",
    "artist effects and ageing, common shocks (default)": "spline",
}


def log_ratio(panel: Panel, unit: str) -> pd.Series:
    """Return the log of senior over new, by month."""
    senior, new = (panel.series("site", group, unit=unit) for group in ("senior", "new"))
    ratio = np.log(senior.replace(0, np.nan) / new.replace(0, np.nan))
    return ratio.loc["2019-01-01":]


def before_and_after(series: pd.Series) -> tuple[float, float, float]:
    """Compare the two means by Welch's test, as if months were independent."""
    before, after = series.loc[:"2020-12-31"].dropna(), series.loc[EVENT:].dropna()
    test = stats.ttest_ind(after, before, equal_var=False).confidence_interval()
    return float(after.mean() - before.mean()), float(test.low), float(test.high)


def its(series: pd.Series) -> tuple[float, float, float]:
    """Estimate the level change of the log ratio with the package's default model."""
    result = ut.interrupted_time_series(
        series, EVENT, terms=("level",), scale="level", season="none", horizons=()
    )
    row = result.effects.set_index("term").loc["level"]
    return float(row["estimate"]), float(row["low"]), float(row["high"])


def artists(panel: Panel, tenure: str, inference: str) -> tuple[float, float, float]:
    """Estimate the contrast with artist and period effects."""
    result = artist_model(panel, EVENT, tenure=tenure, inference=inference)
    row = result.effects.set_index("group").loc["senior vs new"]
    return float(row["estimate"]), float(row["low"]), float(row["high"])


def one_seed(seed: int) -> list[dict[str, object]]:
    """Draw, crawl and estimate, without and with an effect."""
    rows: list[dict[str, object]] = []
    for effect in EFFECTS:
        people = population(
            700,
            platforms=("site",),
            start="2019-01-01",
            end="2022-12-31",
            entry_rate=0.008,
            ageing=-0.35,
            exit_hazard=0.01,
            event_date=EVENT,
            effect={"senior": effect, "new": 0.0},
            studio_share=0.0,
            period_sd=SHOCKS,
            seed=seed,
        ).visible(CRAWLED)
        for sample, followers in SAMPLES.items():
            rule = ut.Seniority(EVENT, later="drop")
            chosen = people.sample(200, min_followers=followers, seed=seed)
            panel = ut.build_panel(chosen, seniority=rule, start="2019-01-01")
            totals = log_ratio(panel, "uploads")
            rates = log_ratio(panel, "uploads_per_active")
            found = (
                before_and_after(totals),
                before_and_after(rates),
                its(totals),
                its(rates),
                artists(panel, "none", "cluster"),
                artists(panel, "spline", "cluster"),
                artists(panel, "spline", "jackknife"),
                artists(panel, "spline", "two-step"),
            )
            rows += [
                {
                    "seed": seed,
                    "truth": effect,
                    "sample": sample,
                    "estimator": name,
                    "estimate": estimate,
                    "low": low,
                    "high": high,
                }
                for name, (estimate, low, high) in zip(ESTIMATORS, found, strict=True)
            ]
    return rows


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return bias, spread, coverage and claims of a change, with Monte Carlo errors."""
    rows = rows.assign(
        covered=(rows["low"] <= rows["truth"]) & (rows["truth"] <= rows["high"]),
        claimed=(rows["low"] > 0) | (rows["high"] < 0),
        width=rows["high"] - rows["low"],
    )
    grouped = rows.groupby(["sample", "truth", "estimator"], sort=False)
    table = grouped.agg(
        panels=("estimate", "size"),
        mean=("estimate", "mean"),
        spread=("estimate", "std"),
        coverage=("covered", "mean"),
        claims=("claimed", "mean"),
        width=("width", "mean"),
    ).reset_index()
    table.insert(5, "bias", table["mean"] - table["truth"])
    table["bias_error"] = table["spread"] / np.sqrt(table["panels"])
    table["coverage_error"] = np.sqrt(table["coverage"] * (1 - table["coverage"]) / table["panels"])
    return table.round(4)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Plot bias and coverage by estimator, sample and truth."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
    names = list(ESTIMATORS)
    colours = {0.0: "#0072B2", -0.35: "#D55E00"}
    marks = dict(zip(SAMPLES, ("o", "D"), strict=True))
    for i, ((sample, truth), part) in enumerate(table.groupby(["sample", "truth"], sort=False)):
        part = part.set_index("estimator").loc[names]
        place = np.arange(len(names)) + (i - 1.5) * 0.16
        label = f"{sample}, true {truth:g}"
        for ax, column, error in (
            (axes[0], "bias", "bias_error"),
            (axes[1], "coverage", "coverage_error"),
        ):
            ax.errorbar(
                part[column],
                place,
                xerr=2 * part[error],
                fmt=marks[sample],
                color=colours[truth],
                markersize=5,
                label=label,
            )
    axes[0].axvline(0, color="#555555", linewidth=0.8)
    axes[0].set_xlabel("bias of the log ratio senior / new")
    axes[1].axvline(0.95, color="#555555", linewidth=0.8)
    axes[1].set_xlim(-0.02, 1.02)
    axes[1].set_xlabel("coverage of the 95% interval")
    axes[0].set_yticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
    axes[0].invert_yaxis()
    axes[1].legend(loc="lower left", fontsize=8, frameon=False)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Run the study and write rows, table and plot."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=250)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    settings = parser.parse_args()
    seeds = range(settings.first, settings.first + settings.seeds)
    found = Parallel(n_jobs=settings.jobs)(delayed(one_seed)(seed) for seed in seeds)
    rows = pd.DataFrame([row for one in found for row in one])
    settings.out.mkdir(parents=True, exist_ok=True)
    rows.round(5).to_csv(
        settings.out / "artists.csv.gz", index=False, compression={"method": "gzip", "mtime": 0}
    )
    table = summarise(rows)
    stamp = {
        "date": date.today().isoformat(),
        "uploadtrends": version("uploadtrends"),
        "python": machine.python_version(),
        "numpy": version("numpy"),
        "pyfixest": version("pyfixest"),
    }
    table.assign(**stamp).to_csv(settings.out / "artists_summary.csv", index=False)
    draw(table, settings.out / "artists.png")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
