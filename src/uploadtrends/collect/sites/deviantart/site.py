"""DeviantArt: the OAuth2 API, whose histories end at 10,000 works and which says nothing of AI.

What is odd here: pages may be short or empty while there is more; `has_more` may also turn false
too early; an account that changed its name lists next to nothing under the old one; newest works
come first, so the cap of 10,000 loses the oldest; errors are told by status and `error`, at times
with status 200; 429 comes without Retry-After; groups answer like unknown users; deleted works may
remain as stubs without a date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from uploadtrends.collect.credentials import credentials
from uploadtrends.collect.looks import Shown
from uploadtrends.collect.sites.deviantart.api import API, EXPAND, RULES, ClientCredentials
from uploadtrends.collect.sites.deviantart.feed import FEED_RULES, walk_feed
from uploadtrends.collect.sites.deviantart.frames import tags_and_daily
from uploadtrends.collect.text import in_path
from uploadtrends.collect.visit import (
    Ask,
    FrameOptions,
    Member,
    Options,
    Target,
    Visit,
    WalkEndedError,
    count_of,
    flag_of,
    items_of,
    needed,
    params,
    text_of,
    utc,
)
from uploadtrends.collect.wire import Answer, HostRules, Permit, Request
from uploadtrends.errors import ConfigurationError
from uploadtrends.pseudonyms import PersonKeys
from uploadtrends.records import Upload

PAGE = 24
CAP = 10_000
_EMPTY_PAGES = 20
_MOST_EMPTY_PAGES = 100  # while the profile claims more works; 42 in a row have been reported
_PROBES = 2  # pages without works that are looked at past an end that comes too early
_MOST_WALKS = 3
_REPEATS = 2  # pages in a row without a new work; one may be a list that shifts
_BAD_PROFILE = (
    ("inactive", "inactive"),
    ("blocked access", "blocked"),
    ("not found", "not_found"),
)


class DeviantArt:
    """The DeviantArt collector; see the module's docstring for the site's oddities.

    Parameters
    ----------
    credentials_file : path, optional
        TOML file of mode 600 with a table `deviantart`: `client_id`, `client_secret`. Default: the
        variables UPLOADTRENDS_DEVIANTART_CLIENT_ID and UPLOADTRENDS_DEVIANTART_CLIENT_SECRET.
    cap : int
        Offset at which the site ends a gallery: 10,000 as observed (the documentation says 50,000).
    feed : bool
        Read the public RSS feed of recent works instead of the API: no application is needed, but
        there are no followers, and histories are cut off at the feed's end.
    """

    name = "deviantart"
    shown = Shown("DeviantArt", "#d55e00", "s", "--")
    terms = ""
    rules: tuple[HostRules, ...] = (RULES, FEED_RULES)
    frames: Mapping[str, str] = {
        "tags+daily": (
            "Authors seen on a published list of tag pages (active uploaders who tag in English) "
            "or among the daily deviations of random dates since 2005 (chosen by editors, balanced "
            "over time). Inclusion probabilities are those of the draw from this frame; who is on "
            "neither route, or has left, cannot be drawn."
        ),
    }
    looked_up: tuple[str, ...] = ()
    people = PersonKeys({"username": ("username",), "userid": ("userid",)})
    addresses = (
        r"(?:https?://)?(?:www\.)?deviantart\.com/([\w-]+)(?:[/?#].*)?"
        r"|(?:https?://)?(?!www\.)([\w-]+)\.deviantart\.com(?:[/?#].*)?|@([\w-]+)"
    )
    dated_by = "published"

    def __init__(
        self,
        credentials_file: str | Path | None = None,
        cap: int = CAP,
        feed: bool = False,
    ) -> None:
        self._file = credentials_file
        self._cap = cap
        self._feed = feed

    def permit(self) -> Permit | None:
        """Return the client's credentials; None where only the feed is read.

        Raises
        ------
        ConfigurationError
            When there are none.
        """
        if self._feed:
            return None
        pair = credentials("deviantart", ("client_id", "client_secret"), self._file)
        if pair is None:
            raise ConfigurationError(
                "DeviantArt's API needs a registered application. Fix: register one at "
                "https://www.deviantart.com/developers/ and set UPLOADTRENDS_DEVIANTART_CLIENT_ID "
                "and UPLOADTRENDS_DEVIANTART_CLIENT_SECRET, or give --credentials FILE"
            )
        return ClientCredentials(*pair)

    def requests_for(self, target: Target, n_uploads: int) -> int:
        """Return two profiles plus the pages of a history."""
        pages = max(1, -(-min(n_uploads, self._cap) // PAGE))
        return pages + (2 if pages > 1 else 1)

    def walk(self, target: Target, ask: Ask, visit: Visit, options: Options) -> None:
        """Visit profile and gallery, or the feed; see `visit.Site`."""
        if self._feed:
            walk_feed(target, ask, visit)
            return
        listed = self._profile(target, ask, visit, walk=0)
        if visit.status != "ok":
            return
        visit.claimed = listed
        for walk in range(_MOST_WALKS):
            pages = self._gallery(target, ask, visit, options, listed, walk)
            if pages < 2 or options.since is not None:
                break
            # A work that goes away during the walk shifts another past a page's edge.
            before, listed = listed, self._profile(target, ask, visit, walk=walk + 1)
            visit.claimed = visit.claimed if listed is None else listed
            if before is None or listed is None or listed >= before:
                break
        if visit.truncated and options.folders:
            self._folders(target, ask, visit)
        strange = set(visit.strangers)
        if strange != set(visit.uploads) or len(set(visit.strangers.values())) > 1:
            visit.leave_out(visit.strangers, "works of another author")
        elif strange:  # the whole gallery under one other name: the account's own, maybe renamed
            author = next(iter(visit.strangers.values()))
            visit.reject(f"deviantart/{visit.handle}", "all works name another author", author)

    def _profile(self, target: Target, ask: Ask, visit: Visit, walk: int) -> int | None:
        """Read the profile; return the number of works it claims."""
        name = visit.segment(visit.handle)
        if not name:
            return None
        answer = ask(
            Request(
                f"{API}/user/profile/{name}",
                params(expand=EXPAND),
                holds="{user}",
                subject=target.handle,
                walk=walk,
            )
        )
        if answer.outcome == "refused":
            known = [state for words, state in _BAD_PROFILE if words in answer.detail.lower()]
            if not known and answer.status != 404:
                raise WalkEndedError(answer)
            if walk == 0:
                visit.status = known[0] if known else "not_found"  # type: ignore[assignment]
            return None
        profile = needed(answer)
        if not isinstance(profile.get("user"), dict):
            visit.reject(f"deviantart/{target.handle}", "profile without a user", profile)
            visit.status = "error"
            return None
        user = profile["user"]
        if "stats" not in user:  # `expand` was not honoured here; the other route is made for it
            user = self._who_is(target, ask) or user
        read_user(user, visit)
        stats = profile.get("stats")
        return count_of(stats.get("user_deviations")) if isinstance(stats, dict) else None

    def _who_is(self, target: Target, ask: Ask) -> dict[str, Any] | None:
        question = Request(
            f"{API}/user/whois",
            params(expand=EXPAND),
            form=params(usernames=[target.handle]),
            holds="results",
            subject=target.handle,
        )
        answer = ask(question)
        results = answer.json()["results"] if answer.outcome == "ok" else []
        return results[0] if results and isinstance(results[0], dict) else None

    def _gallery(
        self,
        target: Target,
        ask: Ask,
        visit: Visit,
        options: Options,
        listed: int | None,
        walk: int,
    ) -> int:
        """Walk the gallery; return the number of pages."""
        route = f"{API}/gallery/all"
        first = params(username=visit.handle, limit=PAGE, mature_content="true", offset=0)
        pages = empty = offset = repeats = 0
        seen: set[str] = set()
        query: tuple[tuple[str, str], ...] = first
        while True:
            answer = ask(Request(route, query, holds="results", subject=target.handle, walk=walk))
            items = items_of(visit, answer)
            pages += 1
            oldest = _read_items(items, answer, visit)
            envelope = answer.json()
            empty = 0 if items else empty + 1
            keys = {str(item.get("deviationid")) for item in items}
            repeats = repeats + 1 if keys and keys <= seen else 0
            seen |= keys
            following = _following(envelope, offset, len(items))
            if following and repeats >= _REPEATS:
                visit.reject(f"deviantart/{visit.handle}", "the same pages again and again", pages)
                visit.status, visit.complete = "error", False
                return pages
            end = offset + PAGE
            more = end < min(listed or 0, self._cap) and max(empty, repeats) <= _PROBES
            if following is None and more:
                # `has_more` can turn false too early: the profile knows of more places.
                following = ("offset", str(end))
            if following is None:
                visit.complete = True
                visit.truncated = end >= self._cap and (listed is None or listed > self._cap)
                return pages
            if following[0] == "offset":
                offset = int(following[1])
            else:
                offset += len(items)
            if offset >= self._cap:
                visit.truncated, visit.complete = True, False
                return pages
            waiting = len(visit.uploads) + len(visit.stubs) < min(listed or 0, self._cap)
            if empty >= (_MOST_EMPTY_PAGES if waiting else _EMPTY_PAGES):
                visit.reject(
                    f"deviantart/{target.artist_id}", f"{empty} empty pages in a row", envelope
                )
                visit.status, visit.complete = "error", False
                return pages
            if options.since is not None and oldest is not None and oldest < options.since:
                return pages
            rest = tuple(pair for pair in first if pair[0] != "offset")
            query = (*rest, following)

    def _folders(self, target: Target, ask: Ask, visit: Visit) -> None:
        """Look into each folder for works beyond the gallery's cap; the history stays truncated."""
        query = params(username=visit.handle, calculate_size=1, limit=50, offset=0)
        answer = ask(
            Request(f"{API}/gallery/folders", query, holds="results", subject=target.handle)
        )
        for folder in items_of(visit, answer):
            folder_id = text_of(folder.get("folderid"))
            offset: int | None = 0
            while folder_id and offset is not None and offset < self._cap:
                page = params(
                    username=visit.handle, mode="newest", limit=PAGE, mature_content="true"
                )
                answer = ask(
                    Request(
                        f"{API}/gallery/{in_path(folder_id)}",
                        (*page, ("offset", str(offset))),
                        holds="results",
                        subject=target.handle,
                    )
                )
                items = items_of(visit, answer)
                _read_items(items, answer, visit)
                following = _following(answer.json(), offset, len(items))
                offset = offset + len(items) if following and items else None

    def look_up(self, member: Member, ask: Ask) -> Member | None:
        """Return the member: the frame says all."""
        return member

    def frame(self, name: str, ask: Ask, options: FrameOptions) -> Iterator[Member]:
        """Yield artists seen on tag pages and among the daily deviations of random dates."""
        yield from tags_and_daily(ask, options)


