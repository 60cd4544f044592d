"""From the archive to records, without a network: what loads and rebuilds the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.collect.archive import Archive, read_plan
from uploadtrends.collect.sites import site_named, site_names
from uploadtrends.collect.visit import Ask, Options, Target, visit
from uploadtrends.collect.wire import Answer, Request, StoppedError
from uploadtrends.errors import BlockedError, InputError
from uploadtrends.pseudonyms import Ledger
from uploadtrends.records import Record, Reject, Sighting
from uploadtrends.sources.protocol import Progress
from uploadtrends.sources.staging import stage_records

if TYPE_CHECKING:
    import duckdb


def replayed(archive: Archive) -> Ask:
    """Return what answers questions from the archive alone, as the network answered them."""

    def ask(request: Request) -> Answer:
        answer = archive.last(request)
        if answer is None:
            raise StoppedError(f"{request.address} is not in the archive", "missing")
        if answer.outcome == "blocked":
            raise BlockedError(answer.detail)
        if answer.outcome == "throttled":
            raise StoppedError(answer.detail, answer.outcome)
        return answer

    return ask


class ArchivedCrawl:
    """One crawl's archive as a source for `Store.load`.

    Parameters
    ----------
    folder : path
        ``data/raw/<source>/<crawl>``.
    key_file : path, optional
        Key of the keyed hashes of those to be forgotten.

    Attributes
    ----------
    started_at, finished_at : datetime or None
        When the crawl ran (UTC).
    status : str
        complete, incomplete or blocked.
    """

    credits_complete = False

    def __init__(self, folder: str | Path, *, key_file: str | Path | None = None) -> None:
        self.folder = Path(folder)
        self.key_file = key_file
        self._archive = Archive(self.folder)
        self._plan = self._archive.read_plan()
        if not self._plan:
            raise InputError("a crawl without its plan, crawl.json", file=self.folder)
        self.name = str(self._plan["source"])
        started, latest = _moment(self._plan.get("started_at")), self._archive.latest
        # A clock that ran ahead dated the plan, but not the answers: they tell the server's time.
        self.started_at = min(started, latest) if started and latest else started
        self.finished_at = _moment(self._plan.get("finished_at"))
        self.status = str(self._plan.get("status", "incomplete"))
        self._forgotten = Ledger(self.folder.parents[1], key_file).test(self.name)

    @property
    def damage(self) -> tuple[str, ...]:
        """Places of the archive that cannot be read."""
        return tuple(self._archive.damage)

    def parameters(self) -> dict[str, Any]:
        """Return the plan of the crawl without the artists."""
        return {name: value for name, value in self._plan.items() if name != "targets"}

    def inputs(self) -> list[Path]:
        """Return the archive's segments."""
        return self._archive.segments()

    def targets(self) -> list[Target]:
        """Return the artists to visit, without those to be forgotten."""
        known = {one.name for one in fields(Target)}
        targets = [
            Target(**{name: value for name, value in one.items() if name in known})
            for one in self._plan.get("targets", [])
        ]
        gone = self._forgotten
        if gone is None:
            return targets
        return [one for one in targets if not gone(one.handle) and not gone(one.artist_id)]

    def records(self) -> Iterator[Record]:
        """Yield what every archived visit found."""
        settings = self._plan.get("settings", {})
        site = site_named(self.name, cap=settings.get("cap"), feed=bool(settings.get("feed")))
        options = options_from(settings)
        ask = replayed(self._archive)
        n_answers = 0

        def counted(request: Request) -> Answer:
            nonlocal n_answers
            answer = ask(request)
            n_answers += 1
            return answer

        for what in self._archive.damage:
            yield Reject(f"{self.folder.name}/{what}", "archive line lost", what)
        seen: set[str] = set()
        for target in self.targets():
            before = n_answers
            found, stopped = visit(site, target, counted, options)
            lost = stopped and n_answers == before and self.status == "complete"
            if lost:
                found.reject(f"{self.folder.name}/{target.handle}", "lost from the archive", "")
            if lost or n_answers > before or (stopped and found.status in ("blocked", "throttled")):
                yield from _once(found.records(), seen)

    def stage(self, con: duckdb.DuckDBPyConnection, progress: Progress | None) -> None:
        """Fill the stage tables from the archive."""
        stage_records(con, self.records(), progress=progress)


def _once(records: Iterator[Record], seen: set[str]) -> Iterator[Record]:
    """Leave out the second visit to one artist, whom a list may name by an old and a new name."""
    for record in records:
        if isinstance(record, Sighting):
            if record.artist_id in seen:
                continue
            seen.add(record.artist_id)
        yield record


def archived_crawls(
    raw: str | Path, source: str | None = None, *, key_file: str | Path | None = None
) -> list[ArchivedCrawl]:
    """Return all crawls of histories under `raw`, in the order in which they were begun."""
    folders = sorted(
        path.parent
        for name in ([source] if source else site_names())
        for path in Path(raw).glob(f"{name}/*/crawl.json")
    )
    crawls = [
        ArchivedCrawl(folder, key_file=key_file)
        for folder in folders
        if read_plan(folder / "crawl.json").get("kind") == "histories"
    ]
    return sorted(crawls, key=lambda crawl: (crawl.started_at or datetime.min, crawl.folder.name))


def options_from(settings: dict[str, Any]) -> Options:
    """Return the options of a walk from a crawl's settings."""
    return Options(
        since=_moment(settings.get("since")),
        details=bool(settings.get("details")),
        folders=bool(settings.get("folders")),
    )


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text.removesuffix("Z")) if isinstance(text, str) else None
