"""Is the store equal to the truth after faults and after kills at random moments?

250 artists on each of two sites are collected from the demo server while a share of its requests
goes wrong, and the collecting process is ended by SIGKILL at 20 random moments a site. Then the
store is compared with what the server knows: works, dates in UTC, followers, truncated histories.
A second crawl on a later day, again with kills, is compared with the works that went away between.

Run `python validation/crawl_kills.py [--artists 250] [--kills 20]`. Writes results/crawl_kills.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import platform as machine
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import polars as pl

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.delisted import delisted_works
from uploadtrends.collect.plans import read_targets
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.sampling import sample
from uploadtrends.collect.session import Session
from uploadtrends.demo.deviantart import gallery_slots
from uploadtrends.demo.world import told, work_key
from uploadtrends.simulate import population
from uploadtrends.store import Store, open_store

SITES = ("artstation", "deviantart")
DAYS = ("2022-12-31", "2023-06-30")
CAP = 240
RESULTS = Path(__file__).parent / "results"
CRAWLER = """
import json, sys
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.session import Session
given = json.loads(sys.argv[1])
collect(given["site"], session=Session(**given["session"]), artists=given["artists"],
        cap=given["cap"], crawl=given["crawl"], raw=given["raw"])
"""


def main() -> None:
    """Sample, crawl under fire, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--artists", type=int, default=250)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--faults", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    os.environ["UPLOADTRENDS_DEVIANTART_CLIENT_ID"] = demo.CLIENT_ID
    os.environ["UPLOADTRENDS_DEVIANTART_CLIENT_SECRET"] = demo.CLIENT_SECRET
    people = population(
        2000,
        platforms=SITES,
        start="2018-01-01",
        end=DAYS[-1],
        deletion_hazard=0.004,
        exit_hazard=0.02,
        account_deletion=0.5,
        seed=given.seed,
    )
    faults = demo.Faults(rate=given.faults, slow_seconds=0.02)
    rows = []
    with (
        tempfile.TemporaryDirectory() as name,
        demo.serve(people, today=DAYS[0], faults=faults, cap=CAP, calls_per_token=500) as server,
        open_store(Path(name) / "store.duckdb", read_only=False) as store,
    ):
        place = Path(name)
        settings = {
            "contact": "validation@example.org",
            "demo": server.address,
            "i_have_permission": True,
            "seconds_between": 0.002,
            "state": str(place / "limits"),
            "key_file": str(place / "key"),
            "rules": {"backoff": 0.005, "throttle_backoff": 0.005, "longest_backoff": 0.05},
        }
        for site in SITES:
            server.set_today(DAYS[0])
            drawn = sample(
                site,
                session=Session(**settings),
                followers=400,
                n=given.artists,
                raw=place / "raw",
            )
            seen: dict[str, set[str]] = {}
            for day in DAYS:
                server.set_today(day)
                plan = {
                    "site": site,
                    "session": settings,
                    "artists": str(drawn.file),
                    "cap": CAP if site == "deviantart" else None,
                    "crawl": f"on-{day}",
                    "raw": str(place / "raw"),
                }
                killed = _under_fire(server, plan, given.kills, random.Random(f"{site} {day}"))
                report = collect(
                    site,
                    session=Session(**settings),
                    artists=drawn.file,
                    cap=plan["cap"],
                    crawl=plan["crawl"],
                    raw=plan["raw"],
                )
                store.load(ArchivedCrawl(report.folder, key_file=place / "key"), max_rejects=1.0)
                row, seen[day] = _compared(store, server, site, drawn.file, report.folder)
                row = {"site": site, "crawl": day, "kills": killed, "status": report.status} | row
                if day == DAYS[1]:
                    row |= _gone(store, server, site, seen[DAYS[0]], seen[DAYS[1]])
                rows.append(row)
                print(json.dumps(row), flush=True)
        for host, one in server.report()["hosts"].items():
            if one["requests"]:
                print(host, json.dumps(one))
        forbidden = [one.target for one in server.requests if "follow" in one.target.split("?")[0]]
        print(f"{len(forbidden)} requests to disallowed paths")
    table = pd.DataFrame(rows).assign(
        date=date.today().isoformat(),
        python=machine.python_version(),
        duckdb=version("duckdb"),
        uploadtrends=version("uploadtrends"),
    )
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "crawl_kills.csv", index=False)
    sys.exit(0 if table["equal"].all() else 1)


