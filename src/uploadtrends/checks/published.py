"""What a handful of published aggregate series can carry, read from the series themselves.

A before/after comparison of a series with a trend is significant wherever one cuts it. This check
shows that on the series at hand, together with where a change over a linear trend fits best, runs
of one constant value, and what the models found at the events asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from scipy.special import stdtr

from uploadtrends.brief import p_text
from uploadtrends.checks.check import Check, Sketch, Whole, at_once
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.collect.sites import written
from uploadtrends.models import interrupted_time_series
from uploadtrends.series.grid import FEWEST_PERIODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRIM = 0.15  # share of the series kept at either end, as for sup-F (Andrews 1993)


def _p_by_month(axes: Axes, style: Any, rows: pd.DataFrame, _: CheckOutcome) -> None:
    when = style.days(rows["date"])
    p = np.maximum(rows["p_naive"].to_numpy(dtype=float), 1e-12)
    axes.semilogy(when, p, color=style.look(rows.iloc[0]["platform"])[0], marker="o")
    axes.yaxis.set_major_formatter(
        lambda value, _: f"{value:.0e}" if value < 1e-3 else f"{value:g}"
    )
    axes.set_ylabel("p")
    axes.axhline(0.05, color=style.INK, linewidth=0.8)
    axes.set_ylim(min(1e-4, float(p.min()) / 3), 2)
    axes.locator_params(axis="y", numticks=4)
    axes.minorticks_off()
    style.dates(axes, (float(when.min()) - 20, float(when.max()) + 20), ticks=5)


@dataclass(frozen=True, repr=False)
class PublishedSeries(Check):
    """Describe what each published series can and cannot show.

    Parameters
    ----------
    panel : Panel, or dict of (platform, group) to pandas.Series, optional
        Where the series come from; without it the check is returned, ready to be run on one.
    its : InterruptedTimeSeries, optional
        Fits of the same series; their level and slope changes are quoted.
    groups : sequence of str, optional
        Which groups to describe; by default all that hold published series.
    date : str, optional
        Month at which a plain segmented regression (level and slope change, ordinary least squares,
        Newey-West with 3 lags) is quoted, as published analyses of one event do it. Default: that
        of the first event at which `its` estimates anything; without fits there is none.
    alpha : float
        Level of the naive test.

    Notes
    -----
    One row a series: linear trend per period, month of the maximum, run of a constant value at
    the start, candidate dates at which Welch's unequal-variance t test of before against after
    is significant, the largest F of a change of level and slope over a linear trend (Chow 1960
    at every candidate date, errors taken as independent), and the segmented regression at
    `date`; in words, short (``line``) and long (``sentence``). Failed where the naive test
    rejects at most dates.

    See Also
    --------
    placebo_dates : Whether other dates look the same.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> ut.published_series(date="2022-08").parameters["date"]
    '2022-08'
    """

    name: ClassVar[str] = "published_series"
    question: ClassVar[str] = "Does a before/after comparison of these series single out a date?"
    applies_to: ClassVar[Literal["models", "panel"]] = "panel"
    drawing: ClassVar[Sketch | Whole | None] = Sketch(
        layer="dates",
        draw=_p_by_month,
        says=(
            "P value of a plain before/after comparison (Welch) at every candidate month; "
            "line: .05."
        ),
    )

    its: Any = None
    _: KW_ONLY
    groups: Sequence[str] | None = None
    date: str | None = None
    alpha: float = 0.05

    def run(self, panel: Any) -> CheckOutcome:
        """Return the outcome for a panel, or a dict of series; see `Check`."""
        date = self.date or _first_estimable(self.its)
        rows = []
        curves = []
        for platform, group in _published(panel, self.groups):
            given = (
                panel[platform, group]
                if isinstance(panel, dict)
                else panel.series(platform, group, flagged="keep")
            )
            series = given.dropna().astype(float)
            if len(series) < FEWEST_PERIODS:
                continue
            row, curve = _describe(series, self.alpha)
            row |= {"platform": platform, "group": group}
            row |= {} if date is None else _segmented(series, date)
            row["line"] = _line(row)
            row["sentence"] = " ".join([*_sentences(row), *_modelled(self.its, platform, group)])
            rows.append(row)
            curves.append(curve.assign(platform=platform, group=group))
        table = pd.DataFrame(rows)
        if table.empty:
            text = f"No published series with {FEWEST_PERIODS} or more periods is in the panel."
            return self.found(panel, "not applicable", table, text, {})
        table = table[["platform", "group", *[c for c in table if c not in ("platform", "group")]]]
        rejects = table["naive_significant"] / table["naive_dates"]
        everywhere = table[rejects == 1]
        text = (
            f"Welch's test of before against after is significant at every one of the "
            f"{int(table['naive_dates'].iloc[0])} candidate months in {len(everywhere)} of "
            f"{len(table)} series ({_names(everywhere)}), so a significant before/after difference "
            "says nothing about any one date."
            if len(everywhere)
            else f"Welch's test of before against after is significant at "
            f"{int(table['naive_significant'].sum())} of {int(table['naive_dates'].sum())} "
            "candidate months."
        )
        return self.found(
            panel,
            "failed" if (rejects > 0.5).any() else "passed",
            table,
            text,
            {"dates": pd.concat(curves, ignore_index=True)},
        )


published_series = at_once(PublishedSeries, "its")


def _published(panel: Any, groups: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return the keys asked for; by default those of a dict, or of a panel's published series."""
    keys = list(panel.keys())
    if groups is not None:
        return [key for key in keys if key[1] in groups]
    if isinstance(panel, dict):
        return keys
    known = panel.groups.filter(panel.groups["origin"] == "published")
    published = set(known.select("platform", "group").iter_rows())
    return [key for key in keys if key in published]


