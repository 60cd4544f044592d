"""The way out for those who want to leave: everywhere at once, or nothing is changed."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from uploadtrends.collect.archive import Archive
from uploadtrends.collect.sites import site_class, site_names
from uploadtrends.errors import CollectError, InputError, StoreError
from uploadtrends.privacy.archives import Cleaning, clean_samples
from uploadtrends.privacy.database import copy_without, remove_drafts
from uploadtrends.privacy.people import in_answers, in_lists, in_store
from uploadtrends.pseudonyms import LEDGER, Ledger, PersonKeys
from uploadtrends.store import Store, open_store
from uploadtrends.store.lock import cannot_write, explain, writer_lock

_EXPORTS = (".parquet", ".csv", ".html", ".json", ".svg", ".png", ".pdf", ".md", ".xlsx")
_OUR_OWN = {"crawl.json", "tombstones.jsonl", LEDGER}
_LARGEST_SEARCHED = 2**30


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What `forget` removed, by name of hash only.

    Attributes
    ----------
    hash : str
        The keyed hash that stands for the person in the ledger.
    rows : dict of str to int
        Rows removed from the store, by table.
    segments : dict of str to str
        Rewritten archive files and their new sha256.
    files : tuple of str
        Samples that were rewritten.
    unreachable : tuple of str
        Exports that were made before and may name or count the person.
    inputs : tuple of str
        Files of the user's own that name the person; only their owner may change them.
    damaged : tuple of str
        Places in archives that cannot be read, and may hold the person.
    steps : int
        Kept results of studies that were dropped.
    """

    platform: str
    hash: str
    rows: dict[str, int]
    segments: dict[str, str]
    files: tuple[str, ...]
    unreachable: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    steps: int = 0

    def summary(self) -> str:
        """Say in plain words what was done, and what remains to be done by hand."""
        rows = ", ".join(f"{n:,} {table} rows" for table, n in self.rows.items() if n)
        lines = [
            f"Forgotten on {self.platform}: {rows or 'no rows'} from the store, "
            f"{len(self.segments)} archive files and {len(self.files)} lists rewritten, "
            f"{self.steps} kept results of studies dropped. Whatever is loaded, collected or run "
            f"later leaves this person out (hash {self.hash})."
        ]
        for title, names in (
            ("Made before, and not changed; make them again or delete them:", self.unreachable),
            ("Your own files that name this person; edit them yourself:", self.inputs),
            (
                "Places in the archive that cannot be read and may hold this person; delete the "
                "crawl if you cannot be sure:",
                self.damaged,
            ),
        ):
            if names:
                lines += [title, *(f"  {name}" for name in names)]
        lines.append("Copies elsewhere (colleagues, backups, publications) cannot be reached.")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def forget(
    platform: str,
    handle: str,
    *,
    raw: str | Path = "data/raw",
    store: str | Path | None = None,
    derived: str | Path = "data/derived",
    key_file: str | Path | None = None,
) -> ForgetReport:
    """Remove an artist from archive, samples, store and kept results, and leave them out for good.

    Every lock is taken before anything is changed. The list of forgotten people comes first, so
    that a run which is killed halfway is finished by the same command and nobody comes back.

    Parameters
    ----------
    platform : str
        A site, or whatever platform the store holds.
    handle : str
        Handle or artist id.
    raw : path
        Folder of the archives, and of the list.
    store : path, optional
        The DuckDB file; it is rewritten whole, since a database keeps deleted rows' bytes.
    derived : path
        Folder of exports, which are named in the report and not touched; results of study steps
        kept there are dropped.
    key_file : path, optional
        Key of the hashes; see `load_key`.

    Raises
    ------
    InputError
        For an unknown platform or an empty name.
    CollectError
        Another process collects, or forgets; nothing has been changed then.
    StoreLockedError
        Another process has the store open; nothing has been changed then.
    """
    if not handle.strip():
        raise InputError("whom to forget? The handle is empty")
    root = Path(raw)
    database = Path(store) if store is not None and Path(store).exists() else None
    with ExitStack() as held:
        held.enter_context(_alone(root))
        ledger = Ledger(root, key_file, near=[database] if database else [])
        ledger.key()
        opened = held.enter_context(_opened(database)) if database else None
        people = _people(platform, opened, root)
        archives = [
            held.enter_context(Archive(path.parent, write=True))
            for path in sorted((root / platform).glob("*/crawl.json"))
        ]
        names = _names(platform, handle, root, opened, archives, people)
        # An export bears pseudonyms of ids as they are written, which may be in capitals.
        written = in_store(opened.connection, platform, names) if opened else set()
        noted = [handle.strip().lower(), *sorted(names | written)]
        stamp = ledger.add(platform, noted)
        if database and database.resolve().parent not in _covered(root):
            Ledger(database.parent, key_file).add(platform, noted)
        test = ledger.test(platform)
        assert test is not None  # noqa: S101 (somebody has just been added)
        cleaning = Cleaning(frozenset(names), test, people, stamp)
        for archive in archives:
            cleaning.clean(archive)
        files = clean_samples(root / platform, test)
        rows: dict[str, int] = {}
        if database and opened:
            known = _raw_files(opened)
            rows = _without(
                opened, database, platform, frozenset(names), test, cleaning.segments, key_file
            )
        else:
            known = []
    places = [Path(derived), *([database.parent] if database else [])]
    return ForgetReport(
        platform,
        stamp,
        rows,
        cleaning.segments,
        files,
        _exports(Path(derived)),
        _inputs(root, known, names),
        tuple(cleaning.damaged),
        _drop_steps(places),
    )


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / "forgetting.lock")
        lock.acquire(blocking=False)
    except Timeout:
        raise CollectError(
            f"another process is forgetting somebody in '{root}'. Fix: wait until it has finished"
        ) from None
    except OSError as error:
        raise cannot_write(root / LEDGER, error) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _opened(path: Path) -> Iterator[Store]:
    with writer_lock(path), open_store(path, read_only=False) as store:
        yield store


