"""One wall-clock deadline for a whole request, kept by closing its socket.

A timeout of a socket counts from piece to piece: a server that sends a byte now and then (in a
status line, in headers, as ``100 Continue`` after ``100 Continue``, in chunk extensions, trailers
or the head of a gzip member) is never late by it, and holds the host's lock. Here a second handle
on every socket is kept, and shutting that down ends whatever read is under way, TLS handshakes
included.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Deadline:
    """Shuts the sockets of one session when the time of a request is over.

    Attributes
    ----------
    passed : bool
        True when the last request ran into it.
    """

    def __init__(self) -> None:
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Allow the requests made inside so many seconds of wall-clock time."""
        self.passed = False
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def watch(self, connected: socket.socket) -> None:
        """Keep a second handle on a socket that has just been connected."""
        with self._lock:
            self._sockets.append(connected.dup())
            while len(self._sockets) > 4:  # connections are kept alive; their old handles are not
                self._sockets.pop(0).close()
            late = self.passed
        if late:
            self._expire()

    def _expire(self) -> None:
        with self._lock:
            self.passed = True
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._drop()

    def _drop(self) -> None:
        for one in self._sockets:
            one.close()
        self._sockets.clear()

    def close(self) -> None:
        """Let go of the second handles."""
        with self._lock:
            self._drop()

    def mount(self, session: requests.Session) -> None:
        """Make every connection of a session known to this deadline."""
        adapter = _Adapter(self)
        session.mount("https://", adapter)
        session.mount("http://", adapter)


class _Adapter(HTTPAdapter):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named)
        deadline = self._deadline

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                connected = super()._new_conn()
                deadline.watch(connected)
                return connected

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                connected = super()._new_conn()
                deadline.watch(connected)
                return connected

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
