"""A demo server with a small population, and sessions that are quick enough for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from door import RULES
from played import Answers, Crawl

from uploadtrends import demo
from uploadtrends.collect.crawl import CollectReport, collect
from uploadtrends.collect.polite import Polite
from uploadtrends.collect.session import Session
from uploadtrends.collect.wire import HostRules
from uploadtrends.simulate import Population, population
from uploadtrends.store import Store, open_store

SITES = ("artstation", "deviantart", "danbooru")
QUICK = {"backoff": 0.003, "throttle_backoff": 0.003, "longest_backoff": 0.02}


@pytest.fixture(scope="session")
def people() -> Population:
    """90 artists a site over four years; heavy-tailed histories, works and accounts that go."""
    return population(
        270,
        platforms=SITES,
        start="2020-01-01",
        end="2023-06-30",
        deletion_hazard=0.01,
        exit_hazard=0.02,
        account_deletion=0.5,
        seed=11,
    )


@pytest.fixture(scope="session")
def few() -> Population:
    """Ten artists a site, for tests of the wire alone."""
    return population(30, platforms=SITES, start="2022-01-01", end="2022-12-31", seed=2)


@pytest.fixture
def small_server(few: Population) -> Iterator[demo.DemoServer]:
    """A server that starts quickly."""
    with demo.serve(few, today="2022-12-31") as running:
        yield running


@pytest.fixture
def server(people: Population) -> Iterator[demo.DemoServer]:
    """The server without faults, on the last day but one month."""
    with demo.serve(people, today="2023-05-31") as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store to load crawls into."""
    with open_store(tmp_path / "store.duckdb", read_only=False) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOADTRENDS_DEVIANTART_CLIENT_ID", demo.CLIENT_ID)
    monkeypatch.setenv("UPLOADTRENDS_DEVIANTART_CLIENT_SECRET", demo.CLIENT_SECRET)


@pytest.fixture
def quick(tmp_path: Path) -> Callable[..., Session]:
    """Make a session towards a demo server, with short pauses."""

    def make(server: demo.DemoServer, **changes: Any) -> Session:
        rules = QUICK | changes.pop("rules", {})
        settings: dict[str, Any] = {
            "contact": "tests@example.org",
            "demo": server.address,
            "i_have_permission": True,
            "seconds_between": 0.001,
            "state": tmp_path / "limits",
            "key_file": tmp_path / "key",
        }
        return Session(**(settings | changes), rules=rules)

    return make


@pytest.fixture
def polite(server: demo.DemoServer, tmp_path: Path) -> Iterator[Callable[..., Polite]]:
    """Open doors to the test's server, with other rules where asked; all are closed afterwards."""
    opened: list[Polite] = []

    def make(**changes: Any) -> Polite:
        rules = [
            HostRules(**({name: getattr(RULES, name) for name in RULES.__slots__} | changes)),
            HostRules("danbooru.donmai.us", 0.005),
        ]
        one = Polite("me@example.org", rules, demo=server.address, state=tmp_path / "limits")
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def site(few: Any) -> Iterator[demo.DemoServer]:
    with demo.serve(few, today="2022-12-31") as running:
        yield running


@pytest.fixture
def crawl(site: demo.DemoServer, quick: Callable[..., Session], tmp_path: Path) -> Crawl:
    """Crawl while the server answers some questions otherwise."""

    def run(source: str, artists: list[str], answers: Answers, **options: Any) -> CollectReport:
        site._special.clear()
        site.requests.clear()
        for pattern, reply in answers:
            site.answer_with(pattern, reply)
        session = quick(site, rules={"retries": 1})
        return collect(source, session=session, artists=artists, raw=tmp_path / "raw", **options)

    return run
