"""Image to text to image: what a chain of captioner and painter makes of artworks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.loop import distances
from uploadtrends.loop.novelty import LEAST_ARTWORKS, by_iteration, cosine_novelty
from uploadtrends.loop.rest import still_moving
from uploadtrends.result import Call, Result


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
        values[:, self.withheld] = np.nan
        return values

    def by_artwork(self, kind: str) -> Array:
        """Return the same averaged over the chains of each artwork, shape (iterations, artworks).

        What `convergence` takes: its intervals draw artworks, and chains of one are alike.
        """
        values = self.novelty_of(kind)
        means: Array = values.reshape(len(values), self.n_artworks, -1).mean(axis=2)
        return means

    @property
    def withheld(self) -> Array:
        """Which chains belong to an artwork with a picture that was withheld, shape (chains,)."""
        artworks = self.captions.groupby("artwork")["flagged"].any().to_numpy()
        return np.repeat(artworks, self.text.shape[1] // self.n_artworks)

    def novelty(self, kind: str) -> pd.DataFrame:
        """Return mean, sd, 95% interval of the mean and chance level by iteration.

        The chance level is the mean novelty of two unrelated originals. Iteration 1 is the control
        without feedback: its pictures are painted from the originals' captions.
        """
        artworks = self.by_artwork(kind)
        each = self.text.shape[1] // self.n_artworks
        origin = (self.text if kind == "content" else self.image)[0][::each]
        chance = cosine_novelty(origin, np.roll(origin, 1, axis=0)).mean()
        return by_iteration(artworks, float(chance))

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
        shown = ~self.withheld
        own = self.image[0][shown]
        floor = distances.frechet_distance(own, other, basis=basis)
        rows = {}
        for number in range(1, self.iterations + 1, every):
            now = self.image[number][shown]
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

    def still_moving(self, hold: int = 5) -> pd.DataFrame:
        """Return the share of chains whose caption has not come to rest, by iteration.

        Kaplan-Meier: a caption rests once it stays the same for `hold` rounds in a row; chains that
        never did are censored at the end.

        Parameters
        ----------
        hold : int

        Returns
        -------
        pandas.DataFrame
            Index: iteration. Columns: at_risk, rested, moving, low, high.

        Raises
        ------
        InputError
            If the loop ran for fewer rounds than `hold`.
        """
        table = self.captions.pivot(
            index="iteration", columns=["artwork", "repeat"], values="caption"
        )
        return still_moving(table.to_numpy(), hold)

    title = "Captioning loop"

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
        if self.iterations >= 10:
            moving = self.still_moving()["moving"].iloc[-1]
            lines.append(f"Captions that stayed the same for five rounds: {1 - moving:.0%}.")
        empty = int((self.captions["caption"].str.strip() == "").sum())
        if empty:
            lines.append(f"{empty} captions are empty.")
        cut = int(self.captions["truncated"].sum())
        if cut:
            lines.append(f"{cut} captions were longer than painter or encoder read.")
        if self.n_artworks < LEAST_ARTWORKS:
            lines.append(
                f"{self.n_artworks} artworks: no intervals below {LEAST_ARTWORKS}, no distances "
                f"below {distances.LEAST_WORKS}."
            )
        withheld = int(self.captions["flagged"].sum())
        if withheld:
            lines.append(
                f"{withheld} pictures were withheld; their artworks are left out of means."
            )
        return "\n".join(lines)
