"""Coverage of 95% intervals of interrupted time series, ours and the peers', on simulated series.

Run `python validation/its_coverage.py`; it writes its_coverage.csv, its_coverage_tests.csv and
its_coverage.svg to validation/results. Peers that are not installed (R with nlme and sandwich) are
left out and the output says so. Fixed seed; the true effect is zero throughout.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from its_peers import Ends, glsar, newey_west, ols, r_gls
from scipy import stats

from uploadtrends.events import as_events, blocks
from uploadtrends.models.design import Design, build_design
from uploadtrends.models.estimators import latent, reml
from uploadtrends.models.estimators.mixture import mixture_joint
from uploadtrends.models.estimators.noise import fit_ar1_plus_noise
from uploadtrends.models.settings import Settings
from uploadtrends.result import package_version
from uploadtrends.simulate import ar1_series, count_series

RESULTS = Path(__file__).parent / "results"
LOW, HIGH, WIDTH = 0.935, 0.975, 1.25
TEST_LOW, TEST_HIGH = 0.035, 0.065
SEED = 20240612


@dataclass(frozen=True)
class Cell:
    """One simulated situation."""

    process: str
    n: int
    rho: float
    event: float = 0.6
    season: int = 0
    mean: float = 0.0
    gate: bool = True

    def simulate(self, m: int) -> np.ndarray:
        """Return m series without any effect."""
        number = [self.n, round(100 * self.rho) + 100, round(100 * self.event), len(self.process)]
        seed = int(np.random.SeedSequence([SEED, *number]).generate_state(1)[0])
        rng = np.random.default_rng(seed)
        if self.process == "count":
            options = {"mean": self.mean, "rho": self.rho, "latent_sd": 0.3, "seed": seed}
            return count_series(m, self.n, **options).astype(float)
        if self.process == "ar1+noise":
            slow = ar1_series(m, self.n, rho=self.rho, sd=np.sqrt(0.5), seed=seed)
            return slow + rng.standard_normal((m, self.n)) * np.sqrt(0.5)
        if self.process == "ar2":
            y = rng.standard_normal((m, self.n + 200))
            for t in range(2, y.shape[1]):
                y[:, t] += 0.5 * y[:, t - 1] + 0.2 * y[:, t - 2]
            return y[:, 200:]
        return ar1_series(m, self.n, rho=self.rho, seed=seed)

    def design(self) -> Design:
        """Return the design as the package builds it for monthly data."""
        index = pd.date_range("2010-01-01", periods=self.n, freq="MS")
        chosen = blocks(as_events(index[int(self.event * self.n)]), index)
        settings = Settings(season=self.season or "none")
        return build_design(index, np.ones(self.n, dtype=bool), chosen, settings)


def quantities(design: Design) -> dict[str, np.ndarray]:
    """Return the contrast of each reported effect."""
    (block,) = design.blocks
    found = {term: design.term_row(block.id, term)[0] for term in ("level", "slope")}
    twelve = design.horizon(block.id, 12)
    if twelve is not None:
        found["effect_12m"] = design.effect_rows(block.id, [twelve])[0]
    found["cumulative"] = design.effect_rows(block.id, design.after(block.id)).sum(axis=0)
    return found


def integrated(y: np.ndarray, x: np.ndarray, contrasts: np.ndarray) -> Ends:
    """The package's default."""
    fit = reml.fit_batch(y, x, contrasts)
    return fit.low, fit.high


def uniform_prior(y: np.ndarray, x: np.ndarray, contrasts: np.ndarray) -> Ends:
    """The same with a uniform prior of the autocorrelation."""
    fit = reml.fit_batch(y, x, contrasts, prior="uniform")
    return fit.low, fit.high


def plus_noise(y: np.ndarray, x: np.ndarray, contrasts: np.ndarray) -> Ends:
    """The package's sensitivity analysis."""
    positions = np.arange(x.shape[0], dtype=float)
    found = [fit_ar1_plus_noise(row, x, positions, Settings()).contrast(contrasts) for row in y]
    return np.stack([f.low for f in found]), np.stack([f.high for f in found])


def known(rho: float) -> object:
    """GLS that is told the true autocorrelation: the oracle of the widths."""

    def fit(y: np.ndarray, x: np.ndarray, contrasts: np.ndarray) -> Ends:
        given = reml.conditional(y, x, None, np.array([rho]))
        centres, scales = (part[..., 0] for part in reml.contrast_components(given, contrasts))
        reach = stats.t.ppf(0.975, given.df) * scales
        return centres - reach, centres + reach

    return fit


def gaussian_cells() -> Iterator[Cell]:
    """Yield the gated cells, then harder and misspecified ones."""
    for event in (0.6, 0.85):
        for n in (24, 36, 48, 72, 120):
            for rho in (0.0, 0.2, 0.4, 0.6):
                yield Cell("ar1", n, rho, event)
    for n, rho in ((48, -0.3), (72, 0.8), (120, 0.8), (120, 0.9)):
        yield Cell("ar1", n, rho, gate=False)
    for n in (48, 72, 120):
        yield Cell("ar1", n, 0.4, season=2, gate=False)
    for n in (48, 72, 120):
        yield Cell("ar1+noise", n, 0.8, gate=False)
        yield Cell("ar2", n, 0.5, gate=False)


