"""What goes over the wire: a request, the answer to it, and the rules of a host."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from uploadtrends.errors import CollectError

Outcome = Literal[
    "ok",
    "refused",  # a definite no: not found, inactive, gone
    "unauthorized",
    "throttled",
    "blocked",
    "server_error",
    "network",
    "malformed",
    "too_large",
    "too_slow",
    "redirected",
    "disallowed",  # by robots.txt; never asked
]
Expected = Literal["json", "html", "feed", "text"]

SETTLED: frozenset[str] = frozenset({"ok", "refused"})
"""Outcomes that are not asked for again in the same crawl."""

FINAL: frozenset[str] = SETTLED | {"redirected", "too_large", "disallowed"}
"""Outcomes that asking again at once would not change."""

DEEPEST = 100
"""Levels of brackets in JSON; no site's answer has ten, and what recurses fails at some depth."""

_SECRET_PARAMETERS = frozenset({"access_token", "api_key", "login", "client_secret", "client_id"})


@dataclass(frozen=True, slots=True)
class Request:
    """A question to a platform; two with the same `key` are the same question.

    Parameters
    ----------
    url : str
        https address without a query.
    params, form : tuple of (name, value)
        Query and form fields. A request with a form is a POST.
    expect : {"json", "html", "feed", "text"}
        What the answer must be.
    holds : str
        What JSON must be at least: "{}" an object, "{name}" one with such a field that is not null,
        "[]" a list, or the name under which an object holds a list. Anything else is malformed and
        asked for again.
    subject : str
        The artist whom the answer is about, or "" for a page about many.
    walk : int
        Number of the walk: the same page asked again on purpose is another question.
    """

    url: str
    params: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] = ()
    expect: Expected = "json"
    holds: str = ""
    subject: str = ""
    walk: int = 0

    @property
    def method(self) -> str:
        """GET, or POST where there is a form."""
        return "POST" if self.form else "GET"

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self.url).netloc

    @property
    def key(self) -> str:
        """Identity of the question, free of secrets."""
        text = f"{self.method} {self.address}"
        if self.form:
            text += " " + urlencode(_without_secrets(self.form))
        return f"{text} #{self.walk}" if self.walk else text

    @property
    def address(self) -> str:
        """The address with its query, free of secrets."""
        query = urlencode(_without_secrets(self.params))
        return f"{self.url}?{query}" if query else self.url


def _without_secrets(pairs: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in pairs if name not in _SECRET_PARAMETERS)


def without_secrets(url: str) -> str:
    """Return an address without credentials in its query or before its host."""
    parts = urlsplit(url)
    query = urlencode(_without_secrets(tuple(parse_qsl(parts.query, keep_blank_values=True))))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def read_json(body: bytes) -> Any:
    """Parse JSON that a stranger sent.

    Raises
    ------
    ValueError
        When it is not JSON, or nested more than `DEEPEST` levels deep.
    """
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(body) > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    return json.loads(body)


_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.S)
_BRACKETS = re.compile(rb"[\[\]{}]")


def _depth(body: bytes) -> int:
    """Return the greatest depth of brackets outside of strings."""
    deepest = depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, or why nothing usable did.

    `headers` are the few that are kept, with lower-case names; `at` is UTC without a time zone.
    """

    request: Request
    outcome: Outcome
    status: int | None
    body: bytes
    at: datetime
    headers: dict[str, str] = field(default_factory=dict)
    detail: str = ""

    def json(self) -> Any:
        """Return the parsed body."""
        return read_json(self.body)

    @property
    def settled(self) -> bool:
        """True when the crawl need not ask again."""
        return self.outcome in SETTLED


@dataclass(frozen=True, slots=True)
class RobotsException:
    """A documented API whose robots file speaks to crawlers, not to API clients."""

    pattern: str
    """Regular expression on path and query."""
    reason: str
    reference: str


Judge = Callable[[int, Any], Outcome | None]


@dataclass(frozen=True, slots=True)
class HostRules:
    """How one host is treated. Times are in seconds.

    Parameters
    ----------
    seconds_between : float
        Least time between two requests.
    connect_timeout, read_timeout, total_timeout : float
        For connecting, between two pieces of an answer, and for a whole answer.
    largest : int
        Bytes of a decompressed body.
    retries : int
        Further attempts after a failure that may pass.
    backoff, longest_backoff : float
        First pause and longest pause; pauses double and carry jitter.
    throttle_backoff : float
        First pause after a 429 without Retry-After.
    throttles : int
        429 answers in a row after which the run ends.
    patience : float
        Longest Retry-After that is waited for; a longer one ends the run.
    breaker, breaker_pause : int, float
        Failed requests in a row after which the host is left alone, and for how long.
    judge : callable, optional
        Reads status and JSON body of an answer and names the outcome where the body says more
        than the status.
    """

    host: str
    seconds_between: float
    connect_timeout: float = 10.0
    read_timeout: float = 20.0
    total_timeout: float = 60.0
    largest: int = 20_000_000
    retries: int = 3
    backoff: float = 1.0
    longest_backoff: float = 300.0
    throttle_backoff: float = 4.0
    throttles: int = 10
    patience: float = 900.0
    breaker: int = 5
    breaker_pause: float = 300.0
    judge: Judge | None = None
    robots_exceptions: tuple[RobotsException, ...] = ()


class StoppedError(CollectError):
    """No more requests to this host for now; what is archived is safe and the run can go on later.

    `outcome` names why: throttled, server_error or network; `budget` when `max_requests` is spent.
    """

    def __init__(self, message: str, outcome: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class Door(Protocol):
    """What can put a question to a host (`polite.Polite`)."""

    def fetch(self, request: Request, *, permit: Permit | None = None) -> Answer:
        """Ask, politely."""
        ...


def moment_of(text: str) -> datetime | None:
    """Read a date of HTTP, in any of its three forms, as naive UTC."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        try:
            moment = datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        except ValueError:
            return None
    try:
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except OverflowError:
        return None


class Permit(Protocol):
    """How requests are signed. Its values never show in a repr, an address or an answer."""

    def prepare(self, door: Door) -> None:
        """Get ready to sign, fetching a token when there is none."""
        ...

    def renew(self, door: Door) -> bool:
        """Get a new token after a 401; False when there is nothing to renew."""
        ...

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must not be kept."""
        ...

    def __call__(self, request: Any) -> Any:
        """Sign a `requests.PreparedRequest`."""
        ...
