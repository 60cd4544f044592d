"""Real model classes on tiny weights, through the code that loads the large ones.

Run by `make test-loop-models`, which installs torch; the ordinary suite skips this file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: `make test-loop-models` brings it")
pytest.importorskip("diffusers", reason="diffusers is not installed")

import tiny_models
from PIL import Image

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.loop import models

pytestmark = pytest.mark.loop_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.manual_seed(0)
    made = tmp_path_factory.mktemp("models")
    tiny_models.write_blip(made / "blip")
    tiny_models.write_blip2(made / "blip2")
    tiny_models.write_bert(made / "bert")
    tiny_models.write_dino(made / "dino")
    tiny_models.write_diffusion(made / "diffusion")
    return made


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(1)
    for number, mode in enumerate(("RGB", "RGBA", "L", "P")):
        grey = rng.integers(0, 255, (32, 32, 4), dtype=np.uint8)
        Image.fromarray(grey, "RGBA").convert(mode).save(made / f"{number}.png")
    return made


def parts(folder: Path) -> dict[str, object]:
    return {
        "captioner": models.ModelCaptioner(folder / "blip", longest=6),
        "painter": models.ModelPainter(folder / "diffusion", steps=2, size=32),
        "text_encoder": models.ModelTextEncoder(folder / "bert"),
        "image_encoder": models.ModelImageEncoder(folder / "dino"),
    }


def test_a_loop_of_real_classes_goes_round_and_repeats_itself(
    folder: Path, pictures: Path, tmp_path: Path
) -> None:
    originals = models.read_pictures(pictures)
    one = ut.caption_loop(originals, **parts(folder), iterations=3, folder=tmp_path)
    again = ut.caption_loop(originals, **parts(folder), iterations=3)
    assert one.captions["caption"].tolist() == again.captions["caption"].tolist()
    assert (one.image == again.image).all()
    assert one.image.shape == (4, 4, 16)
    assert np.isfinite(one.text).all()
    # Other weights are another loop: the folder is not mixed.
    tiny_models.write_bert(folder / "other-bert")
    with pytest.raises(InputError, match="different: parts"):
        ut.caption_loop(
            originals,
            **(parts(folder) | {"text_encoder": models.ModelTextEncoder(folder / "other-bert")}),
            iterations=3,
            folder=tmp_path,
        )


def words(folder: Path, pictures: Path, out: Path) -> list[str]:
    """The command of the docs, on the tiny models."""
    said = ["loop", "caption", "--images", str(pictures), "--out", str(out), "--iterations", "3"]
    for flag, name in (
        ("captioner", "blip2"),
        ("painter", "diffusion"),
        ("text", "bert"),
        ("vision", "dino"),
    ):
        said += [f"--{flag}", str(folder / name)]
    return [*said, "--steps", "2", "--size", "32", "--batch", "2", "--guidance", "5"]


def test_the_command_runs_the_models_and_goes_on(
    folder: Path, pictures: Path, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from uploadtrends.cli import app

    run = words(folder, pictures, tmp_path)
    done = CliRunner().invoke(app, [*run, "--keep-images"])
    assert done.exit_code == 0, done.output
    assert "4 artworks: no intervals below 10" in done.output
    kept = sorted(tmp_path.glob("caption/pictures/*/*.png"))
    assert len(kept) == 4 * 4
    with Image.open(kept[-1]) as painted:
        assert (painted.size, painted.mode) == ((32, 32), "RGB")
    for ending in (".csv", ".txt", ".svg", "_strip.png"):
        assert (tmp_path / f"caption_loop{ending}").stat().st_size > 50
    described = (tmp_path / "caption" / "loop.json").read_text()
    assert "steps 2 guidance 5.0 size 32" in described
    assert "batch 2" in described
    whole = {p.name: p.read_bytes() for p in tmp_path.glob("caption/iterations/*")}
    for late in tmp_path.glob("caption/iterations/000[23].*"):
        late.unlink()
    again = CliRunner().invoke(app, run)
    assert again.exit_code == 0, again.output
    assert {p.name: p.read_bytes() for p in tmp_path.glob("caption/iterations/*")} == whole
    other = CliRunner().invoke(app, [*run, "--batch", "4"])
    assert other.exit_code == 1
    assert "different: parts" in str(other.exception)


def test_nothing_is_fetched_unless_it_is_said(folder: Path, pictures: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from uploadtrends.cli import app

    run = words(folder, pictures, tmp_path)
    run[run.index("--text") + 1] = "bert-base-uncased"
    done = CliRunner().invoke(app, run)
    assert "no such model folder" in str(done.exception)
    # Said, it asks; here nobody answers, and that is no traceback.
    said = CliRunner().invoke(app, [*run, "--allow-download"])
    assert isinstance(said.exception, InputError)
    assert "no model of this kind" in str(said.exception)


def test_a_reference_of_other_pictures_gives_distances_only_with_enough(
    folder: Path, pictures: Path, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from uploadtrends.cli import app

    run = [*words(folder, pictures, tmp_path), "--reference", str(pictures)]
    done = CliRunner().invoke(app, run)
    assert "the reference holds an original" in str(done.exception)


def test_blip_2_goes_through_the_same_class(folder: Path, pictures: Path) -> None:
    originals = models.read_pictures(pictures)
    captioner = models.ModelCaptioner(folder / "blip2", longest=5)
    told = captioner.caption(originals, [0] * 4)
    assert len(told) == 4
    assert told == captioner.caption(originals, [1] * 4)


def test_another_seed_paints_another_picture(folder: Path) -> None:
    painter = models.ModelPainter(folder / "diffusion", steps=2, size=32)
    texts, seeds = ["a red circle"] * 3, [1, 2, 1]
    one, other, same = (np.asarray(p, dtype=int) for p in painter.paint(texts, seeds))
    assert abs(one - other).max() > 20
    # Within one batch the place of a row may round its last bit differently, by a grey level ...
    assert abs(one - same).max() <= 1
    # ... but the same batch again is the same to the byte.
    again = [np.asarray(p, dtype=int) for p in painter.paint(texts, seeds)]
    assert all((a == b).all() for a, b in zip((one, other, same), again, strict=True))
    painter.paint(["a " * 100, "a"], [1, 1])
    assert painter.truncated == [True, False]
    assert painter.flagged == [False, False]


def test_long_and_empty_texts_are_told(folder: Path) -> None:
    encoder = models.ModelTextEncoder(folder / "bert")
    rows = encoder.encode(["a red circle", "the " * 60, ""])
    assert encoder.truncated == [False, True, False]
    assert np.isfinite(rows).all()
    assert (rows[0] != rows[1]).any()


@pytest.mark.parametrize("kind", ["ModelCaptioner", "ModelPainter", "ModelTextEncoder"])
def test_a_folder_without_the_model_is_named(kind: str, folder: Path, tmp_path: Path) -> None:
    maker = getattr(models, kind)
    with pytest.raises(InputError, match="no such model folder"):
        maker(tmp_path / "missing")
    with pytest.raises(InputError, match="no model of this kind"):
        maker(tmp_path)
    if kind == "ModelPainter":
        with pytest.raises(InputError, match="no model of this kind"):
            maker(folder / "bert")


def test_pictures_that_cannot_be_used_are_named(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(InputError, match="no pictures"):
        models.read_pictures(tmp_path)
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"not a picture.*a\.png"):
        models.read_pictures(tmp_path)
    first = (pictures / "0.png").read_bytes()
    (tmp_path / "a.png").write_bytes(first)
    (tmp_path / "b.png").write_bytes(first)
    with pytest.raises(InputError, match="same picture"):
        models.read_pictures(tmp_path)
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 255)]
    frames[0].save(tmp_path / "b.webp", save_all=True, append_images=frames[1:])
    (tmp_path / "b.png").unlink()
    with pytest.raises(InputError, match="moves"):
        models.read_pictures(tmp_path)
