"""The same contrast by other models of the counts: does the answer depend on the distribution?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uploadtrends.arrays import Array
from uploadtrends.artists.design import ArtistDesign
from uploadtrends.artists.result import ArtistModel
from uploadtrends.errors import InputError
from uploadtrends.limits import inside
from uploadtrends.result import Call, Result

MODELS = ("negative-binomial", "zero-inflated", "hurdle", "gee")
_DEVICE = (
    "without artist effects; artists' means of the event terms, of tenure and their log mean "
    "uploads in the rows before the first event stand in for them"
)


@dataclass(frozen=True, eq=False)
class ArtistSensitivity(Result):
    """One contrast by several models.

    Attributes
    ----------
    table : pandas.DataFrame
        model, part ("rate", or for the hurdle "any upload" and "uploads if any"), event, term,
        group, estimate, se, low, high (log ratios; log odds ratio for "any upload"), p, status,
        reason. The first rows are the Poisson model with artist effects.
    call : Call
    """

    table: pd.DataFrame
    call: Call

    title = "One contrast by several models"

    def to_frame(self) -> pd.DataFrame:
        """Return the table (a copy)."""
        return self.table.copy()

    def summary(self) -> str:
        """Say the range of the rate's estimates over the models."""
        lines = []
        rates = self.table[(self.table["part"] == "rate") & (self.table["status"] == "ok")]
        for key, part in rates.groupby(["event", "group", "term"], sort=False):
            event, group, term = key
            low, high = part["estimate"].min(), part["estimate"].max()
            significant = int((part["p"] < 0.05).sum())
            lines.append(
                f"{event}, {group}, {term}: {100 * np.expm1(low):+.0f}% to "
                f"{100 * np.expm1(high):+.0f}% over {len(part)} models, p < .05 in {significant}."
            )
        failed = self.table[self.table["status"] != "ok"]
        lines += [
            f"{row['model']}: {row['status']} ({row['reason']})."
            for row in failed.drop_duplicates(["model", "reason"]).to_dict("records")
        ]
        return "\n".join([*lines, f"Models other than the first: {_DEVICE}."])


def artist_sensitivity(
    model: ArtistModel, *, models: Sequence[str] = MODELS, confidence: float = 0.95
) -> ArtistSensitivity:
    """Fit other models to the rows of an artist model.

    Negative binomial (NB2), zero-inflated negative binomial, hurdle (logit for any upload,
    zero-truncated negative binomial for how many) and Poisson GEE with exchangeable correlation,
    all with errors clustered by artist. None of them has artist effects; the correlated-effects
    device of Mundlak (1978) and the pre-event mean of Blundell, Griffith & Windmeijer (2002) stand
    in for these.

    Parameters
    ----------
    model : ArtistModel
        The primary model; its rows, terms and groups are used.
    models : sequence of str
        Of "negative-binomial", "zero-inflated", "hurdle", "gee".
    confidence : float

    Raises
    ------
    InputError
        For an unknown model.

    See Also
    --------
    artist_model : The model that is asked about.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> people = population(60, platforms="mysite", start="2018-01-01", end="2022-12-31", seed=1)
    >>> rule = ut.Seniority(at="2021-01-01", senior_after="12 months")
    >>> panel = ut.build_panel(people, seniority=rule)
    >>> model = ut.artist_model(panel, "2021-06-01", inference="cluster", terms=("level",))
    >>> found = ut.artist_sensitivity(model, models=("negative-binomial",))
    >>> sorted(set(found.to_frame()["group"]))
    ['later vs new', 'senior vs new']
    """
    call = Call.of(locals(), model, function="artist_sensitivity")
    inside("confidence", confidence)
    models = (models,) if isinstance(models, str) else models
    for name in models or ("",):
        if name not in MODELS:
            raise InputError(
                "unknown model", column="models", value=name, fix=f"one of {', '.join(MODELS)}"
            )
    design = model.design
    if not design.effects:
        raise InputError(
            "the model has no estimate that others could be held against",
            column="model",
            value="; ".join(model.effects["reason"].unique()),
            fix="compare groups that upload on both sides of the event",
        )
    rows: list[dict[str, Any]] = []
    for effect in model.effects.to_dict("records"):
        if (effect["event"], effect["term"], effect["group"]) in design.effects:
            kept = ("event", "term", "group", "estimate", "se", "low", "high", "p", "status")
            row = {name: effect[name] for name in kept}
            row["status"] = "ok" if effect["status"] == "exploratory" else effect["status"]
            rows.append({"model": "poisson, artist effects", "part": "rate", "reason": ""} | row)
    x, places = _regressors(design)
    y = design.rows["y"].to_numpy()
    artist = design.rows["artist"].to_numpy()
    offset = design.rows["offset"].to_numpy()
    whole = bool(np.all(y == np.round(y)))
    for name in models:
        for part, fit in _fits(name, y, x, artist, offset):
            if not whole and name not in ("gee",):
                found: tuple[Array, Array] | str = "fractional counts have no such model"
            else:
                found = _attempt(fit)
            rows += _rows(design, name, part, places, found, artist, confidence)
    return ArtistSensitivity(pd.DataFrame(rows), call)


