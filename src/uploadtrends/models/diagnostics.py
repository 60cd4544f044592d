"""What a fit's residuals say about its model, with a verdict in one line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.brief import p_text
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.linear import autocorrelation, least_squares, whiten
from uploadtrends.models.preparation import Prepared
from uploadtrends.series.grid import FEWEST_PERIODS

LEVEL = 0.05
MENTION = 0.01
"""Nominal p below which a bend before the event is mentioned."""


@dataclass(frozen=True)
class Diagnostics:
    """Residual checks of one fit. p values are two-sided; None where there is too little data."""

    ljung_box: tuple[float, int, float] | None
    """Statistic, lags, p (Ljung & Box 1978) of the innovations."""
    breusch_godfrey: tuple[float, int, float] | None
    """LM statistic, lags, p (Breusch 1978, Godfrey 1978) of the innovations."""
    durbin_watson: float
    dispersion: float | None
    """Pearson chi-square over its degrees of freedom, for counts."""
    normality: tuple[float, float]
    """Jarque-Bera statistic and p of the innovations."""
    influence: pd.DataFrame
    """One row a period used: leverage, Cook's distance, studentised residual."""
    slope_stability: tuple[float, float] | None
    """t and p of a bend in the trend before the first event."""
    residuals: pd.Series
    """Innovations (whitened residuals, unit variance where the model is right), by period used."""
    autocorrelations: pd.Series
    """Of the innovations, by lag from 1; about +-1.96 / sqrt(n) is what chance gives."""
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row a check: name, statistic, p."""
        rows: list[tuple[str, float, float]] = []
        for name, found in (
            ("Ljung-Box", self.ljung_box),
            ("Breusch-Godfrey", self.breusch_godfrey),
        ):
            if found is not None:
                rows.append((f"{name}, {found[1]} lags", found[0], found[2]))
        rows.append(("Durbin-Watson", self.durbin_watson, np.nan))
        if self.dispersion is not None:
            rows.append(("Pearson dispersion", self.dispersion, np.nan))
        rows.append(("Jarque-Bera", *self.normality))
        if self.slope_stability is not None:
            rows.append(("bend before the first event", *self.slope_stability))
        largest = self.influence["cooks_distance"].max()
        rows.append(("largest Cook's distance", float(largest), np.nan))
        return pd.DataFrame(rows, columns=["check", "statistic", "p"])


def diagnose(prepared: Prepared, estimate: Estimate | None, trouble: str = "") -> Diagnostics:
    """Run every residual check on a fitted series.

    `trouble` is what the calibrated tests found (`adequacy.judge`), for the verdict.

    Raises
    ------
    NotEstimableError
        If the series was refused.
    """
    if estimate is None:
        raise NotEstimableError(
            f"{prepared.item.name}: there is no fit to check, {prepared.choice.reason}"
        )
    design, index = prepared.design, prepared.observed.index[prepared.design.used]
    x, positions = prepared.weighted(design.fitted), design.positions
    innovations = estimate.residuals
    n, k = x.shape
    phi = float(estimate.phi.get("estimate", 0.0))
    phi = phi if abs(phi) < 1 else 0.0
    white = whiten(x, positions, phi)
    # The mean autocorrelation is fitted: one degree of freedom of the portmanteau test.
    fitted_lags = 1 if estimate.phi else 0
    lags = int(min(10, n // 5))
    portmanteau = ljung_box(innovations, lags, fitted_lags) if lags > fitted_lags else None
    order = 2 if n >= 36 else 1
    godfrey = breusch_godfrey(innovations, white, order) if n - k - order > 2 else None
    influence = _influence(innovations, white, index)
    bend = _bend(prepared, prepared.weighted(estimate.raw_residuals), phi)
    jarque = _jarque_bera(innovations)
    dispersion = estimate.extra.get("pearson_dispersion")
    return Diagnostics(
        ljung_box=portmanteau,
        breusch_godfrey=godfrey,
        durbin_watson=float(np.sum(np.diff(innovations) ** 2) / np.sum(innovations**2)),
        dispersion=dispersion,
        normality=jarque,
        influence=influence,
        slope_stability=bend,
        residuals=pd.Series(innovations, index, name="residual"),
        autocorrelations=pd.Series(
            autocorrelation(innovations, lags), np.arange(1, lags + 1), name="autocorrelation"
        ),
        verdict=_verdict(
            prepared,
            [trouble, *_nominal(estimate, portmanteau, godfrey, bend)],
            dispersion,
            influence,
        ),
    )


def ljung_box(residuals: Array, lags: int, fitted: int = 0) -> tuple[float, int, float]:
    """Return the portmanteau statistic, its lags and p with lags - fitted degrees of freedom."""
    n = residuals.size
    r = autocorrelation(residuals, lags)
    statistic = float(n * (n + 2) * np.sum(r**2 / (n - np.arange(1, lags + 1))))
    return statistic, lags, float(special.chdtrc(max(lags - fitted, 1), statistic))


def breusch_godfrey(residuals: Array, x: Array, lags: int) -> tuple[float, int, float]:
    """Return the LM statistic n R^2 of residuals on the design and their own lags, and its p."""
    n = residuals.size
    own = np.zeros((n, lags))
    for lag in range(1, lags + 1):
        own[lag:, lag - 1] = residuals[:-lag]
    _, _, left = least_squares(residuals, np.column_stack([x, own]))
    statistic = float(n * (1 - left @ left / (residuals @ residuals)))
    return statistic, lags, float(special.chdtrc(lags, max(statistic, 0.0)))


def _jarque_bera(residuals: Array) -> tuple[float, float]:
    z = (residuals - residuals.mean()) / residuals.std()
    n = z.size
    statistic = float(n / 6 * (np.mean(z**3) ** 2 + (np.mean(z**4) - 3) ** 2 / 4))
    return statistic, float(special.chdtrc(2, statistic))


def _influence(innovations: Array, white: Array, index: pd.Index) -> pd.DataFrame:
    n, k = white.shape
    orthonormal, _ = np.linalg.qr(white)
    leverage = np.minimum((orthonormal**2).sum(axis=1), 1 - 1e-12)
    variance = innovations @ innovations / max(n - k, 1)
    standard = innovations / np.sqrt(variance * (1 - leverage))
    cook = standard**2 * leverage / (1 - leverage) / k
    df = max(n - k - 1, 1)
    student = standard * np.sqrt(df / np.maximum(n - k - standard**2, 1e-12))
    return pd.DataFrame(
        {"leverage": leverage, "cooks_distance": cook, "studentised_residual": student},
        index=index,
    )


def _bend(prepared: Prepared, residuals: Array, phi: float) -> tuple[float, float] | None:
    """Test a quadratic in the periods before the first event: is there one slope to continue?"""
    design = prepared.design
    if not design.blocks or not prepared.settings.trend:
        return None
    first = min(design.onsets[block.id].touched for block in design.blocks)
    rows = design.positions < first
    n = int(rows.sum())
    if n < FEWEST_PERIODS:
        return None
    positions = design.positions[rows]
    time = (positions - positions.mean()) / max(np.ptp(positions), 1)
    x = np.column_stack([np.ones(n), time, time**2])
    y = whiten(residuals[rows], positions, phi)
    beta, inverse, left = least_squares(y, whiten(x, positions, phi))
    t = float(beta[2] / np.sqrt(left @ left / (n - 3) * inverse[2, 2]))
    return t, float(2 * special.stdtr(n - 3, -abs(t)))


def _nominal(
    estimate: Estimate,
    portmanteau: tuple[float, int, float] | None,
    godfrey: tuple[float, int, float] | None,
    bend: tuple[float, float] | None,
) -> list[str]:
    """Return what nominal p values say where no calibrated test speaks for the method.

    Where the autocorrelation is integrated out the calibrated tests look for what is left of it. A
    bend is mentioned only; what it carries stands in the effects table.
    """
    found = []
    worst = min((test[2] for test in (portmanteau, godfrey) if test is not None), default=1.0)
    if worst < LEVEL and "low" not in estimate.phi:
        found.append(
            f"residual autocorrelation is left ({p_text(worst)}), intervals may be too short"
        )
    if bend is not None and bend[1] < MENTION:
        found.append(
            f"the trend before the first event bends ({p_text(bend[1])}), so a straight "
            "continuation is doubtful"
        )
    return found


def _verdict(
    prepared: Prepared, found: list[str], dispersion: float | None, influence: pd.DataFrame
) -> str:
    troubles = [trouble for trouble in found if trouble]
    if dispersion is not None and prepared.choice.method == "poisson" and dispersion > 1.5:
        troubles.append(
            f"the counts vary {dispersion:.1f} times as much as Poisson, intervals are too short"
        )
    k = len(prepared.design.names)
    extreme = influence[
        (influence["studentised_residual"].abs() > 4)
        | ((influence["cooks_distance"] > 1) & (influence["leverage"] < 0.9))
    ]
    if len(extreme) and len(influence) > k + 2:
        form = "%Y-%m-%d"
        names = ", ".join(stamp.strftime(form) for stamp in extreme.index[:3])
        more = f" and {len(extreme) - 3} more" if len(extreme) > 3 else ""
        troubles.append(f"single periods weigh heavily ({names}{more}); refit without them")
    if not troubles:
        return (
            "no sign of a wrong model (autocorrelation, variance, shape of the effect, outliers)."
        )
    return "; ".join(troubles) + "."
