"""One thread for small matrix products.

The products of one series are so small that handing them to several threads costs more than they
do: on a busy machine the threads wait for each other, and everything takes two to five times as
long.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@cache
def _libraries() -> Any:
    """Return what sets the threads of the libraries that numpy and scipy have loaded."""
    import scipy.linalg  # noqa: F401 - loads its own library, which must be known, too
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


class _Limit:
    """The limit in force; it is lifted when the last of those who asked for it is done."""

    def __init__(self) -> None:
        self.lock, self.holders = Lock(), 0
        self.limit: Any = None

    def take(self) -> None:
        """Set one thread, unless that is so already."""
        with self.lock:
            if not self.holders:
                self.limit = _libraries().limit(limits=1)
            self.holders += 1

    def release(self) -> None:
        """Give the threads back."""
        with self.lock:
            self.holders -= 1
            if not self.holders and self.limit is not None:
                self.limit.restore_original_limits()
                self.limit = None


_LIMIT = _Limit()


def one_thread(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function whose matrix products run on one thread each.

    Examples
    --------
    >>> import numpy as np
    >>> one_thread(np.trace)(np.eye(3))
    np.float64(3.0)
    """

    @wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> T:
        _LIMIT.take()
        try:
            return function(*args, **kwargs)
        finally:
            _LIMIT.release()

    return alone
