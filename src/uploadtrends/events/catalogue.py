"""The packaged table of dated events, and reading tables like it."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from uploadtrends.errors import InputError
from uploadtrends.events.event import Event, EventSet

_COLUMNS = ("id", "date", "category", "platforms", "label", "source", "verified")
_YES, _NO = {"yes", "true", "1"}, {"no", "false", "0", ""}


def event_catalogue(
    ids: Iterable[str] | None = None,
    category: str | Iterable[str] | None = None,
    platform: str | None = None,
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
    verified: bool | None = True,
    near: str | dt.date | None = None,
    within_days: int = 90,
) -> EventSet:
    """Return events of the packaged catalogue.

    The catalogue holds dated NFT events, model releases, platform policies, protests, defences,
    lawsuits, incidents and confounders from 2017 to 2025, each with its source. Rows without a
    dated source are marked unverified and left out by default (``verified=None`` keeps all).

    Parameters
    ----------
    ids, category, platform, start, end, verified, near, within_days
        See `EventSet.select`. An event asked for by id is returned whether verified or not.

    See Also
    --------
    Event : An event of your own.

    Examples
    --------
    >>> event_catalogue(ids=["mr-sd-public"])[0].date
    '2022-08-22'
    """
    everything = _packaged()
    if ids is not None:
        verified = None
    return everything.select(ids, category, platform, start, end, verified, near, within_days)


COLLECTION_BREAKS = (
    "cf-artstation-cloudflare-2021",
    "cf-artstation-cloudflare-2024",
    "cf-danbooru-ratings",
    "pp-danbooru-ai-autotag",
    "cf-da-internal-api",
    "cf-da-api-20240701",
    "pp-deviantart-ai-label",
    "pp-pixiv-ai-label",
)
"""Events after which works are counted or labelled in another way."""


def collection_breaks(platform: str | None = None) -> EventSet:
    """Return the events of the catalogue after which a platform is counted in another way.

    A captcha that stops collectors, a rating that is renamed, a duty to label: what changes is the
    instrument and not what people do. Pass them as ``instrument_breaks`` of
    `uploadtrends.interrupted_time_series`, or name their ids under ``[model] instrument_breaks`` of
    a study: each becomes a level change of the series of its platform that is held constant.

    Parameters
    ----------
    platform : str, optional
        Only those of this platform.

    Examples
    --------
    >>> collection_breaks("danbooru").ids
    ('cf-danbooru-ratings', 'pp-danbooru-ai-autotag')
    """
    return event_catalogue(COLLECTION_BREAKS, platform=platform)


@cache
def _packaged() -> EventSet:
    with as_file(files("uploadtrends.events") / "catalogue.csv") as path:
        return read_events(path)


def read_events(path: str | Path) -> EventSet:
    """Read events from a CSV file.

    Parameters
    ----------
    path : str or pathlib.Path
        UTF-8, with a header. ``date`` is required; ``label``, ``id``, ``category``, ``platforms``
        (separated by semicolons), ``source``, ``verified`` (yes or no) and ``note`` are optional.
        AIAAIC-style lists are understood too: ``Headline`` or ``Headline/title`` stands for the
        label and ``Occurred`` (or ``Released``) for the date.

    Raises
    ------
    InputError
        If the file is not UTF-8, is empty, lacks a date column, or holds an unreadable value.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except UnicodeDecodeError as error:
        raise InputError(
            f"the file is not UTF-8 (byte {error.start})", file=path, fix="save it as UTF-8"
        ) from None
    except FileNotFoundError:
        raise InputError("no such file", file=path, fix="check the path") from None
    if not rows:
        raise InputError(
            "no events in the file", file=path, fix="give a header and one row an event"
        )
    events = []
    for number, raw in enumerate(rows, start=2):
        row = _translate(
            {
                (name or "").strip().lower(): (text or "")
                for name, text in raw.items()
                if isinstance(text, str | None)
            }
        )
        if "date" not in row:
            raise InputError(
                f"no column for the date among {', '.join(raw)}",
                file=path,
                column="date",
                fix="name one column 'date'",
            )
        try:
            events.append(
                Event(
                    row["date"],
                    row.get("label", ""),
                    id=row.get("id", "").strip(),
                    category=row.get("category", "").strip() or "user",
                    platforms=tuple((row.get("platforms", "").strip() or "all").split(";")),
                    source=row.get("source", "").strip(),
                    verified=_truth(row.get("verified", "yes")),
                    note=row.get("note", "").strip(),
                )
            )
        except InputError as error:
            raise InputError(
                f"line {number}: {error.problem}",
                file=path,
                column=error.column,
                value=error.value,
                fix=error.fix,
            ) from None
    return EventSet(events)


def _translate(row: dict[str, str]) -> dict[str, str]:
    for ours, theirs in {
        "label": ("headline", "headline/title", "title", "name"),
        "date": ("occurred", "released", "when"),
        "id": ("aiaaic id#", "aiaaic id"),
    }.items():
        if ours not in row:
            found = next((row[name] for name in theirs if row.get(name)), None)
            if found is not None:
                row[ours] = found
    return row


def _truth(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _YES:
        return True
    if lowered in _NO:
        return False
    raise InputError(
        "cannot tell whether this event is verified",
        column="verified",
        value=text,
        fix="write yes or no",
    )
