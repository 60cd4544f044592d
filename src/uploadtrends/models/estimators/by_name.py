"""The estimators by name; heavy ones are imported when first used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.averaged import FEW, fit_averaged, machine
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.estimators.linear import least_squares
from uploadtrends.models.settings import COUNT_METHODS, Settings

_WHERE = {
    "reml-averaged": ("averaged", "fit_averaged"),
    "reml-ar1": ("linear", "fit_reml"),
    "ols-hac": ("linear", "fit_ols_hac"),
    "prais-winsten": ("linear", "fit_prais_winsten"),
    "arma": ("arma", "fit_arma"),
    "arima": ("arima", "fit_arima"),
    "zero-inflated-poisson": ("zeros", "fit_zero_inflated_poisson"),
    "zero-inflated-negative-binomial": ("zeros", "fit_zero_inflated_negative_binomial"),
    "hurdle-poisson": ("zeros", "fit_hurdle_poisson"),
    "hurdle-negative-binomial": ("zeros", "fit_hurdle_negative_binomial"),
    "poisson": ("counts", "fit_poisson"),
    "quasi-poisson": ("counts", "fit_quasi_poisson"),
    "negative-binomial": ("counts", "fit_negative_binomial"),
    "count-ar1": ("latent", "fit_count_ar1"),
    "ar1-plus-noise": ("noise", "fit_ar1_plus_noise"),
    "structural": ("structural", "fit_structural"),
}


class Fittable(Protocol):
    """What an estimator needs: `uploadtrends.models.preparation.Prepared` has it."""

    @property
    def y(self) -> Array:
        """Outcome of the rows that enter the fit."""
        ...

    @property
    def fitted_offset(self) -> Array:
        """Known part of the linear predictor of those rows."""
        ...

    @property
    def design(self) -> Any:
        """The design."""
        ...

    @property
    def choice(self) -> Any:
        """Method and scale."""
        ...

    @property
    def settings(self) -> Settings:
        """What was asked."""
        ...

    @property
    def spread(self) -> Array | None:
        """(N,) relative size of the errors; None where they are of one size."""
        ...


def look_ahead(prepared: Sequence[Fittable]) -> None:
    """Weigh series of one design together that will be fitted one by one."""
    asked = [
        one
        for one in prepared
        if one.spread is None and (one.choice.method, one.choice.status) == ("reml-averaged", "ok")
    ]
    if len(asked) >= FEW:
        design = asked[0].design
        machine(design.fitted, design.positions).ahead(np.stack([one.y for one in asked]))


def estimate(prepared: Fittable) -> Estimate:
    """Fit the prepared series by its method.

    Raises
    ------
    NotEstimableError
        If the method cannot fit this series; the message says why.
    """
    if prepared.choice.scale != "counts":
        _, _, left = least_squares(prepared.y, prepared.design.fitted)
        if left @ left <= 1e-22 * (prepared.y @ prepared.y):
            raise NotEstimableError(
                "the model fits the series without any noise, so nothing is known of chance"
            )
    module, name = _WHERE[prepared.choice.method]
    function = getattr(import_module(f"uploadtrends.models.estimators.{module}"), name)
    x, positions = prepared.design.fitted, prepared.design.positions
    if prepared.choice.method in COUNT_METHODS:
        counts: Estimate = function(
            prepared.y, x, positions, prepared.fitted_offset, prepared.settings
        )
        return counts
    if prepared.choice.method != "reml-averaged" or prepared.spread is None:
        result: Estimate = function(prepared.y, x, positions, prepared.settings)
        return result
    return fit_weighted(
        prepared.y, x, positions, prepared.settings, prepared.spread[prepared.design.used]
    )


def fit_weighted(
    y: Array, x: Array, positions: Array, settings: Settings, sizes: Array
) -> Estimate:
    """Fit `reml-averaged` with errors of the given relative sizes (n,)."""
    found = fit_averaged(y / sizes, x / sizes[:, None], positions, settings)
    assert found.rows is not None  # noqa: S101 - told to the type checker
    return replace(found, rows=found.rows / sizes, raw_residuals=found.raw_residuals * sizes)
