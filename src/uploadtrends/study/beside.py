"""Drawing in a second process while the checks run; what it drew is met in the cache.

The second process only fills the cache of pictures. Whether it starts, fails or is too slow, the
run draws whatever is not there: the results are the same.
"""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
from contextlib import suppress
from typing import Any

from uploadtrends.figures.canvas.sheet import users_settings
from uploadtrends.figures.canvas.styling import Style, current
from uploadtrends.study.pictures import Later, Pictures

WORTH = 4
"""Figures to draw from which on a second process, which takes two seconds to start, is worth it."""
_CODE = (
    "import sys; given = sys.stdin.buffer.read(); "
    "from uploadtrends.study.beside import draw; draw(given)"
)
_RUNNING: list[subprocess.Popen[bytes]] = []


def draw_beside(results: Any) -> None:
    """Begin to draw what shows no check, where a core is free and something changed.

    Parameters
    ----------
    results : StudyResults
        As they are before the checks.
    """
    if results.kept_in is None or not _core_is_free():
        return
    if current() != Style() or users_settings():
        return  # the style of this process; the other would draw in its own
    if len(Pictures(results, results.kept_in).missing()) < WORTH:
        return
    with suppress(OSError, pickle.PicklingError, TypeError, AttributeError):
        given = pickle.dumps(results, protocol=5)
        quiet = subprocess.DEVNULL
        command = [sys.executable, "-P", "-c", _CODE]
        process = subprocess.Popen(  # noqa: S603 - this interpreter, our own words
            command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet
        )
        _RUNNING.append(process)
        if process.stdin is not None:
            with process.stdin as pipe:
                pipe.write(given)


def draw(given: bytes) -> None:
    """Draw, in the second process, what shows no check of the results given."""
    results = pickle.loads(given)  # noqa: S301 - from the process that started this one
    made = Pictures(results, results.kept_in, early=True)
    for entry in made.entries:
        if entry.ours and entry.narrow and results.kept_in.exists():
            with suppress(Later):
                made.of(entry)


@atexit.register
def stop() -> None:
    """End what still draws: nobody waits for it."""
    while _RUNNING:
        process = _RUNNING.pop()
        process.kill()
        process.wait()


def _core_is_free() -> bool:
    if not hasattr(os, "sched_getaffinity") or not sys.executable:
        return False
    cores = len(os.sched_getaffinity(0))
    return cores > 1 and os.getloadavg()[0] < cores