def _under_fire(server: demo.DemoServer, plan: dict, kills: int, rng: random.Random) -> int:
    """Run the crawl and kill it, again and again; return how many kills hit a running crawl."""
    killed = 0
    for _ in range(kills):
        n_before = len(server.requests)
        process = subprocess.Popen([sys.executable, "-c", CRAWLER, json.dumps(plan)])
        wanted = n_before + rng.randint(1, 60)
        while len(server.requests) < wanted and process.poll() is None:
            time.sleep(0.001)
        time.sleep(rng.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    return killed


def _compared(
    store: Store, server: demo.DemoServer, site: str, sample_file: Path, folder: Path
) -> tuple[dict, set[str]]:
    """Compare the latest crawl with the truth; return the row and the works that it saw."""
    world = server.worlds[site]
    crawl = store.sql("SELECT max(crawl_id) FROM crawl").fetchall()[0][0]
    found = store.sql(
        "SELECT c.artist_id, u.upload_id, u.published_at FROM upload u "
        "JOIN credit c USING (platform, upload_id) "
        "WHERE platform = $site AND u.last_crawl = $crawl ORDER BY 1, 2",
        {"site": site, "crawl": crawl},
    ).pl()
    sightings = store.sql(
        "SELECT artist_id, status, followers, complete, truncated FROM sighting "
        "WHERE platform = $site AND crawl_id = $crawl ORDER BY 1",
        {"site": site, "crawl": crawl},
    ).fetchall()
    works, visits = [], []
    for target in read_targets(sample_file, site):
        person = world.by_handle[target.handle.lower()]
        key = target.artist_id
        if not person.listed:
            words = next(row[1] for row in sightings if row[0] == key)
            assert words in ("not_found", "inactive"), words
            visits.append((key, words, None, False, False))
            continue
        listed, truncated, short = world.listed(person), False, False
        if site == "deviantart":
            slots = gallery_slots(person, world)
            truncated, short = len(slots) > CAP, _short(slots)
            listed = [work for work in slots[:CAP] if work is not None and work.listed]
        works += [
            (key, work_key(site, work.number), told(site, work.published_at)) for work in listed
        ]
        status = "truncated" if truncated else "incomplete" if short else "ok"
        visits.append((key, status, person.followers, status == "ok", truncated))
    truth = pl.DataFrame(works, schema=found.schema, orient="row").sort("artist_id", "upload_id")
    equal = found.equals(truth) and sightings == sorted(visits)
    row = {
        "artists": len(visits),
        "gone": sum(visit[1] in ("not_found", "inactive") for visit in visits),
        "truncated": sum(visit[4] for visit in visits),
        "incomplete": sum(visit[1] == "incomplete" for visit in visits),
        "works": truth.height,
        "works_in_store": found.height,
        "rejects": store.sql(
            "SELECT count(*) FROM reject WHERE crawl_id = $crawl", {"crawl": crawl}
        ).fetchall()[0][0],
        "torn_lines": len(ArchivedCrawl(folder)._archive.damage),
        "equal": equal,
    }
    return row, set(found["upload_id"])


def _short(slots: list) -> bool:
    """Say whether a gallery shows clearly fewer works than the profile claims."""
    return slots.count(None) > max(2, 0.05 * len(slots))


def _gone(
    store: Store, server: demo.DemoServer, site: str, before: set[str], after: set[str]
) -> dict:
    """Compare the works that count as no longer listed with those that went away."""
    found = set(delisted_works(store).filter(pl.col("platform") == site)["upload_id"])
    world = server.worlds[site]
    whole = {
        work_key(site, work.number)
        for person in world.people.values()
        for work in world.works[person.number]
        if not (site == "deviantart" and person.listed)
        or (len(slots := gallery_slots(person, world)) <= CAP and not _short(slots))
    }
    truth = (before - after) & whole  # a truncated or incomplete history cannot tell
    return {"no_longer_listed": len(truth), "delisted_equal": found == truth}


if __name__ == "__main__":
    main()
