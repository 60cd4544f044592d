"""The estimators by name; heavy ones are imported when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from uploadtrends.models.estimate import Estimate

if TYPE_CHECKING:
    from uploadtrends.models.preparation import Prepared

_WHERE = {
    "reml-ar1": ("linear", "fit_reml"),
    "ols-hac": ("linear", "fit_ols_hac"),
    "prais-winsten": ("linear", "fit_prais_winsten"),
}


def estimate(prepared: Prepared) -> Estimate:
    """Fit the prepared series by its method."""
    module, name = _WHERE[prepared.choice.method]
    function = getattr(import_module(f"uploadtrends.models.{module}"), name)
    result: Estimate = function(
        prepared.y, prepared.design.fitted, prepared.design.positions, prepared.settings
    )
    return result