def _following(envelope: dict[str, Any], offset: int, n_items: int) -> tuple[str, str] | None:
    """Return the parameter that leads to the next page, or None at the end."""
    more = envelope.get("has_more")
    if more not in (True, "true", "1") and (more is not None or n_items < PAGE):
        return None
    if "next_cursor" in envelope:
        cursor = text_of(envelope["next_cursor"])
        return ("cursor", cursor) if cursor else None
    following = count_of(envelope.get("next_offset"))
    if following is None or following <= offset:  # never stand still
        following = offset + max(n_items, PAGE)
    return "offset", str(following)


def _read_items(items: list[dict[str, Any]], answer: Answer, visit: Visit) -> datetime | None:
    """Read the works of a page; return the oldest date on it."""
    oldest: datetime | None = None
    for item in items:
        upload = read_deviation(item, answer, visit)
        if upload is not None:
            visit.add(upload)
            if author := _strange(item, visit):
                visit.strangers[upload.upload_id] = author
            if upload.published_at is not None:
                oldest = min(oldest or upload.published_at, upload.published_at)
    return oldest


def read_user(user: dict[str, Any], visit: Visit) -> None:
    """Read followers and the date of joining from an expanded user object."""
    if not visit.identified(text_of(user.get("userid"))):
        return
    stats, details = user.get("stats"), user.get("details")
    visit.followers = count_of(stats.get("watchers")) if isinstance(stats, dict) else None
    joined = None
    if isinstance(details, dict):
        joined = utc(details.get("joindate") or details.get("joinDate"))
    visit.known(
        handle=text_of(user.get("username")) or visit.target.handle,
        joined_at=joined,
        joined_basis="account" if joined else None,
    )
    if user.get("type") == "group":
        visit.reject(f"deviantart/{visit.target.artist_id}", "a group, not an artist", "group")
        visit.status = "not_found"


