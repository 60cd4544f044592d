"""How often does the whole procedure claim a change that is not there, and find one that is?

Each seed draws a population of artists who age, leave and delete, with shocks common to all, and
shows it as a crawl would see it. The study is the one a user would run: a monthly panel by
seniority, an interrupted time series at the event, the checks, and a conclusion worded by rule.
Every seed runs three times: without an effect; with a fall as large as the power check of the first
run states as the smallest that the whole claim rule would claim; and without an effect but with the
window opened years too early, while artists still grow into the senior group, so that its trend
cannot be linear. The last is the mistake to be afraid of; its rate has no threshold.

Run `python validation/claims.py [--seeds 200] [--first 0] [--jobs 1] [--resume]`. Writes one row a
run to results/claims.csv and the confusion matrix to results/claims_confusion.csv.
"""

from __future__ import annotations

import argparse
import platform as machine
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import uploadtrends as ut
from uploadtrends.checks import conclude
from uploadtrends.simulate import population

EVENT = "2022-08-22"
CRAWLED = "2024-01-01"
PRIMARY = ("artstation", "senior", "level")
GROUPS = ("all", "senior", "new")
TRUTHS = (
    "no effect",
    "fall as large as stated",
    "no effect, window opened while the senior group still fills up",
)
LARGEST = 95.0
"""Percent; where the check says that no fall would be claimed, one this large is tried."""
RESULTS = Path(__file__).parent / "results"


def study(seed: int, effect: float, start: str = "2020-01-01") -> dict[str, object]:
    """Run one study on one simulated population and return what it concludes."""
    people = population(
        1000,
        platforms=("artstation",),
        start="2016-01-01",
        end="2023-12-31",
        entry_rate=0.005,
        ageing=-0.35,
        exit_hazard=0.01,
        deletion_hazard=0.002,
        period_sd=0.05,
        event_date=EVENT,
        effect={"senior": effect, "new": effect},
        seed=seed,
    ).visible(CRAWLED)
    rule = ut.Seniority(at="2022-01-01", senior_after="24 months", later="drop")
    # The senior group is closed from 2020 on: nobody who enters later can be in it.
    panel = ut.build_panel(people, seniority=rule, start=start)
    its = ut.interrupted_time_series(panel, EVENT, groups=list(GROUPS))
    power = its.check(ut.power(group=PRIMARY[1], n_draws=999, seed=seed))
    outcomes = [its.check(ut.anticipation(n_draws=499, seed=seed)), its.check(ut.placebo_dates())]
    effects = its.effects[its.effects["term"] == PRIMARY[2]].set_index("group")
    primary = conclude(effects.loc[PRIMARY[1]].to_dict() | {"group": PRIMARY[1]}, outcomes)
    row: dict[str, object] = {
        "seed": seed,
        "effect": effect,
        "strength": primary.strength,
        "claim": primary.claims,
        "reasons": "; ".join(primary.reasons),
    }
    table = power.table.set_index("group")
    # In percent, as the check says it: the series may be analysed on the scale of the data.
    for name, column in (("stated", "fall_percent_rule"), ("stated_test", "fall_percent_adjusted")):
        fall = max(float(table.loc[PRIMARY[1], column]), -LARGEST)
        row[name] = -float(np.log1p(fall / 100))
    for group in GROUPS:
        said = conclude(effects.loc[group].to_dict() | {"group": group}, outcomes, primary=primary)
        row |= {
            f"estimate_{group}": float(effects.loc[group, "estimate"]),
            f"p_{group}": float(effects.loc[group, "p"]),
            f"p_holm_{group}": float(effects.loc[group, "p_holm"]),
            f"claim_{group}": said.claims,
        }
    return row


def runs(seed: int) -> list[dict[str, object]]:
    """Run a seed without effect, with the fall that the first run says it could find, and amiss."""
    without = study(seed, 0.0)
    found = study(seed, -float(str(without["stated"])))
    amiss = study(seed, 0.0, start="2016-01-01")
    return [
        {"truth": truth} | row for truth, row in zip(TRUTHS, (without, found, amiss), strict=True)
    ]


def main() -> None:
    """Run the seeds and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="keep the seeds that are there")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    given.out.mkdir(exist_ok=True)
    done: list[dict[str, object]] = []
    if given.resume and (given.out / "claims.csv").exists():
        kept = pd.read_csv(given.out / "claims.csv", keep_default_na=False, na_values=["nan"])
        done = kept.to_dict("records")  # type: ignore[assignment]
    there = {row["seed"] for row in done}
    run = Parallel(n_jobs=given.jobs, return_as="generator")
    for rows in run(delayed(runs)(seed) for seed in seeds if seed not in there):
        done += rows
        # Written as it goes: a run that is cut off has lost one seed.
        pd.DataFrame(done).round(5).to_csv(given.out / "claims.csv", index=False)
    table = pd.DataFrame(done).sort_values(["seed", "truth"], kind="stable")
    matrix = confusion(table)
    matrix.to_csv(given.out / "claims_confusion.csv", index=False)
    print(matrix.to_string(index=False))


def confusion(table: pd.DataFrame) -> pd.DataFrame:
    """Return counts of claims by truth, with date and versions."""
    rows = []
    for state in TRUTHS:
        part = table[table["truth"] == state]
        right = part["claim"] & (part["estimate_senior"] < 0)
        rows.append(
            {
                "truth": state,
                "n": len(part),
                "claimed": int(part["claim"].sum()),
                "claimed_right_sign": int(right.sum()),
                "not_claimed": int((~part["claim"]).sum()),
                "share_claimed": round(float(part["claim"].mean()), 3),
                "median_effect_percent": round(100 * float(np.expm1(part["effect"].median())), 1),
                "first_seed": int(part["seed"].min()),
                "last_seed": int(part["seed"].max()),
                "date": date.today().isoformat(),
                "uploadtrends": version("uploadtrends"),
                "numpy": version("numpy"),
                "python": machine.python_version(),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
