"""Leave one out: does the estimate hang on one artist, one event or one period?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl

from uploadtrends.arrays import Array
from uploadtrends.checks.check import Sketch, Weight, Whole
from uploadtrends.checks.contrasts import (
    USABLE,
    OfContrasts,
    main_reason,
    overall,
    panel_of,
    series_name,
    without_estimate,
)
from uploadtrends.checks.drawings.influence import left_out_drawn
from uploadtrends.checks.outcome import CheckOutcome, Status
from uploadtrends.checks.working import Working, contrast_row, working
from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.events import EventSet
from uploadtrends.models.effects import effect_rows
from uploadtrends.models.estimators.averaged import fit_batch
from uploadtrends.models.estimators.by_name import estimate
from uploadtrends.models.estimators.reml import put_together
from uploadtrends.models.onset import rows_between
from uploadtrends.models.preparation import prepare
from uploadtrends.pseudonyms import load_key, pseudonym
from uploadtrends.series.grid import frequency, frequent, stamp

KINDS = ("artist", "event", "period")


@dataclass(frozen=True, repr=False)
class LeaveOneOut(OfContrasts):
    """Estimate again without each artist, each other event and each period.

    Parameters
    ----------
    panel : Panel, optional
        With artists; the panel of the result by default. Without artists that part is left out.
    what : sequence of {"artist", "event", "period"}
        What is left out, one at a time.
    windows : sequence of (first day, last day)
        Stretches left out whole besides single periods, such as weeks of protest posts; none
        unless they are named.
    term, event, platform, group : str, optional
        Which estimates; the level changes by default.
    keep : int
        How many of the most influential of each kind are named in the table.
    alpha : float
        Level at which an estimate counts as significant.
    identify : bool
        Name artists by their ids instead of pseudonyms.
    key_file : str, optional
        Where the key of the pseudonyms lies, if not in the usual place.

    Notes
    -----
    Per contrast: *failed* if a significant estimate turns insignificant or changes sign
    without one artist, period or window, or leaves its own interval without one event;
    *passed* if not; *not informative* if the estimate is not significant.

    See Also
    --------
    specification_curve : Other choices rather than other data.

    Examples
    --------
    >>> import numpy as np, pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2016-01-01", periods=84, freq="MS")
    >>> noise = np.random.default_rng(1).normal(0, 5, 84)
    >>> series = pd.Series(60 + noise - 20 * (np.arange(84) > 60), index)
    >>> its = ut.interrupted_time_series(series, "2021-02-01", terms=("level",))
    >>> its.check(ut.leave_one_out()).name
    'leave_one_out'
    """

    name: ClassVar[str] = "leave_one_out"
    question: ClassVar[str] = "Does the estimate hang on a single artist, event or period?"
    weight: ClassVar[Weight | None] = Weight(
        "caps", "it hangs on a single artist, event or period", rank=7
    )
    drawing: ClassVar[Sketch | Whole | None] = Whole(
        left_out_drawn, "The estimate with each part left out"
    )

    panel: Any = None
    _: KW_ONLY
    what: Sequence[str] = KINDS
    windows: Sequence[tuple[str, str]] = ()
    keep: int = 5
    alpha: float = 0.05
    identify: bool = False
    key_file: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [kind for kind in self.what if kind not in KINDS]
        if unknown:
            raise InputError(
                "unknown kind to leave out", column="what", value=unknown[0], fix=", ".join(KINDS)
            )
        self._settle(what=tuple(self.what), windows=tuple(map(tuple, self.windows)))

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        chosen = self.chosen(result)
        panel = panel_of(result, self.panel)
        tables, drawn = [], []
        for fit in result.fits:
            mine = chosen[(chosen["platform"] == fit.platform) & (chosen["group"] == fit.group)]
            if mine.empty:
                continue
            pieces = []
            if fit.status != "refused" and mine["status"].isin(USABLE).any():
                work = working(fit.prepared)
                if "period" in self.what:
                    pieces.append(_periods(work, mine, self.windows))
                if "artist" in self.what and _has_artists(panel, fit.platform):
                    pieces.append(_artists(work, fit, mine, panel))
                if "event" in self.what and len(result.events) > 1:
                    pieces.append(_events(result, fit, mine))
            found = pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame()
            for _, effect in mine.iterrows():
                part = found[found["event"] == effect["event"]] if len(found) else found
                tables.append(_table(effect, part, self.keep, self.alpha))
                drawn.append(_layer(effect, part, {e.id: e.label for e in result.events}))
        table = pd.concat(tables, ignore_index=True)
        estimates = pd.concat(drawn, ignore_index=True) if drawn else pd.DataFrame()
        if not self.identify and "artist" in self.what and "kind" in table.columns:
            table, estimates = (_pseudonymous(frame, self.key_file) for frame in (table, estimates))
        return self.found(
            result,
            status=overall(table["status"]),
            table=table,
            text=_sentence(table),
            figure_data={"estimates": estimates},
        )


leave_one_out = LeaveOneOut


def _layer(effect: pd.Series, found: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """Return what is drawn: in percent where the estimate is a ratio, events by their labels."""
    if found.empty:
        return found
    ratio = str(effect["unit"]).startswith("log ratio")
    events = found["kind"] == "event"
    unit = "%" if ratio else effect["unit"]
    layer = found.assign(label=effect["label"], percent=ratio, unit=unit, all_in=effect["estimate"])
    layer.loc[events, "left_out"] = layer.loc[events, "left_out"].map(labels)
    if ratio:
        ends = ["estimate", "low", "high", "all_in"]
        layer[ends] = 100 * np.expm1(layer[ends].astype(float))
    return layer


def _has_artists(panel: Any, platform: str) -> bool:
    return panel is not None and bool(panel.has_artists(platform))


def _lines(work: Working, mine: pd.DataFrame) -> dict[str, Array]:
    rows = {
        str(event): contrast_row(work.design, str(event), str(term))
        for event, term in zip(mine["event"], mine["term"], strict=True)
    }
    return {event: row for event, row in rows.items() if row is not None}


def _frame(
    work: Working,
    kind: str | Sequence[str],
    left_out: Sequence[str],
    lines: dict[str, Array],
    fit: Any,
) -> pd.DataFrame:
    """Return one row per event and thing left out, from a batch with one row each."""
    parts = [
        pd.DataFrame(
            {
                "platform": work.platform,
                "group": work.group,
                "event": event,
                "kind": kind,
                "left_out": list(left_out),
                "estimate": fit.estimate[:, c],
                "low": fit.low[:, c],
                "high": fit.high[:, c],
                "p": fit.p[:, c],
            }
        )
        for c, event in enumerate(lines)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _periods(work: Working, mine: pd.DataFrame, windows: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Leave out every period in turn (every month of daily or weekly data), and every window."""
    lines = _lines(work, mine)
    if not lines:
        return pd.DataFrame()
    contrast = np.concatenate(list(lines.values()))
    rows = work.rows
    if frequent(work.index):
        months = work.index.strftime("%Y-%m").to_numpy()[rows]
        drops = [(str(month), months == month) for month in np.unique(months)]
    else:
        drops = [(stamp(work.index[row], frequency(work.index)), rows == row) for row in rows]
    for first, last in windows:
        hit = rows_between(work.index, first, last)[rows]
        if hit.any() and not hit.all():
            drops.append((f"{first} to {last}", hit))
    names, fits = [], []
    matrix, response = work.matrix, work.weighted
    for name, drop in drops:
        kept = rows[~drop]
        x = matrix[kept]
        if np.linalg.matrix_rank(x) < x.shape[1]:
            continue
        names.append(name)
        fits.append(fit_batch(response[kept], x, contrast, positions=kept.astype(float)))
    if not fits:
        return pd.DataFrame()
    every = put_together(fits, [np.array([place]) for place in range(len(fits))])
    kinds = ["window" if " to " in name else "period" for name in names]
    found = _frame(work, kinds, names, lines, every)
    # What is left out first, then the event: as they are drawn.
    order = np.arange(len(found)).reshape(len(lines), len(names)).T.ravel()
    return found.iloc[order].reset_index(drop=True)


