"""Danbooru: a documented API over works that others reposted.

What is odd here: a date says when somebody posted the work to Danbooru, not when its artist
published it; pages are walked by id (``page=b<id>``), the list ends with an empty page and never
with a short one; more than two tags, a page beyond 1000 or a slow query is refused; keys are
missing, not null, on banned works; nothing says how many posts there are, so an empty page after a
full one is asked for again; artists are tags, with no followers and no date of joining; a
renamed tag is an alias, and a search for it finds the posts under the new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from uploadtrends.collect.credentials import Secret, basic, credentials
from uploadtrends.collect.looks import Shown
from uploadtrends.collect.text import clean
from uploadtrends.collect.visit import (
    Ask,
    FrameOptions,
    Member,
    Options,
    Target,
    Visit,
    count_of,
    flag_of,
    items_of,
    params,
    text_of,
    utc,
)
from uploadtrends.collect.wire import (
    Answer,
    Door,
    HostRules,
    Outcome,
    Permit,
    Request,
    RobotsException,
    StoppedError,
)
from uploadtrends.pseudonyms import PersonKeys
from uploadtrends.records import Upload

HOST = "danbooru.donmai.us"
BASE = f"https://{HOST}"
PAGE = 200
_SMALLEST_PAGE = 20
_MOST_PAGES = 5000
FIELDS = "id,created_at,file_ext,is_deleted,is_banned,tag_string_artist,tag_string_meta"
# What the site reads as an instruction: exclusions, patterns, searches by something else.
_SEARCH_WORD = re.compile(
    r"^$|^[-~]|\*|^(user|approver|fav|ordfav|pool|order|source|status|rating|limit|id|date|age|"
    r"filesize|filetype|parent|child|md5|width|height|duration|mpixels|ratio|score|upvote|"
    r"downvotes|favcount|embedded|tagcount|pixiv_id|pixiv):"
)
_NOT_PERSONS = frozenset({"banned_artist", "artist_request", "official_art"})


def judge(status: int, payload: Any) -> Outcome | None:
    """Tell a query that took too long from a server that fails: only the second may pass."""
    slow = isinstance(payload, dict) and payload.get("error") == "ActiveRecord::QueryCanceled"
    return "refused" if status == 500 and slow else None


RULES = HostRules(
    HOST,
    seconds_between=1.0,
    read_timeout=60.0,
    throttle_backoff=60.0,
    judge=judge,
    robots_exceptions=(
        RobotsException(
            r"^/(posts|tags|artists|counts/posts)\.json(\?|$)",
            "the documented JSON API (wiki page help:api); the robots file speaks to crawlers",
            "https://danbooru.donmai.us/wiki_pages/help:api",
        ),
    ),
)


class _Login:
    """HTTP Basic with a user name and an API key."""

    def __init__(self, login: Secret, api_key: Secret) -> None:
        self._login = login
        self._key = api_key

    def __repr__(self) -> str:
        return "Login(...)"

    def prepare(self, door: Door) -> None:
        pass

    def renew(self, door: Door) -> bool:
        return False

    def secrets(self) -> tuple[str, ...]:
        return (self._key.reveal(), basic(self._login, self._key))

    def __call__(self, request: Any) -> Any:
        from requests.auth import HTTPBasicAuth

        return HTTPBasicAuth(self._login.reveal(), self._key.reveal())(request)


class Danbooru:
    """The Danbooru collector; see the module's docstring for the site's oddities.

    Parameters
    ----------
    credentials_file : path, optional
        TOML file of mode 600 with a table `danbooru`: `login`, `api_key`. Default: the variables
        UPLOADTRENDS_DANBOORU_LOGIN and UPLOADTRENDS_DANBOORU_API_KEY. Reading needs neither.
    """

    name = "danbooru"
    shown = Shown("Danbooru", "#009e73", "^", "-")
    terms = ""
    rules: tuple[HostRules, ...] = (RULES,)
    frames: Mapping[str, str] = {
        "artist-tags": (
            "Every artist tag with at least so many posts; equal chances. The threshold counts "
            "posts by others, not followers, and banned artists are missing."
        ),
    }
    looked_up: tuple[str, ...] = ()
    people = PersonKeys({"post_count": ("name",)}, tags=("tag_string_artist", "tag_string"))
    addresses = r"https?://danbooru\.donmai\.us/posts\?(?:.*&)?tags=([^&\s]+)(?:&.*)?"
    dated_by = "arrived"

    def __init__(self, credentials_file: str | Path | None = None) -> None:
        self._file = credentials_file

    def permit(self) -> Permit | None:
        """Return the login, or None: reading needs none."""
        pair = credentials("danbooru", ("login", "api_key"), self._file)
        return _Login(*pair) if pair else None

    def requests_for(self, target: Target, n_uploads: int) -> int:
        """Return the pages of a history and the empty one that ends it."""
        return -(-n_uploads // PAGE) + 1

    def walk(self, target: Target, ask: Ask, visit: Visit, options: Options) -> None:
        """Walk the artist's posts by descending id; see `visit.Site`."""
        name = target.handle.strip().lower().replace(" ", "_")
        if _SEARCH_WORD.search(name):
            visit.reject(f"danbooru/{name}", "a search, not the name of an artist", name)
            visit.status = "not_found"
            return
        named: dict[str, tuple[str, ...]] = {}
        try:
            self._pages(name, ask, visit, options, named)
        finally:  # what was found before a walk broke off is credited, too
            credit(name, visit, named)
        if target.frame == "artist-tags":
            visit.claimed = target.followers

    def _pages(
        self,
        name: str,
        ask: Ask,
        visit: Visit,
        options: Options,
        named: dict[str, tuple[str, ...]],
    ) -> None:
        """Read all pages, and note in `named` whom every post names."""
        tags = f"{name} status:any"
        if options.since is not None:
            tags += f" date:{options.since:%Y-%m-%d}.."
        lowest: int | None = None
        size, full = PAGE, False
        for _ in range(_MOST_PAGES):
            query = params(tags=tags, limit=size, only=FIELDS)
            if lowest is not None:
                query += (("page", f"b{lowest}"),)
            question = Request(f"{BASE}/posts.json", query, holds="[]", subject=visit.target.handle)
            answer = ask(question)
            if answer.status == 500 and answer.outcome == "refused" and size > _SMALLEST_PAGE:
                size = max(_SMALLEST_PAGE, size // 3)  # a smaller page is a quicker query
                continue
            items = items_of(visit, answer)
            if not items and full and (again := _asked_again(ask, question)) is not None:
                answer, items = again, items_of(visit, again)
            full = len(items) >= size
            ids = [number for item in items if (number := count_of(item.get("id"))) is not None]
            for item in items:
                upload = read_post(item, answer, visit)
                if upload is not None:
                    named[upload.upload_id] = artist_tags(item)
            if not ids:
                visit.complete = options.since is None and not items
                return
            below = min(ids)
            if lowest is not None and below >= lowest:
                visit.reject(answer.request.address, "the page does not go below the last", below)
                visit.status = "error"
                return
            lowest = below

    def look_up(self, member: Member, ask: Ask) -> Member | None:
        """Return the member: the frame says all."""
        return member

    def frame(self, name: str, ask: Ask, options: FrameOptions) -> Iterator[Member]:
        """Yield all artist tags with at least `options.followers` posts."""
        lowest: int | None = None
        for _ in range(options.pages):
            query: tuple[tuple[str, str], ...] = (
                ("search[category]", "1"),
                ("search[post_count]", f">={options.followers}"),
                ("limit", "1000"),
            )
            if lowest is not None:
                query += (("page", f"b{lowest}"),)
            holder = Visit(self.name, Target("", ""))
            tags = items_of(holder, ask(Request(f"{BASE}/tags.json", query, holds="[]")))
            ids = [number for tag in tags if (number := count_of(tag.get("id"))) is not None]
            for tag in tags:
                name_of = text_of(tag.get("name"))
                if name_of and tag.get("category") == 1 and name_of not in _NOT_PERSONS:
                    yield Member(name_of, name_of, count_of(tag.get("post_count")), ("tags",))
            if not ids or (lowest is not None and min(ids) >= lowest):
                return
            lowest = min(ids)
        options.told.append(f"The list was read up to page {options.pages} (--pages); it goes on.")


def _asked_again(ask: Ask, question: Request) -> Answer | None:
    """Ask once more for a page that is empty although the last was full; archives may lack it."""
    try:
        return ask(replace(question, walk=1))
    except StoppedError as error:
        if error.outcome != "missing":
            raise
        return None


def artist_tags(item: dict[str, Any]) -> tuple[str, ...]:
    """Return the artists whom a post names; pseudo-artists are none."""
    words = str(item.get("tag_string_artist") or "").lower().split()
    return tuple(dict.fromkeys(clean(word) for word in words if word not in _NOT_PERSONS))


def credit(name: str, visit: Visit, named: dict[str, tuple[str, ...]]) -> None:
    """Keep the posts that name the artist asked for, or the one whom that name is an alias of.

    An alias is told by the posts: none of them bears the name that was searched, and all of them
    bear one other.
    """
    tagged = [artists for artists in named.values() if artists]
    if tagged and not any(name in artists for artists in tagged):
        common = set.intersection(*map(set, tagged))
        if len(common) == 1:
            name = common.pop()
        else:
            visit.status = "error"
            visit.reject(f"danbooru/{name}", "the posts found name other artists", tagged[0])
    visit.known(artist_id=name, handle=name)
    strangers = [key for key, artists in named.items() if name not in artists]
    visit.leave_out(strangers, "posts that do not name this artist")


def read_post(item: dict[str, Any], answer: Answer, visit: Visit) -> Upload | None:
    """Read one post; None (and a reject) when it has no id.

    Notes
    -----
    Artists and AI marks are whole words of the tag strings. That a post lacks an AI mark says
    nothing: the rules for such works changed, so the label is then unknown.
    """
    upload_id = text_of(item.get("id"))
    if upload_id is None:
        visit.reject(answer.request.address, "post without id", item.get("created_at"))
        return None
    written = item.get("created_at")
    arrived = visit.dated(utc(written), written, answer, f"danbooru/{upload_id}")
    marks = set(str(item.get("tag_string_meta") or "").split())
    made = next((mark for mark in ("ai-generated", "ai-assisted") if mark in marks), None)
    upload = Upload(
        "danbooru",
        upload_id,
        arrived,
        date_basis="arrival",
        arrived_at=arrived,
        kind=_kind(item.get("file_ext")),
        media_count=1,
        ai_label=True if made else None,
        ai_basis=f"tag {made}" if made else None,
        status="banned"
        if flag_of(item.get("is_banned"))
        else "deleted"
        if flag_of(item.get("is_deleted"))
        else "listed",
        instrument="posts",
    )
    visit.add(upload, n_artists=max(1, len(artist_tags(item))))
    return upload


def _kind(extension: Any) -> str | None:
    if extension in ("mp4", "webm", "zip"):
        return "video"
    return "image" if isinstance(extension, str) and extension else None


SITE = Danbooru
