"""Whole crawls against the demo server: the store must equal the population's truth."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from crawled import SITES, Quick, handles, hidden, load

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.delisted import delisted, delisted_works
from uploadtrends.collect.replay import ArchivedCrawl, archived_crawls
from uploadtrends.collect.session import Session
from uploadtrends.errors import InputError
from uploadtrends.simulate import Population
from uploadtrends.store import Store, open_store


def stored(store: Store, site: str) -> pl.DataFrame:
    return store.sql(
        "SELECT c.artist_id, u.upload_id, u.published_at FROM upload u "
        "JOIN credit c USING (platform, upload_id) WHERE platform = $site "
        "ORDER BY c.artist_id, u.upload_id",
        {"site": site},
    ).pl()


def assert_equals_truth(store: Store, server: demo.DemoServer, site: str, names: list[str]) -> None:
    artists, uploads = server.worlds[site].truth()
    artists = artists.filter(pl.col("handle").is_in(names)).sort("artist_id")
    uploads = uploads.filter(pl.col("artist_id").is_in(artists["artist_id"].implode()))
    assert stored(store, site).equals(uploads.sort("artist_id", "upload_id"))
    sightings = store.sql(
        "SELECT artist_id, handle, followers, n_uploads, complete, truncated, n_claimed "
        "FROM sighting JOIN artist USING (platform, artist_id) "
        "WHERE platform = $site AND status IN ('ok', 'incomplete') ORDER BY artist_id",
        {"site": site},
    ).pl()
    assert sightings["artist_id"].to_list() == artists["artist_id"].to_list()
    assert sightings["n_uploads"].to_list() == artists["n_uploads"].to_list()
    for name, n_claimed, complete in sightings.select(
        "handle", "n_claimed", "complete"
    ).iter_rows():
        assert complete == (hidden(server, site, name) <= max(2, 0.05 * (n_claimed or 0)))
    assert not sightings["truncated"].any()
    if site != "danbooru":
        assert sightings["followers"].to_list() == artists["followers"].to_list()


@pytest.mark.parametrize("site", SITES)
def test_with_faults_the_store_equals_the_truth(
    server: demo.DemoServer, quick: Quick, store: Store, tmp_path: Path, site: str
) -> None:
    server.set_faults(demo.Faults(rate=0.2, slow_seconds=0.01))
    server.deviantart.calls_per_token = 37
    names = handles(server, site)
    report = collect(site, session=quick(server), artists=names, raw=tmp_path / "raw")
    assert report.status == "complete"
    load(store, report, tmp_path)
    assert_equals_truth(store, server, site, names)
    gone = [one for one in server.worlds[site].people.values() if one.handle in names]
    n_gone = 0 if site == "danbooru" else sum(not one.listed for one in gone)
    assert n_gone > 0 or site == "danbooru"
    counts = store.sql("SELECT status, count(*) FROM sighting GROUP BY 1").fetchall()
    assert sum(n for status, n in counts if status in ("ok", "incomplete")) == len(names) - n_gone
    assert sum(n for status, n in counts if status in ("not_found", "inactive")) == n_gone
    assert server.smallest_gap(next(h for h in demo.HOSTS if site in h)) >= 0.001


CRAWLER = """
import json, sys
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.session import Session
given = json.loads(sys.argv[1])
print(collect(given["site"], session=Session(**given["session"]), artists=given["artists"],
              raw=given["raw"]).status)
