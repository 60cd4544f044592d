"""Both loops on handwritten digits, and what a platform's labels would mean for one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.loop.captions import CaptionLoop
from uploadtrends.loop.digits import digits
from uploadtrends.loop.pictures import pictures_of, shown_iterations
from uploadtrends.loop.progress import Told
from uploadtrends.loop.retraining import RetrainingLoop, retraining_loop
from uploadtrends.loop.running import caption_loop
from uploadtrends.loop.share import SyntheticShare, synthetic_share
from uploadtrends.loop.verdict import LEAST_ITERATIONS, Convergence, convergence
from uploadtrends.result import Call, Result

if TYPE_CHECKING:
    from uploadtrends.panel import Panel

KINDS = ("content", "visual")
BIASES = (1.0, 0.9, 0.8)

CAN_SAY = (
    "How much of its variance a generator of this kind would keep, between bounds, if it were "
    "refitted on a corpus with the labelled share.",
    "Over the rounds that were run the loop came to rest, or did not, or it cannot be told.",
)
CANNOT_SAY = (
    "Anything about Stable Diffusion, Midjourney or the art on a platform: these are toys on "
    "handwritten digits.",
    "That a model was trained on a platform's works, or that a generation is a year.",
    "That machine-made uploads are raw samples: people choose what they post.",
    "That a low labelled share is a low share.",
    "That a date of convergence means anything without its verdict: a slow drift has one, too.",
)


@dataclass(frozen=True, repr=False, eq=False)
class LoopStudy(Result):
    """What `loop_study` returns.

    Attributes
    ----------
    caption : CaptionLoop
        Picture, caption, picture.
    verdicts : dict of str to Convergence
        For content and visual novelty; empty below 20 iterations.
    retraining : RetrainingLoop
        Generation after generation.
    share : SyntheticShare or None
        Of a corpus collected from the panel's platform, where its works bear labels.
    kept : pandas.DataFrame
        bound, synthetic_share, sampling_bias, variance_kept: what a Gaussian would keep in the long
        run if it were refitted on a corpus with this share; empty without a share.
    pictures : dict of int to picture
        Of the first digit, by iteration.
    notes : tuple of str
    call : Call
    """

    caption: CaptionLoop
    verdicts: dict[str, Convergence]
    retraining: RetrainingLoop
    share: SyntheticShare | None
    kept: pd.DataFrame
    pictures: dict[int, Any]
    notes: tuple[str, ...]
    call: Call = field(repr=False)

    title = "Generative loops"

    def to_frame(self) -> pd.DataFrame:
        """Return content and visual novelty by iteration."""
        return self.caption.to_frame()

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table by name."""
        found = {
            "loop": self.to_frame(),
            "loop_captions": self.caption.variety().reset_index(),
            "loop_still_moving": self.still_moving(),
            "loop_distance": self.distance(),
            "loop_verdicts": self.verdict_table(),
            "loop_sensitivity": self.sensitivity(),
            "loop_retraining": self.retraining.to_frame(),
            "loop_variance_kept": self.kept,
        }
        if self.share is not None:
            found["loop_share"] = self.share.to_frame()
        return {name: table for name, table in found.items() if len(table)}

    def still_moving(self) -> pd.DataFrame:
        """Return the share of captions that have not come to rest, by iteration."""
        if self.caption.iterations < 10:
            return pd.DataFrame()
        return self.caption.still_moving().reset_index()

    def distance(self) -> pd.DataFrame:
        """Return distances to other works at about ten iterations."""
        every = max(self.caption.iterations // 10, 1)
        return self.caption.distance(every=every).reset_index()

    def verdict_table(self) -> pd.DataFrame:
        """Return novelty, verdict, iteration, its interval and elasticity."""
        parts = [found.to_frame().assign(novelty=kind) for kind, found in self.verdicts.items()]
        if not parts:
            return pd.DataFrame()
        whole = pd.concat(parts, ignore_index=True)
        return pd.DataFrame(whole, columns=["novelty", *whole.columns.drop("novelty")])

    def sensitivity(self) -> pd.DataFrame:
        """Return novelty, method, iteration: the other ways to date it."""
        parts = [found.sensitivity.assign(novelty=kind) for kind, found in self.verdicts.items()]
        if not parts:
            return pd.DataFrame()
        return pd.concat(parts, ignore_index=True)[["novelty", "method", "iteration"]]

    def summary(self) -> str:
        """Say what both loops did on the digits, and what the labels would mean."""
        lines = ["On handwritten digits, picture, caption, picture:", self.caption.summary()]
        lines += [f"{kind.capitalize()}: {one.summary()}" for kind, one in self.verdicts.items()]
        lines.append(self.retraining.summary())
        if self.share is not None:
            lines.append(self.share.summary())
            ends = self.kept["variance_kept"]
            lines.append(
                f"A Gaussian that were refitted on such a corpus would keep {ends.min():.0%} to "
                f"{ends.max():.0%} of its variance in the long run, over both bounds of the share "
                f"and sampling bias {BIASES[-1]:g} to {BIASES[0]:g}."
            )
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])


