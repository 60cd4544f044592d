"""DeviantArt's public RSS feed: recent works of an artist, for those without an application."""

from __future__ import annotations

import re
from dataclasses import replace

from uploadtrends.collect.html import FeedItem, author_in, read_feed
from uploadtrends.collect.visit import Ask, Target, Visit, WalkEndedError, params
from uploadtrends.collect.wire import HostRules, Request
from uploadtrends.records import Upload

HOST = "backend.deviantart.com"
PAGE = 60
_MOST_PAGES = 20

FEED_RULES = HostRules(HOST, seconds_between=4.0, read_timeout=30.0)


def walk_feed(target: Target, ask: Ask, visit: Visit) -> None:
    """Walk the feed of a gallery, newest first, as far back as it goes.

    The feed tells neither followers nor how much is missing, so the history counts as truncated;
    its works are known by the number in their address, not by the API's key.
    """
    strangers: set[str] = set()
    for page in range(_MOST_PAGES):
        query = params(type="deviation", q=f"gallery:{target.handle} sort:time", offset=page * PAGE)
        answer = ask(
            Request(f"https://{HOST}/rss.xml", query, expect="feed", subject=target.handle)
        )
        if answer.outcome == "refused":
            visit.status = "not_found"
            return
        if answer.outcome != "ok":
            raise WalkEndedError(answer)
        try:
            items = read_feed(answer.body)
        except ValueError as error:
            raise WalkEndedError(replace(answer, outcome="malformed", detail=str(error))) from None
        new = 0
        for item in items:
            if not _by(target.handle, item):
                strangers.add(item.guid)
                continue
            number = re.search(r"(\d+)/?$", item.guid)
            if number is None:
                visit.reject(answer.request.address, "feed item without a number", item.guid)
                continue
            upload_id = f"n{number[1]}"
            new += visit.add(
                Upload(
                    "deviantart",
                    upload_id,
                    visit.dated(item.published_at, item.title, answer, f"deviantart/{upload_id}"),
                    kind=item.medium,
                    is_mature=item.is_mature,
                    instrument="rss",
                )
            )
        visit.truncated = True
        if not new:
            break
    if strangers:
        visit.reject(
            f"deviantart/{target.handle}", f"{len(strangers)} feed items of another author", ""
        )
        visit.status = "error"


def _by(handle: str, item: FeedItem) -> bool:
    """Say whether an item is by the artist whose gallery was asked for, by all that it tells."""
    named = [name for name in (item.author, author_in(item.guid)) if name]
    return all(name.lower() == handle.lower() for name in named)