"""


@pytest.mark.parametrize("site", ["artstation", "deviantart"])
def test_killed_at_random_moments_it_goes_on(
    server: demo.DemoServer, quick: Quick, store: Store, tmp_path: Path, site: str
) -> None:
    server.set_faults(demo.Faults(rate=0.1, slow_seconds=0.01))
    names, session = handles(server, site, 40), quick(server, seconds_between=0.004)
    given = {
        "site": site,
        "artists": names,
        "raw": str(tmp_path / "raw"),
        "session": {
            name: str(value) if isinstance(value, Path) else value
            for name in Session.__slots__
            if (value := getattr(session, name)) is not None
        },
    }
    command = [sys.executable, "-c", CRAWLER, json.dumps(given)]
    rng = random.Random(site)
    killed = 0
    for _ in range(5):
        n_before = len(server.requests)
        wanted = n_before + rng.randint(1, 25)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while len(server.requests) < wanted and process.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.random() * 0.01)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed >= 4
    report = collect(site, session=session, artists=names, raw=tmp_path / "raw")
    assert report.status == "complete"
    assert len(list((tmp_path / "raw" / site).iterdir())) == 1  # one crawl, taken up again
    load(store, report, tmp_path)
    assert_equals_truth(store, server, site, names)
    # Nothing that had been answered was asked again, but for what a kill caught on the wire.
    good = [
        one.target
        for one in server.requests
        if one.status == 200 and ("/gallery/" in one.target or "/projects.json" in one.target)
    ]
    spoiled = sum(schedule.counts[k] > 1 for schedule in server._faults.values()
                  for k in schedule.counts)  # fmt: skip
    assert len(good) - len(set(good)) <= spoiled + killed


def test_a_complete_crawl_asks_nothing_again(
    server: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    names = handles(server, "artstation", 5)
    first = collect("artstation", session=quick(server), artists=names, raw=tmp_path, crawl="one")
    n_before = len(server.requests)
    again = collect("artstation", session=quick(server), artists=names, raw=tmp_path, crawl="one")
    assert again.n_requests == 0
    assert len(server.requests) == n_before
    assert again.visits == first.visits


def test_max_requests_ends_a_run_and_the_next_goes_on(
    server: demo.DemoServer, quick: Quick, store: Store, tmp_path: Path
) -> None:
    names, runs = handles(server, "deviantart", 14), []
    while not runs or runs[-1].status != "complete":
        session = quick(server, max_requests=9)
        runs.append(collect("deviantart", session=session, artists=names, raw=tmp_path / "raw"))
        assert runs[-1].n_requests <= 9
        assert len(runs) < 40
    assert len(runs) > 2
    assert runs[0].status == "incomplete"
    assert "9 requests allowed are spent" in runs[0].summary()
    assert {run.folder for run in runs} == {runs[0].folder}
    load(store, runs[-1], tmp_path)
    assert_equals_truth(store, server, "deviantart", names)


@pytest.mark.parametrize("site", SITES)
def test_a_challenge_stops_the_host_and_another_day_goes_on(
    server: demo.DemoServer, quick: Quick, store: Store, tmp_path: Path, site: str
) -> None:
    names = handles(server, site, 10)
    server.set_faults(demo.Faults(challenge_at=12))
    report = collect(site, session=quick(server), artists=names, raw=tmp_path / "raw")
    assert report.status == "blocked"
    assert "not worked around" in report.summary()
    host = next(host for host in demo.HOSTS if site in host)
    refused = [one.status for one in server.requests if one.host == host]
    assert refused.count(403) == 1
    assert refused[-1] == 403  # nothing after it
    load(store, report, tmp_path)
    statuses = store.sql("SELECT status, complete FROM sighting ORDER BY rowid").fetchall()
    assert statuses[-1] == ("blocked", False)
    crawl = store.sql("SELECT parameters FROM crawl").fetchall()[0][0]
    assert json.loads(crawl)["status"] == "blocked"
    server.set_faults(demo.Faults())
    again = collect(site, session=quick(server), artists=names, raw=tmp_path / "raw")
    assert (again.status, again.folder) == ("complete", report.folder)
    load(store, again, tmp_path)
    sightings = store.sql("SELECT count(*) FROM sighting WHERE status = 'ok'").fetchall()
    assert sightings[0][0] >= sum(again.visits.values()) - 8
    assert stored(store, site).height == again.n_uploads


@pytest.mark.parametrize("site", SITES)
def test_the_store_is_rebuilt_without_the_network(
    server: demo.DemoServer, quick: Quick, store: Store, tmp_path: Path, site: str
) -> None:
    server.set_faults(demo.Faults(rate=0.2, slow_seconds=0.01))
    names = handles(server, site, 12)
    report = collect(site, session=quick(server), artists=names, raw=tmp_path / "raw")
    load(store, report, tmp_path)
    n_before = len(server.requests)
    with open_store(tmp_path / "again.duckdb", read_only=False) as again:
        for crawl in archived_crawls(tmp_path / "raw"):
            again.load(crawl, max_rejects=1.0)
        assert again.content_hash() == store.content_hash()
        assert again.tables()["upload"] == report.n_uploads
    assert len(server.requests) == n_before
    crawl = ArchivedCrawl(report.folder)
    assert crawl.started_at is not None
    assert crawl.finished_at is not None
    assert store.load(crawl).status == "unchanged"


def test_works_that_went_away_are_counted(
    people: Population, quick: Quick, store: Store, tmp_path: Path
) -> None:
    with demo.serve(people, today="2022-06-30") as server:
        truth = {}
        early = {site: handles(server, site, 90) for site in SITES}
        server.set_today("2023-06-30")
        # Whoever hides more than a visit may miss is never complete, and says nothing of deletions.
        names = {
            site: [name for name in early[site] if hidden(server, site, name) <= 2][:45]
            for site in SITES
        }
        for day in ("2022-06-30", "2023-06-30"):
            server.set_today(day)
            for site in SITES:
                session = quick(server)
                report = collect(site, session=session, artists=names[site], raw=tmp_path / "raw")
                load(store, report, tmp_path)
                artists, uploads = server.worlds[site].truth()
                known = artists.filter(pl.col("handle").is_in(names[site]))["artist_id"]
                mine = uploads.filter(pl.col("artist_id").is_in(known.implode()))
                truth[site, day] = set(mine["upload_id"])
        works = delisted_works(store)
        for site in ("artstation", "deviantart"):
            went = truth[site, "2022-06-30"] - truth[site, "2023-06-30"]
            assert len(went) > 20
            found = works.filter(pl.col("platform") == site)
            assert set(found["upload_id"]) == went
            assert found["account_gone"].any()
            assert found["missing"].any()
        danbooru = works.filter(pl.col("platform") == "danbooru")
        assert danbooru["marked"].all()
        table = delisted(store, period="year", platforms=("artstation",))
        assert table["n_works"].sum() == len(truth["artstation", "2022-06-30"])
        counted = table["n_missing"].sum() + table["n_account_gone"].sum()
        assert counted == works.filter(pl.col("platform") == "artstation").height
        ids = works["artist_id"].unique()
        groups = pl.DataFrame(
            {"platform": ["artstation"] * len(ids), "artist_id": ids, "group": ["g"] * len(ids)}
        )
        assert delisted(store, groups=groups)["group"].unique().to_list() == ["g"]
        with pytest.raises(InputError, match="not a period"):
            delisted(store, period="fortnight")


def test_one_crawl_tells_nothing_about_removal(
    server: demo.DemoServer, quick: Quick, store: Store, tmp_path: Path
) -> None:
    names = handles(server, "artstation", 5)
    for limit in (6, None):  # loaded before it was finished and again afterwards, it is still one
        session = quick(server, max_requests=limit)
        report = collect("artstation", session=session, artists=names, raw=tmp_path / "raw")
        load(store, report, tmp_path)
    assert store.tables()["crawl"] == 2
    assert delisted(store).height == 0


def test_since_and_details(
    server: demo.DemoServer, quick: Quick, store: Store, tmp_path: Path
) -> None:
    for site in ("deviantart", "danbooru"):
        names = handles(server, site, 6)
        report = collect(
            site, session=quick(server), artists=names, since="2023-01-01", raw=tmp_path / "raw"
        )
        load(store, report, tmp_path)
        _, uploads = server.worlds[site].truth()
        recent = uploads.filter(pl.col("published_at") >= pl.datetime(2023, 1, 1))
        ids = store.sql("SELECT artist_id FROM artist WHERE platform = $p", {"p": site}).pl()
        wanted = set(recent.join(ids, on="artist_id")["upload_id"])
        assert wanted <= set(stored(store, site)["upload_id"])
    assert not store.sql("SELECT bool_or(complete) FROM sighting WHERE n_uploads > 24").fetchall()[
        0
    ][0]
    names = handles(server, "artstation", 2)
    report = collect(
        "artstation", session=quick(server), artists=names, details=True, raw=tmp_path / "raw"
    )
    load(store, report, tmp_path)
    labels = store.sql(
        "SELECT DISTINCT ai_label FROM upload WHERE platform = 'artstation'"
    ).fetchall()
    assert (False,) not in labels  # a missing tag says nothing
