"""False claims of `interrupted_time_series(series, date)` as users call it, with every default.

No effect is in any series. A claim is p <= .05 with status ok and nothing in `depends_on`.

    python validation/its_public.py [--repetitions 100] [--cells monthly,weekly,daily]

Seeds are crc32 of the cell's full name. Cells are written as they finish.
"""

from __future__ import annotations

import argparse
import itertools
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

import uploadtrends as ut

OUT = Path(__file__).parent / "results" / "its_public.csv"
TERMS = ("level", "slope", "effect_12m", "cumulative")
SIZES = {"monthly": (24, 36, 60, 120), "weekly": (208,), "daily": (400, 1100)}
FREQ = {"monthly": "MS", "weekly": "W-MON", "daily": "D"}


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
    course: str, kind: str, every: str, n: int, phi: float, repetitions: int
) -> dict[str, object]:
    """Return the shares of one cell."""
    name = f"its-public|{course}|{kind}|{every}|{n}|{phi}"
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    index = pd.date_range(
        "2015-01-05" if every == "weekly" else "2015-01-01", periods=n, freq=FREQ[every]
    )
    rows = []
    for _ in range(repetitions):
        series = pd.Series(draw(course, kind, n, phi, rng), index)
        event = str(index[int(n * (0.7 if n == 1100 else 0.6))].date())
        found = ut.interrupted_time_series(series, event).effects.set_index("term")
        row = {"ok": found["status"].get("level") == "ok"}
        for term in TERMS:
            known = term in found.index and found.loc[term, "status"] == "ok"
            free = known and found.loc[term, "depends_on"] == ""
            row[f"unmarked_{term}"] = free
            row[f"false_{term}"] = free and found.loc[term, "p"] <= 0.05
        rows.append(row)
    shares = pd.DataFrame(rows).mean().to_dict()
    return {
        "course": course,
        "kind": kind,
        "every": every,
        "n": n,
        "phi": phi,
        "repetitions": repetitions,
        **{key: round(v, 3) for key, v in shares.items()},
    }


def main() -> None:
    """Run the cells and write them one by one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--cells", default="monthly,weekly,daily")
    parser.add_argument("--phi", type=float, nargs="+", default=[0.0, 0.4, 0.8])
    parser.add_argument("--sizes", type=int, nargs="*", default=None)
    said = parser.parse_args()
    done: list[dict[str, object]] = []
    for every in said.cells.split(","):
        for n, phi, course, kind in itertools.product(
            said.sizes or SIZES[every],
            said.phi,
            ("straight", "exponential", "logistic", "curved"),
            ("level", "log", "count"),
        ):
            done.append(cell(course, kind, every, n, phi, said.repetitions))
            pd.DataFrame(done).to_csv(OUT, index=False)
            print(done[-1], flush=True)


if __name__ == "__main__":
    main()
