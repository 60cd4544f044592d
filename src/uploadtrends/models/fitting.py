"""One fitted series: what was observed, fitted, and would have been expected without the events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from uploadtrends.brief import boxed
from uploadtrends.events import Block
from uploadtrends.models.adequacy import Adequacy
from uploadtrends.models.diagnostics import Diagnostics, diagnose
from uploadtrends.models.effects import effect_rows, tabulated
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.inspect.bands import expected
from uploadtrends.models.inspect.bootstrap import sieve_bootstrap
from uploadtrends.models.inspect.equation import Equation, write_equation
from uploadtrends.models.inspect.forecast import forecast
from uploadtrends.models.preparation import Prepared
from uploadtrends.models.sensitivity import sensitivity_table
from uploadtrends.models.units import baseline, mean_factor
from uploadtrends.models.wording import describe
from uploadtrends.result import Residuals


@dataclass(frozen=True, repr=False)
class Fit(Residuals):
    """One series of an `InterruptedTimeSeries`.

    A refused series has ``estimate`` None; it can still be drawn, and says why in `reason`.
    """

    prepared: Prepared
    estimate: Estimate | None
    adequacy: Adequacy
    """Calibrated tests of the model and of the effect's shape; where they fail the status is
    exploratory."""

    def __repr__(self) -> str:
        rest = "The rest: .sentence in words, .effects and .coefficients as tables."
        return boxed([f"<Fit of {self.name} by {self.method}>", *self.sentence.splitlines()], rest)

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
        return tabulated(self.rows)

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
        index = self.observed.index
        if self.estimate is None:
            return pd.Series(np.nan, index=index, name="fitted")
        predictor = self.prepared.design.matrix @ self.estimate.mean
        predictor = predictor + baseline(self.prepared, self.estimate)
        if self.scale != "level":
            predictor = mean_factor(self.prepared, self.estimate) * np.exp(predictor)
        return pd.Series(predictor, index=index, name="fitted")

    @cached_property
    def counterfactual(self) -> pd.DataFrame:
        """What was to be expected without the events: estimate, low, high.

        From the first event on, one row a period, in the unit of the data. The band is for the
        value that would have been observed: it carries the uncertainty of the coefficients and the
        error of a single period.
        """
        design = self.prepared.design
        if self.estimate is None or not self.blocks:
            empty = design.index[:0]
            return pd.DataFrame(columns=["estimate", "low", "high"], index=empty, dtype=float)
        first = min(design.onsets[block.id].touched for block in self.blocks)
        return expected(self.prepared, self.estimate, design.counterfactual, first)

    @property
    def residuals(self) -> pd.Series:
        """Observed minus fitted on the model's scale, one a period used.

        The innovations (without the fitted autocorrelation) are `diagnostics.residuals`.
        """
        values, fitted = self.observed, self.fitted
        if self.scale == "log":
            values, fitted = np.log(values.where(values > 0)), np.log(fitted)
        return (values - fitted)[self.prepared.design.used].rename("residual")

    def equation(self) -> Equation:
        """Return the model written out, with its estimates: ``.words`` and ``.latex``.

        Raises
        ------
        NotEstimableError
            If the series was refused.
        """
        return write_equation(self.prepared, self.estimate)

    def predict(self, horizon: int = 12) -> pd.DataFrame:
        """Return what the model expects of the periods after the data, were nothing else to change.

        Parameters
        ----------
        horizon : int
            Periods.

        Returns
        -------
        pandas.DataFrame
            estimate, low, high, and without, without_low, without_high (had the events not
            happened), in the unit of the data. The bands are for a single value, at the confidence
            of the fit, and not conditional on the last errors.

        Raises
        ------
        NotEstimableError
            If the series was refused, or terms chosen by rule would change with the longer span.
        InputError
            If a control or covariate does not reach as far.
        """
        return forecast(self.prepared, self.estimate, horizon)

    def bootstrap(self, draws: int = 1999, seed: int = 0) -> pd.DataFrame:
        """Return a sensitivity: effects by least squares, intervals from resampled errors.

        A sieve bootstrap (Buehlmann 1997, Bernoulli 3): an autoregression of the errors, its order
        by AIC, its innovations resampled; basic intervals. In short series it covers less than what
        is reported, since its autocorrelation is plugged in.

        Parameters
        ----------
        draws, seed : int

        Returns
        -------
        pandas.DataFrame
            event, term, estimate, se, low, high, p, order (of the autoregression), draws.

        Raises
        ------
        NotEstimableError
            If the series was refused, or is one of counts.
        """
        return sieve_bootstrap(self.prepared, self.estimate, draws, seed)

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """Residual autocorrelation, dispersion, influence, stability of the slope; a verdict.

        The p values of this table are nominal; the verdict rests on `adequacy`, whose are not.
        """
        trouble = self.adequacy.reason or self.adequacy.hint
        return diagnose(self.prepared, self.estimate, trouble)

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
