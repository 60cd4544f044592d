"""Who falls silent, and who returns: discrete-time hazards by group and event."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.artists.design import NOT_ON_BOTH_SIDES, ArtistDesign, Spec, artist_design
from uploadtrends.artists.hazard_periods import HazardFit, margin_answers
from uploadtrends.artists.model import compared_platforms
from uploadtrends.artists.result import compared
from uploadtrends.artists.sensitivity import independent
from uploadtrends.artists.twostep import SHOCK_COLUMNS, answer_columns
from uploadtrends.brief import p_text
from uploadtrends.errors import NotEstimableError
from uploadtrends.events import as_events
from uploadtrends.familywise import holm
from uploadtrends.limits import inside, one_of, whole_number
from uploadtrends.models.effects import COLUMNS
from uploadtrends.result import Call, Result

if TYPE_CHECKING:
    from uploadtrends.panel import Panel

Margin = Literal["going silent", "returning"]


@dataclass(frozen=True, eq=False)
class HazardModel(Result):
    """Hazard ratios of going silent and of returning.

    Attributes
    ----------
    effects : pandas.DataFrame
        Columns as of `InterruptedTimeSeries.effects`; `term` is "going silent" or "returning",
        `group` a group's own change at the event or a contrast ("senior vs new"), `estimate` a
        log hazard ratio.
    spells : pandas.DataFrame
        term, group, periods (at risk), artists, transitions.
    silent_after : int
    notes : tuple of str
    call : Call
    shocks : pandas.DataFrame
        As of `ArtistModel`, with `margin` for going silent or returning.
    """

    effects: pd.DataFrame
    spells: pd.DataFrame
    silent_after: int
    notes: tuple[str, ...] = field(repr=False)
    call: Call
    shocks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(SHOCK_COLUMNS)))

    @property
    def title(self) -> str:
        """What this is, as the caption of its table."""
        return f"Going silent and returning: {compared(self.effects)}"

    def to_frame(self) -> pd.DataFrame:
        """Return the effects (a copy)."""
        return self.effects.copy()

    def summary(self) -> str:
        """Say in plain words how the hazards changed."""
        lines = []
        for row in self.effects.to_dict("records"):
            what = f"{row['term']}, {row['group']}, {row['label']}"
            if row["status"] not in ("ok", "exploratory"):
                lines.append(f"{what}: {row['status']} ({row['reason']}).")
            else:
                lines.append(
                    f"{what}: hazard {row['relative']:+.0f}% [{row['relative_low']:+.0f}, "
                    f"{row['relative_high']:+.0f}], {p_text(row['p'])}."
                )
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])


def artist_hazards(
    panel: Panel,
    events: Any,
    *,
    platform: str | None = None,
    contrast: Literal["group", "platform"] = "group",
    reference: str | None = None,
    groups: Sequence[str] | None = None,
    silent_after: int = 3,
    start: str | None = None,
    end: str | None = None,
    inference: Literal["two-step", "cluster"] = "two-step",
    confidence: float = 0.95,
) -> HazardModel:
    """Model the chance of going silent after an active period, and of returning after a silence.

    Complementary log-log regressions by artist and period (proportional hazards in discrete time;
    Prentice & Gloeckler 1978) with a linear trend, two yearly harmonics, the groups, tenure (and
    the length of the silence). One Newton step from there gives every group's hazard in every
    period, whose change is estimated with shocks common to all artists integrated out.

    Parameters
    ----------
    panel, events, platform, contrast, reference, groups, start, end, confidence
        As in `artist_model`.
    silent_after : int
        So many periods without uploads in a row make a silence. It is dated by its first period.
        Starts of a silence that the data cannot confirm any more, or that straddle an event, are
        left out.
    inference : {"two-step", "cluster"}
        Common shocks integrated out, as in `artist_model`; or the one regression with errors
        clustered by artist, which knows no common shocks.

    Raises
    ------
    InputError
        For data or settings that do not allow the model.

    See Also
    --------
    artist_model : How much those upload who do.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    >>> panel = ut.build_panel(people, seniority=rule)
    >>> found = ut.artist_hazards(panel, "2021-06-01", inference="cluster")
    >>> sorted(set(found.effects["term"]))
    ['going silent', 'returning']
    """
    events = as_events(events)
    call = Call.of(locals(), panel, function="artist_hazards")
    silent_after = whole_number("silent_after", silent_after, 1)
    inside("confidence", confidence)
    one_of("inference", inference, ("two-step", "cluster"))
    one_of("contrast", contrast, ("group", "platform"))
    lanes = compared_platforms(panel, platform, contrast)
    spec = Spec(
        platforms=lanes,
        contrast=contrast,
        reference=reference,
        time="trend",
        tenure="none",
        terms=("level",),
        unit="uploads",
        boundary="exposure",
        start=start,
        end=end,
        offset=None,
        groups=groups,
        keep_silent=True,
    )
    design = artist_design(panel, events, spec)
    rows: list[dict[str, Any]] = []
    spells: list[dict[str, Any]] = []
    notes = [note for note in design.notes if "tenure enters" not in note]
    notes.append(
        "tenure enters as its logarithm, the first period after the first upload apart: without "
        "artist effects this takes cohorts to be alike"
    )
    shocks = [pd.DataFrame(columns=[*SHOCK_COLUMNS, "margin"])]
    margins: tuple[Margin, ...] = ("going silent", "returning")
    for margin in margins:
        used, outcome, extra = _transitions(design, margin, silent_after)
        spells += _spell_counts(design, margin, used, outcome)
        fit = _regression(design, used, outcome, extra)
        told = _with_separated(design, margin, fit)
        if inference == "cluster":
            rows += _margin(told, margin, fit, " and ".join(lanes), confidence)
            continue
        found = margin_answers(told, spec, margin, fit, confidence)
        rows += [{str(k): v for k, v in row.items()} for row in found.effects.to_dict("records")]
        shocks.append(found.shocks.assign(margin=margin))
        notes += [f"{margin}, {note}" for note in found.notes]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for _, part in table.groupby("term"):
        table.loc[part.index, "p_holm"] = holm(part["p"].to_numpy(dtype=float))
    every = [part for part in shocks if len(part)] or shocks
    return HazardModel(
        table,
        pd.DataFrame(spells),
        silent_after,
        tuple(notes),
        call,
        pd.concat(every, ignore_index=True),
    )


def _transitions(
    design: ArtistDesign, margin: Margin, length: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Array]:
    """Return the rows at risk, whether the transition happened, and the length of the silence."""
    rows = design.rows
    artist, period = rows["artist"].to_numpy(), rows["period"].to_numpy()
    active = rows["y"].to_numpy() > 0
    n = len(rows)
    new = np.r_[True, artist[1:] != artist[:-1]]
    gap = np.r_[True, np.diff(period) != 1] | new  # the row before is not the period before
    # Periods since the last upload, as known before each row; the first row follows the entry.
    since = np.zeros(n)
    known = np.zeros(n, dtype=bool)
    entered = rows["tenure"].to_numpy() <= _one_period(design)
    for i in range(n):
        if gap[i]:
            since[i], known[i] = 0.0, bool(new[i] and entered[i])
        elif active[i - 1]:
            since[i], known[i] = 0.0, True
        else:
            since[i], known[i] = since[i - 1] + 1, known[i - 1]
    if margin == "returning":
        used = known & (since >= length)
        return used, active, np.log(np.maximum(since, 1.0))
    ahead = np.ones(n, dtype=bool)  # the next `length` rows are the next periods of the artist
    silent = np.ones(n, dtype=bool)
    for step in range(length):
        later = np.minimum(np.arange(n) + step, n - 1)
        ahead &= (artist[later] == artist) & (period[later] == period + step)
        silent &= ~active[later]
    used = known & (since == 0) & ahead
    for place in design.effects.values():
        reached = np.zeros(len(design.index))
        np.maximum.at(reached, period, (design.x[:, place] > 0).astype(float))
        first = int(np.argmax(reached)) if reached.any() else len(reached)
        used &= ~((period < first) & (period + length > first))
    return used, silent, np.zeros(n)


def _one_period(design: ArtistDesign) -> float:
    days = np.diff(design.index.to_numpy()).astype("timedelta64[D]").astype(float)
    return float(np.ceil(days.max() / 30.436875)) if len(days) else 1.0


def _spell_counts(
    design: ArtistDesign, margin: str, used: NDArray[np.bool_], outcome: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    rows = design.rows[used].assign(happened=outcome[used])
    return [
        {
            "term": margin,
            "group": name,
            "periods": len(part),
            "artists": part["artist"].nunique(),
            "transitions": int(part["happened"].sum()),
        }
        for name, part in ((name, rows[rows["label"] == i]) for i, name in enumerate(design.labels))
    ]


def _regression(
    design: ArtistDesign,
    used: NDArray[np.bool_],
    outcome: NDArray[np.bool_],
    extra: Array,
) -> HazardFit:
    """Fit the regression by artist and period of one margin."""
    rows = design.rows[used]
    label = rows["label"].to_numpy()
    tenure = rows["tenure"].to_numpy()
    # Who uploads once and never again is gone in the first period: no smooth course draws that.
    first = (tenure <= _one_period(design)).astype(float)
    x = [np.ones(len(rows)), np.log1p(tenure / 12), first]
    groups = slice(len(x), len(x) + len(design.labels) - 1)
    x += [(label == i).astype(float) for i in range(1, len(design.labels))]
    differs = [1, 2]
    if extra.any():
        differs.append(len(x))
        x.append(extra[used])
    offset = len(x)
    matrix = np.column_stack([*x, design.x[used]])
    spread = np.ptp(matrix, axis=0) > 0 if len(matrix) else np.zeros(matrix.shape[1], dtype=bool)
    spread[0] = True
    # Of columns that are the same in these rows the first stays; `_estimable` knows what is left.
    if len(matrix):
        spread[spread] = independent(matrix[:, spread], 1e-12)
    y = outcome[used].astype(float)
    beta, covariance, failed = _cloglog(y, matrix, spread, rows["artist"].to_numpy())
    own = np.array([column for column in differs if spread[column]], dtype=np.int64)
    return HazardFit(rows, y, matrix, spread, beta, covariance, own, groups, offset, failed)


def _margin(
    design: ArtistDesign, margin: str, fit: HazardFit, lane: str, confidence: float
) -> list[dict[str, Any]]:
    from scipy import stats

    df = max(fit.rows["artist"].nunique() - 1, 1)
    quantile, power = stats.t.ppf((1 + confidence) / 2, df), stats.t.ppf(0.8, df)
    found = []
    reference, *others = design.labels
    names: list[tuple[str, tuple[str, ...]]] = [(reference, (reference,))]
    names += [(name, (reference, f"{name} vs {reference}")) for name in others]
    names += [(f"{name} vs {reference}", (f"{name} vs {reference}",)) for name in others]
    for block in design.blocks:
        for name, parts in names:
            row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
            row |= {"platform": lane, "group": name, "event": block.id, "label": block.label}
            row |= {"term": margin, "unit": "log hazard ratio"}
            row |= {"method": "complementary log-log, clustered by artist"}
            places = [design.effects.get((block.id, "level", part)) for part in parts]
            at = [fit.offset + place for place in places if place is not None]
            weights = np.zeros(len(fit.beta))
            weights[at] = 1.0
            why = fit.failed or design.refused.get((block.id, ""), "")
            why = why or design.refused.get((block.id, name), "")
            if not why and (len(at) < len(parts) or not _estimable(fit, weights)):
                why = NOT_ON_BOTH_SIDES
            if why:
                found.append(row | {"status": "not estimable", "reason": why})
                continue
            value = float(weights @ fit.beta)
            se = float(np.sqrt(weights @ fit.covariance @ weights))
            low, high = value - quantile * se, value + quantile * se
            p = float(2 * stats.t.sf(abs(value) / se, df))
            row |= answer_columns((value, se), low, high, p)
            row |= {"df": float(df), "status": "ok", "reason": block.reason}
            found.append(row | {"minimum_detectable": (quantile + power) * se})
    return found


def _estimable(fit: HazardFit, weights: Array) -> bool:
    """Tell whether these rows say anything of a sum of coefficients, whichever of them were
    dropped."""
    kept, dropped = fit.x[:, fit.spread], fit.x[:, ~fit.spread]
    shares = np.linalg.lstsq(kept, dropped, rcond=None)[0]
    return bool(np.allclose(weights[~fit.spread], weights[fit.spread] @ shares, atol=1e-6))


def _with_separated(design: ArtistDesign, margin: Margin, fit: HazardFit) -> ArtistDesign:
    """Refuse groups of which all or none made the transition on one side of an event: their log
    hazard there has no end."""
    refused = dict(design.refused)
    label = fit.rows["label"].to_numpy()
    for block in design.blocks:
        place = design.effects.get((block.id, "level", design.labels[0]))
        if place is None:
            continue
        after = fit.x[:, fit.offset + place] > 0
        for i, name in enumerate(design.labels):
            rates = [fit.y[(label == i) & side] for side in (~after, after)]
            if not all(y.size for y in rates) or all(0 < y.sum() < y.size for y in rates):
                continue
            why = f"nobody of '{name}', or everybody, is seen {margin} on one side of the event"
            pairs = [f"{other} vs {design.labels[0]}" for other in design.labels[1:]]
            for group in (name, *(p for p in pairs if i == 0 or p.startswith(f"{name} vs "))):
                refused.setdefault((block.id, group), why)
    return replace(design, refused=refused)


def _cloglog(
    y: Array, x: Array, keep: NDArray[np.bool_], cluster: NDArray[np.int64]
) -> tuple[Array, Array, str]:
    """Fit by statsmodels; coefficients and covariance have zeros where a column was left out."""
    import statsmodels.api as sm

    k = x.shape[1]
    beta, covariance = np.zeros(k), np.zeros((k, k))
    if not 0 < y.sum() < len(y):
        return beta, covariance, "no transition, or nothing but transitions"
    # Scaled columns: a month counter beside shares upsets the iterations.
    size = np.abs(x[:, keep]).max(axis=0)
    model = sm.GLM(y, x[:, keep] / size, family=sm.families.Binomial(sm.families.links.CLogLog()))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # separation is said in a sentence, below
            fit = model.fit(cov_type="cluster", cov_kwds={"groups": cluster}, maxiter=100)
    except (np.linalg.LinAlgError, ValueError, NotEstimableError) as error:
        return beta, covariance, f"the regression failed ({error})"
    if not fit.converged or np.abs(fit.params).max() > 100:
        return beta, covariance, "the regression did not converge: some term separates perfectly"
    where = np.flatnonzero(keep)
    beta[where] = np.asarray(fit.params) / size
    covariance[np.ix_(where, where)] = np.asarray(fit.cov_params()) / np.outer(size, size)
    return beta, covariance, ""
