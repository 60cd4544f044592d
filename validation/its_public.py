"""False claims of `interrupted_time_series(series, date)` as users call it, with every default.

No effect is in any series. A claim is p <= .05 with status ok and nothing in `depends_on`.

    python validation/its_public.py [--repetitions 200] [--jobs 2] [--cells monthly,weekly,daily]

For every row (level, slope, 12 months, cumulative): `unmarked`, the share of series with status ok
and nothing in `depends_on`; `false`, the share of series with a claim. `ok` is the share with
status ok. Days and weeks with less than two years before the event have the answer of their months
beside them (`result.monthly`): `answered` is the share in which one of the two has status ok,
`month_claims` that in which the months claim any row. The Monte Carlo error of a share s is sqrt(s
(1 - s) / repetitions): .015 at .05 of 200. Events lie at 60% of the series, those of the daily
series of 1,100 at 70% (two years before).

Seeds are crc32 of the cell's full name and `--salt`; the committed table has the default one, and
another was used while the method was tuned. Cells are written as they finish and those in the
table are not run again, so a run can be stopped and taken up.
"""

from __future__ import annotations

import argparse
import itertools
import os
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import uploadtrends as ut

OUT = Path(__file__).parent / "results" / "its_public.csv"
TERMS = ("level", "slope", "effect_12m", "cumulative")
SIZES = {"monthly": (24, 36, 60, 120), "weekly": (208,), "daily": (400, 800, 1100)}
FREQ = {"monthly": "MS", "weekly": "W-MON", "daily": "D"}
COURSES = ("straight", "exponential", "logistic", "curved")
KINDS = ("level", "log", "count")
KEYS = ["course", "kind", "every", "n", "phi"]


def mean(course: str, n: int) -> np.ndarray:
    """Return the true course, 20 to 60."""
    t = np.linspace(0, 1, n)
    return {
        "straight": 60 - 40 * t,
        "exponential": 20 * 3**t,
        "logistic": 20 + 40 / (1 + np.exp(-8 * (t - 0.5))),
        "curved": 20 + 40 * t**2,
    }[course]


def draw(course: str, kind: str, n: int, phi: float, rng: np.random.Generator) -> np.ndarray:
    """Return one series without any effect."""
    noise = rng.standard_normal(n)
    for i in range(1, n):
        noise[i] = phi * noise[i - 1] + np.sqrt(1 - phi**2) * noise[i]
    mu = mean(course, n)
    if kind == "level":
        return np.maximum(mu + 3 * noise, 0.5)
    bumpy = mu * np.exp(0.1 * noise)
    return rng.poisson(bumpy).astype(float) if kind == "count" else bumpy


def cell(
    course: str, kind: str, every: str, n: int, phi: float, repetitions: int, salt: str
) -> dict[str, object]:
    """Return the shares of one cell."""
    name = f"{salt}|{course}|{kind}|{every}|{n}|{phi}"
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    start = "2015-01-05" if every == "weekly" else "2015-01-01"
    index = pd.date_range(start, periods=n, freq=FREQ[every])
    event = str(index[int(n * (0.7 if n == 1100 else 0.6))].date())
    rows = []
    for _ in range(repetitions):
        series = pd.Series(draw(course, kind, n, phi, rng), index)
        result = ut.interrupted_time_series(series, event)
        found = result.effects.set_index("term")
        row = {"ok": found["status"].get("level") == "ok", "log": result.fits[0].scale != "level"}
        months = None if result.monthly is None else result.monthly.effects.set_index("term")
        row["answered"] = row["ok"] or (months is not None and months["status"]["level"] == "ok")
        row["month_claims"] = months is not None and any(
            months.loc[term, ["status", "depends_on"]].tolist() == ["ok", ""]
            and months.loc[term, "p"] <= 0.05
            for term in TERMS
            if term in months.index
        )
        for term in TERMS:
            known = term in found.index and found.loc[term, "status"] == "ok"
            free = known and found.loc[term, "depends_on"] == ""
            row[f"unmarked_{term}"] = free
            row[f"false_{term}"] = free and found.loc[term, "p"] <= 0.05
        rows.append(row)
    shares = pd.DataFrame(rows).mean().to_dict()
    return {
        **dict(zip(KEYS, (course, kind, every, n, phi), strict=True)),
        "repetitions": repetitions,
        **{key: round(v, 3) for key, v in shares.items()},
    }


def wanted(said: argparse.Namespace) -> list[tuple[str, str, str, int, float]]:
    """Return the cells asked for, the quick ones first."""
    return [
        (course, kind, every, n, phi)
        for every in said.cells.split(",")
        for n, phi, course, kind in itertools.product(
            said.sizes or SIZES[every], said.phi, said.courses.split(","), KINDS
        )
    ]


def main() -> None:
    """Run the cells that are not in the table yet, and write each as it finishes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--cells", default="monthly,weekly,daily")
    parser.add_argument("--courses", default=",".join(COURSES))
    parser.add_argument("--phi", type=float, nargs="+", default=[0.0, 0.4, 0.8])
    parser.add_argument("--sizes", type=int, nargs="*", default=None)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--salt", default="its-public-committed")
    parser.add_argument("--out", type=Path, default=OUT)
    said = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    known = pd.read_csv(said.out) if said.out.exists() else pd.DataFrame(columns=KEYS)
    done = set(known[KEYS].itertuples(index=False, name=None))
    todo = [one for one in wanted(said) if one not in done]
    found = Parallel(n_jobs=said.jobs, return_as="generator_unordered")(
        delayed(cell)(*one, said.repetitions, said.salt) for one in todo
    )
    for row in found:
        fresh = pd.DataFrame([row])
        known = fresh if known.empty else pd.concat([known, fresh])
        known.sort_values(["every", "n", "phi", "course", "kind"]).to_csv(said.out, index=False)
        print(row, flush=True)


if __name__ == "__main__":
    main()