def _artists(work: Working, fit: Any, mine: pd.DataFrame, panel: Any) -> pd.DataFrame:
    """Leave out every artist in turn."""
    lines = _lines(work, mine)
    everyone = panel.artists.filter(pl.col("platform") == fit.platform)
    if fit.group not in ("all", "total"):
        everyone = everyone.filter(pl.col("group") == fit.group)
    busy = everyone.filter(pl.col("uploads") > 0)
    if not lines or busy.height == 0:
        return pd.DataFrame()
    names = busy["artist_id"].unique().sort().to_list()
    wide = np.zeros((len(names), len(work.index)))
    row = {name: i for i, name in enumerate(names)}
    column = work.index.get_indexer(pd.DatetimeIndex(busy["period"].to_list()))
    inside = column >= 0
    who = np.array([row[name] for name in busy["artist_id"].to_list()])
    np.add.at(wide, (who[inside], column[inside]), busy["uploads"].to_numpy()[inside])
    # Only artists with works in the window can move the estimate.
    present = wide.sum(axis=1) > 0
    names = [name for name, there in zip(names, present, strict=True) if there]
    left = fit.observed.to_numpy(dtype=float)[None] - wide[present]
    left = left[:, work.rows]
    offset = fit.prepared.offset[work.rows]
    if work.scale == "level":
        outcomes = left - offset
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            outcomes = np.log(left + (0.5 if work.scale == "counts" else 0.0)) - offset
    whole = np.isfinite(outcomes).all(axis=1)
    if not whole.any():
        return pd.DataFrame()
    contrast = np.concatenate(list(lines.values()))
    outcomes = outcomes / work.spread[work.rows]
    batch = fit_batch(outcomes[whole], work.x, contrast, positions=work.positions)
    kept = [str(name) for name, ok in zip(names, whole, strict=True) if ok]
    return _frame(work, "artist", kept, lines, batch)


