"""How the calibrated change points behave when the truth is known.

    python validation/change_points.py [--scale 1.0] [--only false_alarms power ...]

Writes validation/results/change_points_*.csv (every row with its Monte Carlo standard error, the
date and the versions) and two plots. One core, about twenty minutes at scale 1.
"""

from __future__ import annotations

import argparse
import datetime as dt
import platform
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import uploadtrends as ut
from uploadtrends.breaks import segment
from uploadtrends.breaks.calibrated import gates
from uploadtrends.breaks.structural import bai_perron
from uploadtrends.simulate import ar1_series, count_series

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]


def monthly(values: np.ndarray, start: str = "2018-01-01") -> pd.Series:
    """A monthly series."""
    return pd.Series(values, pd.date_range(start, periods=len(values), freq="MS"))


def share(hits: list[bool] | np.ndarray) -> Row:
    """A proportion with its Monte Carlo standard error."""
    hits = np.asarray(hits, dtype=float)
    mean = float(hits.mean())
    return {
        "share": mean,
        "mc_se": float(np.sqrt(mean * (1 - mean) / len(hits))),
        "reps": len(hits),
    }


def rows_standard(series: np.ndarray) -> np.ndarray:
    """Every row with mean 0 and standard deviation 1."""
    centred = series - series.mean(axis=1, keepdims=True)
    return centred / centred.std(axis=1, keepdims=True)


def counted(counts: np.ndarray) -> np.ndarray:
    """Poisson share of each row's variance, as `change_points` computes it for counts."""
    return counts.mean(axis=1) / counts.var(axis=1)


DETECTORS: dict[str, Callable[[np.ndarray], list[bool]]] = {
    "calibrated": lambda rows: [g.change for g in gates(rows_standard(rows))],
    "calibrated, trend=False": lambda rows: [
        g.change for g in gates(rows_standard(rows), trend=False)
    ],
    "calibrated for counts": lambda rows: [
        g.change for g in gates(rows_standard(rows), count_variance=counted(rows))
    ],
    "calibrated for counts, trend=False": lambda rows: [
        g.change for g in gates(rows_standard(rows), trend=False, count_variance=counted(rows))
    ],
    "bic": lambda rows: [bool(segment(row, penalty="bic")) for row in rows],
    "mbic": lambda rows: [bool(segment(row, penalty="mbic")) for row in rows],
}


def detections(series: np.ndarray, names: list[str]) -> Iterator[Row]:
    """How often each method finds something."""
    for name in names:
        few = series if name.startswith("calibrated") else series[:100]
        yield {"method": name, **share(DETECTORS[name](few))}


def heavy_tails(n_series: int, n: int, rho: float, seed: int) -> np.ndarray:
    """AR(1) with t innovations of 3 degrees of freedom."""
    noise = np.random.default_rng(seed).standard_t(3, size=(n_series, n + 50))
    for t in range(1, n + 50):
        noise[:, t] += rho * noise[:, t - 1]
    return noise[:, 50:]


def ar2(n_series: int, n: int, seed: int) -> np.ndarray:
    """AR(2) with coefficients .5 and .2."""
    noise = np.random.default_rng(seed).standard_normal((n_series, n + 100))
    for t in range(2, n + 100):
        noise[:, t] += 0.5 * noise[:, t - 1] + 0.2 * noise[:, t - 2]
    return noise[:, 100:]


