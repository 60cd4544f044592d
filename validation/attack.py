"""Attacks on everything that reads or writes: hostile strings, kills, full disks; loopback only.

    python validation/attack.py [--scale 1.0] [--only strings,kills] [--out FILE]

One row a kind of attack: attempts, and failures of three sorts. *Uncaught*: an exception that is
none of the package's own (a traceback for the user), or a hang. *Silent loss*: data that went or
changed without being said. *Trace*: a byte of a forgotten person.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attacks.disks import attack_disk, attack_flips, attack_kills
from attacks.people import attack_forget
from attacks.servers import attack_servers
from attacks.tally import Tally
from attacks.texts import attack_fuzz, attack_strings

from uploadtrends.pseudonyms import KEY_VARIABLE

RESULTS = Path(__file__).parent / "results" / "attack.csv"


ATTACKS: dict[str, Callable[[random.Random, float, Path], Any]] = {
    "strings": attack_strings,
    "kills": attack_kills,
    "disk": attack_disk,
    "flips": attack_flips,
    "servers": attack_servers,
    "forget": attack_forget,
    "fuzz": attack_fuzz,
}


def main() -> None:
    """Run the attacks and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of the attempts")
    parser.add_argument("--only", default="", help=f"some of {','.join(ATTACKS)}")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--seed", type=int, default=20261126)
    given = parser.parse_args()
    chosen = [name for name in ATTACKS if not given.only or name in given.only.split(",")]
    tallies: list[Tally] = []
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        os.environ[KEY_VARIABLE] = str(Path(folder) / "keys" / "key")
        os.environ["UPLOADTRENDS_DEVIANTART_CLIENT_ID"] = "1"
        os.environ["UPLOADTRENDS_DEVIANTART_CLIENT_SECRET"] = "not-a-secret"
        os.chdir(folder)
        for name in chosen:
            room = Path(folder) / name
            room.mkdir()
            done = ATTACKS[name](random.Random(f"{given.seed} {name}"), given.scale, room)
            for tally in [done] if isinstance(done, Tally) else done:
                tallies.append(tally)
                show(tally)
                write(tallies, given.out)
    failures = sum(one.uncaught + one.silent + one.traces for one in tallies)
    print(f"{sum(one.attempts for one in tallies):,} attempts, {failures} failures")
    sys.exit(bool(failures))


def show(tally: Tally) -> None:
    """Print one row, and what failed."""
    print(
        f"{tally.kind:<28} {tally.attempts:>7,} attempts: {tally.uncaught} uncaught, "
        f"{tally.silent} silent losses, {tally.traces} traces", flush=True,
    )  # fmt: skip
    for example in tally.examples[:8]:
        print(f"    {example}", flush=True)


def write(tallies: list[Tally], path: Path) -> None:
    """Write the rows so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["kind", "attempts", "uncaught", "silent_losses", "traces"])
        for one in tallies:
            writer.writerow([one.kind, one.attempts, one.uncaught, one.silent, one.traces])


if __name__ == "__main__":
    main()
