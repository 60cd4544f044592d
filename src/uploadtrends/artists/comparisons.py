"""Event study by relative period, with its pre-trend test; difference-in-differences by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.artists.design import ArtistDesign, Spec, artist_design
from uploadtrends.artists.event_time import event_time_tables, slope_weights
from uploadtrends.artists.exposure_tests import leads_zero
from uploadtrends.artists.fit import fit_poisson
from uploadtrends.artists.model import ArtistModel, artist_model, compared_platforms
from uploadtrends.artists.outcomes import FEWEST_EXPOSED
from uploadtrends.artists.terms import natural_spline
from uploadtrends.artists.twostep import answer_columns, smaller_side
from uploadtrends.brief import p_text
from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.events import as_events
from uploadtrends.limits import inside, one_of, whole_number
from uploadtrends.models.onset import place_block
from uploadtrends.result import Call, Result
from uploadtrends.signatures import unknown

if TYPE_CHECKING:
    from uploadtrends.panel import Panel


@dataclass(frozen=True, eq=False)
class EventStudy(Result):
    """Effects by period relative to an event, against the period before it.

    Attributes
    ----------
    effects : pandas.DataFrame
        platform, group ("senior vs new"), event, label, relative_period (0 holds the event; -1 is
        the base; the outermost collect everything beyond), estimate (log ratio), se, low, high,
        relative, relative_low, relative_high (percent), p.
    pretrend : pandas.DataFrame
        group, F, df, df_error, p (all leads zero, given shocks that all artists of a group
        share), p_without_shocks (the same if there were none), slope (log points a period over the
        leads), slope_se, minimum_detectable_slope (80% power). The test is Hotelling's T-squared
        with the artists of the smaller side less one as degrees of freedom: of no more leads than
        half of these, the nearest ones; NaN with fewer than four artists on a side.
    call : Call
    notes : tuple of str
    """

    effects: pd.DataFrame
    pretrend: pd.DataFrame
    call: Call
    notes: tuple[str, ...] = field(repr=False)

    title = "Event study: difference between groups by period"

    def to_frame(self) -> pd.DataFrame:
        """Return the effects (a copy)."""
        return self.effects.copy()

    def summary(self) -> str:
        """Say what the leads look like, and what trend they could have shown."""
        lines = [
            f"{row['group']}: {_jointly(row)}; slope before the event "
            f"{100 * row['slope']:+.2f}% a period (smallest that would be found: "
            f"{100 * row['minimum_detectable_slope']:.2f}%)."
            for row in self.pretrend.to_dict("records")
        ]
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])


def _jointly(row: Mapping[Any, Any]) -> str:
    """Say what the joint test says, and when leads differ by more than the artists' own chance."""
    if np.isnan(row["p"]):
        return "too few artists for a test of the leads"
    said = (
        f"leads jointly zero, F({row['df']:.0f}, {row['df_error']:.0f}) = {row['F']:.2f}, "
        f"{p_text(row['p'])}"
    )
    if row["p"] < 0.05 or row["p_without_shocks"] >= 0.05:
        return said
    return (
        f"{said} (but {p_text(row['p_without_shocks'])} for the artists' own chance alone: shocks "
        "common to a group, or courses that were not parallel)"
    )


