"""What a crawl was asked to do (`crawl.json`), and whom it visits."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from uploadtrends.collect.archive import read_plan
from uploadtrends.collect.sites import site_class
from uploadtrends.collect.text import clean
from uploadtrends.collect.visit import Target
from uploadtrends.errors import InputError

SAMPLE_COLUMNS = (
    "platform",
    "artist_id",
    "handle",
    "frame",
    "draw",
    "inclusion_probability",
    "design_weight",
    "followers",
)


def now_text() -> str:
    """Return the present moment as it stands in plans."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def day_text(day: str | date | None) -> str | None:
    """Return a day as it stands in plans.

    Raises
    ------
    InputError
        When a text is not an ISO date.
    """
    if day is None or isinstance(day, date):
        return day.isoformat() if day else None
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise InputError("not a day", value=day, fix="write it as 2022-08-22") from None


def new_folder(root: Path, prefix: str = "") -> Path:
    """Return the folder of a crawl that begins now."""
    name = prefix + datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder, n = root / name, 1
    while folder.exists():
        n += 1
        folder = root / f"{name}-{n}"
    return folder


def new_plan(
    kind: str, source: str, crawl: str, settings: dict[str, Any], targets: list[Target]
) -> dict[str, Any]:
    """Return the plan of a crawl that begins now."""
    return {
        "kind": kind,
        "source": source,
        "crawl": crawl,
        "started_at": now_text(),
        "status": "incomplete",
        "settings": settings,
        "targets": [asdict(target) for target in targets],
    }


def unfinished(root: Path, settings: dict[str, Any], targets: list[Target]) -> Path | None:
    """Return the newest crawl that was begun with the same arguments and is not complete."""
    for path in sorted(root.glob("*/crawl.json"), reverse=True):
        plan = read_plan(path)
        if plan.get("status") != "complete" and not _difference(plan, settings, targets):
            return path.parent
    return None


def check_plan(
    plan: dict[str, Any], settings: dict[str, Any], targets: list[Target], folder: Path
) -> None:
    """Refuse to go on with a crawl under other arguments than it was begun with.

    Raises
    ------
    InputError
        Naming what differs.
    """
    difference = _difference(plan, settings, targets)
    if difference:
        raise InputError(
            f"this crawl was begun with other {difference}",
            file=folder,
            fix="give the same arguments, or another name with --crawl",
        )


def _difference(
    plan: dict[str, Any], settings: dict[str, Any], targets: list[Target]
) -> str | None:
    if plan.get("kind") != "histories":
        return "kind"
    known = plan.get("settings", {})
    # The address of a demo server changes with every start of it.
    changed = [name for name in settings if name != "server" and known.get(name) != settings[name]]
    if changed:
        return ", ".join(changed)
    # Those who were forgotten since are missing from the plan.
    planned = {row["handle"] for row in plan.get("targets", [])}
    return None if planned <= {target.handle for target in targets} else "artists"


def targets_of(
    root: Path, source: str, artists: str | Path | Iterable[Target | str] | None
) -> list[Target]:
    """Return the artists to visit from whatever names them.

    Raises
    ------
    InputError
        When nobody is named, or a file cannot be read.
    """
    if artists is None:
        samples = sorted((root / "samples").glob("*.csv"), key=lambda path: path.stat().st_mtime)
        if not samples:
            raise InputError(
                "nobody to visit",
                file=root / "samples",
                fix=f"draw a sample first (uploadtrends sample {source}), or give --artists FILE",
            )
        artists = samples[-1]
    targets = (
        read_targets(Path(artists), source)
        if isinstance(artists, str | Path)
        else [one if isinstance(one, Target) else Target("", one) for one in artists]
    )
    if not targets:
        raise InputError("nobody to visit: the list of artists is empty")
    targets = [replace(one, handle=handle_in(clean(one.handle), source)) for one in targets]
    known = _known_ids(root)
    targets = [
        one if one.artist_id else replace(one, artist_id=known.get(one.handle.lower(), ""))
        for one in targets
    ]
    distinct = {(target.artist_id, target.handle.lower()): target for target in targets}
    return list(distinct.values())


