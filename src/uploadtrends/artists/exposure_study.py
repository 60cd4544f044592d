"""One exposure in full: who was exposed, matched with whom, each outcome by each method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from uploadtrends.artists.exposures import exposure
from uploadtrends.artists.matching import Matched, matched
from uploadtrends.artists.outcomes import Method
from uploadtrends.artists.staggered import ExposureEffects, exposure_effects
from uploadtrends.brief import p_text
from uploadtrends.errors import InputError
from uploadtrends.result import Call, Result

if TYPE_CHECKING:
    from uploadtrends.panel import Panel


@dataclass(frozen=True, eq=False)
class ExposureStudy(Result):
    """What `exposure_study` returns. It names no artist, so that it can be passed on.

    Attributes
    ----------
    overall : pandas.DataFrame
        outcome, then as `ExposureEffects.overall`: the mean effect on the exposed, by cohort and
        year, one outcome and method after the other. What cannot be estimated is there with status
        *refused* and its reason.
    kinds : pandas.DataFrame
        kind, artists: how many are treated, never, later, always treated, reversed.
    cohorts : pandas.DataFrame
        treated_from, artists.
    balance, support : pandas.DataFrame
        As of `Matched`; empty without matching.
    fits : tuple of (str, ExposureEffects)
        Outcome and what was found, where something was fitted.
    notes : tuple of str
    call : Call
    """

    overall: pd.DataFrame
    kinds: pd.DataFrame
    cohorts: pd.DataFrame
    balance: pd.DataFrame
    support: pd.DataFrame
    fits: tuple[tuple[str, ExposureEffects], ...] = field(repr=False)
    notes: tuple[str, ...]
    call: Call = field(repr=False)

    title = "Exposure study: difference between exposed and other artists"

    def to_frame(self) -> pd.DataFrame:
        """Return the estimates (a copy)."""
        return self.overall.copy()

    def tests(self) -> pd.DataFrame:
        """Return the tests of the leads with their power: outcome, method, F, df, p, slope, ..."""
        return self._stacked("pretrend")

    def honest(self) -> pd.DataFrame:
        """Return how far untreated courses may bend: outcome, method, max_bend, estimate, ..."""
        return self._stacked("honest")

    def shared(self) -> pd.DataFrame:
        """Return what shocks common to exposed artists would add: outcome, method, shock_sd, ..."""
        return self._stacked("shared")

    def averaged(self) -> pd.DataFrame:
        """Return what two-way effects average, with weights: outcome, comparison, weight, ..."""
        return self._stacked("bacon")

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table that is not empty, by name."""
        found = {
            "exposure": self.overall,
            "exposure_artists": self.kinds,
            "exposure_dates": self.cohorts,
            "exposure_balance": self.balance,
            "exposure_support": self.support,
            "exposure_leads": self.tests(),
            "exposure_bends": self.honest(),
            "exposure_shocks": self.shared(),
            "exposure_weights": self.averaged(),
        }
        return {name: table for name, table in found.items() if len(table)}

    def _stacked(self, name: str) -> pd.DataFrame:
        parts = []
        for outcome, fit in self.fits:
            part = getattr(fit, name)
            if len(part):
                parts.append(part.assign(outcome=outcome, method=fit.method))
        if not parts:
            return pd.DataFrame(columns=["outcome", "method"])
        whole = pd.concat(parts, ignore_index=True)
        first = ["outcome", "method"]
        return pd.DataFrame(whole, columns=[*first, *whole.columns.drop(first)])

    def summary(self) -> str:
        """Say who was exposed, who was compared, and what each outcome and method found."""
        counts = ", ".join(f"{n} {kind}" for kind, n in self.kinds.to_numpy() if n)
        lines = [f"Artists: {counts}."]
        if len(self.balance):
            before, after = (self.balance[name].abs().max() for name in ("before", "after"))
            lines.append(
                f"{int(self.support['matched'].sum())} of {int(self.support['exposed'].sum())} "
                f"exposed artists are matched; the largest standardised difference falls from "
                f"{before:.2f} to {after:.2f}."
            )
        first = self.overall[self.overall["of"] == "all exposed"]
        for row in first.to_dict("records"):
            what = f"{row['outcome']}, {row['method']}"
            if row["status"] == "refused":
                lines.append(f"{what}: refused ({row['reason']}).")
                continue
            why = f" ({row['reason']})" if row["reason"] else ""
            lines.append(
                f"{what}: {row['estimate']:+.3g} [{row['low']:+.3g}, {row['high']:+.3g}] "
                f"{row['unit']}, {p_text(row['p'])}, {row['status']}{why}."
            )
        for test in self.tests().to_dict("records"):
            lines.append(
                f"Leads of {test['outcome']} ({test['method']}) jointly zero: {p_text(test['p'])}; "
                f"a straight trend of {test['minimum_detectable_slope']:.3g} a period would be "
                "found."
            )
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])


