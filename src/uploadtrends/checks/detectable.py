"""Power: the smallest change that this sample could have found."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.checks.check import Sketch, Whole
from uploadtrends.checks.claimable import CONDITIONS, RULE_DRAWS, rule_of
from uploadtrends.checks.contrasts import (
    USABLE,
    OfContrasts,
    contrasts,
    in_percent,
    main_reason,
    overall,
    without_estimate,
)
from uploadtrends.checks.nulls import errors, power_at, smallest_detectable
from uploadtrends.checks.outcome import CheckOutcome
from uploadtrends.checks.working import Working, contrast_row, working_series
from uploadtrends.limits import inside
from uploadtrends.models.estimators.averaged import fit_batch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from uploadtrends.models.fitting import Fit


def _curve_drawn(axes: Axes, style: Any, rows: pd.DataFrame, outcome: CheckOutcome) -> None:
    every = outcome.figure_data["curve"]
    percent = bool(every["percent"].notna().all())
    events = {event: n for n, event in enumerate(dict.fromkeys(every["event"]))}
    labels = dict(zip(outcome.table["event"], outcome.table["label"], strict=True))
    for event, part in rows.groupby("event", sort=False):
        part = part.sort_values("effect")
        where = style.on_log_scale(part["percent"]) if percent else part["effect"]
        colour, _, dash = style.look("", events[event])
        label = style.called(str(labels.get(event) or event))
        axes.plot(where, part["power"], color=colour, linestyle=dash, label=label)
    axes.axhline(0.8, color=style.MUTED, linewidth=0.7, linestyle=":")
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 0.8, 1.0])
    if percent:
        style.percent_axis(axes, -95.0, 390.0)


def _below(outcome: CheckOutcome) -> str:
    percent = outcome.figure_data["curve"]["percent"].notna().all()
    return "true change (% of expected)" if percent else "true change"


@dataclass(frozen=True, repr=False)
class Power(OfContrasts):
    """Find the smallest change that would have been found with the target power.

    Series are drawn from each fit's own error process (its autocorrelation and variance, with
    their uncertainty) on its own calendar and design, and analysed as the data were. The estimate
    itself plays no part: power computed from the estimate would only restate its p-value.

    Parameters
    ----------
    of_interest : float
        The relative fall that matters to the reader; .25 is a quarter. For the slope: per twelve
        periods.
    target : float
        Power wanted.
    term, event, platform, group : str, optional
        Which estimates; the level changes by default.
    n_draws, seed : int
        Simulated series a contrast, and their seed.
    alpha : float
        Level of the two-sided test. The table also gives the answer at ``alpha`` divided by the
        number of estimates, which is what the adjustment for their number can cost at most.

    Notes
    -----
    Per contrast: *passed* if a change `of_interest` would have been found with the target
    power, *failed* otherwise.

    A claim needs more than this one test: the adjustment for all rows of all series and events, an
    estimate that the bend seen before the event does not undo, the other scale where the data do
    not settle it, and a model that passes its own tests. `fall_percent_rule` and
    `rise_percent_rule` are the smallest changes that all of this together claims with the target
    power (inf where none is; NaN where the model has no trend). `rule_adjusted`, `rule_bend`,
    `rule_scale` and `rule_model` are the shares of series, with a fall as large as the adjusted
    test alone would find, that meet each of these four.

    See Also
    --------
    multiplicity : How many questions were asked.

    Examples
    --------
    >>> import numpy as np, pandas as pd, uploadtrends as ut
    >>> index = pd.date_range("2016-01-01", periods=84, freq="MS")
    >>> noise = np.random.default_rng(1).normal(0, 5, 84)
    >>> series = pd.Series(60 + noise - 20 * (np.arange(84) > 60), index)
    >>> its = ut.interrupted_time_series(series, "2021-02-01", terms=("level",))
    >>> found = its.check(ut.power(n_draws=99))
    >>> bool((found.table["fall_percent"] < found.table["rise_percent"]).all())
    True
    """

    name: ClassVar[str] = "power"
    question: ClassVar[str] = "What is the smallest change that this sample could have found?"
    drawing: ClassVar[Sketch | Whole | None] = Sketch(
        layer="curve",
        draw=_curve_drawn,
        says="Chance of finding a true change of each size; dotted: 80%.",
        below=_below,
        legend="column",
    )

    _: KW_ONLY
    of_interest: float = 0.25
    target: float = 0.8
    n_draws: int = 999
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        inside("of_interest", self.of_interest, fix="use .25")
        inside("target", self.target, fix="use .8")

    def run(self, result: Any) -> CheckOutcome:
        """Return the outcome; see `Check`."""
        chosen = self.chosen(result)
        series = working_series(result)
        fits = {(fit.platform, fit.group): fit for fit in result.fits}
        tests = int(contrasts(result, term=self.term)["status"].isin(USABLE).sum())
        known = result.effects.dropna(subset=["p"])
        blocks = len(known[["platform", "group", "event"]].drop_duplicates())
        rows, curves = [], []
        for _, effect in chosen.iterrows():
            keys = {key: effect[key] for key in ("platform", "group", "event", "label", "term")}
            work = series.get((effect["platform"], effect["group"]))
            line = None
            if work is not None and effect["status"] in USABLE:
                line = contrast_row(work.design, effect["event"], effect["term"])
            if work is None or line is None:
                why = without_estimate(effect)
                rows.append({**keys, **_EMPTY, "status": "not applicable", "reason": why})
                continue
            fit = fits[effect["platform"], effect["group"]]
            row, curve = _one(self, work, fit, line, keys, max(tests, 1), blocks)
            rows.append(row)
            curves.append(curve)
        table = pd.DataFrame(rows)
        return self.found(
            result,
            status=overall(table["status"]),
            table=table,
            text=_sentence(table, self.of_interest, self.target),
            figure_data={
                "curve": pd.concat(curves, ignore_index=True) if curves else pd.DataFrame()
            },
        )


power = Power


def _one(
    check: Power,
    work: Working,
    fit: Fit,
    line: Array,
    keys: dict[str, Any],
    tests: int,
    blocks: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    alpha, target, of_interest = check.alpha, check.target, check.of_interest
    noise = errors(work.y, work.x, work.positions, check.n_draws, check.seed)

    def reach(level: float) -> tuple[Array, Array]:
        found = fit_batch(noise, work.x, line, positions=work.positions, confidence=1 - level)
        return found.low[:, 0], found.high[:, 0]

    low, high = reach(alpha)
    smallest = smallest_detectable(low, high, target)
    strict = smallest_detectable(*reach(alpha / tests), target) if tests > 1 else smallest
    rule = rule_of(fit, keys["event"], line[0], noise[:RULE_DRAWS], alpha=alpha, n_blocks=blocks)
    fall, rise = (
        np.nan if rule is None else rule.smallest(strict, sign, target) for sign in (-1.0, 1.0)
    )
    met = [np.nan] * len(CONDITIONS) if rule is None else rule.conditions(-strict).mean(axis=1)
    periods = 12.0 if keys["term"] == "slope" else 1.0
    base = 1.0 if work.scale != "level" else float(np.nanmean(np.abs(work.response)))
    wanted = (np.log1p(-of_interest) if work.scale != "level" else -of_interest * base) / periods
    found = float(power_at(low, high, np.array([wanted]))[0])
    grid = np.linspace(-2.0, 2.0, 81) * max(smallest, abs(wanted))
    curve = pd.DataFrame(
        {
            **{key: keys[key] for key in ("platform", "group", "event", "term")},
            "effect": grid,
            "percent": in_percent(grid * periods, work.scale, base),
            "power": power_at(low, high, grid),
        }
    )
    size = np.array([-smallest, smallest, -strict, strict, -fall, rise]) * periods
    percents = in_percent(size, work.scale, base)
    if np.isinf(fall):
        percents[4] = -np.inf
    return {
        **keys,
        "minimum_detectable": smallest,
        "fall_percent": percents[0],
        "rise_percent": percents[1],
        "minimum_detectable_adjusted": strict,
        "fall_percent_adjusted": percents[2],
        "rise_percent_adjusted": percents[3],
        "minimum_detectable_rule": max(fall, rise),
        "fall_percent_rule": percents[4],
        "rise_percent_rule": percents[5],
        **dict(zip(_MET, (float(share) for share in met), strict=True)),
        "n_tests": tests,
        "power_of_interest": found,
        "scale": work.scale,
        "status": "passed" if found >= target else "failed",
        "reason": "",
    }, curve


_MET = ("rule_adjusted", "rule_bend", "rule_scale", "rule_model")
_EMPTY: dict[str, Any] = {
    "minimum_detectable": np.nan,
    "fall_percent": np.nan,
    "rise_percent": np.nan,
    "minimum_detectable_adjusted": np.nan,
    "fall_percent_adjusted": np.nan,
    "rise_percent_adjusted": np.nan,
    "minimum_detectable_rule": np.nan,
    "fall_percent_rule": np.nan,
    "rise_percent_rule": np.nan,
    **dict.fromkeys(_MET, np.nan),
    "n_tests": 0,
    "power_of_interest": np.nan,
    "scale": "",
}


def _sentence(table: pd.DataFrame, of_interest: float, target: float) -> str:
    known = table[table["status"] != "not applicable"]
    if known.empty:
        return f"No estimate to compute power for: {main_reason(table)}."
    enough = int((known["status"] == "passed").sum())
    could = "could" if enough else "could not"
    where = f" in {enough} of {len(known)} estimates" if enough and len(known) > 1 else ""
    alone, rule = (_span(-known[name]) for name in ("fall_percent", "fall_percent_rule"))
    said = (
        f"This sample {could} have found a fall of {of_interest:.0%}{where}: the smallest that it "
        f"would find with {target:.0%} power is {alone}."
    )
    if rule and rule != alone:
        said += (
            " That is what the test alone sees; the whole claim rule (adjusted for all rows, "
            f"beside bends and the other scale) claims {rule}."
        )
    return said


def _span(falls: pd.Series) -> str:
    """Say in which range falls lie, in percent; those beyond 100 are none. Empty if unknown."""
    known = falls.dropna()
    possible = known[known <= 100]
    if known.empty:
        return ""
    if possible.empty:
        return "none: not even a fall to zero would have been found"
    smallest, largest = (f"{end:.0f}%" for end in (possible.min(), possible.max()))
    reach = smallest if smallest == largest else f"between {smallest} and {largest}"
    if beyond := len(known) - len(possible):
        reach += f"; in {beyond} of {len(known)} not even a fall to zero would have been found"
    return reach
