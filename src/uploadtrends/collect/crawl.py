"""Collect upload histories: politely, resumably, and into the archive before anything else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from uploadtrends.collect.archive import Archive
from uploadtrends.collect.plans import (
    check_plan,
    day_text,
    new_folder,
    new_plan,
    now_text,
    targets_of,
    unfinished,
)
from uploadtrends.collect.polite import Polite
from uploadtrends.collect.replay import options_from
from uploadtrends.collect.session import Session
from uploadtrends.collect.sites import site_named
from uploadtrends.collect.visit import Target, visit
from uploadtrends.collect.wire import Answer, Permit, Request
from uploadtrends.pseudonyms import Ledger, prune

RAW = Path("data/raw")


@dataclass(frozen=True, slots=True)
class CollectProgress:
    """How far a crawl has come; handed to the caller's callback after every artist."""

    done: int
    total: int
    n_requests: int
    n_uploads: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What a crawl did.

    Attributes
    ----------
    folder : Path
        The crawl's archive; `ArchivedCrawl(folder)` is its source for `Store.load`.
    status : str
        complete; incomplete (run again to go on); or blocked (run again another day).
    visits : dict
        Number of artists by status of their sighting.
    n_requests : int
        Requests made in this run, retries included.
    """

    source: str
    folder: Path
    status: str
    n_artists: int
    visits: dict[str, int]
    n_uploads: int
    n_requests: int
    seconds: float
    message: str = ""
    notes: tuple[str, ...] = ()
    """What a reader of the data must know: what the site claims beyond what was seen."""

    def summary(self) -> str:
        """Say in a few lines what was collected."""
        visits = ", ".join(f"{n} {status}" for status, n in sorted(self.visits.items()))
        lines = [
            f"{self.source}: {self.status}; {sum(self.visits.values())} of {self.n_artists} "
            f"artists visited ({visits or 'none'}), {self.n_uploads:,} uploads, "
            f"{self.n_requests:,} requests in {self.seconds:.0f} s -> {self.folder}"
        ]
        return "\n".join([*lines, *filter(None, (self.message, *self.notes))])

    def __str__(self) -> str:
        return self.summary()


def collect(
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
    progress: Callable[[CollectProgress], None] | None = None,
) -> CollectReport:
    """Fetch profiles and complete upload histories of artists into the archive.

    A crawl that was interrupted, at whatever point, is taken up again when this is called with the
    same arguments: nothing that is on disk is asked for a second time. After a complete crawl the
    same call begins a new one, whose sightings tell what is no longer listed.

    Parameters
    ----------
    source : {"artstation", "deviantart", "danbooru"}
        The site.
    session : Session
        Contact, credentials, permission and limits.
    artists : path or iterable, optional
        A sample file of `sample`, a text file with one handle a line, or handles. Default: the
        newest sample of the source.
    since : str or date, optional
        Works before this day are not wanted (a site listed by position is walked whole anyway).
    details, folders
        See `visit.Options`.
    cap : int, optional
        Another end of DeviantArt's galleries than 10,000.
    feed : bool
        DeviantArt: read the public RSS feed of recent works instead of the API.
    crawl : str, optional
        Name of the crawl, to take up a certain one or to name a new one.
    raw : path
        Folder of the archives.
    progress : callable, optional
        Called with a `CollectProgress` after every artist.

    Returns
    -------
    CollectReport
        A block or a spent budget is an outcome, not an error.

    Raises
    ------
    ConfigurationError
        Something that the user must give is missing.
    InputError
        There is no such site, or nobody to visit.
    CollectError
        Another process writes to the same crawl.
    """
    site = site_named(source, credentials=session.credentials, cap=cap, feed=feed)
    session = session.with_permission(source, Path(raw))
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
    gone = Ledger(Path(raw), session.key_file).test(source)
    if gone:
        targets = [one for one in targets if not gone(one.handle) and not gone(one.artist_id)]
    folder = root / crawl if crawl else unfinished(root, settings, targets) or new_folder(root)
    started = time.monotonic()
    polite, permit = session.open(site)
    with (
        polite,
        Archive(
            folder,
            write=True,
            prune=(lambda body: prune(body, gone, site.people)) if gone else None,
        ) as kept,
    ):
        plan = kept.read_plan() or new_plan("histories", source, folder.name, settings, targets)
        check_plan(plan, settings, targets, folder)
        planned = {row["handle"] for row in plan["targets"]}
        plan["targets"] += [asdict(one) for one in targets if one.handle not in planned]
        kept.write_plan(plan)
        message = ""
        visits: Counter[str] = Counter()
        resolved: dict[str, str] = {}
        short: list[str] = []
        n_uploads = n_open = 0
        options = options_from(settings)
        ask = Asking(kept, polite, permit)
        blocked = False
        for target in targets:
            found, stopped = visit(site, target, ask, options)
            if stopped:
                blocked = found.status == "blocked"
                message = ask.ended_by
                break
            visits[found.outcome] += 1
            if found.status == "incomplete":
                short.append(f"{found.handle} ({len(found.uploads)} of {found.claimed})")
            if not target.artist_id and found.artist is not None:
                resolved[target.handle] = found.artist.artist_id
            n_uploads += len(found.uploads)
            n_open += not found.settled
            if progress:
                progress(
                    CollectProgress(
                        sum(visits.values()),
                        len(targets),
                        polite.n_requests,
                        n_uploads,
                        time.monotonic() - started,
                    )
                )
        whole = not message and not n_open
        plan["status"] = "blocked" if blocked else "complete" if whole else "incomplete"
        plan["finished_at"] = now_text()
        for row in plan["targets"]:
            row["artist_id"] = row["artist_id"] or resolved.get(row["handle"], "")
        kept.write_plan(plan)
    if not message and not whole:
        message = f"{n_open} histories could not be read to the end; run again to retry"
    return CollectReport(
        source,
        folder,
        plan["status"],
        len(targets),
        dict(visits),
        n_uploads,
        polite.n_requests,
        time.monotonic() - started,
        message,
        (*_notes(short), *polite.notes),
    )


def _notes(short: list[str]) -> tuple[str, ...]:
    if not short:
        return ()
    shown = ", ".join(short[:5]) + (", ..." if len(short) > 5 else "")
    return (
        f"{len(short)} histories hold fewer works than the site claims and count as incomplete: "
        f"{shown}",
    )


class Asking:
    """Answer from the archive what is there, and ask the site for the rest."""

    def __init__(self, kept: Archive, polite: Polite, permit: Permit | None) -> None:
        self._kept = kept
        self._polite = polite
        self._permit = permit
        self.ended_by = ""

    def __call__(self, request: Request) -> Answer:
        """Return the answer, from wherever it comes."""
        known = self._kept.find(request)
        if known is not None:
            return known
        try:
            return self._polite.fetch(request, permit=self._permit, keep=self._kept.append)
        except Exception as error:
            self.ended_by = str(error)
            raise
