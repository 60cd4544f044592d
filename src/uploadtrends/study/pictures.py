"""The figures of a study as files and as parts of its page, drawn only where something changed.

What a figure was drawn from is not declared but watched: whatever it reads of the results, the
first time that it is drawn, is what it depends on from then on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from uploadtrends.events import EventSet
from uploadtrends.figures.canvas.drawing import Drawing
from uploadtrends.figures.canvas.sheet import COLUMN_WIDTH, applied, users_settings
from uploadtrends.figures.canvas.styling import changed, current
from uploadtrends.figures.gallery import Entry, entries
from uploadtrends.panel import Panel
from uploadtrends.report.inline import Picture
from uploadtrends.report.page import SAID_ELSEWHERE
from uploadtrends.result import file_sha256, fingerprint
from uploadtrends.sources import IdClock
from uploadtrends.study import second
from uploadtrends.study.cache import StepCache, code_fingerprint


def pictures(results: Any, folder: Path) -> dict[str, Picture]:
    """Return every figure of a study by file stem.

    A figure is drawn where its style, the code that draws, the fonts of this machine, or the
    content of anything that it reads of the results differs from what was drawn before. Figures
    with code from outside the package, and those that warned, are drawn every time.

    Parameters
    ----------
    results : StudyResults
    folder : Path
        Where pictures are kept from run to run.
    """
    made = Pictures(results, folder)
    # From the end: a second process begins at the beginning.
    found = {entry.name: made.of(entry) for entry in reversed(made.entries)}
    return {name: one for entry in made.entries for name, one in found[entry.name].items()}


class Pictures:
    """What there is to draw of a study, and what is kept of it.

    Parameters
    ----------
    results : StudyResults
    folder : Path
    early : bool
        Whether models or checks of the study have not run: what asks for them raises `Later`.
    """

    def __init__(self, results: Any, folder: Path, *, early: bool = False) -> None:
        self.entries = entries(results)
        self._results = results
        self._watched = Early(results) if early else Watched(results)
        self._steps = StepCache(folder if folder.exists() else None)
        style = content([current(), users_settings()])
        self._about = [code_fingerprint(pages=True), _fonts(), style]
        self._done: set[str] = set()

    def left(self, results: Any) -> Iterator[Entry]:
        """Yield what is left to draw of results of which more is known than before."""
        self._watched.results = results
        for entry in entries(results):
            if entry.ours and entry.name not in self._done and results.kept_in.exists():
                yield entry

    def of(self, entry: Entry) -> dict[str, Picture]:
        """Return the pictures of an entry, drawn where they are not kept."""
        if not entry.ours:
            return _draw(entry, self._results)[0]
        key = second.wait_for(entry.name)
        there = None if key is None else self._steps.under(_step(entry), key)
        found = self._kept(entry) if there is None else there[0]
        if found is None:
            found = self._made(entry)
        self._done.add(entry.name)
        return found

    def key(self, entry: Entry) -> str | None:
        """Return the key under which an entry is kept; None where it is not."""
        return self._steps.keys.get(_step(entry))

    def _made(self, entry: Entry) -> dict[str, Picture]:
        self._watched.read.clear()
        drawn, whole = _draw(entry, self._watched)
        read = sorted(self._watched.read)
        with suppress(Unknown, OSError):  # the results count, not that they are kept
            depends = [*self._about, read, self._watched.contents(read)]
            if whole:
                self._steps.note(_noted(entry), read)
                self._steps.keep(_step(entry), depends, drawn)
        return drawn

    def _kept(self, entry: Entry) -> dict[str, Picture] | None:
        read = self._steps.noted(_noted(entry))
        if read is None:
            return None
        with suppress(Unknown, AttributeError, TypeError, OSError):
            depends = [*self._about, read, self._watched.contents(read)]
            found = self._steps.seen(_step(entry), depends)
            if found is not None:
                drawn: dict[str, Picture] = found[0]
                return drawn
        return None


def _step(entry: Entry) -> str:
    return f"figure {entry.name}"


def _noted(entry: Entry) -> str:
    return f"read_by_{entry.name.replace(' ', '_')}"


class Watched:
    """Results that note what is read of them, and know its content."""

    def __init__(self, results: Any) -> None:
        self.results = results
        self._contents: dict[str, str] = {}
        self.read: dict[str, None] = {}

    def __getattr__(self, name: str) -> Any:
        self.read[name] = None
        return getattr(self.results, name)

    def check(self, name: str) -> Any:
        """Return the outcome of one check: others may change."""
        self.read[f"check {name}"] = None
        return self.results.check(name)

    def contents(self, read: Iterable[str]) -> list[str]:
        """Return the fingerprints of what was read."""
        for name in read:
            if name not in self._contents:
                kind, _, which = name.partition(" ")
                value = self.check(which) if which else getattr(self, kind)
                self._contents[name] = content(value)
        return [self._contents[name] for name in read]


KNOWN_FIRST = ("spec", "panel", "panels", "events", "confounders", "clocks")
"""What is known of results before any model is fitted."""


class Later(Exception):
    """A figure asks for what is not known yet."""


class Early(Watched):
    """Results before all of their models and checks."""

    def __getattr__(self, name: str) -> Any:
        begun = self.results.its is None and name not in KNOWN_FIRST
        if begun or name in ("checks", "conclusion", "manifest"):
            raise Later(name)
        return super().__getattr__(name)

    def check(self, name: str) -> Any:
        """Return the outcome of a check that has run, None for one that is not to run."""
        found = super().check(name)
        if found is None and name in self.results.spec.checks:
            raise Later(name)
        return found


def _draw(entry: Entry, results: Any) -> tuple[dict[str, Picture], bool]:
    """Return the pictures of an entry, and whether no letter was missing."""
    with applied() if entry.ours else nullcontext():  # each time that it is applied takes a while
        wide = entry.draw(results)
        narrow: dict[str, Drawing] = {}
        if set(wide) - set(SAID_ELSEWHERE):
            with changed(width=COLUMN_WIDTH):
                narrow = entry.draw(results)
        drawn = {
            name: Picture.of(name, one, narrow.get(name), shown=name not in SAID_ELSEWHERE)
            for name, one in wide.items()
        }
    return drawn, not any(one.warned for one in (*wide.values(), *narrow.values()))


_PLAIN = (bool, int, float, complex, str, bytes, Path)


class Unknown(Exception):
    """The content of an object cannot be told; what shows it is drawn."""


def content(value: Any) -> str:
    """Return the sha256 (hex) of all that a value holds.

    Results are not taken for the calls that made them: what one of their fields holds counts.

    Raises
    ------
    Unknown
        For an object whose content cannot be told.
    """
    if isinstance(value, Panel):
        return f"panel {value.fingerprint}"
    if isinstance(value, IdClock):  # reads its file when it is asked
        parts: Any = [_fields(value), [file_sha256(path) for path in value.inputs()]]
    elif is_dataclass(value) and not isinstance(value, type):
        parts = _fields(value)
    elif isinstance(value, Mapping):
        parts = [(content(key), content(one)) for key, one in value.items()]
    elif isinstance(value, set | frozenset):
        parts = sorted(content(one) for one in value)
    elif isinstance(value, list | tuple | EventSet):
        parts = [content(one) for one in value]
    elif value is None or isinstance(value, _PLAIN) or hasattr(value, "isoformat"):
        parts = repr(value)
    elif type(value).__module__.partition(".")[0] in ("numpy", "pandas", "polars"):
        parts = fingerprint(value)
    elif callable(value) and "<lambda>" not in getattr(value, "__qualname__", "<lambda>"):
        parts = f"{value.__module__}.{value.__qualname__}"
    else:
        raise Unknown(type(value).__name__)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return hashlib.sha256(json.dumps([kind, parts]).encode()).hexdigest()


def _fields(value: Any) -> list[tuple[str, str]]:
    return [(one.name, content(getattr(value, one.name))) for one in fields(value)]


@cache
def _fonts() -> str:
    """Return a hash of the fonts of this machine."""
    from matplotlib.font_manager import fontManager

    return fingerprint(sorted(str(entry.fname) for entry in fontManager.ttflist))
