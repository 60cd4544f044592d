"""The same question put to several methods, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd

from uploadtrends.brief import p_text
from uploadtrends.errors import InputError, NotEstimableError
from uploadtrends.limits import one_of
from uploadtrends.models.comparison.unobserved import WANDERING, wandering_rows
from uploadtrends.models.preparation import prepare
from uploadtrends.models.result import InterruptedTimeSeries, run
from uploadtrends.models.settings import Settings
from uploadtrends.result import Call, Result
from uploadtrends.signatures import unknown

GAUSSIAN = ("reml-averaged", "reml-ar1", "ols-hac", "prais-winsten", "ar1-plus-noise", "bootstrap")
COUNTS = ("count-ar1", "quasi-poisson", "negative-binomial", "poisson")
_FRAME = ("platform", "group", "event", "label", "term")


@dataclass(frozen=True, eq=False)
class Comparison(Result):
    """What `compare` returns.

    Attributes
    ----------
    table : pandas.DataFrame
        platform, group, event, label, term, method, estimate, se, low, high, relative,
        relative_low, relative_high, absolute, absolute_low, absolute_high, p, unit, status, reason.
        A method that cannot fit a series is there with its reason. "(reported)" marks the method of
        the result that was given.
    call : Call
    """

    table: pd.DataFrame
    call: Call

    title = "The same effects by several methods"

    def to_frame(self) -> pd.DataFrame:
        """Return the table (a copy)."""
        return self.table.copy()

    def summary(self) -> str:
        """Say the range of every effect over the methods, and how many claim a change."""
        lines = []
        for key, part in self.table.groupby(list(_FRAME), sort=False, dropna=False):
            known = part[part["p"].notna()]
            platform, group, event, _, term = map(str, key)
            where = ", ".join(word for word in (platform, group, event, term) if word)
            if known.empty:
                lines.append(f"{where}: no method has an answer.")
                continue
            percent = known["relative"].notna().all()
            sizes = known["relative"] if percent else known["estimate"]
            unit = "%" if percent else f" ({known['unit'].iloc[0]})"
            lines.append(
                f"{where}: {sizes.min():+.3g} to {sizes.max():+.3g}{unit} over {len(known)} "
                f"methods; p <= .05 in {int((known['p'] <= 0.05).sum())} "
                f"(smallest {p_text(float(known['p'].min()))})."
            )
        return "\n".join(lines)


def compare(
    result: InterruptedTimeSeries,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    *,
    terms: Sequence[str] | None = None,
) -> Comparison:
    """Put the question of a fitted interrupted time series to other methods, side by side.

    Parameters
    ----------
    result : InterruptedTimeSeries
        Series, events and all settings but the method are its own; the scale is the one that was
        chosen for each series, so that estimates compare.
    methods : sequence of str, or mapping of name to settings, optional
        Methods of `interrupted_time_series`, ``"bootstrap"`` (`Fit.bootstrap`), or
        ``"local-linear-trend"`` and ``"basic-structural"``, structural models whose trend and
        season wander (R's StructTS, with an exact diffuse start); or settings to change under a
        name of your own, as in
        ``{"nlme::gls": {"method": "reml-ar1", "phi": "maximum"}}``. By default the common ones for
        the scale of each series.
    terms : sequence of str, optional
        Which rows to show; by default the terms of the model.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If `result` is no interrupted time series, or a method or setting is unknown.

    See Also
    --------
    interrupted_time_series : Fits what is compared.
    specification_curve : Varies everything, not only the method.

    Examples
    --------
    >>> import pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2018-01-01", periods=60, freq="MS")
    >>> series = pd.Series([60 + i * 7 % 11 - 20 * (i > 40) for i in range(60)], index)
    >>> its = ut.interrupted_time_series(series, "2021-06-01", terms=("level",))
    >>> both = ut.compare(its, ["ols-hac", "reml-ar1"]).to_frame()
    >>> list(both["method"])
    ['reml-averaged (reported)', 'ols-hac', 'reml-ar1']
    """
    said = dict(locals())
    if not isinstance(result, InterruptedTimeSeries):
        raise InputError(
            "only an interrupted time series can be put to other methods",
            column="result",
            value=type(result).__name__,
            fix="give the result of interrupted_time_series",
        )
    call = Call.of({key: said[key] for key in ("methods", "terms")}, result, function="compare")
    shown = (terms,) if isinstance(terms, str) else tuple(terms or result.settings.terms)
    for term in shown:
        one_of("terms", term, tuple(result.effects["term"].unique()))
    own = result.effects[result.effects["term"].isin(shown)]
    parts = [own.assign(method=own["method"] + " (reported)")]
    for fit in result.fits:
        for name, settings in _asked(methods, fit.scale).items():
            if settings == {"method": fit.method}:
                continue
            _known(settings)
            parts.append(_by(result, fit, name, settings, shown))
    columns = [*_FRAME, "method", "estimate", "se", "low", "high", "relative", "relative_low"]
    columns += ["relative_high", "absolute", "absolute_low", "absolute_high", "p", "unit"]
    columns += ["status", "reason"]
    kept = [part for part in parts if len(part)]
    table = pd.concat([part.reindex(columns=columns) for part in kept], ignore_index=True)
    place = {key: n for n, key in enumerate(own[list(_FRAME)].itertuples(index=False, name=None))}
    keys = list(table[list(_FRAME)].itertuples(index=False, name=None))
    order = sorted(range(len(table)), key=lambda i: (place.get(keys[i], len(place)), i))
    return Comparison(table.iloc[order].reset_index(drop=True), call)


def _asked(
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]] | None, scale: str
) -> dict[str, dict[str, Any]]:
    if methods is None:
        methods = COUNTS if scale == "counts" else GAUSSIAN
    if isinstance(methods, str):
        methods = (methods,)
    if isinstance(methods, Mapping):
        return {name: dict(settings) for name, settings in methods.items()}
    return {name: {"method": name} for name in methods}


def _known(settings: Mapping[str, Any]) -> None:
    """Refuse a name that is no setting."""
    names = [item.name for item in fields(Settings)]
    for name in settings:
        if name not in names:
            raise unknown(name, names, "no such setting of interrupted_time_series", "methods")


def _by(
    result: InterruptedTimeSeries,
    fit: Any,
    name: str,
    settings: dict[str, Any],
    shown: tuple[str, ...],
) -> pd.DataFrame:
    """Return one fit's rows by another method, or the reason why it has none."""
    own = result.effects
    frame = own[(own["platform"] == fit.platform) & (own["group"] == fit.group)]
    frame = frame[frame["term"].isin(shown)]
    blank = frame[list(_FRAME)].assign(method=name, unit=frame["unit"])
    try:
        if settings.get("method") == "bootstrap":
            found = fit.bootstrap().drop(columns=["order", "draws"])
            beside: pd.DataFrame = blank.merge(found, on=["event", "term"]).assign(
                status="exploratory", reason="sensitivity: least squares, resampled errors"
            )
            return beside
        if settings.get("method") in WANDERING:
            wandering = str(settings["method"])
            changes: dict[str, Any] = {"scale": fit.scale, "trend": False, "method": "auto"}
            if wandering == "basic-structural":
                changes["season"] = "none"
            bare = prepare(fit.prepared.item, result.events, replace(result.settings, **changes))
            found = wandering_rows(bare, wandering)
            found = found[found["term"].isin(shown)]
            return found.assign(method=name, unit=blank["unit"].iloc[0] if len(blank) else "")
        changed = {"scale": fit.scale, **settings}
        settings_of_it = replace(result.settings, **changed)
        again = run([fit.prepared.item], result.events, settings_of_it, result.data).effects
        again = again[again["term"].isin(shown)]
        made: pd.DataFrame = again.assign(method=name)
        return made
    except (NotEstimableError, InputError) as error:
        if isinstance(error, InputError) and error.column in ("method", *settings):
            raise
        refused: pd.DataFrame = blank.assign(status="not estimable", reason=str(error))
        return refused