def _without(store: Store, path: Path, *given: object) -> dict[str, int]:
    import duckdb

    try:
        return copy_without(store.connection, path, *given)  # type: ignore[arg-type]
    except duckdb.Error as error:
        raise explain(error, path) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        store.close()
        remove_drafts(path)


def _covered(root: Path) -> set[Path]:
    """Return the folders from which the list under `root` is found; see `ledgers_near`."""
    return {root.resolve(), root.resolve().parent, root.resolve().parent / "derived"}


def _people(platform: str, store: Store | None, root: Path) -> PersonKeys:
    if platform in site_names():
        return site_class(platform).people
    known = {
        row[0]
        for row in (
            store.sql(
                "SELECT DISTINCT platform FROM (SELECT platform FROM artist UNION ALL "
                "SELECT platform FROM credit UNION ALL SELECT platform FROM upload)"
            ).fetchall()
            if store
            else ()
        )
    }
    if platform not in known | {path.name for path in root.glob("*/") if path.is_dir()}:
        raise InputError(
            "no collector for this site, and the store holds no such platform",
            value=platform,
            fix=f"one of {', '.join(sorted({*site_names(), *known}))}",
        )
    return PersonKeys()


def _names(
    platform: str,
    handle: str,
    root: Path,
    store: Store | None,
    archives: list[Archive],
    people: PersonKeys,
) -> set[str]:
    """Return every name and id of the person, in lower case, from all places that pair them."""
    names, before = {handle.strip().lower()}, set[str]()
    while names != before:
        before = set(names)
        if store is not None:
            names |= {name.lower() for name in in_store(store.connection, platform, names)}
        names |= in_lists(root / platform, names)
        names |= in_answers(archives, names, people)
    return names


def _raw_files(store: Store) -> list[Path]:
    rows = store.sql("SELECT raw_path FROM crawl").fetchall()
    return [Path(path) for (paths,) in rows for path in paths or []]


def _exports(derived: Path) -> tuple[str, ...]:
    return tuple(str(path) for path in sorted(derived.rglob("*")) if path.suffix in _EXPORTS)


def _inputs(root: Path, known: Iterable[Path], names: Iterable[str]) -> tuple[str, ...]:
    """Return files that are not ours and hold one of the names as a whole word."""
    pattern = re.compile(
        rb"(?<![\w-])(" + b"|".join(re.escape(name.encode()) for name in names) + rb")(?![\w-])",
        re.I,
    )
    files = {path.resolve() for path in known} | {path.resolve() for path in root.rglob("*")}
    return tuple(
        str(path)
        for path in sorted(files)
        if path.is_file() and path.name not in _OUR_OWN and not path.name.endswith(".jsonl.gz")
        if _holds(path, pattern)
    )


def _holds(path: Path, pattern: re.Pattern[bytes]) -> bool:
    try:
        size = path.stat().st_size
        if not 0 < size <= _LARGEST_SEARCHED:
            return False
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return pattern.search(text) is not None
    except OSError:
        return False


def _drop_steps(places: Iterable[Path]) -> int:
    """Drop the kept results of studies: panels hold artists."""
    dropped = 0
    for place in places:
        for kept in place.rglob(".cache/*"):
            if kept.suffix in (".step", ".pickle", ".part"):
                try:
                    kept.unlink(missing_ok=True)
                except OSError as error:
                    raise StoreError(f"cannot remove '{kept}': {error.strerror}") from error
                dropped += 1
    return dropped
