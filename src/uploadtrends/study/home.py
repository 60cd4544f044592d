"""Where a study's results lie, and how new ones take the place of the old: all of them, or none."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uploadtrends.errors import InputError
from uploadtrends.store.lock import writer_lock

log = logging.getLogger(__name__)

DERIVED = Path("data/derived")
MANIFEST = "manifest.json"
BESIDE = ".new-"
"""Folders in which a run writes; one that is left over is of a run that was stopped."""
PLAN = "plan.json"
"""In such a folder: what takes which place. Written last, so that it is whole or not there."""


@dataclass(frozen=True)
class Home:
    """The folder of a study, and where one run of it writes.

    Parameters
    ----------
    work : Path
        Holds the store and the cache of steps, which every run of the study shares.
    out : Path
        Holds the results.
    """

    work: Path
    out: Path

    @classmethod
    def of(
        cls, name: str, date: str = "", home: Path | None = None, out: Path | None = None
    ) -> Home:
        """Return the home of a study.

        Parameters
        ----------
        name : str
            Of the study: its folder is ``data/derived/<name>``, or ``data/derived`` itself where
            the results of this study lie there.
        date : str
            A date added for this run: its results go to ``events/<date>`` in the folder.
        home : Path, optional
            The study's folder.
        out : Path, optional
            Where to write exactly.
        """
        if home is None and out is not None:
            return cls(out, out)
        if home is None:
            there = told(DERIVED).get("study") == name
            home = DERIVED if there else DERIVED / folder_name(name)
        added = home / "events" / date.replace("/", "_to_").replace(":", "") if date else home
        return cls(home, out if out is not None else added)

    def refuse_another(self, name: str, file: str | None) -> None:
        """Refuse to write over what another study left here.

        Raises
        ------
        InputError
            If one of the folders holds another study, or is no folder.
        """
        for folder in dict.fromkeys((self.out, self.work)):
            refuse_another(folder, name, file)


def folder_name(name: str) -> str:
    """Return a study's name as that of a folder."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    return kept.strip("-.") or "study"


def refuse_another(folder: Path, name: str, file: str | None) -> None:
    """Raise `InputError` if a folder holds the results of another study, or is no folder."""
    if folder.exists() and not folder.is_dir():
        raise InputError(
            "results are written into a folder, and this is none",
            file=folder,
            fix="name a folder with --out",
        )
    earlier = told(folder)
    other, its_file = earlier.get("study"), earlier.get("study_file")
    same_file = file is None or its_file is None or its_file == file
    if other is None or (other == name and same_file):
        return
    whose = f"'{other}'" if other != name else f"'{other}' of {its_file}"
    raise InputError(
        f"the folder holds the results of another study, {whose}",
        file=folder,
        value=name,
        fix="name another folder with --out, or say --replace (in Python: replace=True)",
    )


def told(folder: Path) -> dict[str, Any]:
    """Return what the manifest in a folder says; empty where there is none that can be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def written_beside(folder: Path) -> Iterator[Path]:
    """Give a folder to write into; what lies there at the end takes its place in `folder` at once.

    The manifest goes last. Files of the earlier run that the new one did not write are removed,
    files of the user's stay. If anything fails, the earlier results stay as they are; if the
    process is killed while files change places, `settle` brings that to its end.

    Yields
    ------
    Path
        An empty folder beside the results.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with writer_lock(folder / ".results", wait=60.0):
        _settle(folder)
        beside = Path(tempfile.mkdtemp(prefix=BESIDE, dir=folder))
        try:
            yield beside
            _plan(folder, beside)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        _carry_out(folder, beside)


def settle(folder: Path) -> None:
    """Finish or undo what a run that was killed left in a folder of results."""
    if folder.is_dir() and any(folder.glob(f"{BESIDE}*")):
        with writer_lock(folder / ".results", wait=60.0):
            _settle(folder)


def _settle(folder: Path) -> None:
    for beside in folder.glob(f"{BESIDE}*"):
        if (beside / PLAN).exists():
            _carry_out(folder, beside)
        else:
            shutil.rmtree(beside, ignore_errors=True)


def _plan(folder: Path, beside: Path) -> None:
    new = sorted(p.relative_to(beside).as_posix() for p in beside.rglob("*") if p.is_file())
    new.sort(key=lambda name: name == MANIFEST)
    earlier = told(folder).get("files", [])
    stale = [str(name) for name in earlier if str(name) not in set(new)]
    growing = beside / f"{PLAN}.part"
    with growing.open("w", encoding="utf-8") as stream:
        json.dump({"new": new, "stale": stale}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    growing.replace(beside / PLAN)


def _carry_out(folder: Path, beside: Path) -> None:
    plan: Mapping[str, list[str]] = json.loads((beside / PLAN).read_text(encoding="utf-8"))
    for name in plan["new"]:
        source, target = beside / name, folder / name
        if source.exists():  # else it took its place before the process was killed
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
    for name in plan["stale"]:
        stale = (folder / name).resolve()
        if stale.is_relative_to(folder.resolve()) and stale.is_file():
            stale.unlink()
            log.info("'%s' is of an earlier run and was removed", stale)
            if not any(stale.parent.iterdir()):
                stale.parent.rmdir()
    shutil.rmtree(beside, ignore_errors=True)
