"""Captioner, painter and encoders fitted to handwritten digits: the loop without a large model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.loop.digits import Classifier, Digits, digits
from uploadtrends.loop.distances import principal_basis

DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# A feature of the picture, and the words for its lower, middle and upper third; "" is not said.
_WORDS = {
    "thickness": ("a faint", "a", "a bold"),
    "slant": ("left-leaning", "", "right-leaning"),
    "width": ("narrow", "", "wide"),
    "balance": ("top-heavy", "balanced", "bottom-heavy"),
    "place": ("set to the left", "", "set to the right"),
}
_SIDE = 8
_MOST = 16.0  # grey value of full ink


class DigitCaptioner:
    """Says which digit it sees and how it is written, in one English sentence."""

    def __init__(self, sets: Digits | None = None) -> None:
        sets = digits() if sets is None else sets
        self._classify = Classifier(sets.training, sets.training_labels)
        self._cuts = np.quantile(_features(sets.training), [1 / 3, 2 / 3], axis=0)

    def caption(self, images: Array, seeds: Sequence[int]) -> list[str]:
        """Return one sentence a picture; nothing here is drawn, so that seeds do not matter."""
        del seeds
        labels = self._classify(images)
        thirds = (_features(images)[:, None, :] > self._cuts[None]).sum(axis=1)
        return [self._sentence(int(n), row) for n, row in zip(labels, thirds, strict=True)]

    @staticmethod
    def _sentence(label: int, thirds: Array) -> str:
        said = [words[int(third)] for words, third in zip(_WORDS.values(), thirds, strict=True)]
        thickness, slant, width, balance, place = said
        joint = " " if thickness == "a" else ", "
        adjective = f"{thickness}{joint}{slant}" if slant else thickness
        manner = " and ".join(word for word in (width, balance) if word)
        return f"{adjective} handwritten {DIGIT_NAMES[label]}, {manner}" + (
            f", {place}" * bool(place)
        )


def _features(images: Array) -> Array:
    """Return (n, 5) thickness, slant, width, balance, place of the ink."""
    ink = np.asarray(images, dtype=float).reshape(-1, _SIDE, _SIDE)
    total = ink.sum(axis=(1, 2))
    share = ink / np.where(total > 0, total, 1)[:, None, None]
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    x, y = ((share * axis).sum(axis=(1, 2)) for axis in (columns, rows))
    dx, dy = columns - x[:, None, None], rows - y[:, None, None]
    width = np.sqrt((share * dx**2).sum(axis=(1, 2)))
    height = np.maximum((share * dy**2).sum(axis=(1, 2)), 1e-9)
    slant = -(share * dx * dy).sum(axis=(1, 2)) / height
    return np.column_stack([total, slant, width, y, x])


class DigitPainter:
    """Paints from a sentence: ridge regression of grey values on its words, plus a residual.

    Parameters
    ----------
    spread : float
        Variance of the residual relative to that of real digits of the same name: 1 paints as
        varied as people, 0 paints every sentence one way.
    """

    def __init__(self, sets: Digits | None = None, *, spread: float = 1.0) -> None:
        sets = digits() if sets is None else sets
        self.spread = spread
        sentences = DigitCaptioner(sets).caption(sets.training, [0] * len(sets.training))
        design = np.array([self._row(sentence) for sentence in sentences])
        penalty = np.eye(design.shape[1])
        self._weights = np.linalg.solve(design.T @ design + penalty, design.T @ sets.training)
        left = sets.training - design @ self._weights
        names = np.array([self._name(sentence) for sentence in sentences])
        self._roots = {
            name: np.asarray(
                np.linalg.qr(left[names == name] / np.sqrt((names == name).sum()), mode="r")
            )
            for name in DIGIT_NAMES
        }

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> Array:
        """Return (n, 64) grey values; one seed a picture."""
        means = np.array([self._row(caption) for caption in captions]) @ self._weights
        painted = [
            mean + np.sqrt(self.spread) * self._noise(caption, seed)
            for mean, caption, seed in zip(means, captions, seeds, strict=True)
        ]
        return np.asarray(np.clip(painted, 0.0, _MOST))

    def _noise(self, caption: str, seed: int) -> Array:
        root = self._roots.get(self._name(caption))
        if root is None:
            return np.zeros(_SIDE**2)
        noise: Array = np.random.default_rng(seed).standard_normal(len(root)) @ root
        return noise

    @staticmethod
    def _name(caption: str) -> str:
        return next((name for name in DIGIT_NAMES if f"handwritten {name}" in caption), "")

    def _row(self, caption: str) -> Array:
        """Return the words of a sentence, for each digit on its own."""
        words = [word for triple in _WORDS.values() for word in triple if word not in ("", "a")]
        said = [1.0] + [float(word in caption) for word in words]
        row = np.zeros((len(DIGIT_NAMES), len(said)))
        name = self._name(caption)
        if name:
            row[DIGIT_NAMES.index(name)] = said
        return row.ravel()


class WordEncoder:
    """TF-IDF of words and pairs of words (scikit-learn), fitted to captions of other pictures."""

    def __init__(self, sets: Digits | None = None) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        sets = digits() if sets is None else sets
        captions = DigitCaptioner(sets).caption(sets.training, [0] * len(sets.training))
        pattern = r"[\w-]+"  # keeps "left-leaning" one word
        self._model = TfidfVectorizer(token_pattern=pattern, ngram_range=(1, 2)).fit(captions)

    def encode(self, captions: Sequence[str]) -> Array:
        """Return (n, d) rows of length 1."""
        rows: Array = self._model.transform(list(captions)).toarray()
        return rows


class PixelEncoder:
    """The first 32 principal components of other pictures."""

    def __init__(self, sets: Digits | None = None) -> None:
        self._basis = principal_basis((digits() if sets is None else sets).training, 32)

    def encode(self, images: Array) -> Array:
        """Return (n, 32) coordinates."""
        return self._basis(np.asarray(images, dtype=float))
