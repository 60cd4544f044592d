"""How fast interrupted time series are fitted, next to what a user would otherwise run.

    python benchmarks/its.py [--causalpy-python /path/to/python]
    python benchmarks/its.py --growth

Processor time (not wall time) of one thread a fit, the least of several rounds, every contestant in
the same run; ratios are to the package. Contestants that are not installed are left out, and the
output says so. `load_before` tells what else the machine did: above 1 its caches were shared, which
lengthens processor time, too. Results go to results/its.csv.

With `--growth` the verb alone, on longer series and on more of them, to results/its_growth.csv.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# Threads are fixed before numpy loads its libraries.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

N, EVENT = 72, 43
RESULTS = Path(__file__).parent / "results"


def least(function: Callable[[], object], fits: int, rounds: int) -> float:
    """Return the least processor time a fit, in milliseconds."""
    best = np.inf
    for _ in range(rounds):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return 1000 * best / fits


def design(at: int) -> np.ndarray:
    """Intercept, trend, level change, slope change."""
    index = np.arange(N, dtype=float)
    return np.column_stack([np.ones(N), index, index >= at, np.maximum(index - at, 0)])


def ours(y: np.ndarray, rounds: int, placebos: int) -> list[dict[str, object]]:
    """The package: one fit in three depths, and batches of placebo fits."""
    import uploadtrends as ut
    from uploadtrends.models.estimators import latent, reml

    x, level = design(EVENT), np.eye(4)[2:3]
    series = pd.Series(y[0] + 50, pd.date_range("2018-01-01", periods=N, freq="MS"))
    event = series.index[EVENT]
    options = {"scale": "level", "season": "none"}

    def public() -> None:
        for _ in range(20):
            ut.interrupted_time_series(series, event, **options)

    def public_ar1() -> None:
        for _ in range(20):
            ut.interrupted_time_series(series, event, errors="ar1", **options)

    def public_default() -> None:
        for _ in range(20):
            ut.interrupted_time_series(series, event)

    many_columns = pd.DataFrame((y[:64] + 50).T, series.index)

    def engine() -> None:
        for row in y[:20]:
            reml.fit_batch(row, x, level)

    def plug_in() -> None:
        for row in y[:20]:
            reml.maximum(row, x)

    def fresh() -> None:
        # More designs, each with a hole and an event of its own, than are kept.
        for at in range(40):
            holed = series.where(np.arange(N) != 1 + at % 20)
            ut.interrupted_time_series(holed, series.index[EVENT - 19 + at])

    ut.interrupted_time_series(series, event, **options)
    ut.interrupted_time_series(series, event)
    many = np.resize(y, (placebos, N))
    designs = np.stack([design(at) for at in range(12, N - 12)])
    own = designs[np.arange(placebos) % len(designs)]
    counts = np.random.default_rng(1).poisson(30, (200, N)).astype(float)
    found = [
        ("one fit, every effect and the table", "uploadtrends interrupted_time_series", public, 20),
        (
            "one fit, every effect and the table, errors ar1",
            'uploadtrends errors="ar1"',
            public_ar1,
            20,
        ),
        ("one fit, both scales, honest bounds", "uploadtrends defaults", public_default, 20),
        ("one fit, a new design", "uploadtrends defaults, design never seen", fresh, 40),
        (
            "64 series in one call, errors ar1",
            'uploadtrends, 64 series, errors="ar1"',
            lambda: ut.interrupted_time_series(many_columns, event, errors="ar1", **options),
            64,
        ),
        (
            "64 series in one call",
            "uploadtrends, 64 series, defaults",
            lambda: ut.interrupted_time_series(many_columns, event),
            64,
        ),
        ("one fit, level only", "uploadtrends fit_batch", engine, 20),
        ("one fit, level only", "uploadtrends phi at its maximum", plug_in, 20),
        (
            f"{placebos} placebo fits, one design",
            "uploadtrends fit_batch",
            lambda: reml.fit_batch(many, x, level),
            placebos,
        ),
        (
            f"{placebos} placebo fits, a design each",
            "uploadtrends fit_batch",
            lambda: reml.fit_batch(many, own, level),
            placebos,
        ),
        (
            "200 count series",
            "uploadtrends fit_count_batch",
            lambda: latent.fit_count_batch(counts, x, level),
            200,
        ),
    ]
    return [
        {"task": task, "contestant": who, "cpu_ms_a_fit": least(run, fits, rounds), "timed": fits}
        for task, who, run, fits in found
    ]


def glsar(y: np.ndarray, rounds: int) -> list[dict[str, object]]:
    """statsmodels GLSAR in a loop."""
    import statsmodels.api as sm

    x, level = design(EVENT), np.eye(4)[2:3]

    def run() -> None:
        for row in y[:50]:
            sm.GLSAR(row, x, rho=1).iterative_fit(maxiter=10).t_test(level).conf_int()

    run()
    value = least(run, 50, rounds)
    who = "statsmodels GLSAR, 10 iterations"
    return [{"task": "loop", "contestant": who, "cpu_ms_a_fit": value, "timed": 50}]


R_SCRIPT = """
suppressMessages(library(nlme))
a <- commandArgs(TRUE)
Y <- as.matrix(read.csv(a[1], header = FALSE)); X <- as.matrix(read.csv(a[2], header = FALSE))
colnames(X) <- paste0("x", 1:4); time <- 1:nrow(X)
run <- function() for (i in 1:30) {
  d <- data.frame(y = Y[i, ], X, time = time)
  g <- try(gls(y ~ 0 + x1 + x2 + x3 + x4, d, correlation = corAR1(form = ~time)), silent = TRUE)
  if (!inherits(g, "try-error")) intervals <- coef(g)[3] + c(-1, 1) * 2 * sqrt(vcov(g)[3, 3])
}
run(); best <- Inf
for (r in 1:as.integer(a[3])) { t <- system.time(run()); best <- min(best, sum(t[1:2])) }
cat(1000 * best / 30)
"""


def r_gls(y: np.ndarray, rounds: int) -> list[dict[str, object]]:
    """R's nlme::gls with corAR1 by REML, timed inside R."""
    if shutil.which("Rscript") is None:
        print("R is not installed: left out")
        return []
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("y.csv", "x.csv")]
        np.savetxt(paths[0], y[:30], delimiter=",")
        np.savetxt(paths[1], design(EVENT), delimiter=",")
        script = Path(folder) / "peer.R"
        script.write_text(R_SCRIPT)
        said = subprocess.run(
            ["Rscript", str(script), *paths, str(rounds)],
            check=False,
            capture_output=True,
            text=True,
        )
    if said.returncode:
        print(f"R's nlme cannot be run here: left out ({said.stderr.strip().splitlines()[-1]})")
        return []
    value = float(said.stdout.split()[-1])
    who = "R nlme::gls(corAR1), REML"
    return [{"task": "loop", "contestant": who, "cpu_ms_a_fit": value, "timed": 30}]


