"""The command that runs self-consuming loops."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uploadtrends.cli.options import command
from uploadtrends.errors import InputError

if TYPE_CHECKING:
    from uploadtrends.result import Result

KINDS = ("caption", "retrain")


@command
def loop(
    kind: Annotated[
        str, typer.Argument(help="caption (picture, words, picture, ...) or retrain (generations).")
    ] = "caption",
    out: Annotated[
        Path, typer.Option("--out", help="Folder of figure, table, words and the loop itself.")
    ] = Path("data/derived/loop"),
    iterations: Annotated[
        int, typer.Option("--iterations", help="Rounds, or generations; 0: the usual number.")
    ] = 0,
    repeats: Annotated[
        int, typer.Option("--repeats", help="Chains from each artwork, or loops; 0: as usual.")
    ] = 0,
    spread: Annotated[
        float, typer.Option("--spread", help="How varied the painter paints a sentence (caption).")
    ] = 1.0,
    generator: Annotated[
        str, typer.Option("--generator", help="gmm, gaussian or kde (retrain).")
    ] = "gmm",
    regime: Annotated[
        str,
        typer.Option("--regime", help="replace, accumulate, augment, subsample, fresh (retrain)."),
    ] = "replace",
    fresh: Annotated[
        float, typer.Option("--fresh", help="Share of new real works (retrain, regime fresh).")
    ] = 0.1,
    sampling_bias: Annotated[
        float, typer.Option("--sampling-bias", help="Variance of samples; 1 is unbiased (retrain).")
    ] = 1.0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same loop.")] = 0,
) -> None:
    """Run a self-consuming loop on real handwritten digits; an interrupted one goes on.

    Example: uploadtrends loop caption --iterations 100 --out data/derived/loop
    """
    import uploadtrends as ut

    if kind not in KINDS:
        raise InputError("no such loop", column="kind", value=kind, fix=f"{' or '.join(KINDS)}")
    found: Result
    if kind == "caption":
        from uploadtrends.loop.toy import DigitPainter

        found = ut.caption_loop(
            painter=DigitPainter(spread=spread),
            iterations=iterations or 100,
            repeats=repeats or 1,
            folder=out / "caption",
            seed=seed,
            announce=_say if iterations > 20 or not iterations else None,
        )
    else:
        found = ut.retraining_loop(
            generator=generator,
            regime=regime,
            fresh=fresh,
            sampling_bias=sampling_bias,
            generations=iterations or 30,
            repeats=repeats or 5,
            seed=seed,
        )
    for path in _saved(found, out, kind):
        typer.echo(f"written: {path}", err=True)
    typer.echo(found.summary())


def _say(number: int, of: int, seconds: float) -> None:
    if number % 25 == 0:
        typer.echo(f"iteration {number} of {of}, about {seconds:.0f} s left", err=True)


def _saved(found: Any, out: Path, kind: str) -> list[Path]:
    from uploadtrends import figures

    out.mkdir(parents=True, exist_ok=True)
    written = list(figures.save(found.plot(), out / f"{kind}_loop"))
    table, words = out / f"{kind}_loop.csv", out / f"{kind}_loop.txt"
    found.to_frame().to_csv(table, index=False)
    words.write_text(found.summary() + "\n", encoding="utf-8")
    return [*written, table, words]
