"""The second process: it draws while the first one estimates.

It is forked before the first one has read anything, so that it has every library and waits for its
work. Later a fork would not do: it has none of the threads that work on data frames. It is told
what is known as soon as that is known.
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

PATIENCE = 5.0
"""Seconds after which the first process does itself what the second one is at."""
Hear = Callable[[], dict[str, Any] | None]
Say = Callable[[str | dict[str, Any]], None]
Work = Callable[[Hear, Say], None]


@dataclass
class Second:
    """The second process, what it said that it is at and has done, and what it was told."""

    process: BaseProcess
    pipe: Connection
    at: str = ""
    done: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)


RUNNING: list[Second] = []


def start(work: Work) -> None:
    """Start it, where a core is free, none runs, and nothing was read in this process yet.

    Parameters
    ----------
    work : callable
        ``work(hear, say)``, called in it. It hears what it was told since, by name, and waits
        where that is nothing; None when there is no more. It says the name of what it is about
        to do, or an empty one; and what it has done, by name.
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
    """Do the work, in the second process, without a word to the terminal."""
    other.close()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(quiet, stream)
    gc.disable()  # it ends before there is much to collect
    heard: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
    Thread(target=_listen, args=(pipe, heard), daemon=True).start()

    def hear() -> dict[str, Any] | None:
        news = heard.get()
        while news is not None and not heard.empty():
            more = heard.get()
            news = None if more is None else news | more
        return news

    with suppress(EOFError, OSError):
        work(hear, pipe.send)


def _listen(pipe: Connection, heard: SimpleQueue[dict[str, Any] | None]) -> None:
    """Take what is told at once: whoever tells it would wait."""
    with suppress(EOFError, OSError):
        while True:
            heard.put(pipe.recv())
    heard.put(None)


def tell(known: Mapping[str, Any]) -> None:
    """Tell it what is known by now, but for what it was told before."""
    for one in RUNNING:
        news = {name: it for name, it in known.items() if one.told.get(name, one) is not it}
        with suppress(OSError):
            one.pipe.send(news)
            one.told |= news


def wait_for(name: str) -> Any:
    """Wait until it has done something, if it said that it is at it; return what it said of it."""
    for second in RUNNING:
        with suppress(EOFError, OSError):  # it has ended
            while second.pipe.poll(PATIENCE if second.at == name else 0):
                said = second.pipe.recv()
                if isinstance(said, str):
                    second.at = said
                else:
                    second.done |= said
        return second.done.get(name)
    return None


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
