"""The only door to the network.

Every attempt takes its turn at the host's gate (`limits`), obeys robots.txt (`robots`), says who
asks, and is capped in size and time. A challenge or a block ends the host for the run and is never
worked around: no browser's name, no cookies, no proxies.
"""

from __future__ import annotations

import logging
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

from uploadtrends.collect.limits import HostGate
from uploadtrends.collect.robots import Robots
from uploadtrends.collect.transport import Transport
from uploadtrends.collect.wire import (
    FINAL,
    Answer,
    HostRules,
    Permit,
    Request,
    StoppedError,
    moment_of,
)
from uploadtrends.errors import BlockedError, CollectError, ConfigurationError
from uploadtrends.result import package_version

log = logging.getLogger(__name__)

_BROWSERS = re.compile(r"mozilla|chrome|safari|gecko|python-requests|urllib|curl/|wget/", re.I)
_CONTACT = re.compile(r"[^@\s]+@[^@\s]+\.\w+|https?://\S+|\bby \S+", re.I)
_SECONDS = re.compile(r"-?\d{1,15}(\.\d{0,9})?")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3


def user_agent(contact: str | None) -> str:
    """Return the User-Agent for a contact: an e-mail address, a web address or "by <name>".

    Raises
    ------
    ConfigurationError
        Without a contact, or with one that pretends to be a browser.
    """
    if not contact or not _CONTACT.search(contact) or "\n" in contact or "\r" in contact:
        raise ConfigurationError(
            "say whom the sites can write to before anything is requested (got "
            f"{contact!r}). Fix: --contact you@example.org, or a web address, or 'by <user name>'"
        )
    if _BROWSERS.search(contact):
        raise ConfigurationError(
            f"the contact {contact!r} looks like a browser or a library. Fix: give your own name"
        )
    return f"uploadtrends/{package_version()} ({contact.strip()})"


@dataclass
class _Host:
    rules: HostRules
    gate: HostGate
    robots: Robots
    refused: str = ""
    failures: int = 0
    closed_until: float = 0.0


