"""The demo server's ArtStation."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from uploadtrends.demo.reply import Question, Reply, as_html, as_json, as_text
from uploadtrends.demo.world import Person, Work, World, digest, is_one_in, project_hash, shuffled

CENTRAL = ZoneInfo("America/Chicago")
ROBOTS = (
    "User-agent: *\nDisallow: /*/likes\nDisallow: /*/following\nDisallow: /*/followers\n"
    "Disallow: /users/*/likes.json\nDisallow: /users/*/following.json\n"
    "Disallow: /users/*/followers.json\nSitemap: https://www.artstation.com/sitemap.xml\n"
)
SHELL = "<!DOCTYPE html><html><head><title>ArtStation - Explore</title></head><body></body></html>"


def answer(question: Question, world: World) -> Reply:
    """Answer as the site would."""
    path = question.path
    if path == "/robots.txt":
        return as_text(ROBOTS)
    if match := re.fullmatch(r"/users/([^/]+)/(quick|projects)\.json", path):
        person = world.by_handle.get(match[1].lower())
        if person is None or not person.listed:
            return as_text("", 404)
        if match[2] == "quick":
            return as_json(_user(person, world))
        return _projects(person, world, question)
    if match := re.fullmatch(r"/users/([^/]+)\.json", path):
        person = world.by_handle.get(match[1].lower())
        if person is None or not person.listed:
            return as_text("", 404)
        return as_json(_user(person, world))
    if match := re.fullmatch(r"/projects/([0-9A-Za-z]+)\.json", path):
        return _detail(match[1], world)
    if path == "/projects.json":
        return _latest(world, question)
    if path == "/api/v2/search/users.json":
        return _search(world, question)
    return as_html(SHELL)  # the site answers every unknown route like this


def _time(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).astimezone(CENTRAL).isoformat(timespec="milliseconds")


def _projects(person: Person, world: World, question: Question) -> Reply:
    page, size = question.number("page", 1), question.number("per_page", 20)
    if page < 1:
        return as_json({"data": "page should be a positive integer"}, 400)
    if not 3 <= size <= 75:
        return as_json({"message": "per_page should be >= 3", "code": "per_page"}, 400)
    works = shuffled(world.listed(person), person.handle)
    shown = works[(page - 1) * size : page * size]
    overstated = 2 if is_one_in(11, "overstated", person.number) else 0
    return as_json(
        {"data": [_item(work) for work in shown], "total_count": len(works) + overstated}
    )


def _item(work: Work) -> dict[str, Any]:
    drafted = work.published_at - timedelta(minutes=digest("draft", work.number) % 9000)
    key = project_hash(work.number)
    return {
        "id": 10_000_000 + work.number,
        "user_id": 1_000_000 + work.artist,
        "title": f"Study &amp; sketch {work.number}",
        "description": "",
        "created_at": _time(drafted),
        "updated_at": _time(work.published_at + timedelta(hours=5)),
        "published_at": _time(work.published_at),
        "likes_count": digest("likes", work.number) % 500,
        "slug": f"study-{work.number}",
        "adult_content": work.is_mature,
        "admin_adult_content": False,
        "hide_as_adult": False,
        "cover_asset_id": 70_000_000 + work.number,
        "tag_list": None,
        "hash_id": key,
        "permalink": f"https://www.artstation.com/artwork/{key}",
        "cover": {"id": 70_000_000 + work.number, "thumb_url": "https://cdn.example/t.jpg"},
        "icons": {
            "image": True,
            "video": False,
            "video_clip": work.number % 17 == 0,
            "model3d": work.number % 13 == 0,
            "marmoset": False,
            "pano": False,
        },
        "assets_count": work.media_count,
    }


def _detail(key: str, world: World) -> Reply:
    for work in world.by_date:
        if project_hash(work.number) == key:
            tags = ["study"] + (["CreatedWithAI"] if work.ai_label else [])
            return as_json(_item(work) | {"tags": tags, "views_count": 10, "assets": []})
    return as_text("", 404)


def _user(person: Person, world: World) -> dict[str, Any]:
    n_listed = len(world.listed(person))
    return {
        "id": 1_000_000 + person.number,
        "username": person.handle,
        "full_name": f"Artist {person.number}",
        "headline": "",
        "permalink": f"https://www.artstation.com/{person.handle}",
        "followers_count": person.followers,
        "followees_count": 12,
        "projects_count": n_listed + (2 if is_one_in(7, "odd", person.number) else 0),
        "is_studio_account": person.is_studio,
        "is_school_account": False,
        "is_staff": False,
        "memorialized": None,
        "albums_with_community_projects": [
            {
                "id": 500_000 + person.number,
                "title": "All",
                "user_id": 1_000_000 + person.number,
                "created_at": _time(person.joined_at),
                "album_type": "all_projects",
                "community_projects_count": n_listed,
            }
        ],
    }


def _card(person: Person) -> dict[str, Any]:
    return {
        "id": 1_000_000 + person.number,
        "username": person.handle,
        "full_name": f"Artist {person.number}",
        "followers_count": person.followers,
        "is_studio_account": person.is_studio,
        "is_school_account": False,
        "skills": [],
        "sample_projects": [],
    }


def _latest(world: World, question: Question) -> Reply:
    page, size = question.number("page", 1), question.number("per_page", 20)
    if not 1 <= size <= 50:
        return as_text("", 400)
    works = world.by_date[(page - 1) * size : page * size]
    cards = [_item(work) | {"user": _card(world.people[work.artist])} for work in works]
    return as_json({"data": cards, "total_count": len(world.by_date)})


def _search(world: World, question: Question) -> Reply:
    for name in ("page", "per_page"):
        if name not in question.query:
            return as_json({"data": f"{name} should be given"}, 400)
    page, size = question.number("page", 1), question.number("per_page", 15)
    if page < 1:
        return as_json({"data": "page should be a positive integer"}, 400)
    if not 3 <= size <= 75:
        word = ">= 3" if size < 3 else "<= 75"
        return as_json({"message": f"per_page should be {word}", "code": "per_page"}, 400)
    people = sorted(
        (person for person in world.people.values() if person.listed),
        key=lambda person: (-person.followers, person.number),
    )
    shown = people[(page - 1) * size : page * size]
    return as_json({"data": [_card(person) for person in shown], "total_count": len(people)})
