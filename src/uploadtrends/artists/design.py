"""From the artist panel to the rows and terms of an artist-level model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.artists.exposed import (
    closed_cohorts,
    concerned,
    day_of,
    elsewhere,
    no_comparison,
    platform_of,
    treated_from,
)
from uploadtrends.artists.terms import (
    Tenure,
    Time,
    carriers,
    dose_of_rows,
    natural_spline,
    trend_terms,
)
from uploadtrends.errors import InputError
from uploadtrends.events import Block, as_events, blocks
from uploadtrends.models.onset import place_block
from uploadtrends.series.periods import pandas_frequency

if TYPE_CHECKING:
    from uploadtrends.models.onset import Onset
    from uploadtrends.panel import Panel


NOT_ON_BOTH_SIDES = "nobody in the group was at risk on both sides of the event"
_ALL = "all"


@dataclass(frozen=True)
class Spec:
    """What is asked of an artist-level model; see `artist_model`."""

    platforms: tuple[str, ...]
    contrast: Literal["group", "platform", "dose"]
    reference: str | None
    time: Time
    tenure: Tenure
    terms: tuple[str, ...]
    unit: str
    boundary: str
    start: str | None
    end: str | None
    offset: str | None
    groups: Sequence[str] | None = None
    keep_silent: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.groups, str):
            object.__setattr__(self, "groups", (self.groups,))


@dataclass(frozen=True)
class ArtistDesign:
    """Rows and terms of an artist-level model.

    Attributes
    ----------
    rows : pandas.DataFrame
        artist (code), period (position), y, weight, offset, label (index into `labels`), one row
        per artist and period, sorted by artist and period.
    x : numpy.ndarray, shape (n, k)
        Terms, without artist and period effects.
    names : tuple of str
        Of the terms.
    effects : dict
        (block id, term, label) -> position in `names`.
    labels : tuple of str
        Groups; the first is the reference.
    blocks : tuple of Block
        That can be estimated.
    refused : dict
        (block id, label) -> why not.
    notes : tuple of str
        What was left out or assumed, in sentences.
    reference_until : int, optional
        First period in which the reference platform is treated itself; comparisons end there.
    """

    rows: pd.DataFrame
    x: Array
    names: tuple[str, ...]
    effects: dict[tuple[str, str, str], int]
    labels: tuple[str, ...]
    blocks: tuple[Block, ...]
    refused: dict[tuple[str, str], str]
    index: pd.DatetimeIndex
    notes: tuple[str, ...]
    reference_until: int | None = None

    @property
    def n_artists(self) -> int:
        """How many artists carry information."""
        return int(self.rows["artist"].nunique())

    def noting(self, note: str) -> ArtistDesign:
        """Return the design with one more note."""
        return replace(self, notes=(*self.notes, note))

    def only(self, keep: NDArray[np.bool_], refused: dict[tuple[str, str], str]) -> ArtistDesign:
        """Return the design with the terms in `keep`, shape (k,), and these refusals."""
        place = {int(old): new for new, old in enumerate(np.flatnonzero(keep))}
        return replace(
            self,
            x=self.x[:, keep],
            names=tuple(name for name, kept in zip(self.names, keep, strict=True) if kept),
            effects={key: place[old] for key, old in self.effects.items() if old in place},
            refused=refused,
        )


def artist_design(
    panel: Panel, events: Any, spec: Spec, dose: pd.Series | None = None
) -> ArtistDesign:
    """Build rows and terms; leave out what cannot be estimated and say why.

    Raises
    ------
    InputError
        When the panel has no artists there, no group to compare with, or no usable event.
    """
    if not len(as_events(events)):
        raise InputError("no events given", column="events", fix='give a date such as "2022-08-22"')
    notes: list[str] = []
    frame = _rows(panel, spec)
    if frame.height == 0:
        raise InputError("no artist is at risk in any complete period of the window")
    periods = frame["period"].to_pandas()
    index = pd.date_range(periods.min(), periods.max(), freq=pandas_frequency(panel.period))
    names_of = platform_of(panel)
    here = {names_of.get(lane, lane) for lane in spec.platforms}
    near, far = concerned(as_events(events), here)
    chosen = blocks(near, index, slope="slope" in spec.terms)
    onsets = {block.id: place_block(block, index, spec.boundary) for block in chosen}  # type: ignore[arg-type]
    refused: dict[tuple[str, str], str] = {}
    washed = np.zeros(len(index), dtype=bool)
    for block in chosen:
        onset = onsets[block.id]
        if onset is None:
            refused[block.id, ""] = "the event lies outside the periods of the data"
        elif onset.touched < 1 or onset.first_full > len(index) - 1:
            refused[block.id, ""] = "no full period on one side of the event"
        else:
            washed |= onset.washout
    usable = tuple(block for block in chosen if (block.id, "") not in refused)
    for event in far:
        refused[event.id, ""] = elsewhere(event, here)
    chosen += tuple(Block((event,)) for event in far)
    rows = _coded(frame, index, spec, notes)
    if spec.time == "trend" and spec.contrast == "group":
        rows = closed_cohorts(panel, rows, index, notes)
    out = washed[rows["period"].to_numpy()]
    if out.any():
        months = ", ".join(str(stamp.date()) for stamp in index[washed])
        notes.append(f"periods left out (an event known to the month, or a block): {months}")
    rows = rows[~out]
    if not spec.keep_silent:
        rows = _informative(rows, notes)
    touched = {block.id: onset.touched for block in usable if (onset := onsets[block.id])}
    free = [lane for lane in here if treated_from(usable, touched, lane) is None]
    labels = _labels(rows, spec, [lane for lane, name in names_of.items() if name in free])
    until: int | None = None
    if spec.contrast == "platform":
        treated = treated_from(usable, touched, names_of[labels[0]])
        until = None if treated is None else treated[0]
        for block in usable:
            for name in labels:
                why = no_comparison(block, names_of[name], "", None, touched[block.id])
                if why:
                    refused[block.id, name] = why
            for name in labels[1:]:
                pair = f"{name} vs {labels[0]}"
                why = no_comparison(block, names_of[name], labels[0], treated, touched[block.id])
                if why:
                    refused[block.id, pair] = why
        if until is not None and spec.time == "period":
            notes.append(
                f"periods from {index[until].date()} on are left out: {labels[0]}, the comparison, "
                "is itself treated from then on"
            )
            rows = rows[rows["period"] < until]
    rows = _on_both_sides(rows, labels, [onsets[block.id] for block in usable], notes)
    place = {name: i for i, name in enumerate(labels)}
    rows = rows.assign(
        label=rows["group"].map(place).astype(int),
        artist=np.unique(rows["artist"], return_inverse=True)[1],
    )

    columns: list[Array] = []
    names: list[str] = []
    effects: dict[tuple[str, str, str], int] = {}
    period = rows["period"].to_numpy()
    if spec.time == "trend":
        for name, values in trend_terms(index):
            names.append(name)
            columns.append(values[period])
    label = rows["label"].to_numpy()
    if panel.seniority is not None and panel.seniority.by_period and len(labels) > 1:
        for i, name in enumerate(labels[1:], start=1):
            names.append(f"group[{name}]")
            columns.append((label == i).astype(float))
        notes.append(panel.seniority.caveat)
    amount = None if dose is None else dose_of_rows(rows, dose)
    for block in usable:
        onset = onsets[block.id]
        assert onset is not None  # noqa: S101 - told to the type checker
        since = np.maximum(np.arange(len(index)) - onset.first_full, 0).astype(float)
        for term, shape in (("level", onset.step), ("slope", since)):
            if term not in spec.terms:
                continue
            for name, mask in carriers(labels, label, amount, spec.time):
                if (block.id, name) in refused:
                    continue
                effects[block.id, term, name] = len(names)
                names.append(f"{term}[{block.id}]:{name}")
                columns.append(shape[period] * mask)
    if spec.tenure == "spline":
        spline = natural_spline(rows["tenure"].to_numpy())
        names += [f"tenure spline {i + 1}" for i in range(spline.shape[1])]
        columns += list(spline.T)
        notes.append(
            "tenure enters by a natural cubic spline without its linear part: with artist and "
            "period effects (or a trend) a linear effect of age cannot be told from one of time"
        )
    return _varying(
        ArtistDesign(
            rows=rows.reset_index(drop=True),
            x=np.column_stack(columns) if columns else np.zeros((len(rows), 0)),
            names=tuple(names),
            effects=effects,
            labels=labels,
            blocks=chosen,
            refused=refused,
            index=index,
            notes=tuple(notes),
            reference_until=until,
        )
    )


def _rows(panel: Panel, spec: Spec) -> pl.DataFrame:
    for platform in spec.platforms:
        panel.only_artist_platform(platform)
    artists = panel.artists
    if spec.unit not in ("uploads", "media", "ai_uploads"):
        raise InputError(
            "artist-level models count uploads, media or ai_uploads",
            column="unit",
            value=spec.unit,
        )
    keep = pl.col("complete") & pl.col("platform").is_in(list(spec.platforms))
    for name, inside in (("start", pl.col("period").ge), ("end", pl.col("period").le)):
        if (bound := getattr(spec, name)) is not None:
            keep = keep & inside(pl.lit(day_of(name, bound)))
    if spec.groups is not None:
        column = "platform" if spec.contrast == "platform" else "group"
        known = set(artists.filter(keep)[column])
        for name in spec.groups:
            if name not in known:
                raise InputError(
                    f"no such {column} among the artists at risk",
                    column="groups",
                    value=name,
                    fix=f"use some of {', '.join(sorted(known))}",
                )
        keep = keep & pl.col(column).is_in(list(spec.groups))
    return artists.filter(keep).sort("platform", "artist_id", "period")


def _coded(
    frame: pl.DataFrame, index: pd.DatetimeIndex, spec: Spec, notes: list[str]
) -> pd.DataFrame:
    # The rows are sorted by artist, so that runs of equal keys are artists.
    codes = frame.select(pl.struct("platform", "artist_id").rle_id()).to_series()
    group = frame["platform" if spec.contrast == "platform" else "group"].to_numpy()
    rows = pd.DataFrame(
        {
            "artist": codes.to_numpy().astype(np.int64),
            "artist_id": frame["artist_id"].to_numpy(),
            "period": index.searchsorted(frame["period"].to_numpy()),
            "y": frame[spec.unit].to_numpy(),
            "tenure": frame["tenure_months"].to_numpy(),
            "weight": frame["weight"].to_numpy(),
            "group": _ALL if spec.contrast == "dose" else group,
            "offset": 0.0,
        }
    )
    if spec.offset == "days":
        rows["offset"] = np.log(frame["days"].to_numpy())
        notes.append("the length of the period enters as an offset")
    return rows


def _informative(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Drop artists without any upload or with a single period: their own level explains them."""
    grouped = rows.groupby("artist")["y"]
    total, periods = grouped.transform("sum"), grouped.transform("size")
    silent, single = total <= 0, periods < 2
    for mask, what in (
        (silent, "never uploaded while at risk"),
        (~silent & single, "have one period"),
    ):
        artists = rows.loc[mask, "artist"].nunique()
        if artists:
            notes.append(f"{artists} artists {what} and carry no information; left out")
    kept = rows[~(silent | single)].copy()
    if kept.empty:
        raise InputError("no artist uploaded anything while at risk")
    kept["artist"] = np.unique(kept["artist"], return_inverse=True)[1]
    return kept


