"""Captioners, painters and encoders from local folders of real models: BLIP, Stable Diffusion, ...

Needs ``uploadtrends[loop-models]`` (torch, transformers, diffusers, accelerate, pillow). Models are
read from folders of this machine; nothing is fetched unless `allow_download` is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError
from uploadtrends.result import file_sha256

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def read_pictures(folder: str | Path, *, most: int | None = None) -> list[Any]:
    """Return the pictures of a folder in order of their names, as RGB on white.

    Parameters
    ----------
    folder : path
    most : int, optional
        Only the first so many.

    Returns
    -------
    list of PIL.Image.Image

    Raises
    ------
    InputError
        Without pictures, for one that cannot be read or moves, and for two that are the same.
    """
    from PIL import Image, UnidentifiedImageError

    paths = sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in PICTURES)[:most]
    if not paths:
        raise InputError(
            "no pictures in the folder", file=Path(folder), fix=f"put {', '.join(PICTURES)} there"
        )
    pictures, seen = [], dict[bytes, Path]()
    for path in paths:
        try:
            with Image.open(path) as opened:
                if getattr(opened, "n_frames", 1) > 1:
                    raise InputError("a picture moves", file=path, fix="give single frames")
                pictures.append(on_white(opened))
        except (UnidentifiedImageError, OSError) as error:
            raise InputError("not a picture that can be read", file=path) from error
        same = seen.setdefault(pictures[-1].tobytes(), path)
        if same is not path:
            raise InputError(
                "two originals are the same picture", file=path, value=same.name, fix="remove one"
            )
    return pictures


def on_white(picture: Any) -> Any:
    """Return the picture as RGB; what is transparent becomes white."""
    from PIL import Image

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        picture = Image.alpha_composite(white, layer)
    return picture.convert("RGB")


class _Model:
    """A model folder, with what identifies it for the record of a loop."""

    def __init__(self, folder: str | Path, allow_download: bool, device: str, batch: int) -> None:
        path = Path(folder)
        if not path.is_dir() and not allow_download:
            raise InputError(
                "no such model folder",
                file=path,
                fix="give a folder with config.json and weights, or say allow_download=True",
            )
        self._source = str(path) if path.is_dir() else str(folder)
        self._options = {"local_files_only": not allow_download}
        self._device, self._batch = device, batch
        # The batch is part of what a picture is: another batch, or place in it, rounds differently.
        told = f"{type(self).__name__} {_digest(path)} {device} batch {batch}"
        self.described = told

    def _parts(self, things: Sequence[Any], *more: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(things), self._batch):
            yield tuple(list(part[start : start + self._batch]) for part in (things, *more))

    def _load(self, loader: Any, **options: Any) -> Any:
        try:
            return loader.from_pretrained(self._source, **self._options, **options)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                "the folder holds no model of this kind",
                file=Path(self._source),
                value=f"{type(self).__name__}: {str(error).splitlines()[0][:120]}",
                fix="check that config, weights and tokenizer are there",
            ) from error


def _digest(folder: Path) -> str:
    """Return a hash of a model folder: its configuration whole, its weights by name and content."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(bytes.fromhex(file_sha256(path)))
    return digest.hexdigest()[:16]


