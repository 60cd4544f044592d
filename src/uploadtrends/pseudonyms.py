"""Names that stand in for artists, and the list of those who asked to be forgotten."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from uploadtrends.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class PersonKeys:
    """How a site's answers name people.

    Parameters
    ----------
    objects : mapping of str to sequence of str
        The key that marks an object as a person, and the keys whose values name that person.
    tags : sequence of str
        Keys of blank-separated tags among which people stand; the first lists a work's artists.
    """

    objects: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tags: Sequence[str] = ()

    def __or__(self, other: PersonKeys) -> PersonKeys:
        objects = {**self.objects}
        for mark, names in other.objects.items():
            objects[mark] = tuple(dict.fromkeys([*objects.get(mark, ()), *names]))
        return PersonKeys(objects, tuple(dict.fromkeys([*self.tags, *other.tags])))


ANYWHERE = PersonKeys(
    {"username": ("username", "id"), "user_id": ("user_id",), "handle": ("handle",)}
)
"""What names a person on whatever site; each site adds its own."""


def default_key_path() -> Path:
    """Return where the key lies when no other place is given: outside every data folder."""
    return Path.home() / ".config" / "uploadtrends" / "pseudonym.key"


def load_key(path: str | Path | None = None) -> bytes:
    """Return the secret key of the pseudonyms, making one of 32 random bytes when absent.

    Parameters
    ----------
    path : path, optional
        The key file, mode 600. It is never exported; whoever has it can test guesses of names.

    Raises
    ------
    ConfigurationError
        When others can read the file, or it holds no key.
    """
    path = Path(path) if path is not None else default_key_path()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        try:
            os.link(draft, path)  # whoever comes second keeps the first one's key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise ConfigurationError(
            f"the key '{path}' can be read by others (mode {mode:o}). Fix: chmod 600 '{path}'"
        )
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) < 16:
        raise ConfigurationError(f"'{path}' holds no key. Fix: remove it; a new one will be made")
    return key


def pseudonym(key: bytes, platform: str, artist_id: str) -> str:
    """Return 16 hex digits that stand for an artist (HMAC-SHA256 of platform and id)."""
    message = f"{platform}\0{artist_id}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:16]


class Ledger:
    """Those who asked to be forgotten, by keyed hash only (`forgotten.jsonl` beside the data)."""

    def __init__(self, raw: Path, key_file: str | Path | None = None) -> None:
        self.path = raw / "forgotten.jsonl"
        self._key_file = key_file
        self._hashes: set[str] = set()
        if self.path.exists():
            for line in self.path.read_text("utf-8").splitlines():
                self._hashes.update(json.loads(line)["hashes"])

    def add(self, platform: str, names: list[str]) -> str:
        """Note a person under every name and id known; return the first hash."""
        key = load_key(self._key_file)
        hashes = [pseudonym(key, platform, name.lower()) for name in names]
        if not self._hashes.issuperset(hashes):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"platform": platform, "hashes": hashes}) + "\n")
            self._hashes.update(hashes)
        return hashes[0]

    def test(self, platform: str) -> Callable[[str], bool] | None:
        """Return what tells whether a name or id is to be forgotten; None when nobody is."""
        if not self._hashes:
            return None
        key = load_key(self._key_file)

        @lru_cache(maxsize=100_000)
        def forgotten(name: str) -> bool:
            return pseudonym(key, platform, name.lower()) in self._hashes

        return forgotten


def prune(body: bytes, forgotten: Callable[[str], bool], people: PersonKeys = ANYWHERE) -> bytes:
    """Take people out of a JSON answer; anything that is not JSON is returned as it is.

    Entries of a list that are a person, or have one as `user` or `author`, are dropped; a person's
    tag is taken out of the tag strings of works, and a work that was theirs alone is dropped.

    Parameters
    ----------
    body : bytes
        The answer.
    forgotten : callable
        From `Ledger.test`.
    people : PersonKeys
        How the site names people, beside what `ANYWHERE` says.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return body
    kept = _Pruning(forgotten, ANYWHERE | people).pruned(payload)
    if kept == payload:
        return body
    return json.dumps(kept, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class _Pruning:
    forgotten: Callable[[str], bool]
    people: PersonKeys

    def pruned(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.pruned(one) for one in value if not self._is_about(one)]
        if isinstance(value, dict):
            if self._is_person(value):
                return {}
            return {
                name: " ".join(tag for tag in one.split() if not self.forgotten(tag))
                if name in self.people.tags and isinstance(one, str)
                else self.pruned(one)
                for name, one in value.items()
            }
        return value

    def _is_about(self, value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        if any(self._is_person(one) for one in (value, value.get("user"), value.get("author"))):
            return True
        tags = self.people.tags
        artists = str(value.get(tags[0]) or "").split() if tags else []
        return bool(artists) and all(self.forgotten(name) for name in artists)

    def _is_person(self, value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        keys = [key for mark, keys in self.people.objects.items() if mark in value for key in keys]
        names = [value.get(key) for key in keys]
        return any(
            self.forgotten(str(name)) for name in names if isinstance(name, str | int) and str(name)
        )
