"""What a crawl needs to be told, and what a dry run tells before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from crawled import SITES, Quick, handles, load

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.estimate import dry_run
from uploadtrends.collect.session import Session, robots_exceptions
from uploadtrends.errors import ConfigurationError, InputError
from uploadtrends.store import Store


def test_the_dry_run_counts_what_the_crawl_asks(
    server: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    for site in SITES:
        names = handles(server, site, 12)
        session = quick(server, seconds_between=0.002)
        guess = dry_run(site, session=session, artists=names, raw=tmp_path)
        assert "12 histories of unknown length" in guess.summary()
        n_before = len(server.requests)
        report = collect(site, session=session, artists=names, raw=tmp_path)
        known = dry_run(site, session=session, artists=names, raw=tmp_path)
        assert len(server.requests) == n_before + report.n_requests
        assert known.n_requests == pytest.approx(report.n_requests, rel=0.4)  # hidden works
        assert known.seconds == pytest.approx(known.n_requests * 0.002)
    half = collect(
        "artstation", session=quick(server, max_requests=8), artists=names, raw=tmp_path / "x"
    )
    assert half.status == "incomplete"


def test_artstation_asks_for_permission_and_records_it(
    server: demo.DemoServer, quick: Quick, store: Store, tmp_path: Path
) -> None:
    session = quick(server, i_have_permission=False)
    with pytest.raises(ConfigurationError, match="--i-have-permission"):
        collect("artstation", session=session, artists=["a"], raw=tmp_path / "raw")
    assert server.requests == []
    assert not (tmp_path / "raw").exists()
    names = handles(server, "artstation", 1)
    report = collect("artstation", session=quick(server), artists=names, raw=tmp_path / "raw")
    load(store, report, tmp_path)
    crawl = json.loads(store.sql("SELECT parameters FROM crawl").fetchall()[0][0])
    assert crawl["settings"]["i_have_permission"] is True
    assert crawl["settings"]["server"] == server.address  # never mistaken for the site itself
    again = collect("artstation", session=session, artists=names, raw=tmp_path / "raw")
    assert again.status == "complete"  # given once, it need not be given again
    plan = json.loads((again.folder / "crawl.json").read_text())
    assert plan["settings"]["i_have_permission"] is True
    with pytest.raises(ConfigurationError, match="terms of service"):
        collect("artstation", session=session, artists=names, raw=tmp_path / "elsewhere")
    assert dry_run("artstation", session=session, artists=names, raw=tmp_path / "none").n_requests
    collect("danbooru", session=session, artists=handles(server, "danbooru", 1), raw=tmp_path)


def test_missing_settings_are_asked_for(
    server: demo.DemoServer, quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="--contact"):
        collect("danbooru", session=quick(server, contact=None), artists=["a"], raw=tmp_path)
    with pytest.raises(InputError, match="draw a sample first"):
        collect("danbooru", session=quick(server), raw=tmp_path)
    with pytest.raises(InputError, match="no collector"):
        collect("pixiv", session=quick(server), artists=["a"], raw=tmp_path)
    with pytest.raises(InputError, match="2022-08-22"):
        collect("danbooru", session=quick(server), artists=["a"], since="soon", raw=tmp_path)
    with pytest.raises(ConfigurationError, match="may only be longer"):
        collect("danbooru", session=Session("a@b.org", seconds_between=0.1), artists=["a"])
    monkeypatch.delenv("UPLOADTRENDS_DEVIANTART_CLIENT_ID")
    with pytest.raises(ConfigurationError, match="needs both"):
        collect("deviantart", session=quick(server), artists=["a"], raw=tmp_path)
    monkeypatch.delenv("UPLOADTRENDS_DEVIANTART_CLIENT_SECRET")
    with pytest.raises(ConfigurationError, match="registered application"):
        collect("deviantart", session=quick(server), artists=["a"], raw=tmp_path)
    assert server.requests == []


def test_a_crawl_keeps_to_its_arguments(
    server: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    names = handles(server, "danbooru", 2)
    collect("danbooru", session=quick(server), artists=names, raw=tmp_path, crawl="x")
    for changed in ({"artists": handles(server, "danbooru", 1)}, {"since": "2023-01-01"}):
        given: dict[str, Any] = {"artists": names} | changed
        with pytest.raises(InputError, match="begun with other"):
            collect("danbooru", session=quick(server), raw=tmp_path, crawl="x", **given)


def test_exceptions_from_robots_are_listed() -> None:
    hosts = {host for host, *_ in robots_exceptions()}
    assert hosts == {"www.deviantart.com", "danbooru.donmai.us"}  # all of ArtStation obeys
    assert all(reason and reference for *_, reason, reference in robots_exceptions())
