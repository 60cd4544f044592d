"""Real handwritten digits as artworks: originals, others to compare with, and what looks at them.

1,797 pictures of 8 x 8 pixels by 43 people, the test part of the UCI set that scikit-learn ships
(Alpaydin & Kaynak 1998). They stand in for artworks where no large model is at hand: the loops
run on real data, in seconds, and every part is fitted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from uploadtrends.arrays import Array

N_ORIGINALS = 270
N_REFERENCE = 600
_SEED = 19980701


@dataclass(frozen=True, eq=False)
class Digits:
    """Three sets without a common picture.

    Attributes
    ----------
    originals, reference, training : numpy.ndarray, shapes (270, 64), (600, 64), (927, 64)
        Grey values from 0 to 16: the artworks of the loop, others to measure distances with, and
        what captioner, painter and encoders are fitted to.
    original_labels, reference_labels, training_labels : numpy.ndarray of int
    """

    originals: Array
    reference: Array
    training: Array
    original_labels: Array
    reference_labels: Array
    training_labels: Array


@cache
def digits() -> Digits:
    """Return the three sets, always the same."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(_SEED).permutation(len(found.data))
    first, second = N_ORIGINALS, N_ORIGINALS + N_REFERENCE
    parts = order[:first], order[first:second], order[second:]
    return Digits(*(found.data[part] for part in parts), *(found.target[part] for part in parts))


class Classifier:
    """Linear discriminant analysis of grey values: which digit is it?"""

    def __init__(self, images: Array, labels: Array) -> None:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        self._model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(images, labels)

    def __call__(self, images: Array) -> Array:
        """Return (n,) labels."""
        labels: Array = self._model.predict(images)
        return labels
