"""The demo server's Danbooru."""

from __future__ import annotations

import bisect
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from uploadtrends.demo.reply import Question, Reply, as_json, as_text, challenge
from uploadtrends.demo.world import Person, Work, World, is_one_in

EASTERN = ZoneInfo("America/New_York")
ROBOTS = "User-agent: *\nDisallow: /\nAllow: /$\nAllow: /wiki_pages\nDisallow: /*.json\n"
_STRANGERS = re.compile(r"mozilla|python-requests|curl|^$", re.I)
_FREE = re.compile(r"^-?(status|rating|limit|id|date|age|filetype|order):")


def answer(question: Question, world: World) -> Reply:
    """Answer as the site would."""
    path, query = question.path, question.query
    if _STRANGERS.search(question.headers.get("user-agent", "")):
        return challenge()
    if path == "/robots.txt":
        return as_text(ROBOTS)
    if "cause_error" in query:
        status = question.number("cause_error", 500)
        return error(status, "StandardError", query.get("message", ""))
    if question.headers.get("authorization", "").endswith("wrong"):
        return error(401, "SessionLoader::AuthenticationFailure", "Invalid API key")
    blank = [name for name, value in query.items() if name.startswith("search[") and not value]
    if blank:
        kept = urlencode({name: value for name, value in query.items() if name not in blank})
        return Reply(302, "text/html", b"", {"Location": f"https://{question.host}{path}?{kept}"})
    if path == "/posts.json":
        return _posts(question, world)
    if path == "/counts/posts.json":
        person = world.by_handle.get(query.get("tags", "").split(" ")[0].lower())
        return as_json({"counts": {"posts": len(world.works[person.number]) if person else None}})
    if path == "/tags.json":
        return _tags(question, world)
    return error(404, "ActiveRecord::RecordNotFound", "That record was not found.")


def error(status: int, name: str, message: str) -> Reply:
    """Reply with an error in the site's shape."""
    return as_json(
        {"success": False, "error": name, "message": message, "backtrace": ["app/..."]}, status
    )


def _page(question: Question, numbers: list[int], largest: int) -> list[int] | Reply:
    """Return the ids of a page; `numbers` ascend, pages descend."""
    size = max(0, min(question.number("limit", 20), largest))
    page = question.query.get("page", "1")
    if match := re.fullmatch(r"b(\d+)", page):
        end = bisect.bisect_left(numbers, int(match[1]))
        return numbers[max(0, end - size) : end][::-1]
    if match := re.fullmatch(r"a(\d+)", page):
        start = bisect.bisect_right(numbers, int(match[1]))
        return numbers[start : start + size][::-1]
    number = int(page) if page.isdigit() else 1
    if number > 1000:
        return error(410, "PaginationExtension::PaginationError", "You cannot go beyond page 1000.")
    return numbers[::-1][(number - 1) * size : number * size]


def _posts(question: Question, world: World) -> Reply:
    words = question.query.get("tags", "").split()
    tags = [word for word in words if not _FREE.match(word)]
    if len(tags) > 2:
        message = "You cannot search for more than 2 tags at a time."
        return error(422, "PostQuery::TagLimitError", message)
    person = world.by_handle.get(tags[0].lower()) if tags else None
    works = world.works[person.number] if person else []
    for word in words:
        if match := re.fullmatch(r"date:(\d{4}-\d{2}-\d{2})\.\.", word):
            first = datetime.fromisoformat(match[1])
            works = [work for work in works if work.published_at >= first]
        elif word == "-status:deleted":
            works = [work for work in works if work.listed]
    size = question.number("limit", 20)
    if person and is_one_in(20, "slow", person.number) and size > 100:
        return error(500, "ActiveRecord::QueryCanceled", "The database timed out.")
    ids = _page(question, sorted(work.number for work in works), 200)
    if isinstance(ids, Reply):
        return ids
    posts = [_post(world.by_work[number], world) for number in ids]
    wanted = question.query.get("only")
    if wanted:
        fields = wanted.split(",")
        posts = [{name: post[name] for name in fields if name in post} for post in posts]
    return as_json(posts)


def _time(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).astimezone(EASTERN).isoformat(timespec="milliseconds")


def _post(work: Work, world: World) -> dict[str, Any]:
    artists = [world.people[work.artist].handle]
    if work.number % 10 == 0:
        artists.append("second_hand")
    marks = ["commentary"] + (["ai-generated"] if work.ai_label else [])
    banned = work.number % 97 == 0
    post = {
        "id": work.number,
        "created_at": _time(work.published_at),
        "uploader_id": 500_000 + work.number % 40,
        "source": "",
        "md5": f"{work.number:032x}",
        "rating": "q" if work.is_mature else "g",
        "file_ext": "mp4" if work.number % 23 == 0 else "jpg",
        "tag_string": " ".join(["1girl", *artists, *marks]),
        "tag_string_artist": " ".join(artists),
        "tag_string_meta": " ".join(marks),
        "is_pending": False,
        "is_flagged": False,
        "is_deleted": not work.listed,
        "is_banned": banned,
        "parent_id": None,
        "pixiv_id": None,
        "updated_at": _time(work.published_at),
        "file_url": "https://cdn.example/o.jpg",
        "media_asset": {"id": 7_000_000 + work.number, "status": "active"},
    }
    if banned:  # keys go away, they do not turn null
        del post["md5"], post["file_url"]
    return post


def _tags(question: Question, world: World) -> Reply:
    least = re.fullmatch(r">=(\d+)", question.query.get("search[post_count]", ">=0"))
    people = [
        person
        for person in world.people.values()
        if len(world.works[person.number]) >= int(least[1] if least else 0)
    ]
    numbers = sorted(person.number for person in people)
    ids = _page(question, numbers, 1000)
    if isinstance(ids, Reply):
        return ids
    return as_json([_tag(world.people[number], world) for number in ids])


def _tag(person: Person, world: World) -> dict[str, Any]:
    return {
        "id": person.number,
        "name": person.handle,
        "post_count": len(world.works[person.number]),
        "category": 1,
        "created_at": _time(person.joined_at),
        "updated_at": _time(person.joined_at),
        "is_deprecated": False,
        "words": [person.handle],
    }
