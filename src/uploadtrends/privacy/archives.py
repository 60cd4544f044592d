"""A person taken out of the archived answers, the plans of crawls and the samples."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from uploadtrends.collect.archive import Archive, packed, unpacked, write_atomically
from uploadtrends.pseudonyms import PersonKeys, prune, without_names


@dataclass(slots=True)
class Cleaning:
    """What tells the person in an archive, and what was done about it."""

    names: frozenset[str]
    test: Callable[[str], bool]
    people: PersonKeys
    stamp: str
    removed: int = 0
    segments: dict[str, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    def clean(self, archive: Archive) -> None:
        """Rewrite the segments that hold the person, and the plan."""
        self.removed = 0
        changed = archive.rewrite(self._changed)
        self.damaged += [f"{archive.folder.name}/{what}" for what in archive.damage]
        plan = archive.read_plan()
        targets = plan.get("targets", [])
        kept = [row for row in targets if not self._is(row["handle"], row["artist_id"])]
        if len(kept) < len(targets):
            archive.write_plan(plan | {"targets": kept})
        if changed:
            self._entomb(archive.folder, changed)
        self.segments |= {str(archive.folder / name): digest for name, digest in changed.items()}

    def _is(self, *names: object) -> bool:
        return any(self.test(str(name)) for name in names if name)

    def _entomb(self, folder: Path, changed: dict[str, str]) -> None:
        tombstone = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "forgotten": self.stamp,
            "answers_removed": self.removed,
            "sha256": changed,
        }
        with (folder / "tombstones.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(tombstone) + "\n")

    def _changed(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        if entry["subject"] and self.test(entry["subject"]):
            self.removed += 1
            return None
        after = self._words(entry)
        body = unpacked(entry)
        kept = self._body(body)
        if kept == body:
            return after
        bare = {name: value for name, value in after.items() if name not in ("body", "base64")}
        return bare | packed(kept)

    def _words(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Take the person out of questions that were about many, and out of headers."""
        found = {name: self._text(entry[name]) for name in ("key", "url", "detail", "subject")} | {
            "headers": {name: self._text(value) for name, value in entry["headers"].items()}
        }
        same = all(entry[name] == value for name, value in found.items())
        return entry if same else entry | found

    def _text(self, text: str) -> str:
        if not self._may_hold(text):
            return text
        # Addresses are written with percent signs; only a name in them is worth rewriting them.
        plain = unquote(text)
        bare = without_names(plain, self.test)
        return text if bare == plain else bare

    def _may_hold(self, text: str) -> bool:
        lowered = unquote(text).lower()
        return any(name in lowered for name in self.names)

    def _body(self, body: bytes) -> bytes:
        kept = prune(body, self.test, self.people)
        try:
            text = kept.decode("utf-8")
        except UnicodeDecodeError:
            return kept
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError):
            if not self._may_hold(text):
                return kept
            bare = without_names(text, self.test)
            return kept if bare == text else bare.encode()
        if not self._may_hold(json.dumps(payload, ensure_ascii=False)):
            return kept
        bare = self._values(payload)
        return kept if bare == payload else json.dumps(bare).encode()

    def _values(self, value: Any) -> Any:
        """Take the names out of all texts of a payload; what the payload calls its parts stays."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._values(one) for one in value]
        if isinstance(value, dict):
            return {name: self._values(one) for name, one in value.items()}
        return value


def clean_samples(root: Path, test: Callable[[str], bool]) -> tuple[str, ...]:
    """Take the person out of samples; return the files that were rewritten."""
    changed: list[str] = []
    for path in sorted(root.glob("samples/*.csv")):
        reader = csv.DictReader(io.StringIO(path.read_text("utf-8")))
        rows = list(reader)
        kept = [row for row in rows if not (test(row["handle"]) or test(row["artist_id"]))]
        if len(kept) < len(rows):
            out = io.StringIO()
            writer = csv.DictWriter(out, reader.fieldnames or [], lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
            write_atomically(path, out.getvalue().encode())
            changed.append(str(path))
    return tuple(changed)
