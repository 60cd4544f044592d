"""How the calibrated change points behave when the truth is known.

    python validation/change_points.py [--scale 1.0] [--only false_alarms power ...]

Every row goes through ``ut.change_points`` with its defaults, so the same script measures any
version of the package: put its ``src`` on PYTHONPATH and say ``--label NAME``. Each finished cell
is written at once to validation/results/change_points_NAME.csv, with its Monte Carlo standard
error; cells that are there already are skipped, so an interrupted run goes on where it stopped
(``--fresh`` begins anew). One core, about 25 minutes at scale 1 (400 series a cell).
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
from uploadtrends.simulate import ar1_series, count_series

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]
Cell = tuple[Row, Callable[[], Iterator[Row] | list[Row]]]
COLUMNS = ["study", "kind", "n", "what", "share", "mc_se", "reps", "seconds", "date", "versions"]


def monthly(values: np.ndarray, start: str = "1990-01-01") -> pd.Series:
    """A monthly series."""
    return pd.Series(values, pd.date_range(start, periods=len(values), freq="MS"))


def fits(rows: np.ndarray, **options: Any) -> list[Any]:
    """What `change_points` finds in every row."""
    return [ut.change_points(monthly(row), **options).fits[0] for row in rows]


def proportion(hits: list[bool] | np.ndarray) -> Row:
    """A proportion with its Monte Carlo standard error."""
    hits = np.asarray(hits, dtype=float)
    mean = float(hits.mean())
    return {"share": mean, "mc_se": np.sqrt(mean * (1 - mean) / len(hits)), "reps": len(hits)}


def alarms(rows: np.ndarray, **options: Any) -> list[Row]:
    """How often a change is dated, and how often p is at most .05 whatever the label."""
    found = fits(rows, **options)
    return [
        {"what": "dated", **proportion([bool(fit.changes) for fit in found])},
        {"what": "p <= .05", **proportion([fit.p <= 0.05 for fit in found])},
    ]


# Series in which nothing is dated: (reps, n, seed) -> rows.


def heavy_tails(reps: int, n: int, seed: int) -> np.ndarray:
    """AR(1), rho .4, with t innovations of 3 degrees of freedom."""
    noise = np.random.default_rng(seed).standard_t(3, size=(reps, n + 50))
    for t in range(1, n + 50):
        noise[:, t] += 0.4 * noise[:, t - 1]
    return noise[:, 50:]


def ar2(reps: int, n: int, seed: int) -> np.ndarray:
    """AR(2) with coefficients .5 and .2."""
    noise = np.random.default_rng(seed).standard_normal((reps, n + 100))
    for t in range(2, n + 100):
        noise[:, t] += 0.5 * noise[:, t - 1] + 0.2 * noise[:, t - 2]
    return noise[:, 100:]


def long_memory(reps: int, n: int, seed: int, d: float = 0.3) -> np.ndarray:
    """Fractionally integrated noise, (1 - L)^-d of white noise, 1,000 lags."""
    lags = np.arange(1, 1000)
    weights = np.concatenate([[1.0], np.cumprod((lags - 1 + d) / lags)])
    noise = np.random.default_rng(seed).standard_normal((reps, n + 999))
    return np.stack([np.convolve(row, weights, mode="valid") for row in noise])


def season(reps: int, n: int, seed: int) -> np.ndarray:
    """AR(1), rho .4, with a season of 12 periods and amplitude 1.5."""
    wave = 1.5 * np.sin(2 * np.pi * np.arange(n) / 12)
    return ar1_series(reps, n, rho=0.4, seed=seed) + wave


def curved(course: Callable[[np.ndarray], np.ndarray]) -> Callable[[int, int, int], np.ndarray]:
    """AR(1), rho .4, around a smooth course of u from 0 to 1."""
    return lambda reps, n, seed: (
        ar1_series(reps, n, rho=0.4, seed=seed) + course(np.linspace(0, 1, n))
    )


def autoregressive(rho: float, rise: float = 0.0) -> Callable[[int, int, int], np.ndarray]:
    """AR(1) around a constant or a line that rises by `rise` over the series."""
    return lambda reps, n, seed: ar1_series(reps, n, rho=rho, slope=rise / n, seed=seed)


def counts(mean: float, rho: float) -> Callable[[int, int, int], np.ndarray]:
    """Poisson counts around a latent AR(1) rate (rho 0: plain Poisson)."""
    spread = 0.0 if rho == 0 else 0.3
    return lambda reps, n, seed: count_series(
        reps, n, mean=mean, rho=rho, latent_sd=spread, seed=seed
    ).astype(float)


NOTHING: dict[str, Callable[[int, int, int], np.ndarray]] = {
    "AR 0": autoregressive(0.0),
    "AR .4": autoregressive(0.4),
    "AR .7": autoregressive(0.7),
    "line 3 sd, AR .4": autoregressive(0.4, 3.0),
    "Poisson 20": counts(20, 0.0),
    "counts 30, latent .7": counts(30, 0.7),
    "counts 30, latent .9": counts(30, 0.9),
    "t3, AR .4": heavy_tails,
    "AR(2) .5 .2": ar2,
    "season 1.5 sd": season,
    "quadratic 2.5 sd": curved(lambda u: 2.5 * (4 * u * (1 - u))),
    "logistic 4 sd": curved(lambda u: 4.0 / (1.0 + np.exp((0.5 - u) / 0.1))),
    "logistic 8 sd": curved(lambda u: 8.0 / (1.0 + np.exp((0.5 - u) / 0.1))),
    "logistic 10 sd": curved(lambda u: 10.0 / (1.0 + np.exp((0.5 - u) / 0.1))),
    "long memory .3": long_memory,
}


def false_alarms(reps: int) -> Iterator[Cell]:
    """Table 2.1: nothing is dated; how often is something found? Nominal: 5%."""
    for n in (36, 72, 160):
        for kind, draw in NOTHING.items():
            yield {"kind": kind, "n": n}, lambda draw=draw, n=n: alarms(draw(reps, n, n))
    growth = 20.0 * np.exp(0.03 * np.arange(96))
    few = max(20, reps // 4)

    def additive() -> list[Row]:
        return alarms(growth + np.random.default_rng(8).standard_normal((few, 96)))

    def multiplicative() -> list[Row]:
        return alarms(growth * np.exp(ar1_series(few, 96, rho=0.4, sd=0.05, seed=9)))

    yield {"kind": "exponential 20 e^.03t + N(0, 1)", "n": 96}, additive
    yield {"kind": "exponential, multiplicative AR .4", "n": 96}, multiplicative


def power(reps: int) -> Iterator[Cell]:
    """Table 2.2: one step; how often is it dated?"""
    for step, at, rho, trend in (
        (2.0, 36, 0.4, True),
        (3.0, 36, 0.4, True),
        (2.0, 36, 0.4, False),
        (3.0, 36, 0.4, False),
        (3.0, 36, 0.7, True),
        (1.5, 36, 0.0, True),
        (3.0, 22, 0.4, True),
        (2.0, 50, 0.4, True),
    ):

        def run(step=step, at=at, rho=rho, trend=trend) -> list[Row]:
            drawn = ar1_series(reps, 72, rho=rho, step=step, step_at=at, seed=11)
            return alarms(drawn, trend=trend)

        yield {"kind": f"{step:g} sd at {at}, AR {rho:g}, trend={trend}", "n": 72}, run


SHAPES = {
    "up, up": ([40, 80], [0, 3, 6]),
    "up, back": ([40, 80], [0, 3, 0]),
    "three": ([30, 60, 90], [0, 3, -1, 3]),
}


def several_changes(reps: int) -> Iterator[Cell]:
    """Table 2.3: several steps of 3 sd, n 120, AR .4: how many are found, how near, how covered?"""
    for shape, (places, levels) in SHAPES.items():
        for trend in (True, False):
            yield (
                {"kind": f"{shape}, trend={trend}", "n": 120},
                lambda places=places, levels=levels, trend=trend: _several(
                    reps, places, levels, trend
                ),
            )
    for size, rho, n in ((3.0, 0.4, 72), (5.0, 0.7, 200), (6.0, 0.9, 200)):
        for trend in (True, False):

            def more(size=size, rho=rho, n=n, trend=trend) -> list[Row]:
                often = reps if n == 72 else max(20, reps // 5)
                drawn = ar1_series(often, n, rho=rho, step=size, step_at=n // 2, seed=23)
                found = fits(drawn, trend=trend)
                return [
                    {
                        "what": "more than one change",
                        **proportion([len(fit.changes) > 1 for fit in found]),
                    }
                ]

            yield {"kind": f"one step of {size:g} sd, AR {rho:g}, trend={trend}", "n": n}, more


def _several(reps: int, places: list[int], levels: list[float], trend: bool) -> Iterator[Row]:
    mean = np.repeat(levels, np.diff([0, *places, 120])).astype(float)
    numbers, near, covered, widths = [], [], [], []
    for fit in fits(ar1_series(reps, 120, rho=0.4, seed=21) + mean, trend=trend):
        found = [change.position for change in fit.changes]
        numbers.append(len(found))
        near += [any(abs(p - q) <= 2 for q in found) for p in places]
        if len(found) == len(places):
            index = fit.index
            spans = [index.get_indexer([c.low, c.high]) for c in fit.changes]
            inside = [a <= p <= b for p, (a, b) in zip(places, spans, strict=True)]
            covered.append(all(inside))
            widths += [int(b - a + 1) for a, b in spans]
    number = np.array(numbers)
    yield {"what": "found at all", **proportion(number > 0)}
    yield {"what": "right number", **proportion(number == len(places))}
    yield {"what": "more than the true ones", **proportion(number > len(places))}
    yield {"what": "true changes within 2", **proportion(near)}
    if covered:
        yield {"what": "all joint intervals cover", **proportion(covered)}
        yield {"what": "median width of intervals", "share": float(np.median(widths))}


def one_step_intervals(reps: int) -> Iterator[Cell]:
    """95% intervals of the date, given that one change was dated: coverage and width."""
    for n, rho, step in ((72, 0.0, 2.0), (72, 0.4, 3.0), (120, 0.4, 2.0), (120, 0.7, 3.0)):
        for trend in (True, False):

            def run(n=n, rho=rho, step=step, trend=trend) -> Iterator[Row]:
                drawn = ar1_series(reps, n, rho=rho, step=step, step_at=n // 2, seed=31)
                inside, widths = [], []
                for fit in fits(drawn, trend=trend):
                    if len(fit.changes) == 1:
                        change = fit.changes[0]
                        low, high = fit.index.get_indexer([change.low, change.high])
                        inside.append(low <= n // 2 <= high)
                        widths.append(int(high - low + 1))
                yield {"what": "interval covers", **proportion(inside)}
                yield {"what": "median width of intervals", "share": float(np.median(widths))}

            yield {"kind": f"step {step:g} sd, AR {rho:g}, trend={trend}", "n": n}, run


GAPS = {
    "none": [],
    "6 elsewhere": range(12, 18),
    "1 before": [35],
    "3 before": range(33, 36),
    "6 before": range(30, 36),
    "6 after": range(36, 42),
}


ODD_PLACES = {
    -1: "last",
    -2: "last but one",
    -3: "third last",
    0: "first",
    1: "second",
    2: "third",
}


def gaps_and_ends(reps: int) -> Iterator[Cell]:
    """Table 2.4: steps beside gaps, odd months, steps near the end, every date of a long series."""
    few = max(6, round(24 * reps / 400))
    for size in (4.0, 15.0):
        for name, missing in GAPS.items():
            yield (
                {"kind": f"step {size:g} sd, missing: {name}", "n": 60},
                lambda size=size, missing=missing: _beside_gap(few, size, list(missing)),
            )
    for n in (24, 72, 120):
        for place, name in ODD_PLACES.items():
            yield (
                {"kind": f"odd month: {name}", "n": n},
                lambda n=n, place=place: _odd_month(max(6, round(25 * reps / 400)), n, place),
            )
    for left in (3, 4, 5, 6):

        def late(left=left) -> list[Row]:
            drawn = ar1_series(
                max(6, reps // 16), 72, rho=0.0, step=8.5, step_at=72 - left, seed=51
            )
            found = [
                any(abs(c.position - (72 - left)) <= 1 for c in fit.changes) for fit in fits(drawn)
            ]
            return [{"what": "right place", **proportion(found)}]

        yield {"kind": f"8.5 sd, {left} periods before the end", "n": 72}, late
    for at in range(148, 154):

        def dated(at=at) -> list[Row]:
            drawn = ar1_series(max(6, reps // 20), 300, rho=0.0, step=10, step_at=at, seed=53)
            found = [any(c.position == at for c in fit.changes) for fit in fits(drawn)]
            return [{"what": "right place", **proportion(found)}]

        yield {"kind": f"10 sd at {at}", "n": 300}, dated


def _beside_gap(reps: int, size: float, missing: list[int]) -> list[Row]:
    right, single = [], []
    for seed in range(reps):
        values = np.random.default_rng(seed).standard_normal(60) + size * (np.arange(60) >= 36)
        values[missing] = np.nan
        found = ut.change_points(monthly(values)).fits[0]
        first = min([36, *[m for m in missing if m >= 30 and m < 36]])
        last = 42 if 36 in missing else 36
        right.append(any(first <= c.position <= last for c in found.changes))
        single.append(len(found.changes) == 1)
    return [
        {"what": "right place", **proportion(right)},
        {"what": "exactly one change", **proportion(single)},
    ]


def _odd_month(reps: int, n: int, place: int) -> list[Row]:
    dated, named = [], []
    for seed in range(reps):
        values = np.random.default_rng(1000 + seed).poisson(200, n).astype(float)
        values[place] = np.round(0.4 * values[place])
        fit = ut.change_points(monthly(values)).fits[0]
        dated.append(bool(fit.changes))
        odd = [fit.index.get_loc(period.date) for period in getattr(fit, "unusual", ())]
        named.append(place % n in odd)
    return [{"what": "dated", **proportion(dated)}, {"what": "named", **proportion(named)}]


def count_series_cells(reps: int) -> Iterator[Cell]:
    """Table 2.5: counts, n 72."""
    for mean in (30, 5):
        for rho in (0.4, 0.7, 0.8):
            yield (
                {"kind": f"mean {mean}, latent {rho:g}", "n": 72},
                lambda mean=mean, rho=rho: alarms(counts(mean, rho)(reps, 72, 61)),
            )
    for mean in (20, 5):
        yield (
            {"kind": f"Poisson {mean}", "n": 72},
            lambda mean=mean: alarms(counts(mean, 0.0)(reps, 72, 62)),
        )
    for before, after, at in ((20.0, 12.0, 36), (3.4, 1.1, 50)):

        def falls(before=before, after=after, at=at) -> list[Row]:
            rate = np.where(np.arange(72) < at, before, after)
            drawn = np.random.default_rng(63).poisson(rate, (reps, 72)).astype(float)
            return alarms(drawn)

        yield {"kind": f"{before:g} to {after:g} at {at}", "n": 72}, falls


def short_shifts(reps: int) -> Iterator[Cell]:
    """What is hard: a shift that is undone within a few periods."""
    for length in (6, 12, 24):

        def run(length=length) -> Iterator[Row]:
            mean = 3.0 * ((np.arange(72) >= 30) & (np.arange(72) < 30 + length))
            drawn = ar1_series(reps, 72, rho=0.4, seed=71) + mean
            for trend in (True, False):
                found = fits(drawn, trend=trend)
                both = [
                    all(
                        any(abs(c.position - at) <= 2 for c in fit.changes)
                        for at in (30, 30 + length)
                    )
                    for fit in found
                ]
                yield {"what": f"both ends within 2, trend={trend}", **proportion(both)}

        yield {"kind": f"3 sd for {length} periods, AR .4", "n": 72}, run


def common_dates(reps: int) -> Iterator[Cell]:
    """Table 2.6: 6 series, n 60, one step of 1.5 sd at 30 in some of them."""
    few = max(20, reps // 2)
    for takers, rho, cross in (
        (0, 0.0, 0.0),
        (0, 0.4, 0.0),
        (0, 0.4, 0.5),
        (0, 0.7, 0.5),
        (1, 0.4, 0.0),
        (3, 0.4, 0.0),
        (3, 0.4, 0.5),
        (3, 0.0, 0.0),
        (6, 0.4, 0.0),
        (6, 0.4, 0.5),
    ):
        yield (
            {"kind": f"step in {takers} of 6, AR {rho:g}, cross {cross:g}", "n": 60},
            lambda takers=takers, rho=rho, cross=cross: _common(few, takers, rho, cross),
        )


def _common(reps: int, takers: int, rho: float, cross: float) -> Iterator[Row]:
    rng = np.random.default_rng(81)
    root = np.linalg.cholesky((1 - cross) * np.eye(6) + cross)
    found, near, covered, takes, wrong = [], [], [], [], []
    for seed in range(reps):
        noise = root @ rng.standard_normal((6, 110))
        for t in range(1, 110):
            noise[:, t] = rho * noise[:, t - 1] + np.sqrt(1 - rho**2) * noise[:, t]
        values = noise[:, 50:] + 1.5 * np.outer(np.arange(6) < takers, np.arange(60) >= 30)
        data = {f"series {i}": monthly(row) for i, row in enumerate(values)}
        result = ut.common_change(data, trend=False, seed=seed)
        found.append(result.p <= 0.05)
        if result.p <= 0.05 and takers:
            index = data["series 0"].index
            at, low, high = index.get_indexer([result.date, result.low, result.high])
            near.append(abs(at - 30) <= 2)
            covered.append(low <= 30 <= high)
            part = result.table["takes_part"].to_numpy()
            takes.append(part[:takers].mean())
            wrong.append(part[takers:].any())
    yield {"what": "p <= .05", **proportion(found)}
    if near:
        yield {"what": "date within 2", **proportion(near)}
        yield {"what": "95% interval covers", **proportion(covered)}
        yield {"what": "takers found", "share": float(np.mean(takes)), "reps": len(takes)}
        yield {"what": "any wrong taker", **proportion(wrong)}


def match_p_values(reps: int) -> Iterator[Cell]:
    """Changes at random dates, events that have nothing to do with them: p should be uniform."""
    events = ["2021-03-11", "2022-04-06", "2022-07-12", "2022-08-22", "2022-12-13", "2023-03-15"]

    def run(n_series: int) -> Iterator[Row]:
        rng = np.random.default_rng(41)
        overall, each = [], []
        for i in range(reps if n_series == 1 else reps // 2):
            at = int(rng.integers(6, 67))
            drawn = ar1_series(n_series, 72, rho=0.3, step=4, step_at=at, seed=1000 + i)
            data = {f"series {j}": monthly(row, "2018-01-01") for j, row in enumerate(drawn)}
            found = ut.change_points(data, trend=False)
            matched = found.match(events, n_permutations=499, seed=i)
            if np.isfinite(matched.p):
                overall.append(matched.p)
                each += list(matched.table["p"].dropna())
        for name, p in (("overall", overall), ("per event or block", each)):
            for level in (0.01, 0.05, 0.1, 0.25, 0.5):
                yield {"what": f"{name} p <= {level:g}", **proportion(np.array(p) <= level)}

    for n_series in (1, 3):
        yield {"kind": f"{n_series} series", "n": 72}, lambda n_series=n_series: run(n_series)


STUDIES: dict[str, Callable[[int], Iterator[Cell]]] = {
    "false_alarms": false_alarms,
    "power": power,
    "gaps_and_ends": gaps_and_ends,
    "counts": count_series_cells,
    "several_changes": several_changes,
    "one_step_intervals": one_step_intervals,
    "short_shifts": short_shifts,
    "common_dates": common_dates,
    "match_p_values": match_p_values,
}


def plot(label: str) -> None:
    """Draw false alarms before and after, and the power of a step."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    tables = {name: RESULTS / f"change_points_{name}.csv" for name in ("0.1.0", label)}
    colours = {"0.1.0": "#E69F00", label: "#0072B2"}
    figure, axes = plt.subplots(1, 3, figsize=(11, 4.2), sharey=True)
    for name, path in tables.items():
        if not path.exists():
            continue
        table = pd.read_csv(path)
        table = table[(table["study"] == "false_alarms") & (table["what"] == "dated")]
        for axis, n in zip(axes, (36, 72, 160), strict=True):
            part = table[table["n"] == n].iloc[::-1]
            axis.errorbar(
                part["share"],
                part["kind"],
                xerr=2 * part["mc_se"],
                fmt="o",
                color=colours[name],
                label=name,
            )
            axis.axvline(0.05, color="#777777", linewidth=0.8, linestyle=":")
            axis.set(title=f"n = {n}", xlim=(-0.02, 1.02), xlabel="series with a dated change")
    axes[0].legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(RESULTS / "change_points_false_alarms.png", dpi=110)


