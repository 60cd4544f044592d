"""How long a user waits: import, help, `make figures` with nothing to do, and dates of one's own.

Run `python benchmarks/start.py` in a checkout in which `make figures` has run. Medians of whole
processes in turns, beside `import pandas` as a yardstick; writes results/start.csv. Dates of one's
own are run in a folder of their own: first a cold run of the study, then what a user asks next,
each as a share of the cold run (time on the clock, and CPU time with all processes). The load
average is that before the runs: where it is not below the number of cores, no second process draws.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from compileall import compile_dir
from datetime import date
from pathlib import Path
from typing import Any

from uploadtrends.result import package_version

ROOT = Path(__file__).resolve().parents[1]
QUICK = {
    "python -c 'import pandas'": [sys.executable, "-c", "import pandas"],
    "python -c 'import uploadtrends'": [sys.executable, "-c", "import uploadtrends"],
    "uploadtrends --help": [
        sys.executable,
        "-c",
        "import sys; sys.argv = ['uploadtrends', '--help']; "
        "from uploadtrends.cli import main; main()",
    ],
}
SLOW = {
    "make figures, nothing to do": (None, ["make", "figures"]),
    "make figures, study file touched": ("studies/precipice.toml", ["make", "figures"]),
}
COLUMNS = (
    *("what", "median_seconds", "runs", "date", "uploadtrends", "python"),
    *("cpu_seconds", "share_of_cold", "cpu_share_of_cold", "load_average"),
)
COLD = "run precipice, cold"
ASKED = {
    COLD: (),
    "run precipice, nothing to do": (),
    "a first date of one's own": ("--event", "2022-11-11", "--label", "A"),
    "a second date": ("--event", "2023-05-15", "--label", "B"),
    "the first date again": ("--event", "2022-11-11", "--label", "A"),
    "a date after the data": ("--event", "2030-01-01", "--label", "C"),
}


# As in an installation, Python finds its bytecode.
ENVIRONMENT = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - began


def asked() -> dict[str, tuple[float, float]]:
    """Return seconds on the clock and of CPU for what a user asks in turn, from a cold start on."""
    found = {}
    code = "from uploadtrends.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        for name, words in ASKED.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            took = seconds(
                [sys.executable, "-c", code, "run", "precipice", "--home", folder, *words]
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found[name] = took, cpu
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--asked", action="store_true", help="Only the dates of one's own.")
    parsed = parser.parse_args()
    load = os.getloadavg()[0]
    compile_dir(ROOT / "src", quiet=1)  # as pip does
    dates = asked()
    for name, (clock, cpu) in dates.items():
        shares = clock / dates[COLD][0], cpu / dates[COLD][1]
        print(f"{clock:7.2f} s {cpu:7.2f} CPU s  {shares[0]:4.2f} {shares[1]:4.2f}  {name}")
    times = {} if parsed.asked else waited(parsed.repeats)
    rows = []
    for name, found in times.items():
        print(f"{statistics.median(found):7.2f} s  {name}")
        rows.append({"what": name, "median_seconds": statistics.median(found), "runs": len(found)})
    for name, (clock, cpu) in dates.items():
        shares = clock / dates[COLD][0], cpu / dates[COLD][1]
        told = {"cpu_seconds": cpu, "share_of_cold": shares[0], "cpu_share_of_cold": shares[1]}
        rows.append({"what": name, "median_seconds": clock, "runs": 1, **told})
    write(rows, load)


def waited(repeats: int) -> dict[str, list[float]]:
    """Return the seconds of what a user waits for every day, one by one."""
    times: dict[str, list[float]] = {name: [] for name in (*QUICK, *SLOW)}
    for _ in range(repeats):
        for name, command in QUICK.items():
            times[name].append(seconds(command))
    seconds(["make", "figures"])
    for name, (touched, command) in SLOW.items():
        for _ in range(3):
            if touched is not None:
                (ROOT / touched).touch()
            times[name].append(seconds(command))
    return times


def write(rows: list[dict[str, Any]], load: float) -> None:
    """Put rows in the place of earlier ones of their name, with the load of the machine before."""
    table = Path(__file__).parent / "results" / "start.csv"
    about = {
        "date": date.today(),
        "uploadtrends": package_version(),
        "python": sys.version.split()[0],
        "load_average": f"{load:.1f}",
    }
    with table.open(newline="") as stream:
        kept = {row["what"]: row for row in csv.DictReader(stream)}
    for row in rows:
        told = {k: f"{v:.2f}" if isinstance(v, float) else v for k, v in row.items()}
        kept[row["what"]] = {**told, **about}
    with table.open("w", newline="") as stream:
        written = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        written.writeheader()
        written.writerows(kept.values())


if __name__ == "__main__":
    main()
