"""Collect 250 artists a site from a server that plays them, and set estimate beside truth.

The server's artists react to an event: seniors upload 30% less from then on, newcomers 20% more.
Two crawls, half a year apart, go through the whole collector (robots.txt, paced requests, faults,
raw archive), the store, the panel and the models; nothing is taken from the simulation but the
truth that is printed at the end.

Run `python validation/demo_crawl.py [--artists 250] [--faults 0.02]` or `make demo-crawl`. Takes
about two minutes; writes to data/derived/demo-crawl, which can be deleted.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import uploadtrends as ut
from uploadtrends import demo
from uploadtrends.collect.crawl import CollectProgress, collect
from uploadtrends.collect.delisted import delisted, delisted_works
from uploadtrends.collect.replay import archived_crawls
from uploadtrends.collect.sampling import sample
from uploadtrends.collect.session import Session
from uploadtrends.simulate import population

EVENT = "2022-08-22"
EFFECTS = {"senior": float(np.log(0.7)), "new": float(np.log(1.2))}
DAYS = ("2023-06-30", "2023-12-31")
SITES = ("artstation", "deviantart")
OUT = Path(__file__).parents[1] / "data" / "derived" / "demo-crawl"


def main() -> None:
    """Simulate, sample, collect twice, load, estimate, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--artists", type=int, default=250, help="a site")
    parser.add_argument("--faults", type=float, default=0.02, help="share of requests that fail")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    os.environ["UPLOADTRENDS_DEVIANTART_CLIENT_ID"] = demo.CLIENT_ID
    os.environ["UPLOADTRENDS_DEVIANTART_CLIENT_SECRET"] = demo.CLIENT_SECRET
    people = population(
        3600,
        platforms=SITES,
        start="2019-01-01",
        end=DAYS[-1],
        event_date=EVENT,
        effect=EFFECTS,
        deletion_hazard=0.004,
        account_deletion=0.3,
        follower_selection=0.3,
        seed=given.seed,
    )
    faults = demo.Faults(rate=given.faults, slow_seconds=0.05)
    with demo.serve(people, today=DAYS[0], faults=faults) as server:
        session = Session(
            contact="demo@example.org",
            demo=server.address,
            i_have_permission=True,
            seconds_between=0.002,
            state=OUT / "limits",
            key_file=OUT / "pseudonym.key",
            rules={"backoff": 0.01, "throttle_backoff": 0.01, "longest_backoff": 0.1},
        )
        for site in SITES:
            print(sample(site, session=session, followers=500, n=given.artists, raw=OUT / "raw"))
        for day in DAYS:
            server.set_today(day)
            for site in SITES:
                print(_collected(site, session, day))
        measured = server.report()["hosts"]
        truth = {site: set(server.worlds[site].truth()[1]["upload_id"]) for site in SITES}
    store_path = OUT / "uploads.duckdb"
    ut.build_store(store_path, archived_crawls(OUT / "raw"))
    with ut.open_store(store_path) as store:
        _check_store(store, truth)
        table = (
            delisted(store, period="year")
            .group_by("platform")
            .agg(pl.col("n_works", "n_missing", "n_account_gone").sum())
        )
        for row in table.sort("platform").iter_rows(named=True):
            gone = row["n_missing"] + row["n_account_gone"]
            print(
                f"{row['platform']}: {gone:,} of {row['n_works']:,} works were no longer listed "
                f"after half a year ({row['n_account_gone']:,} because the account is gone)"
            )
        for host, one in measured.items():
            if one["requests"]:
                print(
                    f"{host}: {one['requests']:,} requests, never closer together than "
                    f"{one['smallest_gap'] * 1000:.1f} ms, never more than "
                    f"{one['most_at_once']} at once"
                )
        print(_estimates(store).to_string(index=False))


def _collected(site: str, session: Session, day: str) -> object:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, TimeRemainingColumn(), transient=True) as bar:
        task = bar.add_task(f"{site} on {day}", state="")

        def progress(now: CollectProgress) -> None:
            state = f"{now.done}/{now.total} artists, {now.n_uploads:,} uploads"
            bar.update(task, total=now.total, completed=now.done, state=state)

        return collect(site, session=session, crawl=f"on-{day}", raw=OUT / "raw", progress=progress)


def _check_store(store: ut.Store, truth: dict[str, set[str]]) -> None:
    """Say whether every listed work of the sampled artists, and no other, counts as listed."""
    gone = set(delisted_works(store)["upload_id"])
    for site in SITES:
        rows = store.sql("SELECT upload_id FROM upload WHERE platform = $p", {"p": site}).fetchall()
        listed = {row[0] for row in rows} - gone
        strange = len(listed - truth[site])
        print(
            f"{site}: {len(listed):,} works listed in the store, {strange} of them not on the "
            "server"
        )


def _estimates(store: ut.Store) -> pd.DataFrame:
    """Return estimates from the crawled artists beside the truth, in percent."""
    rule = ut.Seniority(EVENT, later="drop")
    panel = ut.build_panel(store, seniority=rule, start="2019-01-01", end="2023-06-01")
    its = ut.interrupted_time_series(panel, EVENT, terms=("level",), horizons=())
    rows = []
    levels = its.effects[(its.effects["term"] == "level") & its.effects["group"].isin(EFFECTS)]
    for row in levels.to_dict("records"):
        rows.append(
            {
                "site": row["platform"],
                "who": row["group"],
                "model": "interrupted time series of totals",
                "truth %": percent(EFFECTS[row["group"]]),
                "estimate %": row["relative"],
                "low %": row["relative_low"],
                "high %": row["relative_high"],
            }
        )
    for site in SITES:
        model = ut.artist_model(panel, EVENT, platform=site, inference="cluster")
        row = model.effects.set_index("group").loc["senior vs new"]
        rows.append(
            {
                "site": site,
                "who": "senior vs new",
                "model": "artist effects and ageing",
                "truth %": percent(EFFECTS["senior"] - EFFECTS["new"]),
                "estimate %": percent(row["estimate"]),
                "low %": percent(row["low"]),
                "high %": percent(row["high"]),
            }
        )
    return pd.DataFrame(rows).round(1)


def percent(log_ratio: float) -> float:
    """Return a log ratio as a change in percent."""
    return 100 * float(np.expm1(log_ratio))


if __name__ == "__main__":
    main()
