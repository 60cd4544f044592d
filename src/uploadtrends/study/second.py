"""The second process: it loads its libraries while the first one loads its own."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from contextlib import suppress

_CODE = "import sys; from uploadtrends.study.beside import draw; draw(sys.stdin.buffer.read())"
RUNNING: list[subprocess.Popen[bytes]] = []


def start() -> None:
    """Start it, where a core is free and none runs."""
    if RUNNING or not core_is_free():
        return
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-P", "-c", _CODE]
    with suppress(OSError):
        process = subprocess.Popen(  # noqa: S603 - this interpreter, our own words
            command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet
        )
        RUNNING.append(process)


def give(what: bytes) -> None:
    """Give it its work, once."""
    for process in RUNNING:
        if process.stdin is not None and not process.stdin.closed:
            with suppress(OSError), process.stdin as pipe:
                pipe.write(what)


@atexit.register
def stop() -> None:
    """End it, whatever it does: nobody waits for it."""
    while RUNNING:
        process = RUNNING.pop()
        process.kill()
        process.communicate()


def core_is_free() -> bool:
    """Return whether this machine has a core that nobody uses."""
    if not hasattr(os, "sched_getaffinity") or not sys.executable:
        return False
    cores = len(os.sched_getaffinity(0))
    return cores > 1 and os.getloadavg()[0] < cores
