"""The demo server's DeviantArt: OAuth2 API, feed, and the site's bad moods."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from uploadtrends.demo.reply import Question, Reply, as_html, as_json, as_text
from uploadtrends.demo.world import (
    Person,
    Work,
    World,
    deviation_uuid,
    digest,
    is_one_in,
    user_uuid,
)

PACIFIC = ZoneInfo("America/Los_Angeles")
ROBOTS = "User-agent: *\nDisallow: /api/\nDisallow: /oauth2/\nDisallow: /*/gallery/scraps\n"
CLIENT_ID = "4711"
CLIENT_SECRET = "demo-secret-3f9c1b7d55aa"  # noqa: S105 (opens nothing but the demo)
API = "/api/v1/oauth2"


class DeviantArt:
    """Answers, and remembers which tokens it gave.

    Parameters
    ----------
    cap : int
        Offset at which a gallery ends.
    calls_per_token : int
        Calls after which a token ends early.
    html_for_bad_client : bool
        Whether a wrong client is sent to an HTML page instead of getting a JSON error.
    """

    def __init__(
        self,
        cap: int = 10_000,
        calls_per_token: int = 10_000,
        html_for_bad_client: bool = False,
    ) -> None:
        self.cap = cap
        self.calls_per_token = calls_per_token
        self.html_for_bad_client = html_for_bad_client
        self.tokens: dict[str, int] = {}

    def answer(self, question: Question, world: World) -> Reply:
        """Answer as the site would."""
        path = question.path
        if path == "/robots.txt":
            return as_text(ROBOTS)
        if path == "/oauth2/token":
            return self._token(question)
        if path.startswith(API):
            agent = question.headers.get("user-agent")
            if not agent or "gzip" not in question.headers.get("accept-encoding", ""):
                return as_text("Forbidden", 403)
            token = question.headers.get("authorization", "").removeprefix("Bearer ")
            if self.tokens.get(token, 0) < 1:
                return error(401, "invalid_token", "Expired oAuth2 user token.")
            self.tokens[token] -= 1
            return self._api(path.removeprefix(API), question, world)
        return as_html("<html><head><title>DeviantArt</title></head></html>", 404)

    def _token(self, question: Question) -> Reply:
        given = base64.b64decode(question.headers.get("authorization", "").removeprefix("Basic "))
        form = dict(question.form)
        pair = given.decode() if given else f"{form.get('client_id')}:{form.get('client_secret')}"
        if pair != f"{CLIENT_ID}:{CLIENT_SECRET}":
            if self.html_for_bad_client:
                where = {"Location": "https://www.deviantart.com/error"}
                return Reply(302, "text/html", b"<html></html>", where)
            return error(401, "invalid_client", f"The client {pair} is not known.")
        token = f"demo-token-{digest('token', len(self.tokens)):x}"
        self.tokens[token] = self.calls_per_token
        return as_json(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": 3600,
                "status": "success",
            }
        )

    def _api(self, path: str, question: Question, world: World) -> Reply:
        query = question.query
        expand = query.get("expand", "")
        if path == "/placebo":
            return as_json({"status": "success"})
        if match := re.fullmatch(r"/user/profile/([^/]+)", path):
            person, refused = _person(unquote(match[1]), world)
            return refused or _profile(person, world, expand)  # type: ignore[arg-type]
        if path == "/user/whois":
            names = [value for name, value in question.form if name == "usernames[]"]
            people = [one for name in names if (one := world.by_handle.get(name.lower()))]
            return as_json({"results": [_user(one, expand) for one in people if one.listed]})
        if path == "/gallery/all":
            return self._gallery(question, world)
        if path == "/gallery/folders":
            return self._folders(question, world)
        if match := re.fullmatch(r"/gallery/([0-9A-F-]{36})", path):
            return self._folder(match[1], question, world)
        if path == "/browse/tags":
            return _tagged(question, world)
        if path == "/browse/dailydeviations":
            return _daily(query.get("date", ""), world)
        return error(404, "version_error", "Api endpoint not found.")

    def _gallery(self, question: Question, world: World) -> Reply:
        offset, limit = question.number("offset", 0), question.number("limit", 10)
        if limit > 24:
            details = {"limit": "limit must be at most 24"}
            return error(
                400, "invalid_request", "Request field validation failed.", error_details=details
            )
        person, refused = _person(question.query.get("username", ""), world)
        if refused is not None or person is None:
            return refused or as_json({"has_more": False, "results": []})
        slots = gallery_slots(person, world)
        more = offset + limit < min(len(slots), self.cap)
        if is_one_in(8, "early", person.number) and offset == 24:
            more = False  # says the end too early
        shown = slots[offset : min(offset + limit, self.cap)]
        return as_json(
            {
                "has_more": more,
                "next_offset": offset + limit if more else None,
                "results": [_slot(slot, world) for slot in shown if slot is not None],
            }
        )

    def _folders(self, question: Question, world: World) -> Reply:
        person, refused = _person(question.query.get("username", ""), world)
        if person is None:
            return refused or as_json({"has_more": False, "results": []})
        folders = [
            {"folderid": user_uuid(-person.number * 10 - half), "name": name, "parent": None}
            for half, name in enumerate(("Newer", "Older"))
        ]
        return as_json({"has_more": False, "next_offset": None, "results": folders})

    def _folder(self, folder: str, question: Question, world: World) -> Reply:
        person, refused = _person(question.query.get("username", ""), world)
        if person is None:
            return refused or as_json({"has_more": False, "results": []})
        works = [slot for slot in gallery_slots(person, world) if slot is not None]
        middle = len(works) // 2
        older = folder == user_uuid(-person.number * 10 - 1)
        mine = works[middle:] if older else works[:middle]
        offset, limit = question.number("offset", 0), question.number("limit", 10)
        more = offset + limit < min(len(mine), self.cap)
        return as_json(
            {
                "has_more": more,
                "next_offset": offset + limit if more else None,
                "results": [_slot(work, world) for work in mine[offset : offset + limit]],
            }
        )


def error(status: int, name: str, message: str, **more: Any) -> Reply:
    """Reply with an error in the API's shape."""
    return as_json({"error": name, "error_description": message, "status": "error"} | more, status)


