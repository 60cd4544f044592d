"""Change-point searches side by side: ours, ruptures' own classes, R packages when present.

    python benchmarks/change_points.py

Same data, same penalty, same answer (checked); the smallest of five runs of each, and the ratio to
ours. Writes benchmarks/results/change_points.csv with date and versions.
"""

from __future__ import annotations

import datetime as dt
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import ruptures

import uploadtrends as ut
from uploadtrends.breaks import segment
from uploadtrends.breaks.structural import bai_perron

RESULTS = Path(__file__).parent / "results"

R_CODE = """
args <- commandArgs(TRUE)
x <- scan(args[1], quiet = TRUE)
best <- function(f) min(replicate(5, system.time(f())[["elapsed"]]))
out <- list()
if (args[2] == "changepoint" && requireNamespace("changepoint", quietly = TRUE)) {
  price <- as.numeric(args[3])
  f <- function() changepoint::cpt.mean(x, method = "PELT", penalty = "Manual", pen.value = price)
  cat(best(f), changepoint::cpts(f()), "\\n")
}
if (args[2] == "strucchange" && requireNamespace("strucchange", quietly = TRUE)) {
  f <- function() strucchange::breakpoints(x ~ 1, h = 0.15)
  cat(best(f), f()$breakpoints, "\\n")
}
"""


