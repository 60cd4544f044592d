"""Pages that a user saved from the browser, as a source for `Store.load`."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.collect.html import read_saved_page
from uploadtrends.errors import InputError
from uploadtrends.records import Artist, Credit, Record, Reject, Upload
from uploadtrends.sources.protocol import Progress
from uploadtrends.sources.staging import stage_records

if TYPE_CHECKING:
    import duckdb

SUFFIXES = (".html", ".htm", ".xhtml")


class SavedPages:
    """Saved HTML pages of ArtStation or DeviantArt.

    Works are known by what their address tells (ArtStation's hash id, DeviantArt's number with "n"
    before it) and carry the instrument "saved page", so that they are never added to what a crawl
    counted. A page that cannot be read is a reject.

    Parameters
    ----------
    paths : path or iterable of path
        Files, or folders that are searched for them.
    artist : str, optional
        Whose works these are, where the pages do not say.

    Raises
    ------
    InputError
        When there is nothing to read.
    """

    name = "html"
    credits_complete = False

    def __init__(
        self, paths: str | Path | Iterable[str | Path], *, artist: str | None = None
    ) -> None:
        self._files = saved_files(paths, SUFFIXES, "pages")
        self._artist = artist

    def parameters(self) -> dict[str, Any]:
        """Return the artist given."""
        return {"artist": self._artist}

    def inputs(self) -> list[Path]:
        """Return the pages."""
        return list(self._files)

    def records(self) -> Iterator[Record]:
        """Yield the works on the pages."""
        for path in self._files:
            body = opened(path)
            if isinstance(body, Reject):
                yield body
            else:
                yield from page_records(path, body, self._artist)

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables from the pages."""
        stage_records(con, self.records(), progress=progress)


def saved_files(
    paths: str | Path | Iterable[str | Path], suffixes: tuple[str, ...], what: str
) -> list[Path]:
    """Return the files named, and those with one of the suffixes in the folders named.

    Raises
    ------
    InputError
        When there are none; `what` they would have been.
    """
    files: list[Path] = []
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    for path in map(Path, given):
        inside = sorted(
            one
            for one in path.rglob("*")
            if Path(one.name.lower().removesuffix(".gz")).suffix in suffixes
        )
        files += inside if path.is_dir() else [path]
    if not files:
        raise InputError(f"no saved {what}", value=[str(path) for path in given])
    return files


def opened(path: Path) -> bytes | Reject:
    """Return what a file holds, unpacked, or why it cannot be read."""
    try:
        body = path.read_bytes()
        return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    except (OSError, EOFError, zlib.error) as error:
        return Reject(str(path), "cannot be read", str(error)[:200])


def page_records(path: Path, body: bytes, artist: str | None) -> Iterator[Record]:
    """Yield the works on a saved page; `artist` is whose they are where it does not say."""
    try:
        works = read_saved_page(body)
    except ValueError as error:
        yield Reject(str(path), "not a page of a known site", str(error)[:200])
        return
    if not works:
        yield Reject(str(path), "no works on this page", "")
    for work in works:
        key = f"n{work.upload_id}" if work.platform == "deviantart" else work.upload_id
        handle = work.handle or artist
        yield Upload(
            work.platform,
            key,
            work.published_at,
            date_precision="day" if work.day_only else "second",
            instrument="saved page",
        )
        if handle:
            # Both sites read a name in any case; an address may have it in either.
            artist_id = handle.lower()
            yield Artist(work.platform, artist_id, handle)
            yield Credit(work.platform, key, artist_id)
