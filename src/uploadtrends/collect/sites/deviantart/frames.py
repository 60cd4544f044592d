"""Sampling frames on DeviantArt, where no route lists users: works lead to authors.

Two routes with different leanings are always combined: tag pages favour those who upload often and
tag in English; daily deviations are chosen by editors but spread evenly over time, and so reach
artists who have left. Watchers of watchers are not walked: that would favour the much watched.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from uploadtrends.collect.sites.deviantart.api import API, EXPAND
from uploadtrends.collect.visit import Ask, FrameOptions, Member, count_of, needed, params, text_of
from uploadtrends.collect.wire import Answer, Request

TAGS = (
    *("digitalart", "illustration", "painting", "fantasy", "landscape", "portrait", "anime"),
    *("characterdesign", "conceptart", "watercolor", "sketch", "fanart", "scifi", "animals"),
    *("photography", "3d", "pixelart", "comic", "abstract", "traditional"),
)
"""Published with every frame: another list gives another frame."""

FIRST_DAILY = date(2005, 1, 1)
N_DATES = 120
_TAG_PAGE = 50
_BATCH = 10


def tags_and_daily(ask: Ask, options: FrameOptions) -> Iterator[Member]:
    """Yield every eligible author seen on either route, with watchers, routes and hits."""
    seen: dict[str, dict[str, Any]] = {}
    for tag in TAGS:
        _tag(tag, ask, options, seen)
    for day in daily_dates(options.seed):
        answer = ask(
            Request(f"{API}/browse/dailydeviations", params(date=day.isoformat()), holds="results")
        )
        _note(answer, "daily", seen)
    people = sorted(seen.values(), key=lambda one: str(one["artist_id"]))
    for start in range(0, len(people), _BATCH):
        batch = people[start : start + _BATCH]
        watchers = _watchers([one["handle"] for one in batch], ask)
        for one in batch:
            followers = watchers.get(one["artist_id"])
            if followers is not None and followers > options.followers:
                yield Member(
                    one["artist_id"], one["handle"], followers, tuple(sorted(one["routes"])),
                    one["hits"],
                )  # fmt: skip


def daily_dates(seed: int, *, last: date = date(2023, 12, 31)) -> list[date]:
    """Return the random dates whose daily deviations are visited; the same for the same seed."""
    days = (last - FIRST_DAILY).days
    chosen = random.Random(seed).sample(range(days + 1), N_DATES)  # noqa: S311 (not cryptography)
    return sorted(FIRST_DAILY + timedelta(days=n) for n in chosen)


def _tag(tag: str, ask: Ask, options: FrameOptions, seen: dict[str, dict[str, Any]]) -> None:
    query = params(tag=tag, limit=_TAG_PAGE, mature_content="true")
    following: tuple[tuple[str, str], ...] = ()
    for _ in range(options.pages):
        answer = ask(Request(f"{API}/browse/tags", query + following, holds="results"))
        envelope = _note(answer, "tags", seen)
        cursor = text_of(envelope.get("next_cursor"))
        offset = count_of(envelope.get("next_offset"))
        if envelope.get("has_more") is not True or (cursor is None and offset is None):
            return
        following = (("cursor", cursor),) if cursor else (("offset", str(offset)),)


def _note(answer: Answer, route: str, seen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    envelope: dict[str, Any] = needed(answer)
    for item in envelope["results"]:
        author = item.get("author") if isinstance(item, dict) else None
        if not isinstance(author, dict) or author.get("type") in ("group", "banned"):
            continue
        artist_id, handle = text_of(author.get("userid")), text_of(author.get("username"))
        if artist_id is None or handle is None:
            continue
        person = seen.setdefault(
            artist_id, {"artist_id": artist_id, "handle": handle, "routes": set(), "hits": 0}
        )
        person["routes"].add(route)
        person["hits"] += 1
    return envelope


def _watchers(handles: list[str], ask: Ask) -> dict[str, int | None]:
    question = Request(
        f"{API}/user/whois", params(expand=EXPAND), form=params(usernames=handles), holds="results"
    )
    found: dict[str, int | None] = {}
    for user in needed(ask(question))["results"]:
        if not isinstance(user, dict) or user.get("type") in ("group", "banned"):
            continue
        stats = user.get("stats")
        if isinstance(stats, dict):
            found[str(user.get("userid"))] = count_of(stats.get("watchers"))
    return found
