"""The whole procedure on many processes: the public verb, its status, and `conclude` on every row.

No effect: share of intervals that hold the truth, share of series with status ok, share of series
of which any row is claimed. Two intervals are counted, the plain one and the honest one, which
allows for a course that bends as much as before the event; both also among the series that were not
marked (``_ok``). Checks can only take claims away, so that the claims counted here, without any,
are the most there can be. With an effect (level -.3 in logs) placebo dates and anticipation are run
wherever something is claimable. Widths are against generalised least squares that knows the
covariance. Event at 60%; monthly unless said. "control" processes are two platforms with shocks in
common of which the event concerns one: the control is used where the package calls it fit.

Run `python validation/its_processes.py [--repetitions 200] [--only NAME] [--minutes 1e9]`. Series
come in chunks of 20, the seed of each being the crc32 of its full name; what a chunk gave stands in
results/its_processes.csv.gz and is not drawn again, the table is results/its_processes.csv.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from processes import COUNTS, EVENT, OTHER, SD, SHAPED, SMOOTH, Draw, ar, seed_of

import uploadtrends as ut
from uploadtrends.checks import conclude
from uploadtrends.models.adequacy import SHAPE_LEVEL

RESULTS = Path(__file__).parent / "results"
LENGTHS = (24, 36, 60, 96, 120)
ROWS = ("level", "slope", "effect_12m", "cumulative")
LEVEL = -0.3
CHUNK = 20
KEY = ["process", "n", "effect", "freq", "chunk"]
CONTROLS = {"control, untouched": 0.0, "control, half touched": 0.5, "control, touched": 1.0}
"""Share of the effect that the other platform feels."""
Cell = tuple[str, Draw, int, float, str, float]
"""Process, its draw, n, effect, frequency, share of the repetitions."""
KNOWN = {"AR(.4)": 0.4, "AR(.95)": 0.95}
"""AR(1) parameter of the processes whose covariance an oracle knows."""


def series(
    name: str, draw: Draw, n: int, m: int, effect: float, freq: str = "MS", chunk: int = 0
) -> pd.DataFrame:
    """Return m series, one a column."""
    at = int(EVENT * n)
    event = pd.Timestamp("2022-08-01")
    index = pd.date_range(end=event, periods=at + 1, freq=freq)
    index = pd.date_range(index[0], periods=n, freq=freq)
    rng = seed_of("its_processes", name, n, effect, freq, chunk)
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
        "another_shape": float(fit.adequacy.p_shape <= SHAPE_LEVEL),
        "answered": float(rows["p"].notna().any()),
    }
    log = rows.loc["level", "unit"] == "log ratio"
    for term, truth in (("level", effect), ("slope", 0.0)):
        low, high = rows.loc[term, ["low", "high"]]
        if low == low and (log or truth == 0):
            honest = tuple(rows.loc[term, ["low_honest", "high_honest"]])
            for kind, ends in (("", (low, high)), ("_honest", honest)):
                covers = float(ends[0] <= truth <= ends[1])
                found[f"covers_{term}{kind}"] = covers
                if fit.status == "ok":
                    found[f"covers_{term}{kind}_ok"] = covers
            if high > low:
                found[f"wider_{term}"] = (honest[1] - honest[0]) / (high - low)
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


def beside(data: pd.DataFrame, event: str, effect: float) -> dict[str, float]:
    """Return what the procedure says of one series with a possible control."""
    known = ut.Event(event, platforms=("site",))
    its = ut.interrupted_time_series(data, known, scale="log")
    (row,) = its.controls.to_dict("records")
    found = {"offered": float(row["fit"])}
    found["offered_half_ruled_out"] = float(row["fit"] and row["own_share"] < 0.5)
    alone = data[[("site", "all")]]
    settings = {"control": data["other", "all"]} if row["fit"] else {}
    answer = ut.interrupted_time_series(alone, known, scale="log", **settings)
    rows = answer.effects.set_index("term")
    found["ok"], found["answered"] = float(answer.fits[0].status == "ok"), 1.0
    for term, truth in (("level", effect), ("slope", 0.0)):
        for kind in ("", "_honest"):
            low, high = rows.loc[term, [f"low{kind}", f"high{kind}"]]
            found[f"covers_{term}{kind}"] = float(low <= truth <= high)
            if row["fit"]:
                found[f"covers_{term}{kind}_offered"] = float(low <= truth <= high)
    if row["fit"]:
        found["width_with_control"] = row["width_ratio"]
    return found


def pair(touched: float, n: int, m: int, chunk: int, name: str) -> list[pd.DataFrame]:
    """Return m pairs of platforms with common shocks; the other feels `touched` of the effect."""
    at = int(EVENT * n)
    index = pd.date_range(end="2022-08-01", periods=at + 1, freq="MS")
    index = pd.date_range(index[0], periods=n, freq="MS")
    rng = seed_of("its_processes", name, n, chunk)
    shared = SD * ar(rng, m, n, 0.8)
    after = LEVEL * (np.arange(n) >= at)
    sides = [shared + SD / 2 * ar(rng, m, n, 0.4) + share * after for share in (1.0, touched)]
    columns = pd.MultiIndex.from_tuples([("site", "all"), ("other", "all")])
    return [
        pd.DataFrame(np.exp(6 + np.column_stack([sides[0][i], sides[1][i]])), index, columns)
        for i in range(m)
    ]


def _oracle(fit: object, event: str, term: str, phi: float) -> float:
    """Return the width of the interval of one who knows the AR(1) covariance."""
    design = fit.prepared.design  # type: ignore[attr-defined]
    place = design.positions
    v = SD**2 * phi ** np.abs(np.subtract.outer(place, place))
    x = design.fitted
    spread = np.linalg.inv(x.T @ np.linalg.solve(v, x))
    row = design.term_row(event, term)[0]
    return float(2 * 1.959964 * np.sqrt(row @ spread @ row))


def chunk_of(cell: Cell, chunk: int, m: int) -> pd.DataFrame:
    """Return what the procedure says of m series, one row each."""
    name, draw, n, effect, freq, _ = cell
    if name in CONTROLS:
        pairs = pair(CONTROLS[name], n, m, chunk, name)
        event = str(pairs[0].index[int(EVENT * n)].date())
        return pd.DataFrame([beside(data, event, LEVEL) for data in pairs])
    data = series(name, draw, n, m, effect, freq, chunk)
    event = str(data.index[int(EVENT * n)].date())
    truth = LEVEL if name in SHAPED else effect
    phi = KNOWN.get(name) if freq == "MS" else None
    return pd.DataFrame([one(data[c], event, truth, phi) for c in data])


def main() -> None:
    """Run every cell, chunk by chunk, and write one row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--only", default="", help="processes whose name holds this")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    path, began = given.out / "its_processes.csv.gz", time.monotonic()
    parts = pd.read_csv(path, compression="gzip") if path.exists() else pd.DataFrame(columns=KEY)
    rounds = -(-given.repetitions // CHUNK)
    # Round by round: whenever it is stopped, every process has nearly as many series.
    for chunk in range(rounds):
        for cell in cells():
            name, _, n, effect, freq, share = cell
            key = (name, n, effect, freq, chunk)
            if given.only not in name or chunk >= max(round(rounds * share), 1):
                continue
            if key in set(parts[KEY].itertuples(index=False, name=None)):
                continue
            if time.monotonic() - began > 60 * given.minutes:
                break
            runs = chunk_of(cell, chunk, CHUNK)
            row = dict(zip(KEY, key, strict=True))
            row |= runs.sum().add_prefix("sum_").to_dict() | runs.count().add_prefix("n_").to_dict()
            parts = pd.concat([parts, pd.DataFrame([row])], ignore_index=True)
        parts.round(4).to_csv(path, index=False, compression={"method": "gzip", "mtime": 0})
        summarise(parts).to_csv(given.out / "its_processes.csv", index=False)
    print(summarise(parts).to_string(index=False))


def summarise(parts: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every measure over the chunks, and the Monte Carlo error at 95%."""
    sums = parts.groupby(KEY[:4], sort=False).sum(numeric_only=True)
    names = [str(c).removeprefix("sum_") for c in sums if str(c).startswith("sum_")]
    table = pd.DataFrame({name: sums[f"sum_{name}"] / sums[f"n_{name}"] for name in names})
    table.insert(0, "runs", sums["n_ok"].astype(int))
    table.insert(1, "error", np.sqrt(0.95 * 0.05 / table["runs"]))
    return table.round(4).reset_index()


def cells() -> list[Cell]:
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
    found += [(name, plain["AR(.4)"], n, LEVEL, "MS", 0.5) for n in (60, 120) for name in CONTROLS]
    found += [("AR(.4)", plain["AR(.4)"], 208, 0.0, "W-MON", 0.3)]
    found += [("AR(.4)", plain["AR(.4)"], n, 0.0, "D", 0.1) for n in (400, 1300)]
    return found


if __name__ == "__main__":
    main()