def _regressors(design: ArtistDesign) -> tuple[Array, dict[int, int]]:
    """Return an intercept, the terms, period effects, groups and what stands for artist effects.

    The second value maps a term of the design to its column.
    """
    rows = design.rows
    artist = rows["artist"].to_numpy()
    count = np.bincount(artist)

    def mean(values: Array) -> Array:
        average: Array = (np.bincount(artist, weights=values) / count)[artist]
        return average

    label, period = rows["label"].to_numpy(), rows["period"].to_numpy()
    columns = [np.ones(len(rows)), *design.x.T]
    places = {j: j + 1 for j in range(design.x.shape[1])}
    if not any(name == "trend" for name in design.names):
        columns += [(period == p).astype(float) for p in np.unique(period)[1:]]
    columns += [(label == i).astype(float) for i in range(1, len(design.labels))]
    columns += [mean(column) for column in design.x.T]
    columns.append(mean(rows["tenure"].to_numpy()) / 12)
    first = min((_first(design, j) for j in design.effects.values()), default=0)
    before = (period < first).astype(float)
    seen = np.bincount(artist, weights=before)
    total = np.bincount(artist, weights=before * rows["y"].to_numpy())
    level = np.where(seen > 0, (total + 0.5) / np.maximum(seen, 1), 1.0)
    columns += [np.log(level)[artist], (seen == 0).astype(float)[artist]]
    x = np.column_stack(columns)
    kept = np.flatnonzero(independent(x, 1e-8))
    where = {int(old): new for new, old in enumerate(kept)}
    return x[:, kept], {term: where[column] for term, column in places.items() if column in where}


def _first(design: ArtistDesign, place: int) -> int:
    touched = design.rows["period"].to_numpy()[design.x[:, place] != 0]
    return int(touched.min()) if len(touched) else 0


def independent(x: Array, least: float) -> NDArray[np.bool_]:
    """Tell which columns (k,) keep more than a share of their square beside those before them."""
    scaled = x / np.maximum(np.abs(x).max(axis=0), 1e-300)
    gram = scaled.T @ scaled
    kept: list[int] = []
    basis = np.zeros((0, x.shape[1]))
    for j in range(x.shape[1]):
        # Cholesky by columns: what is left of the column's length after those kept.
        row = gram[j] - basis[:, j] @ basis if len(kept) else gram[j]
        if row[j] > least * max(gram[j, j], 1e-300):
            basis = np.vstack([basis, row / np.sqrt(row[j])])
            kept.append(j)
    return np.isin(np.arange(x.shape[1]), kept)