def handle_in(text: str, source: str) -> str:
    """Return the handle in what a user wrote, who may have copied the address of a profile.

    Raises
    ------
    InputError
        For an address that names no artist of this site.
    """
    text = text.strip(" \t\u00a0\u200b\ufeff")
    ways = getattr(site_class(source), "addresses", "")
    found = re.fullmatch(ways, text, re.I) if ways else None
    if found:
        return unquote(next(filter(None, found.groups())))
    if "://" in text:
        raise InputError(
            f"no address of an artist on {source}",
            column="handle",
            value=re.sub("//[^/@]*@", "//", text.partition("?")[0]),  # no password, no token
            fix="give handles, one a line, as they stand in the address of a profile",
        )
    return text


def _known_ids(root: Path) -> dict[str, str]:
    """Return the ids that earlier crawls found for handles; an account that left has no other."""
    known: dict[str, str] = {}
    for path in sorted(root.glob("*/crawl.json")):
        for row in read_plan(path).get("targets", []):
            if row["artist_id"]:
                known[row["handle"].lower()] = row["artist_id"]
    return known


def read_targets(path: Path, source: str) -> list[Target]:
    """Read a sample file, or a text file with one handle a line (``#`` begins a comment).

    Raises
    ------
    InputError
        When the file is missing, is for another platform or has unusable rows.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read the list of artists: {error}", file=path, fix="save it as text in UTF-8"
        ) from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or "handle" not in next(csv.reader(lines[:1])):
        handles = [line.partition("#")[0].strip() for line in lines]
        handles = [handle for handle in handles if handle]
        if handles and re.search(r"[,\t]|\w;\w", handles[0]):
            raise InputError(
                "a table without a column 'handle'",
                file=path,
                value=handles[0][:80],
                fix="name that column 'handle' and separate by commas, or give one handle a line",
            )
        return [Target("", handle) for handle in handles]
    return [
        _target(row, path, number, source)
        for number, row in enumerate(csv.DictReader(lines), start=2)
    ]


def _target(row: dict[str, str], path: Path, number: int, source: str) -> Target:
    place = f"{path}, line {number}"
    if row.get("platform") not in (None, "", source):
        raise InputError(
            "this sample is of another platform", file=place, value=row["platform"], fix=source
        )
    if not (row.get("handle") or "").strip():
        raise InputError(
            "an artist without a handle", file=place, column="handle", fix="fill it in"
        )
    handle, artist_id = row["handle"].strip(), (row.get("artist_id") or "").strip()
    is_number = artist_id != handle  # where names are ids, "7.0" may be one
    if is_number:
        artist_id = re.sub(r"(?<=^\d)(\d*)\.0+$", r"\1", artist_id)
    if is_number and re.fullmatch(r"\d+\.\d+|[\d.]+[eE]\+?\d+", artist_id):
        raise InputError(
            "an id that was rounded",
            file=place,
            column="artist_id",
            value=artist_id,
            fix="write all of its digits (as text, from a spreadsheet), or leave it empty",
        )

    def number_in(column: str, kind: type[int] | type[float]) -> Any:
        text = (row.get(column) or "").strip()
        try:
            number = kind(text) if text else None
            most = 1 if column == "inclusion_probability" else sys.float_info.max
            if kind is float and number is not None and not 0 < number <= most:
                raise ValueError
        except ValueError:
            fix = "1000 or .05, without marks for thousands; weights above 0, probabilities up to 1"
            raise InputError(
                "not a number that can be here", file=place, column=column, value=text, fix=fix
            ) from None
        return number

    return Target(
        artist_id=artist_id,
        handle=handle,
        frame=row.get("frame") or None,
        draw=number_in("draw", int),
        inclusion_probability=number_in("inclusion_probability", float),
        design_weight=number_in("design_weight", float),
        followers=number_in("followers", int),
    )


def sample_text(source: str, targets: list[Target]) -> str:
    """Return a sample as the CSV that `read_targets` reads."""
    import io

    assert {field.name for field in fields(Target)} == set(SAMPLE_COLUMNS) - {"platform"}  # noqa: S101
    out = io.StringIO()
    writer = csv.DictWriter(out, SAMPLE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for target in targets:
        writer.writerow({"platform": source, **asdict(target)})
    return out.getvalue()
