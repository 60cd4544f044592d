"""People to ask for, and what was crawled of them loaded into a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from uploadtrends import demo
from uploadtrends.collect.crawl import CollectReport
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.session import Session
from uploadtrends.demo.deviantart import gallery_slots
from uploadtrends.store import Store

SITES = ("artstation", "deviantart", "danbooru")
Quick = Callable[..., Session]


def handles(server: demo.DemoServer, site: str, n: int = 25) -> list[str]:
    """Return some people who were there at any time, studios left out."""
    people = [one.handle for one in server.worlds[site].people.values() if not one.is_studio]
    return people[:n]


def hidden(server: demo.DemoServer, site: str, name: str) -> int:
    """Return how many works a profile claims beyond those that its gallery shows."""
    world = server.worlds[site]
    person = world.by_handle[name]
    return gallery_slots(person, world).count(None) if site == "deviantart" else 0


def load(store: Store, report: CollectReport, tmp_path: Path) -> None:
    store.load(ArchivedCrawl(report.folder, key_file=tmp_path / "key"), max_rejects=1.0)