def event_study(
    panel: Panel,
    event: Any,
    *,
    platform: str | None = None,
    contrast: Literal["group", "platform"] = "group",
    reference: str | None = None,
    groups: Sequence[str] | None = None,
    leads: int = 12,
    lags: int = 12,
    tenure: Literal["spline", "none"] = "spline",
    unit: str = "uploads",
    start: str | None = None,
    end: str | None = None,
    inference: Literal["two-step", "cluster"] = "two-step",
    confidence: float = 0.95,
) -> EventStudy:
    """Estimate the difference between groups in every period around an event.

    Rates by group and period from a Poisson regression with artist effects; shocks that a whole
    platform or group shares are in the intervals and in the test of the leads. Differences before
    the event speak against reading those after it as its effect.

    Parameters
    ----------
    panel, platform, contrast, reference, groups, tenure, unit, start, end, confidence
        As in `artist_model`.
    event : date or Event
        One event.
    leads, lags : int
        Periods before and after; the outermost collect everything beyond.
    inference : {"two-step", "cluster"}
        With common shocks integrated out, as in `artist_model`; or one regression with artist and
        period effects and errors clustered by artist, which know no common shocks.

    Raises
    ------
    InputError
        If several events are given, or the data do not reach on both sides.

    See Also
    --------
    artist_model : The mean difference after the event.
    parallel_trends : The check of its leads.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    >>> panel = ut.build_panel(people, seniority=rule)
    >>> study = ut.event_study(panel, "2021-06-01", inference="cluster", leads=6, lags=6)
    >>> study.title
    'Event study: difference between groups by period'
    """
    event = as_events(event)
    call = Call.of(locals(), panel, function="event_study")
    if len(event) != 1:
        raise InputError("an event study is about one event", value=len(event), fix="give one")
    leads, lags = whole_number("leads", leads, 2), whole_number("lags", lags)  # one is the base
    inside("confidence", confidence)
    one_of("inference", inference, ("two-step", "cluster"))
    one_of("contrast", contrast, ("group", "platform"))
    one_of("tenure", tenure, ("spline", "none"))
    lanes = compared_platforms(panel, platform, contrast)
    spec = Spec(
        platforms=lanes,
        contrast=contrast,
        reference=reference,
        time="period",
        tenure=tenure if inference == "two-step" else "none",
        terms=(),
        unit=unit,
        boundary="inclusive",
        start=start,
        end=end,
        offset=None,
        groups=groups,
    )
    design = artist_design(panel, event, spec)
    block = design.blocks[0]
    onset = place_block(block, design.index, "inclusive")
    if why := design.refused.get((block.id, "")):
        raise InputError(why, column="event", value=block.label)
    if onset is None or onset.touched < 2:
        raise InputError("the data do not reach on both sides of the event", value=block.label)
    if inference == "two-step":
        effects, pretrend, notes = event_time_tables(
            design, spec, onset.touched, leads, lags, confidence
        )
        design = replace(design, notes=(*design.notes, *notes))
    else:
        _refuse_treated(design)
        design, keys = _dummies(design, onset.touched, leads, lags, tenure)
        design, beta, covariance = fit_poisson(design, spec)
        effects, pretrend = _tables(design, keys, beta, covariance, leads, lanes, confidence)
    few = {pair: _fewest(design, pair) for pair in pretrend["group"]}
    notes = tuple(
        f"{pair}: only {n} artists on its smaller side: read its intervals as exploratory"
        for pair, n in few.items()
        if n < FEWEST_EXPOSED
    )
    return EventStudy(effects, pretrend, call, (*design.notes, *notes))


def _fewest(design: ArtistDesign, pair: str) -> int:
    """Count the artists of the smaller side of "senior vs new"."""
    own, _, other = pair.rpartition(" vs ")
    return smaller_side(design, (design.labels.index(own), design.labels.index(other)))


def _refuse_treated(design: ArtistDesign) -> None:
    for (_, name), why in design.refused.items():
        raise InputError(
            why, column="event", value=name, fix="choose other groups, or another reference"
        )


def _dummies(
    design: ArtistDesign, touched: int, leads: int, lags: int, tenure: str
) -> tuple[ArtistDesign, list[tuple[str, int, str]]]:
    """Add a term for every group and relative period but the one before the event."""
    relative = np.clip(design.rows["period"].to_numpy() - touched, -leads, lags)
    label = design.rows["label"].to_numpy()
    columns, names, keys = [], [], []
    for i, name in enumerate(design.labels[1:], start=1):
        for k in range(-leads, lags + 1):
            column = ((relative == k) & (label == i)).astype(float)
            # A group whose rows the design left out has no column at all.
            if k != -1 and column.any():
                pair = f"{name} vs {design.labels[0]}"
                keys.append((pair, k, f"{pair} at {k:+d}"))
                names.append(keys[-1][2])
                columns.append(column)
    if tenure == "spline":
        spline = natural_spline(design.rows["tenure"].to_numpy())
        names += [f"tenure spline {i + 1}" for i in range(spline.shape[1])]
        columns += list(spline.T)
    return replace(design, x=np.column_stack(columns), names=tuple(names)), keys


