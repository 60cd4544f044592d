"""One fitted series: what was observed, fitted, and would have been expected without the events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.events import Block
from uploadtrends.models.adequacy import Adequacy
from uploadtrends.models.diagnostics import Diagnostics, diagnose
from uploadtrends.models.effects import COLUMNS, effect_rows
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.preparation import Prepared
from uploadtrends.models.sensitivity import sensitivity_table
from uploadtrends.models.units import baseline, mean_factor, untreated
from uploadtrends.models.wording import describe


@dataclass(frozen=True)
class Fit:
    """One series of an `InterruptedTimeSeries`.

    A refused series has ``estimate`` None; it can still be drawn, and says why in `reason`.
    """

    prepared: Prepared
    estimate: Estimate | None
    adequacy: Adequacy
    """Calibrated tests of the model and of the effect's shape; where they fail the status is
    exploratory."""

    @property
    def platform(self) -> str:
        """Platform, empty where none was given."""
        return self.prepared.item.platform

    @property
    def group(self) -> str:
        """Group or name of the series."""
        return self.prepared.item.group

    @property
    def name(self) -> str:
        """Platform and group, as sentences say it."""
        return self.prepared.item.name

    @property
    def observed(self) -> pd.Series:
        """The series on its grid; NaN where missing."""
        return self.prepared.observed

    @property
    def used(self) -> pd.Series:
        """Whether each period entered the fit (False: missing or washout)."""
        return pd.Series(self.prepared.design.used, index=self.observed.index)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks that were estimated."""
        return () if self.estimate is None else self.prepared.design.blocks

    @property
    def not_estimable(self) -> tuple[tuple[Block, str], ...]:
        """The blocks that were not, each with the reason."""
        if self.estimate is None:
            return tuple((block, self.reason) for block in self.prepared.blocks)
        return self.prepared.design.dropped

    @property
    def method(self) -> str:
        """The estimator."""
        return self.prepared.choice.method

    @property
    def scale(self) -> str:
        """``"log"``, ``"level"`` or ``"counts"``."""
        return self.prepared.choice.scale

    @property
    def status(self) -> str:
        """``"ok"``, ``"exploratory"`` or ``"refused"``."""
        return self.prepared.choice.status

    @property
    def reason(self) -> str:
        """Why the status is not ok."""
        return self.prepared.choice.reason

    @property
    def rule(self) -> str:
        """Why this model: method, scale, seasons, boundary and slope conventions."""
        return self.prepared.rule

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, held constant or warned of."""
        return self.prepared.notes + (self.estimate.notes if self.estimate else ())

    @property
    def phi(self) -> Mapping[str, float]:
        """Autocorrelation: estimate, and interval and near_unit_root where integrated."""
        return {} if self.estimate is None else self.estimate.phi

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Rows of this series in the effects table, without the Holm correction."""
        return pd.DataFrame(self.rows, columns=list(COLUMNS))

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of `effects`."""
        return effect_rows(self.prepared, self.estimate)

    @cached_property
    def coefficients(self) -> pd.DataFrame:
        """Every coefficient of the model: name, estimate, se, low, high, p."""
        names = self.prepared.design.names
        if self.estimate is None:
            return pd.DataFrame(columns=["name", "estimate", "se", "low", "high", "p"])
        found = self.estimate.contrast(np.eye(len(names)), self.prepared.settings.confidence)
        return pd.DataFrame(
            {
                "name": names,
                "estimate": found.estimate,
                "se": found.se,
                "low": found.low,
                "high": found.high,
                "p": found.p,
            }
        )

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Joint tests: each block's terms together, and all blocks together."""
        columns = ["platform", "group", "event", "test", "statistic", "numerator_df", "df", "p"]
        rows = []
        if self.estimate is not None and self.blocks:
            design = self.prepared.design
            k = len(design.names)
            groups = [
                (block.id, "terms of the block", list(design.columns[block.id].values()))
                for block in self.blocks
            ]
            if len(groups) > 1:
                together = [column for _, _, members in groups for column in members]
                groups.append(("all", "all blocks", together))
            for event, test, members in groups:
                statistic, p, q = self.estimate.joint(np.eye(k)[members])
                rows.append(
                    (self.platform, self.group, event, test, statistic, q, self.estimate.df, p)
                )
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def fitted(self) -> pd.Series:
        """Fitted mean in the unit of the data, every period of the grid."""
        return self._mean(self.prepared.design.matrix, "fitted")

    def _mean(self, matrix: np.ndarray, name: str) -> pd.Series:
        index = self.observed.index
        if self.estimate is None:
            return pd.Series(np.nan, index=index, name=name)
        predictor = matrix @ self.estimate.mean + baseline(self.prepared, self.estimate)
        if self.scale != "level":
            factor = mean_factor(self.prepared, self.estimate)
            predictor = factor * np.exp(predictor)
        return pd.Series(predictor, index=index, name=name)

    @cached_property
    def counterfactual(self) -> pd.DataFrame:
        """What was to be expected without the events: estimate, low, high.

        From the first event on, one row a period, in the unit of the data. The band is for the
        value that would have been observed: it carries the uncertainty of the coefficients and the
        error of a single period.
        """
        design, settings = self.prepared.design, self.prepared.settings
        if self.estimate is None or not self.blocks:
            empty = design.index[:0]
            return pd.DataFrame(columns=["estimate", "low", "high"], index=empty, dtype=float)
        first = min(design.onsets[block.id].touched for block in self.blocks)
        rows, offset, wander = untreated(self.prepared, self.estimate)
        rows, offset = rows[first:], offset[first:]
        middle = self._mean(design.counterfactual, "estimate").iloc[first:]
        known = np.isfinite(rows).all(axis=1)
        rows, offset = rows[known], offset[known]
        if self.scale == "counts":
            low, high = self._count_band(rows, offset)
        else:
            extra = np.broadcast_to(self.estimate.sigma**2, (len(rows), self.estimate.sigma.size))
            if self.prepared.spread is not None:
                extra = extra * self.prepared.spread[first:][known][:, None] ** 2
            if wander is not None:
                extra = extra + np.diag(wander)[first:][known][:, None]
            band = self.estimate.contrast(rows, settings.confidence, extra_variance=extra)
            low, high = band.low + offset, band.high + offset
            if self.scale == "log":
                low, high = np.exp(low), np.exp(high)
        table = pd.DataFrame({"estimate": middle, "low": np.nan, "high": np.nan})
        table.loc[known, "low"], table.loc[known, "high"] = low, high
        return table

    def _count_band(self, rows: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Quantiles of gamma-Poisson draws whose variance is a mu + b mu**2."""
        assert self.estimate is not None  # noqa: S101 - told to the type checker
        beta, _ = self.estimate.draws
        mean = np.exp(np.minimum(beta @ rows.T + offset, 30.0))
        linear = self.estimate.extra.get("dispersion", 1.0)
        square = self.estimate.extra.get("latent_variance", 0.0)
        excess = np.maximum((linear - 1) * mean + square * mean**2, 1e-9 * mean)
        rng = np.random.default_rng(20220822)
        shape = mean**2 / excess
        drawn = rng.poisson(rng.gamma(shape, mean / shape))
        tail = (1 - self.prepared.settings.confidence) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
        return low, high

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """Residual autocorrelation, dispersion, influence, stability of the slope; a verdict.

        The p values of this table are nominal; the verdict rests on `adequacy`, whose are not.
        """
        return diagnose(self.prepared, self.estimate, self.adequacy.reason)

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """The same effects by other methods, one row per method, block and term.

        For Gaussian series Newey-West and AR(1) errors alone (beside those: the plug-in maximum of
        phi, and AR(1) plus white noise from 72 points on); quasi-Poisson and negative binomial for
        counts. A method that fails says why.
        """
        return sensitivity_table(self.prepared, self.estimate)

    @cached_property
    def sentence(self) -> str:
        """What was found, in plain words with numbers."""
        verdict = self.diagnostics.verdict if self.estimate is not None and self.blocks else ""
        return describe(self.prepared, self.estimate, self.effects, verdict)
