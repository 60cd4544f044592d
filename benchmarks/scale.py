"""How long a panel takes, and how much memory, by number of credits and by engine.

    python benchmarks/scale.py --folder /some/scratch/folder
    python benchmarks/scale.py --folder /some/scratch/folder --credits 50000000 --engines disk

Stores of generated credits (100,000 artists; above ten million credits, one artist a hundred) are
counted by month and seniority group (`build_panel`), sorted by another rule (`with_seniority`, a
placebo cohort) and turned into the artist panel, held or written in parts. Every measurement is a
process of its own, whose CPU seconds and peak resident memory (Java's included) are those of the
system. Rows are appended to results/scale.csv, and docs/scale.md shows them; what stands there is
not measured again.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import platform
import resource
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import uploadtrends as ut
from panel import RULE

RESULTS = Path(__file__).parent / "results" / "scale.csv"
ENGINES = ("duckdb", "disk", "spark-1", "spark-2")
DISK_LIMIT = "1GB"
PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
BEGINS, ENDS = "<!-- measured: benchmarks/scale.py -->", "<!-- end -->"
PLATFORMS = {"all of pixiv": 130_000_000, "all of DeviantArt": 550_000_000}
"""Works: pixiv's by its newest ids; DeviantArt's is assumed, no count of it is at hand."""


def make_store(path: Path, credits: int) -> None:
    """Write a store whose artists enter over eight years; one credit a work."""
    if path.exists():
        return
    artists = max(100_000, credits // 100)
    growing = path.with_suffix(".growing.duckdb")
    growing.unlink(missing_ok=True)
    with ut.open_store(growing, read_only=False, memory_limit="2GB") as store:
        con = store.connection
        for low in range(0, credits, 5_000_000):
            high = min(credits, low + 5_000_000)
            con.execute(
                "INSERT INTO upload (platform, upload_id, published_at, date_precision, "
                "media_count, status, first_crawl, last_crawl) SELECT 'site', CAST(i AS VARCHAR), "
                "TIMESTAMP '2014-01-01' + to_seconds(CAST(315532800 * (hash(i) % 100000 / "
                "100000.0 * (1 - late) + late) AS BIGINT)), 'second', 1, 'listed', 1, 1 FROM "
                f"(SELECT i, (hash(i * 7 % {artists}) % 1000) / 1250.0 AS late "
                f"FROM range({low}, {high}) t(i))"
            )
            con.execute(
                "INSERT INTO credit SELECT 'site', CAST(i AS VARCHAR), "
                f"'artist-' || CAST(i * 7 % {artists} AS VARCHAR), 1 FROM range({low}, {high}) t(i)"
            )
        con.execute(
            "INSERT INTO artist (platform, artist_id) SELECT 'site', 'artist-' || "
            f"CAST(i AS VARCHAR) FROM range({artists}) t(i)"
        )
    growing.rename(path)


def measure(store: Path, engine: str, credits: int, parts: Path) -> list[dict[str, object]]:
    """Run every task on one engine, in this process, and say what each took."""
    named = {"duckdb": {}, "disk": {"memory_limit": DISK_LIMIT}}.get(engine)
    data: Path | str = store
    if named is None:
        from uploadtrends.engines.spark import spark_session

        named = {"engine": spark_session("3GB", cores=int(engine[-1]))}
        data = store.with_suffix("")
    rows: list[dict[str, object]] = []
    held: dict[str, object] = {}

    def task(name: str, run) -> None:  # type: ignore[no-untyped-def]
        peak = [0]
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.05):
                peak[0] = max(peak[0], _resident())

        watcher = threading.Thread(target=watch)
        watcher.start()
        began, cpu = time.perf_counter(), _cpu()
        n = run()
        took, used = time.perf_counter() - began, _cpu() - cpu
        done.set()
        watcher.join()
        rows.append(
            {
                "credits": credits,
                "engine": engine,
                "task": name,
                "rows": n,
                "seconds": round(took, 2),
                "cpu_seconds": round(used, 2),
                "peak_mb": round(peak[0] / 1e6),
            }
        )

    def build() -> int:
        held["panel"] = ut.build_panel(data, seniority=RULE, **named)
        return held["panel"].groups.height

    task("group panel", build)
    if engine.startswith("spark"):  # the first one pays for Java's warming up
        rows[-1]["task"] = "group panel, first"
        task("group panel", build)
    panel = held["panel"]
    task("placebo cohort", lambda: panel.with_seniority(RULE.shifted("-12 months")).groups.height)
    if engine == "duckdb":
        if credits <= 10_000_000:
            task("artist panel", lambda: panel.artists.height)
    else:
        task("artist panel in parts", lambda: _written(panel, parts))
    task("sample of 2,000 artists", lambda: panel.sample(2_000).artists.height)
    return rows


def _written(panel: ut.Panel, parts: Path) -> int:
    import pyarrow.parquet as pq

    n = 0
    for part in panel.write_artists(parts):
        n += pq.read_metadata(part).num_rows
        Path(part).unlink()
    return n


def _family() -> list[int]:
    """This process and all below it (Java's)."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [os.getpid()]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def _resident() -> int:
    total = 0
    for one in _family():
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1])
        except OSError:
            continue
    return total * resource.getpagesize()


