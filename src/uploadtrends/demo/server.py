"""A real HTTP server on this machine that plays ArtStation, DeviantArt and Danbooru.

One address serves all three: the `Host` header says which. Asked under its own name, it tells what
it measured (``/requests``) and moves the day on (``/today?2023-06-30``).
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from uploadtrends.demo import artstation, danbooru
from uploadtrends.demo.deviantart import DeviantArt, feed
from uploadtrends.demo.faults import Faults, FaultSchedule, matches
from uploadtrends.demo.reply import Question, Reply, as_json
from uploadtrends.demo.world import World
from uploadtrends.simulate import Population

Player = Callable[["DemoServer", Question, World], Reply]
HOSTS: dict[str, str] = {}
"""Hosts that are played, and the platform of each."""
_PLAYERS: dict[str, Player] = {}


def play(host: str, platform: str, player: Player) -> None:
    """Add a host to those that are played.

    Parameters
    ----------
    host : str
    platform : str
        Whose part of the population it shows.
    player : callable
        ``player(server, question, world)`` returns the reply of the site on its good days.
    """
    HOSTS[host], _PLAYERS[host] = platform, player


@dataclass(frozen=True)
class Measured:
    """One request as the server saw it; `at` in seconds of a monotonic clock."""

    at: float
    host: str
    method: str
    target: str
    status: int
    headers: dict[str, str]
    in_flight: int


class DemoServer:
    """The server; `serve` makes one that runs. A context manager.

    Attributes
    ----------
    address : str
        Where it listens, for `Session(demo=...)`.
    requests : list of Measured
        All requests so far.
    worlds : dict of str to World
        What each platform shows today.
    """

    def __init__(
        self,
        population: Population,
        *,
        today: str,
        faults: Faults | None = None,
        port: int = 0,
        cap: int = 10_000,
        calls_per_token: int = 10_000,
        html_for_bad_client: bool = False,
    ) -> None:
        self.population = population
        self.requests: list[Measured] = []
        self.deviantart = DeviantArt(cap, calls_per_token, html_for_bad_client)
        self._lock = threading.RLock()
        self._in_flight: dict[str, int] = {}
        self._special: list[tuple[str, Callable[[Question, int], Reply | None], list[int]]] = []
        self.set_faults(faults or Faults())
        self.set_today(today)
        server = self

        class Handler(_Handler):
            demo = server

        self._http = _Http(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> DemoServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def address(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def wait(self) -> None:
        """Serve until interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._thread.join()

    def set_today(self, day: str) -> None:
        """Move on (or back) to a day: works appear, works and people go."""
        here = set(self.population.artists["platform"].unique())
        worlds = {
            name: World(self.population, name, day) for name in HOSTS.values() if name in here
        }
        with self._lock:
            self.today, self.worlds = day, worlds

    def set_faults(self, faults: Faults) -> None:
        """Begin another schedule of faults."""
        self._faults = {host: FaultSchedule(faults) for host in HOSTS}

    def answer_with(
        self, pattern: str, reply: Callable[[Question, int], Reply | None] | Reply
    ) -> None:
        """Answer questions whose host and target match a regular expression with something else.

        A callable gets the question and how often it matched before; None means: as usual.
        """
        call = (lambda _, __: reply) if isinstance(reply, Reply) else reply
        self._special.append((pattern, call, [0]))

    def smallest_gap(self, host: str) -> float:
        """Return the least time between two requests to a host, in seconds."""
        times = sorted(one.at for one in self.requests if one.host == host)
        return min((b - a for a, b in itertools.pairwise(times)), default=float("inf"))

    def report(self) -> dict[str, Any]:
        """Return what was measured, JSON-ready."""
        hosts = {}
        for host in HOSTS:
            mine = [one for one in self.requests if one.host == host]
            statuses: dict[str, int] = {}
            for one in mine:
                statuses[str(one.status)] = statuses.get(str(one.status), 0) + 1
            hosts[host] = {
                "requests": len(mine),
                "statuses": statuses,
                "smallest_gap": self.smallest_gap(host) if len(mine) > 1 else None,
                "most_at_once": max((one.in_flight for one in mine), default=0),
            }
        return {"today": self.today, "hosts": hosts}

    def _reply(self, question: Question) -> Reply:
        name = HOSTS.get(question.host)
        if name is None:
            if question.path == "/today":
                self.set_today(question.target.partition("?")[2])
            return as_json(self.report())
        if name not in self.worlds:
            return as_json({"error": "this population has nobody here"}, 404)
        for pattern, call, times in self._special:
            if matches(pattern, question):
                special = call(question, times[0])
                times[0] += 1
                if special is not None:
                    return special
        world = self.worlds[name]
        usual = _PLAYERS[question.host](self, question, world)
        return self._faults[question.host].apply(question, usual)

    def handle(self, question: Question, at: float) -> Reply:
        """Measure a question and answer it."""
        with self._lock:
            flying = self._in_flight[question.host] = self._in_flight.get(question.host, 0) + 1
            reply = self._reply(question)
            if question.host in HOSTS:
                self.requests.append(
                    Measured(
                        at,
                        question.host,
                        question.method,
                        question.target,
                        reply.status,
                        question.headers,
                        flying,
                    )
                )
            return reply

    def done(self, question: Question) -> None:
        """Note that an answer is out."""
        with self._lock:
            self._in_flight[question.host] -= 1


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        # Clients that hang up are part of the play.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(*_)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    demo: DemoServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one packet
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        at = time.perf_counter()
        length = int(self.headers.get("Content-Length") or 0)
        question = Question(
            self.command,
            self.headers.get("Host", ""),
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length) if length else b"",
        )
        reply = self.demo.handle(question, at)
        with contextlib.suppress(OSError):  # the other side may have hung up
            self._send(question, reply)
        self.demo.done(question)

    do_POST = do_GET

    def _send(self, question: Question, reply: Reply) -> None:
        if reply.reset:
            # Closing with unsent data pending and no lingering sends RST.
            option = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
            self.close_connection = True
            self.connection.close()
            return
        body = reply.body
        self.send_response(reply.status)
        if reply.content_type:
            self.send_header("Content-Type", reply.content_type)
        if reply.packed or (body and "gzip" in question.headers.get("accept-encoding", "")):
            body = body if reply.packed else gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if reply.cut is not None:
            self.wfile.write(body[: reply.cut])
            self.close_connection = True
        elif reply.seconds:
            for start in range(0, len(body), max(1, len(body) // 10)):
                self.wfile.write(body[start : start + max(1, len(body) // 10)])
                self.wfile.flush()
                time.sleep(reply.seconds / 10)
        else:
            self.wfile.write(body)


def serve(population: Population, *, today: str, **settings: Any) -> DemoServer:
    """Return a demo server that begins to listen in a ``with`` statement.

    Parameters
    ----------
    population : Population
        From `uploadtrends.simulate.population`.
    today : str
        The day it shows, as 2023-12-31.
    **settings
        faults, port, cap, calls_per_token, html_for_bad_client; see `DemoServer`.
    """
    return DemoServer(population, today=today, **settings)


play(
    "www.artstation.com",
    "artstation",
    lambda _, question, world: artstation.answer(question, world),
)
play(
    "www.deviantart.com",
    "deviantart",
    lambda server, question, world: server.deviantart.answer(question, world),
)
play("backend.deviantart.com", "deviantart", lambda _, question, world: feed(question, world))
play("danbooru.donmai.us", "danbooru", lambda _, question, world: danbooru.answer(question, world))