def _first_estimable(its: Any) -> str | None:
    """Return the month of the first event at which the models estimate anything."""
    if its is None:
        return None
    blocks = its.effects.loc[its.effects["p"].notna(), "event"].astype(str)
    members = {name for block in blocks.unique() for name in block.split("+")}
    months = [f"{event.date}-01"[:7] for event in its.events if event.id in members]
    return min(months, default=None)


def _names(table: pd.DataFrame) -> str:
    return ", ".join(f"{written(str(row.platform))} {row.group}" for row in table.itertuples())


def _describe(series: pd.Series, alpha: float) -> tuple[dict[str, Any], pd.DataFrame]:
    y = series.to_numpy()
    n = len(y)
    time = np.arange(n, dtype=float)
    cuts = range(int(TRIM * n), int((1 - TRIM) * n) + 1)
    line = np.column_stack([np.ones(n), time])
    base = _residual_sum(line, y)
    records = []
    for cut in cuts:
        step = (time >= cut).astype(float)
        full = _residual_sum(np.column_stack([line, step, step * (time - cut)]), y)
        f = ((base - full) / 2) / (full / (n - 4)) if full > 0 else np.inf
        records.append((series.index[cut], _welch(y[:cut], y[cut:]), f))
    curve = pd.DataFrame(records, columns=["date", "p_naive", "f_over_trend"])
    run = int(np.argmax(y != y[0])) if (y != y[0]).any() else n
    best = curve.iloc[int(np.argmax(curve["f_over_trend"]))]
    top = int(np.argmax(y))
    row = {
        "n": n,
        "first": series.index[0],
        "last": series.index[-1],
        "trend_per_period": float(np.polyfit(time, y, 1)[0]),
        "maximum": float(y[top]),
        "maximum_at": series.index[top],
        "constant_value": float(y[0]) if run > 2 else np.nan,
        "constant_periods": run if run > 2 else 0,
        "constant_until": series.index[run - 1] if run > 2 else pd.NaT,
        "naive_dates": len(curve),
        "naive_first": curve["date"].iloc[0],
        "naive_last": curve["date"].iloc[-1],
        "naive_significant": int((curve["p_naive"] < alpha).sum()),
        "f_peak": float(best["f_over_trend"]),
        "f_peak_at": best["date"],
    }
    return row, curve


def _segmented(series: pd.Series, date: str) -> dict[str, Any]:
    """Return level and slope change at one month, as the simplest published analysis has them."""
    fitted = interrupted_time_series(
        series.asfreq("MS"),
        f"{date}-01",
        method="ols-hac",
        scale="level",
        season="none",
        boundary="inclusive",
        hac_lags=3,
    )
    found: dict[str, Any] = {"segmented_at": date}
    for row in fitted.effects.to_dict("records"):
        if row["term"] in ("level", "slope"):
            name = f"{row['term']}_change"
            found |= {
                name: row["estimate"],
                f"{name}_low": row["low"],
                f"{name}_high": row["high"],
                f"{name}_p": row["p"],
                f"{name}_detectable": row["minimum_detectable"],
            }
    return found


