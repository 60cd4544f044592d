"""What the demo server knows: a simulated population in the terms of each platform."""

from __future__ import annotations

import hashlib
import itertools
import random
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from uploadtrends.simulate import Population

if TYPE_CHECKING:
    import polars as pl

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Work:
    """One work as the platforms see it. `number` grows with time."""

    number: int
    artist: int
    published_at: datetime
    is_mature: bool
    ai_label: bool | None
    media_count: int
    listed: bool


@dataclass(frozen=True)
class Person:
    """One artist as the platforms see them."""

    number: int
    handle: str
    joined_at: datetime
    followers: int
    is_studio: bool
    listed: bool


class World:
    """One platform's part of a population on a certain day.

    Parameters
    ----------
    population : Population
        From `uploadtrends.simulate.population`.
    platform : str
        artstation, deviantart or danbooru.
    today : str or date
        The day on which the server is asked. What was published later does not exist yet.
    """

    def __init__(self, population: Population, platform: str, today: str | date) -> None:
        import polars as pl

        self.platform = platform
        self.today = datetime.fromisoformat(str(today))
        mine = pl.col("platform") == platform
        artists = population.artists.filter(mine & (pl.col("joined_at") <= self.today))
        uploads = population.uploads.filter(mine & (pl.col("published_at") <= self.today))
        self.people = {
            int(row["artist_id"]): Person(
                int(row["artist_id"]),
                row["handle"],
                row["joined_at"],
                row["followers"],
                row["is_studio"],
                row["deleted_at"] is None or row["deleted_at"] > self.today,
            )
            for row in artists.iter_rows(named=True)
        }
        self._tags: dict[str, list[Work]] = {}
        self.places: dict[int, list[Work | None]] = {}
        """Galleries as laid out for DeviantArt, by artist."""
        self.works: dict[int, list[Work]] = {number: [] for number in self.people}
        for row in uploads.iter_rows(named=True):
            work = Work(
                int(row["upload_id"]),
                int(row["artist_id"]),
                row["published_at"],
                row["is_mature"],
                row["ai_label"],
                row["media_count"],
                row["delisted_at"] is None or row["delisted_at"] > self.today,
            )
            self.works[work.artist].append(work)

    @cached_property
    def by_handle(self) -> dict[str, Person]:
        """People by handle in lower case."""
        return {person.handle.lower(): person for person in self.people.values()}

    @cached_property
    def by_work(self) -> dict[int, Work]:
        """Works by number."""
        return {work.number: work for works in self.works.values() for work in works}

    @cached_property
    def by_date(self) -> list[Work]:
        """Listed works of listed people, newest first."""
        return sorted(
            (w for p in self.people.values() if p.listed for w in self.works[p.number] if w.listed),
            key=lambda work: -work.number,
        )

    @cached_property
    def by_day(self) -> dict[date, list[Work]]:
        """What `by_date` holds, by the day of publication."""
        days: dict[date, list[Work]] = {}
        for work in self.by_date:
            days.setdefault(work.published_at.date(), []).append(work)
        return days

    def tagged(self, tag: str) -> list[Work]:
        """Return the works of `by_date` that carry a tag, as many as a tag page goes back."""
        if tag not in self._tags:
            one_in_fifty = (w for w in self.by_date if digest(tag, w.number) % 50 == 0)
            self._tags[tag] = list(itertools.islice(one_in_fifty, 400))
        return self._tags[tag]

    def listed(self, person: Person) -> list[Work]:
        """Return the works that a visitor sees."""
        return [work for work in self.works[person.number] if work.listed]

    def truth(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return what a perfect crawl would store: artists and uploads in the store's terms.

        Returns
        -------
        artists : polars.DataFrame
            artist_id, handle, followers, n_uploads; people who are still there.
        uploads : polars.DataFrame
            artist_id, upload_id, published_at (as precise as the platform tells).
        """
        import polars as pl

        # Danbooru keeps the tags of those who left.
        here = [p for p in self.people.values() if p.listed or self.platform == "danbooru"]
        artists = pl.DataFrame(
            {
                "artist_id": [artist_key(self.platform, person) for person in here],
                "handle": [person.handle for person in here],
                "followers": [person.followers for person in here],
                "n_uploads": [len(self._seen(person)) for person in here],
            }
        )
        rows = [(artist_key(self.platform, p), w) for p in here for w in self._seen(p)]
        uploads = pl.DataFrame(
            {
                "artist_id": [key for key, _ in rows],
                "upload_id": [work_key(self.platform, work.number) for _, work in rows],
                "published_at": [told(self.platform, work.published_at) for _, work in rows],
            },
            schema_overrides={"published_at": pl.Datetime("us")},
        )
        return artists, uploads

    def _seen(self, person: Person) -> list[Work]:
        # Danbooru lists deleted posts too, marked.
        return self.works[person.number] if self.platform == "danbooru" else self.listed(person)


def artist_key(platform: str, person: Person) -> str:
    """Return the key under which a platform knows an artist."""
    if platform == "artstation":
        return str(1_000_000 + person.number)
    return user_uuid(person.number) if platform == "deviantart" else person.handle


def work_key(platform: str, number: int) -> str:
    """Return the key under which a platform knows a work."""
    if platform == "artstation":
        return project_hash(number)
    return deviation_uuid(number) if platform == "deviantart" else str(number)


def told(platform: str, moment: datetime) -> datetime:
    """Return a time as precisely as the platform tells it."""
    if platform == "deviantart":
        return moment.replace(microsecond=0)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def project_hash(number: int) -> str:
    """Return a short key as ArtStation's `hash_id`: one-to-one, and in no order."""
    mixed = number * 387_420_489 % 62**6  # coprime to 62, so no two numbers share a key
    text = ""
    for _ in range(6):
        mixed, digit = divmod(mixed, 62)
        text += _LETTERS[digit]
    return text


def user_uuid(number: int) -> str:
    """Return a DeviantArt `userid`."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"demo:user:{number}")).upper()


def deviation_uuid(number: int) -> str:
    """Return a DeviantArt `deviationid`."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"demo:work:{number}")).upper()


def shuffled(works: list[Work], key: str) -> list[Work]:
    """Return works in an order of their own, always the same for the same key."""
    order = list(works)
    random.Random(key).shuffle(order)  # noqa: S311 (not cryptography)
    return order


def digest(*parts: Any) -> int:
    """Return a number that depends on nothing but the arguments."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def is_one_in(n: int, trait: str, number: int) -> bool:
    """Say whether a thing has a trait that one in `n` has, whatever its number."""
    return digest(trait, number) % n == 0