def _cpu() -> float:
    ticks = 0
    for one in _family():
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def slopes(rows: list[dict[str, str]]) -> list[str]:
    """Return the growth exponent of every task and engine, by least squares on logarithms."""
    told = []
    keys = sorted({(row["engine"], row["task"]) for row in rows})
    for engine, task in keys:
        own = [row for row in rows if (row["engine"], row["task"]) == (engine, task)]
        x = [math.log(float(row["credits"])) for row in own]
        y = [math.log(max(float(row["cpu_seconds"]), 0.01)) for row in own]
        if len(set(x)) < 2:
            continue
        mx, my = sum(x) / len(x), sum(y) / len(y)
        slope = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum(
            (a - mx) ** 2 for a in x
        )
        told.append(f"{engine}, {task}: CPU seconds grow with credits to the power {slope:.2f}")
    return told


def page(rows: list[dict[str, str]]) -> str:
    """Return the measured part of docs/scale.md."""
    lines = ["| engine | credits | task | rows | seconds | CPU seconds | peak memory, MB | load |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    lines += [
        f"| {row['engine']} | {int(row['credits']):,} | {row['task']} | {int(row['rows']):,} "
        f"| {row['seconds']} | {row['cpu_seconds']} | {int(row['peak_mb']):,} "
        f"| {row['load_before']} |"
        for row in sorted(rows, key=lambda row: (int(row["credits"]), ENGINES.index(row["engine"])))
    ]
    lines += ["", *(f"- {told}." for told in slopes(rows))]
    return "\n".join([*lines, "", *extrapolated(rows)]) + "\n"


def extrapolated(rows: list[dict[str, str]]) -> list[str]:
    """Say what all of a platform would take, at the rate of the largest run of Spark, straight."""
    runs = [row for row in rows if row["engine"] == "spark-2" and row["task"] == "group panel"]
    if not runs:
        return ["What a cluster needs is not extrapolated here: no run of Spark stands above."]
    largest = max(runs, key=lambda row: int(row["credits"]))
    rate = float(largest["cpu_seconds"]) / int(largest["credits"])
    told = [
        f"Extrapolated, not measured: at the {1e6 * rate:.1f} CPU seconds a million credits of the "
        f"largest run of Spark above ({int(largest['credits']):,} credits) and growth in proportion"
    ]
    for name, works in PLATFORMS.items():
        hours = works * rate / 3600
        told.append(
            f"- {name} ({works / 1e6:,.0f} M works assumed): {hours:.1f} core hours for a group "
            f"panel, or {60 * hours / 16:.0f} minutes on 16 cores if they share the work evenly;"
        )
    return told


def write_page(rows: list[dict[str, str]]) -> None:
    """Put the measured part into docs/scale.md."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGINS)
    _, _, tail = rest.partition(ENDS)
    PAGE.write_text(f"{head}{BEGINS}\n{page(rows)}{ENDS}{tail}", encoding="utf-8")


def main() -> None:
    """Measure what is missing in results/scale.csv."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--credits", type=int, nargs="+", default=[200_000, 1_000_000, 5_000_000])
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=ENGINES)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.one:
        (n,), (engine,) = given.credits, given.engines
        parts = given.folder / "parts"
        shutil.rmtree(parts, ignore_errors=True)
        print(json.dumps(measure(given.folder / f"scale-{n}.duckdb", engine, n, parts)))
        return
    known = list(csv.DictReader(RESULTS.open())) if RESULTS.exists() else []
    done = {(int(row["credits"]), row["engine"]) for row in known}
    for n in given.credits:
        path = given.folder / f"scale-{n}.duckdb"
        for engine in given.engines:
            if (n, engine) in done:
                continue
            make_store(path, n)
            if engine.startswith("spark") and not path.with_suffix("").exists():
                with ut.open_store(path, memory_limit="2GB") as store:
                    store.to_parquet(path.with_suffix(""), identify=True)
            load = round(os.getloadavg()[0], 1)
            words = [sys.executable, __file__, "--one", "--folder", str(given.folder)]
            words += ["--credits", str(n), "--engines", engine]
            answer = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
            stamp = {
                "date": datetime.now(UTC).date().isoformat(),
                "cores": os.cpu_count() or 0,
                "load_before": load,
                "python": platform.python_version(),
                "duckdb": version("duckdb"),
                "pyspark": version("pyspark") if engine.startswith("spark") else "",
            }
            rows = [row | stamp for row in json.loads(answer.splitlines()[-1])]
            new = not RESULTS.exists()
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                if new:
                    writer.writeheader()
                writer.writerows(rows)
            for row in rows:
                print(*(row[name] for name in list(row)[:7]), f"load {load}", flush=True)
    rows = list(csv.DictReader(RESULTS.open()))
    write_page(rows)
    print("\n".join(slopes(rows)))


if __name__ == "__main__":
    main()