def gallery_slots(person: Person, world: World) -> list[Work | None]:
    """Return a gallery's places, newest first; None is an item hidden after paging.

    Works that went away leave a stub with every third artist.
    """
    if person.number in world.places:
        return world.places[person.number]
    slots: list[Work | None] = []
    for work in reversed(world.works[person.number]):
        if work.listed or leaves_stubs(person):
            slots.append(work)
        if digest("hidden", work.number) % 40 == 0:
            # Now and then a whole page is hidden.
            slots += [None] * (30 if digest("many", work.number) % 4 == 0 else 1)
    world.places[person.number] = slots
    return slots


def leaves_stubs(person: Person) -> bool:
    """Say whether works that this artist takes down leave a stub."""
    return is_one_in(3, "stub", person.number)


def _person(handle: str, world: World) -> tuple[Person | None, Reply | None]:
    person = world.by_handle.get(handle.lower())
    if person is None or person.is_studio:  # groups answer like unknown users
        return None, error(400, "invalid_request", "User not found.")
    if not person.listed:
        words = ("Account is inactive.", "User not found.")[digest("gone", person.number) % 2]
        return None, error(400, "invalid_request", words)
    return person, None


def _user(person: Person, expand: str = "") -> dict[str, Any]:
    user: dict[str, Any] = {
        "userid": user_uuid(person.number),
        "username": person.handle,
        "usericon": "https://a.example/i.png",
        "type": "group" if person.is_studio else "regular",
    }
    if "user.details" in expand:
        joined = person.joined_at.replace(tzinfo=UTC).astimezone(PACIFIC)
        user["details"] = {
            "sex": None,
            "age": None,
            "joindate": joined.strftime("%Y-%m-%dT%H:%M:%S%z"),
        }
    if "user.stats" in expand:
        user["stats"] = {"watchers": person.followers, "friends": 12}
    return user


def _profile(person: Person, world: World, expand: str) -> Reply:
    honoured = (
        "" if is_one_in(5, "unexpanded", person.number) else expand
    )  # not on this route for everyone
    return as_json(
        {
            "user": _user(person, honoured),
            "is_watching": False,
            "profile_url": f"https://www.deviantart.com/{person.handle}",
            "user_is_artist": True,
            "artist_level": None,
            "bio": "",
            "stats": {
                "user_deviations": len(gallery_slots(person, world)),
                "user_favourites": 1,
                "user_comments": 2,
                "profile_pageviews": 3,
                "profile_comments": 4,
            },
        }
    )