def _events(result: Any, fit: Any, mine: pd.DataFrame) -> pd.DataFrame:
    """Leave out every event in turn that leaves something of the contrast's own block."""
    members = {block.id: {event.id for event in block.events} for block in fit.blocks}
    effects = mine[["platform", "group", "event", "term"]].to_dict("records")
    rows = []
    for out in result.events:
        rest = EventSet(event for event in result.events if event.id != out.id)
        usable = [row for row in _refitted(fit, rest) if row["status"] in USABLE]
        for effect in effects:
            term, wanted = effect["term"], members.get(effect["event"], set()) - {out.id}
            for again in usable:
                if again["term"] == term and wanted & set(str(again["event"]).split("+")):
                    named = {key: effect[key] for key in ("platform", "group", "event")}
                    found = {key: again[key] for key in ("estimate", "low", "high", "p")}
                    rows.append({**named, "kind": "event", "left_out": out.id, **found})
                    break
    return pd.DataFrame(rows)


def _refitted(fit: Any, events: EventSet) -> list[dict[str, Any]]:
    """Return one series' effects with other events; nothing about bends or another scale."""
    item = replace(fit.prepared.item, values=fit.observed, instrument=None)
    prepared = prepare(item, events, fit.prepared.settings)
    if prepared.choice.status == "refused":
        return []
    try:
        return effect_rows(prepared, estimate(prepared), bends=False, brief=True)
    except NotEstimableError:
        return []


def _table(effect: pd.Series, found: pd.DataFrame, keep: int, alpha: float) -> pd.DataFrame:
    """Return the most influential of each kind, with the verdict on the contrast."""
    keys = {key: effect[key] for key in ("platform", "group", "event", "label", "term")}
    status: Status
    if found.empty:
        status, reason = "not applicable", without_estimate(effect)
        if effect["status"] in USABLE:
            reason = "nothing could be left out"
        return pd.DataFrame([{**keys, "status": status, "reason": reason}])
    found = found.assign(
        shift_in_se=(found["estimate"] - effect["estimate"]) / effect["se"],
        range_low=found["estimate"].min(),
        range_high=found["estimate"].max(),
    )
    flips = np.sign(found["estimate"]) != np.sign(effect["estimate"])
    lost = np.where(
        found["kind"] == "event",
        (found["estimate"] < effect["low"]) | (found["estimate"] > effect["high"]),
        found["p"] > alpha,
    )
    found["overturns"] = flips | lost
    if not effect["p"] <= alpha:
        status, reason = "not informative", "the estimate itself cannot be told from no change"
    elif found["overturns"].any():
        first = found[found["overturns"]].iloc[0]
        status, reason = "failed", f"overturned without {first['kind']} {first['left_out']}"
    else:
        status, reason = "passed", ""
    order = found["shift_in_se"].abs().sort_values(ascending=False).index
    top = found.loc[order].groupby("kind", sort=False).head(keep)
    top = top.assign(label=effect["label"], term=effect["term"], all_estimates=len(found))
    return top.assign(full_estimate=effect["estimate"], status=status, reason=reason)


def _pseudonymous(frame: pd.DataFrame, key_file: str | None) -> pd.DataFrame:
    """Replace artist ids by keyed pseudonyms."""
    if frame.empty or "kind" not in frame or not (frame["kind"] == "artist").any():
        return frame
    key = load_key(key_file)
    frame = frame.copy()
    artists = frame["kind"] == "artist"
    named = {
        (platform, name): pseudonym(key, str(platform), str(name))
        for platform, name in zip(
            frame.loc[artists, "platform"], frame.loc[artists, "left_out"], strict=True
        )
    }
    frame.loc[artists, "left_out"] = [
        named[pair]
        for pair in zip(frame.loc[artists, "platform"], frame.loc[artists, "left_out"], strict=True)
    ]
    if "reason" in frame:
        for (_, name), alias in named.items():
            frame["reason"] = frame["reason"].str.replace(f"artist {name}", f"artist {alias}")
    return frame


def _sentence(table: pd.DataFrame) -> str:
    first = table.drop_duplicates(["platform", "group", "event"])
    claimed = first[first["status"].isin(("passed", "failed"))]
    if claimed.empty:
        return f"Nothing hangs on a single unit here: {main_reason(first)}."
    failed = claimed[claimed["status"] == "failed"]
    if failed.empty:
        return (
            f"No single artist, event or period overturns any of {len(claimed)} significant "
            "estimates."
        )
    one = failed.iloc[0]
    name = series_name(one)
    return (
        f"{len(failed)} of {len(claimed)} significant estimates hang on a single unit: {name} at "
        f"{one['label'] or one['event']} is {one['reason']}."
    )