def count_cells() -> Iterator[Cell]:
    """Yield Poisson counts with a latent AR(1) process."""
    for mean in (30.0, 5.0):
        for n in (36, 72):
            for rho in (0.0, 0.4, 0.7, 0.9):
                yield Cell("count", n, rho, mean=mean, gate=False)


def rows_of(
    cell: Cell, method: str, names: list[str], ends: Ends, oracle: np.ndarray | None
) -> Iterator[dict[str, object]]:
    """Yield one row per quantity."""
    low, high = ends
    good = ~np.isnan(low).any(axis=1)
    low, high = low[good], high[good]
    m = len(low)
    for i, name in enumerate(names):
        coverage = float(((low[:, i] < 0) & (high[:, i] > 0)).mean())
        width = float((high[:, i] - low[:, i]).mean())
        ratio = width / oracle[i] if oracle is not None else np.nan
        error = np.sqrt(coverage * (1 - coverage) / m)
        inside = LOW - 2 * error <= coverage <= HIGH + 2 * error and not ratio > WIDTH
        yield {
            "process": cell.process,
            "n": cell.n,
            "rho": cell.rho,
            "event_at": cell.event,
            "harmonics": cell.season,
            "mean_count": cell.mean or np.nan,
            "quantity": name,
            "method": method,
            "repetitions": m,
            "failed_fits": int((~good).sum()),
            "coverage": coverage,
            "monte_carlo_se": float(error),
            "mean_width": width,
            "width_over_known_phi": ratio,
            "gate": ("held" if inside else "missed")
            if cell.gate and method.startswith("reml-ar1")
            else "",
        }


def gaussian_study(repetitions: int, peer_repetitions: int) -> list[dict[str, object]]:
    """Return the rows of all Gaussian cells."""
    has_r = shutil.which("Rscript") is not None
    rows: list[dict[str, object]] = []
    for cell in gaussian_cells():
        start = time.perf_counter()
        design = cell.design()
        x, wanted = design.fitted, quantities(design)
        names, contrasts = list(wanted), np.stack(list(wanted.values()))
        y = cell.simulate(repetitions)
        oracle = None
        if cell.process == "ar1":
            low, high = known(cell.rho)(y, x, contrasts)
            oracle = (high - low).mean(axis=0)
        for method, function in (
            ("reml-ar1", integrated),
            ("reml-ar1, uniform prior", uniform_prior),
            ("ols", ols),
            ("newey-west", newey_west),
        ):
            rows += rows_of(cell, method, names, function(y, x, contrasts), oracle)
        few = y[:peer_repetitions]
        if cell.event == 0.6 and cell.season == 0:
            rows += rows_of(cell, "statsmodels GLSAR", names, glsar(few, x, contrasts), oracle)
            if has_r:
                rows += rows_of(cell, "R nlme::gls REML", names, r_gls(few, x, contrasts), oracle)
        if cell.process in ("ar1+noise", "ar2") or (cell.n, cell.rho) == (72, 0.4):
            rows += rows_of(cell, "ar1-plus-noise", names, plus_noise(few, x, contrasts), oracle)
        print(f"{cell}: {time.perf_counter() - start:.1f} s", flush=True)
    return rows


def count_study(repetitions: int) -> list[dict[str, object]]:
    """Return the rows of all count cells."""
    rows: list[dict[str, object]] = []
    for cell in count_cells():
        start = time.perf_counter()
        design = cell.design()
        wanted = quantities(design)
        del wanted["cumulative"]  # not linear in the coefficients of a log link
        names, contrasts = list(wanted), np.stack(list(wanted.values()))
        y = cell.simulate(repetitions)
        fit = latent.fit_count_batch(y, design.fitted, contrasts)
        rows += rows_of(cell, "count-ar1", names, (fit.low, fit.high), None)
        if cell.mean >= 10:
            logs = np.log(np.maximum(y, 0.5))
            ends = integrated(logs, design.fitted, contrasts)
            rows += rows_of(cell, "reml-ar1 of the logarithm", names, ends, None)
        print(f"{cell}: {time.perf_counter() - start:.1f} s", flush=True)
    return rows


