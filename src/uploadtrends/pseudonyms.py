"""Names that stand in for artists, and the list of those who asked to be forgotten."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from uploadtrends.errors import ConfigurationError, explain_os


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


KEY_VARIABLE = "UPLOADTRENDS_KEY_FILE"


def default_key_path() -> Path:
    """Return where the key lies when no other place is given: outside every data folder."""
    named = os.environ.get(KEY_VARIABLE)
    return Path(named) if named else Path.home() / ".config" / "uploadtrends" / "pseudonym.key"


def load_key(path: str | Path | None = None, *, make: bool = True) -> bytes:
    """Return the secret key of the pseudonyms, making one of 32 random bytes when absent.

    Parameters
    ----------
    path : path, optional
        The key file, mode 600. It is never exported; whoever has it can test guesses of names.
    make : bool
        Whether a missing key is made.

    Raises
    ------
    ConfigurationError
        When others can read the file, or it holds no key.
    """
    path = Path(path) if path is not None else default_key_path()
    if not path.exists():
        if not make:
            raise ConfigurationError(
                f"the key '{path}' is missing, and people are listed to be forgotten under it. "
                f"Fix: restore it, or name it with --key-file or the variable {KEY_VARIABLE}"
            )
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
    except OSError as error:
        raise ConfigurationError(f"the key: {explain_os(error)}") from None
    except ValueError:
        key = b""
    if len(key) < 16:
        raise ConfigurationError(f"'{path}' holds no key. Fix: remove it; a new one will be made")
    return key


def pseudonym(key: bytes, platform: str, artist_id: str) -> str:
    """Return 16 hex digits that stand for an artist (HMAC-SHA256 of platform and id)."""
    # Half a surrogate pair is a name that a site can send, if no name a person can have.
    message = f"{platform}\0{artist_id}".encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:16]


LEDGER = "forgotten.jsonl"
_ABOVE = 4  # folders above a store or a file in which a ledger is looked for
_WORDS = re.compile(r"[^\s/\\'\"(),:;=&?#<>\[\]{}|]+")


def ledgers_near(places: Iterable[Path]) -> list[Path]:
    """Return the ledgers that hold for files at these places, or for those in ``data/raw`` here.

    A ledger holds for everything in its own folder and in the folders beside and above it that make
    up one project: ``raw/forgotten.jsonl`` is found from ``derived/uploads.duckdb``.
    """
    found: dict[Path, None] = {}
    folders = [Path("data").resolve()]
    for place in places:
        start = place.resolve()
        folders += [start, *list(start.parents)[:_ABOVE]]
    for folder in dict.fromkeys(folders):
        for inside in ("", "raw", "data/raw"):
            path = folder / inside / LEDGER
            if path.is_file():
                found[path] = None
    return list(found)


class Ledger:
    """Those who asked to be forgotten, by keyed hash only (`forgotten.jsonl` beside the data).

    Parameters
    ----------
    raw : Path
        The folder of the ledger that `add` writes to; it is read as well.
    key_file : path, optional
        Key of the hashes; see `load_key`.
    near : iterable of Path
        Places whose ledgers are read, too; see `ledgers_near`.

    Raises
    ------
    ConfigurationError
        A ledger cannot be read.
    """

    def __init__(
        self, raw: Path, key_file: str | Path | None = None, *, near: Iterable[Path] = ()
    ) -> None:
        self.path = raw / LEDGER
        self._key_file = key_file
        self._hashes: dict[str, set[str]] = {}
        self._checks: dict[str, Path] = {}
        paths = {path.resolve(): path for path in (self.path, *ledgers_near(near))}
        for path in paths.values():
            self._read(path)

    @classmethod
    def beside(cls, places: Iterable[Path], key_file: str | Path | None = None) -> Ledger:
        """Return what all ledgers near some places say."""
        places = list(places)
        return cls(places[0].parent if places else Path(), key_file, near=places)

    def __bool__(self) -> bool:
        return any(self._hashes.values())

    @property
    def platforms(self) -> tuple[str, ...]:
        """Platforms on which somebody asked to be forgotten."""
        return tuple(sorted(self._hashes))

    def digest(self) -> str:
        """Return a hash of who is in the ledger; "" when nobody is."""
        if not self:
            return ""
        lines = sorted({f"{name} {one}" for name, all_ in self._hashes.items() for one in all_})
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _read(self, path: Path) -> None:
        if not path.exists():
            return
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the list of forgotten people '{path}' cannot be read ({error}), so nobody can be "
                "left out. Fix: restore it from a backup; do not remove it"
            ) from None
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                self._hashes.setdefault(str(entry["platform"]), set()).update(entry["hashes"])
                check = entry.get("key")
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise ConfigurationError(
                    f"line {number} of the list of forgotten people '{path}' is damaged, so it "
                    "cannot be told who must be left out. Fix: restore the file from a backup, or "
                    "take the line out and run `uploadtrends forget` for that person again"
                ) from None
            if isinstance(check, str):
                self._checks[check] = path

    def key(self) -> bytes:
        """Return the key of the hashes.

        Raises
        ------
        ConfigurationError
            The ledger was written with another key: names could be tested, but none would match.
        """
        key = load_key(self._key_file, make=not self._checks)
        for check, path in self._checks.items():
            if check != check_value(key):
                used = self._key_file or default_key_path()
                raise ConfigurationError(
                    f"'{path}' lists people to be forgotten under another key than '{used}', and "
                    "without that key they would come back. Fix: give the key that was used, with "
                    f"--key-file or the variable {KEY_VARIABLE}"
                )
        return key

    def add(self, platform: str, names: Iterable[str]) -> str:
        """Note a person under every name and id known; return the first hash."""
        key = self.key()
        names = list(dict.fromkeys(names))
        hashes = [pseudonym(key, platform, name.lower()) for name in names]
        # An export bears the pseudonym of an id as it is written; loaded again, it is known, too.
        hashes += [pseudonym(key, platform, name) for name in names]
        hashes = list(dict.fromkeys(hashes))
        if not self._hashes.get(platform, set()).issuperset(hashes):
            entry = {"platform": platform, "hashes": hashes, "key": check_value(key)}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
                file.flush()
                os.fsync(file.fileno())
            self._hashes.setdefault(platform, set()).update(hashes)
            self._checks[check_value(key)] = self.path
        return hashes[0]

    def test(self, platform: str) -> Callable[[str], bool] | None:
        """Return what tells whether a name or id is to be forgotten; None when nobody is."""
        hashes = self._hashes.get(platform)
        if not hashes:
            return None
        key = self.key()

        @lru_cache(maxsize=100_000)
        def forgotten(name: str) -> bool:
            return name in hashes or pseudonym(key, platform, name.lower()) in hashes

        return forgotten


def check_value(key: bytes) -> str:
    """Return what tells a key from another without telling the key."""
    return hmac.new(key, b"uploadtrends ledger", hashlib.sha256).hexdigest()[:16]


FORGOTTEN = "[forgotten]"


def without_names(text: str, forgotten: Callable[[str], bool]) -> str:
    """Return the text with `FORGOTTEN` for every whole word that names a forgotten person."""

    def told(word: re.Match[str]) -> str:
        bare = word[0].strip(".!*`~")
        return FORGOTTEN if forgotten(word[0]) or (bare and forgotten(bare)) else word[0]

    return _WORDS.sub(told, text)


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
    return json.dumps(kept).encode()  # escapes, which half a surrogate pair survives


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
