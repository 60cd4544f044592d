"""The methods paragraph, put together from what was actually run, and its references."""

from __future__ import annotations

from typing import Any

REFERENCES = {
    "Lopez Bernal, Cummins & Gasparrini 2017": "Interrupted time series regression for the "
    "evaluation of public health interventions: a tutorial. International Journal of Epidemiology "
    "46:348-355.",
    "Turner et al. 2021": "Evaluation of statistical methods used in the analysis of interrupted "
    "time series studies: a simulation study. BMC Medical Research Methodology 21:181.",
    "Harville 1974": "Bayesian inference for variance components using only error contrasts. "
    "Biometrika 61:383-385.",
    "Berger & Yang 1994": "Noninformative priors and Bayesian testing for the AR(1) model. "
    "Econometric Theory 10:461-482.",
    "Zeger 1988": "A regression model for time series of counts. Biometrika 75:621-629.",
    "Newey & West 1987": "A simple, positive semi-definite, heteroskedasticity and autocorrelation "
    "consistent covariance matrix. Econometrica 55:703-708.",
    "Hosking 1981": "Fractional differencing. Biometrika 68:165-176.",
    "Marcus, Peritz & Gabriel 1976": "On closed testing procedures with special reference to "
    "ordered analysis of variance. Biometrika 63:655-660.",
    "Bai & Perron 2003": "Computation and analysis of multiple structural change models. Journal "
    "of Applied Econometrics 18:1-22.",
    "Andrews 1993": "Tests for parameter instability and structural change with unknown change "
    "point. Econometrica 61:821-856.",
    "Cox 1961": "Tests of separate families of hypotheses. Proceedings of the Fourth Berkeley "
    "Symposium 1:105-123.",
    "Jackson et al. 2005": "An algorithm for optimal partitioning of data on an interval. IEEE "
    "Signal Processing Letters 12:105-108.",
    "Besag & Clifford 1991": "Sequential Monte Carlo p-values. Biometrika 78:301-304.",
    "Killick, Fearnhead & Eckley 2012": "Optimal detection of changepoints with a linear "
    "computational cost. Journal of the American Statistical Association 107:1590-1598.",
    "Truong, Oudre & Vayatis 2020": "Selective review of offline change point detection methods. "
    "Signal Processing 167:107299.",
    "Barbosa et al. 2016": "Averaging gone wrong: using time-aware analyses to better understand "
    "behavior. Proceedings of WWW 2016, 829-841.",
    "Simonsohn, Simmons & Nelson 2020": "Specification curve analysis. Nature Human Behaviour "
    "4:1208-1214.",
    "Porres & Gomez-Villa 2024": "At the edge of a generative cultural precipice. "
    "arXiv:2406.08739.",
}

_METHOD = {
    "reml-averaged": (
        "restricted likelihood averaged over first-order autoregressive errors, the same seen "
        "through white noise, and fractional noise, all parameters integrated out for the "
        "intervals (Harville 1974; Berger & Yang 1994; Hosking 1981)",
        ("Harville 1974", "Berger & Yang 1994", "Hosking 1981"),
    ),
    "reml-ar1": (
        "restricted likelihood with first-order autoregressive errors, the autocorrelation "
        "integrated out for the intervals (Harville 1974; Berger & Yang 1994)",
        ("Harville 1974", "Berger & Yang 1994"),
    ),
    "count-ar1": (
        "a Poisson model with a latent first-order autoregressive process (Zeger 1988)",
        ("Zeger 1988",),
    ),
    "ols-hac": (
        "ordinary least squares with Newey-West standard errors (Newey & West 1987)",
        ("Newey & West 1987",),
    ),
}


_CHANGE_POINTS = (
    "Cox 1961",
    "Jackson et al. 2005",
    "Besag & Clifford 1991",
    "Killick, Fearnhead & Eckley 2012",
    "Truong, Oudre & Vayatis 2020",
)


def _change_points(breaks: Any) -> str:
    """Say what was run to find changes, and only that."""
    kinds = {(fit.penalty, fit.cost) for fit in breaks.fits if fit.status != "refused"}
    if not kinds or any(penalty == "calibrated" for penalty, _ in kinds):
        ran = (
            "a test of no change against one under first-order autoregressive errors, missing "
            "periods left out, calibrated by simulation and guarded against drift (Cox 1961); "
            "optimal partitioning (Jackson et al. 2005); a comparison with smooth courses; and a "
            "test of every change by resampling (Besag & Clifford 1991), with joint intervals"
        )
    else:
        ran = "; ".join(f"{cost} segments, penalty {penalty}" for penalty, cost in sorted(kinds))
    return (
        f"Change points were searched for without using the dates of the events: {ran}. Their "
        "closeness to the events was tested by drawing the dates anew at random. What a plain "
        "PELT with BIC would have said (Killick, Fearnhead & Eckley 2012; run with ruptures, "
        "Truong, Oudre & Vayatis 2020) stands beside it."
    )


def paragraph(results: Any) -> tuple[str, list[str]]:
    """Return the methods in a few sentences, and the references they cite (keys of `REFERENCES`).

    Parameters
    ----------
    results : StudyResults
    """
    cited = ["Porres & Gomez-Villa 2024", "Lopez Bernal, Cummins & Gasparrini 2017"]
    fits = list(results.its.fits)
    methods = list(dict.fromkeys(fit.method for fit in fits if fit.status != "refused"))
    described = []
    for method in methods:
        words, keys = _METHOD.get(method, (method, ()))
        described.append(words)
        cited += keys
    terms = " and ".join(f"a {term} change" for term in results.its.settings.terms)
    blocks = {block.id: block for fit in fits for block in fit.blocks}
    merged = sum(block.crowded for block in blocks.values())
    sentences = [
        f"{f'Each of the {len(fits)} series' if len(fits) != 1 else 'The series'} was modelled as "
        f"an interrupted time series (Lopez Bernal, Cummins & Gasparrini 2017) with {terms} at "
        + (f"each of {len(blocks)} dates or blocks of dates" if len(blocks) != 1 else "the date")
        + (
            f"; {merged} of them hold several events that the data cannot tell apart, and no "
            "member of such a block has an estimate of its own"
            if merged
            else ""
        )
        + ".",
        f"Estimates come from {'; '.join(described) or 'no model: every series was refused'}.",
        "P values were adjusted for all rows of all series and events by a closed test (Marcus, "
        "Peritz & Gabriel 1976).",
        _change_points(results.breaks),
    ]
    cited += ["Marcus, Peritz & Gabriel 1976", *_CHANGE_POINTS]
    names = {check.name for check in results.checks}
    if "placebo_cohorts" in names:
        sentences.append(
            "The rule that sorts artists into senior and new was applied at other years, because "
            "a cohort's average can fall while no member changes (Barbosa et al. 2016)."
        )
        cited.append("Barbosa et al. 2016")
    if "specification_curve" in names:
        sentences.append(
            "Every defensible choice of window, model and unit was run and all are shown "
            "(Simonsohn, Simmons & Nelson 2020)."
        )
        cited.append("Simonsohn, Simmons & Nelson 2020")
    sentences.append(
        "The wording of the conclusion follows from the checks by a fixed rule; a stronger word "
        "than 'consistent with an effect of' does not exist in it."
    )
    return " ".join(sentences), list(dict.fromkeys(cited))
