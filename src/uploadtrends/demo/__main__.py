"""``python -m uploadtrends.demo``: run the demo server until interrupted."""

from __future__ import annotations

import argparse
import sys

from uploadtrends.demo import CLIENT_ID, CLIENT_SECRET, Faults, serve
from uploadtrends.simulate import population


def main() -> None:
    """Read the arguments, serve, and say how to reach it."""
    parser = argparse.ArgumentParser(prog="python -m uploadtrends.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--artists", type=int, default=3000, help="over all three platforms")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--today", default="2023-12-31")
    parser.add_argument("--event-date", default="2022-08-22")
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests that fail")
    given = parser.parse_args()
    people = population(
        given.artists,
        platforms=("artstation", "deviantart", "danbooru"),
        event_date=given.event_date,
        effect={"senior": -0.3, "new": 0.2},
        seed=given.seed,
    )
    faults = Faults(rate=given.faults)
    with serve(people, today=given.today, port=given.port, faults=faults) as server:
        sys.stdout.write(
            f"Playing artstation, deviantart and danbooru at {server.address} (Ctrl-C stops).\n"
            f"  uploadtrends collect artstation --demo {server.address} ...\n"
            f"  DeviantArt client id {CLIENT_ID}, secret {CLIENT_SECRET}\n"
            f"  {server.address}/requests shows what was measured, "
            f"{server.address}/today?2022-12-31 moves the day\n"
        )
        sys.stdout.flush()
        server.wait()


if __name__ == "__main__":
    main()
