"""The command that runs self-consuming loops."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uploadtrends.cli.options import command
from uploadtrends.errors import InputError

if TYPE_CHECKING:
    from uploadtrends.result import Result

KINDS = ("caption", "retrain", "both")


@dataclass(frozen=True)
class ModelOptions:
    """Pictures of one's own and the folders of the models that caption, paint and embed them."""

    images: Annotated[
        Path | None, typer.Option("--images", help="Folder of pictures; none: digits (caption).")
    ] = None
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="Folder of other pictures, for distances (caption)."),
    ] = None
    captioner: Annotated[
        str | None, typer.Option("--captioner", help="Folder of BLIP, BLIP-2, ... (caption).")
    ] = None
    painter: Annotated[
        str | None, typer.Option("--painter", help="Folder of Stable Diffusion (caption).")
    ] = None
    text: Annotated[
        str | None, typer.Option("--text", help="Folder of BERT or another text model (caption).")
    ] = None
    vision: Annotated[
        str | None, typer.Option("--vision", help="Folder of DINOv2 or another one (caption).")
    ] = None
    steps: Annotated[int, typer.Option("--steps", help="Steps of the painter.")] = 50
    guidance: Annotated[float, typer.Option("--guidance", help="Guidance of the painter.")] = 7.5
    size: Annotated[int, typer.Option("--size", help="Height and width it paints, pixels.")] = 512
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, mps.")] = "cpu"
    batch: Annotated[
        int, typer.Option("--batch", help="Pictures at a time; another number, other pictures.")
    ] = 4
    keep_images: Annotated[
        bool, typer.Option("--keep-images", help="Keep every picture as PNG in the loop's folder.")
    ] = False
    allow_download: Annotated[
        bool,
        typer.Option("--allow-download", help="Let names of models be fetched; else folders only."),
    ] = False

    def parts(self) -> dict[str, Any]:
        """Return pictures and models as arguments of `caption_loop`; empty for the digits."""
        folders = {name: getattr(self, name) for name in ("captioner", "painter", "text", "vision")}
        if self.images is None:
            for name, folder in {**folders, "reference": self.reference}.items():
                if folder is not None:
                    raise InputError(
                        "models look at pictures",
                        column=f"--{name}",
                        value=str(folder),
                        fix="name a folder of them with --images",
                    )
            return {}
        for name, folder in folders.items():
            if folder is None:
                raise InputError(
                    "pictures of your own need four models",
                    column=f"--{name}",
                    fix=f"name the model's folder with --{name}",
                )
        try:
            from uploadtrends.loop import models
        except ImportError as error:
            raise InputError(
                "models need more packages",
                value=error.name,
                fix="pip install 'uploadtrends[loop-models]'",
            ) from error
        same: dict[str, Any] = {
            "allow_download": self.allow_download,
            "device": self.device,
            "batch": self.batch,
        }
        pictures = models.read_pictures(self.images)
        others = None if self.reference is None else models.read_pictures(self.reference)
        painter = models.ModelPainter(
            folders["painter"], steps=self.steps, guidance=self.guidance, size=self.size, **same
        )
        return {
            "images": pictures,
            "reference": others,
            "captioner": models.ModelCaptioner(folders["captioner"], **same),
            "painter": painter,
            "text_encoder": models.ModelTextEncoder(folders["text"], **same),
            "image_encoder": models.ModelImageEncoder(folders["vision"], **same),
        }


@command
def loop(
    models: ModelOptions,
    kind: Annotated[
        str,
        typer.Argument(
            help="caption (picture, words, picture, ...), retrain (generations), or both, on "
            "digits, with a page."
        ),
    ] = "caption",
    out: Annotated[
        Path, typer.Option("--out", help="Folder of figures, tables, words and the loop itself.")
    ] = Path("data/derived/loop"),
    iterations: Annotated[
        int, typer.Option("--iterations", help="Rounds, or generations; 0: the usual number.")
    ] = 0,
    repeats: Annotated[
        int, typer.Option("--repeats", help="Chains from each artwork, or loops; 0: as usual.")
    ] = 0,
    spread: Annotated[
        float, typer.Option("--spread", help="How varied digits are painted (caption, both).")
    ] = 1.0,
    generator: Annotated[
        str, typer.Option("--generator", help="gmm, gaussian or kde (retrain, both).")
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
    """Run a self-consuming loop, on digits or on pictures of one's own; a killed one goes on.

    Example: uploadtrends loop caption --iterations 100 --out data/derived/loop
    """
    import uploadtrends as ut

    if kind not in KINDS:
        raise InputError("no such loop", column="kind", value=kind, fix=f"{' or '.join(KINDS)}")
    parts = models.parts()
    if parts and kind != "caption":
        raise InputError(
            "pictures of your own go round as captions", column="kind", value=kind, fix="caption"
        )
    found: Result
    retraining: dict[str, Any] = {
        "generator": generator,
        "regime": regime,
        "fresh": fresh,
        "sampling_bias": sampling_bias,
    }
    if kind == "both":
        found = ut.loop_study(
            iterations=iterations or 100,
            repeats=repeats or 1,
            spread=spread,
            folder=out / "caption",
            seed=seed,
            **retraining,
        )
    elif kind == "caption":
        from uploadtrends.loop.toy import DigitPainter

        found = ut.caption_loop(
            **(parts or {"painter": DigitPainter(spread=spread)}),
            iterations=iterations or 100,
            repeats=repeats or 1,
            folder=out / "caption",
            keep_images=models.keep_images,
            seed=seed,
        )
    else:
        found = ut.retraining_loop(
            generations=iterations or 30, repeats=repeats or 5, seed=seed, **retraining
        )
    for path in _saved(found, out, kind, models.keep_images):
        typer.echo(f"written: {path}", err=True)
    typer.echo(found.summary())


def _saved(found: Any, out: Path, kind: str, kept: bool) -> list[Path]:
    from uploadtrends import figures, report

    name = "loop" if kind == "both" else f"{kind}_loop"
    out.mkdir(parents=True, exist_ok=True)
    drawn = figures.plots(name, found)
    if kind == "caption" and kept:
        from uploadtrends.figures.strip import strip
        from uploadtrends.loop.pictures import pictures_of, shown_iterations

        numbers = shown_iterations(found.iterations)
        drawn[f"{name}_strip"] = strip(
            found, pictures_of(found, 0, numbers, folder=out / "caption")
        )
    written = [path for key, one in drawn.items() for path in figures.save(one, out / key)]
    words = out / f"{name}.txt"
    words.write_text(found.summary() + "\n", encoding="utf-8")
    if kind == "both":
        written += report.write_tables(found.tables(), out / "tables")
        written.append(report.write_loops(found, out / "loop.html"))
    else:
        written.append(out / f"{name}.csv")
        found.to_frame().to_csv(written[-1], index=False)
    return [*written, words]