class ModelCaptioner(_Model):
    """BLIP, BLIP-2 or another image-to-text model of transformers, greedy and so without chance.

    Parameters
    ----------
    folder : path
    longest : int
        New tokens at the most.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        longest: int = 40,
        allow_download: bool = False,
        device: str = "cpu",
        batch: int = 8,
    ) -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor

        super().__init__(folder, allow_download, device, batch)
        self.longest = longest
        self.described += f" longest {longest}"
        self._processor = self._load(AutoProcessor)
        self._model = self._load(AutoModelForImageTextToText).to(device).eval()

    def caption(self, images: Sequence[Any], seeds: Sequence[int]) -> list[str]:
        """Return one text a picture."""
        import torch

        del seeds
        told: list[str] = []
        for (part,) in self._parts(images):
            inputs = self._processor(images=part, return_tensors="pt").to(self._device)
            with torch.inference_mode():
                found = self._model.generate(**inputs, max_new_tokens=self.longest, do_sample=False)
            texts = self._processor.batch_decode(found, skip_special_tokens=True)
            told += [text.strip() for text in texts]
        return told


class ModelPainter(_Model):
    """Stable Diffusion (diffusers), with its safety checker where the folder has one.

    Parameters
    ----------
    folder : path
    steps : int
    guidance : float
    size : int
        Height and width in pixels.
    """

    flagged: list[bool]
    truncated: list[bool]

    def __init__(
        self,
        folder: str | Path,
        *,
        steps: int = 50,
        guidance: float = 7.5,
        size: int = 512,
        allow_download: bool = False,
        device: str = "cpu",
        batch: int = 4,
    ) -> None:
        from diffusers import StableDiffusionPipeline

        super().__init__(folder, allow_download, device, batch)
        self.steps, self.guidance, self.size = steps, guidance, size
        self.described += f" steps {steps} guidance {guidance} size {size}"
        self._pipe = self._load(StableDiffusionPipeline).to(device)
        self._pipe.set_progress_bar_config(disable=True)

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list[Any]:
        """Return one RGB picture a text.

        Which were withheld is in `flagged`, which texts were longer than the model reads in
        `truncated`.
        """
        import torch

        self.flagged, self.truncated = [], []
        words = self._pipe.tokenizer
        painted: list[Any] = []
        for texts, own in self._parts(captions, seeds):
            lengths = [len(ids) for ids in words(list(texts), truncation=False)["input_ids"]]
            self.truncated += [length > words.model_max_length for length in lengths]
            chance = [torch.Generator("cpu").manual_seed(seed) for seed in own]
            made = self._pipe(
                texts,
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                height=self.size,
                width=self.size,
                generator=chance,
            )
            painted += made.images
            withheld = getattr(made, "nsfw_content_detected", None)
            self.flagged += [bool(flag) for flag in withheld or [False] * len(texts)]
        return painted


class ModelTextEncoder(_Model):
    """BERT or another text model of transformers: the mean of its last layer over the words."""

    truncated: list[bool]

    def __init__(
        self,
        folder: str | Path,
        *,
        allow_download: bool = False,
        device: str = "cpu",
        batch: int = 32,
    ) -> None:
        from transformers import AutoModel, AutoTokenizer

        super().__init__(folder, allow_download, device, batch)
        self._words = self._load(AutoTokenizer)
        self._model = self._load(AutoModel).to(device).eval()
        self._longest = min(self._words.model_max_length, _positions(self._model))

    def encode(self, captions: Sequence[str]) -> Array:
        """Return (n, d); which texts were longer than the model reads is in `truncated`."""
        import torch

        self.truncated, rows = [], []
        for (texts,) in self._parts(captions):
            whole = self._words(texts, add_special_tokens=True)["input_ids"]
            self.truncated += [len(ids) > self._longest for ids in whole]
            inputs = self._words(
                texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
            ).to(self._device)
            with torch.inference_mode():
                states = self._model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1)
            rows.append(((states * mask).sum(1) / mask.sum(1)).float().cpu().numpy())
        return np.concatenate(rows)


class ModelImageEncoder(_Model):
    """DINOv2 or another vision model of transformers: its first token."""

    def __init__(
        self,
        folder: str | Path,
        *,
        allow_download: bool = False,
        device: str = "cpu",
        batch: int = 16,
    ) -> None:
        from transformers import AutoImageProcessor, AutoModel

        super().__init__(folder, allow_download, device, batch)
        self._processor = self._load(AutoImageProcessor)
        self._model = self._load(AutoModel).to(device).eval()

    def encode(self, images: Sequence[Any]) -> Array:
        """Return (n, d)."""
        import torch

        rows = []
        for (part,) in self._parts(images):
            inputs = self._processor(images=[on_white(one) for one in part], return_tensors="pt")
            with torch.inference_mode():
                states = self._model(**inputs.to(self._device)).last_hidden_state
            rows.append(states[:, 0].float().cpu().numpy())
        return np.concatenate(rows)


def _positions(model: Any) -> int:
    return int(getattr(model.config, "max_position_embeddings", 512))
