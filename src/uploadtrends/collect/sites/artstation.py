"""ArtStation: undocumented JSON routes that the site's terms do not let everyone collect from.

What is odd here: lists stand in portfolio order, not by date, so a history is always walked whole;
`total_count` may over- and understate what is listed, so only a page without a new work ends a
walk; dates carry the US Central offset of their season; unknown users answer 404 with an empty
body, unknown routes 200 with HTML; the list route says nothing about AI. A user's followers and
followees are closed to robots and are not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from uploadtrends.collect.looks import Shown
from uploadtrends.collect.text import in_path
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
    needed,
    params,
    text_of,
    utc,
)
from uploadtrends.collect.wire import Answer, HostRules, Permit, Request
from uploadtrends.pseudonyms import PersonKeys
from uploadtrends.records import Upload

HOST = "www.artstation.com"
BASE = f"https://{HOST}"
PAGE = 50
_MOST_PAGES = 1000
_MOST_WALKS = 3
_KINDS = ("model3d", "marmoset", "pano", "video", "video_clip", "image")

TERMS = (
    "ArtStation's terms of service restrict collecting content from the site, and a page being "
    "readable without a login is not permission. Collect only with permission from ArtStation, or "
    "where the law of your country gives you the right (for example the text and data mining "
    "exceptions for research). If you have it, say so with --i-have-permission; it is recorded."
)

RULES = HostRules(HOST, seconds_between=1.5)


class ArtStation:
    """The ArtStation collector; see the module's docstring for the site's oddities."""

    name = "artstation"
    shown = Shown("ArtStation", "#0072b2", "o", "-")
    terms = TERMS
    rules: tuple[HostRules, ...] = (RULES,)
    frames: Mapping[str, str] = {
        "users-search": (
            "Every artist whom the site's user search lists above the threshold, found by walking "
            "the list sorted by followers; equal chances. Whoever left the site is not in it."
        ),
        "latest-projects": (
            "Authors of the latest projects: the more somebody uploads, the likelier they are in "
            "it, and uploads are the outcome of the study. The design weights (1 / number of "
            "works, mean 1) correct for that in part; inclusion probabilities are unknown."
        ),
    }
    looked_up: tuple[str, ...] = ("latest-projects",)
    people = PersonKeys({"username": ("username", "id")})
    addresses = (
        r"(?:https?://)?(?:www\.)?artstation\.com/(?:artist/)?([\w-]+)(?:[/?#].*)?"
        r"|(?:https?://)?(?!www\.)([\w-]+)\.artstation\.com(?:[/?#].*)?|@([\w-]+)"
    )
    dated_by = "published"

    def permit(self) -> Permit | None:
        """Return None: nothing is signed."""
        return None

    def requests_for(self, target: Target, n_uploads: int) -> int:
        """Return the profile, the pages of a history and the one that brings nothing new."""
        return 2 + -(-n_uploads // PAGE)

    def walk(self, target: Target, ask: Ask, visit: Visit, options: Options) -> None:
        """Visit profile and all pages of the portfolio; see `visit.Site`."""
        name = visit.segment(target.handle)
        if not name:
            return
        profile = ask(Request(f"{BASE}/users/{name}.json", holds="{id}", subject=target.handle))
        if profile.outcome == "refused" and profile.status in (404, 410):
            visit.status = "not_found"
            return
        read_profile(needed(profile), visit)
        if visit.status != "ok":
            return
        if visit.handle.lower() != target.handle.lower():  # renamed: the old name may list nothing
            name = visit.segment(visit.handle) or name
        # A count that changes between pages means that works came or went during the walk, and
        # one may have slipped past a page's edge: walk again, asking anew.
        for walk in range(_MOST_WALKS):
            if self._pages(name, ask, visit, walk):
                break
        visit.leave_out(visit.strangers, "works of another author")
        if options.details:
            self._details(target, ask, visit)

    def _pages(self, name: str, ask: Ask, visit: Visit, walk: int) -> bool:
        """Walk all pages once; False when the list changed meanwhile."""
        seen: set[str] = set()
        totals: set[int | None] = set()
        repeated = False
        for page in range(1, _MOST_PAGES + 1):
            answer = ask(
                Request(
                    f"{BASE}/users/{name}/projects.json",
                    params(page=page, per_page=PAGE),
                    holds="data",
                    subject=visit.target.handle,
                    walk=walk,
                )
            )
            items = items_of(visit, answer)
            total = count_of(answer.json().get("total_count"))
            totals.add(total)
            known = len(seen)
            for item in items:
                upload = read_project(item, answer, visit)
                if upload is None:
                    continue
                repeated = repeated or upload.upload_id in seen
                seen.add(upload.upload_id)
                visit.add(upload)
                owner = text_of(item.get("user_id"))
                if owner and visit.artist and owner != visit.artist.artist_id:
                    visit.strangers[upload.upload_id] = owner
            if len(seen) == known:
                visit.complete = True
                visit.claimed = max(visit.claimed or 0, *(one or 0 for one in totals), 0)
                break
        return not repeated and len(totals) <= 1

    def _details(self, target: Target, ask: Ask, visit: Visit) -> None:
        for upload_id, (upload, n_artists) in list(visit.uploads.items()):
            page = f"{BASE}/projects/{in_path(upload_id)}.json"
            answer = ask(Request(page, holds="tags", subject=target.handle))
            tags = answer.json()["tags"] if answer.outcome == "ok" else None
            if tags is None:
                visit.reject(f"artstation/{upload_id}", f"no tags: {answer.outcome}", answer.detail)
                continue
            if made_with_ai(tags):
                visit.uploads[upload_id] = (labelled(upload), n_artists)

    def frame(self, name: str, ask: Ask, options: FrameOptions) -> Iterator[Member]:
        """Yield artists of the frame `users-search` or `latest-projects`."""
        if name == "users-search":
            yield from self._searched(ask, options)
        else:
            yield from self._latest(ask, options)

    def _searched(self, ask: Ask, options: FrameOptions) -> Iterator[Member]:
        """Everyone from the top of the followers list down to the threshold."""
        seen = total = 0
        for page in range(1, options.pages + 1):
            query = params(query="", page=page, per_page=PAGE, sorting="followers", pro_first=0)
            answer = ask(Request(f"{BASE}/api/v2/search/users.json", query, holds="data"))
            listed = needed(answer)
            seen += len(listed["data"])
            total = max(total, count_of(listed.get("total_count")) or 0)
            members = [_member(card, "users-search") for card in listed["data"]]
            known = [one.followers for one in members if one and one.followers is not None]
            yield from (one for one in members if one and (one.followers or 0) > options.followers)
            # The order is not exact, and a number may be missing: one small one ends nothing.
            if known and max(known) <= options.followers:
                return
            if not listed["data"]:
                break
        if seen < total:
            options.told.append(
                f"The list ended after {seen:,} of {total:,} artists, above the threshold: whoever "
                "comes later in it cannot be drawn."
            )

    def _latest(self, ask: Ask, options: FrameOptions) -> Iterator[Member]:
        """Authors of the latest projects, whose chance of being seen grows with their rate."""
        for page in range(1, options.pages + 1):
            query = params(page=page, per_page=PAGE, sorting="latest")
            answer = ask(Request(f"{BASE}/projects.json", query, holds="data"))
            projects = needed(answer)["data"]
            if not projects:
                return
            for project in projects:
                card = project.get("user") if isinstance(project, dict) else None
                member = _member(card, "latest-projects")
                if member is not None:
                    yield member

    def look_up(self, member: Member, ask: Ask) -> Member | None:
        """Return a member with followers and number of works, from the profile."""
        answer = ask(
            Request(
                f"{BASE}/users/{in_path(member.handle)}.json", holds="{}", subject=member.handle
            )
        )
        user = answer.json() if answer.outcome == "ok" else {}
        if not user or _is_organisation(user):
            return None
        return Member(
            member.artist_id,
            member.handle,
            count_of(user.get("followers_count")),
            member.routes,
            member.hits,
            count_of(user.get("projects_count")),
        )


def _member(card: Any, route: str) -> Member | None:
    if not isinstance(card, dict) or _is_organisation(card):
        return None
    artist_id, handle = text_of(card.get("id")), text_of(card.get("username"))
    if artist_id is None or handle is None:
        return None
    return Member(artist_id, handle, count_of(card.get("followers_count")), (route,))


def _is_organisation(user: dict[str, Any]) -> bool:
    return bool(user.get("is_studio_account") or user.get("is_school_account"))


def read_profile(user: dict[str, Any], visit: Visit) -> None:
    """Read followers and the stand-in for the joining date from any of the user routes."""
    where = f"artstation/{visit.target.artist_id}"
    if not visit.identified(text_of(user.get("id"))):
        return
    visit.followers = count_of(user.get("followers_count"))
    if visit.followers is None:
        visit.reject(where, "profile without a readable followers_count", user.get("id"))
    visit.claimed = count_of(user.get("projects_count"))
    albums = user.get("albums_with_community_projects")
    created = [
        moment
        for album in (albums if isinstance(albums, list) else [])
        if isinstance(album, dict) and album.get("album_type") == "all_projects"
        if (moment := utc(album.get("created_at"))) is not None
    ]
    visit.known(
        handle=text_of(user.get("username")) or visit.target.handle,
        joined_at=min(created, default=None),
        # No route gives the date of joining; the album that the site makes by itself is near it.
        joined_basis="album_created" if created else None,
    )


def read_project(item: dict[str, Any], answer: Answer, visit: Visit) -> Upload | None:
    """Read one item of a project list; None (and a reject) when it has no key."""
    upload_id = text_of(item.get("hash_id"))
    where = f"artstation/{upload_id or item.get('id')}"
    if upload_id is None:
        visit.reject(f"{answer.request.address}", "project without hash_id", item.get("id"))
        return None
    written = item.get("published_at") or item.get("created_at")
    icons = item.get("icons")
    shown = [kind for kind in _KINDS if isinstance(icons, dict) and icons.get(kind) is True]
    return Upload(
        "artstation",
        upload_id,
        visit.dated(utc(written), written, answer, where),
        kind=shown[0].replace("video_clip", "video") if shown else None,
        media_count=count_of(item.get("assets_count")),
        is_mature=flag_of(item.get("adult_content"), item.get("admin_adult_content")),
        instrument="projects",
    )


def made_with_ai(tags: list[Any]) -> bool:
    """Say whether the tags of a work, texts or objects with a name, mark it as made with AI."""
    names = [tag.get("name") if isinstance(tag, dict) else tag for tag in tags]
    return any(str(name).lower() == "createdwithai" for name in names)


def labelled(upload: Upload) -> Upload:
    """Return the work marked as made with AI, which only its own tags can say."""
    from dataclasses import replace

    return replace(upload, ai_label=True, ai_basis="tag CreatedWithAI")


SITE = ArtStation