def _welch(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]) -> float:
    """Return Welch's p; a part without any spread has an exactly known mean."""
    spread = before.var(ddof=1) / len(before) + after.var(ddof=1) / len(after)
    if spread == 0:
        return 1.0 if before.mean() == after.mean() else 0.0
    parts = [(part.var(ddof=1) / len(part), len(part) - 1) for part in (before, after)]
    df = spread**2 / sum(v**2 / d for v, d in parts)
    t = (after.mean() - before.mean()) / np.sqrt(spread)
    return float(2 * stdtr(df, -abs(t)))


def _residual_sum(design: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    return float(((y - design @ coefficients) ** 2).sum())


def _line(row: dict[str, Any]) -> str:
    """Return the gist of a series in one line."""
    if row["constant_periods"]:
        following = row["constant_until"] + pd.DateOffset(months=1)
        start = (
            f"Exactly {row['constant_value']:g} in all of the first {row['constant_periods']} "
            f"months, then a jump at {following:%Y-%m}: as a cohort cut there would produce."
        )
    else:
        falls = row["trend_per_period"] < 0
        start = (
            f"{'Falls' if falls else 'Rises'} by {abs(row['trend_per_period']):.1f} a month"
            + (f" from {row['maximum_at']:%Y-%m} on" if falls else "")
            + "."
        )
    line = (
        f"{start} Before/after test: significant at {row['naive_significant']} of "
        f"{row['naive_dates']} months."
    )
    level, slope = row.get("level_change_p", np.nan), row.get("slope_change_p", np.nan)
    if np.isfinite(level) and np.isfinite(slope):
        line += (
            f" Segmented at {row['segmented_at']}: level {p_text(level)}, slope {p_text(slope)}; "
            f"best date over a trend {row['f_peak_at']:%Y-%m} (F = {row['f_peak']:.1f})."
        )
    return line


def _sentences(row: dict[str, Any]) -> list[str]:
    parts = []
    if row["constant_periods"]:
        following = row["constant_until"] + pd.DateOffset(months=1)
        parts.append(
            f"Exactly {row['constant_value']:g} in each of the first {row['constant_periods']} "
            f"months, then a jump at {following:%Y-%m}: consistent with a group defined by a "
            "cut there; the definition is unpublished."
        )
    else:
        direction = "Falls" if row["trend_per_period"] < 0 else "Rises"
        since = f", from its maximum in {row['maximum_at']:%Y-%m}" if direction == "Falls" else ""
        parts.append(
            f"{direction} by {abs(row['trend_per_period']):.1f} a month on average{since}."
        )
    parts.append(
        f"A before/after test is significant at {row['naive_significant']} of "
        f"{row['naive_dates']} months ({row['naive_first']:%Y-%m} to {row['naive_last']:%Y-%m})."
    )
    parts.append(
        f"Over a linear trend, a change fits best at {row['f_peak_at']:%Y-%m} "
        f"(F = {row['f_peak']:.1f})."
    )
    level, slope = row.get("level_change_p", np.nan), row.get("slope_change_p", np.nan)
    if np.isfinite(level) and np.isfinite(slope):
        verdict = "finds no change" if min(level, slope) >= 0.05 else "finds a change"
        parts.append(
            f"A segmented regression at {row['segmented_at']} {verdict}: level "
            f"{row['level_change']:+.1f} [{row['level_change_low']:.1f}, "
            f"{row['level_change_high']:.1f}], {p_text(level)}; slope {row['slope_change']:+.1f} "
            f"[{row['slope_change_low']:.1f}, {row['slope_change_high']:.1f}], {p_text(slope)}; "
            f"a level change below {row['level_change_detectable']:.0f} would mostly be missed."
        )
    return parts


def _modelled(its: Any, platform: str, group: str) -> list[str]:
    """Return what the study's own model found for this series, block by block."""
    if its is None:
        return []
    effects = its.effects
    mine = effects[
        (effects["platform"] == platform)
        & (effects["group"] == group)
        & effects["term"].isin(["level", "slope"])
    ]
    known = mine[mine["p"].notna()]
    parts = []
    for _, block in known.groupby("event", sort=False):
        smallest = float(block["p"].min())
        parts.append(
            f"Model at {block['label'].iloc[0]}: "
            + (
                f"no change shown (smallest {p_text(smallest)})."
                if smallest >= 0.05
                else f"smallest {p_text(smallest)}, {float(block['p_holm'].min()):.2f} after Holm."
            )
        )
    missing = mine[mine["p"].isna()].drop_duplicates("event")
    parts += [
        f"Not estimable: {row['label']} ({row['reason']})." for row in missing.to_dict("records")
    ]
    return parts
