"""Image to text to image: what a chain of captioner and painter makes of artworks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.loop import distances
from uploadtrends.loop.novelty import by_iteration, cosine_novelty
from uploadtrends.loop.record import Iteration, Record
from uploadtrends.result import Call, Result, fingerprint, package_version

Told = Callable[[int, int, float], None]
"""Called after each iteration: its number, how many there are, seconds left."""


class Captioner(Protocol):
    """Says in words what it sees."""

    def caption(self, images: Any, seeds: Sequence[int]) -> list[str]:
        """Return one text a picture."""
        ...


class Painter(Protocol):
    """Makes pictures from words.

    Attributes ``flagged`` and ``truncated`` may tell which pictures it withheld and which texts it
    read only in part the last time.
    """

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> Any:
        """Return one picture a text, each from its own seed."""
        ...


class Encoder(Protocol):
    """Embeds texts or pictures. An attribute ``truncated`` may tell which it cut last time."""

    def encode(self, things: Any) -> Array:
        """Return one row a thing."""
        ...


@dataclass(frozen=True, repr=False, eq=False)
class CaptionLoop(Result):
    """A loop of captioner and painter over artworks.

    Attributes
    ----------
    captions : pandas.DataFrame
        artwork, repeat, iteration (0: the caption of the original), caption, seed, flagged,
        truncated.
    text, image : numpy.ndarray, shape (iterations + 1, chains, d)
        Embeddings; row 0 is the original's own. Chains are artworks times repeats.
    reference : numpy.ndarray or None
        Embedded pictures of other artworks.
    call : Call
    """

    captions: pd.DataFrame
    text: Array = field(repr=False)
    image: Array = field(repr=False)
    reference: Array | None = field(repr=False)
    n_artworks: int
    call: Call

    @property
    def iterations(self) -> int:
        """How often every artwork went round."""
        return len(self.text) - 1

    def novelty_of(self, kind: str) -> Array:
        """Return novelty against the artwork's own origin, shape (iterations, chains).

        Parameters
        ----------
        kind : {"content", "visual"}
            Of captions, or of pictures. NaN for artworks with a picture that was withheld.

        Raises
        ------
        InputError
            For another kind.
        """
        if kind not in ("content", "visual"):
            raise InputError(
                "no such novelty", column="kind", value=kind, fix="'content' or 'visual'"
            )
        embedded = self.text if kind == "content" else self.image
        values = cosine_novelty(embedded[1:], embedded[0])
        withheld = self.captions.groupby("artwork")["flagged"].any().to_numpy()
        values[:, np.repeat(withheld, values.shape[1] // self.n_artworks)] = np.nan
        return values

    def novelty(self, kind: str) -> pd.DataFrame:
        """Return mean, sd, 95% interval of the mean and chance level by iteration.

        The chance level is the mean novelty of two unrelated originals. Iteration 1 is the control
        without feedback: its pictures are painted from the originals' captions.
        """
        values = self.novelty_of(kind)
        artworks = values.reshape(len(values), self.n_artworks, -1)
        origin = (self.text if kind == "content" else self.image)[0][:: artworks.shape[2]]
        chance = cosine_novelty(origin, np.roll(origin, 1, axis=0)).mean()
        return by_iteration(artworks.mean(axis=2), float(chance))

    def distance(self, every: int = 1) -> pd.DataFrame:
        """Return distances of the pictures to other originals by iteration.

        Parameters
        ----------
        every : int
            Only each so-manieth iteration.

        Returns
        -------
        pandas.DataFrame
            Index: iteration. Columns: frechet (extrapolated, in a basis of other works), kernel,
            precision, recall, vendi, floor (frechet of the originals themselves), plain_low and
            plain_high (the plain distance to the artworks' own originals "as on the poster", and
            what it can mean at this number of works).

        Raises
        ------
        InputError
            Without other works to compare with, or with too few.
        """
        if self.reference is None:
            raise InputError(
                "distances need other works than those in the loop",
                column="reference",
                fix="give reference= pictures that are not among the originals",
            )
        half = len(self.reference) // 2
        basis, other = self.reference[:half], self.reference[half:]
        own = self.image[0]
        floor = distances.frechet_distance(own, other, basis=basis)
        rows = {}
        for number in range(1, self.iterations + 1, every):
            now = self.image[number]
            precision, recall = distances.precision_recall(now, other)
            low, high = distances.frechet_bracket(now, own)
            rows[number] = {
                "frechet": distances.frechet_distance(now, other, basis=basis),
                "kernel": distances.kernel_distance(now, other),
                "precision": precision,
                "recall": recall,
                "vendi": distances.vendi_score(now),
                "floor": floor,
                "plain_low": low,
                "plain_high": high,
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("iteration")

    def variety(self) -> pd.DataFrame:
        """Return, by iteration, how many captions differ and the share that did not change."""
        table = self.captions.pivot(
            index="iteration", columns=["artwork", "repeat"], values="caption"
        )
        same = (table == table.shift()).mean(axis=1)
        return pd.DataFrame({"unique_captions": table.nunique(axis=1), "unchanged": same})

    def to_frame(self) -> pd.DataFrame:
        """Return content and visual novelty by iteration, with their chance levels."""
        both = {kind: self.novelty(kind) for kind in ("content", "visual")}
        return pd.concat(both, names=["novelty"]).reset_index()

    def summary(self) -> str:
        """Say how far captions and pictures moved, beside the control and the chance level."""
        lines = []
        for kind, what in (("content", "captions"), ("visual", "pictures")):
            table = self.novelty(kind)
            lines.append(
                f"{kind.capitalize()} novelty of the {what}: {table['mean'].iloc[0]:.2f} after one "
                f"round (no feedback yet), {table['mean'].iloc[-1]:.2f} after {self.iterations} "
                f"(unrelated originals: {table['chance'].iloc[0]:.2f})."
            )
        variety = self.variety()["unique_captions"]
        lines.append(f"Different captions: {variety.iloc[0]} at first, {variety.iloc[-1]} at last.")
        withheld = int(self.captions["flagged"].sum())
        if withheld:
            lines.append(
                f"{withheld} pictures were withheld; their artworks are left out of means."
            )
        return "\n".join(lines)


def caption_loop(
    images: Any = None,
    *,
    captioner: Captioner | None = None,
    painter: Painter | None = None,
    text_encoder: Encoder | None = None,
    image_encoder: Encoder | None = None,
    iterations: int = 100,
    repeats: int = 1,
    reference: Any = None,
    folder: str | Path | None = None,
    seed: int = 0,
    announce: Told | None = None,
) -> CaptionLoop:
    """Send artworks round and round: picture, caption, picture from the caption, caption, ...

    Parameters
    ----------
    images : sequence of pictures, optional
        Whatever the captioner takes. None: 270 handwritten digits of scikit-learn.
    captioner, painter, text_encoder, image_encoder : objects of one method, optional
        See `Captioner`, `Painter`, `Encoder`. By default small ones fitted to other digits.
    iterations : int
        Rounds.
    repeats : int
        Chains from each artwork, with other seeds.
    reference : sequence of pictures, optional
        Other works, for distances; by default other digits.
    folder : path, optional
        Where every iteration is kept, and an interrupted loop goes on.
    seed : int
        Every (repeat, artwork, iteration) has a seed of its own, derived from it.
    announce : callable, optional
        Told of progress.

    Raises
    ------
    InputError
        Without pictures, with parts missing for pictures of one's own, or in a folder that holds
        another loop.

    Examples
    --------
    >>> loop = caption_loop(iterations=3)
    >>> loop.captions.query("artwork == 0").caption.iloc[0]
    'a bold handwritten two, narrow and bottom-heavy, set to the left'
    """
    if iterations < 1 or repeats < 1:
        raise InputError(
            "a loop goes round at least once", column="iterations", value=min(iterations, repeats)
        )
    parts = (captioner, painter, text_encoder, image_encoder)
    if images is None:
        images, reference, parts = _with_digits(parts, reference)
    elif any(part is None for part in parts):
        raise InputError(
            "pictures of your own need a captioner, a painter and both encoders",
            column="captioner",
            fix="give all four, or no pictures to use the handwritten digits",
        )
    return _go_round(images, reference, parts, iterations, repeats, folder, seed, announce)


def _with_digits(parts: tuple[Any, ...], reference: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    from uploadtrends.loop import toy
    from uploadtrends.loop.digits import digits

    makers = (toy.DigitCaptioner, toy.DigitPainter, toy.WordEncoder, toy.PixelEncoder)
    made = tuple(
        maker() if part is None else part for part, maker in zip(parts, makers, strict=True)
    )
    sets = digits()
    return sets.originals, sets.reference if reference is None else reference, made


def _go_round(
    images: Any,
    reference: Any,
    parts: tuple[Any, ...],
    iterations: int,
    repeats: int,
    folder: str | Path | None,
    seed: int,
    announce: Told | None,
) -> CaptionLoop:
    captioner, painter, text_encoder, image_encoder = parts
    n = len(images)
    if n == 0:
        raise InputError("no pictures to send round", column="images", fix="give some")
    settings = {
        "package": package_version(),
        "images": fingerprint(*(np.asarray(image).tobytes() for image in images)),
        "parts": [_described(part) for part in parts],
        "repeats": repeats,
        "seed": seed,
    }
    record = Record(folder, settings)
    if 0 not in record:
        record.keep(0, _originals(images, parts, repeats, seed))
    began, done = time.monotonic(), 0
    for number in range(1, iterations + 1):
        if number in record:
            continue
        captions = record.read(number - 1).captions
        seeds = _seeds(seed, repeats, n, number)
        pictures = painter.paint(captions, seeds)
        flagged = list(getattr(painter, "flagged", [False] * len(seeds)))
        told = captioner.caption(pictures, seeds)
        text = text_encoder.encode(told)
        none = [False] * len(seeds)
        cut = [
            any(both)
            for both in zip(
                getattr(painter, "truncated", none),
                getattr(text_encoder, "truncated", none),
                strict=True,
            )
        ]
        kept = Iteration(told, seeds, flagged, cut, text, image_encoder.encode(pictures))
        record.keep(number, kept)
        done += 1
        if announce is not None:
            seconds = (time.monotonic() - began) / done * (iterations - number)
            announce(number, iterations, seconds)
    found = [record.read(number) for number in range(iterations + 1)]
    others = None if reference is None else image_encoder.encode(reference)
    said = settings | {"iterations": iterations}
    call = Call.of(said, *([] if others is None else [others]), function="caption_loop")
    return CaptionLoop(
        captions=_captions(found, n, repeats),
        text=np.stack([one.text for one in found]),
        image=np.stack([one.image for one in found]),
        reference=others,
        n_artworks=n,
        call=call,
    )


def _originals(images: Any, parts: tuple[Any, ...], repeats: int, seed: int) -> Iteration:
    captioner, _, text_encoder, image_encoder = parts
    n = len(images)
    captions = captioner.caption(images, _seeds(seed, 1, n, 0))
    text, image = text_encoder.encode(captions), image_encoder.encode(images)
    cut = list(getattr(text_encoder, "truncated", [False] * n))
    # Chains of one artwork stand side by side.
    spread = np.repeat(np.arange(n), repeats)
    return Iteration(
        [captions[i] for i in spread],
        _seeds(seed, repeats, n, 0),
        [False] * len(spread),
        [cut[i] for i in spread],
        text[spread],
        image[spread],
    )


def _seeds(seed: int, repeats: int, n: int, number: int) -> list[int]:
    """Return one seed a chain; the same chain, iteration and seed give the same."""
    return [
        int(np.random.SeedSequence([seed, artwork, repeat, number]).generate_state(1)[0])
        for artwork in range(n)
        for repeat in range(repeats)
    ]


def _captions(found: Sequence[Iteration], n: int, repeats: int) -> pd.DataFrame:
    artworks, chains = np.repeat(np.arange(n), repeats), np.tile(np.arange(repeats), n)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "artwork": artworks,
                    "repeat": chains,
                    "iteration": number,
                    "caption": one.captions,
                    "seed": one.seeds,
                    "flagged": one.flagged,
                    "truncated": one.truncated,
                }
            )
            for number, one in enumerate(found)
        ],
        ignore_index=True,
    )


def _described(part: Any) -> str:
    """Say what a part is, with the settings that it tells of itself."""
    described = getattr(part, "described", None)
    if described is not None:
        return str(described)
    settings = {k: v for k, v in vars(part).items() if isinstance(v, bool | int | float | str)}
    own = {key: value for key, value in sorted(settings.items()) if not key.startswith("_")}
    return f"{type(part).__module__}.{type(part).__qualname__}{own or ''}"
