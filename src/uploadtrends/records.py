"""What a source may yield: artists, uploads, credits, sightings.

Field names equal the columns of the store's tables. Times are timezone-naive UTC; unknown is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DateBasis = Literal["published", "arrival", "source_url", "interpolated"]
DatePrecision = Literal["second", "minute", "day", "month", "year"]
Status = Literal["listed", "deleted", "banned"]
SightingStatus = Literal[
    "ok", "not_found", "inactive", "blocked", "throttled", "error", "truncated", "incomplete"
]


@dataclass(frozen=True, slots=True)
class Artist:
    """One artist on one platform.

    `joined_at` is never guessed: `joined_basis` names what it stands for (the account's creation,
    the first listing, ...). `inclusion_probability` and `design_weight` come from the sampling
    frame named in `frame`.
    """

    platform: str
    artist_id: str
    handle: str | None = None
    joined_at: datetime | None = None
    joined_basis: str | None = None
    frame: str | None = None
    inclusion_probability: float | None = None
    design_weight: float | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """One work on one platform.

    `published_at` is when the work appeared, by `date_basis`; `arrived_at` is when a repost archive
    received it. `ai_label` is True, False or None (unknown), by `ai_basis`.
    """

    platform: str
    upload_id: str
    published_at: datetime | None
    date_basis: DateBasis = "published"
    date_precision: DatePrecision = "second"
    arrived_at: datetime | None = None
    kind: str | None = None
    media_count: int | None = None
    is_mature: bool | None = None
    ai_label: bool | None = None
    ai_basis: str | None = None
    status: Status = "listed"
    instrument: str | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """One artist on one work; `n_artists` share it."""

    platform: str
    upload_id: str
    artist_id: str
    n_artists: int = 1


@dataclass(frozen=True, slots=True)
class Sighting:
    """One visit to one artist during a crawl, whatever came of it.

    `n_claimed` is how many works the profile or the list says there are; "incomplete" is a history
    that was walked to its end and holds clearly fewer.
    """

    platform: str
    artist_id: str
    status: SightingStatus
    complete: bool
    truncated: bool = False
    n_uploads: int | None = None
    followers: int | None = None
    n_claimed: int | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """An input row that could not be read, kept with its place and the reason."""

    position: str
    reason: str
    excerpt: str


Record = Artist | Upload | Credit | Sighting | Reject