def exposure_study(
    panel: Panel,
    treated_from: Any,
    *,
    platform: str | None = None,
    match_on: Sequence[str] = (),
    match: Literal["nearest", "coarsened"] = "nearest",
    ratio: int = 1,
    caliper: float = 0.5,
    bins: int = 5,
    outcomes: Sequence[str] = ("uploads",),
    methods: Sequence[Method] = ("auto", "twfe"),
    control: Literal["never", "not yet"] = "not yet",
    leads: int = 12,
    lags: int = 24,
    start: str | None = None,
    end: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> ExposureStudy:
    """Estimate the effect of an exposure on several outcomes by several methods, side by side.

    The verbs `exposure`, `matched` and `exposure_effects` one after the other; what a combination
    of outcome and method cannot give is marked *refused* with the reason and stops nothing.

    Parameters
    ----------
    panel : Panel
    treated_from
        As in `exposure`.
    platform : str, optional
    match_on : sequence of str
        Covariates to match on, as in `matched`; none: everybody is compared.
    match, ratio, caliper, bins
        ``method`` and settings of `matched`.
    outcomes, methods : sequence of str
        As ``outcome`` and ``method`` of `exposure_effects`.
    control, leads, lags, start, end, confidence
        As in `exposure_effects`.
    seed : int
        Of matching and of simultaneous bands.

    Raises
    ------
    InputError
        For an exposure that cannot be read, nobody exposed inside the panel, nobody to match, or
        no outcome or method.

    See Also
    --------
    exposure_effects : One outcome by one method.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> world = ut.simulate.tool_adopters(80, seed=1)
    >>> panel = ut.build_panel(world.population, start="2021-01-01")
    >>> found = exposure_study(panel, world.treated_from, methods=("imputation", "twfe"))
    >>> found.overall.query("of == 'all exposed'")["status"].tolist()
    ['ok', 'biased']
    """
    settings = dict(locals())
    settings.pop("panel")
    given = settings.pop("treated_from")
    for name, several in (("outcomes", outcomes), ("methods", methods)):
        if isinstance(several, str) or not several:
            raise InputError(
                "name at least one", column=name, value=several, fix=f'{name} = ["..."], a list'
            )
    who = exposure(panel, given, platform=platform)
    call = Call.of(settings, panel, who, function="exposure_study")
    used: Any = who
    if match_on:
        used = matched(
            who, match_on, method=match, ratio=ratio, caliper=caliper, bins=bins, seed=seed
        )
    tables, fits, notes = [], [], dict.fromkeys(who.notes)
    same: dict[str, Any] = {
        "control": control,
        "leads": leads,
        "lags": lags,
        "start": start,
        "end": end,
        "confidence": confidence,
        "seed": seed,
    }
    for outcome in outcomes:
        done = set()
        for method in methods:
            try:
                fit = exposure_effects(panel, used, outcome=outcome, method=method, **same)
            except InputError as error:
                if error.column not in ("outcome", "method", outcome) or error.problem.startswith(
                    "unknown"
                ):
                    raise
                refused = {"outcome": outcome, "of": "all exposed", "method": method}
                reason = error.problem
                tables.append(pd.DataFrame([refused | {"status": "refused", "reason": reason}]))
                continue
            if fit.method in done:  # "auto" chose one that is asked for by name, too
                continue
            done.add(fit.method)
            fits.append((outcome, fit))
            tables.append(fit.overall.assign(outcome=outcome))
            notes |= dict.fromkeys(fit.notes)
    whole = pd.concat(tables, ignore_index=True)
    columns = ["outcome", "method", "of", "when", "estimate", "se", "low", "high", "p"]
    overall = whole.reindex(columns=[*columns, "unit", "status", "reason"])
    kinds = pd.DataFrame(list(who.counts().items()), columns=["kind", "artists"])
    paired = isinstance(used, Matched)
    return ExposureStudy(
        overall,
        kinds,
        who.cohorts(),
        used.balance if paired else pd.DataFrame(),
        used.support if paired else pd.DataFrame(),
        tuple(fits),
        tuple(notes),
        call,
    )