class Polite:
    """Ask the sites in `rules`, and nobody else, at the pace that `rules` allow.

    Parameters
    ----------
    contact : str
        Whom the sites can write to; see `user_agent`.
    rules : iterable of HostRules
        The hosts that may be asked.
    demo : str, optional
        Address of a demo server on this machine ("http://127.0.0.1:8000") that plays all hosts.
    state : Path, optional
        Folder of the limiter's files, shared by all processes of the machine that should keep the
        pace together. Default: `~/.cache/uploadtrends/limits`.
    max_requests : int, optional
        Ends the run after so many requests, retries included.

    Raises
    ------
    ConfigurationError
        For a missing contact, or a demo address that is not on this machine.
    """

    def __init__(
        self,
        contact: str | None,
        rules: Iterable[HostRules],
        *,
        demo: str | None = None,
        state: Path | None = None,
        max_requests: int | None = None,
    ) -> None:
        self.user_agent = user_agent(contact)
        self.demo = _loopback(demo)
        self.max_requests = max_requests
        self.n_requests = 0
        self._rules = {rule.host: rule for rule in rules}
        self._state = state or Path.home() / ".cache" / "uploadtrends" / "limits"
        self._hosts: dict[str, _Host] = {}
        self._transport = Transport(self.user_agent, self.demo, (contact or "").strip())
        self._random = random.SystemRandom()

    def __enter__(self) -> Polite:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and the limiter's files."""
        for host in self._hosts.values():
            host.gate.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how the hosts were asked."""
        said = [host.robots.note for host in self._hosts.values()]
        said += [
            f"{host.gate.name}: the clock was set back by {host.gate.set_back:.0f} s; pauses go on "
            "by the new one"
            for host in self._hosts.values()
            if host.gate.set_back
        ]
        return tuple(filter(None, said))

    def fetch(
        self,
        request: Request,
        *,
        permit: Permit | None = None,
        keep: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Ask, with all patience that the rules allow, and return the last answer.

        Parameters
        ----------
        request : Request
            What to ask.
        permit : Permit, optional
            Signs every attempt.
        keep : callable, optional
            Gets every answer that came, retries included, before anything else happens to it.

        Raises
        ------
        BlockedError
            The host challenged or blocked us, now or earlier in this run.
        StoppedError
            The host must be left alone for now, or `max_requests` is spent.
        ConfigurationError
            The host is not one that may be asked, or the credentials are refused.
        """
        try:
            return self._fetch(request, permit, keep)
        except sqlite3.Error as error:
            raise CollectError(
                f"the pace at which {request.host} is asked cannot be kept in '{self._state}' "
                f"({error}). Fix: see that there is room and that you may write there"
            ) from error

    def _fetch(
        self,
        request: Request,
        permit: Permit | None,
        keep: Callable[[Answer], None] | None,
    ) -> Answer:
        host = self._host(request)
        if permit is not None:
            permit.prepare(self)
        answer = self._patiently(request, host, permit, keep)
        hops = 0
        while answer.outcome == "redirected" and hops < _MOST_REDIRECTS:
            target = self._followed(request, answer)
            if target is None:
                break
            answer = replace(self._patiently(target, host, permit, keep), request=request)
            hops += 1
            if keep is not None:  # under the question that led here, so that a replay finds it
                keep(answer)
        if answer.outcome == "unauthorized" and permit is not None:
            raise ConfigurationError(
                f"{request.host} refuses the credentials ({answer.detail or answer.status}). "
                "Fix: check the client id and secret that you were given"
            )
        return answer

    def _host(self, request: Request) -> _Host:
        name = request.host
        if name not in self._rules or urlsplit(request.url).scheme != "https":
            raise ConfigurationError(
                f"{request.url} is not an https address on a known host "
                f"({', '.join(sorted(self._rules))})"
            )
        if name not in self._hosts:
            rules = self._rules[name]
            bucket = name + (f"-demo-{urlsplit(self.demo).port}" if self.demo else "")
            gate = HostGate(bucket, rules.seconds_between, self._state)
            self._hosts[name] = _Host(rules, gate, Robots(rules, self.user_agent))
        host = self._hosts[name]
        if host.refused:
            raise BlockedError(
                f"{name} refused us earlier in this run: {host.refused}. Nothing more is asked "
                "of it; what is archived is safe. Fix: run the same command another day"
            )
        if time.monotonic() < host.closed_until:
            raise StoppedError(
                f"{name} failed {host.rules.breaker} times in a row and is left alone",
                "server_error",
            )
        return host

    def _patiently(
        self,
        request: Request,
        host: _Host,
        permit: Permit | None,
        keep: Callable[[Answer], None] | None,
    ) -> Answer:
        rules = host.rules
        failures = throttles = 0
        renewed = False
        if not self._may_ask(request, host, keep):
            why = host.robots.unread or "robots.txt forbids it"
            return _kept(Answer(request, "disallowed", None, b"", _now(), detail=why), keep)
        while True:
            answer = _kept(self._attempt(request, host, permit), keep)
            if answer.outcome in FINAL:
                host.failures = 0
                return answer
            if answer.outcome == "blocked":
                host.refused = answer.detail
                raise BlockedError(
                    f"{request.host} refuses us: {answer.detail}. This is recorded and not worked "
                    "around. Fix: run the same command another day; it goes on where it stopped"
                )
            if answer.outcome == "unauthorized":
                if renewed or permit is None or not permit.renew(self):
                    return answer
                renewed = True
                continue
            if answer.outcome == "throttled":
                throttles += 1
                pause = self._pause(rules.throttle_backoff, throttles, rules, answer)
                if throttles >= rules.throttles:
                    self._leave(host, pause)
                    raise StoppedError(
                        f"{request.host} throttled {throttles} requests in a row", "throttled"
                    )
            else:
                failures += 1
                if failures > rules.retries:
                    self._count_failure(host)
                    return answer
                pause = self._pause(rules.backoff, failures, rules, answer)
            log.info("%s: %s, waiting %.1f s", request.host, answer.outcome, pause)
            host.gate.hold(pause)

    def _may_ask(
        self, request: Request, host: _Host, keep: Callable[[Answer], None] | None
    ) -> bool:
        def read(robots: Request) -> Answer:
            return self._patiently(robots, host, None, keep)

        allowed, slowest = host.robots.allows(request, read)
        if slowest is not None and slowest > host.gate.seconds_between:
            host.gate.close()
            host.gate = HostGate(host.gate.name, slowest, self._state)
        return allowed

    def _attempt(self, request: Request, host: _Host, permit: Permit | None) -> Answer:
        if self.max_requests is not None and self.n_requests >= self.max_requests:
            raise StoppedError(f"the {self.max_requests} requests allowed are spent", "budget")
        self.n_requests += 1
        return self._transport.send(request, host.gate, host.rules, permit)

    def _pause(self, first: float, n: int, rules: HostRules, answer: Answer) -> float:
        asked = _retry_after(answer)
        if asked is not None and asked > rules.patience:
            self._leave(self._hosts[answer.request.host], min(asked, 6 * 3600))
            raise StoppedError(
                f"{answer.request.host} asks to come back in {asked:.0f} s", "throttled"
            )
        wait = min(rules.longest_backoff, first * 2.0 ** (n - 1))
        wait *= 1 + 0.25 * self._random.random()
        return max(wait, asked or 0.0)

    def _leave(self, host: _Host, seconds: float) -> None:
        host.gate.hold(seconds)
        host.closed_until = time.monotonic() + seconds

    def _count_failure(self, host: _Host) -> None:
        host.failures += 1
        if host.failures >= host.rules.breaker:
            host.closed_until = time.monotonic() + host.rules.breaker_pause
            # After the pause one failure more closes it again.
            host.failures = host.rules.breaker - 1

    def _followed(self, request: Request, answer: Answer) -> Request | None:
        """Return the request that a redirect leads to, or None where it leaves the host."""
        try:
            target = urljoin(request.address, answer.headers.get("location", ""))
            parts = urlsplit(target)
        except ValueError:
            return None
        if request.form or (parts.scheme, parts.netloc) != ("https", request.host):
            return None
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return replace(request, url=f"https://{parts.netloc}{parts.path}", params=query)


def _kept(answer: Answer, keep: Callable[[Answer], None] | None) -> Answer:
    if keep is not None:
        keep(answer)
    return answer


def _retry_after(answer: Answer) -> float | None:
    """Return the seconds that a server asks to wait; None when it says nothing that can be read.

    A number of seconds or a date; a list of them, as joined headers are, counts by its longest. A
    date counts from the server's own clock where the answer tells it.
    """
    text = answer.headers.get("retry-after", "").strip()
    seconds = [float(one) for one in re.split(r"\s*,\s*", text) if _SECONDS.fullmatch(one)]
    if seconds:
        return max(0.0, *seconds, 0.0)
    moment = moment_of(text)
    if moment is None:
        return None
    return max(
        0.0, (moment - (moment_of(answer.headers.get("date", "")) or _now())).total_seconds()
    )


def _loopback(address: str | None) -> str:
    if not address:
        return ""
    parts = urlsplit(address)
    if parts.hostname not in ("127.0.0.1", "::1", "localhost") or parts.port is None:
        raise ConfigurationError(
            f"a demo server runs on this machine, as http://127.0.0.1:<port>; got {address!r}"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
