"""robots.txt, obeyed and read again every day."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable
from typing import Any

from uploadtrends.collect.wire import Answer, HostRules, Request

_A_DAY = 24 * 3600.0
LONGEST_DELAY = 300.0
"""Seconds; a Crawl-delay of days is a slip of the pen, or a no that Disallow says better."""


class Robots:
    """What a host's robots.txt allows us.

    As in RFC 9309: a file that does not exist allows everything, one that cannot be read because
    the server fails forbids everything. Listed exceptions (`HostRules.robots_exceptions`) are
    documented APIs; they are asked without looking at the file.
    """

    def __init__(self, rules: HostRules, user_agent: str) -> None:
        self._rules = rules
        self._agent = user_agent
        self._parsed: Any = None
        self._read_at = float("-inf")
        self._reading = False
        self.unread = ""
        """Why the file could not be read; everything is forbidden then."""
        self.note = ""

    def allows(
        self, request: Request, read: Callable[[Request], Answer]
    ) -> tuple[bool, float | None]:
        """Say whether `request` may be made, and the pace in seconds that the file asks for.

        `read` fetches the file when it has not been read in the last 24 hours.
        """
        path = request.address.split("://", 1)[1].partition("/")[2]
        if self._reading or any(
            re.search(exception.pattern, "/" + path) for exception in self._rules.robots_exceptions
        ):
            return True, None
        if time.monotonic() - self._read_at > _A_DAY:
            self._load(read)
        if self.unread:
            return False, None
        if self._parsed is None:
            return True, None
        pace = self._pace(self._parsed.crawl_delay(self._agent))
        return bool(self._parsed.can_fetch(request.address, self._agent)), pace

    def _pace(self, asked: float | None) -> float | None:
        """Return the pace that the file asks for, up to a limit that is said."""
        if asked is None or not asked > 0:
            return None
        if asked > LONGEST_DELAY:
            self.note = (
                f"{self._rules.host}: robots.txt asks for {asked:g} s between requests; "
                f"{LONGEST_DELAY:g} s are kept"
            )
        return float(min(asked, LONGEST_DELAY))

    def _load(self, read: Callable[[Request], Answer]) -> None:
        from protego import Protego

        self._reading = True
        try:
            address = f"https://{self._rules.host}/robots.txt"
            answer = read(Request(address, expect="text"))
        finally:
            self._reading = False
        self._read_at = time.monotonic()
        self._parsed, self.unread = None, ""
        if answer.outcome == "ok":
            self._parsed = Protego.parse(_text(answer.body))
        elif answer.outcome != "refused":
            why = answer.detail or f"status {answer.status}"
            self.unread = (
                f"robots.txt cannot be read ({answer.outcome}: {why}), so all is forbidden"
            )
            self._read_at -= _A_DAY  # ask again the next time


def _text(body: bytes) -> str:
    """Decode robots.txt; a byte order mark at its head belongs to no rule."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8-sig", "replace")
