"""A site of another package is collected, shown, worded and forgotten like the package's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

import uploadtrends as ut
from uploadtrends import demo, privacy
from uploadtrends.cli import app
from uploadtrends.collect import sites
from uploadtrends.collect.archive import Archive
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.looks import Shown
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.sampling import sample
from uploadtrends.collect.session import Session
from uploadtrends.collect.sites import written
from uploadtrends.collect.visit import Member, needed, utc
from uploadtrends.collect.wire import HostRules, Request
from uploadtrends.demo import server as played
from uploadtrends.demo.reply import as_json
from uploadtrends.errors import ConfigurationError, InputError
from uploadtrends.figures.canvas import sheet
from uploadtrends.pseudonyms import PersonKeys
from uploadtrends.records import Upload
from uploadtrends.simulate import population

HOST = "api.gallery.example"


class Gallery:
    """A site as another package would write it."""

    name = "gallery"
    shown = Shown("The Gallery", "#123456", "P", ":")
    terms = "The Gallery wants to be asked first."
    rules: tuple[HostRules, ...] = (HostRules(HOST, seconds_between=0.5),)
    frames: Mapping[str, str] = {"everyone": "Everyone who is still there."}
    looked_up: tuple[str, ...] = ()
    people = PersonKeys({"painter": ("painter",)})
    dated_by = "published"

    def permit(self):
        return None

    def requests_for(self, target, n_uploads):
        return 1

    def walk(self, target, ask, visit, options):
        answer = ask(Request(f"https://{HOST}/works/{target.handle}", holds="[]"))
        for item in needed(answer):
            when = visit.dated(utc(item["at"]), item["at"], answer, item["id"])
            visit.add(Upload("gallery", item["id"], when, instrument="works"))
        visit.complete = True

    def frame(self, name, ask, options):
        for item in needed(ask(Request(f"https://{HOST}/everyone", holds="[]"))):
            if item["followers"] > options.followers:
                yield Member(item["painter"], item["painter"], item["followers"])

    def look_up(self, member, ask):
        return member


def player(server, question, world):
    if question.path == "/robots.txt":
        return as_json({}, 404)
    if question.path == "/everyone":
        people = world.people.values()
        return as_json([{"painter": p.handle, "followers": p.followers} for p in people])
    person = world.by_handle[question.path.removeprefix("/works/").lower()]
    works = world.listed(person)
    return as_json([{"id": str(w.number), "at": f"{w.published_at:%FT%TZ}"} for w in works])


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch) -> Iterator[demo.DemoServer]:
    monkeypatch.setitem(sites._ADDED, "gallery", Gallery)
    monkeypatch.setitem(played.HOSTS, HOST, "gallery")
    monkeypatch.setitem(played._PLAYERS, HOST, player)
    people = population(
        12, platforms=("gallery",), start="2022-01-01", end="2022-12-31", studio_share=0.0, seed=3
    )
    with demo.serve(people, today="2022-12-31") as server:
        yield server


def test_a_site_from_outside_goes_the_whole_way(gallery, tmp_path: Path) -> None:
    session = Session(
        contact="me@example.org", demo=gallery.address, seconds_between=0.01, state=tmp_path / "s"
    )
    raw = tmp_path / "raw"
    with pytest.raises(ConfigurationError, match="wants to be asked first"):
        sample("gallery", session=session, followers=0, n=5, raw=raw)
    allowed = Session(
        contact="me@example.org", demo=gallery.address, seconds_between=0.01,
        state=tmp_path / "s", i_have_permission=True,
    )  # fmt: skip
    drawn = sample("gallery", session=allowed, followers=0, n=5, raw=raw)
    assert "Everyone who is still there." in str(drawn)
    report = collect("gallery", session=allowed, artists=drawn.file, raw=raw)
    assert report.status == "complete"
    store = tmp_path / "s.duckdb"
    ut.build_store(store, [ArchivedCrawl(report.folder)])
    panel = ut.build_panel(store)
    world = gallery.worlds["gallery"]
    expected = sum(len(world.listed(world.by_handle[t.handle.lower()])) for t in drawn.targets)
    assert panel.series("gallery", "all", flagged="keep").sum() == expected
    gone = drawn.targets[0].handle
    privacy.forget("gallery", gone, raw=raw, store=store, key_file=tmp_path / "key")
    kept = Archive(report.folder)
    assert kept.read_plan()["targets"]
    assert gone not in json.dumps(kept.read_plan())
    frame = next(raw.glob("gallery/frame-*"))
    everyone = Archive(frame).last(Request(f"https://{HOST}/everyone", holds="[]"))
    assert everyone is not None
    assert {one.get("painter") for one in everyone.json()} >= {drawn.targets[1].handle}
    assert gone not in json.dumps(everyone.json())


def test_it_is_named_and_coloured_everywhere(gallery) -> None:
    assert "gallery" in sites.site_names()
    assert sheet.title("gallery") == written("gallery") == "The Gallery"
    assert sheet.look("gallery") == ("#123456", "P", ":")
    told = CliRunner().invoke(app, ["collect", "nowhere", "--contact", "me@example.org"])
    assert told.exit_code != 0
    with pytest.raises(InputError, match="gallery"):
        sites.site_class("nowhere")


def test_a_setting_that_a_site_does_not_take_is_refused() -> None:
    with pytest.raises(InputError, match="artstation has no such setting"):
        sites.site_named("artstation", feed=True)


def test_an_entry_point_brings_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        name = "gallery"

        def load(self):
            return Gallery

    monkeypatch.setattr(sites, "entry_points", lambda group: [Entry()])
    sites._elsewhere.cache_clear()
    try:
        assert sites.site_class("gallery") is Gallery
        assert "gallery" in sites.site_names()
    finally:
        sites._elsewhere.cache_clear()
