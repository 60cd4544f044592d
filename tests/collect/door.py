"""What the tests of the way out share: one host's rules, a page to ask for, what the server saw."""

from __future__ import annotations

from uploadtrends import demo
from uploadtrends.collect.wire import HostRules, Request

HOST = "www.artstation.com"
RULES = HostRules(
    HOST, 0.005, backoff=0.005, throttle_backoff=0.005, longest_backoff=0.05, read_timeout=2
)


def page(number: int) -> Request:
    return Request(f"https://{HOST}/projects.json", (("page", str(number)), ("per_page", "3")))


PAGE = page(1)


def seen(server: demo.DemoServer, host: str = HOST) -> list[str]:
    return [one.target for one in server.requests if one.host == host]
