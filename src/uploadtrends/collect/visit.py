"""One visit to one artist: the walk through a history, and the records that come of it.

A walk asks questions and reads answers; it does not know whether they come from the network or
from the archive. So the same code collects, resumes after a crash (answers on disk are not asked
for again) and rebuilds the store without a network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from uploadtrends.collect.looks import Shown
from uploadtrends.collect.text import clean, in_path
from uploadtrends.collect.wire import Answer, HostRules, Permit, Request, StoppedError
from uploadtrends.errors import BlockedError, CollectError
from uploadtrends.pseudonyms import PersonKeys
from uploadtrends.records import Artist, Credit, Record, Reject, Sighting, SightingStatus, Upload
from uploadtrends.sources.staging import EXCERPT_LENGTH

Ask = Callable[[Request], Answer]

EARLIEST = datetime(1995, 1, 1)
_LARGEST_COUNT = 2**31 - 1
_TOLERATED = 0.05  # of the claimed works; hidden ones are counted by some sites
_TOLERATED_WORKS = 2
_FROM_OUTCOME: dict[str, SightingStatus] = {"throttled": "throttled", "blocked": "blocked"}


@dataclass(frozen=True, slots=True)
class Target:
    """An artist to visit, with the draw that chose them; `artist_id` is "" where not known yet."""

    artist_id: str
    handle: str
    frame: str | None = None
    draw: int | None = None
    inclusion_probability: float | None = None
    design_weight: float | None = None
    followers: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What a walk may do beside the plain history.

    Parameters
    ----------
    since : datetime, optional
        Works before this moment are not wanted. Saves requests where the list is newest first.
    details : bool
        Ask for every work's own page too, for its tags (ArtStation).
    folders : bool
        Walk folder by folder where a history is cut off by the site's cap (DeviantArt).
    """

    since: datetime | None = None
    details: bool = False
    folders: bool = False


