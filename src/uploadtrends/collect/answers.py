"""Answers of ArtStation and DeviantArt that a user saved: JSON, feeds and pages, in files.

Read by the collectors' own readers, so that a work has the key and the instrument that a crawl
would have given it. What is particular to files: lists lie in any order, a page may be there twice
or not at all (ArtStation's `total_count` tells), lists of ArtStation name the artist by number
only, DeviantArt's website numbers works otherwise than its API (they get an "n" before the number,
as those of its feed and its pages do), and its lists of other people's works belong to those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.collect.html import author_in, read_feed
from uploadtrends.collect.saved import SUFFIXES, opened, page_records, saved_files
from uploadtrends.collect.sites.artstation import (
    labelled,
    made_with_ai,
    read_profile,
    read_project,
)
from uploadtrends.collect.sites.deviantart.site import read_deviation
from uploadtrends.collect.visit import Target, Visit, count_of, flag_of, text_of, utc
from uploadtrends.collect.wire import Answer, Request, read_json
from uploadtrends.records import Record, Reject, Sighting, Upload
from uploadtrends.sources.protocol import Progress
from uploadtrends.sources.staging import stage_records

if TYPE_CHECKING:
    import duckdb

_SUFFIXES = (*SUFFIXES, ".json", ".jsonl", ".xml", ".rss")
_NOBODY = Target("", "")


class SavedAnswers:
    """Saved answers of ArtStation or DeviantArt: JSON of API and website, RSS, and HTML pages.

    Parameters
    ----------
    paths : path or iterable of path
        Files, or folders that are searched for them.
    artist : str, optional
        Whose works these are, where the answers do not say.

    Raises
    ------
    InputError
        When there is nothing to read.

    Notes
    -----
    A file that is no answer of these sites is a reject. An artist of ArtStation whose lists say how
    many works there are gets a visit, complete where all of them are in the files.

    Examples
    --------
    >>> import json, tempfile
    >>> from uploadtrends.store import build_store, open_store
    >>> folder = Path(tempfile.mkdtemp())
    >>> work = {"id": 1, "hash_id": "aa", "user_id": 77, "published_at": "2021-07-02T00:00:00Z"}
    >>> _ = (folder / "page1.json").write_text(json.dumps({"data": [work], "total_count": 1}))
    >>> _ = build_store(folder / "mine.duckdb", [SavedAnswers(folder)])
    >>> with open_store(folder / "mine.duckdb") as store:
    ...     store.sql("SELECT platform, upload_id FROM upload").fetchall()
    [('artstation', 'aa')]
    """

    name = "answers"
    credits_complete = False

    def __init__(
        self, paths: str | Path | Iterable[str | Path], *, artist: str | None = None
    ) -> None:
        self._files = saved_files(paths, _SUFFIXES, "answers")
        self._artist = artist

    def parameters(self) -> dict[str, Any]:
        """Return the artist given."""
        return {"artist": self._artist}

    def inputs(self) -> list[Path]:
        """Return the files."""
        return list(self._files)

    def records(self) -> Iterator[Record]:
        """Yield what the answers tell."""
        found = _Found(self._artist)
        for path in self._files:
            body = opened(path)
            if isinstance(body, Reject):
                yield body
                continue
            start = body.removeprefix(b"\xef\xbb\xbf").lstrip()
            if start[:1] in (b"{", b"["):
                found.take_json(path, body)
            elif b"<rss" in start[:2000]:
                found.take_feed(path, body)
            else:
                yield from page_records(path, body, self._artist)
        yield from found.records()

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables from the answers."""
        stage_records(con, self.records(), progress=progress)


