"""When the demo server misbehaves, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from uploadtrends.demo.deviantart import error as deviantart_error
from uploadtrends.demo.reply import Question, Reply, as_html, as_json, challenge, cloudfront
from uploadtrends.demo.world import digest

KINDS = ("throttle", "reset", "slow", "truncate", "html", "server_error", "error_in_200")


@dataclass(frozen=True)
class Faults:
    """A schedule of faults, the same for the same seed and the same requests.

    Parameters
    ----------
    rate : float
        Share of requests that go wrong.
    kinds : tuple of str
        Which faults, of `KINDS`.
    in_a_row : int
        Times that one question can go wrong before it is answered.
    burst : int
        Requests that follow a 429 and are throttled too.
    slow_seconds : float
        How long a slow body takes.
    challenge_at : int, optional
        Number of the request to a host from which on only challenges come.
    seed : int
        Seed of the schedule.
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = KINDS
    in_a_row: int = 2
    burst: int = 2
    slow_seconds: float = 0.2
    challenge_at: int | None = None
    seed: int = 0


class FaultSchedule:
    """Applies `Faults` to replies; one for each host."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.counts: dict[str, int] = {}
        self.n_requests = 0
        self.burst_left = 0

    def apply(self, question: Question, reply: Reply) -> Reply:
        """Return the reply, or what goes wrong instead."""
        faults = self.faults
        self.n_requests += 1
        if faults.challenge_at is not None and self.n_requests >= faults.challenge_at:
            return cloudfront() if "deviantart" in question.host else challenge()
        if question.path == "/robots.txt" or reply.status >= 400:
            return reply
        if self.burst_left:
            self.burst_left -= 1
            return throttled(question.host)
        key = f"{question.method} {question.target} {question.body!r}"
        n = self.counts[key] = self.counts.get(key, 0) + 1
        draw = digest(faults.seed, key, n) / 2**48
        if n > faults.in_a_row or draw >= faults.rate:
            return reply
        kind = faults.kinds[digest(faults.seed, "kind", key, n) % len(faults.kinds)]
        return self._spoiled(kind, question, reply)

    def _spoiled(self, kind: str, question: Question, reply: Reply) -> Reply:
        if kind == "throttle":
            self.burst_left = self.faults.burst
            return throttled(question.host)
        if kind == "reset":
            return replace(reply, reset=True)
        if kind == "slow":
            return replace(reply, seconds=self.faults.slow_seconds)
        if kind == "truncate":
            return replace(reply, body=reply.body[: len(reply.body) // 2])
        if kind == "html":
            return as_html("<html><head><title>Oops</title></head><body>Sorry</body></html>")
        if kind == "error_in_200" and "deviantart" in question.host:
            return deviantart_error(200, "server_error", "Internal error.")
        if "artstation" in question.host:
            return as_html("<html><body>We are down for maintenance</body></html>", 502)
        return failing(question.host)


def throttled(host: str) -> Reply:
    """Reply with the site's 429."""
    if "deviantart" in host:  # two words for it, no headers
        return deviantart_error(429, "user_api_threshold", "User request limit reached.")
    if "danbooru" in host:
        payload: dict[str, Any] = {
            "success": False,
            "error": "RateLimiter::RateLimitError",
            "message": "You're doing that too fast. Wait a minute and try again.",
        }
        return as_json(payload, 429)
    return replace(as_json({"message": "Too Many Requests"}, 429), headers={"Retry-After": "0.05"})


def failing(host: str) -> Reply:
    """Reply with the site's 500."""
    if "deviantart" in host:
        return deviantart_error(500, "server_error", "Internal server error.")
    return as_json({"success": False, "error": "StandardError", "message": "oops"}, 503)


def matches(pattern: str, question: Question) -> bool:
    """Say whether a question is the one that a test wants answered otherwise."""
    return re.search(pattern, f"{question.host}{question.target}") is not None
