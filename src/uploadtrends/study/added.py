"""The date that a user added: its own answer, alone and beside the study's events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from uploadtrends.brief import number, p_text
from uploadtrends.events import Event, EventSet, event_catalogue
from uploadtrends.events.crowding import same_date
from uploadtrends.result import Call, Result

if TYPE_CHECKING:
    from uploadtrends.models import Fit, InterruptedTimeSeries

ALONE, TOGETHER = "alone", "with the study's events"
USABLE = ("ok", "exploratory")


@dataclass(frozen=True, repr=False)
class AddedEvent(Result):
    """What the data say about a date that was added to a study.

    Parameters
    ----------
    date : str
    label : str
        As the user wrote it; several on one day are joined by semicolons and have one number.
    effects : pandas.DataFrame
        Rows of the effects table (see `InterruptedTimeSeries`) that hold the date, with ``fitted``
        first: ``"alone"``, or ``"with the study's events"`` fitted jointly.
    term : str
        The term that is told first: that of the study's stated contrast.
    notes : tuple of str
        What else must be known: events of the catalogue on that day, the block it joins, which
        estimate that removes, and what becomes of the stated contrast.
    call : Call
    """

    date: str
    label: str
    effects: pd.DataFrame
    term: str
    notes: tuple[str, ...]
    call: Call

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the rows."""
        return self.effects.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain JSON-ready values."""
        return {"date": self.date, "label": self.label, "notes": list(self.notes)} | (
            super().to_dict()
        )

    @property
    def name(self) -> str:
        """Label and date."""
        return self.date if self.label == self.date else f"{self.label} ({self.date})"

    @property
    def estimable(self) -> bool:
        """Whether any series has an estimate of it."""
        return bool(self.effects["status"].isin(USABLE).any())

    @property
    def why_not(self) -> str:
        """Why there is no estimate; empty where there is one."""
        if self.estimable:
            return ""
        reasons: dict[str, list[str]] = {}
        for row in self._rows(ALONE).to_dict("records"):
            reasons.setdefault(str(row["reason"]), []).append(_series(row))
        if len(reasons) == 1:
            return next(iter(reasons))
        return "; ".join(f"{', '.join(series)}: {why}" for why, series in reasons.items())

    def sentences(self) -> tuple[str, ...]:
        """Return the answer in sentences, the first of which stands alone."""
        if not self.estimable:
            return (f"{self.name}: not estimable here: {self.why_not}.", *self.notes)
        rows = self._rows(ALONE)
        known = rows[rows["status"].isin(USABLE)]
        clear = known[(known["low"] > 0) | (known["high"] < 0)]
        holds = int((known["p_adjusted"] <= 0.05).sum())
        found = f"the interval of the {_noun(self.term)} leaves out zero in {len(clear)} of "
        found += f"{len(known)} series"
        if len(clear):
            found += f" ({'; '.join(f'{_series(r)} {_size(r)}' for r in _records(clear))})"
        after = f", after the adjustment for all rows and series in {holds}" if len(clear) else ""
        missed = ""
        if len(known) < len(rows):
            rest = rows[~rows["status"].isin(USABLE)]
            missed = " Not estimable: " + "; ".join(
                f"{_series(row)} ({row['reason']})" for row in _records(rest)
            )
            missed += "."
        return (f"{self.name}, fitted alone: {found}{after}.{missed}", *self.notes)

    def summary(self) -> str:
        """Return the answer for a terminal: what was found, one line a series, what to know."""
        if not self.estimable:
            return "\n".join([f"{self.name}: not estimable here", f"  {self.why_not}", *self._told])
        rows = {
            fitted: {_series(row): row for row in _records(self._rows(fitted))}
            for fitted in (ALONE, TOGETHER)
        }
        shown = [fitted for fitted in rows if rows[fitted]]
        table = [[f"{_noun(self.term)}, 95% interval", *shown]]
        table += [
            [name, *(_cell(rows[fitted].get(name)) for fitted in shown)] for name in rows[ALONE]
        ]
        wide = [max(len(row[place]) for row in table) + 3 for place in range(len(table[0]))]
        lines = ["".join(f"{c:<{w}}" for c, w in zip(row, wide, strict=True)) for row in table]
        return "\n".join([self.name, *(f"  {line.rstrip()}" for line in lines), *self._told])

    @property
    def _told(self) -> list[str]:
        return [f"  {note}" for note in self.notes]

    def _rows(self, fitted: str) -> pd.DataFrame:
        rows = self.effects[self.effects["fitted"] == fitted]
        terms = list(rows["term"])
        term = self.term if self.term in terms else (terms[0] if terms else self.term)
        # Whole months, where there are such, stand below the days or weeks, and are told apart.
        return rows[rows["term"] == term].drop_duplicates(["platform", "group", "event"])


def dates_of(events: EventSet) -> list[EventSet]:
    """Return added events by their date: those of one day have one number."""
    return [EventSet(group) for group in same_date(list(events))]


def added_event(
    events: EventSet,
    alone: InterruptedTimeSeries,
    together: InterruptedTimeSeries,
    before: InterruptedTimeSeries | None,
    stated: dict[str, str],
) -> AddedEvent:
    """Return the answer about one added date.

    Parameters
    ----------
    events : EventSet
        What was added on that date.
    alone, together : InterruptedTimeSeries
        The models with this date only, and with the study's events as well.
    before : InterruptedTimeSeries, optional
        The models without what was added; None where the study has no other events.
    stated : dict
        The study's primary contrast, its event as an id.
    """
    parts = [_stated_first(alone.answers, stated).assign(fitted=ALONE)]
    if before is not None:
        wanted = set(events.ids)
        holds = together.answers["event"].map(lambda block: bool(wanted & _members(block)))
        joint = _stated_first(together.answers[holds], stated)
        parts.append(joint.assign(fitted=TOGETHER))
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "fitted", table.pop("fitted"))
    label = "; ".join(dict.fromkeys(event.label for event in events))
    estimable = bool(alone.effects["status"].isin(USABLE).any())
    notes = [*_catalogued(events), *_joined(events, together, before, estimable=estimable)]
    if before is not None:
        notes += _moved(together, before, stated)
    if alone.monthly is not None:
        from uploadtrends.figures.fitted import months_told

        notes += months_told(alone)
    return AddedEvent(events[0].date, label, table, stated["term"], tuple(notes), alone.call)


def first_rows(its: InterruptedTimeSeries, added: Sequence[AddedEvent]) -> pd.DataFrame:
    """Return the effects with those of the added dates first, each alone and then jointly."""
    if not added:
        return its.answers
    mine = pd.concat([one.effects for one in added], ignore_index=True)
    alike = ["fitted", "platform", "group", "event", "term", *(["by"] if "by" in mine else [])]
    mine = mine.drop_duplicates(alike)
    together = mine[mine["fitted"] == TOGETHER]
    told = set(together["event"])
    rest = its.answers[~its.answers["event"].isin(told)].assign(fitted=TOGETHER)
    if together.empty:  # the study has no other events: alone is all there is
        rest = rest[~rest["event"].isin(set(mine["event"]))]
    return pd.concat([mine, rest], ignore_index=True)


def first_shown(its: InterruptedTimeSeries, added: Sequence[AddedEvent]) -> Any:
    """Return what a figure of effects takes: an added date first, alone and jointly."""
    if not added:
        return its
    effects = first_rows(its, added).copy()
    names = {ids: one.name for one in added for ids in one.effects["event"]}
    labels = []
    for row in _records(effects):
        name, label = names.get(row["event"]), str(row["label"])
        if name is not None and row["fitted"] == ALONE:
            label = f"{name}, alone"
        elif name is not None:
            block = f": {label}" if "+" in row["event"] else ""
            label = f"{name}, {TOGETHER}{block}"
        labels.append(label)
    effects = effects.assign(label=labels)
    order = effects["starts"].astype(str).where(~effects["event"].isin(set(names)), "")
    return effects.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def _members(block: Any) -> set[str]:
    return set(str(block).split("+"))


def _stated_first(effects: pd.DataFrame, stated: dict[str, str]) -> pd.DataFrame:
    """Put the series of the stated contrast first."""
    first = (effects["platform"] == stated["platform"]) & (effects["group"] == stated["group"])
    order = (~first).to_numpy().argsort(kind="stable")
    return effects.iloc[order].reset_index(drop=True)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _series(row: Mapping[Any, Any]) -> str:
    from uploadtrends.collect.sites import shown

    site = shown(str(row["platform"]))
    platform = site.title if site is not None else str(row["platform"])
    return " ".join(part for part in (platform, str(row["group"])) if part) or "the series"


def _noun(term: str) -> str:
    return f"{term} change" if term in ("level", "slope") else term.replace("_", " ")


def _size(row: Mapping[Any, Any]) -> str:
    """Return an effect with its interval, in percent of what was expected where it has that."""
    names = ("relative", "relative_low", "relative_high")
    if row["relative"] == row["relative"] and row["relative"] is not None:
        middle, low, high = (_signed(row[name]) for name in names)
        return f"{middle}% ({low}% to {high}%)"
    middle, low, high = (_signed(row[name]) for name in ("estimate", "low", "high"))
    return f"{middle} ({low} to {high}) {row['unit']}".replace("_", " ")


def _signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)


def _cell(row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return ""
    if row["status"] not in USABLE:
        return str(row["status"])
    mark = "" if row["status"] == "ok" else " (exploratory)"
    return f"{_size(row)} {p_text(row['p'])}{mark}"


def _catalogued(events: EventSet) -> list[str]:
    """Say what the catalogue holds on that day and the user did not add."""
    date = events[0].date
    there = [
        event
        for event in event_catalogue(verified=None)
        if event.date == date and event.id not in events.ids
    ]
    if not there:
        return []
    named = "; ".join(f"{event.label} ({event.id})" for event in there)
    return [f"The catalogue holds on this date: {named}."]


def _joined(
    events: EventSet,
    together: InterruptedTimeSeries,
    before: InterruptedTimeSeries | None,
    *,
    estimable: bool,
) -> list[str]:
    """Say which block the date joins, which estimates that removes, and why."""
    said: dict[str, list[tuple[str, str]]] = {}
    for place, fit in enumerate(together.fits):
        earlier = before.fits[place] if before is not None else None
        for text in _texts(events, fit, earlier, estimable):
            said.setdefault(text, []).append((fit.platform, fit.group))
    return [
        text if len(series) == len(together.fits) else f"{_named(series)}: {text}"
        for text, series in said.items()
    ]


def _named(series: list[tuple[str, str]]) -> str:
    """Return the names of series, the groups of a platform together."""
    groups: dict[str, list[str]] = {}
    for platform, group in series:
        groups.setdefault(_series({"platform": platform, "group": ""}), []).append(group)
    return "; ".join(
        f"{platform} ({', '.join(found)})" if any(found) else platform
        for platform, found in groups.items()
    )


def _texts(events: EventSet, fit: Fit, earlier: Fit | None, estimable: bool) -> list[str]:
    """Return what adding the events did to the blocks of one series."""
    mine, blocks = set(events.ids), fit.prepared.blocks
    block = next((b for b in blocks if mine & {e.id for e in b.events}), None)
    if block is None:
        return []
    texts = []
    others = [event for event in block.events if event.id not in mine]
    same = [event for event in others if event.date == events[0].date]
    if same:
        texts.append(f"It is one date with {_events(same)}: they have one number together.")
    if block.crowded and estimable:
        rest = [event for event in others if event not in same]
        texts.append(
            f"Beside the study's events it joins {block.label}, with {_events(rest)}: "
            f"{block.reason}."
        )
    dropped = {b.id: reason for b, reason in fit.prepared.design.dropped}
    if block.id in dropped and estimable:
        texts.append(f"With the study's events it is not estimable: {dropped[block.id]}.")
    if earlier is None:
        return texts
    now = {b.id for b in fit.blocks}
    dates = {event.date for event in block.events}
    for gone in (b for b in earlier.blocks if b.id not in now):
        if {event.date for event in gone.events} == dates:
            continue  # another name, the same number
        why = dropped.get(gone.id, f"it is part of {block.label}")
        texts.append(f"This removes the estimate of '{gone.label}': {why}.")
    return texts


def _events(events: Iterable[Event]) -> str:
    return ", ".join(f"{event.label} ({event.date})" for event in events)


def _moved(
    together: InterruptedTimeSeries, before: InterruptedTimeSeries, stated: dict[str, str]
) -> list[str]:
    """Say what the stated contrast is with the added date and without it."""
    found = contrast(together, stated), contrast(before, stated)
    if found[0] is None or found[1] is None:
        return []
    now, then = (row.to_dict() for row in found if row is not None)
    what = f"The stated contrast ({_series(then)}, {_noun(stated['term'])} at {then['label']})"
    if then["status"] not in USABLE or now["status"] not in USABLE:
        told = [_size(row) if row["status"] in USABLE else row["status"] for row in (then, now)]
        return [f"{what}: {told[0]} without the added date, {told[1]} with it."]
    if all(abs(then[name] - now[name]) <= 1e-9 for name in ("estimate", "low", "high")):
        return []
    where = "" if now["event"] == then["event"] else f", where its block is {now['label']}"
    return [
        f"{what} is {_size(then)} without the added date and {_size(now)} with it{where}: all "
        "events of a study are fitted together."
    ]


def contrast(its: InterruptedTimeSeries, stated: dict[str, str]) -> pd.Series | None:
    """Return the row of a contrast; its event may be a member of a block. None if there is none."""
    effects = its.effects
    rows = effects[
        (effects["platform"] == stated["platform"])
        & (effects["group"] == stated["group"])
        & (effects["term"] == stated["term"])
    ]
    rows = rows[[stated["event"] in _members(block) for block in rows["event"]]]
    return rows.iloc[0] if len(rows) else None


def as_json(added: Iterable[AddedEvent]) -> list[dict[str, Any]]:
    """Return the answers JSON-ready."""
    found: list[dict[str, Any]] = json.loads(
        json.dumps([one.to_dict() for one in added], default=str)
    )
    return found
