"""What is HTML or RSS: challenge and block pages, and DeviantArt's feed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from uploadtrends.collect.text import clean

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

_CHALLENGE_MARKS = (b"_cf_chl_opt", b"jschl-answer", b'name="captcha-bypass"', b"cf-turnstile")
_BLOCK_TITLES = ("just a moment", "attention required", "access denied", "are you a robot")


def _soup(body: bytes, kind: str = "lxml") -> BeautifulSoup:
    from bs4 import BeautifulSoup

    return BeautifulSoup(body, kind)


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """Say which challenge or block page an answer is; None when it is neither.

    Parameters
    ----------
    status : int
        HTTP status. A challenge counts with any status, also 200.
    headers : mapping
        With lower-case names.
    body : bytes
        The decompressed body.
    """
    if "challenge" in headers.get("cf-mitigated", ""):
        return "Cloudflare challenge (header Cf-Mitigated)"
    kind = headers.get("content-type", "").lower()
    if "json" in kind or ("xml" in kind and "html" not in kind):
        return None
    head = body[:200_000]
    for mark in _CHALLENGE_MARKS:
        if mark in head:
            return f"challenge page ({mark.decode()})"
    title = ""
    if b"<title" in head.lower():
        found = _soup(head).title
        title = " ".join(found.get_text().split()) if found else ""
    if any(known in title.lower() for known in _BLOCK_TITLES):
        return f"challenge page (title '{title[:80]}')"
    if status != 200 and "request could not be satisfied" in title.lower():
        return "CloudFront block (request could not be satisfied)"
    if status == 403:
        return f"403 without a JSON body ({title[:80] or kind or 'no content type'})"
    return None


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One work in a DeviantArt RSS feed; `guid` ends in the numeric id of the work."""

    guid: str
    title: str
    published_at: datetime | None
    is_mature: bool | None
    medium: str | None
    author: str | None


def read_feed(body: bytes) -> list[FeedItem]:
    """Read a DeviantArt RSS feed (Media RSS): recent works with their dates.

    Raises
    ------
    ValueError
        When the body is not an RSS document.
    """
    soup = _soup(body, "xml")
    if soup.find("rss") is None:
        raise ValueError("not an RSS document")
    if b"</rss>" not in body.replace(b"\0", b""):  # the parser closes what was cut off
        raise ValueError("an RSS document that is cut off")
    return [
        FeedItem(
            guid=_text(item.find("guid")) or _text(item.find("link")) or "",
            title=_text(item.find("title")) or "",
            published_at=_rfc822(_text(item.find("pubDate"))),
            is_mature={"adult": True, "nonadult": False}.get(
                _text(item.find("media:rating")) or ""
            ),
            medium=_attribute(item.find("media:content"), "medium"),
            author=_text(item.find("media:credit", attrs={"role": "author"}))
            or _text(item.find("media:credit")),
        )
        for item in soup.find_all("item")
    ]


@dataclass(frozen=True, slots=True)
class SavedWork:
    """One work on a page that a user saved from the browser; `handle` is "" where not told."""

    platform: str
    upload_id: str
    handle: str
    published_at: datetime | None
    day_only: bool = False


def read_saved_page(body: bytes) -> list[SavedWork]:
    """Read the works on a page saved by hand from ArtStation or DeviantArt.

    A page of a single work carries its date in a `time` element, a `meta` element or a JSON-LD
    block; works that are only linked to (a gallery page) come without one.

    Raises
    ------
    ValueError
        When the page is from neither site.
    """
    soup = _soup(body)
    canonical = _attribute(soup.find("link", rel="canonical"), "href") or _meta(soup, "og:url")
    if not re.search(r"//([a-z0-9-]+\.)*(artstation|deviantart)\.com(/|$)", canonical or ""):
        raise ValueError("no canonical address on artstation.com or deviantart.com in this page")
    found: dict[tuple[str, str], SavedWork] = {}
    shown = _work_address(canonical or "")
    if shown:
        described = _described(soup)
        stamp = (
            described.get("datePublished")
            or described.get("uploadDate")
            or _meta(soup, "article:published_time")
            or _attribute(soup.find("time", datetime=True), "datetime")
        )
        author = described.get("author")
        named = author.get("name") if isinstance(author, dict) else None
        platform, number, handle = shown
        moment, day_only = _iso(stamp)
        found[platform, number] = SavedWork(
            platform, number, handle or clean(str(named or "")), moment, day_only
        )
    for link in soup.find_all("a", href=True):
        work = _work_address(str(link["href"]))
        if work and work[:2] not in found:
            found[work[:2]] = SavedWork(
                *work, *_iso(_attribute(link.find("time", datetime=True), "datetime"))
            )
    return list(found.values())


def _described(soup: BeautifulSoup) -> dict[str, Any]:
    """Return what the page's JSON-LD says about the work."""
    for block in soup.find_all("script", type="application/ld+json"):
        try:
            data = json.loads(block.get_text())
        except (ValueError, RecursionError):
            continue
        if isinstance(data, dict):
            return data
    return {}


def author_in(url: str) -> str | None:
    """Return whose work a DeviantArt address shows, in its present or its old form."""
    match = re.search(
        r"//(?:(?!www\.)([\w-]+)\.deviantart|(?:www\.)?deviantart)\.com/([^/?#]+)", url
    )
    return clean(unquote(match[1] or match[2])) if match else None


def _work_address(url: str) -> tuple[str, str, str] | None:
    match = re.search(r"artstation\.com/artwork/([A-Za-z0-9]+)", url)
    if match:
        return "artstation", match[1], ""
    match = re.search(r"deviantart\.com/(?:[^/?#]+/)?art/[^?#]*?-?(\d+)(?:[?#]|$)", url)
    return ("deviantart", match[1], author_in(url) or "") if match else None


def _meta(soup: BeautifulSoup, name: str) -> str | None:
    for key in ("property", "name", "itemprop"):
        value = _attribute(soup.find("meta", attrs={key: name}), "content")
        if value:
            return value
    return None


def _attribute(tag: object, name: str) -> str | None:
    value = tag.get(name) if tag is not None and hasattr(tag, "get") else None
    return str(value) if value else None


def _text(tag: object) -> str | None:
    return tag.get_text().strip() if tag is not None and hasattr(tag, "get_text") else None


def _rfc822(text: str | None) -> datetime | None:
    if not text:
        return None
    # DeviantArt writes the zone by name (PDT), which the standard library reads for US zones.
    try:
        return _naive(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return None


def _iso(text: Any) -> tuple[datetime | None, bool]:
    """Return a time in UTC, and whether it was only a day; a time without a zone is none."""
    if not isinstance(text, str):
        return None, False
    try:
        moment = datetime.fromisoformat(text)
        return (moment, True) if len(text) == 10 else (_naive(moment), False)
    except (ValueError, OverflowError):
        return None, False


def _naive(moment: datetime) -> datetime | None:
    return None if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
