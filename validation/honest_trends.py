"""The rule against bends of the untreated course, in the batch engine.

One series, one event at 60%, level and slope, errors averaged over families; the rule is the
package's own (`uploadtrends.models.bends`), its numbers those that the effects table shows. What is
counted here is rule 2 alone: no multiplicity, no other check. False: claims where nothing happens;
there also coverage of the plain interval, and of the honest one with its width over the plain one.
Power: AR(.4), sd .1, a straight line. Run `python validation/honest_trends.py [--repetitions 2000]
[--scale 1]`; writes results/honest_trends.csv as it goes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from processes import EVENT, SMOOTH, Array, seed_of

from uploadtrends.models import bends
from uploadtrends.models.estimators import averaged, reml

RESULTS = Path(__file__).parent / "results"
TERMS = ("level", "slope", "effect_12m", "cumulative")
BOTH = (60, 120)
FALSE_CELLS = [
    *((name, n) for name in SMOOTH if name.startswith(("AR(.4)", "AR(.95", "bend")) for n in BOTH),
    *(("logistic growth", n) for n in (48, 72)),
    *(("random walk", n) for n in BOTH),
    ("long memory .3", 60),
    ("long memory .45", 120),
    *(("AR(.85) + 50% noise", n) for n in BOTH),
    *(("sine wave", n) for n in BOTH),
    *(("AR(.9) + 70% noise", n) for n in BOTH),
    *(("logistic growth", n) for n in (60, 120)),
    ("long memory .3", 120),
    *((name, 36) for name in SMOOTH),
]
EFFECTS = [  # n, level, slope, the terms whose power is reported
    (60, 0.0, -0.02, ("slope",)),
    (60, 0.0, -0.04, ("slope", "effect_12m", "cumulative")),
    (60, -0.3, 0.0, ("level", "effect_12m", "cumulative")),
    (120, 0.0, -0.02, ("slope", "effect_12m")),
    (120, -0.3, 0.0, ("level", "effect_12m", "cumulative")),
]


def design(n: int) -> tuple[Array, Array, int]:
    """Return the design, the contrasts of `TERMS`, and the first period after the event."""
    time, at = np.arange(n, dtype=float), int(EVENT * n)
    x = np.column_stack([np.ones(n), time, time >= at, np.maximum(time - at, 0)])
    contrasts = np.zeros((4, 4))
    contrasts[0, 2] = contrasts[1, 3] = 1.0
    contrasts[2] = [0, 0, 1, 11]
    contrasts[3] = [0, 0, n - at, np.arange(n - at).sum()]
    return x, contrasts, at


def claims(y: Array) -> dict[str, Array]:
    """Return (m, 4) p < .05 and claims by the rule, for the `TERMS`."""
    n = y.shape[1]
    x, contrasts, at = design(n)
    positions = np.arange(n, dtype=float)
    fit = averaged.fit_batch(y, x, contrasts)
    known = averaged.machine(x, positions)
    weights, _, _ = known.weights(y)
    rows = np.einsum("ck,gkn->gcn", contrasts, known.maps)
    bias = bends.worst_bias(np.tensordot(weights, rows, axes=(1, 0)), positions)
    middle, se = (fit.low + fit.high) / 2, (fit.high - fit.low) / 2 / 1.959964
    limits = bends.breakdown(middle, se, bias)
    time = positions[:at] - positions[:at].mean()
    early = np.column_stack([np.ones(at), time, time**2 / 2])
    before = averaged.fit_batch(y[:, :at], early, np.eye(3)[2:])
    curvature, error = np.abs(before.estimate), (before.high - before.low) / 2 / 1.959964
    centred = positions - positions.mean()
    bent = np.column_stack([x, centred**2 / 2])
    wide = np.pad(contrasts, ((0, 0), (0, 1)))
    beside = averaged.fit_batch(y, bent, wide)
    level_like = np.array([True, False, False, False])
    undone = bends.overturned(
        fit.p, level_like, limits, curvature, beside.p, beside.estimate * fit.estimate > 0
    )
    bend = np.where(level_like, curvature, curvature + bends.SLOPE_CAUTION * error)
    reach = bends.critical_value(bend * bias / se)
    plain = fit.p <= bends.ALPHA
    alone = reml.fit_batch(y, x, contrasts)
    return {
        "ar1": alone.p <= bends.ALPHA,
        "averaged": plain,
        "rule": plain & ~undone,
        "honest": np.abs(middle) <= reach * se,
        "wider": reach / 1.959964,
    }


def main() -> None:
    """Run every cell and write one row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    m = int(given.repetitions * given.scale)
    table: list[dict[str, object]] = []
    cells = [(name, n, 0.0, 0.0, TERMS) for name, n in FALSE_CELLS]
    cells += [("AR(.4)", n, level, slope, terms) for n, level, slope, terms in EFFECTS]
    for name, n, level, slope, terms in cells:
        rng = seed_of("honest_trends", name, n, level, slope)
        x, _, _ = design(n)
        y = SMOOTH[name](rng, m, n) + x[:, 2] * level + x[:, 3] * slope
        found = claims(y)
        kind = "power" if level or slope else "false"
        for i, term in enumerate(TERMS):
            if term in terms:
                table.append(_row(kind, name, n, level, slope, term, found, slice(i, i + 1)))
        if kind == "false":
            table.append(_row(kind, name, n, level, slope, "any but level", found, slice(1, 4)))
        pd.DataFrame(table).to_csv(given.out / "honest_trends.csv", index=False)
    print(pd.DataFrame(table).to_string(index=False))


def _row(
    kind: str,
    name: str,
    n: int,
    level: float,
    slope: float,
    term: str,
    found: dict[str, Array],
    which: slice,
) -> dict[str, object]:
    rules = ("ar1", "averaged", "rule")
    shares = {rule: found[rule][:, which].any(axis=1).mean().round(4) for rule in rules}
    if kind == "false" and which.stop - which.start == 1:
        shares["covers"] = (~found["averaged"][:, which]).mean().round(4)
        shares["covers_honest"] = found["honest"][:, which].mean().round(4)
        shares["honest_width"] = found["wider"][:, which].mean().round(4)
    start = {"kind": kind, "process": name, "n": n, "level": level, "slope": slope, "term": term}
    return start | shares | {"repetitions": len(found["rule"])}


if __name__ == "__main__":
    main()
