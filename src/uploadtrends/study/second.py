"""The second process: it draws while the first one estimates.

It is forked before the first one has read anything, so that it has every library and waits for its
work. Later a fork would not do: it has none of the threads that work on data frames.
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

PATIENCE = 5.0
"""Seconds after which the first process does itself what the second one is at."""
Work = Callable[[Any, Callable[[str], None]], None]


@dataclass
class Second:
    """The second process, and what it said last that it is at."""

    process: BaseProcess
    pipe: Connection
    at: str = ""


RUNNING: list[Second] = []


def start(work: Work) -> None:
    """Start it, where a core is free, none runs, and nothing was read in this process yet.

    Parameters
    ----------
    work : callable
        ``work(given, tell)``, called in it with what `give` hands over; it tells the name of what
        it is about to do, or an empty one.
    """
    if RUNNING or not core_is_free() or _has_workers():
        return
    context: Any = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_wait, args=(work, there, here), daemon=True)
    with suppress(OSError), warnings.catch_warnings():
        # Python warns of any thread; those of libraries that were only loaded hold nothing.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
        RUNNING.append(Second(process, here))
    there.close()


def _wait(work: Work, pipe: Connection, other: Connection) -> None:
    """Do the work that is given, in the second process, without a word to the terminal."""
    other.close()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(quiet, stream)
    gc.disable()  # it ends before there is much to collect
    with suppress(EOFError, OSError):
        work(pipe.recv(), pipe.send)


def give(what: Any) -> None:
    """Give it its work, once."""
    for second in RUNNING:
        with suppress(OSError):
            second.pipe.send(what)


def wait_for(name: str) -> None:
    """Wait until it has done something, if it said that it is at it."""
    for second in RUNNING:
        with suppress(EOFError, OSError):  # it has ended
            while second.pipe.poll(PATIENCE if second.at == name else 0):
                second.at = second.pipe.recv()


@atexit.register
def stop() -> None:
    """End it, whatever it does: nobody waits for it."""
    while RUNNING:
        second = RUNNING.pop()
        second.process.kill()
        second.process.join()
        second.pipe.close()


def _has_workers() -> bool:
    """Whether threads run that work on data frames: whoever is forked waits for them for ever."""
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    return not names or any(re.match(r"polars-\d|tokio", name) for name in names)


def core_is_free() -> bool:
    """Return whether this machine has a core that nobody uses."""
    if not hasattr(os, "sched_getaffinity") or not hasattr(os, "fork"):
        return False
    cores = len(os.sched_getaffinity(0))
    return cores > 1 and os.getloadavg()[0] < cores
