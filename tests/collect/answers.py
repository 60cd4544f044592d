"""Answers from a table, in place of a site."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from uploadtrends.collect.session import Session
from uploadtrends.collect.visit import Target, Visit
from uploadtrends.collect.wire import Answer, Request

Quick = Callable[..., Session]
AT = datetime(2026, 1, 1)


def answered(pages: dict[str, Any]) -> Callable[[Request], Answer]:
    """Answer from a table: part of the address to JSON payload, or (status, detail)."""

    def ask(request: Request) -> Answer:
        for part, payload in pages.items():
            if part in request.address + "&" + "&".join(value for _, value in request.form):
                if isinstance(payload, tuple):
                    status, detail = payload
                    return Answer(request, "refused", status, b"", AT, detail=detail)
                return Answer(request, "ok", 200, json.dumps(payload).encode(), AT)
        raise AssertionError(f"not asked for in this test: {request.address}")

    return ask


def holder(platform: str) -> tuple[Visit, Answer]:
    return Visit(platform, Target("1", "a")), Answer(Request("https://x/"), "ok", 200, b"", AT)
