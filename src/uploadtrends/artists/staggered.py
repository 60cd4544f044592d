"""Effects of an exposure that artists meet at different times, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from uploadtrends.artists import exposure_methods as methods
from uploadtrends.artists import outcomes as design
from uploadtrends.artists.exposure_methods import Estimates
from uploadtrends.artists.exposure_shocks import shared_shocks, two_step_exposure
from uploadtrends.artists.exposure_tests import event_time_table, honest_table, pretrend_row
from uploadtrends.artists.exposures import Exposure
from uploadtrends.artists.matching import Matched
from uploadtrends.artists.outcomes import DESCRIBED, UNITS, Method, outcome_frame
from uploadtrends.brief import p_text
from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.limits import inside, whole_number
from uploadtrends.panel.ready import UnitTable
from uploadtrends.result import Call, Result

if TYPE_CHECKING:
    from uploadtrends.panel import Panel


@dataclass(frozen=True, eq=False)
class ExposureEffects(Result):
    """What `exposure_effects` returns.

    Attributes
    ----------
    overall : pandas.DataFrame
        of ("all exposed", "cohort", "year"), when (first exposed period, or calendar year),
        estimate (mean over exposed artists and periods), se, low, high, p, unit, method, status
        (ok, exploratory, refused, biased), reason.
    effects : pandas.DataFrame
        platform, group, event, label, relative_period (0: the first exposed; -1 is the base of
        most methods), estimate, se, low, high, band_low, band_high (simultaneous), p, unit. Only
        the estimate where one exposed artist is seen.
    pretrend : pandas.DataFrame
        F, df, df_error, p (all leads zero; Hotelling's T-squared by the artists of the smaller
        side), slope, slope_se, minimum_detectable_slope (the straight pre-trend that this test
        finds with 80% power).
    honest : pandas.DataFrame
        How far the untreated courses may bend: max_bend (per period squared), estimate (mean
        effect over a continued straight pre-trend), low, high, breakdown, seen_before. In the unit
        of the effects: for Poisson, uploads, so that straight means so many more every period.
    bacon : pandas.DataFrame
        Two-way effects only: what they average, with weights (Goodman-Bacon 2021).
    shared : pandas.DataFrame
        What shocks common to all exposed artists would add, where uploads are counted and the
        method does not know them: shock_sd, phi, p_none, se, low, high.
    exposed, others : int
        Artists.
    method : str
    notes : tuple of str
    call : Call
    """

    overall: pd.DataFrame
    effects: pd.DataFrame
    pretrend: pd.DataFrame
    honest: pd.DataFrame
    bacon: pd.DataFrame
    shared: pd.DataFrame
    exposed: int
    others: int
    method: str
    notes: tuple[str, ...]
    call: Call = field(repr=False)

    title = "Exposure effects: difference between exposed and other artists"

    def to_frame(self) -> pd.DataFrame:
        """Return the overall effect and those of cohorts and years (a copy)."""
        return self.overall.copy()

    def summary(self) -> str:
        """Say the overall effect, what the leads allow, and what to keep in mind."""
        row = self.overall.iloc[0]
        what = f"{self.exposed} exposed and {self.others} other artists, {self.method}"
        if row["status"] == "refused":
            return f"{what}: refused ({row['reason']})."
        lines = [
            f"{what}: {row['estimate']:+.3g} [{row['low']:+.3g}, {row['high']:+.3g}] "
            f"{row['unit']}, {p_text(row['p'])}, {row['status']}"
            + (f" ({row['reason']})." if row["reason"] else ".")
        ]
        for test in self.pretrend.to_dict("records"):
            lines.append(
                f"Leads jointly zero: {p_text(test['p'])}; a straight trend before exposure of "
                f"{test['minimum_detectable_slope']:.3g} a period would be found."
            )
        for bound in self.honest.head(1).to_dict("records"):
            stands = (
                f"it stands as long as the untreated difference bends by less than "
                f"{bound['breakdown']:.2g} a period squared (before exposure: "
                f"{bound['seen_before']:.2g})"
                if bound["breakdown"] > 0
                else f"[{bound['low']:+.3g}, {bound['high']:+.3g}], not told from zero"
            )
            lines.append(f"Above a continued straight trend: {bound['estimate']:+.3g}; {stands}.")
        for shocks in self.shared.to_dict("records"):
            lines.append(
                f"Shocks common to exposed artists, learnt before exposure: sd "
                f"{100 * shocks['shock_sd']:.0f}% (probability of none {shocks['p_none']:.2f}); "
                f"with them [{shocks['low']:+.3g}, {shocks['high']:+.3g}]."
            )
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])


def exposure_effects(
    panel: Panel | UnitTable,
    exposure: Exposure | Matched,
    *,
    outcome: str = "uploads",
    method: Method = "auto",
    control: Literal["never", "not yet"] = "not yet",
    leads: int = 12,
    lags: int = 24,
    start: str | int | None = None,
    end: str | int | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> ExposureEffects:
    """Estimate the effect of an exposure on those exposed.

    It has to hold that without the exposure the outcomes of exposed and other artists would have
    moved in parallel, and that nobody acted on it before.

    Parameters
    ----------
    panel : Panel or UnitTable
        A ready table comes from `panel_from_table`.
    exposure : Exposure or Matched
    outcome : {"uploads", "active", "silent", "removals", "ai_share"}
        By artist and period. Silent: no upload in this period and the next two. Of a ready table:
        any column of numbers.
    method : str
        "auto": the two-step with common shocks where all are exposed at one date and uploads are
        counted, or whole platforms are exposed; else Poisson for uploads and imputation for all
        other outcomes, and for whatever a ready table holds. "imputation", "two-stage",
        "sun-abraham", "callaway-santanna" (levels; valid when exposure dates differ), "poisson"
        (mean effect in uploads of a multiplicative model), "two-step" (log ratios), "twfe" and
        "poisson-twfe" (for comparison only).
    control : {"not yet", "never"}
        Of Callaway-Sant'Anna.
    leads, lags : int
        Periods before and after exposure that are reported one by one.
    start, end : str or int, optional
        Keep only these periods; numbers where periods are numbered.
    confidence : float
    seed : int
        Of the simulation behind simultaneous bands.

    Raises
    ------
    InputError
        For settings that do not exist, a method that these data do not allow, an outcome that is
        no number, or an exposure of another panel.

    Notes
    -----
    Errors are clustered by artist. With fewer than ten artists on a side the answer is exploratory,
    and its interval has the quantile of t of that side's artists less one. Where everybody is
    exposed in the end, the last periods have nobody to compare with: the mean leaves them out, and
    a note says how many rows. Tests of leads and bounds on bends (`pretrend`, `honest`) read leads
    and effects against the period before exposure, from one fit. Only the two-step
    knows shocks that all exposed artists share; beside the others stands what such shocks would add
    (`ExposureEffects.shared`). Where whole platforms are exposed no other method is offered.

    See Also
    --------
    exposure : Who was exposed from when.
    panel_from_table : Takes a ready table in place of a panel.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> world = ut.simulate.tool_adopters(60, seed=1)
    >>> panel = ut.build_panel(world.population, start="2021-01-01")
    >>> exposed = ut.exposure(panel, world.treated_from)
    >>> found = exposure_effects(panel, exposed, method="imputation")
    >>> found.exposed + found.others, found.overall["status"].iloc[0]
    (60, 'ok')
    """
    call = Call.of(
        {"outcome": outcome, "method": method, "control": control, "leads": leads, "lags": lags}
        | {"start": start, "end": end, "confidence": confidence, "seed": seed},
        panel,
        exposure,
        function="exposure_effects",
    )
    design.check(method, control)
    leads, lags = whole_number("leads", leads, 2), whole_number("lags", lags)  # one is the base
    inside("confidence", confidence)
    seed = whole_number("seed", seed)
    given = exposure.exposure if isinstance(exposure, Matched) else exposure
    if getattr(given.panel, "numbered", None) != getattr(panel, "numbered", None):
        raise InputError(
            "the exposure belongs to another panel",
            column="exposure",
            fix="give the panel to exposure, and the same one here",
        )
    notes = list(given.notes)
    if isinstance(exposure, Matched):
        notes += exposure.notes
    frame, index = outcome_frame(panel, given, outcome, start, end, notes)
    ready = isinstance(panel, UnitTable)
    if ready:
        name = design.chosen_for_table(method, frame, outcome, notes)
    else:
        name = design.chosen(method, given, frame, outcome, notes)
    if name == "callaway-santanna":
        frame = design.balanced(frame, notes)
    exposed, others = design.counts(frame)
    unit = outcome if ready else UNITS[outcome].format(panel.period)
    if name in ("two-step", "poisson-twfe"):
        unit = "log ratio"
    why = design.refusal(frame, exposed, others, name)
    empty = pd.DataFrame()
    if not why:
        try:
            found, extra = _estimate(name, frame, given, control, leads, lags, confidence)
            notes += extra
        except NotEstimableError as error:
            why = str(error)
    if why:
        row = {"of": "all exposed", "when": pd.NaT, "unit": unit, "method": name}
        row |= dict.fromkeys(("estimate", "se", "low", "high", "p"), np.nan)
        overall = pd.DataFrame([row | {"status": "refused", "reason": why}])
        nothing = empty, empty, empty, empty, empty
        return ExposureEffects(overall, *nothing, exposed, others, name, tuple(notes), call)
    notes += design.out_of_reach(frame, index, name)
    status, reason = design.status(name, frame)
    same = {"unit": unit, "method": DESCRIBED[name], "status": status, "reason": reason}
    # Few artists on one side: the error is as uncertain as that side's artists are few.
    few = min(exposed, design.comparable(frame))
    df = max(few - 1 if status == "exploratory" else exposed + others - 1, 1)
    overall = _overall(found, frame, index, same, df, confidence)
    place = " and ".join(sorted(frame["platform"].unique()))
    labels = {"platform": place, "group": "exposed", "event": "exposure", "label": "the exposure"}
    labels |= {"unit": unit}
    effects = event_time_table(found, leads, lags, labels, df, confidence, seed)
    relative = (frame["t"] - frame["g"])[frame["g"] > 0].value_counts()
    single_artist = effects["relative_period"].map(relative).fillna(0) < 2
    effects.loc[single_artist, ["se", "low", "high", "band_low", "band_high", "p"]] = np.nan
    joint = found.joint or found
    pretrend = pretrend_row(joint, leads, max(few - 1, 1))
    honest = honest_table(joint, leads, frame, confidence)
    knows_shocks = unit == "log ratio" or outcome != "uploads" or ready
    shared = empty if knows_shocks else shared_shocks(frame, found.overall, confidence)
    tables = overall, effects, pretrend, honest, _bacon(name, frame, notes), shared
    return ExposureEffects(*tables, exposed, others, name, tuple(notes), call)


def _estimate(
    method: str,
    frame: pd.DataFrame,
    exposure: Exposure,
    control: str,
    leads: int,
    lags: int,
    confidence: float,
) -> tuple[Estimates, list[str]]:
    if method == "two-step":
        found, said = two_step_exposure(
            frame,
            by_platform=exposure.by_platform,
            leads=leads,
            lags=lags,
            confidence=confidence,
        )
        return found, list(said)
    if method == "callaway-santanna":
        kind = "never_treated" if control == "never" else "not_yet_treated"
        return methods.callaway_santanna(frame, kind), []
    estimators: dict[str, Callable[[pd.DataFrame], Estimates]] = {
        "imputation": lambda rows: methods.imputation(rows, leads),
        "two-stage": lambda rows: methods.two_stage(rows, leads),
        "sun-abraham": methods.sun_abraham,
        "poisson": lambda rows: methods.poisson(rows, leads),
        "twfe": methods.twfe,
        "poisson-twfe": lambda rows: methods.twfe(rows, counts=True),
    }
    if method.startswith("poisson"):
        return estimators[method](frame), []
    # Linear: libraries stop their loops at absolute errors, whatever the unit of the outcome.
    unit = float(frame["y"].std()) or 1.0
    standard = frame.assign(y=(frame["y"] - frame["y"].mean()) / unit)
    return _in_unit(estimators[method](standard), unit), []


def _in_unit(found: Estimates, unit: float) -> Estimates:
    """Return the estimates for an outcome that was measured in this unit."""

    def each(pairs: dict[int, tuple[float, float]]) -> dict[int, tuple[float, float]]:
        return {key: (unit * value, unit * error) for key, (value, error) in pairs.items()}

    value, error = found.overall
    return replace(
        found,
        values=unit * found.values,
        errors=unit * found.errors,
        overall=(unit * value, unit * error),
        cohorts=each(found.cohorts),
        years=each(found.years),
        joint=None if found.joint is None else _in_unit(found.joint, unit),
    )


def _overall(
    found: Estimates,
    frame: pd.DataFrame,
    index: pd.Index,
    same: dict[str, Any],
    df: int,
    confidence: float,
) -> pd.DataFrame:
    rows: list[tuple[str, Any, tuple[float, float]]] = [("all exposed", pd.NaT, found.overall)]
    rows += [("cohort", index[g - 1], pair) for g, pair in sorted(found.cohorts.items())]
    rows += [("year", pd.Timestamp(year, 1, 1), pair) for year, pair in sorted(found.years.items())]
    quantile = stdtrit(df, (1 + confidence) / 2)
    table = pd.DataFrame(
        [
            {
                "of": of,
                "when": when,
                "estimate": value,
                "se": se,
                "low": value - quantile * se,
                "high": value + quantile * se,
                "p": 2 * stdtr(df, -abs(value) / se) if se > 0 else np.nan,
            }
            | same
            for of, when, (value, se) in rows
        ]
    )
    sizes = frame.drop_duplicates("artist")["g"].value_counts()
    single = [
        of == "cohort" and sizes[int(index.searchsorted(when)) + 1] < 2 for of, when, _ in rows
    ]
    exact = (table["se"] <= 1e-9 * frame["y"].std()).tolist()
    for rows_of in (single, exact):
        table.loc[rows_of, ["se", "low", "high", "p"]] = np.nan
    for where, status, reason in (
        (table["se"].isna(), "exploratory", "this method gives no standard error for it"),
        (exact, "exploratory", "the model fits every value, so nothing is known of chance"),
        (single, "refused", "one exposed artist: what else happened to this one is in it"),
        (table["estimate"].isna(), "refused", "nobody is left to compare with in these periods"),
    ):
        table.loc[where, ["status", "reason"]] = status, reason
    if found.interval is not None:
        table.loc[0, ["low", "high", "p"]] = found.interval
    return table


def _bacon(method: str, frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    if method != "twfe":
        return pd.DataFrame()
    try:
        return methods.bacon(design.balanced(frame, notes))
    except NotEstimableError as error:
        notes.append(f"no Goodman-Bacon weights: {error}")
        return pd.DataFrame()