def _strange(item: dict[str, Any], visit: Visit) -> str | None:
    """Return the author whom a work names by key and by name, if it is not this artist."""
    author, artist = item.get("author"), visit.artist
    if artist is None or not isinstance(author, dict):
        return None
    key, name = text_of(author.get("userid")), text_of(author.get("username"))
    ours = {artist.artist_id.lower(), visit.handle.lower(), visit.target.handle.lower()}
    other = key is not None and name is not None and ours.isdisjoint({key.lower(), name.lower()})
    return name if other else None


def read_deviation(item: dict[str, Any], answer: Answer, visit: Visit) -> Upload | None:
    """Read one item of a gallery; None for a stub of a deleted work or one without a key."""
    upload_id = text_of(item.get("deviationid"))
    if upload_id is None:
        visit.reject(answer.request.address, "deviation without deviationid", item.get("url"))
        return None
    if item.get("is_deleted") is True:
        visit.stubs.add(upload_id)
        return None  # as good as no longer listed: there is no date
    written = item.get("published_time")
    return Upload(
        "deviantart",
        upload_id,
        visit.dated(_epoch(written), written, answer, f"deviantart/{upload_id}"),
        kind=_kind(item),
        is_mature=flag_of(item.get("is_mature")),
        instrument="gallery",
    )


def _kind(item: dict[str, Any]) -> str | None:
    for kind, keys in (
        ("video", ("videos",)),
        ("flash", ("flash", "motion_book")),
        ("literature", ("text_content", "excerpt")),
        ("image", ("content", "preview")),
    ):
        if any(item.get(key) for key in keys):
            return kind
    return "locked" if item.get("premium_folder_data") or item.get("tier") else None


def _epoch(value: Any) -> datetime | None:
    """Read Unix seconds, written as a text (2024) or a number (2016)."""
    text = text_of(value)
    try:
        return datetime.fromtimestamp(int(text or ""), UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None