def _slot(work: Work, world: World) -> dict[str, Any]:
    if not work.listed:
        return {"deviationid": deviation_uuid(work.number), "is_deleted": True}
    return deviation(work, world.people[work.artist])


def feed(question: Question, world: World) -> Reply:
    """Answer for the host of the feeds: the 180 newest works, 60 a page."""
    if question.path == "/robots.txt":
        return as_text("User-agent: *\nAllow: /\n")
    named = re.fullmatch(r"gallery:(\S+) sort:time", question.query.get("q", ""))
    person = world.by_handle.get(named[1].lower()) if named else None
    if question.path != "/rss.xml" or person is None or not person.listed:
        return as_html("<html><head><title>Not found</title></head></html>", 404)
    start = question.number("offset", 0)
    works = world.listed(person)[::-1][:180][start : start + 60]
    items = "".join(_feed_item(work, person) for work in works)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:media="http://search.yahoo.com/mrss/" '
        f'version="2.0"><channel><title>Gallery</title>{items}</channel></rss>'
    )
    return Reply(200, "application/rss+xml; charset=UTF-8", body.encode())


def _feed_item(work: Work, person: Person) -> str:
    local = work.published_at.replace(tzinfo=UTC).astimezone(PACIFIC)
    address = f"https://www.deviantart.com/{person.handle}/art/Study-{work.number}"
    rating = "adult" if work.is_mature else "nonadult"
    return (
        f"<item><title>Study &amp; sketch</title><link>{address}</link>"
        f'<guid isPermaLink="true">{address}</guid>'
        f"<pubDate>{local:%a, %d %b %Y %H:%M:%S %Z}</pubDate>"
        f"<media:rating>{rating}</media:rating>"
        f'<media:content url="https://images.example/c.jpg" medium="image"/></item>'
    )


def deviation(work: Work, person: Person) -> dict[str, Any]:
    """Return a work as the API shows it."""
    seconds = int(work.published_at.replace(tzinfo=UTC).timestamp())
    item: dict[str, Any] = {
        "deviationid": deviation_uuid(work.number),
        "printid": None,
        "url": f"https://www.deviantart.com/{person.handle}/art/Study-{work.number}",
        "title": f"Study {work.number}",
        "is_favourited": False,
        "is_deleted": False,
        "is_published": True,
        "is_blocked": False,
        "author": _user(person),
        "stats": {"comments": 1, "favourites": 2},
        "published_time": seconds if work.number % 9 == 0 else str(seconds),
        "allows_comments": True,
        "is_mature": work.is_mature,
        "is_downloadable": False,
    }
    if work.number % 19 == 0:
        item["text_content"] = {"excerpt": "Once", "body": {"type": "markup"}}
    elif work.number % 31 == 0:
        item["premium_folder_data"] = {"type": "paid", "has_access": False}
    else:
        item["content"] = {"src": "https://images.example/c.jpg", "height": 9, "width": 9}
    return item


def _tagged(question: Question, world: World) -> Reply:
    tag, limit = question.query.get("tag", ""), question.number("limit", 10)
    if limit > 50:
        return error(400, "invalid_request", "Request field validation failed.")
    start = int(question.query.get("cursor", "0") or 0)
    works = world.tagged(tag)
    shown = works[start : start + limit]
    more = start + limit < len(works)
    return as_json(
        {
            "has_more": more,
            "next_cursor": str(start + limit) if more else "",
            "results": [deviation(work, world.people[work.artist]) for work in shown],
        }
    )


def _daily(day: str, world: World) -> Reply:
    try:
        moment = datetime.fromisoformat(day)
    except ValueError:
        return error(400, "invalid_request", "Request field validation failed.")
    days = [moment.date() + timedelta(days=shift) for shift in (-2, -1, 0)]
    near = [work for one in days for work in world.by_day.get(one, [])]
    near.sort(key=lambda work: digest("daily", day, work.number))
    return as_json({"results": [deviation(work, world.people[work.artist]) for work in near[:12]]})
