"""How long a user waits: import, help, `make figures` with nothing to do, and dates of one's own.

Run `python benchmarks/start.py` in a checkout in which `make figures` has run. Medians of whole
processes in turns, beside `import pandas` as a yardstick; writes results/start.csv. Dates of one's
own are run in a folder of their own: first a cold run of the study, then what a user asks next,
each as a share of the cold run (time on the clock, and CPU time with all processes).
"""

from __future__ import annotations

import argparse
import csv
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

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
COLD = "run precipice, cold"
ASKED = {
    COLD: (),
    "run precipice, nothing to do": (),
    "a first date of one's own": ("--event", "2022-11-11", "--label", "A"),
    "a second date": ("--event", "2023-05-15", "--label", "B"),
    "the first date again": ("--event", "2022-11-11", "--label", "A"),
    "a date after the data": ("--event", "2030-01-01", "--label", "C"),
}


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
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
    repeats = parsed.repeats
    dates = asked()
    for name, (clock, cpu) in dates.items():
        shares = clock / dates[COLD][0], cpu / dates[COLD][1]
        print(f"{clock:7.2f} s {cpu:7.2f} CPU s  {shares[0]:4.2f} {shares[1]:4.2f}  {name}")
    if parsed.asked:
        return
    times: dict[str, list[float]] = {name: [] for name in (*QUICK, *SLOW)}
    for _ in range(repeats):
        for name, command in QUICK.items():
            times[name].append(seconds(command))
    seconds(["make", "figures"])
    for name, (touched, command) in SLOW.items():
        for _ in range(1 if "first" in name else 3):
            if touched is not None:
                (ROOT / touched).touch()
            times[name].append(seconds(command))
    table = Path(__file__).parent / "results" / "start.csv"
    with table.open("w", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        head = ["what", "median_seconds", "runs", "date", "uploadtrends", "python"]
        rows.writerow([*head, "cpu_seconds", "share_of_cold", "cpu_share_of_cold"])
        for name, found in times.items():
            median = statistics.median(found)
            version = sys.version.split()[0]
            rows.writerow(
                [name, f"{median:.2f}", len(found), date.today(), package_version(), version]
            )
            print(f"{median:7.2f} s  {name}")
        for name, (clock, cpu) in dates.items():
            about = [name, f"{clock:.2f}", 1, date.today(), package_version()]
            shares = clock / dates[COLD][0], cpu / dates[COLD][1]
            told = [f"{cpu:.2f}", *(f"{share:.2f}" for share in shares)]
            rows.writerow([*about, sys.version.split()[0], *told])


if __name__ == "__main__":
    main()
