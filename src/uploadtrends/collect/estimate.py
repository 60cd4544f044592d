"""What a crawl would ask, without asking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from uploadtrends.collect.archive import Archive
from uploadtrends.collect.crawl import RAW
from uploadtrends.collect.plans import day_text, targets_of, unfinished
from uploadtrends.collect.replay import options_from, replayed
from uploadtrends.collect.session import Session
from uploadtrends.collect.sites import site_named
from uploadtrends.collect.visit import Site, Target, visit

TYPICAL_UPLOADS = 100


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a crawl would ask, and how long that takes at the site's pace."""

    source: str
    n_artists: int
    n_requests: int
    seconds: float
    seconds_between: float
    assumption: str

    def summary(self) -> str:
        """Say it in a sentence."""
        hours, rest = divmod(round(self.seconds), 3600)
        return (
            f"{self.source}: about {self.n_requests:,} requests for {self.n_artists} artists, "
            f"one in {self.seconds_between:g} s: {hours} h {rest // 60} min. {self.assumption}"
        )

    def __str__(self) -> str:
        return self.summary()


def dry_run(
    source: str,
    *,
    session: Session,
    artists: str | Path | Iterable[Target | str] | None = None,
    since: str | date | None = None,
    details: bool = False,
    folders: bool = False,
    cap: int | None = None,
    feed: bool = False,
    crawl: str | None = None,
    raw: str | Path = RAW,
) -> DryRun:
    """Estimate the requests that `collect` would make with the same arguments; ask nobody.

    Histories whose length an earlier crawl found count with that length, others with 100 works;
    what an unfinished crawl has already is not counted.
    """
    site = site_named(source, credentials=session.credentials, cap=cap, feed=feed)
    if site.terms:  # an estimate asks nobody, so it needs no permission
        session = replace(session, i_have_permission=True)
    root = Path(raw) / source
    targets = targets_of(root, source, artists)
    settings = {
        "since": day_text(since),
        "details": details,
        "folders": folders,
        "cap": cap,
        "feed": feed,
        **session.recorded(source),
    }
    pending = root / crawl if crawl else unfinished(root, settings, targets)
    lengths: dict[str, int] = {}
    done: set[str] = set()
    for folder in sorted(path.parent for path in root.glob("*/crawl.json")):
        for handle, length, whole in _lengths(folder, site):
            lengths[handle] = length
            if folder == pending and whole:
                done.add(handle)
    n_requests = 0
    for target in targets:
        if target.handle not in done:
            works = lengths.get(target.handle, TYPICAL_UPLOADS)
            n_requests += site.requests_for(target, works) + (works if details else 0)
    pace = max(rule.seconds_between for rule in session.rules_for(site))
    guessed = sum(target.handle not in lengths for target in targets)
    assumption = f"{guessed} histories of unknown length are taken to have {TYPICAL_UPLOADS} works."
    return DryRun(source, len(targets), n_requests, n_requests * pace, pace, assumption)


def _lengths(folder: Path, site: Site) -> Iterator[tuple[str, int, bool]]:
    """Yield handle, number of works and whether the visit is finished, from an archive."""
    archive = Archive(folder)
    plan = archive.read_plan()
    ask, options = replayed(archive), options_from(plan.get("settings", {}))
    for row in plan.get("targets", []):
        target = Target(**row)
        found, stopped = visit(site, target, ask, options)
        if found.uploads or not stopped:
            yield target.handle, len(found.uploads), found.settled
