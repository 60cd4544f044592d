"""Artist-level models: each artist compared with themselves, before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from uploadtrends.artists.design import Spec, artist_design
from uploadtrends.artists.result import METHODS, ArtistModel, Inference, estimate
from uploadtrends.errors import InputError
from uploadtrends.events import as_events
from uploadtrends.limits import inside, one_of, whole_number
from uploadtrends.result import Call

if TYPE_CHECKING:
    import pandas as pd

    from uploadtrends.panel import Panel

__all__ = ["ArtistModel", "artist_model"]


def artist_model(
    panel: Panel,
    events: Any,
    *,
    platform: str | None = None,
    contrast: Literal["group", "platform"] = "group",
    reference: str | None = None,
    groups: Sequence[str] | None = None,
    dose: pd.Series | None = None,
    time: Literal["period", "trend"] = "period",
    tenure: Literal["spline", "none"] = "spline",
    terms: Sequence[str] = ("level",),
    unit: str = "uploads",
    offset: Literal["days"] | None = None,
    boundary: str = "exposure",
    start: str | None = None,
    end: str | None = None,
    inference: Inference = "auto",
    n_bootstrap: int = 199,
    n_randomisations: int = 0,
    confidence: float = 0.95,
    seed: int = 0,
) -> ArtistModel:
    """Fit a Poisson regression with artist effects to the artist panel.

    Artists who fall silent stay in the data with zeros, and an artist's own level drops out:
    neither exits nor a changing mix of artists can pass for a change of the rate.

    Parameters
    ----------
    panel : Panel
        With artists. Its groups are contrasted; its weights are used.
    events : anything `as_events` takes
        Crowded events become blocks, as in `interrupted_time_series`.
    platform : str, optional
        Needed when several have artists. With ``contrast="platform"`` all are used.
    contrast : {"group", "platform"}
        Compare seniority groups, or platforms (difference-in-differences).
    reference : str, optional
        The group or platform that the others are compared with. Default: "new", else the first.
    groups : sequence of str, optional
        Only these groups (or platforms).
    dose : pandas.Series, optional
        Exposure of each artist (index artist_id), in place of groups: the effect is per unit.
    time : {"period", "trend"}
        An effect for every period (then only differences between groups are identified), or a
        linear trend with two yearly harmonics (then every group's own change is estimated, and
        rests on the trend being right).
    tenure : {"spline", "none"}
        Non-linear effect of the time since entry, so that ageing is not taken for the event.
    terms : sequence of {"level", "slope"}
    unit : str
        uploads, media or ai_uploads.
    offset : {"days"}, optional
        Account for the length of the periods (only matters with a trend).
    boundary : str
        As in `interrupted_time_series`.
    start, end : str, optional
        Keep only these periods.
    inference : {"auto", "two-step", "cluster", "jackknife", "bootstrap"}
        The two-step (the default) first estimates every group's rate in every period, then its
        change with shocks that all artists of a platform or group share integrated out: errors
        clustered by artist are too short wherever there are such shocks. Inside one platform half
        of the prior says that groups share all of them. It needs six periods on either side.
        The others know no common shocks: clustered by artist with factor G / (G - 1) and t with
        G - 1 degrees of freedom; the jackknife over artists (wider; t by the smallest group); the
        percentile bootstrap of artists. With a dose, "auto" takes the jackknife for fewer than
        100 artists, else clustered errors.
    n_bootstrap, n_randomisations : int
        Bootstrap samples; permutations of group membership (0: none).
    confidence : float
    seed : int

    Returns
    -------
    ArtistModel

    Raises
    ------
    InputError
        For data or settings that do not allow the model.

    Notes
    -----
    All but the two-step are fitted by pyfixest. The estimates are quasi-maximum likelihood:
    consistent if the mean is right, whatever the dispersion (Wooldridge 1999).

    An `Event` that names its platforms is estimated for those only, and a platform is no
    comparison from its own event on.

    See Also
    --------
    event_study : The same by period.
    difference_in_differences : One group against another.
    artist_sensitivity : The contrast by other models.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    >>> panel = ut.build_panel(people, seniority=rule)
    >>> model = ut.artist_model(panel, "2021-06-01", inference="cluster", terms=("level",))
    >>> model.title
    'Artist model: difference between groups'
    """
    events = as_events(events)
    call = Call.of(locals(), panel, function="artist_model")
    terms = tuple(dict.fromkeys((terms,) if isinstance(terms, str) else terms))
    _check(contrast, time, tenure, terms, inference, boundary, offset)
    inside("confidence", confidence)
    seed = whole_number("seed", seed)
    n_randomisations = whole_number("n_randomisations", n_randomisations)
    # Fewer draws have no ends of an interval.
    n_bootstrap = whole_number("n_bootstrap", n_bootstrap, 19 if inference == "bootstrap" else 0)
    if dose is not None and inference == "two-step":
        raise InputError(
            "with a dose there are no groups whose shocks could be integrated out",
            column="inference",
            value=inference,
            fix="use 'auto' or 'cluster'",
        )
    platforms = compared_platforms(panel, platform, contrast)
    spec = Spec(
        platforms=platforms,
        contrast="dose" if dose is not None else contrast,
        reference=reference,
        time=time,
        tenure=tenure,
        terms=terms,
        unit=unit,
        boundary=boundary,
        start=start,
        end=end,
        offset=offset,
        groups=groups,
    )
    design = artist_design(panel, events, spec, dose)
    if contrast == "platform" and time == "trend" and inference not in ("auto", "two-step"):
        _require_shared_events(events)
    result = estimate(
        design,
        spec,
        inference=inference,
        n_bootstrap=n_bootstrap,
        n_randomisations=n_randomisations,
        confidence=confidence,
        seed=seed,
        call=call,
    )
    return replace(result, notes=(*result.notes, *_drawn(panel, platforms, result)))


def _drawn(panel: Panel, platforms: tuple[str, ...], result: ArtistModel) -> list[str]:
    """Say who was drawn, and how far a fit to all artists may be from this one.

    The variance of the difference is 1 - n / N of the variance that artists cause, which has no
    part in shocks that all of them share.
    """
    about = panel.recipe.get("sample")
    if about is None:
        return []
    sizes = {name: about["artists"][name] for name in platforms if name in about["artists"]}
    left = math.sqrt(max(1 - n / known for n, known in sizes.values()))
    table, column = (result.shocks, "se_without") if len(result.shocks) else (result.effects, "se")
    told = [
        f"{row['group']}, {row['event']}, {row['term']}: {left * row[column]:.2g}"
        for row in table.to_dict("records")
        if row[column] == row[column]
    ]
    who = ", ".join(f"{n:,} of {known:,} on {name}" for name, (n, known) in sizes.items())
    return [
        f"artists were drawn at random (seed {about['seed']}): {who}. Standard error of the "
        f"estimates as those of all artists, log scale: {'; '.join(told)}"
    ]


def _check(
    contrast: str,
    time: str,
    tenure: str,
    terms: Sequence[str],
    inference: str,
    boundary: str,
    offset: str | None,
) -> None:
    if not terms:
        raise InputError("no terms to estimate", column="terms", fix="use ('level',)")
    for name, value, allowed in (
        ("boundary", boundary, ("exposure", "inclusive", "exclude")),
        ("offset", offset, (None, "days")),
        ("contrast", contrast, ("group", "platform")),
        ("time", time, ("period", "trend")),
        ("tenure", tenure, ("spline", "none")),
        ("inference", inference, ("auto", *METHODS)),
        *(("terms", term, ("level", "slope")) for term in terms),
    ):
        one_of(name, value, allowed)


def _require_shared_events(events: Any) -> None:
    for event in as_events(events):
        if "all" not in event.platforms:
            raise InputError(
                "with a trend, an event that names its platforms needs the two-step",
                column="inference",
                value=event.id,
                fix="leave inference at its default, or use time='period'",
            )


def compared_platforms(panel: Panel, platform: str | None, contrast: str) -> tuple[str, ...]:
    """Return the platforms of a comparison: one for groups, all with artists for platforms."""
    if not hasattr(panel, "only_artist_platform"):
        raise InputError(
            "models of artists need a panel of their works",
            column="panel",
            value=type(panel).__name__,
            fix="make one by build_panel; a ready table goes to exposure and exposure_effects",
        )
    if contrast == "group":
        return (panel.only_artist_platform(platform),)
    lanes = panel.records.artist_lanes
    if len(lanes) < 2:
        raise InputError(
            "a comparison of platforms needs two with artists", column="contrast", value="platform"
        )
    return tuple(lanes)
