"""The folder of a caption loop: every iteration is there whole or not at all, and a run goes on.

``loop.json`` says what the loop is; ``iterations/0012.npz`` holds the embeddings of iteration 12
and ``iterations/0012.json`` its captions. The captions are written last, by rename: where they are,
the iteration is complete. The next picture depends on the last captions and its seed alone, so that
a run that was killed goes on to the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from uploadtrends.arrays import Array
from uploadtrends.errors import InputError


@dataclass(frozen=True)
class Iteration:
    """What is kept of one pass over all artworks (times repeats), in their order."""

    captions: list[str]
    seeds: list[int]
    flagged: list[bool]
    """Whether the painter withheld the picture (a safety checker's black square)."""
    truncated: list[bool]
    """Whether the painter or encoder saw only the beginning of the caption."""
    text: Array
    """(n, d) embedded captions."""
    image: Array
    """(n, d) embedded pictures."""


class Record:
    """Iterations on disk; without a folder, in memory.

    Raises
    ------
    InputError
        If the folder holds another loop, or one that cannot be read.
    """

    def __init__(self, folder: str | Path | None, settings: dict[str, Any]) -> None:
        self.folder = None if folder is None else Path(folder)
        self._memory: dict[int, Iteration] = {}
        if self.folder is None:
            return
        (self.folder / "iterations").mkdir(parents=True, exist_ok=True)
        for part in (self.folder / "iterations").glob("*.part"):
            part.unlink()
        described = json.dumps(settings, sort_keys=True, indent=1) + "\n"
        known = self.folder / "loop.json"
        if not known.exists():
            _write(known, described.encode())
        elif known.read_text("utf-8") != described:
            raise InputError(
                "the folder holds another loop",
                file=known,
                value=_difference(known, settings),
                fix="name another folder, or give the settings of this one",
            )

    def __contains__(self, number: int) -> bool:
        if self.folder is None:
            return number in self._memory
        return self._path(number, "json").exists()

    def keep(self, number: int, iteration: Iteration) -> None:
        """Write an iteration; it exists once its captions do."""
        if self.folder is None:
            self._memory[number] = iteration
            return
        arrays = self._path(number, "npz")
        part = arrays.with_name(arrays.name + ".part")
        with part.open("wb") as stream:
            np.savez(stream, text=iteration.text, image=iteration.image)
        part.replace(arrays)
        words = {k: v for k, v in asdict(iteration).items() if k not in ("text", "image")}
        _write(self._path(number, "json"), (json.dumps(words, ensure_ascii=False) + "\n").encode())

    def read(self, number: int) -> Iteration:
        """Return an iteration that was kept.

        Raises
        ------
        InputError
            If its files cannot be read.
        """
        if self.folder is None:
            return self._memory[number]
        path = self._path(number, "json")
        try:
            words = json.loads(path.read_text("utf-8"))
            with np.load(self._path(number, "npz")) as arrays:
                return Iteration(**words, text=arrays["text"], image=arrays["image"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(
                "an iteration cannot be read",
                file=path,
                value=type(error).__name__,
                fix="delete this iteration and all after it; they will be computed again",
            ) from error

    def _path(self, number: int, ending: str) -> Path:
        assert self.folder is not None  # noqa: S101 - told to the type checker
        return self.folder / "iterations" / f"{number:04d}.{ending}"


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def _difference(known: Path, settings: dict[str, Any]) -> str:
    try:
        before = json.loads(known.read_text("utf-8"))
    except ValueError:
        return "loop.json cannot be read"
    changed = [key for key in settings if before.get(key) != settings[key]]
    return f"different: {', '.join(changed)}" if changed else "written by another version"