def joint_study(repetitions: int) -> list[dict[str, object]]:
    """Return the share of false rejections of joint tests at 5%."""
    rows: list[dict[str, object]] = []
    for n in (36, 48, 72, 120):
        index = pd.date_range("2010-01-01", periods=n, freq="MS")
        early, late = index[int(0.35 * n)], index[int(0.7 * n)]
        for test, dates in (
            ("level and slope of one event", [late]),
            (
                "level and slope of a block of three",
                [late, late + pd.Timedelta(days=40), late + pd.Timedelta(days=75)],
            ),
            ("all terms of two blocks", [early, late]),
        ):
            chosen = blocks(as_events(dates), index)
            settings = Settings(season="none")
            design = build_design(index, np.ones(n, dtype=bool), chosen, settings)
            terms = [c for t in design.columns.values() for c in t.values()]
            for rho in (0.0, 0.2, 0.4, 0.6):
                y = ar1_series(repetitions, n, rho=rho, seed=SEED + n + round(10 * rho))
                p = []
                for first in range(0, repetitions, 250):
                    fit = reml.conditional(
                        y[first : first + 250, design.used], design.fitted, design.positions
                    )
                    spread = fit.covariance[:, :, terms][..., terms]
                    spread = spread * fit.variance[:, :, None, None]
                    values = fit.coefficients[..., terms]
                    p.append(mixture_joint(fit.weights, values, spread, fit.df)[1])
                rate = float((np.concatenate(p) < 0.05).mean())
                error = np.sqrt(rate * (1 - rate) / repetitions)
                rows.append(
                    {
                        "test": test,
                        "n": n,
                        "rho": rho,
                        "repetitions": repetitions,
                        "false_rejections": rate,
                        "monte_carlo_se": error,
                        "gate": "held"
                        if TEST_LOW - 2 * error <= rate <= TEST_HIGH + 2 * error
                        else "missed",
                    }
                )
        print(f"joint tests, n {n}", flush=True)
    return rows


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw coverage of level and cumulative effect against rho, one column a length."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "uploadtrends"
    lengths = (24, 48, 72, 120)
    colours = {
        "reml-ar1": "#000000",
        "R nlme::gls REML": "#0072B2",
        "statsmodels GLSAR": "#E69F00",
        "newey-west": "#009E73",
        "ols": "#D55E00",
    }
    figure, axes = plt.subplots(2, 4, figsize=(10, 5), sharex=True, sharey=True)
    table = table[(table["process"] == "ar1") & (table["event_at"] == 0.6)]
    table = table[(table["harmonics"] == 0) & table["rho"].between(0, 0.6)]
    for row, quantity in zip(axes, ("level", "cumulative"), strict=True):
        for ax, n in zip(row, lengths, strict=True):
            ax.axhspan(LOW, HIGH, color="0.9", linewidth=0)
            ax.axhline(0.95, color="0.6", linewidth=0.8)
            for method, colour in colours.items():
                part = table[
                    (table["method"] == method)
                    & (table["n"] == n)
                    & (table["quantity"] == quantity)
                ]
                ax.plot(part["rho"], part["coverage"], "o-", color=colour, label=method, ms=3)
            ax.set_title(f"{quantity}, n = {n}", fontsize=9)
            ax.tick_params(labelsize=8)
    for ax in axes[1]:
        ax.set_xlabel("autocorrelation of the errors", fontsize=8)
    for ax in axes[:, 0]:
        ax.set_ylabel("coverage of the 95% interval", fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=5, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def versions() -> str:
    """Name the versions behind the numbers."""
    import scipy
    import statsmodels

    found = [f"uploadtrends {package_version()}", f"numpy {np.__version__}"]
    found += [f"scipy {scipy.__version__}", f"statsmodels {statsmodels.__version__}"]
    if shutil.which("Rscript"):
        said = subprocess.run(
            ["Rscript", "-e", 'cat(R.version.string, "; nlme", format(packageVersion("nlme")))'],
            capture_output=True,
            text=True,
            check=False,
        )
        found.append(said.stdout.strip())
    return "; ".join(found)


def main() -> None:
    """Run the studies and write the tables and the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=10_000)
    parser.add_argument("--peer-repetitions", type=int, default=500)
    parser.add_argument("--count-repetitions", type=int, default=2_000)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    stamp = {"date": f"{dt.date.today():%Y-%m-%d}", "versions": versions()}
    tests = pd.DataFrame(joint_study(options.repetitions)).assign(**stamp)
    tests.to_csv(options.output / "its_coverage_tests.csv", index=False, float_format="%.4f")
    counts = count_study(options.count_repetitions)
    table = pd.DataFrame(
        gaussian_study(options.repetitions, options.peer_repetitions) + counts
    ).assign(**stamp)
    table.to_csv(options.output / "its_coverage.csv", index=False, float_format="%.4f")
    draw(table, options.output / "its_coverage.svg")
    for method, gated in table[table["gate"] != ""].groupby("method"):
        print(f"{method}: {(gated['gate'] == 'held').sum()} of {len(gated)} cells held")
        print(gated[gated["gate"] == "missed"].drop(columns=["versions", "date"]).to_string())
    print(f"joint tests: {(tests['gate'] == 'held').sum()} of {len(tests)} cells held")
    print(tests[tests["gate"] == "missed"].drop(columns=["versions", "date"]).to_string())


if __name__ == "__main__":
    main()