def _tables(
    design: ArtistDesign,
    keys: list[tuple[str, int, str]],
    beta: Array,
    covariance: Array,
    leads: int,
    lanes: Sequence[str],
    confidence: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from scipy import stats

    place = {name: i for i, name in enumerate(design.names)}
    block = design.blocks[0]
    same: dict[str, Any] = {"platform": " and ".join(lanes), "group": ""}
    same |= {"event": block.id, "label": block.label}
    rows, tests = [], []
    for pair in dict.fromkeys(key[0] for key in keys):
        fewest = _fewest(design, pair)
        df = max(fewest - 1, 1) if fewest < FEWEST_EXPOSED else design.n_artists - 1
        quantile = stats.t.ppf((1 + confidence) / 2, df)
        own = [(k, place[name]) for group, k, name in keys if group == pair and name in place]
        before = [(k, j) for k, j in own if k < -1]
        if not before:  # nobody of this pair uploaded then: the others have their answer
            continue
        values = {k: (beta[j], float(np.sqrt(covariance[j, j]))) for k, j in own}
        for k, (value, se) in sorted({**values, -1: (0.0, 0.0)}.items()):
            low, high = value - quantile * se, value + quantile * se
            p = 2 * stats.t.sf(abs(value) / se, df) if se > 0 else np.nan
            rows.append(same | {"group": pair, "relative_period": k})
            rows[-1] |= answer_columns((value, se), low, high, p)
        where = [j for _, j in before]
        part = covariance[np.ix_(where, where)]
        test = leads_zero(np.array([k for k, _ in before]), beta[where], part, leads, fewest - 1)
        weights = slope_weights([k for k, _ in before])
        slope, slope_se = float(weights @ beta[where]), float(np.sqrt(weights @ part @ weights))
        tests.append(
            {
                "group": pair,
                **test,
                "p_without_shocks": test["p"],
                "slope": slope,
                "slope_se": slope_se,
                "minimum_detectable_slope": (quantile + stats.t.ppf(0.8, df)) * slope_se,
            }
        )
    if not tests:
        raise NotEstimableError("no lead could be estimated; the data begin too late")
    return pd.DataFrame(rows), pd.DataFrame(tests)


_OWN = ("panel", "events", "contrast", "reference", "groups")
"""What a comparison of two fixes by itself."""


def difference_in_differences(
    panel: Panel,
    event: Any,
    *,
    exposed: str,
    unexposed: str,
    by: Literal["group", "platform"] = "platform",
    **settings: Any,
) -> ArtistModel:
    """Compare the change of exposed artists with that of artists the event cannot have touched.

    Estimand: the log rate ratio at the event of the exposed artists, over what it would have been
    had they moved as the unexposed did (the average effect on the exposed, by uploads).

    Parameters
    ----------
    panel : Panel
    event : date or Event
    exposed, unexposed : str
        Two groups, or two platforms.
    by : {"group", "platform"}
    **settings
        Of `artist_model`. Shocks that all artists of a platform share are integrated out unless
        ``inference="cluster"``.

    Raises
    ------
    InputError
        When the event names its platforms and the unexposed one is among them.

    See Also
    --------
    event_study : The difference by period, with its leads.
    artist_model : Several groups at once.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    >>> panel = ut.build_panel(people, seniority=rule)
    >>> found = ut.difference_in_differences(
    ...     panel, "2021-06-01", exposed="senior", unexposed="new", by="group", inference="cluster"
    ... )
    >>> set(found.effects["group"])
    {'senior vs new'}
    """
    one_of("by", by, ("group", "platform"))
    known = [name for name in signature(artist_model).parameters if name not in _OWN]
    for name in settings:
        if name not in known:
            raise unknown(name, known, "artist_model has no such setting", "setting")
    for one in as_events(event):
        if by == "platform" and "all" not in one.platforms and one.concerns(unexposed):
            raise InputError(
                "the event concerns the platform that is called unexposed",
                column="unexposed",
                value=unexposed,
                fix="name a platform that it cannot have touched",
            )
    return artist_model(
        panel,
        event,
        contrast=by,
        reference=unexposed,
        groups=(exposed, unexposed),
        **settings,
    )
