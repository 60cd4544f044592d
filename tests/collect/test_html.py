"""Challenge pages, feeds, and pages that a user saved."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from uploadtrends.collect.html import read_feed, read_saved_page, refusal
from uploadtrends.collect.saved import SavedPages
from uploadtrends.errors import InputError
from uploadtrends.store import open_store

HTML = {"content-type": "text/html; charset=UTF-8"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (403, {"cf-mitigated": "challenge"}, b"", "Cf-Mitigated"),
        (200, {"cf-mitigated": "challenge", "content-type": "application/json"}, b"{}", "Cf-"),
        (403, HTML, b"<script>window._cf_chl_opt={}</script>", "_cf_chl_opt"),
        (503, HTML, b"<input name='jschl-answer'>", "jschl-answer"),
        (200, HTML, b"<title>\n Just a  moment...</title>", "Just a moment"),
        (200, HTML, b"<TITLE>Attention Required! | Cloudflare</TITLE>", "Attention"),
        (403, HTML, b"<TITLE>ERROR: The request could not be satisfied</TITLE>", "CloudFront"),
        (403, {"content-type": "text/plain"}, b"Forbidden", "403"),
        (403, {}, b"", "403"),
    ],
)
def test_refusals_are_recognised(
    status: int, headers: dict[str, str], body: bytes, words: str
) -> None:
    assert words in (refusal(status, headers, body) or "")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, HTML, b"<html><title>ArtStation - Explore</title></html>"),
        (502, HTML, b"<html>We are under maintenance</html>"),
        (404, {"content-type": "text/plain"}, b""),
        (403, {"content-type": "application/json"}, b'{"error": "insufficient_scope"}'),
        (200, {"content-type": "application/json"}, b'{"title": "Just a moment... _cf_chl_opt"}'),
        (200, HTML, b"<html><body>The title was: just a moment</body></html>"),
    ],
)
def test_ordinary_pages_are_not(status: int, headers: dict[str, str], body: bytes) -> None:
    assert refusal(status, headers, body) is None


FEED = """<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:media="http://search.yahoo.com/mrss/" version="2.0"><channel><title>x</title>
<item><title>Harbour &amp; study</title>
 <guid isPermaLink="true">https://www.deviantart.com/mira/art/Harbour-987654321</guid>
 <pubDate>Tue, 05 Mar 2024 05:59:58 PST</pubDate><media:rating>nonadult</media:rating>
 <media:credit role="author">mira</media:credit>
 <media:content url="https://i.example/c.jpg" medium="image"/></item>
<item><title>No date</title><link>https://www.deviantart.com/mira/art/X-2</link></item>
<item><pubDate>not a date</pubDate><guid>https://www.deviantart.com/mira/art/X-3</guid>
 <media:rating>adult</media:rating></item>
</channel></rss>"""


def test_a_feed_is_read() -> None:
    first, second, third = read_feed(FEED.encode())
    assert first.guid.endswith("987654321")
    assert first.title == "Harbour & study"
    assert first.published_at == datetime(2024, 3, 5, 13, 59, 58)
    assert (first.is_mature, first.medium, first.author) == (False, "image", "mira")
    assert (second.published_at, second.is_mature, second.medium) == (None, None, None)
    assert second.guid.endswith("X-2")
    assert (third.published_at, third.is_mature) == (None, True)


@pytest.mark.parametrize("body", [b"", b"<html><body>no feed</body></html>", b"{}", b"\xff\xfe"])
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="RSS"):
        read_feed(body)


WORK = """<html><head><link rel="canonical" href="{address}">
<script type="application/ld+json">{{"@type": "ImageObject", "datePublished": "{date}",
 "author": {{"name": "Mira Okafor"}}}}</script></head><body>
 <a href="https://www.artstation.com/artwork/zz11">other</a></body></html>"""
GALLERY = """<html><head><meta property="og:url" content="https://www.deviantart.com/mira/gallery">
</head><body><a href="https://www.deviantart.com/mira/art/One-11">
<time datetime="2021-05-01T10:00:00-07:00">May</time></a>
<a href="https://www.deviantart.com/mira/art/Two-12">two</a>
<a href="https://www.deviantart.com/mira/art/Two-12">again</a>
<a href="https://example.org/mira/art/Three-13">elsewhere</a></body></html>"""


def test_saved_pages_are_read() -> None:
    page = WORK.format(address="https://www.artstation.com/artwork/Ab12", date="2020-02-03")
    first, second = read_saved_page(page.encode())
    assert (first.platform, first.upload_id, first.handle) == ("artstation", "Ab12", "Mira Okafor")
    assert (first.published_at, first.day_only) == (datetime(2020, 2, 3), True)
    assert (second.upload_id, second.published_at) == ("zz11", None)
    works = read_saved_page(GALLERY.encode())
    assert [(work.upload_id, work.handle) for work in works] == [("11", "mira"), ("12", "mira")]
    assert works[0].published_at == datetime(2021, 5, 1, 17)
    assert works[1].published_at is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b'<link rel="canonical" href="https://artstation.com.evil.example/artwork/x">',
        b'<link rel="canonical" href="https://www.notartstation.com/artwork/x">',
    ],
)
def test_pages_from_elsewhere_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="canonical address"):
        read_saved_page(body)


def test_saved_pages_are_a_source(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "gallery.html").write_text(GALLERY)
    (pages / "else.htm").write_text("<html></html>")
    (pages / "notes.txt").write_text("not a page")
    with open_store(tmp_path / "s.duckdb", read_only=False) as store:
        report = store.load(SavedPages([pages]), max_rejects=0.9)
        assert report.n_rejected == 1
        rows = store.sql(
            "SELECT u.upload_id, published_at, instrument, artist_id FROM upload u "
            "JOIN credit c USING (platform, upload_id) ORDER BY 1"
        ).fetchall()
        assert rows == [
            ("n11", datetime(2021, 5, 1, 17), "saved page", "mira"),
            ("n12", None, "saved page", "mira"),
        ]
        assert store.load(SavedPages([pages]), max_rejects=0.9).status == "unchanged"
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no saved pages"):
        SavedPages([tmp_path / "empty"])
