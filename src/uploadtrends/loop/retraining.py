"""Generation after generation refitted to its own samples, with or without real data."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.limits import whole_number
from uploadtrends.loop import distances, theory
from uploadtrends.loop.digits import Classifier, digits
from uploadtrends.loop.generators import generator_named
from uploadtrends.loop.progress import Told, told
from uploadtrends.result import Call, Result

REGIMES = ("replace", "accumulate", "augment", "subsample", "fresh")
_FEATURES = 16  # principal components of the digits that generators are fitted to
Draw = Callable[[int, np.random.Generator], Array]


@dataclass(frozen=True, repr=False, eq=False)
class RetrainingLoop(Result):
    """What became of a generator that was refitted to its own samples.

    Attributes
    ----------
    table : pandas.DataFrame
        generation, metric, mean, low, high (95% interval of the mean over repeats), sd (between
        repeats).
    theory : pandas.DataFrame or None
        variance and drift by generation, where they are known exactly (one Gaussian).
    text : str
        What it means, with the name of the toy in every sentence.
    call : Call
    """

    table: pd.DataFrame
    theory: pd.DataFrame | None = field(repr=False)
    text: str
    call: Call

    title = "Retraining loop"

    def to_frame(self) -> pd.DataFrame:
        """Return `table`."""
        return self.table

    def summary(self) -> str:
        """Say what happened, in this generator on these data."""
        return self.text

    def course(self, metric: str) -> pd.DataFrame:
        """Return mean, low and high of one metric by generation.

        Raises
        ------
        InputError
            For a metric that was not measured.
        """
        rows = self.table[self.table["metric"] == metric]
        if rows.empty:
            known = ", ".join(self.table["metric"].unique())
            raise InputError("no such metric", column="metric", value=metric, fix=f"known: {known}")
        return rows.set_index("generation")[["mean", "low", "high"]]


def retraining_loop(
    data: Any = None,
    *,
    generator: Any = "gmm",
    regime: str = "replace",
    fresh: float | Sequence[float] = 0.1,
    sampling_bias: float = 1.0,
    n: int = 270,
    generations: int = 30,
    repeats: int = 20,
    seed: int = 0,
    announce: Told | bool | None = None,
) -> RetrainingLoop:
    """Refit a generator to its own samples, generation after generation, and measure what is left.

    Parameters
    ----------
    data : numpy.ndarray of shape (m, d), callable, or None
        Real works as rows: they are drawn from without replacement. Or ``data(n, rng)``, which
        draws real works from a known truth. None takes scikit-learn's handwritten digits in their
        first 16 principal components.
    generator : {"gmm", "gaussian", "kde"} or object
        With ``fit(data, rng)`` and ``sample(n, rng, bias)``.
    regime : {"replace", "accumulate", "augment", "subsample", "fresh"}
        What each generation learns from: the last samples only; the real works and all samples so
        far; the real works and the last samples; `n` drawn from all of these; a share of new real
        works and the last samples.
    fresh : float or sequence of float
        Share of new real works, one for all generations or one each; for ``regime="fresh"``.
    sampling_bias : float
        Variance of the samples relative to the model's: below 1 buys quality with variety.
    n : int
        Works a generation.
    generations : int
    repeats : int
        Whole loops, each with its own real works; intervals come from these.
    seed : int
    announce : callable or bool, optional
        Told of progress, as in `caption_loop`.

    Returns
    -------
    RetrainingLoop
        On the digits: distance (Frechet, extrapolated), precision, recall, vendi, classes; on all
        data: variance (trace relative to the real works'), log_det, drift (squared shift of the
        mean relative to the trace).

    Raises
    ------
    InputError
        For settings that no loop can run with, or fewer real works than are asked for.

    See Also
    --------
    caption_loop : Loops of captioning and drawing.

    Examples
    --------
    >>> loop = retraining_loop(lambda n, rng: rng.standard_normal((n, 1)), generator="gaussian",
    ...                        n=20, generations=5, sampling_bias=0.8, repeats=2000)
    >>> abs(loop.course("variance")["mean"].iloc[-1] - loop.theory["variance"].iloc[-1]) < 0.02
    np.True_
    """
    generations, n = whole_number("generations", generations, 1), whole_number("n", n, 2)
    shares = _shares(fresh, generations)
    theory.require_numbers(n, generations, sampling_bias, min(shares))
    theory.require_numbers(n, generations, sampling_bias, max(shares))
    if regime not in REGIMES:
        raise InputError(
            "no such regime", column="regime", value=regime, fix=f"one of {', '.join(REGIMES)}"
        )
    repeats = whole_number("repeats", repeats, 2)  # intervals need two loops
    seed = whole_number("seed", seed)
    draw, truth, what = _world(data, n, shares if regime == "fresh" else ())
    settings = {
        "data": data,
        "generator": generator,
        "regime": regime,
        "fresh": list(shares) if regime == "fresh" else None,
        "sampling_bias": sampling_bias,
        "n": n,
        "generations": generations,
        "repeats": repeats,
        "seed": seed,
    }
    rows, tell, began = [], told(announce, "loop"), time.monotonic()
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        course = _run(draw, generator, regime, shares, sampling_bias, n, generations, rng, truth)
        for generation, found in enumerate(course):
            rows += [(repeat, generation, name, value) for name, value in found.items()]
        spent = time.monotonic() - began
        tell(repeat + 1, repeats, spent / (repeat + 1) * (repeats - repeat - 1))
    table = _table(pd.DataFrame(rows, columns=["repeat", "generation", "metric", "value"]))
    known = None
    if generator == "gaussian" and regime in theory.EXACT and len(set(shares)) == 1:
        known = theory.gaussian_theory(
            regime, n=n, generations=generations, sampling_bias=sampling_bias, fresh=shares[0]
        )
    call = Call.of(settings, function="retraining_loop")
    return RetrainingLoop(table, known, _text(table, generator, regime, what), call)


def _shares(fresh: float | Sequence[float], generations: int) -> tuple[float, ...]:
    if isinstance(fresh, int | float):
        return (float(fresh),) * max(generations, 1)
    shares = tuple(float(share) for share in fresh)
    if len(shares) != generations:
        raise InputError(
            "one share of fresh works a generation",
            column="fresh",
            value=f"{len(shares)} shares for {generations} generations",
            fix="give one number, or as many as generations",
        )
    return shares


def _run(
    draw: Draw,
    generator: Any,
    regime: str,
    shares: Sequence[float],
    bias: float,
    n: int,
    generations: int,
    rng: np.random.Generator,
    truth: Truth,
) -> list[dict[str, float]]:
    real = draw(n, rng)
    kept = [real]
    model = generator_named(generator)
    model = model.fit(real, rng)
    # Generation 0 is what a model fitted to real works draws.
    found = [_measured(model, n, rng, bias, truth)]
    for generation in range(1, generations + 1):
        samples = model.sample(n, rng, bias)
        if regime == "replace":
            training = samples
        elif regime == "augment":
            training = np.vstack([real, samples])
        elif regime == "fresh":
            new = round(shares[generation - 1] * n)
            training = np.vstack([draw(new, rng), samples[: n - new]]) if new else samples
        else:
            kept.append(samples)
            training = np.vstack(kept)
            if regime == "subsample":
                training = training[rng.permutation(len(training))[:n]]
        model = model.fit(training, rng)
        found.append(_measured(model, n, rng, bias, truth))
    return found


def _measured(
    model: Any, n: int, rng: np.random.Generator, bias: float, truth: Truth
) -> dict[str, float]:
    samples = model.sample(n, rng, bias)
    if hasattr(model, "covariance"):  # the law itself, without the noise of another sample
        return truth.compare(model.mean, model.covariance) | truth.look(samples)
    centred = samples - samples.mean(axis=0)
    return truth.compare(samples.mean(axis=0), centred.T @ centred / n) | truth.look(samples)


class Truth:
    """What the real works are like, for models and samples to be held against."""

    def __init__(self, mean: Array, covariance: Array) -> None:
        self._mean, self._trace = mean, float(np.trace(covariance))
        self._log_det = _log_det(covariance)

    def compare(self, mean: Array, covariance: Array) -> dict[str, float]:
        """Return variance kept, change of the log determinant, and drift of the mean."""
        shift = mean - self._mean
        return {
            "variance": float(np.trace(covariance)) / self._trace,
            "log_det": _log_det(covariance) - self._log_det,
            "drift": float(shift @ shift) / self._trace,
        }

    def look(self, samples: Array) -> dict[str, float]:
        """Return what can be said of pictures only: nothing here."""
        del samples
        return {}


class DigitTruth(Truth):
    """The same for digits, whose samples can be looked at: distance, variety, classes."""

    def __init__(self) -> None:
        sets = digits()
        self.basis = distances.principal_basis(sets.training, _FEATURES)
        self.reference = self.basis(sets.reference)
        self.originals = self.basis(np.vstack([sets.originals, sets.training]))
        super().__init__(self.originals.mean(axis=0), np.cov(self.originals.T))
        self._classify = Classifier(self.basis(sets.training), sets.training_labels)

    def look(self, samples: Array) -> dict[str, float]:
        """Return distance, precision, recall, Vendi score and class number of samples."""
        precision, recall = distances.precision_recall(samples, self.reference)
        return {
            "distance": distances.frechet_distance(
                samples, self.reference, basis=self.originals, dimensions=_FEATURES, draws=3
            ),
            "precision": precision,
            "recall": recall,
            "vendi": distances.vendi_score(samples - self._mean),
            "classes": distances.class_number(self._classify(samples)),
        }


def _log_det(covariance: Array) -> float:
    sign, value = np.linalg.slogdet(covariance)
    return float(value) if sign > 0 else -np.inf


def _world(data: Any, n: int, shares: Sequence[float]) -> tuple[Draw, Truth, str]:
    """Return how real works are drawn, what they are like, and what to call them."""
    if callable(data):
        many = _require_rows(data(100_000, np.random.default_rng(20240608)))
        return data, Truth(many.mean(axis=0), np.atleast_2d(np.cov(many.T))), "your data"
    truth: Truth
    if data is None:
        truth = known = DigitTruth()
        works, what = known.originals, "handwritten digits"
    else:
        works = _require_rows(data)
        truth, what = Truth(works.mean(axis=0), np.atleast_2d(np.cov(works.T))), "your data"
    needed = n + sum(round(share * n) for share in shares)
    if needed > len(works):
        raise InputError(
            "too few real works for this loop: none is used twice",
            column="data",
            value=f"{len(works)} works, {needed} needed",
            fix="lower n, fresh or generations, or give data as a function that draws more",
        )
    return _WithoutReturn(works), truth, what


def _require_rows(data: Any) -> Array:
    try:
        works = np.asarray(data, dtype=float)
    except (TypeError, ValueError):
        works = np.empty(0)
    if works.ndim != 2 or not np.isfinite(works).all():
        raise InputError(
            "real works are rows of finite numbers",
            column="data",
            value=f"shape {np.shape(data)}",
            fix="give an array of shape (works, features)",
        )
    if not np.ptp(works, axis=0).any():
        raise InputError(
            "all real works are the same, so no variety can be lost",
            column="data",
            value=float(works.flat[0]) if works.size else None,
            fix="give works that differ",
        )
    return works


class _WithoutReturn:
    """Draws works so that none comes twice in one loop."""

    def __init__(self, works: Array) -> None:
        self._works = works
        self._rng: np.random.Generator | None = None

    def __call__(self, n: int, rng: np.random.Generator) -> Array:
        if rng is not self._rng:
            self._rng, self._order, self._used = rng, rng.permutation(len(self._works)), 0
        chosen = self._order[self._used : self._used + n]
        self._used += n
        rows: Array = self._works[chosen]
        return rows


def _table(values: pd.DataFrame) -> pd.DataFrame:
    found = values.groupby(["generation", "metric"], sort=False)["value"]
    table = found.agg(["mean", "std", "count"]).reset_index()
    half = special.stdtrit(table["count"] - 1, 0.975) * table["std"] / np.sqrt(table["count"])
    return table.assign(low=table["mean"] - half, high=table["mean"] + half).rename(
        columns={"std": "sd"}
    )[["generation", "metric", "mean", "low", "high", "sd"]]


_HOW = {
    "replace": "refitted to nothing but its own last samples",
    "accumulate": "refitted to the real works and all samples so far",
    "augment": "refitted to the real works and its last samples",
    "subsample": "refitted to a fixed number drawn from the real works and all samples so far",
    "fresh": "refitted to its last samples and new real works",
}


def _text(table: pd.DataFrame, generator: Any, regime: str, what: str) -> str:
    name = generator if isinstance(generator, str) else type(generator).__name__
    last = int(table["generation"].max())
    ends = table.pivot(index="generation", columns="metric", values="mean").loc[[0, last]]
    kept = ends["variance"].iloc[1] / ends["variance"].iloc[0]
    text = (
        f"In this toy ({name} on {what}, {_HOW[regime]}) {kept:.0%} of the first model's variance "
        f"was left after {last} generations"
    )
    if "recall" in ends:
        text += (
            f"; of other real works {ends['recall'].iloc[0]:.0%} lay within reach of its samples "
            f"at first and {ends['recall'].iloc[1]:.0%} at the end"
        )
    return text + ". It says nothing about any generator in use, nor about art on a platform."
