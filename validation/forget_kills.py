"""SIGKILL at every stage of `forget`: after going on, nothing of the person is left.

    python validation/forget_kills.py [--moments 10] [--results FILE]

A project with a store, an archive of each site's answers, a frame and kept results is made anew for
every attempt. `forget` runs in a child that dies at the n-th time it opens, renames or removes a
file; the moments are spread evenly over all of them, the first and the last among them. The same
command then runs to its end. Asked is: no byte of the person's name or key in any file, the other
people's rows and answers all there, and nobody back after a new load. Results go to
results/forget_kills.csv.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from uploadtrends.collect.archive import Archive
from uploadtrends.collect.wire import Answer, Request
from uploadtrends.privacy import forget, load_key
from uploadtrends.pseudonyms import KEY_VARIABLE
from uploadtrends.records import Artist, Credit, Record, Upload
from uploadtrends.sources.staging import stage_records
from uploadtrends.store import build_store, open_store
from uploadtrends.study.cache import StepCache

AT = datetime(2026, 1, 1)
NAME, KEY = "Leaver-407726351", "ID918273645"
STAGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "open")


class People:
    """A source of the works of a person who leaves and of one who stays."""

    name = "people"
    credits_complete = True

    def __init__(self, platform: str) -> None:
        self.platform = platform

    def parameters(self) -> dict[str, Any]:
        """Return no settings."""
        return {}

    def inputs(self) -> list[Path]:
        """Return no files."""
        return []

    def stage(self, con: Any, progress: Any) -> None:
        """Stage 40 works of either and one of both."""
        stage_records(con, self.records(), progress=progress)

    def records(self) -> Iterator[Record]:
        """Yield the works."""
        for who, shown in ((KEY, NAME), ("other", "Other")):
            yield Artist(self.platform, who, shown)
            for n in range(40):
                yield Upload(self.platform, f"{who[0]}{n}", AT)
                yield Credit(self.platform, f"{who[0]}{n}", who)
        yield Upload(self.platform, "both", AT)
        yield Credit(self.platform, "both", KEY, 2)
        yield Credit(self.platform, "both", "other", 2)


def make(folder: Path, platform: str) -> None:
    """Make the project."""
    with Archive(folder / "raw" / platform / "one", write=True) as kept:
        target = {"artist_id": KEY, "handle": NAME}
        kept.write_plan({"kind": "frame", "source": platform, "targets": [target]})
        shown = {"id": KEY, "userid": KEY, "username": NAME, "name": NAME}
        other = {"id": 2, "username": "Other", "tagline": f"with {NAME}"}
        names = (("usernames[]", NAME), ("usernames[]", "Other"))
        body = json.dumps({"results": [shown, other]}).encode()
        kept.append(Answer(Request("https://x/whois", form=names), "ok", 200, body, AT))
        kept.append(Answer(Request(f"https://x/{NAME}", subject=NAME), "ok", 200, b"{}", AT))
        for n in range(5):
            about = Request(f"https://x/other/{n}", subject="Other")
            kept.append(Answer(about, "ok", 200, b'{"username": "Other"}', AT))
    build_store(folder / "derived" / "s.duckdb", [People(platform)])
    StepCache(folder / "derived" / ".cache").step("panel", [1], lambda: NAME)
    (folder / "derived" / "s.duckdb.building").write_bytes(NAME.encode())


def leave(folder: Path, platform: str) -> None:
    """Forget the person."""
    derived = folder / "derived"
    forget(platform, NAME, raw=folder / "raw", store=derived / "s.duckdb", derived=derived)


def in_child(work: Callable[[], object], *, die_at: int | None = None) -> str:
    """Run in a forked child that kills itself at the n-th stage; return what became of it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        stages = 0

        def count(event: str, given: tuple[Any, ...]) -> None:
            nonlocal stages
            if event not in STAGES or (event == "open" and not _writes(given)):
                return
            stages += 1
            if stages == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            said = f"ok {work()}"
        except BaseException as error:
            said = f"error {type(error).__name__}: {error}"
        os.write(writing, f"{stages} {said}".encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    return told or ("killed" if os.WIFSIGNALED(status) else "nothing")


def _writes(given: tuple[Any, ...]) -> bool:
    _, mode, flags = given
    if mode is not None:
        return any(letter in mode for letter in "wax+")
    return bool(flags & (os.O_WRONLY | os.O_RDWR))


def traces(folder: Path) -> list[str]:
    """Return the files that hold the name or key, unpacked where they are packed."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                content += gzip.decompress(content)
            if any(trace.lower().encode() in content.lower() for trace in (NAME, KEY)):
                found.append(path.name)
    return found


def what_is_left(folder: Path, platform: str) -> str:
    """Count the rows and answers of the one who stays, after one more load of everything."""
    with open_store(folder / "derived" / "s.duckdb", read_only=False) as store:
        store.load(People(platform))
        rows = store.tables()
    archive = Archive(folder / "raw" / platform / "one")
    others = [archive.last(Request(f"https://x/other/{n}", subject="Other")) for n in range(5)]
    kept = sum(one is not None and b"Other" in one.body for one in others)
    whole = not archive.damage
    return f"{rows['artist']} {rows['upload']} {rows['credit']} {kept} {whole}"


def run(moments: int) -> list[dict[str, Any]]:
    """Try every site with its share of the moments; return a row an attempt."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        os.environ[KEY_VARIABLE] = str(Path(name) / "key")
        load_key()  # made once, so that every attempt has as many stages
        for site, platform in enumerate(sites := ("artstation", "deviantart", "danbooru")):
            whole = Path(name) / platform
            in_child(lambda: make(whole, platform))  # noqa: B023 (runs at once)
            stages = int(in_child(lambda: leave(whole, platform)).split()[0])  # noqa: B023
            mine = range(site, moments, len(sites))
            for n in mine:
                at = 1 + round(n * (stages - 1) / max(1, moments - 1))
                folder = Path(name) / f"{platform}{n}"
                in_child(lambda: make(folder, platform))  # noqa: B023
                died = in_child(lambda: leave(folder, platform), die_at=at)  # noqa: B023
                again = in_child(lambda: leave(folder, platform))  # noqa: B023
                # Nothing of the person, and of the other: 40 works, the shared one, 5 answers.
                held = in_child(lambda: what_is_left(folder, platform))  # noqa: B023
                left = traces(folder)
                good = died == "killed" and again.split()[1] == "ok" and not left
                good = good and held.split(maxsplit=1)[1] == "ok 1 41 41 5 True"
                rows.append(
                    {"site": platform, "stage": at, "of": stages, "killed": died == "killed"}
                    | {"went_on": again[:120], "held": held[:120], "traces": " ".join(left)}
                    | {"passed": good}
                )
                shutil.rmtree(folder)
    return rows


def main() -> None:
    """Run the attempts and write what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=60)
    parser.add_argument(
        "--results", type=Path, default=Path(__file__).parent / "results/forget_kills.csv"
    )
    given = parser.parse_args()
    rows = run(given.moments)
    with given.results.open("w", newline="") as out:
        table = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    failed = [row for row in rows if not row["passed"]]
    for row in failed[:10]:
        print(row)
    print(f"{len(rows)} kills, {len(failed)} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
