"""What a site answers, written by hand: profiles, lists, galleries and posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uploadtrends.collect.crawl import CollectReport
from uploadtrends.demo.reply import Question, Reply, as_json

Answers = list[tuple[str, Any]]
PROFILE = r"users/[^/]+\.json"
LIST = r"projects\.json"
USER, GALLERY = "user/profile/", "gallery/all"


Crawl = Callable[..., CollectReport]


def project(i: int, **more: Any) -> dict[str, Any]:
    return {"hash_id": f"h{i}", "published_at": f"2022-05-{1 + i % 28:02d}T10:00:00-05:00"} | more


def profile(claimed: Any, name: str = "al", number: Any = 77) -> Reply:
    return as_json(
        {"id": number, "username": name, "followers_count": 9, "projects_count": claimed}
    )


def listing(works: list[Any], total: Any = None) -> Callable[[Question, int], Reply]:
    def reply(question: Question, _: int) -> Reply:
        start = 50 * (question.number("page", 1) - 1)
        return as_json({"data": works[start : start + 50], "total_count": total})

    return reply


def deviation(i: Any, author: str = "al", when: int = 1_650_000_000) -> dict[str, Any]:
    who = {"userid": author.upper(), "username": author}
    return {"deviationid": f"D{i}", "published_time": str(when), "author": who}


def user(claimed: Any, name: str = "al") -> Reply:
    who = {"userid": name.upper(), "username": name, "stats": {"watchers": 1}}
    return as_json({"user": who, "stats": {"user_deviations": claimed}})


def gallery(works: list[Any], more: Any = (True, False), **fixed: Any) -> Any:
    """Play a gallery; `more` is how the site says that there is more, and that there is not."""

    def reply(question: Question, _: int) -> Reply:
        start = question.number("offset", 0)
        page = {"results": works[start : start + 24], "next_offset": start + 24}
        said = more[start + 24 >= len(works)]
        return as_json(page | ({} if said is None else {"has_more": said}) | fixed)

    return reply


def posts(n: int, **changed: Callable[[int], Any]) -> Any:
    def reply(question: Question, _: int) -> Reply:
        below = int(question.query.get("page", "b999999")[1:])
        found = [
            {"id": i, "created_at": "2022-05-01T10:00:00-04:00", "tag_string_artist": "al"}
            | {name: change(i) for name, change in changed.items()}
            for i in range(min(n, below - 1), max(0, min(n, below - 1) - 200), -1)
        ]
        return as_json(found)

    return reply


def circle(question: Question, _: int) -> Reply:
    """Play two pages whose cursors lead to each other."""
    second = question.query.get("cursor") == "b"
    works = [deviation(i + 24 * second) for i in range(24)]
    return as_json({"has_more": True, "next_cursor": "a" if second else "b", "results": works})


def two_people(bo: Reply | None = None) -> Answers:
    def who(question: Question, _: int) -> Reply:
        name = question.path.rpartition("/")[2].removesuffix(".json")
        return bo if bo and name == "bo" else profile(60, name, ord(name[0]))

    def works(question: Question, k: int) -> Reply:
        first = 1000 * ord(question.path.split("/")[2][0])
        return listing([project(first + i) for i in range(60)])(question, k)

    return [(PROFILE, who), (LIST, works)]
