"""Who was exposed from when: artists who are treated at different times, or never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl

from uploadtrends.artists.exposed import names_platforms, platform_of
from uploadtrends.errors import InputError
from uploadtrends.events import Event, EventSet, as_events
from uploadtrends.panel.moments import first_days, never
from uploadtrends.panel.ready import KEY, UnitTable, period_grid, place_in, rows_by_period
from uploadtrends.result import Call, Result

if TYPE_CHECKING:
    from uploadtrends.panel import Panel

TREATED = "treated"
NEVER = "never treated"
LATER = "not yet treated"
ALWAYS = "always treated"
REVERSED = "reversed"
KINDS = (TREATED, NEVER, LATER, ALWAYS, REVERSED)
RULES = {"first AI upload": "ai_uploads"}


@dataclass(frozen=True, eq=False)
class Exposure(Result):
    """From which period on each artist is exposed.

    Attributes
    ----------
    table : pandas.DataFrame
        platform, artist_id, treated_from (first exposed period; NaT if never), kind: *treated*
        (has periods before and after), *never treated*, *not yet treated* (only after the last
        period of the panel), *always treated* (from the first period at risk on, so that nothing
        is known from before), *reversed* (exposed, then not any more).
    panel : Panel or UnitTable
    by_platform : bool
        Whether whole platforms are exposed at once, by an event.
    by_upload : bool
        Whether exposure is dated by an upload of the artist's own: its period was chosen for having
        one, and is left out of comparisons.
    notes : tuple of str
    call : Call
    """

    table: pd.DataFrame
    panel: Panel | UnitTable = field(repr=False)
    by_platform: bool
    by_upload: bool
    notes: tuple[str, ...]
    call: Call

    title = "Exposure: who was exposed from when"

    def to_frame(self) -> pd.DataFrame:
        """Return the table (a copy)."""
        return self.table.copy()

    def counts(self) -> dict[str, int]:
        """Return how many artists there are of each kind."""
        found = self.table["kind"].value_counts()
        return {kind: int(found.get(kind, 0)) for kind in KINDS}

    def cohorts(self) -> pd.DataFrame:
        """Return treated_from and artists, one row per date of exposure."""
        treated = self.table[self.table["kind"] == TREATED]
        return treated.groupby("treated_from").size().rename("artists").reset_index()

    def summary(self) -> str:
        """Say how many artists are exposed, and from when."""
        counts = ", ".join(f"{n} {kind}" for kind, n in self.counts().items() if n)
        cohorts = self.cohorts()
        lines = [f"Artists: {counts}."]
        if len(cohorts):
            first, last = (str(cohorts["treated_from"].iloc[i])[:10] for i in (0, -1))
            lines.append(f"Exposed at {len(cohorts)} different dates, {first} to {last}.")
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])

    def only(self, artists: pd.DataFrame) -> Exposure:
        """Return the exposure of some artists (columns platform, artist_id)."""
        kept = self.table.merge(artists[["platform", "artist_id"]].drop_duplicates())
        return replace(self, table=kept)


def exposure(
    panel: Panel | UnitTable, treated_from: Any, *, platform: str | None = None
) -> Exposure:
    """Say from which period on each artist of a panel is exposed.

    Parameters
    ----------
    panel : Panel or UnitTable
        With artists; or a ready table, of `panel_from_table`.
    treated_from : mapping, Series, DataFrame, str or Event
        Artist -> first exposed day (missing, None or NaT: never; the period that holds the day
        counts as exposed). Or a table with columns artist_id (and platform) and treated_from, or
        artist_id, period and treated (0 or 1 by period: exposure that ends is marked *reversed*).
        Or the rule ``"first AI upload"`` (the first period with a work labelled as made by AI), or
        a date column of the panel's artists such as ``"joined_at"``; of a ready table, any column
        with the first treated period (0, empty, NaN, infinity: never), or with 0 and 1 by period.
        Or an event (or several) that names its platforms: all their artists are exposed from the
        period that holds it on.
    platform : str, optional
        Keep only its artists.

    Raises
    ------
    InputError
        For artists that the panel does not know, dates that cannot be read, an event for all
        platforms, or nobody exposed.

    See Also
    --------
    exposure_effects : What changed for those exposed.
    matched : Others who are alike.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> panel = ut.build_panel(ut.simulate.population(40, platforms=("site",), seed=1))
    >>> adopters = dict.fromkeys(panel.artists["artist_id"].unique().sort().head(9), "2021-05-01")
    >>> ut.exposure(panel, adopters).counts()["treated"]
    9
    """
    if not hasattr(panel, "artists") and not isinstance(panel, UnitTable):
        raise InputError(
            "neither a panel nor a table that says its units and periods",
            column="panel",
            value=type(panel).__name__,
            fix="panel_from_table(table, unit=..., period=...) makes one of a ready table",
        )
    call = Call.of(
        {"treated_from": _plain(treated_from), "platform": platform}, panel, function="exposure"
    )
    people = _people(panel, platform)
    by_platform = isinstance(treated_from, Event | EventSet) or (
        isinstance(treated_from, list | tuple)
        and all(isinstance(item, Event) for item in treated_from)
    )
    reversed_artists: set[tuple[str, str]] = set()
    said: tuple[str, ...] = ()
    if isinstance(panel, UnitTable) and isinstance(treated_from, str):
        treated_from = _column(panel, treated_from)
    if by_platform:
        dates = _from_events(panel, people, as_events(treated_from))
    elif isinstance(treated_from, str):
        dates = _from_rule(panel, people, treated_from)
    elif isinstance(treated_from, pd.DataFrame):
        dates, reversed_artists, said = _from_table(panel, people, treated_from)
    elif isinstance(treated_from, Mapping | pd.Series):
        dates, said = _from_mapping(panel, people, pd.Series(treated_from, dtype=object))
    else:
        raise InputError(
            "cannot read who is exposed from this",
            column="treated_from",
            value=type(treated_from).__name__,
            fix="give a mapping from artist_id to a date, a table, a rule or an event",
        )
    table = _sorted_kinds(panel, people.assign(treated_from=dates), reversed_artists)
    notes = (*getattr(panel, "notes", ()), *said, *_notes(table))
    if not (table["kind"] == TREATED).any():
        counts = table["kind"].value_counts().to_dict()
        raise InputError(
            "no artist is exposed inside the panel, with periods before and after",
            column="treated_from",
            value=counts,
            fix="give dates inside the panel, or a longer panel",
        )
    by_upload = isinstance(treated_from, str) and treated_from in RULES
    if by_upload:
        notes += (
            "the period of the first such work is left out: it was chosen for having one",
            "who uploads such a work is still there at that time, others may have left: match on "
            "recent activity (matched, on='active_last_3m')",
        )
    return Exposure(table, panel, by_platform, by_upload, notes, call)


def _plain(treated_from: Any) -> Any:
    if isinstance(treated_from, Mapping):
        return pd.Series(treated_from, dtype=object)
    return treated_from


def _people(panel: Panel | UnitTable, platform: str | None) -> pd.DataFrame:
    rows = rows_by_period(panel)
    if platform is not None:
        if isinstance(panel, UnitTable):
            raise InputError("a table has no platforms", column="platform", value=platform)
        panel.only_artist_platform(platform)
        rows = rows[rows["platform"] == platform]
    return rows.groupby(KEY)["period"].agg(first="min", last="max").reset_index()


def _dates(
    panel: Panel | UnitTable, values: pd.Series, column: str
) -> tuple[pd.Series, tuple[str, ...]]:
    """Return first exposed days (or periods, where they are numbered), missing where never."""
    if isinstance(panel, UnitTable):
        return panel.first_periods(values, str(values.attrs.get("column", column)))
    return first_days(values.astype(object).mask(never(values), None), column), ()


def _column(panel: UnitTable, name: str) -> pd.DataFrame:
    """Return what a column of a table says of exposure, by unit or by unit and period."""
    rows = panel.rows.assign(treated=panel.column(name, "treated_from"))
    several = rows.groupby(KEY)["treated"].nunique(dropna=False)
    varies = several.index[several > 1]
    if rows["treated"].isin([0, 1]).all():
        if len(varies):
            return rows
        raise InputError(
            "0 or 1 and the same in every period: it says who is exposed, not from when",
            column=name,
            fix="give the first treated period of each unit, or 0 and 1 by period",
        )
    if len(varies):
        raise InputError(
            "a unit has more than one first treated period",
            column=name,
            value=varies[0][1],
            fix="write one value in all rows of a unit, or 0 and 1 by period",
        )
    rows.attrs["column"] = name
    return rows.drop_duplicates(KEY).rename(columns={"treated": "treated_from"})


def _from_mapping(
    panel: Panel | UnitTable, people: pd.DataFrame, given: pd.Series
) -> tuple[pd.Series, tuple[str, ...]]:
    """Return dates by row of `people`, and how many named artists are not there."""
    if given.index.nlevels == 1:
        given.index = given.index.astype(str)
        _require_one_platform(people, given.index)
        keys = pd.Index(people["artist_id"])
    else:
        keys = pd.MultiIndex.from_frame(people[KEY])
    if given.index.has_duplicates:
        twice = given.index[given.index.duplicated()][0]
        raise InputError("an artist is named twice", column="artist_id", value=twice)
    unknown = given.index.difference(keys)
    if len(unknown) == len(given) and len(given):
        raise InputError(
            "none of these artists is at risk in the panel",
            column="artist_id",
            value=unknown[0],
            fix="use the panel's artist_id, as text",
        )
    dates, notes = _dates(panel, given, "treated_from")
    if len(unknown):
        notes += (f"{len(unknown)} artists who are named are never at risk in the panel",)
    return dates.reindex(keys).set_axis(people.index), notes


def _require_one_platform(people: pd.DataFrame, names: pd.Index) -> None:
    named = people[people["artist_id"].isin(names)]
    both = named["artist_id"][named["artist_id"].duplicated()]
    if len(both):
        raise InputError(
            "an artist_id stands for artists on several platforms",
            column="artist_id",
            value=both.iloc[0],
            fix="name one platform=, or give a table with the column platform",
        )


def _from_table(
    panel: Panel | UnitTable, people: pd.DataFrame, table: pd.DataFrame
) -> tuple[pd.Series, set[tuple[str, str]], tuple[str, ...]]:
    """Return dates, whose exposure ends, and notes."""
    if "artist_id" not in table.columns:
        raise InputError(
            "the table of exposures has no artists",
            column="artist_id",
            value=list(table.columns),
            fix="name the columns artist_id and treated_from",
        )
    rows = table.assign(artist_id=table["artist_id"].astype(str))
    if "platform" not in rows.columns:
        _require_one_platform(people, pd.Index(rows["artist_id"]))
        home = people.drop_duplicates("artist_id").set_index("artist_id")["platform"]
        rows["platform"] = rows["artist_id"].map(home).fillna("")
    if "treated_from" in rows.columns:
        dates, notes = _from_mapping(panel, people, rows.set_index(KEY)["treated_from"])
        return dates, set(), notes
    if not {"period", "treated"} <= set(rows.columns):
        raise InputError(
            "the table says neither when exposure begins nor by period",
            column="treated_from",
            value=list(table.columns),
            fix="give treated_from, or period and treated",
        )
    if not rows["treated"].isin([0, 1]).all():
        bad = rows.loc[~rows["treated"].isin([0, 1]), "treated"].iloc[0]
        raise InputError("exposure by period is 0 or 1", column="treated", value=bad)
    if not isinstance(panel, UnitTable):
        rows["period"] = first_days(rows["period"], "period")
    rows = rows.sort_values([*KEY, "period"])
    fell = rows.groupby(KEY)["treated"].diff() < 0
    first = rows["period"].where(rows["treated"] == 1).groupby([rows[k] for k in KEY]).min()
    dates, notes = _from_mapping(panel, people, first)
    return dates, set(rows.loc[fell, KEY].itertuples(index=False, name=None)), notes


def _from_rule(panel: Any, people: pd.DataFrame, rule: str) -> pd.Series:
    spans = panel.records.spans
    if rule in RULES:
        cells = panel.records.cells.filter(pl.col(RULES[rule]) > 0)
        first = cells.group_by("lane", "artist").agg(treated_from=pl.col("period").min())
        dated = first.join(spans.select("lane", "artist", "artist_id"), on=["lane", "artist"])
    elif rule in spans.columns and spans[rule].dtype.is_temporal():
        dated = spans.select("lane", "artist_id", treated_from=rule)
    else:
        columns = [name for name in spans.columns if spans[name].dtype.is_temporal()]
        raise InputError(
            "no such rule or date column",
            column="treated_from",
            value=rule,
            fix=f"use {', '.join([*RULES, *columns])}, or give the dates",
        )
    frame = dated.to_pandas().drop_duplicates(["lane", "artist_id"])
    keyed = frame.set_index(["lane", "artist_id"])["treated_from"]
    keys = pd.MultiIndex.from_frame(people[["platform", "artist_id"]])
    return pd.Series(pd.to_datetime(keyed.reindex(keys)).to_numpy(), index=people.index)


def _from_events(panel: Panel | UnitTable, people: pd.DataFrame, events: EventSet) -> pd.Series:
    if isinstance(panel, UnitTable):
        raise InputError(
            "a table does not say which units an event concerns",
            column="treated_from",
            value=events.ids,
            fix="name a column with the first treated period, or give a mapping",
        )
    if not names_platforms(events):
        raise InputError(
            "an event that concerns all platforms leaves nobody to compare with",
            column="treated_from",
            value=next(event.id for event in events if "all" in event.platforms),
            fix="name its platforms: Event(date, label, platforms=(...))",
        )
    names = platform_of(panel)
    known = people["platform"].map(lambda lane: names.get(lane, lane))
    dates = pd.Series(pd.NaT, index=people.index, dtype="datetime64[ns]")
    for event in reversed(list(events)):
        dates[known.map(event.concerns)] = pd.Timestamp(event.start)
    return dates


def _sorted_kinds(panel: Any, table: pd.DataFrame, fell: set[tuple[str, str]]) -> pd.DataFrame:
    """Move dates to the first period that is exposed in full or in part, and sort artists."""
    index: Any = period_grid(panel, pd.concat([table["first"], table["last"]]))
    dates = table["treated_from"]
    seen, place = dates.notna(), place_in(index, dates)
    end = index[-1] + (getattr(index, "freq", None) or panel.grid[1] - panel.grid[0])
    inside = seen & (place >= 0) & (dates < end).fillna(False).astype(bool)
    table["treated_from"] = dates.mask(inside, pd.Series(index[np.maximum(place, 0)], table.index))
    kind = np.full(len(table), NEVER, dtype=object)
    kind[seen] = TREATED
    kind[seen & ~inside & (place >= 0)] = LATER
    kind[seen & (table["treated_from"] <= table["first"])] = ALWAYS
    kind[pd.MultiIndex.from_frame(table[KEY]).isin(list(fell))] = REVERSED
    table["kind"] = kind
    return table[["platform", "artist_id", "treated_from", "kind"]].reset_index(drop=True)


def _notes(table: pd.DataFrame) -> tuple[str, ...]:
    counts = table["kind"].value_counts()
    notes = []
    if n := int(counts.get(ALWAYS, 0)):
        notes.append(
            f"{n} artists are exposed from their first period at risk on: nothing is known of "
            "them from before; they are left out of every comparison"
        )
    if n := int(counts.get(REVERSED, 0)):
        notes.append(
            f"{n} artists are exposed and later not any more: the designs here take exposure to "
            "last; they are left out"
        )
    if not int(counts.get(NEVER, 0)) + int(counts.get(LATER, 0)):
        notes.append("every artist is exposed in the end: only those not yet exposed can compare")
    return tuple(notes)