def main() -> None:
    """Run the studies asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the repetitions")
    parser.add_argument("--only", nargs="*", choices=list(STUDIES), default=list(STUDIES))
    parser.add_argument("--label", default="0.2.0", help="names the file of results")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    parser.add_argument("--plot", action="store_true", help="only draw what is there")
    arguments = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if arguments.plot:
        plot(arguments.label)
        return
    path = RESULTS / f"change_points_{arguments.label}.csv"
    if arguments.fresh:
        path.unlink(missing_ok=True)
    done = pd.read_csv(path) if path.exists() else pd.DataFrame()
    versions = ", ".join(
        [f"python {platform.python_version()}"]
        + [f"{name} {version(name)}" for name in ("numpy", "scipy", "pandas")]
    )
    for name in arguments.only:
        for cell, run in STUDIES[name](max(20, int(400 * arguments.scale))):
            key = {"study": name, **cell}
            if len(done) and (done[list(key)] == pd.Series(key)).all(axis=1).any():
                continue
            began = time.process_time()
            rows = [{**key, **row} for row in run()]
            spent = time.process_time() - began
            for row in rows:
                row |= {
                    "seconds": round(spent, 1),
                    "date": dt.date.today().isoformat(),
                    "versions": versions,
                }
                shown = {k: v for k, v in row.items() if k not in ("versions", "date")}
                print(shown, flush=True)
            # Appended, so that several runs may share the work.
            table = pd.DataFrame(rows).reindex(columns=COLUMNS)
            table.to_csv(path, mode="a", header=not path.exists(), index=False, float_format="%.4g")
    plot(arguments.label)


if __name__ == "__main__":
    main()