def steps(n: int, regime: int) -> np.ndarray:
    """Standardised noise with a shift of 3 standard deviations every `regime` periods."""
    values = np.random.default_rng(1).normal(size=n) + 3.0 * (np.arange(n) // regime % 2)
    return (values - values.mean()) / values.std(ddof=1)


def best_of_five(work: Callable[[], Any]) -> tuple[float, Any]:
    """Smallest wall time of five runs, and the answer."""
    times, answer = [], None
    for _ in range(5):
        began = time.perf_counter()
        answer = work()
        times.append(time.perf_counter() - began)
        if sum(times) > 30:
            break
    return min(times), answer


def with_r(package: str, values: np.ndarray, penalty: float) -> tuple[float, list[int]] | None:
    """Time and answer of an R package, or None where it is not installed."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder) / "x.txt", Path(folder) / "run.R"
        np.savetxt(data, values, fmt="%.17g")
        script.write_text(R_CODE)
        done = subprocess.run(
            ["Rscript", str(script), str(data), package, str(penalty)],
            capture_output=True,
            text=True,
            check=True,
        )
    cells = done.stdout.split()
    return (float(cells[0]), [int(c) for c in cells[1:]]) if cells else None


def searches() -> list[dict[str, Any]]:
    """Exact search for changes in mean at one penalty."""
    rows = []
    for n in (200, 1000, 2000):
        values = steps(n, n // 8)
        penalty = 3 * float(np.log(n))
        ours, answer = best_of_five(lambda v=values, p=penalty: segment(v, penalty=p))
        shared = {"task": "changes in mean, exact", "n": n}
        rows.append({**shared, "tool": "uploadtrends", "seconds": ours, "same": True})
        for tool, search in (("ruptures.Pelt", ruptures.Pelt), ("ruptures.KernelCPD", None)):

            def work(v: np.ndarray = values, p: float = penalty, search: Any = search) -> list[int]:
                if search is None:
                    finder = ruptures.KernelCPD(kernel="linear", min_size=1)
                    return finder.fit(v.reshape(-1, 1)).predict(pen=p)[:-1]
                return search(model="l2", jump=1, min_size=1).fit(v).predict(pen=p)[:-1]

            seconds, found = best_of_five(work)
            rows.append({**shared, "tool": tool, "seconds": seconds, "same": found == answer})
        priced = segment_with_lengths(values)
        rows.append({**shared, "tool": "uploadtrends, lengths priced", "seconds": priced})
        if (r := with_r("changepoint", values, penalty)) is not None:
            rows.append(
                {**shared, "tool": "R changepoint", "seconds": r[0], "same": r[1] == answer}
            )
    return rows


def descriptive() -> list[dict[str, Any]]:
    """`change_points` with BIC, dates and intervals beside it, against the bare compiled search."""
    rows = []
    noise = np.random.default_rng(2).normal(size=100_000)
    for n, freq in ((72, "MS"), (500, "D"), (2000, "D"), (10_000, "h"), (100_000, "h")):
        index = pd.date_range("2000-01-01", periods=n, freq=freq)
        for task, values in (
            ("BIC, one step", steps(n, n // 2)),
            ("BIC, noise", noise[:n]),
            ("BIC, a step every 50", steps(n, 50)),
        ):
            series = pd.Series((values - values.mean()) / values.std(ddof=1), index)
            seconds, found = best_of_five(
                lambda s=series: ut.change_points(s, penalty="bic", season=False)
            )
            shared = {"task": task, "n": n}
            rows.append({**shared, "tool": "uploadtrends", "seconds": seconds, "same": True})
            positions = [change.position for change in found.fits[0].changes]
            finder = ruptures.KernelCPD(kernel="linear", min_size=1).fit(series.to_numpy()[:, None])
            price = 2 * float(np.log(n))
            seconds, theirs = best_of_five(lambda f=finder, p=price: f.predict(pen=p)[:-1])
            rows.append(
                {
                    **shared,
                    "tool": "ruptures.KernelCPD, positions alone",
                    "seconds": seconds,
                    "same": theirs == positions,
                }
            )
    return rows


def segment_with_lengths(values: np.ndarray) -> float:
    """Time of the search with the modified BIC, which no compiled search prices."""
    return best_of_five(lambda: segment(values))[0]


def others() -> list[dict[str, Any]]:
    """ruptures' other searches through `change_points`, beside ruptures called directly."""
    rows = []
    values = steps(400, 50)
    series = pd.Series(values, pd.date_range("2000-01-01", periods=400, freq="D"))
    classes = {"binseg": ruptures.Binseg, "bottom-up": ruptures.BottomUp}
    for search, engine in classes.items():
        price = 2 * float(np.log(400))
        direct, answer = best_of_five(
            lambda e=engine, p=price: e(model="l2", jump=1, min_size=1).fit(values).predict(pen=p)
        )
        seconds, found = best_of_five(
            lambda s=search: ut.change_points(series, search=s, season=False)
        )
        positions = [change.position for change in found.fits[0].changes]
        shared = {"task": f"{search}, dates and intervals beside it", "n": 400}
        rows.append({**shared, "tool": "uploadtrends", "seconds": seconds, "same": True})
        rows.append(
            {
                **shared,
                "tool": f"ruptures.{engine.__name__}",
                "seconds": direct,
                "same": positions == answer[:-1],
            }
        )
    return rows


def structural() -> list[dict[str, Any]]:
    """Bai-Perron with up to five breaks."""
    rows = []
    for n in (100, 400):
        values = steps(n, n // 2)
        index = pd.date_range("1900-01-01", periods=n, freq="MS")
        series = pd.Series(values, index)
        seconds, found = best_of_five(lambda s=series: bai_perron(s))
        shared = {"task": "Bai-Perron, up to 5 breaks", "n": n}
        rows.append({**shared, "tool": "uploadtrends", "seconds": seconds, "same": True})
        if (r := with_r("strucchange", values, 0.0)) is not None:
            places = [found.index.get_loc(date) for date in found.dates]
            rows.append(
                {**shared, "tool": "R strucchange", "seconds": r[0], "same": r[1] == places}
            )
    return rows


def default() -> list[dict[str, Any]]:
    """The calibrated default: the first series of a length pays for its null laws."""
    rows = []
    for n, freq in ((72, "MS"), (500, "D"), (5000, "h"), (100_000, "h")):
        values = steps(n, n // 2)
        series = pd.Series(values, pd.date_range("2000-01-01", periods=n, freq=freq))
        began = time.perf_counter()
        ut.change_points(series)
        first = time.perf_counter() - began
        again, _ = best_of_five(lambda s=series: ut.change_points(s))
        for task, seconds in (
            ("calibrated, first of its length", first),
            ("calibrated, next", again),
        ):
            rows.append({"task": task, "n": n, "tool": "uploadtrends", "seconds": seconds})
    return rows


def main() -> None:
    """Time everything and write the table."""
    table = pd.DataFrame([*searches(), *descriptive(), *others(), *structural(), *default()])
    ours = table[table["tool"] == "uploadtrends"].set_index(["task", "n"])["seconds"]
    keys = pd.MultiIndex.from_frame(table[["task", "n"]])
    table["times_ours"] = table["seconds"].to_numpy() / ours.reindex(keys).to_numpy()
    table["date"] = dt.date.today().isoformat()
    names = ("uploadtrends", "numpy", "ruptures")
    table["versions"] = ", ".join(
        [f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)]
    )
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "change_points.csv", index=False, float_format="%.4g")
    print(table.drop(columns=["date", "versions"]).to_string(index=False))


if __name__ == "__main__":
    main()