def false_alarms(reps: int) -> Iterator[Row]:
    """Nothing happens: how often is a change found? Nominal: 5%."""
    everything = ["calibrated", "calibrated, trend=False", "bic", "mbic"]
    for_counts = ["calibrated for counts", "calibrated for counts, trend=False", "bic", "mbic"]
    trendless = ["calibrated", "bic", "mbic"]
    for n in (36, 72, 160):
        for rho in (0.0, 0.4, 0.7, 0.9):
            for rise in (0.0, 2.0, 5.0) if rho < 0.9 else (0.0,):
                drawn = ar1_series(reps, n, rho=rho, slope=rise / n, seed=int(n + 10 * rise))
                kind = "constant" if rise == 0 else f"trend, {rise:g} sd over the series"
                names = everything if rise == 0 else trendless
                for row in detections(drawn, names):
                    yield {"kind": kind, "n": n, "rho": rho, **row}
    for mean in (5, 30):
        for rho in (0.0, 0.4, 0.7, 0.9):
            drawn = count_series(reps, 72, mean=mean, rho=rho, latent_sd=0.3, seed=3)
            for row in detections(drawn.astype(float), for_counts):
                yield {"kind": f"counts, mean {mean}", "n": 72, "rho": rho, **row}
    for rho in (0.0, 0.4):
        for row in detections(heavy_tails(reps, 72, rho, 4), everything):
            yield {"kind": "heavy tails, t(3)", "n": 72, "rho": rho, **row}
    for row in detections(ar2(reps, 72, 5), everything):
        yield {"kind": "AR(2) .5, .2", "n": 72, "rho": np.nan, **row}
    drawn = ar1_series(reps // 2, 72, rho=0.4, seed=6)
    drawn = drawn + 1.5 * np.sin(2 * np.pi * np.arange(72) / 12)
    found = [bool(ut.change_points(monthly(row)).fits[0].changes) for row in drawn]
    yield {
        "kind": "season of 12, 1.5 sd",
        "n": 72,
        "rho": 0.4,
        "method": "calibrated",
        **share(found),
    }


def power(reps: int) -> Iterator[Row]:
    """A step in the middle (or at a quarter): how often is a change found?"""
    names = ["calibrated", "calibrated, trend=False"]
    for n in (36, 72, 120):
        for rho in (0.0, 0.4, 0.7):
            for step in (1.0, 1.5, 2.0, 2.5, 3.0):
                often = 4 if (n, rho) == (72, 0.4) and step in (2.0, 3.0) else 1
                drawn = ar1_series(often * reps, n, rho=rho, step=step, step_at=n // 2, seed=11)
                for row in detections(drawn, names):
                    yield {"n": n, "rho": rho, "step_sd": step, "at": "half", **row}
    for step in (2.0, 3.0):
        drawn = ar1_series(reps, 72, rho=0.4, step=step, step_at=18, seed=12)
        for row in detections(drawn, names):
            yield {"n": 72, "rho": 0.4, "step_sd": step, "at": "quarter", **row}


def several_changes(reps: int) -> Iterator[Row]:
    """Two and three level shifts: how many are found, and how near?"""
    shapes = {
        "up and up": ([40, 80], [0, 3, 6]),
        "up and back": ([40, 80], [0, 3, 0]),
        "three": ([30, 60, 90], [0, 3, -1, 3]),
    }
    for shape, (places, levels) in shapes.items():
        for rho in (0.0, 0.4):
            mean = np.repeat(levels, np.diff([0, *places, 120])).astype(float)
            drawn = ar1_series(reps, 120, rho=rho, seed=21) + mean
            for trend in (True, False):
                counts, near = [], []
                for row in drawn:
                    fit = ut.change_points(monthly(row), trend=trend).fits[0]
                    found = [change.position for change in fit.changes]
                    counts.append(len(found))
                    near += [any(abs(p - q) <= 2 for q in found) for p in places]
                counts = np.array(counts)
                yield {
                    "shape": shape,
                    "rho": rho,
                    "trend": trend,
                    "none": float(np.mean(counts == 0)),
                    "fewer": float(np.mean((counts > 0) & (counts < len(places)))),
                    "right_number": float(np.mean(counts == len(places))),
                    "more": float(np.mean(counts > len(places))),
                    "true_change_within_2": float(np.mean(near)),
                    "reps": reps,
                }


def date_intervals(reps: int) -> Iterator[Row]:
    """95% intervals of the date, given that one change was found: coverage and width."""
    for n in (72, 120):
        for rho in (0.0, 0.4, 0.7):
            for step in (1.5, 2.0, 3.0):
                at = n // 2
                drawn = ar1_series(reps, n, rho=rho, step=step, step_at=at, seed=31)
                hits: dict[str, list[bool]] = {}
                widths: dict[str, list[int]] = {}

                def note(name: str, inside: bool, width: int, hits=hits, widths=widths) -> None:
                    hits.setdefault(name, []).append(inside)
                    widths.setdefault(name, []).append(width)

                for row in drawn:
                    series = monthly(row)
                    index = series.index
                    for trend in (True, False):
                        changes = ut.change_points(series, trend=trend).fits[0].changes
                        if len(changes) == 1:
                            low, high = index.get_indexer([changes[0].low, changes[0].high])
                            name = f"posterior, trend={trend}"
                            note(name, low <= at <= high, int(high - low + 1))
                    for covariance in ("ols", "hac"):
                        found = bai_perron(series, breaks=1, covariance=covariance)
                        low, high = index.get_indexer(list(found.intervals[0]))
                        note(f"Bai 1997, {covariance}", low <= at <= high, int(high - low + 1))
                for name, inside in hits.items():
                    yield {
                        "n": n,
                        "rho": rho,
                        "step_sd": step,
                        "method": name,
                        **share(inside),
                        "median_width": float(np.median(widths[name])),
                    }


def match_p_values(reps: int) -> Iterator[Row]:
    """Changes at random dates, events that have nothing to do with them: p should be uniform."""
    events = ["2021-03-11", "2022-04-06", "2022-07-12", "2022-08-22", "2022-12-13", "2023-03-15"]
    rng = np.random.default_rng(41)
    for n_series in (1, 3):
        overall, each = [], []
        for i in range(reps if n_series == 1 else reps // 2):
            at = int(rng.integers(6, 67))
            drawn = ar1_series(n_series, 72, rho=0.3, step=4, step_at=at, seed=1000 + i)
            data = {f"series {j}": monthly(row) for j, row in enumerate(drawn)}
            found = ut.change_points(data, trend=False)
            matched = found.match(events, n_permutations=499, seed=i)
            if np.isfinite(matched.p):
                overall.append(matched.p)
                each += list(matched.table["p"].dropna())
        for name, p in (("overall", overall), ("per event or block", each)):
            for level in (0.01, 0.05, 0.1, 0.25, 0.5):
                yield {
                    "series": n_series,
                    "p_value": name,
                    "level": level,
                    **share(np.array(p) <= level),
                }


def plots() -> None:
    """Draw false alarms and power."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    alarms = pd.read_csv(RESULTS / "change_points_false_alarms.csv")
    curves = pd.read_csv(RESULTS / "change_points_power.csv")
    colours = {"calibrated": "#0072B2", "bic": "#D55E00", "mbic": "#E69F00"}
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    for axis, kind in zip(axes, ("constant", "trend, 2 sd over the series"), strict=True):
        part = alarms[(alarms["kind"] == kind) & (alarms["n"] == 72)]
        for method, colour in colours.items():
            rows = part[part["method"] == method]
            axis.errorbar(
                rows["rho"],
                rows["share"],
                2 * rows["mc_se"],
                color=colour,
                marker="o",
                label=method,
            )
        axis.axhline(0.05, color="#777777", linewidth=0.8, linestyle=":")
        axis.set(title=f"{kind}, n = 72", xlabel="autocorrelation", ylim=(0, 1.02))
    axes[0].set_ylabel("series with a false alarm")
    axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(RESULTS / "change_points_false_alarms.png", dpi=120)
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True)
    shades = {36: "#56B4E9", 72: "#0072B2", 120: "#000000"}
    for axis, rho in zip(axes, (0.0, 0.4, 0.7), strict=True):
        for n, colour in shades.items():
            for method, line in (("calibrated", "-"), ("calibrated, trend=False", "--")):
                rows = curves[
                    (curves["rho"] == rho)
                    & (curves["n"] == n)
                    & (curves["method"] == method)
                    & (curves["at"] == "half")
                ]
                axis.plot(
                    rows["step_sd"], rows["share"], line, color=colour, label=f"n = {n}, {method}"
                )
        axis.set(title=f"autocorrelation {rho:g}", xlabel="step in standard deviations")
    axes[0].set(ylabel="share detected", ylim=(0, 1.02))
    axes[-1].legend(frameon=False, fontsize=6.5)
    figure.tight_layout()
    figure.savefig(RESULTS / "change_points_power.png", dpi=120)


STUDIES: dict[str, tuple[Callable[[int], Iterator[Row]], int]] = {
    "false_alarms": (false_alarms, 1000),
    "match_p_values": (match_p_values, 600),
    "power": (power, 200),
    "date_intervals": (date_intervals, 150),
    "several_changes": (several_changes, 80),
}


def main() -> None:
    """Run the studies asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the repetitions")
    parser.add_argument("--only", nargs="*", choices=list(STUDIES), default=list(STUDIES))
    arguments = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    stamp = {
        "date": dt.date.today().isoformat(),
        "versions": ", ".join(
            [f"python {platform.python_version()}"]
            + [f"{name} {version(name)}" for name in ("uploadtrends", "numpy", "scipy", "pandas")]
        ),
    }
    for name in arguments.only:
        study, reps = STUDIES[name]
        began = time.perf_counter()
        table = pd.DataFrame(study(max(20, int(reps * arguments.scale))))
        for key, text in stamp.items():
            table[key] = text
        table.to_csv(RESULTS / f"change_points_{name}.csv", index=False, float_format="%.4g")
        shown = table.drop(columns=list(stamp)).to_string(index=False)
        print(f"== {name} ({time.perf_counter() - began:.0f} s)\n{shown}\n", flush=True)
    if {"false_alarms", "power"} & set(arguments.only):
        plots()


if __name__ == "__main__":
    main()
