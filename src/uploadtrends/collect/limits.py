"""One request at a time to a host, and never two closer together than its pace.

The bucket of requests-ratelimiter lives in an SQLite file that every process on the machine
shares. A process holds the bucket's file lock while its request is under way, and dates the token
when the answer has arrived rather than when the question was sent: whatever the network does to
either, the host measures gaps of at least the configured length.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import cast

from filelock import FileLock
from pyrate_limiter import Limiter, Rate, RateItem, SQLiteBucket
from requests import PreparedRequest, Response
from requests_ratelimiter import LimiterSession
from requests_ratelimiter.buckets import HostBucketFactory

from uploadtrends.collect.deadline import Deadline

_LONGEST_HOLD = 6 * 3600 * 1000  # milliseconds; a date further ahead is a clock that was set back
_JITTER = 1000  # milliseconds; clocks of one machine agree better than this
_POLL = 0.01

log = logging.getLogger(__name__)


class HostGate:
    """The way to one host, shared with every other process that uses the same `state` folder.

    Parameters
    ----------
    host : str
        Name of the bucket.
    seconds_between : float
        Least time between two requests, in seconds.
    state : Path
        Folder of the shared bucket files; made when absent.
    """

    def __init__(self, host: str, seconds_between: float, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.name = host
        self.seconds_between = seconds_between
        self._interval = max(1, round(seconds_between * 1000))
        path = state / (host.replace(":", "_") + ".sqlite")
        self._factory = HostBucketFactory(
            rates=[Rate(1, self._interval)],
            bucket_class=SQLiteBucket,
            bucket_init_kwargs={"path": path, "use_file_lock": True},
        )
        self.session = LimiterSession(
            limiter=Limiter(self._factory, buffer_ms=1),
            limit_statuses=(),
            per_host=False,
            bucket_name=host,
        )
        # Neither proxies nor passwords from the environment, and no cookies: nothing that could
        # make us look like somebody else.
        self.session.trust_env = False
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # A redirect is an answer here: the library need not even read where it leads.
        self.session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        self.deadline = Deadline()
        self.deadline.mount(self.session)
        self.set_back = 0.0
        self._bucket = cast(SQLiteBucket, self._factory[host])
        self._lock = cast(FileLock, self._bucket.lock)
        with self._lock:
            # A process that was killed may have left a request on the wire.
            self._date(max(self._last(), _now()))

    def _last(self) -> int:
        """Return the newest token's date; one that a clock set back has left ahead comes along."""
        newest = self._bucket.peek(0)
        if not isinstance(newest, RateItem):
            return 0
        stamp, now = newest.timestamp, _now()
        noted = newest.name.rpartition("@")[2]
        ahead = int(noted) - now if noted.isdecimal() else stamp - now - _LONGEST_HOLD
        if ahead > _JITTER:
            self.set_back = ahead / 1000
            log.warning("%s: the clock was set back by %.0f s", self.name, self.set_back)
            stamp -= ahead
            self._date(stamp)
        return min(stamp, now + _LONGEST_HOLD)

    def _date(self, stamp: int) -> None:
        """Leave one token, under a name that says when this was noted."""
        self._bucket.flush()
        self._bucket.put(RateItem(f"{self.name}@{_now()}", stamp))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the host for one request, from the moment it may be made to the end of the answer.

        Nobody holds the lock while waiting, so processes take turns.
        """
        while True:
            self._lock.acquire(poll_interval=_POLL)
            ahead = self._last() + self._interval + 1 - _now()
            if ahead <= 0:
                break
            self._lock.release()
            time.sleep(ahead / 1000)
        try:
            yield
        finally:
            self._date(max(self._last(), _now()))
            self._lock.release()

    def send(self, request: PreparedRequest, timeout: tuple[float, float]) -> Response:
        """Take a token and send `request`; call it inside `turn`. Redirects are not followed."""
        response: Response = self.session.send(
            request, stream=True, timeout=timeout, allow_redirects=False
        )
        return response

    def hold(self, seconds: float) -> None:
        """Keep every process away from the host for `seconds`."""
        with self._lock:
            ahead = _now() + round(seconds * 1000) - self._interval
            self._date(max(self._last(), ahead))

    def close(self) -> None:
        """Let go of connections and the bucket."""
        self.deadline.close()
        self.session.close()
        self._factory.close()


def _now() -> int:
    """Return the bucket's clock: milliseconds since 1970, the same in every process."""
    return time.time_ns() // 1_000_000
