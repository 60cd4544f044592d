"""Do intervals of artist-level comparisons hold when all artists of a platform share shocks?

Counts are drawn artist by artist (rates 1.5 e^(.7 z), an autoregressive course of each artist's own
with .8 and sd .4, gamma(2) noise, 40% arrive late, tenure spline in the model), with shocks common
to a platform of sd s and autocorrelation phi, and no effect. For the joint tests of leads also 6 to
50 artists in all, a half or a third of them exposed, with courses of their own of .5. Each draw
goes through the public verbs with their defaults: store tables, panel, `difference_in_differences`,
`artist_model`, `artist_hazards`. For comparison: errors clustered by artist (`inference="cluster"`
where it is run; else the same weights without shocks), and an oracle that knows s and phi.

Run `python validation/common_shocks.py [--repetitions 400] [--scale 1] [--only NAME]`. Rows are
written cell by cell to results/common_shocks.csv.gz and those that stand there are not drawn again;
the table is results/common_shocks_summary.csv, where a process without rows keeps its line.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

import uploadtrends as ut
from uploadtrends.artists import shocks as engine
from uploadtrends.artists.twostep import comparisons
from uploadtrends.errors import NotEstimableError
from uploadtrends.simulate import Population
from uploadtrends.simulate.series import stationary_ar1

START = "2019-01-01"
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Cell:
    """One process: what is compared, how many artists on a side, and the shocks."""

    kind: str
    artists: int
    sd: float
    phi: float
    periods: int = 48
    before: int = 24
    truth: float = 0.0
    share: float = 1.0
    """Of the repetitions."""
    parts: int = 2
    """One in so many is exposed."""

    @property
    def name(self) -> str:
        """The full name, from which seeds are made."""
        return (
            f"{self.kind}/{self.artists}/s{self.sd}/phi{self.phi}/{self.before}+"
            f"{self.periods - self.before}/{self.truth}{'/third' if self.parts == 3 else ''}"
        )

    @property
    def event(self) -> str:
        """First month after."""
        return str((pd.Timestamp(START) + pd.DateOffset(months=self.before)).date())


def cells() -> Iterator[Cell]:
    """Yield every process of the study."""
    corners = [(0.0, 0.5), *((s, phi) for s in (0.05, 0.1, 0.2) for phi in (0.5, 0.8))]
    for artists, share in ((110, 1.0), (450, 0.5)):
        yield from (Cell("platforms", artists, *corner, share=share) for corner in corners)
    yield from (Cell("platforms", 110, *c, truth=-0.3, share=0.5) for c in ((0.0, 0.5), (0.1, 0.5)))
    yield from (Cell("groups", 110, *corner) for corner in ((0.0, 0.5), (0.2, 0.8)))
    yield from (Cell("own", 110, *c, 60, 36, share=0.5) for c in ((0.0, 0.5), (0.1, 0.8)))
    for corner in ((0.0, 0.5), (0.1, 0.5), (0.2, 0.5), (0.2, 0.8)):
        yield Cell("silence own", 110, *corner, 60, 36, share=0.5)
        yield Cell("silence platforms", 110, *corner, 60, 36, share=0.5)
    yield Cell("silence groups", 110, 0.2, 0.8, 60, 36, share=0.5)
    yield Cell("leads", 110, 0.0, 0.5, share=0.5)
    yield Cell("leads", 110, 0.1, 0.5, share=0.5)
    for artists in (6, 10, 20, 50):  # in all
        yield from (Cell("few leads", artists, 0.0, 0.5, share=0.75, parts=n) for n in (2, 3))


def draw(cell: Cell, rng: np.random.Generator) -> tuple[ut.Panel, np.ndarray]:
    """Draw one population and build its panel; also return the shocks, shape (2, periods)."""
    few = cell.kind == "few leads"
    n, t = cell.artists * (1 if few else 2), cell.periods
    side = np.minimum(np.arange(n) % cell.parts, 1)
    shared = stationary_ar1(rng, (2, t), cell.phi, cell.sd)
    if "groups" in cell.kind:
        shared[1] = shared[0]
    late = rng.random(n) < (0.0 if few else 0.4)
    entry = np.where(late, rng.integers(0, cell.before, n), -rng.integers(1, 30, n))
    if "groups" in cell.kind:
        # Senior artists came two years before the event; the new within them.
        entry = np.where(
            side == 0, -rng.integers(1, 30, n), rng.integers(cell.before - 23, cell.before - 6, n)
        )
    log_rate = shared[side] + cell.truth * (np.arange(t) >= cell.before) * (side == 0)[:, None]
    if cell.kind.startswith("silence"):
        counts = _spells(rng, log_rate)
    else:
        log_rate = log_rate + np.log(1.5) + 0.7 * rng.standard_normal(n)[:, None]
        log_rate += stationary_ar1(rng, (n, t), 0.5 if few else 0.8, 0.4)
        counts = rng.poisson(np.exp(log_rate) * rng.gamma(2.0, 0.5, (n, t)))
    counts[np.arange(t)[None, :] <= entry[:, None]] = 0
    return _panel(cell, counts, entry, side), shared


def _spells(rng: np.random.Generator, log_hazard: np.ndarray) -> np.ndarray:
    """Draw active and silent spells: a monthly hazard of 6% with frailty, shocks on the hazard."""
    n, t = log_hazard.shape
    frailty = np.exp(0.5 * rng.standard_normal(n))
    counts = np.zeros((n, t), dtype=np.int64)
    silent = np.zeros(n, dtype=np.int64)
    for month in range(t):
        chance = -np.expm1(-0.06 * frailty * np.exp(log_hazard[:, month]))
        falls = (silent == 0) & (rng.random(n) < chance)
        returns = (silent > 3) & (rng.random(n) < 0.2)
        silent = np.where(falls, 1, np.where(returns, 0, np.where(silent > 0, silent + 1, 0)))
        counts[:, month] = np.where(silent == 0, 1 + rng.poisson(1.0, n), 0)
    return counts


def _panel(cell: Cell, counts: np.ndarray, entry: np.ndarray, side: np.ndarray) -> ut.Panel:
    months = pd.date_range(
        pd.Timestamp(START) - pd.DateOffset(months=60), periods=60 + cell.periods, freq="MS"
    ) + pd.Timedelta(days=14)
    groups = "groups" in cell.kind or "own" in cell.kind
    platform = np.where(groups | (side == 0), "a", "b")
    ids = np.array([f"{i:05d}" for i in range(len(side))])
    artist, month = np.nonzero(counts)
    again = counts[artist, month]
    artist = np.concatenate([np.arange(len(side)), np.repeat(artist, again)])
    when = months.to_numpy()[np.concatenate([entry, np.repeat(month, again)]) + 60]
    uploads = pl.DataFrame(
        {
            "platform": platform[artist],
            "upload_id": np.arange(len(artist)).astype(str),
            "artist_id": ids[artist],
            "published_at": pl.Series(when).cast(pl.Datetime("us")),
            "delisted_at": pl.Series([None] * len(artist), dtype=pl.Datetime("us")),
            "is_mature": False,
            "ai_label": False,
            "media_count": 1,
        }
    ).sort("published_at")
    people = pl.DataFrame({"platform": platform, "artist_id": ids}).with_columns(
        joined_at=pl.lit(None, dtype=pl.Datetime("us"))
    )
    last = months[-1] + pd.offsets.MonthEnd(0)
    rule = None
    if "groups" in cell.kind:
        rule = ut.Seniority(cell.event, later="drop")
    return ut.build_panel(
        Population(people, uploads, {"end": str(last.date())}), seniority=rule, start=START
    )


def one(cell: Cell, seed: int) -> list[dict[str, Any]]:
    """Draw, estimate by the public verb, and return what came out."""
    rng = np.random.default_rng(seed)
    panel, _ = draw(cell, rng)
    if "leads" in cell.kind:
        try:
            study = ut.event_study(panel, cell.event, contrast="platform", reference="b")
        except NotEstimableError:  # nobody uploads in the base period
            return [{"cell": cell.name, "seed": seed, "truth": cell.truth, "status": "refused"}]
        test = study.pretrend.iloc[0]
        row = _row(cell, seed, study.effects.iloc[-2])
        row |= {"p_leads": test["p"], "p_old": test["p_without_shocks"]}
        return [row | (_other_leads(cell, panel) if cell.kind == "few leads" else {})]
    if cell.kind.startswith("silence"):
        contrast = "platform" if "platforms" in cell.kind else "group"
        model = ut.artist_hazards(
            panel, cell.event, contrast=contrast, reference="b" if contrast == "platform" else None
        )
        wanted = {"silence own": "all", "silence groups": "senior vs new"}.get(cell.kind, "a vs b")
        table = model.effects.query("term == 'going silent'").set_index("group")
        found = model.shocks.query("margin == 'going silent'").set_index("group")
        return [_row(cell, seed, table.loc[wanted], found.loc[wanted])]
    settings: dict[str, Any] = {
        "platforms": {"contrast": "platform", "reference": "b"},
        "groups": {},
        "own": {"time": "trend"},
    }[cell.kind]
    model = ut.artist_model(panel, cell.event, **settings)
    row = _row(cell, seed, model.effects.iloc[0], model.shocks.iloc[0])
    row["oracle"] = _oracle(cell, model)
    if cell.kind == "groups":
        old = ut.artist_model(panel, cell.event, inference="cluster").effects.iloc[0]
        row |= {"old_low": old["low"], "old_high": old["high"]}
    return [row]


def _other_leads(cell: Cell, panel: ut.Panel) -> dict[str, float]:
    """Return p of the joint tests of leads of the other verbs, NaN where there is none."""
    study = ut.event_study(
        panel, cell.event, contrast="platform", reference="b", inference="cluster"
    )
    found = {"p_cluster": study.pretrend["p"].iloc[0]}
    exposed = panel.artists.filter(pl.col("platform") == "a")["artist_id"].unique().sort()
    day = pd.Timestamp(cell.event)
    for name, step in (("p_one_date", 0), ("p_staggered", 3)):
        dates = [day + pd.DateOffset(months=step * (i % 3 - 1)) for i in range(len(exposed))]
        given = pd.Series(dates, index=exposed.to_list())
        tests = ut.exposure_effects(panel, ut.exposure(panel, given)).pretrend
        found[name] = tests["p"].iloc[0] if len(tests) else np.nan
    return found


def _row(
    cell: Cell, seed: int, effect: pd.Series, shock: pd.Series | None = None
) -> dict[str, Any]:
    row = {
        "cell": cell.name,
        "seed": seed,
        "truth": cell.truth,
        "status": effect.get("status", "ok"),
    }
    row |= {name: effect[name] for name in ("estimate", "low", "high")}
    if shock is not None:
        row |= {"old_low": shock["low_without"], "old_high": shock["high_without"]}
    return row


def _oracle(cell: Cell, model: ut.ArtistModel) -> float:
    """Return the width of an interval that knows the shocks' size and autocorrelation."""
    from uploadtrends.artists.design import Spec

    contrast = "platform" if cell.kind == "platforms" else "group"
    spec = Spec(
        platforms=("a", "b"),
        contrast=contrast,
        reference=None,
        time="trend" if cell.kind == "own" else "period",
        tenure="spline",
        terms=("level",),
        unit="uploads",
        boundary="exposure",
        start=None,
        end=None,
        offset=None,
    )
    series = comparisons(model.design, spec)[0][0].series
    step = (series.position >= cell.before).astype(float)
    columns = [np.ones(len(step)), step]
    if cell.kind == "own":
        from uploadtrends.artists.terms import trend_terms

        columns += [values[series.position] for _, values in trend_terms(model.design.index)]
    x = np.column_stack(columns)
    sd = 0.0 if cell.kind == "groups" else cell.sd * (np.sqrt(2) if cell.kind == "platforms" else 1)
    x = x / np.abs(x).max(axis=0)
    _, _, loading = engine._fit(series, x, engine._whiten(series, cell.phi), np.array([sd]))
    variance = engine._covariance(series, cell.phi, np.array([sd]), loading)[0, 1, 1]
    return float(2 * 1.959964 * np.sqrt(variance))


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how often intervals miss, how wide they are, and the Monte Carlo error."""
    out = []
    for name, every in rows.groupby("cell", sort=False):
        part = every[every["estimate"].notna()]
        width = part["high"] - part["low"]
        miss = (part["low"] > part["truth"]) | (part["high"] < part["truth"])
        row: dict[str, Any] = {"cell": name, "draws": len(every), "answered": len(part)}
        row["ok"] = (part["status"] == "ok").mean()
        row["miss"] = miss.mean()
        row["miss_error"] = np.sqrt(max(miss.mean() * (1 - miss.mean()), 1e-9) / len(part))
        row["bias"] = (part["estimate"] - part["truth"]).mean()
        row["bias_error"] = part["estimate"].std() / np.sqrt(len(part))
        row["claims"] = ((part["low"] > 0) | (part["high"] < 0)).mean()
        row["width"] = width.mean()
        if part.get("old_low", pd.Series(dtype=float)).notna().any():
            old = (part["old_low"] > part["truth"]) | (part["old_high"] < part["truth"])
            row["miss_without_shocks"] = old.mean()
            row["width_over_without"] = width.mean() / (part["old_high"] - part["old_low"]).mean()
        if part.get("oracle", pd.Series(dtype=float)).notna().any():
            row["width_over_oracle"] = width.mean() / part["oracle"].mean()
        if part.get("p_leads", pd.Series(dtype=float)).notna().any():
            row["leads_tested"] = part["p_leads"].notna().mean()
            tests = {"": "p_leads", "_without": "p_old"}
            tests |= {f"_{n}": f"p_{n}" for n in ("cluster", "one_date", "staggered")}
            for name, column in tests.items():
                p = part.get(column, pd.Series(dtype=float)).dropna()
                row[f"leads_false{name}"] = (p < 0.05).mean() if len(p) else np.nan
        out.append(row)
    return pd.DataFrame(out).round(4)


def main() -> None:
    """Run the study; rows are kept after every process, so that a cut loses little."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the repetitions")
    parser.add_argument("--only", default="", help="processes whose name begins like this")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--out", type=Path, default=RESULTS)
    settings = parser.parse_args()
    path = settings.out / "common_shocks.csv.gz"
    known = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["cell", "seed"])
    began = time.monotonic()
    for cell in cells():
        if not cell.name.startswith(settings.only):
            continue
        first = zlib.crc32(cell.name.encode())
        n = round(settings.repetitions * settings.scale * cell.share)
        have = set(known.loc[known["cell"] == cell.name, "seed"])
        rows: list[dict[str, Any]] = []
        for seed in range(first, first + n):
            if time.monotonic() - began > 60 * settings.minutes:
                break
            if seed not in have:
                rows += one(cell, seed)
        if rows:
            known = pd.concat([known, pd.DataFrame(rows)], ignore_index=True)
            known.round(5).to_csv(path, index=False, compression={"method": "gzip", "mtime": 0})
            _write(summarise(known), settings.out / "common_shocks_summary.csv")
    print(summarise(known).to_string(index=False))


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write the table; processes that were not drawn anew keep their line."""
    if path.exists():
        before = pd.read_csv(path)
        kept = before[~before["cell"].isin(table["cell"])]
        table = pd.concat([kept, table], ignore_index=True) if len(kept) else table
    order = {cell.name: place for place, cell in enumerate(cells())}
    table = table[table["cell"].isin(list(order))]
    table.sort_values("cell", key=lambda names: names.map(order)).to_csv(path, index=False)


if __name__ == "__main__":
    main()
