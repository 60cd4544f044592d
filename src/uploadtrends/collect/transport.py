"""One attempt: send, read with caps, and say what kind of answer it is."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from uploadtrends.collect.html import refusal
from uploadtrends.collect.limits import HostGate
from uploadtrends.collect.scrub import scrub
from uploadtrends.collect.text import clean
from uploadtrends.collect.wire import (
    Answer,
    HostRules,
    Outcome,
    Permit,
    Request,
    moment_of,
    read_json,
    without_secrets,
)

_KEPT_HEADERS = (
    "content-type",
    "date",
    "retry-after",
    "server",
    "cf-mitigated",
    "x-rate-limit",
    "location",
)
_TYPES = {
    "json": ("application/json", "text/json", "+json"),
    "html": ("text/html", "application/xhtml"),
    "feed": ("xml",),
    "text": ("text/plain",),
}
_ACCEPT = {
    "json": "application/json",
    "html": "text/html",
    "feed": "application/rss+xml, application/xml",
    "text": "text/plain",
}
_PIECE = 16_384
_CLOCKS_AGREE = timedelta(days=1)  # this machine's and the server's; else the server's counts
# What the libraries below raise when a server breaks the protocol, on purpose or not.
_UNREADABLE = (
    *(requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError),
    *(ValueError, AttributeError, LookupError, AssertionError, EOFError, zlib.error),
)


class _TooLargeError(Exception):
    pass


class Transport:
    """Send requests under one name, to the true hosts or to a demo server that plays them."""

    def __init__(self, user_agent: str, demo: str, contact: str = "") -> None:
        self._agent = user_agent
        self._private = (
            *filter(None, [contact]),
            *re.findall(r"[^@\s<>:,;()]+@[\w.-]*\w", contact),
        )
        self._demo = demo

    def send(
        self, request: Request, gate: HostGate, rules: HostRules, permit: Permit | None
    ) -> Answer:
        """Make one attempt in the host's turn. Nothing is raised for a bad answer."""
        secrets = (*(permit.secrets() if permit else ()), *self._private)
        with gate.turn():
            status, headers, body, outcome, detail = self._exchange(request, gate, rules, permit)
        at = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        told = moment_of(headers.get("date", ""))
        if told is not None and abs(told - at) > _CLOCKS_AGREE:
            at = told
        body, detail = scrub(body, secrets), scrub(detail.encode(), secrets).decode()
        headers = {name: _fit(value, secrets) for name, value in headers.items()}
        if outcome is None and status is not None:
            outcome, detail = classify(request, rules, status, headers, body)
        return Answer(request, outcome or "network", status, body, at, headers, detail)

    def _exchange(
        self, request: Request, gate: HostGate, rules: HostRules, permit: Permit | None
    ) -> tuple[int | None, dict[str, str], bytes, Outcome | None, str]:
        headers: dict[str, str] = {}
        status: int | None = None
        body, late = b"", f"longer than {rules.total_timeout} s"
        try:
            prepared = self._prepare(request, gate, permit)
            limits = (rules.connect_timeout, rules.read_timeout)
            with (
                gate.deadline.within(rules.total_timeout),
                gate.send(prepared, limits) as response,
            ):
                status = response.status_code
                headers = _kept_headers(response.headers)
                body = _read(response.raw, rules)
        except _TooLargeError:
            return status, headers, b"", "too_large", f"more than {rules.largest} bytes"
        except _UNREADABLE as error:
            if gate.deadline.passed:
                return status, headers, b"", "too_slow", late
            timeout = isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError)
            # The library's text may repeat the request; its type says what matters.
            return status, headers, b"", "too_slow" if timeout else "network", type(error).__name__
        if gate.deadline.passed:  # a socket that was shut looks like the end of a body
            return status, headers, b"", "too_slow", late
        return status, headers, body, None, ""

    def _prepare(
        self, request: Request, gate: HostGate, permit: Permit | None
    ) -> requests.PreparedRequest:
        parts = urlsplit(request.url)
        headers = {
            "User-Agent": self._agent,
            "Accept": _ACCEPT[request.expect],
            "Accept-Encoding": "gzip",
        }
        url = request.url
        if self._demo:
            url = self._demo + parts.path
            headers["Host"] = parts.netloc
        return gate.session.prepare_request(
            requests.Request(
                request.method,
                url,
                headers=headers,
                params=list(request.params),
                data=list(request.form) or None,
                auth=permit,
            )
        )


def classify(
    request: Request, rules: HostRules, status: int, headers: dict[str, str], body: bytes
) -> tuple[Outcome, str]:
    """Return what kind of answer this is, and why in a few words."""
    refused = refusal(status, headers, body)
    if refused:
        return "blocked", refused
    kind = headers.get("content-type", "").lower()
    parsed, broken = None, ""
    if "json" in kind:
        try:
            parsed = read_json(body)
        except ValueError as error:
            broken = f"JSON cannot be read: {type(error).__name__}"
    if rules.judge is not None and parsed is not None:
        verdict = rules.judge(status, parsed)
        if verdict is not None:
            return verdict, _message(parsed, status)
    outcome = _by_status(status)
    if outcome is not None:
        return outcome, _message(parsed, status)
    if not any(known in kind for known in _TYPES[request.expect]):
        return "malformed", f"{kind or 'no content type'} where {request.expect} was expected"
    broken = broken or _misshapen(request.holds, parsed)
    return ("malformed", broken) if broken else ("ok", "")


def _misshapen(holds: str, parsed: Any) -> str:
    """Say what is expected where JSON is not of the wanted shape, else nothing."""
    if holds == "[]":
        return "" if isinstance(parsed, list) else "a list expected"
    if holds and not isinstance(parsed, dict):
        return "an object expected"
    if holds.startswith("{"):
        name = holds[1:-1]
        return f"an object with '{name}' expected" if name and parsed.get(name) is None else ""
    if holds and not isinstance(parsed.get(holds), list):
        return f"a list under '{holds}' expected"
    return ""


def _by_status(status: int) -> Outcome | None:
    if status == 429:
        return "throttled"
    if status == 401:
        return "unauthorized"
    if 300 <= status < 400:
        return "redirected"
    if 400 <= status < 500:
        return "refused"
    if status >= 500:
        return "server_error"
    return None if status == 200 else "malformed"


def _message(parsed: Any, status: int) -> str:
    if isinstance(parsed, dict):
        for name in ("error_description", "message", "error"):
            if isinstance(parsed.get(name), str):
                return clean(f"{status}: {parsed[name][:200]}")
    return f"status {status}"


def _kept_headers(headers: Any) -> dict[str, str]:
    kept = {name: str(headers[name]) for name in _KEPT_HEADERS if name in headers}
    if "location" in kept:
        try:
            kept["location"] = without_secrets(kept["location"])
        except ValueError:  # no address at all, such as "http://[::"
            del kept["location"]
    return kept


def _fit(value: str, secrets: tuple[str, ...]) -> str:
    return clean(scrub(value.encode("utf-8", "replace"), secrets).decode("utf-8", "replace"))


def _read(raw: urllib3.HTTPResponse, rules: HostRules) -> bytes:
    """Read a body piece by piece: no bomb gets past the cap."""
    pieces: list[bytes] = []
    size = 0
    while True:
        piece = raw.read1(_PIECE, decode_content=True)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > rules.largest:
            raise _TooLargeError
