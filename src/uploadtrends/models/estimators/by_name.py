"""The estimators by name; heavy ones are imported when first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from uploadtrends.arrays import Array
from uploadtrends.errors import NotEstimableError
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
    arguments = [prepared.y, prepared.design.fitted, prepared.design.positions]
    if prepared.choice.method in COUNT_METHODS:
        arguments.append(prepared.fitted_offset)
    result: Estimate = function(*arguments, prepared.settings)
    return result