class Site(Protocol):
    """One platform: its hosts, and how an artist's history is walked."""

    name: str
    shown: Shown
    """Title, colour and marker."""
    terms: str
    """What the user must vouch for before anything is collected; "" where nothing is needed."""
    rules: tuple[HostRules, ...]
    """Hosts and pace."""
    frames: Mapping[str, str]
    """Sampling frames, the default first, each with its caveat."""
    looked_up: tuple[str, ...]
    """Frames whose members need `look_up`."""
    people: PersonKeys
    """How an answer names a person: what `forget` takes out."""
    addresses: str
    """Regular expression of the ways to write an artist as an address; its group is the handle."""
    dated_by: Literal["published", "arrived"]
    """What the date of a work says: when its artist published it, or when somebody posted it."""

    def permit(self) -> Permit | None:
        """Return what signs the requests, or None."""
        ...

    def walk(self, target: Target, ask: Ask, visit: Visit, options: Options) -> None:
        """Walk the history of `target` and tell `visit` what is found."""
        ...

    def frame(self, name: str, ask: Ask, options: FrameOptions) -> Iterator[Member]:
        """Yield the members of a sampling frame."""
        ...

    def look_up(self, member: Member, ask: Ask) -> Member | None:
        """Return a member with what only the profile says; None when it is no single artist.

        Called for members of frames whose listing does not tell followers.
        """
        ...

    def requests_for(self, target: Target, n_uploads: int) -> int:
        """Return the number of requests that a history of `n_uploads` works takes."""
        ...


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """What a sampling frame is built from.

    Parameters
    ----------
    followers : int
        Least number of followers (on Danbooru: of posts).
    seed : int
        Chooses dates where a frame visits random ones.
    pages : int
        Most pages of one listing.
    told : list of str
        Filled by the site: what a reader of the sample must know.
    """

    followers: int = 2000
    seed: int = 0
    pages: int = 200
    told: list[str] = field(default_factory=list, compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    """An artist in a frame, seen `hits` times on the routes named in `routes`."""

    artist_id: str
    handle: str
    followers: int | None
    routes: tuple[str, ...] = ()
    hits: int = 1
    rate: float | None = None
    """Works by which the route weights the artist; None where every artist weighs the same."""


class WalkEndedError(CollectError):
    """A page of a history could not be had; what came before it is kept."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.request.address}: {answer.outcome} ({answer.detail})")
        self.answer = answer


@dataclass
class Visit:
    """What a visit has found so far."""

    platform: str
    target: Target
    artist: Artist | None = None
    status: SightingStatus = "ok"
    followers: int | None = None
    complete: bool = False
    truncated: bool = False
    settled: bool = True
    """False when trying again may tell more."""
    claimed: int | None = None
    """Works that the profile or the list says there are."""
    stubs: set[str] = field(default_factory=set)
    """Places in the list that hold no readable work of this artist."""
    strangers: dict[str, str] = field(default_factory=dict)
    """Works in the list that name another author, by author."""
    uploads: dict[str, tuple[Upload, int]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)

    def add(self, upload: Upload, *, n_artists: int = 1) -> bool:
        """Note a work; False when it was seen before (lists shift while they are walked)."""
        new = upload.upload_id not in self.uploads
        if new:
            self.uploads[upload.upload_id] = (upload, n_artists)
        return new

    def reject(self, position: str, reason: str, excerpt: Any) -> None:
        """Note something that could not be read, once."""
        shown = clean(repr(excerpt)[:EXCERPT_LENGTH])
        reject = Reject(clean(position), clean(reason), shown)
        if reject not in self.rejects:
            self.rejects.append(reject)

    def identified(self, artist_id: str | None) -> bool:
        """Note the site's key of the artist; False when the handle is somebody else's by now."""
        expected = self.target.artist_id
        if artist_id is None:
            if not expected:
                self.reject(f"{self.platform}/{self.target.handle}", "a profile without an id", "")
                self.status = "error"
            return bool(expected)
        if expected and artist_id != expected:
            self.reject(
                f"{self.platform}/{expected}", "the handle belongs to another account now", ""
            )
            self.status = "not_found"
            return False
        self.known(artist_id=artist_id)
        return True

    def known(self, **what: Any) -> None:
        """Note what the profile says about the artist; an impossible date of joining is unknown."""
        joined = what.get("joined_at")
        if joined is not None and not EARLIEST <= joined <= datetime.now() + timedelta(days=1):
            what |= {"joined_at": None, "joined_basis": None}
        self.artist = replace(self._artist(), **what)

    @property
    def handle(self) -> str:
        """The name under which the site knows the artist now; maybe not the one asked for."""
        return (self.artist.handle if self.artist else None) or self.target.handle

    def segment(self, name: str) -> str:
        """Return a name as part of an address; "" (and a reject) where no address can carry it."""
        written = in_path(name)
        if not written:
            self.reject(f"{self.platform}/{name}", "a name that no address can carry", name)
            self.status = "not_found"
        return written

    def weigh(self) -> None:
        """Call a history complete only if it holds about as many works as the site claims."""
        missing = (self.claimed or 0) - len(self.uploads) - len(self.stubs)
        if self.complete and missing > max(_TOLERATED_WORKS, _TOLERATED * (self.claimed or 0)):
            self.complete, self.status = False, "incomplete"

    def leave_out(self, upload_ids: Iterable[str], reason: str) -> None:
        """Take out works of others; a list that holds many of them is not this artist's."""
        ids = list(upload_ids)
        if not ids:
            return
        listed = len(self.uploads)
        for upload_id in ids:
            self.uploads.pop(upload_id, None)
        if len(ids) > max(_TOLERATED_WORKS, _TOLERATED * listed):
            self.status, self.complete = "error", False
        self.reject(f"{self.platform}/{self.handle}", f"{len(ids)} {reason}", ids[:5])

    @property
    def outcome(self) -> SightingStatus:
        """The status of the sighting."""
        return "truncated" if self.truncated and self.status == "ok" else self.status

    def _artist(self) -> Artist:
        target = self.target
        return self.artist or Artist(
            self.platform,
            target.artist_id or target.handle.lower(),  # names are the same in any case
            target.handle,
            frame=target.frame,
            inclusion_probability=target.inclusion_probability,
            design_weight=target.design_weight,
        )

    def dated(
        self, moment: datetime | None, written: Any, answer: Answer, where: str
    ) -> datetime | None:
        """Return a publication date if it is possible; otherwise None, and say why."""
        if moment is None:
            self.reject(where, "no readable publication date", written)
        elif moment > answer.at + timedelta(days=1):
            self.reject(where, "publication date in the future", written)
        elif moment < EARLIEST:
            self.reject(where, f"publication date before {EARLIEST:%Y}", written)
        else:
            return moment
        return None

    def records(self) -> Iterator[Record]:
        """Yield what goes into the store."""
        artist = self._artist()
        yield artist
        for upload, n_artists in self.uploads.values():
            yield upload
            yield Credit(self.platform, upload.upload_id, artist.artist_id, n_artists)
        yield from self.rejects
        yield Sighting(
            self.platform,
            artist.artist_id,
            self.outcome,
            self.complete and not self.truncated,
            self.truncated,
            len(self.uploads),
            self.followers,
            self.claimed,
        )


def visit(site: Site, target: Target, ask: Ask, options: Options) -> tuple[Visit, bool]:
    """Walk one artist's history; return what was found and whether the host ended the run.

    A page that cannot be had, or a history that is not in the archive yet, ends this visit only.
    """
    target = replace(target, artist_id=clean(target.artist_id), handle=clean(target.handle))
    found = Visit(site.name, target)
    try:
        site.walk(target, ask, found, options)
        if found.status == "ok" and not found.truncated:
            found.weigh()
    except WalkEndedError as error:
        answer = error.answer
        found.status, found.settled = "error", answer.outcome == "refused"
        found.complete = False
        where = f"{site.name}/{target.artist_id}: {answer.request.address}"
        reason = f"{answer.outcome}: {answer.detail}" if answer.detail else answer.outcome
        found.reject(where, reason, answer.body[:EXCERPT_LENGTH])
    except (BlockedError, StoppedError) as error:
        outcome = "blocked" if isinstance(error, BlockedError) else error.outcome
        found.status, found.complete = _FROM_OUTCOME.get(outcome, "error"), False
        found.settled = False
        return found, True
    return found, False


def needed(answer: Answer) -> Any:
    """Return the JSON of an answer that must be there.

    Raises
    ------
    WalkEndedError
        When the answer is anything but a readable success.
    """
    if answer.outcome != "ok":
        raise WalkEndedError(answer)
    return answer.json()


def items_of(visit: Visit, answer: Answer) -> list[dict[str, Any]]:
    """Return the objects of a list answer; what is not an object is rejected, one by one.

    Raises
    ------
    WalkEndedError
        When the answer is anything but a readable success.
    """
    payload, holds = needed(answer), answer.request.holds
    listed = payload if holds == "[]" else payload[holds]
    good: list[dict[str, Any]] = []
    for position, item in enumerate(listed):
        if isinstance(item, dict):
            good.append(item)
        else:
            where = f"{answer.request.address} item {position}"
            visit.reject(where, f"object expected, got {type(item).__name__}", item)
    return good


def utc(text: Any) -> datetime | None:
    """Read an ISO 8601 time with an offset as naive UTC; None when it cannot be."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def count_of(value: Any) -> int | None:
    """Read a count, which may be written as a text; None when it is no whole number from 0 on."""
    if not isinstance(value, int) and re.fullmatch(r"[0-9]{1,10}(\.0)?", str(value)):
        value = int(float(value))
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value <= _LARGEST_COUNT else None


def flag_of(*values: Any) -> bool | None:
    """Return True if any value is true, False if one is false, None if none of them says."""
    known = [value for value in values if isinstance(value, bool)]
    return any(known) if known else None


def text_of(value: Any) -> str | None:
    """Return a non-empty text or a whole number as text, else None."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        value = int(value)  # 77.0, as programs on the way write it
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return clean(str(value).strip()) or None


def params(**values: Any) -> tuple[tuple[str, str], ...]:
    """Write query parameters; sequences repeat the name with brackets, None is left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, Sequence) and not isinstance(value, str):
            pairs += [(f"{name}[]", clean(str(one))) for one in value]
        else:
            pairs.append((name, clean(str(value))))
    return tuple(pairs)
