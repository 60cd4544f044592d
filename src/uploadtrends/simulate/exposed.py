"""Populations in which some artists are exposed, with the structure of three published studies.

Each returns the population, who was exposed from when, and the known effect: as a log ratio of the
rate, and in uploads a month averaged over the exposed artists' months after (what estimators of the
mean effect on the exposed aim at).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from uploadtrends.simulate.people import Population
from uploadtrends.simulate.series import stationary_ar1

if TYPE_CHECKING:
    from uploadtrends.arrays import Array

_HISTORY = 36


@dataclass(frozen=True)
class Exposed:
    """A population with an exposure whose effect is known.

    Attributes
    ----------
    population : Population
    treated_from : dict of str to str
        Artist -> first day of the first exposed month; who is missing is never exposed.
    log_ratio : float
        Effect on the log rate, averaged over the exposed artists' months after.
    uploads : float
        The same in uploads a month.
    by_artist : dict of str to (int, float, float)
        Exposed artist -> months after, and the sums of both effects over them.
    """

    population: Population
    treated_from: dict[str, str]
    log_ratio: float
    uploads: float
    by_artist: dict[str, tuple[int, float, float]]

    def among(self, artists: Iterable[str]) -> tuple[float, float]:
        """Return both effects averaged over the months of some of the exposed artists.

        Matching leaves out who is like nobody, and an estimate then aims at those who are left.
        """
        chosen = [self.by_artist[artist] for artist in artists if artist in self.by_artist]
        months, log_ratio, uploads = np.sum(chosen, axis=0)
        return float(log_ratio / months), float(uploads / months)


def training_set(
    n_artists: int = 300, *, effect: float = -0.3, shock_sd: float = 0.05, seed: int = 0
) -> Exposed:
    """Draw contributors of whom some entered a training set, all in August 2020.

    As in Peukert et al. 2024 (arXiv 2404.18445): one date, exposed and other artists of one
    platform, counts; the busier are likelier to be exposed.
    """
    world = _World(n_artists, "2018-01", 60, shock_sd, seed)
    chosen = world.rng.random(n_artists) < 0.25 + 0.5 * world.busy
    first = np.where(chosen, 31, -1)
    return world.finish(first, lambda since: np.full(since.shape, effect))


def tool_adopters(n_artists: int = 300, *, effect: float = 0.4, seed: int = 0) -> Exposed:
    """Draw artists who adopt a tool in different months, the younger and busier more often.

    As in Zhou & Lee 2024 (PNAS Nexus pgae052): staggered adoption, an effect that grows over six
    months, never adopters to match with.
    """
    world = _World(n_artists, "2021-01", 42, 0.0, seed)
    young = 1 / (1 + np.maximum(-world.entry, 0) / 12)
    chosen = world.rng.random(n_artists) < 0.1 + 0.35 * world.busy + 0.25 * young
    months = world.rng.choice([18, 21, 24, 27, 30], n_artists)
    first = np.where(chosen, months, -1)
    return world.finish(first, lambda since: effect * np.minimum(1.0, (since + 1) / 6))


def labelled_works(
    n_artists: int = 300, *, effect: float = 0.5, ai_share: float = 0.8, seed: int = 0
) -> Exposed:
    """Draw artists some of whom begin to upload works that are labelled as made by AI.

    As in Wei & Tyson 2024 (arXiv 2402.18463): every work bears a label; who begins uploads more.
    """
    world = _World(n_artists, "2021-01", 42, 0.0, seed)
    chosen = world.rng.random(n_artists) < 0.4
    first = np.where(chosen, world.rng.choice([20, 22, 24, 26, 28], n_artists), -1)
    return world.finish(first, lambda since: np.full(since.shape, effect), ai_share)


class _World:
    """Artists with levels and entries of their own, and months that share a course."""

    def __init__(self, n: int, start: str, months: int, shock_sd: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.n, self.months, self.start = n, months, np.datetime64(start, "M")
        self.entry = -self.rng.integers(1, _HISTORY, n)
        level = self.rng.standard_normal(n)
        self.busy = np.argsort(np.argsort(level)) / n
        season = 0.1 * np.sin(2 * np.pi * np.arange(months) / 12)
        course = stationary_ar1(self.rng, (1, months), 0.5, 0.05)[0] - 0.004 * np.arange(months)
        own = stationary_ar1(self.rng, (n, months), 0.6, 0.2)
        self.log_rate = np.log(2.5) + 0.5 * level[:, None] + season + course + own
        self.shock_sd = shock_sd

    def finish(self, first: Array, effect: Any, ai_share: float = 0.0) -> Exposed:
        """Draw uploads given the first exposed month of each artist (-1: never)."""
        rng, exposed = self.rng, first >= 0
        since = np.arange(self.months)[None, :] - first[:, None]
        after = exposed[:, None] & (since >= 0)
        shared = stationary_ar1(rng, (1, self.months), 0.5, self.shock_sd)
        untreated = self.log_rate + shared * exposed[:, None]
        added = np.where(after, effect(np.maximum(since, 0)), 0.0)
        gone = rng.geometric(0.004, self.n)[:, None] <= np.arange(self.months)[None, :]
        noise = np.where(gone, 0.0, rng.gamma(3.0, 1 / 3.0, untreated.shape))
        counts = rng.poisson(np.exp(untreated + added) * noise)
        staying = np.where(gone, 0.0, 1.0)
        gain = np.exp(untreated) * (np.exp(added) - 1) * staying
        dates = self.start + np.maximum(first, 0).astype(int)
        names = np.array([f"{i:06d}" for i in range(1, self.n + 1)])
        treated = {
            str(name): f"{date}-01"
            for name, date, yes in zip(names, dates, exposed, strict=True)
            if yes
        }
        made = rng.binomial(counts * after, ai_share)
        if ai_share:
            # Exposure shows from the month after the first labelled work on.
            shown = np.cumsum(made > 0, axis=1) - (made > 0) > 0
            after = after & shown
        months = after.sum(axis=1)
        sums = np.where(after, added, 0.0).sum(axis=1), np.where(after, gain, 0.0).sum(axis=1)
        return Exposed(
            _population(self, names, counts, made),
            treated,
            float(added[after].mean()),
            float(gain[after].mean()),
            {
                str(name): (int(count), float(log_ratio), float(uploads))
                for name, count, log_ratio, uploads in zip(names, months, *sums, strict=True)
                if count
            },
        )


def _population(world: _World, names: Any, counts: Any, labelled: Any) -> Population:
    import polars as pl

    artist, month = np.nonzero(counts)
    again = counts[artist, month]
    artist, month = np.repeat(artist, again), np.repeat(month, again)
    # The first works of a month are the labelled ones.
    place = np.arange(len(artist)) - np.repeat(np.cumsum(again) - again, again)
    made = place < labelled[artist, month]
    artist = np.concatenate([np.arange(world.n), artist])
    month = np.concatenate([world.entry, month])
    made = np.concatenate([np.zeros(world.n, dtype=bool), made])
    begin = (world.start + month.astype(int)).astype("datetime64[ms]")
    length = (world.start + month.astype(int) + 1).astype("datetime64[ms]") - begin
    moment = begin + (world.rng.random(len(artist)) * (length.astype(float) - 1)).astype(int)
    order = np.argsort(moment, kind="stable")
    uploads = pl.DataFrame(
        {
            "platform": "site",
            "upload_id": np.arange(1, len(order) + 1).astype(str),
            "artist_id": names[artist[order]],
            "published_at": pl.Series(moment[order]).cast(pl.Datetime("us")),
            "delisted_at": pl.Series([None] * len(order), dtype=pl.Datetime("us")),
            "is_mature": False,
            "ai_label": made[order],
            "media_count": pl.Series(np.ones(len(order), dtype=np.int32)),
        }
    )
    entered = (world.start + world.entry).astype("datetime64[ms]")
    people = pl.DataFrame(
        {
            "platform": "site",
            "artist_id": names,
            "handle": [f"artist-{name}" for name in names],
            "joined_at": pl.Series(entered).cast(pl.Datetime("us")),
        }
    )
    last = world.start + world.months
    end = str(last.astype("datetime64[D]") - 1)
    return Population(people, uploads, {"end": end, "start": f"{world.start}-01"})
