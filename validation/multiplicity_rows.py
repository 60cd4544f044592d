"""Any false row, and the power of a true one, under five ways to adjust for rows and series.

AR(.4), sd .15, event at 60%, level and slope; rows: level, slope, 1, 3, 6, 12 months, the end and
the sum. One series or six independent ones. The closed test is the package's
(`uploadtrends.familywise.closed_test`). Run `python validation/multiplicity_rows.py
[--repetitions 3000]` (six series take a third of that); writes results/multiplicity_rows.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from processes import EVENT, Array, ar, seed_of

from uploadtrends.familywise import closed_test, holm
from uploadtrends.models.estimators import averaged
from uploadtrends.models.estimators.mixture import mixture_joint

RESULTS = Path(__file__).parent / "results"
ROWS = ("level", "slope", "effect_1m", "effect_3m", "effect_6m", "effect_12m", "end", "cumulative")
LEVEL, HALF, HUGE = -0.45, -0.6, -3.0
CASES = [  # name, series, level of each, slope of each in units of 60 / n
    ("null", 1, [0.0], [0.0]),
    ("only level", 1, [LEVEL], [0.0]),
    ("only slope", 1, [0.0], [-0.04]),
    ("null", 6, [0.0] * 6, [0.0] * 6),
    ("level in all", 6, [LEVEL] * 6, [0.0] * 6),
    ("level huge in all", 6, [HUGE] * 6, [0.0] * 6),
    ("level in half", 6, [HALF] * 3 + [0.0] * 3, [0.0] * 6),
    ("slope in all", 6, [0.0] * 6, [-0.04] * 6),
]


def p_values(y: Array, at: int) -> tuple[Array, Array, Array]:
    """Return p of the rows (m, 8), their contrasts (8, 4), and p of both terms together (m,)."""
    n = y.shape[1]
    time = np.arange(n, dtype=float)
    x = np.column_stack([np.ones(n), time, time >= at, np.maximum(time - at, 0)])
    contrasts = np.zeros((8, 4))
    contrasts[0, 2] = contrasts[1, 3] = 1.0
    for i, h in enumerate((1, 3, 6, 12)):
        contrasts[2 + i] = [0, 0, 1, h - 1]
    contrasts[6] = [0, 0, 1, n - at - 1]
    contrasts[7] = [0, 0, n - at, np.arange(n - at).sum()]
    known = averaged.machine(x, time)
    joint = []
    for part in np.array_split(y, max(len(y) // 100, 1)):
        weights, variance, _ = known.weights(part)
        values = np.einsum("gkn,mn->mgk", known.maps[:, 2:], part, optimize=True)
        spread = known.covariance[:, 2:, 2:] * variance[:, :, None, None]
        joint.append(mixture_joint(weights, values, spread, known.df)[1])
    return averaged.fit_batch(y, x, contrasts).p, contrasts, np.concatenate(joint)


def adjusted(p: Array, joint: Array) -> dict[str, Array]:
    """Return rejections (series, rows) of one family of series by each way."""
    series, rows = p.shape
    within = np.column_stack([holm(p[:, i]) for i in range(rows)])
    blocks = holm(joint) <= 0.05
    naive = np.array([holm(own) for own in p]) <= 0.05
    closed = closed_test(p, joint[:, None], np.full((series, 1), 2), series)
    return {
        "none": p <= 0.05,
        "Holm within a term": within <= 0.05,
        "Holm over everything": holm(p.ravel()).reshape(p.shape) <= 0.05,
        "blocks, then rows": naive & blocks[:, None],
        "closed": closed <= 0.05,
    }


def main() -> None:
    """Run every cell and write one row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    table: list[dict[str, object]] = []
    for case, series, levels, slopes in CASES:
        for n in (36, 60, 120):
            m = given.repetitions // (3 if series > 1 else 1)
            at = int(EVENT * n)
            rng = seed_of("multiplicity_rows", case, series, n)
            time = np.arange(n)
            effect = np.outer(levels, time >= at)
            effect += np.outer(slopes, np.maximum(time - at, 0)) * 60 / n
            y = 0.15 * ar(rng, m * series, n, 0.4) + np.tile(effect, (m, 1))
            p, contrasts, joint = p_values(y, at)
            truth = np.column_stack([np.zeros((series, 2)), levels, np.array(slopes) * 60 / n])
            null = np.abs(truth @ contrasts.T) < 1e-12
            found: dict[str, list[tuple[bool, float]]] = {}
            target = 1 if "slope" in case else 0
            for i in range(m):
                family = slice(i * series, (i + 1) * series)
                for way, rejected in adjusted(p[family], joint[family]).items():
                    true = rejected[~null[:, target], target]
                    found.setdefault(way, []).append(
                        (bool((rejected & null).any()), float(true.mean()) if true.size else np.nan)
                    )
            for way, pairs in found.items():
                false, power = np.array(pairs, dtype=float).T
                table.append(
                    {"case": case, "series": series, "n": n, "way": way}
                    | {"any_false_row": round(float(false.mean()), 4)}
                    | {
                        "power": round(float(power.mean()), 4),
                        "joint_rejects": round(float((joint <= 0.05).mean()), 4),
                    }
                    | {"repetitions": m}
                )
            pd.DataFrame(table).to_csv(given.out / "multiplicity_rows.csv", index=False)
    print(pd.DataFrame(table).to_string(index=False))


if __name__ == "__main__":
    main()
