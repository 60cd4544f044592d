"""Run a long DuckDB statement so that Ctrl-C ends it at once and somebody can watch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import duckdb

_T = TypeVar("_T")
_TICK = 0.2


def watched(
    con: duckdb.DuckDBPyConnection,
    work: Callable[[], _T],
    tick: Callable[[float], None] | None = None,
) -> _T:
    """Run `work` in a thread and wait for it.

    DuckDB sees a Ctrl-C in the main thread only when its statement ends, which may take minutes;
    here the main thread only waits, and interrupts the connection.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        The connection that `work` uses; nothing else may use it meanwhile.
    work : callable
        Must touch nothing that is bound to the calling thread.
    tick : callable, optional
        Called a few times a second with the share of the running statement that is done (0 to 1,
        0 when not known).

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, when the statement has stopped and a transaction can be rolled back.
    """
    outcome: list[_T] = []
    failure: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, name="uploadtrends-duckdb", daemon=True)
    thread.start()
    try:
        while not done.wait(_TICK):
            if tick:
                tick(max(0.0, con.query_progress()) / 100)
    except BaseException:
        while not done.wait(_TICK / 10):
            con.interrupt()
        raise
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
