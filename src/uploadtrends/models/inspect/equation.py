"""The model of one series written out, in words and in LaTeX."""

from __future__ import annotations

import re
from dataclasses import dataclass

from uploadtrends.brief import boxed, latex_text, number
from uploadtrends.errors import NotEstimableError
from uploadtrends.models.estimators.estimate import Estimate
from uploadtrends.models.preparation import Prepared
from uploadtrends.models.units import unit_of
from uploadtrends.series.grid import period_name

_EVENT = re.compile(r"(\w+)\[(.*)\]")
_SEASON = re.compile(r"(sin|cos)\d+$|(month|quarter|weekday|hour)_")
_ERRORS = {
    "reml-averaged": "errors averaged over AR(1), AR(1) plus white noise and long memory",
    "reml-ar1": "AR(1) errors, their autocorrelation integrated out",
    "ols-hac": "least squares, Newey-West standard errors",
    "prais-winsten": "AR(1) errors (Prais-Winsten)",
    "ar1-plus-noise": "AR(1) errors plus white noise",
    "structural": "a level that wanders, plus white noise",
    "count-ar1": "counts with a latent AR(1) course of their logarithm",
    "poisson": "Poisson counts",
    "quasi-poisson": "counts with a variance proportional to the mean",
    "negative-binomial": "negative binomial counts",
}
_LATEX_ERRORS = {
    "reml-ar1": r"\varepsilon_t = \varphi\,\varepsilon_{t-1} + u_t",
    "prais-winsten": r"\varepsilon_t = \varphi\,\varepsilon_{t-1} + u_t",
    "ar1-plus-noise": r"\varepsilon_t = a_t + w_t,\; a_t = \varphi\,a_{t-1} + u_t",
    "structural": r"\varepsilon_t = \mu_t + w_t,\; \mu_t = \mu_{t-1} + u_t",
}


@dataclass(frozen=True, repr=False)
class Equation:
    """A model written out.

    Attributes
    ----------
    words : str
    latex : str
        For display mathematics (amsmath); without dollars.
    """

    words: str
    latex: str

    def __str__(self) -> str:
        return self.words

    def __repr__(self) -> str:
        return boxed(self.words.splitlines(), "The rest: .words, .latex.")

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


def write_equation(prepared: Prepared, estimate: Estimate | None) -> Equation:
    """Return the model of a fitted series; see `Fit.equation`."""
    if estimate is None:
        raise NotEstimableError(f"{prepared.item.name}: refused, {prepared.choice.reason}")
    scale, method = prepared.choice.scale, prepared.choice.method
    unit = unit_of(prepared).replace("_", " ") or "y"
    period = period_name(prepared.design.index)
    left = {"log": f"log({unit})", "counts": f"log(expected {unit})", "level": unit}[scale]
    tex = {"log": r"\log y_t", "counts": r"\log \mathrm{E}(y_t)", "level": "y_t"}[scale]
    words, symbols, seasons = [], [], []
    for name, value in zip(prepared.design.names, estimate.mean, strict=True):
        if _SEASON.match(name):
            seasons.append(name)
            continue
        said, symbol = _term(name, period)
        words.append(f"{float(value):.4g} {said}".strip())
        symbols.append(f"{_plain(float(value))}{symbol}")
    if seasons:
        words.append(f"seasonal terms ({', '.join(seasons)})")
        symbols.append(rf"\sum_{{j=1}}^{{{len(seasons)}}} \gamma_j s_{{j,t}}")
    if prepared.offset.any():
        words.append("offset (coefficient 1)")
        symbols.append("o_t")
    errors = _ERRORS.get(method, method)
    if method == "arma":
        errors = f"ARMA{prepared.settings.arma_order} errors"
    if method == "arima":
        errors = f"ARIMA{prepared.settings.order} errors"
    phi = estimate.phi.get("estimate")
    if phi is not None and phi == phi:
        errors += f", autocorrelation {number(float(phi))}"
    joined = " + ".join(words).replace("+ -", "- ")
    text = f"{left} in {period} t = {joined}"
    text += "" if scale == "counts" else " + error"
    text += f"\nErrors: {errors}." + ("\nt = 1, 2, ..." if prepared.settings.trend else "")
    equation = f"{tex} = " + " + ".join(symbols).replace("+ -", "- ")
    if scale != "counts":
        equation += r" + \varepsilon_t"
        if method in _LATEX_ERRORS:
            equation += rf",\quad {_LATEX_ERRORS[method]}"
    return Equation(text, equation)


def _term(name: str, period: str) -> tuple[str, str]:
    """Return a column of the design in words and as a symbol."""
    if name == "intercept":
        return "", ""
    if name == "trend":
        return "t", r"\,t"
    found = _EVENT.fullmatch(name)
    if found is None:
        return f"{name} (centred)", rf"\,x_{{\text{{{latex_text(name)}}},t}}"
    kind, event = found.groups()
    inside = rf"\text{{{latex_text(event)}}}"
    said, symbol = {
        "level": (f"from {event} on", rf"\,\mathbf{{1}}_{{t \ge {inside}}}"),
        "slope": (
            f"({period}s since {event})",
            rf"\,(t - {inside})\,\mathbf{{1}}_{{t \ge {inside}}}",
        ),
        "pulse": (f"in the {period}s of the pulse at {event}", rf"\,\mathrm{{P}}_{{{inside},t}}"),
    }.get(kind, (name, rf"\,\mathrm{{{latex_text(kind)}}}_{{{inside},t}}"))
    return said, symbol


def _plain(value: float) -> str:
    mantissa, mark, power = f"{value:.4g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if mark else mantissa