def loop_study(
    panel: Panel | None = None,
    *,
    platform: str | None = None,
    window: int | None = None,
    iterations: int = 100,
    repeats: int = 1,
    spread: float = 1.0,
    generator: Literal["gmm", "gaussian", "kde"] = "gmm",
    regime: Literal["replace", "accumulate", "augment", "subsample", "fresh"] = "replace",
    fresh: float = 0.1,
    sampling_bias: float = 0.9,
    generations: int = 30,
    loops: int = 5,
    seed: int = 0,
    folder: str | Path | None = None,
    announce: Told | bool | None = None,
) -> LoopStudy:
    """Run both self-consuming loops on handwritten digits, with their verdicts.

    Parameters
    ----------
    panel : Panel, optional
        Whose AI labels to read; see `synthetic_share`.
    platform : str, optional
        Of the panel.
    window : int, optional
        Periods that the corpus reaches back; None: to the beginning.
    iterations, repeats : int
        Rounds of the caption loop, chains from each digit.
    spread : float
        How varied the painter paints a sentence: 1 as people do, 0 always the same.
    generator, regime, fresh, sampling_bias, generations
        As in `retraining_loop`.
    loops : int
        Retraining loops, each with its own real works.
    seed : int
    folder : path, optional
        Where the rounds of the caption loop are kept.
    announce : callable or bool, optional
        As in `caption_loop`.

    Raises
    ------
    InputError
        For settings that no loop can run with.

    See Also
    --------
    caption_loop : One loop of captions.
    retraining_loop : One loop of retraining.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> print(ut.loop_study(iterations=22, generations=5, loops=2).summary().splitlines()[0])
    On handwritten digits, picture, caption, picture:
    """
    from uploadtrends.loop.toy import DigitPainter

    settings = {
        name: value
        for name, value in locals().items()
        if name not in ("panel", "folder", "announce", "DigitPainter")
    }
    if spread < 0:
        raise InputError("a spread is 0 or more", column="spread", value=spread)
    call = Call.of(settings, *([] if panel is None else [panel]), function="loop_study")
    painter = DigitPainter(spread=spread)
    caption = caption_loop(
        painter=painter,
        iterations=iterations,
        repeats=repeats,
        folder=folder,
        seed=seed,
        announce=announce,
    )
    verdicts = {}
    if iterations >= LEAST_ITERATIONS:
        verdicts = {kind: convergence(caption.by_artwork(kind), seed=seed) for kind in KINDS}
    retraining = retraining_loop(
        generator=generator,
        regime=regime,
        fresh=fresh,
        sampling_bias=sampling_bias,
        generations=generations,
        repeats=loops,
        seed=seed,
        announce=announce,
    )
    share, notes = _share(panel, platform, window)
    if not verdicts:
        notes += (f"no verdict below {LEAST_ITERATIONS} iterations",)
    pictures = pictures_of(
        caption, 0, shown_iterations(iterations), original=digits().originals[0], painter=painter
    )
    kept = _kept(share)
    return LoopStudy(caption, verdicts, retraining, share, kept, pictures, notes, call)


def _share(
    panel: Panel | None, platform: str | None, window: int | None
) -> tuple[SyntheticShare | None, tuple[str, ...]]:
    if panel is None:
        return None, ()
    try:
        return synthetic_share(panel, platform, window=window), ()
    except InputError as error:
        asked = platform is not None or panel.has_artists(None)
        if error.column == "window" or (error.column == "platform" and asked):
            raise
        return None, (f"no synthetic share of these data: {error.problem}",)


def _kept(share: SyntheticShare | None) -> pd.DataFrame:
    """Return what a Gaussian keeps in the long run: f / (1 - lam (1 - f)), f the human share."""
    columns = ["bound", "synthetic_share", "sampling_bias", "variance_kept"]
    if share is None:
        return pd.DataFrame(columns=columns)
    last, rows = share.table.iloc[-1], []
    for bound in ("low", "middle", "high"):
        s = float(last[bound])
        if s != s:
            continue
        rows += [(bound, s, bias, _long_run(1 - s, bias)) for bias in BIASES]
    return pd.DataFrame(rows, columns=columns)


def _long_run(human: float, bias: float) -> float:
    left = 1 - bias * (1 - human)
    return human / left if left > 0 else 1.0