class _Found:
    """Visits by artist, filled file by file."""

    def __init__(self, artist: str | None) -> None:
        self._artist = artist
        self._visits: dict[tuple[str, str], Visit] = {}
        self._orphans = {name: Visit(name, _NOBODY) for name in ("artstation", "deviantart")}
        self._strangers: list[Reject] = []

    def records(self) -> Iterator[Record]:
        """Yield artists, works and rejects; a visit where a list said how many works there are."""
        for visit in self._visits.values():
            if visit.claimed is not None:
                visit.complete = True
                visit.weigh()
            for record in visit.records():
                if not isinstance(record, Sighting) or visit.claimed is not None:
                    yield record
        for orphan in self._orphans.values():
            for upload, _ in orphan.uploads.values():
                yield upload
            yield from orphan.rejects
        yield from self._strangers

    def take_json(self, path: Path, body: bytes) -> None:
        """Read a file of JSON: an answer, a list of answers, or one a line."""
        answer = _answer(path, body)
        try:
            payloads = [read_json(body)]
        except ValueError:
            payloads = []
            for number, line in enumerate(body.splitlines(), 1):
                if not line.strip():
                    continue
                try:
                    payloads.append(read_json(line))
                except ValueError as error:
                    where, why = f"{path} line {number}", str(error)[:200]
                    if not payloads:  # not one answer a line: one, and that is cut off
                        self._strangers.append(Reject(where, "not JSON, or cut off", why))
                        break
                    self._strangers.append(Reject(where, "not JSON", why))
        for payload in payloads:
            if not self._take(payload, answer):
                shown = str(payload)[:200]
                self._strangers.append(Reject(str(path), "not an answer of a known site", shown))

    def take_feed(self, path: Path, body: bytes) -> None:
        """Read a feed of DeviantArt."""
        answer = _answer(path, body)
        try:
            items = read_feed(body)
        except ValueError as error:
            self._strangers.append(Reject(str(path), "not a feed", str(error)[:200]))
            return
        for item in items:
            number = re.search(r"(\d+)/?$", item.guid)
            visit = self._visit("deviantart", None, author_in(item.guid) or item.author)
            if number is None:
                visit.reject(str(path), "feed item without a number", item.guid)
                continue
            where = f"deviantart/n{number[1]}"
            visit.add(
                Upload(
                    "deviantart",
                    f"n{number[1]}",
                    visit.dated(item.published_at, item.title, answer, where),
                    kind=item.medium,
                    is_mature=item.is_mature,
                    instrument="rss",
                )
            )

    def _take(self, payload: Any, answer: Answer) -> bool:
        """Read one answer; False where it is none of a known site."""
        if isinstance(payload, list):
            taken = [self._take(one, answer) for one in payload]
            return bool(taken) and all(taken)
        if not isinstance(payload, dict):
            return False
        if isinstance(items := payload.get("data"), list) and "total_count" in payload:
            owners = [self._project(item, answer) for item in items]
            first = owners[0] if owners else None
            if first is not None and all(one is first for one in owners):
                claimed = count_of(payload.get("total_count"))
                first.claimed = max(first.claimed or 0, claimed or 0)
            return True
        if "hash_id" in payload:
            return self._project(payload, answer) is not None
        if "projects_count" in payload and "username" in payload:
            visit = self._visit("artstation", text_of(payload.get("id")), payload.get("username"))
            claimed = visit.claimed
            read_profile(payload, visit)
            visit.claimed = claimed  # a profile alone is no list
            return True
        if isinstance(items := payload.get("results"), list):
            taken = [self._deviation(item, answer) for item in items]
            return all(taken)
        return self._deviation(payload, answer)

    def _project(self, item: Any, answer: Answer) -> Visit | None:
        if not isinstance(item, dict) or ("hash_id" not in item and "user_id" not in item):
            self._orphans["artstation"].reject(answer.request.address, "not a project", item)
            return None
        user = _object(item, "user")
        number = text_of(item.get("user_id")) or text_of(user.get("id"))
        visit = self._visit("artstation", number, user.get("username") or self._artist)
        upload = read_project(item, answer, visit)
        if upload is not None:
            tags = item.get("tags")
            if isinstance(tags, list) and made_with_ai(tags):
                upload = labelled(upload)
                visit.uploads.pop(upload.upload_id, None)  # the list did not say
            visit.add(upload)
        return visit

    def _deviation(self, item: Any, answer: Answer) -> bool:
        if not isinstance(item, dict):
            return False
        item = _object(item, "deviation") or item
        author = _object(item, "author")
        handle = author.get("username") or self._artist
        if "deviationid" in item:
            visit = self._visit("deviantart", text_of(author.get("userid")), handle)
            upload = read_deviation(item, answer, visit)
            if upload is not None:
                visit.add(upload)
            return True
        number = text_of(item.get("deviationId"))
        if number is None:
            return False
        visit = self._visit("deviantart", None, handle)
        written = item.get("publishedTime")
        where = f"deviantart/n{number}"
        visit.add(
            Upload(
                "deviantart",
                f"n{number}",
                visit.dated(utc(written), written, answer, where),
                kind="journal" if item.get("isJournal") is True else None,
                is_mature=flag_of(item.get("isMature")),
                instrument="saved page",
            )
        )
        return True

    def _visit(self, platform: str, number: str | None, handle: Any) -> Visit:
        name = text_of(handle) or ""
        if not number and not name:
            return self._orphans[platform]
        key = (platform, number or name.lower())
        if key not in self._visits:
            self._visits[key] = Visit(platform, Target(key[1], name or key[1]))
        visit = self._visits[key]
        if name and visit.handle != name:
            visit.known(handle=name)
        return visit


def _object(value: dict[str, Any], key: str) -> dict[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _answer(path: Path, body: bytes) -> Answer:
    saved = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    return Answer(Request(path.name), "ok", None, body, saved)
