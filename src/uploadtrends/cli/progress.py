"""Progress on the terminal: the steps of a study, the rows of a load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from uploadtrends.collect.crawl import CollectProgress
    from uploadtrends.sources.protocol import LoadProgress

Announce = Callable[[str, str, float], None]


@contextmanager
def step_display(out: Path, *, quiet: bool) -> Iterator[Announce]:
    """Show which step of a study runs and, from the last run's timings, the time left."""
    if quiet:
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.status import Status

    from uploadtrends.study.cache import CACHE, StepCache

    console = Console(stderr=True)
    expected = StepCache(out / CACHE).expected_seconds()
    waiting = dict(expected)
    with Status("starting", console=console) as status:

        def announce(step: str, state: str, seconds: float) -> None:
            name = step.replace("_", " ")
            if state == "running":
                left = sum(waiting.values())
                hint = f", about {left:.0f} s left" if step in expected and left >= 1 else ""
                status.update(f"{name}{hint}")
                return
            waiting.pop(step, None)
            told = "unchanged" if state == "cached" else f"{seconds:.1f} s"
            console.print(f"  {name:<28} {told}", highlight=False)

        yield announce


@contextmanager
def load_display(*, quiet: bool) -> Iterator[Callable[[LoadProgress], None] | None]:
    """Show rows, rows per second, bytes and time left while a file is loaded."""
    if quiet:
        yield None
        return
    from rich.progress import DownloadColumn

    with _bar(
        10,
        DownloadColumn,
        "{task.fields[rows]:>12,} rows  {task.fields[pace]:>10,.0f} rows/s",
    ) as bar:
        task = bar.add_task("reading", total=None, rows=0, pace=0.0)

        def tell(now: LoadProgress) -> None:
            bar.update(
                task,
                description=now.phase,
                completed=now.bytes_done,
                total=now.bytes_total,
                rows=now.rows,
                pace=now.rows_per_second,
            )

        yield tell


@contextmanager
def crawl_display(
    source: str, *, quiet: bool
) -> Iterator[Callable[[CollectProgress], None] | None]:
    """Show artists visited, requests made and time left while a site is collected."""
    if quiet:
        yield None
        return
    from rich.progress import MofNCompleteColumn

    with _bar(
        12,
        MofNCompleteColumn,
        "artists  {task.fields[works]:,} works  {task.fields[requests]:,} requests",
    ) as bar:
        task = bar.add_task(source, total=None, works=0, requests=0)

        def tell(now: CollectProgress) -> None:
            bar.update(
                task,
                completed=now.done,
                total=now.total,
                works=now.n_uploads,
                requests=now.n_requests,
            )

        yield tell


def _bar(width: int, done: Callable[[], ProgressColumn], told: str) -> Progress:
    """Make a bar: what is done in a column of `width`, how much of it, what else, and time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn(f"{{task.description:<{width}}}"),
        BarColumn(),
        done(),
        TextColumn(told),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