CAUSALPY = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd, causalpy as cp
from sklearn.linear_model import LinearRegression
y = np.loadtxt(sys.argv[1], delimiter=",")
index = pd.date_range("2018-01-01", periods=y.shape[1], freq="MS")
def run():
    for row in y[:10]:
        data = pd.DataFrame({"y": row, "t": np.arange(y.shape[1], dtype=float)}, index)
        cp.InterruptedTimeSeries(data, index[int(sys.argv[2])], formula="y ~ 1 + t",
                                 model=LinearRegression())
run()
best = np.inf
for _ in range(int(sys.argv[3])):
    start = time.process_time(); run(); best = min(best, time.process_time() - start)
print("version", cp.__version__)
print(1000 * best / 10)
"""


def causalpy(y: np.ndarray, rounds: int, python: str | None) -> list[dict[str, object]]:
    """CausalPy with its OLS backend: a counterfactual, without intervals."""
    if python is None and importlib.util.find_spec("causalpy") is None:
        print("CausalPy is not installed here: left out (see --causalpy-python)")
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "y.csv"
        np.savetxt(path, y[:10], delimiter=",")
        said = subprocess.run(
            [python or sys.executable, "-c", CAUSALPY, str(path), str(EVENT), str(rounds)],
            capture_output=True,
            text=True,
            check=False,
        )
    if said.returncode:
        print(f"CausalPy failed: {said.stderr.strip().splitlines()[-1]}")
        return []
    version, value = said.stdout.split()[-2:]
    who = f"CausalPy {version}, OLS backend (no interval)"
    return [{"task": "loop", "contestant": who, "cpu_ms_a_fit": float(value), "timed": 10}]


LONGER = (72, 144, 250, 500, 1000, 2000, 5000, 10_000)
MORE = (1, 4, 16, 64, 256)


def growth() -> None:
    """Time the verb on longer series (a new design each) and on more series of one grid."""
    import uploadtrends as ut
    from uploadtrends.simulate import ar1_series

    ut.interrupted_time_series(
        pd.Series(ar1_series(1, N, rho=0.4, seed=2)[0] + 50, _months(N)), _months(N)[EVENT]
    )
    rows = []
    for errors in ("ar1", "averaged"):
        for series, n in [(1, n) for n in LONGER] + [(m, N) for m in MORE]:
            index = _months(n)
            values = ar1_series(series, n, rho=0.4, seed=1) + 50
            options = {"errors": errors, "season": "none", "scale": "level"}
            # The event of the warm call is another, so that the one that is timed has a new design.
            frame, at = pd.DataFrame(values.T, index), n * EVENT // N
            for seen in (False, True):
                best = np.inf
                for turn in range(2):
                    start = time.process_time()
                    ut.interrupted_time_series(
                        frame, index[at if seen else at - turn - 1], **options
                    )
                    best = min(best, time.process_time() - start)
                rows.append(
                    {
                        "errors": errors,
                        "series": series,
                        "periods": n,
                        "design": "seen before" if seen else "new",
                        "cpu_s": round(best, 4),
                    }
                )
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    table["load_before"] = round(LOAD, 1)
    table["versions"] = versions()
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "its_growth.csv", index=False)
    for (errors, design), part in table.groupby(["errors", "design"]):
        for name, kept in (("periods", part["series"] == 1), ("series", part["periods"] == N)):
            sizes = part[kept].drop_duplicates(name)
            x, y = np.log(sizes[name].astype(float)), np.log(sizes["cpu_s"])
            upper = x >= x.median()
            whole, late = (np.polyfit(x[k], y[k], 1)[0] for k in (x > -1, upper))
            print(
                f"errors={errors}, design {design}: CPU seconds grow with {name} to the power "
                f"{whole:.2f}, {late:.2f} in the upper half"
            )


def _months(n: int) -> pd.DatetimeIndex:
    return pd.date_range("1700-01-01", periods=n, freq="MS", unit="s")


LOAD = os.getloadavg()[0]


def versions() -> str:
    """Name what was timed on what."""
    import statsmodels

    return (
        f"Python {platform.python_version()}; numpy {np.__version__}; pandas {pd.__version__}; "
        f"statsmodels {statsmodels.__version__}; {platform.machine()}"
    )


def main() -> None:
    """Time every contestant and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--placebos", type=int, default=10_000)
    parser.add_argument("--causalpy-python", help="an interpreter that has CausalPy")
    parser.add_argument("--growth", action="store_true", help="the verb alone, on larger data")
    options = parser.parse_args()
    if options.growth:
        growth()
        return
    from uploadtrends.simulate import ar1_series

    y = ar1_series(500, N, rho=0.4, seed=1)
    mine = ours(y, options.rounds, options.placebos)
    peers = [
        *glsar(y, options.rounds),
        *r_gls(y, options.rounds),
        *causalpy(y, options.rounds, options.causalpy_python),
    ]
    table = pd.DataFrame(mine + peers)
    for row in mine:
        ratio = table["cpu_ms_a_fit"] / row["cpu_ms_a_fit"]
        table[f"times {row['contestant']}, {row['task']}"] = ratio.round(2)
    table["cpu_ms_a_fit"] = table["cpu_ms_a_fit"].round(4)
    table["date"] = f"{dt.date.today():%Y-%m-%d}"
    table["load_before"] = round(LOAD, 1)
    table["versions"] = versions()
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "its.csv", index=False)
    print(table[["task", "contestant", "cpu_ms_a_fit"]].to_string(index=False))
    times = {row["contestant"]: row["cpu_ms_a_fit"] for row in peers}
    for row in mine:
        for who, value in times.items():
            print(f"{value / row['cpu_ms_a_fit']:8.1f} x faster than {who}: {row['task']}")


if __name__ == "__main__":
    main()
