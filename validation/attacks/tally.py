"""What an attack counts, records as a source, and work done in a child that may be killed."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from uploadtrends.errors import UploadTrendsError
from uploadtrends.records import Artist, Credit, Record, Upload
from uploadtrends.sources.staging import stage_records
from uploadtrends.store.replace import file_checksums

AT = datetime(2026, 1, 1)

SITES = ("artstation", "deviantart", "danbooru")


@dataclass
class Tally:
    """One row of the table."""

    kind: str
    attempts: int = 0
    uncaught: int = 0
    silent: int = 0
    traces: int = 0
    examples: list[str] = field(default_factory=list)

    def guarded(self, what: Callable[[], Any], name: str) -> Any:
        """Count one attempt; the package's own errors are answers."""
        self.attempts += 1
        try:
            return what()
        except UploadTrendsError as error:
            return error
        except Exception as error:
            self.failed("uncaught", f"{name}: {type(error).__name__}: {error}"[:200])
            return error

    def failed(self, sort: str, example: str) -> None:
        """Count a failure."""
        setattr(self, sort, getattr(self, sort) + 1)
        self.examples.append(example)


class Records:
    """Records as a source."""

    name, credits_complete = "records", True

    def __init__(self, records: list[Record], name: str = "") -> None:
        self.records = records
        self.label = name

    def parameters(self) -> dict[str, Any]:
        """Return what tells this load from another."""
        return {"label": self.label, "n": len(self.records)}

    def inputs(self) -> list[Path]:
        """Return nothing: there is no file."""
        return []

    def stage(self, con: Any, progress: Any) -> None:
        """Fill the stage tables."""
        stage_records(con, self.records)


def works(n: int, who: str = "a") -> list[Record]:
    """Return works of twenty artists."""
    found: list[Record] = []
    for i in range(n):
        artist = f"{who}{i % 20}"
        found += [
            Upload("mine", str(i), datetime(2022, 1, 1 + i % 28)),
            Credit("mine", str(i), artist),
        ]
    return found + [Artist("mine", f"{who}{i}", f"handle-{who}{i}") for i in range(20)]


def in_child(
    work: Callable[[], Any], *, kill_after: float | None = None, file_size: int | None = None
) -> Any:
    """Run in a forked child; return "killed", or what the work said ("ok ..." or "error ...")."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        said = "ok"
        try:
            if file_size is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
            said = f"ok {work()}"
        except UploadTrendsError as error:
            said = f"error {error}"
        except BaseException as error:
            said = f"uncaught {type(error).__name__}: {error}"
        os.write(writing, said.encode()[:4000])
        os._exit(0)
    os.close(writing)
    if kill_after is not None:
        time.sleep(kill_after)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    return said or ("killed" if os.WIFSIGNALED(status) else "nothing")


def sums(path: Path) -> str:
    """Return what a store holds, without the times of its loads, read in a child."""

    def read() -> str:
        held = file_checksums(path)
        return str(sorted((name, held[name]) for name in held if name != "crawl"))

    return str(in_child(read))
