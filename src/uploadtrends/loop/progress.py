"""How far a loop is and how long it has to go: one line that is written over."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

Told = Callable[[int, int, float], None]
"""Called after each round: its number, how many there are, seconds left."""

_PATIENCE = 3.0  # seconds before anything is shown


def told(announce: Told | bool | None, what: str) -> Told:
    """Return whom to tell: the given function, a line for people who watch, or nobody.

    Parameters
    ----------
    announce : callable, None or bool
        True: a line on standard error wherever; None: only where somebody watches, in a terminal or
        in Jupyter; False: nobody.
    what : str
        What is counted.
    """
    if callable(announce):
        return announce
    if announce is False or (announce is None and not watched()):
        return lambda *_: None
    return Line(what)


def watched() -> bool:
    """Tell whether standard error is a terminal or a cell of Jupyter."""
    if sys.stderr.isatty():
        return True
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


class Line:
    """One line on standard error, from a few seconds on; it is wiped at the end."""

    def __init__(self, what: str) -> None:
        self._what, self._began, self._shown = what, time.monotonic(), 0

    def __call__(self, number: int, of: int, seconds: float) -> None:
        """Write the line anew."""
        if number >= of:
            self._write("" if self._shown else None)
        elif time.monotonic() - self._began >= _PATIENCE:
            self._write(f"{self._what} {number} of {of}, about {duration(seconds)} left")

    def _write(self, text: str | None) -> None:
        if text is None:
            return
        # A carriage return goes back to the start in terminals and in Jupyter alike.
        sys.stderr.write("\r" + text.ljust(self._shown) + ("\r" if not text else ""))
        sys.stderr.flush()
        self._shown = len(text)


def duration(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
