"""Draw a population of artists with known ageing, exits, deletions and effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uploadtrends.errors import InputError
from uploadtrends.simulate.people import Population, moment_of
from uploadtrends.simulate.series import stationary_ar1

if TYPE_CHECKING:
    import polars as pl

DAYS_PER_MONTH = 365.2425 / 12
_DAY = 86_400_000_000  # microseconds
_HISTORY_MONTHS = 60  # how long before `start` the oldest artists may have joined


def population(
    n_artists: int = 2000,
    *,
    platforms: str | Sequence[str] = ("artstation", "deviantart"),
    start: str = "2018-01-01",
    end: str = "2023-12-31",
    rate: float = 3.0,
    spread: float = 0.8,
    dispersion: float = 2.0,
    entry_rate: float = 0.008,
    ageing: float = -0.35,
    exit_hazard: float = 0.01,
    deletion_hazard: float = 0.002,
    account_deletion: float = 0.1,
    follower_selection: float = 1.0,
    seasonality: float = 0.1,
    period_sd: float = 0.0,
    event_date: str | None = None,
    effect: Mapping[str, float] | None = None,
    senior_after: str = "24 months",
    ai_share: float = 0.0,
    ai_unknown: float = 0.3,
    studio_share: float = 0.02,
    seed: int = 0,
) -> Population:
    """Simulate artists who join, upload, age, leave and delete, on one or more platforms.

    An artist uploads something on the day of joining or within the month after, then at a rate per
    month of ``rate * frailty * exp(ageing * log(1 + tenure in years) + season + effect)`` with a
    gamma-distributed monthly shock, until leaving.

    Parameters
    ----------
    n_artists : int
        Artists over all platforms (split evenly).
    start, end : str
        Window of the simulation (last day included). Histories of those who joined before `start`
        (up to five years) are complete.
    rate, spread : float
        Uploads per month of a typical new artist, and log standard deviation between artists.
    dispersion : float
        Size of the negative binomial of a month's uploads; larger is closer to Poisson.
    entry_rate : float
        Share of `n_artists` that joins in each month of the window; the rest joined before.
    ageing : float
        Log rate change per unit of log(1 + years since joining).
    exit_hazard : float
        Chance per month of leaving for good.
    deletion_hazard : float
        Chance per month that one work is taken down.
    account_deletion : float
        Share of leavers who delete the account with all works.
    follower_selection : float
        Elasticity of today's followers with respect to total uploads; those who left lose half.
        0: followers are unrelated to activity.
    seasonality : float
        Amplitude of the yearly wave, log scale, peak at the end of March.
    period_sd : float
        Standard deviation of shocks common to all artists in a month (log scale, AR(1) with .5).
    event_date : str, optional
        Day of the event.
    effect : mapping, optional
        Log rate ratio from the event on for "senior", "new" and "later" (those who joined after
        the event; default as "new").
    senior_after : str
        Time since the first upload, at the event, from which an artist is senior ("24 months").
    ai_share : float
        Share of works after the event that were made with an image generator.
    ai_unknown : float
        Share of works that carry no statement about that.
    studio_share : float
        Share of accounts that are studios: eight times the rate.
    seed : int
        Seed of the generator.

    Returns
    -------
    Population
    """
    _require_shares(entry_rate, exit_hazard, deletion_hazard, account_deletion, ai_share)
    _require_shares(ai_unknown, studio_share)
    truth = {name: _plain(value) for name, value in locals().items()}
    effects = {"senior": 0.0, "new": 0.0} | dict(effect or {})
    unknown = set(effects) - {"senior", "new", "later"}
    if unknown:
        raise InputError(
            "effects are given for 'senior', 'new' and 'later'",
            column="effect",
            value=sorted(unknown),
        )
    rng = np.random.default_rng(seed)
    edges = _cell_edges(start, end, event_date)
    begin, finish = edges[:-1], edges[1:]

    joined = _joining_times(rng, n_artists, edges, start, entry_rate)
    stay = rng.exponential(1 / max(exit_hazard, 1e-12), n_artists) * DAYS_PER_MONTH * _DAY
    gone = np.where(stay < edges[-1] - joined, joined + stay, edges[-1])
    first = np.minimum(joined + rng.uniform(0, DAYS_PER_MONTH * _DAY, n_artists), gone)
    studio = rng.random(n_artists) < studio_share

    low = np.maximum(begin[None, :], first[:, None])
    high = np.minimum(finish[None, :], gone[:, None])
    exposure = np.maximum(high - low, 0) / (DAYS_PER_MONTH * _DAY)
    middle = (begin + finish) / 2
    tenure = np.maximum(middle[None, :] - joined[:, None], 0) / (365.2425 * _DAY)
    log_rate = np.log(rate) + ageing * np.log1p(tenure)
    log_rate += (spread * rng.standard_normal(n_artists) + np.log(8.0) * studio)[:, None]
    log_rate += seasonality * np.sin(2 * np.pi * (middle / (365.2425 * _DAY)))[None, :]
    log_rate += stationary_ar1(rng, (1, len(begin)), 0.5, period_sd)
    if event_date is not None:
        event = _microseconds(moment_of(event_date))
        months = _months(senior_after)
        kind = np.where(
            first > event,
            effects.get("later", effects["new"]),
            np.where(
                event - first >= months * DAYS_PER_MONTH * _DAY, effects["senior"], effects["new"]
            ),
        )
        log_rate += kind[:, None] * (begin >= event)[None, :]
    mean = exposure * np.exp(log_rate)
    counts = rng.poisson(mean * rng.gamma(dispersion, 1 / dispersion, mean.shape))

    artist, cell = np.nonzero(counts)
    repeats = counts[artist, cell]
    artist, cell = np.repeat(artist, repeats), np.repeat(cell, repeats)
    moments = low[artist, cell] + rng.random(len(artist)) * (high - low)[artist, cell]
    artist = np.concatenate([np.arange(n_artists), artist])
    moments = np.concatenate([first, moments])

    deleted = (gone < edges[-1]) & (rng.random(n_artists) < account_deletion)
    life = rng.exponential(1 / max(deletion_hazard, 1e-12), len(artist)) * DAYS_PER_MONTH * _DAY
    delisted = np.minimum(moments + life, np.where(deleted[artist], gone[artist], np.inf))
    total = np.bincount(artist, minlength=n_artists)
    followers = np.exp(6.0 + 1.2 * rng.standard_normal(n_artists)) * np.where(
        gone < edges[-1], 0.5 ** min(1.0, abs(follower_selection)), 1.0
    )
    followers = followers * ((1 + total) / 20.0) ** follower_selection

    after = moments >= (np.inf if event_date is None else _microseconds(moment_of(event_date)))
    made = after & (rng.random(len(artist)) < ai_share)
    works = {
        "moments": moments,
        "delisted": delisted,
        "artist": artist,
        "mature": rng.random(len(artist)) < 0.05,
        "ai": made,
        "unknown": rng.random(len(artist)) < ai_unknown,
        "media": rng.geometric(0.5, len(artist)),
    }
    people = {"joined": joined, "first": first, "gone": gone, "deleted": deleted}
    people |= {"followers": followers, "studio": studio}
    names = (platforms,) if isinstance(platforms, str) else tuple(platforms)
    return _assemble(names, people, works, edges[-1], truth)


def _assemble(
    platforms: tuple[str, ...],
    people: dict[str, NDArray[Any]],
    works: dict[str, NDArray[Any]],
    end: float,
    truth: dict[str, Any],
) -> Population:
    import polars as pl

    n = len(people["joined"])
    place = np.asarray(platforms)[np.arange(n) % len(platforms)]
    names = np.asarray([f"{i:06d}" for i in range(1, n + 1)])
    order = np.argsort(works["moments"], kind="stable")
    works = {name: values[order] for name, values in works.items()}
    artists = pl.DataFrame(
        {
            "platform": place,
            "artist_id": names,
            "handle": [f"artist-{name}" for name in names],
            "joined_at": _stamps(people["joined"]),
            "first_upload_at": _stamps(people["first"]),
            "followers": people["followers"].astype(np.int64),
            "exit_at": _stamps(people["gone"], people["gone"] < end),
            "deleted_at": _stamps(people["gone"], people["deleted"]),
            "is_studio": people["studio"],
        }
    )
    uploads = pl.DataFrame(
        {
            "platform": place[works["artist"]],
            "upload_id": np.arange(1, len(order) + 1).astype(str),
            "artist_id": names[works["artist"]],
            "published_at": _stamps(works["moments"]),
            "delisted_at": _stamps(works["delisted"], works["delisted"] < end),
            "is_mature": works["mature"],
            "ai_label": pl.Series(works["ai"]).set(pl.Series(works["unknown"]), None),
            "media_count": works["media"].astype(np.int32),
        }
    )
    return Population(artists, uploads, truth)


def _stamps(microseconds: NDArray[np.float64], keep: NDArray[np.bool_] | None = None) -> pl.Series:
    import polars as pl

    finite = np.where(np.abs(microseconds) < 9e18, microseconds, 0.0)
    values = pl.Series(finite.astype(np.int64)).cast(pl.Datetime("us"))
    return values if keep is None else values.set(pl.Series(~keep), None)


def _joining_times(
    rng: np.random.Generator,
    n: int,
    edges: NDArray[np.float64],
    start: str,
    entry_rate: float,
) -> NDArray[np.float64]:
    opening = _microseconds(moment_of(start))
    window = (edges[-1] - opening) / (DAYS_PER_MONTH * _DAY)
    share = entry_rate * window
    if share > 1:
        raise InputError(
            f"at this entry rate {share:.0%} of the artists would join inside the window",
            column="entry_rate",
            value=entry_rate,
            fix=f"at most {1 / window:.4f} for {window:.0f} months",
        )
    inside = rng.random(n) < share
    place = rng.random(n)
    # The last month is left to those already there, so that everyone can upload something.
    latest = edges[-1] - DAYS_PER_MONTH * _DAY
    times = np.where(
        inside,
        opening + place * (latest - opening),
        edges[0] + place * (opening - edges[0]),
    )
    return np.asarray(np.sort(times))


def _cell_edges(start: str, end: str, event_date: str | None) -> NDArray[np.float64]:
    """Return month starts from five years before `start` to after `end`, and the event."""
    first, last = moment_of(start), moment_of(end)
    if last <= first:
        raise InputError("the simulation ends before it starts", column="end", value=end)
    from_month = np.datetime64(f"{first:%Y-%m}", "M") - _HISTORY_MONTHS
    months = np.arange(from_month, np.datetime64(f"{last:%Y-%m}", "M") + 1)
    edges = months.astype("datetime64[us]").astype(np.int64).astype(float)
    edges = np.append(edges, _microseconds(last) + _DAY)
    if event_date is not None:
        event = _microseconds(moment_of(event_date))
        if not edges[0] < event < edges[-1]:
            raise InputError(
                "the event lies outside the simulation", column="event_date", value=event_date
            )
        edges = np.append(edges, event)
    unique: NDArray[np.float64] = np.unique(edges)
    return unique


def _microseconds(moment: datetime) -> float:
    return float((moment - datetime(1970, 1, 1)) / timedelta(microseconds=1))


def _months(text: str) -> float:
    number, _, unit = text.strip().partition(" ")
    factor = {"month": 1.0, "year": 12.0, "day": 1 / DAYS_PER_MONTH}.get(unit.rstrip("s"))
    try:
        return float(number) * factor  # type: ignore[operator]
    except (ValueError, TypeError) as error:
        raise InputError("not a length of time", value=text, fix="write '24 months'") from error


def _require_shares(*values: float) -> None:
    for value in values:
        if not 0 <= value <= 1:
            raise InputError("a share or a hazard must lie between 0 and 1", value=value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, list | tuple) else value