def _fits(
    name: str, y: Array, x: Array, artist: NDArray[np.int64], offset: Array
) -> list[tuple[str, Callable[[], Any]]]:
    import statsmodels.api as sm
    from statsmodels.discrete.truncated_model import TruncatedLFNegativeBinomialP

    clustered: dict[str, Any] = {"cov_type": "cluster", "cov_kwds": {"groups": artist}}
    quiet: dict[str, Any] = {"disp": 0, "maxiter": 200, "method": "bfgs"} | clustered

    def start() -> Array:
        poisson = sm.GLM(y, x, family=sm.families.Poisson(), offset=offset).fit()
        return np.asarray(poisson.params, dtype=float)

    def negative_binomial() -> Any:
        model = sm.NegativeBinomialP(y, x, offset=offset)
        return model.fit(start_params=np.append(start(), 1.0), **quiet)

    def zero_inflated() -> Any:
        model = sm.ZeroInflatedNegativeBinomialP(
            y, x, exog_infl=np.ones((len(y), 1)), offset=offset
        )
        first = np.concatenate([[-2.0], start(), [1.0]])
        return model.fit(start_params=first, **quiet)

    def any_upload() -> Any:
        return sm.GLM((y > 0).astype(float), x, family=sm.families.Binomial()).fit(**clustered)

    def uploads_if_any() -> Any:
        some = y > 0
        model = TruncatedLFNegativeBinomialP(y[some], x[some], offset=offset[some])
        own = clustered | {"cov_kwds": {"groups": artist[some]}}
        first = np.append(start(), 1.0)
        return model.fit(start_params=first, disp=0, maxiter=200, method="bfgs", **own)

    def gee() -> Any:
        return sm.GEE(
            y,
            x,
            groups=artist,
            family=sm.families.Poisson(),
            cov_struct=sm.cov_struct.Exchangeable(),
            offset=offset,
        ).fit()

    return {
        "negative-binomial": [("rate", negative_binomial)],
        "zero-inflated": [("rate", zero_inflated)],
        "hurdle": [("any upload", any_upload), ("uploads if any", uploads_if_any)],
        "gee": [("rate", gee)],
    }[name]


def _attempt(fit: Callable[[], Any]) -> tuple[Array, Array] | str:
    """Return coefficients (without the inflation part) and covariance, or why there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = fit()
        except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
            return f"the search failed ({error})"
    converged = getattr(result, "converged", None)
    if converged is None:
        converged = getattr(result, "mle_retvals", {}).get("converged", True)
    beta = np.asarray(result.params, dtype=float)
    covariance = np.asarray(result.cov_params(), dtype=float)
    names = list(getattr(result.model, "exog_names", []))
    skip = sum(str(name).startswith("inflate") for name in names)
    if not converged or not np.isfinite(covariance).all():
        return "the search did not converge"
    return beta[skip:], covariance[skip:, skip:]


def _rows(
    design: ArtistDesign,
    name: str,
    part: str,
    places: dict[int, int],
    found: tuple[Array, Array] | str,
    artist: NDArray[np.int64],
    confidence: float,
) -> list[dict[str, Any]]:
    from scipy import stats

    df = len(np.unique(artist)) - 1
    quantile = stats.t.ppf((1 + confidence) / 2, df)
    rows = []
    for (event, term, group), place in design.effects.items():
        row: dict[str, Any] = {"model": name, "part": part}
        row |= {"event": event, "term": term, "group": group}
        if isinstance(found, str) or place not in places:
            reason = found if isinstance(found, str) else "the term is collinear"
            rows.append(row | {"status": "not estimable", "reason": reason})
            continue
        beta, covariance = found
        j = places[place]
        value, se = float(beta[j]), float(np.sqrt(covariance[j, j]))
        row |= {"estimate": value, "se": se}
        row |= {"low": value - quantile * se, "high": value + quantile * se}
        row |= {"p": float(2 * stats.t.sf(abs(value) / se, df)), "status": "ok", "reason": ""}
        rows.append(row)
    return rows
