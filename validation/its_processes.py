"""The whole procedure on many processes: the public verb, its status, and `conclude` on every row.

No effect: share of intervals that hold the truth, share of series with status ok, share of series
of which any row is claimed. Checks can only take claims away, so that the claims counted here,
without any, are the most there can be. With an effect (level -.3 in logs) placebo dates and
anticipation are run wherever something is claimable. Widths are against generalised least squares
that knows the covariance. Event at 60%; monthly unless said; seeds are the crc32 of the full name.

Run `python validation/its_processes.py [--repetitions 100] [--scale 1] [--only NAME]`; writes
results/its_processes.csv as it goes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from processes import COUNTS, EVENT, OTHER, SD, SHAPED, SMOOTH, Draw, seed_of

import uploadtrends as ut
from uploadtrends.checks import conclude

RESULTS = Path(__file__).parent / "results"
LENGTHS = (24, 36, 60, 96, 120)
ROWS = ("level", "slope", "effect_12m", "cumulative")
LEVEL = -0.3
KNOWN = {"AR(.4)": 0.4, "AR(.95)": 0.95}
"""AR(1) parameter of the processes whose covariance an oracle knows."""


def series(name: str, draw: Draw, n: int, m: int, effect: float, freq: str = "MS") -> pd.DataFrame:
    """Return m series, one a column."""
    at = int(EVENT * n)
    event = pd.Timestamp("2022-08-01")
    index = pd.date_range(end=event, periods=at + 1, freq=freq)
    index = pd.date_range(index[0], periods=n, freq=freq)
    rng = seed_of("its_processes", name, n, effect, freq)
    values = draw(rng, m, n)
    if name in COUNTS:
        keep = rng.binomial(values.astype(int), np.exp(effect)) if effect else values
        values[:, at:] = keep[:, at:]
    else:
        values = np.exp(6 + 0.003 * np.arange(n) + values + effect * (np.arange(n) >= at))
    return pd.DataFrame(values.T, index)


def one(y: pd.Series, event: str, effect: float, phi: float | None) -> dict[str, float]:
    """Return what the procedure says of one series."""
    its = ut.interrupted_time_series(y, event)
    fit = its.fits[0]
    rows = its.effects.set_index("term")
    found: dict[str, float] = {
        "ok": float(fit.status == "ok"),
        "answered": float(rows["p"].notna().any()),
    }
    log = rows.loc["level", "unit"] == "log ratio"
    for term, truth in (("level", effect), ("slope", 0.0)):
        low, high = rows.loc[term, ["low", "high"]]
        if low == low and (log or truth == 0):
            found[f"covers_{term}"] = float(low <= truth <= high)
            if phi is not None and log:
                found[f"width_{term}"] = (high - low) / _oracle(
                    fit, its.effects["event"][0], term, phi
                )
    claimable = rows["status"].eq("ok") & rows["p_adjusted"].le(0.05) & rows["depends_on"].eq("")
    outcomes = []
    if effect and claimable.any():
        outcomes = [its.check(ut.anticipation(n_draws=99)), its.check(ut.placebo_dates(n=39))]
    for term, row in rows.iterrows():
        said = bool(claimable[term]) and conclude(row.to_dict() | {"term": term}, outcomes).claims
        if term in ROWS:
            found[f"claims_{term}"] = float(said)
        found["claims_any"] = max(found.get("claims_any", 0.0), float(said))
    return found


def _oracle(fit: object, event: str, term: str, phi: float) -> float:
    """Return the width of the interval of one who knows the AR(1) covariance."""
    design = fit.prepared.design  # type: ignore[attr-defined]
    place = design.positions
    v = SD**2 * phi ** np.abs(np.subtract.outer(place, place))
    x = design.fitted
    spread = np.linalg.inv(x.T @ np.linalg.solve(v, x))
    row = design.term_row(event, term)[0]
    return float(2 * 1.959964 * np.sqrt(row @ spread @ row))


def main() -> None:
    """Run every cell and write one row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    m = int(given.repetitions * given.scale)
    path = given.out / "its_processes.csv"
    table = pd.read_csv(path).to_dict("records") if path.exists() else []
    done = {(row["process"], row["n"], row["effect"], row["freq"]) for row in table}
    for name, draw, n, effect, freq, share in cells():
        if given.only not in name or (name, n, effect, freq) in done:
            continue
        data = series(name, draw, n, max(int(m * share), 2), effect, freq)
        event = str(data.index[int(EVENT * n)].date())
        truth = LEVEL if name in SHAPED else effect
        runs = pd.DataFrame(
            [one(data[c], event, truth, KNOWN.get(name) if freq == "MS" else None) for c in data]
        )
        start = {"process": name, "n": n, "effect": effect, "freq": freq, "runs": len(runs)}
        table.append(start | runs.mean().round(4).to_dict())
        pd.DataFrame(table).to_csv(path, index=False)
    print(pd.DataFrame(table).to_string(index=False))


def cells() -> list[tuple[str, Draw, int, float, str, float]]:
    """Return process, its draw, n, effect, frequency, and share of the repetitions."""
    plain = {**SMOOTH, **OTHER, **COUNTS}
    found = [
        (name, draw, n, 0.0, "MS", 1.0)
        for n in (60, 120, 36, 24, 96)
        for name, draw in {**plain, **SHAPED}.items()
    ]
    found += [
        (name, plain[name], n, LEVEL, "MS", 0.2)
        for n in (60, 120, 36)
        for name in ("AR(.4)", "bend 0.1", "AR(.85) + 50% noise", "counts, latent .4")
    ]
    found += [("AR(.4)", plain["AR(.4)"], 208, 0.0, "W-MON", 0.3)]
    found += [("AR(.4)", plain["AR(.4)"], n, 0.0, "D", 0.1) for n in (400, 1300)]
    return found


if __name__ == "__main__":
    main()