def _labels(rows: pd.DataFrame, spec: Spec, untreated: Sequence[str]) -> tuple[str, ...]:
    names = sorted(rows["group"].unique())
    if len(names) == 1:
        if spec.time == "period" and spec.contrast != "dose":
            raise InputError(
                "with period effects only a difference between groups is identified, and there "
                "is one group",
                column="time",
                value="period",
                fix="give the panel a seniority rule, a dose, or use time='trend'",
            )
        return (names[0],)
    fallback = "new" if "new" in names else names[0]
    if spec.contrast == "platform":
        fallback = next((name for name in names if name in untreated), names[0])
    reference = spec.reference or fallback
    if reference not in names:
        raise InputError(
            "the reference group is not in the data",
            column="reference",
            value=reference,
            fix=f"use one of {', '.join(names)}",
        )
    return (reference, *(name for name in names if name != reference))


def _on_both_sides(
    rows: pd.DataFrame,
    labels: tuple[str, ...],
    onsets: Sequence[Onset | None],
    notes: list[str],
) -> pd.DataFrame:
    """Leave out groups that exist on one side of every event: they could only blur the periods."""
    if not onsets:
        return rows
    period = rows["period"].to_numpy()
    group = rows["group"].to_numpy()
    for name in labels:
        own = period[group == name]
        if any(onset is not None and np.ptp(onset.step[own]) > 0 for onset in onsets):
            continue
        if name == labels[0]:
            raise InputError(
                "nobody in the reference group was at risk on both sides of an event",
                column="reference",
                value=name,
                fix="choose another reference, or another event",
            )
        rows = rows[rows["group"] != name]
        notes.append(f"'{name}': nobody was at risk on both sides of an event; left out")
    return rows


def _varying(design: ArtistDesign) -> ArtistDesign:
    """Drop the terms that never vary within an artist: the artist effects explain them."""
    starts = np.flatnonzero(np.r_[True, np.diff(design.rows["artist"].to_numpy()) != 0])
    if design.x.shape[1] == 0:
        return design
    spread = np.maximum.reduceat(design.x, starts) - np.minimum.reduceat(design.x, starts)
    keep = spread.max(axis=0) > 0
    refused = dict(design.refused)
    for (block, _, name), place in design.effects.items():
        if not keep[place]:
            refused[block, name] = NOT_ON_BOTH_SIDES
    return design.only(keep, refused)
