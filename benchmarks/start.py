"""How long a user waits: import, help, and `make figures` warm and with nothing to do.

Run `python benchmarks/start.py` in a checkout in which `make figures` has run. Medians of whole
processes in turns, beside `import pandas` as a yardstick; writes results/start.csv.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
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
    "make figures EVENT=2023-05-15, first": (
        None,
        ["make", "figures", "EVENT=2023-05-15", "LABEL=My event"],
    ),
}


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
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
        rows.writerow(["what", "median_seconds", "runs", "date", "uploadtrends", "python"])
        for name, found in times.items():
            median = statistics.median(found)
            version = sys.version.split()[0]
            rows.writerow(
                [name, f"{median:.2f}", len(found), date.today(), package_version(), version]
            )
            print(f"{median:7.2f} s  {name}")


if __name__ == "__main__":
    main()
