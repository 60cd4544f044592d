"""Is a row ever lost? Random tables in every form, with every damage, against a count of our own.

    python validation/loading.py --examples 20000
    python validation/loading.py --first 10000 --examples 10000    # beside it, in a second process

Each example writes a table whose number of records is known from the writing, damages the file (an
open quotation mark anywhere, a cut, mixed line ends, an odd zone, ...), loads it with no limit on
rejects and asks that loaded + folded + rejected is that number, or that the load is refused. Files
that are whole must load, with exactly the works that were written; so must files whose stray marks
are closed and files with mixed line ends. Results, with the share that is refused by form and
damage, go to results/loading.csv, one row a form, damage and stretch of 500 examples; what stands
there with the same seed is not done again (`--fresh` does it anew), so that a run that was broken
off goes on, and several processes share the work.
"""

from __future__ import annotations

import argparse
import bz2
import csv
import fcntl
import gzip
import io
import json
import lzma
import os
import random
import sqlite3
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import zstandard

from uploadtrends.errors import UploadTrendsError
from uploadtrends.sources import Table
from uploadtrends.store import Store, open_store

MAPPING = {"upload_id": "id", "artist_id": "artist", "published_at": "date"}
COLUMNS = ("id", "artist", "date", "title")
_PARTS = (
    *(
        "a",
        "Sunset",
        " ",
        ",",
        ";",
        "\t",
        '"',
        '""',
        "'",
        "\n",
        "\r\n",
        "é",
        "東京",
        "😀",
        "{",
        "[",
    ),
    *("2021", "2020-01-01", "\\", "|", "x,y", '"quoted"', "1,a,2020-01-01,t", "\n2,b,2021-02-03"),
)
_ZONES = (" 10:00 PDT", " 23:30:00 -0500", "T10:00:00+09:00", " 5:00 AM")
_STRAY = (
    '"a 24" brush',
    '"a 24" brush"',
    '"a 24" brush, blue"',
    '"she, too, said "hi" twice"',
    '""hi", she said"',
)
"""What a program that does not double marks makes of marks in a title."""
TEXTS = {
    # Delimiter, and whether the header and the rows are quoted throughout.
    "csv": (",", False, False),
    "csv quoted": (",", True, True),
    "csv quoted header": (",", True, False),
    "semicolons": (";", False, False),
    "semicolons quoted": (";", True, True),
    "pipes": ("|", False, False),
    "tsv": ("\t", False, False),
    "tsv quoted": ("\t", True, True),
    "tsv quoted rows": ("\t", False, True),
    "tsv as needed": ("\t", False, False),
}
LINES = ("json lines",)
DOCUMENTS = ("array", "pretty array", "envelope", "lines with commas")
BINARY = ("parquet", "feather", "sqlite", "excel")
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}
KINDS = ("loaded", "refused", "wrong")
CHUNK = 500
MUST_LOAD = ("none", "closed quote", "mixed line ends", "odd zone", "blank lines")


@dataclass(frozen=True)
class Example:
    """A file's name and bytes, the records in it, and the works that were written, with artists."""

    form: str
    damage: str
    name: str
    data: bytes
    records: int
    works: set[tuple[str, str]]


def _zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("works.csv", data)
    return out.getvalue()


PACKERS["zip"] = _zipped


def random_rows(rng: random.Random, *, plain: bool) -> list[dict[str, str]]:
    """Return rows; `plain` titles hold nothing that would have to be quoted."""
    parts = [part for part in _PARTS if not set(part) & set(',;\t"\n\r|')] if plain else _PARTS
    rows = []
    for n in range(rng.randint(1, 40)):
        date = f"20{rng.randint(10, 24)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        title = "".join(rng.choices(parts, k=rng.randint(0, 6)))
        rows.append(
            {"id": f"w{n}", "artist": f"a{rng.randint(0, 5)}", "date": date, "title": title}
        )
        if rng.random() < 0.05:
            rows.append(dict(rows[-1]))  # a repeat
        if rng.random() < 0.05:
            rows.append(rows[-1] | {"id": f"bad{n}", "date": "soon"})
    return rows


def written(rng: random.Random, form: str, rows: list[dict[str, str]]) -> list[str]:
    """Return a text form as pieces, header first, one a record."""
    delimiter, *throughout = TEXTS[form]
    ending = rng.choice(["\n", "\r\n"])
    pieces: list[str] = []
    for cells in (COLUMNS, *(row.values() for row in rows)):
        out = io.StringIO()
        quoting = csv.QUOTE_ALL if throughout[bool(pieces)] else csv.QUOTE_MINIMAL
        csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ending).writerow(cells)
        pieces.append(out.getvalue())
    return pieces


def example(rng: random.Random) -> Example:
    """Return one random example."""
    form = rng.choice((*TEXTS, *LINES, *DOCUMENTS, *BINARY))
    rows = random_rows(rng, plain=form == "tsv")
    works = {(row["id"], row["artist"]) for row in rows if row["id"].startswith("w")}
    if form in TEXTS:
        return _text_example(rng, form, rows, works)
    if form in BINARY:
        data = _binary(form, rows)
        damage = rng.choice(("none", "cut"))
        if damage == "cut":
            data = data[: rng.randrange(1, len(data))]
        return Example(form, damage, form, data, len(rows), works)
    pieces = [json.dumps(row, ensure_ascii=rng.random() < 0.5) for row in rows]
    if form == "json lines":
        return _lines_example(rng, pieces, works)
    text = {
        "array": "[" + ", ".join(pieces) + "]",
        "pretty array": json.dumps(rows, indent=2),
        "envelope": json.dumps({"total": len(rows), "data": rows, "more": None}),
        "lines with commas": ",\n".join(pieces) + rng.choice(["", ",", "\n"]),
    }[form]
    damage = rng.choice(("none", "cut"))
    data = text.encode()
    if damage == "cut" and form != "lines with commas":
        data = data[: rng.randrange(1, len(data))]
    return _packed(rng, form, damage, data, len(rows), works)


def _packed(
    rng: random.Random,
    form: str,
    damage: str,
    data: bytes,
    records: int,
    works: set[tuple[str, str]],
) -> Example:
    packer = rng.choice([*PACKERS, "", "", ""])
    packed = PACKERS[packer](data)
    if packer and damage == "none" and rng.random() < 0.2:
        damage, packed = "packed file cut", packed[: rng.randrange(10, len(packed) - 1)]
    return Example(form, damage, "works", packed, records, works)


def _lines_example(rng: random.Random, pieces: list[str], works: set[str]) -> Example:
    damage = rng.choice(("none", "cut", "a broken line", "blank lines"))
    if damage == "cut":
        whole = "\n".join(pieces).encode()
        kept = whole[: rng.randrange(1, len(whole))]
        return _packed(rng, "json lines", damage, kept, len(kept.splitlines()), works)
    if damage == "a broken line":
        n = rng.randrange(len(pieces))
        pieces[n] = pieces[n][: rng.randrange(1, len(pieces[n]))]
    ends = ["\n\n" if damage == "blank lines" and rng.random() < 0.3 else "\n" for _ in pieces]
    text = "".join(piece + end for piece, end in zip(pieces, ends, strict=True))
    return _packed(rng, "json lines", damage, text.encode(), len(pieces), works)


def _text_example(
    rng: random.Random, form: str, rows: list[dict[str, str]], works: set[tuple[str, str]]
) -> Example:
    damage = rng.choice(
        (
            *("none", "open quote", "closed quote", "cut", "cut at a quote"),
            *("mixed line ends", "odd zone", "blank lines"),
        )
    )
    if damage == "odd zone":
        for row in rows:
            row["date"] += rng.choice(
                [" 10:00 PDT", " 23:30:00 -0500", "T10:00:00+09:00", " 5:00 AM"]
            )
        whole = [row for row in rows if not row["date"].startswith("soon")]
        works = {(row["id"], row["artist"]) for row in whole}
    if damage == "closed quote":
        # On a line of its own, so that what it damages is known to be one row.
        n = rng.randrange(len(rows))
        rows[n]["title"] = "STRAY"
    pieces = written(rng, form, rows)
    header, body = pieces[0], pieces[1:]
    if damage == "closed quote":
        stray = rng.choice(_STRAY).replace(",", TEXTS[form][0])
        body = [piece.replace('"STRAY"', "STRAY").replace("STRAY", stray) for piece in body]
    if damage == "open quote":
        n = rng.randrange(len(body))
        starts = [0, *(i + 1 for i, c in enumerate(body[n]) if c in ",;\t|")]
        at = rng.choice(starts) if rng.random() < 0.7 else rng.randrange(len(body[n]))
        body[n] = body[n][:at] + '"' + body[n][at:]
    if damage == "mixed line ends":
        body = [_other_end(piece) if rng.random() < 0.5 else piece for piece in body]
    if damage == "blank lines":
        body = [piece + ("\n" if rng.random() < 0.3 else "") for piece in body]
    records, text = len(body), header + "".join(body)
    if damage.startswith("cut"):
        places: Sequence[int] = range(len(header), len(text) + 1)
        if damage == "cut at a quote":  # before or behind a mark, also in the middle of a doubled
            marks = [n for n in places[:-1] if text[n] == '"']
            places = [n + after for n in marks for after in (0, 1)] or places
        at = rng.choice(places)
        text, end, records = text[:at], len(header), 0
        for piece in body:
            records += end < at and bool(text[end : end + len(piece)].strip("\r\n"))
            end += len(piece)
    data = text.encode()
    if rng.random() < 0.1:
        data = b"\xef\xbb\xbf" + data
    return _packed(rng, form, damage, data, records, works)


def _other_end(piece: str) -> str:
    if piece.endswith("\r\n"):
        return piece[:-2] + "\n"
    return piece[:-1] + "\r\n"


def _binary(form: str, rows: list[dict[str, str]]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        if form == "parquet":
            import polars as pl

            pl.DataFrame(rows).write_parquet(file)
        elif form == "feather":
            import pyarrow as pa
            from pyarrow import feather

            feather.write_feather(pa.Table.from_pylist(rows), file)
        elif form == "sqlite":
            with closing(sqlite3.connect(file)) as lite, lite:
                lite.execute("CREATE TABLE work (id TEXT, artist TEXT, date TEXT, title TEXT)")
                lite.executemany("INSERT INTO work VALUES (:id, :artist, :date, :title)", rows)
        else:
            return workbook_bytes([list(COLUMNS), *(list(row.values()) for row in rows)])
        return file.read_bytes()


def workbook_bytes(rows: list[list[str]]) -> bytes:
    """Return the smallest workbook with these rows: a zip of XML, all cells as inline text."""
    from xml.sax.saxutils import escape

    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    def cell(text: str) -> str:
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'

    lines = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    parts = {
        "[Content_Types].xml": f'{head}<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        'relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType='
        f'"{kind}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" '
        f'ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'{head}<Relationships xmlns="{package}/relationships"><Relationship Id="r1"'
        f' Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{head}<workbook {space} xmlns:r="{relations}"><sheets>'
        '<sheet name="Works" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{head}<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f"{head}<worksheet {space}><sheetData>{lines}</sheetData>"
        "</worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def outcome(store: Store, one: Example, folder: Path) -> str:
    """Load an example; return "loaded" or "refused", or say what is wrong."""
    file = folder / one.name
    file.write_bytes(one.data)
    for table in ("upload", "credit", "artist", "crawl", "reject"):
        store.connection.execute(f"DELETE FROM {table}")
    try:
        report = store.load(Table(file, MAPPING, "site"), max_rejects=10**9)
    except UploadTrendsError as error:
        return f"refused, but is whole: {error}" if one.damage in MUST_LOAD else "refused"
    n_told = report.n_loaded + report.n_folded + report.n_rejected
    if n_told != one.records:
        return (
            f"{report.n_loaded} + {report.n_folded} + {report.n_rejected} are not {one.records} "
            "records"
        )
    found = set(
        store.sql(
            "SELECT upload_id, artist_id FROM upload LEFT JOIN credit USING (upload_id)"
        ).fetchall()
    )
    # A stray mark may have become text of its own row.
    if len(found - one.works) > (one.damage == "open quote"):
        return f"works that nobody wrote: {sorted(found - one.works)[:5]}"
    missing = len(one.works - found)
    if one.damage in MUST_LOAD and missing > (one.damage == "closed quote"):
        return f"works are missing: {sorted(one.works - found)[:5]}"
    return "loaded"


def run(first: int, end: int, seed: int, *, shown: int = 5) -> Counter:
    """Try examples `first` to `end` - 1; count each outcome by form and damage."""
    counts: Counter = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_store(folder / "s.duckdb", read_only=False, threads=1) as store:
            for n in range(first, end):
                one = example(random.Random(f"{seed}/{n}"))
                said = outcome(store, one, folder)
                kind = said if said in KINDS else "wrong"
                counts[one.form, one.damage, kind] += 1
                if kind == "wrong" and total(counts, kind) <= shown:
                    print(f"{seed}/{n} {one.form}, {one.damage}: {said}", flush=True)
    return counts


def total(counts: Counter, kind: str) -> int:
    """Return how many examples ended so."""
    return sum(n for key, n in counts.items() if key[2] == kind)


Stretches = dict[tuple[int, int], Counter]
"""Counts by first example and the one behind the last."""


def read_results(path: Path, seed: int) -> Stretches:
    """Return what was done with this seed before, or by another process meanwhile."""
    done: Stretches = {}
    if path.is_file():
        with path.open(newline="") as lines:
            for row in csv.DictReader(lines):
                if row["seed"] == str(seed) and "first" in row:
                    counts = done.setdefault((int(row["first"]), int(row["end"])), Counter())
                    for kind in KINDS:
                        counts[row["form"], row["damage"], kind] = int(row[kind])
    return done


def add_results(path: Path, seed: int, first: int, end: int, counts: Counter) -> None:
    """Add a stretch to the table of outcomes; stretches that touch become one."""
    import duckdb

    from uploadtrends.result import package_version

    names = ["form", "damage", "examples", *KINDS, "refused_share", "seed", "first", "end"]
    known = [date.today().isoformat(), package_version(), duckdb.__version__]
    with locked(path.parent):
        done = read_results(path, seed)
        if is_done(done, first):  # by another process, meanwhile
            return
        done[first, end] = counts
        rows: list[list[Any]] = [[*names, "date", "uploadtrends", "duckdb"]]
        for (start, stop), found in joined(done).items():
            for form, damage in sorted({key[:2] for key in found}):
                n = {kind: found[form, damage, kind] for kind in KINDS}
                tried = sum(n.values())
                share = f"{n['refused'] / tried:.3f}"
                rows.append([form, damage, tried, *n.values(), share, seed, start, stop, *known])
        draft = path.with_suffix(".part")
        with draft.open("w", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(rows)
        draft.replace(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def is_done(done: Stretches, n: int) -> bool:
    """Tell whether an example was tried."""
    return any(first <= n < end for first, end in done)


def joined(done: Stretches) -> Stretches:
    """Join stretches where one ends and another begins."""
    result: Stretches = {}
    last = None
    for (first, end), counts in sorted(done.items()):
        if last and last[1] == first:
            counts, first = result.pop(last) + counts, last[0]
        last = first, end
        result[last] = counts
    return result


def main() -> None:
    """Run the study and write its results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0, help="number of the first example")
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--results", type=Path, default=Path(__file__).parent / "results/loading.csv"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what the file holds")
    given = parser.parse_args()
    if given.fresh:
        given.results.unlink(missing_ok=True)
    for first in range(given.first, given.first + given.examples, CHUNK):
        end = min(given.first + given.examples, first + CHUNK)
        if not is_done(read_results(given.results, given.seed), first):
            add_results(given.results, given.seed, first, end, run(first, end, given.seed))
    counts = sum(read_results(given.results, given.seed).values(), Counter())
    for form, damage in sorted({key[:2] for key in counts}):
        n = (counts[form, damage, kind] for kind in KINDS)
        print(" ".join(f"{cell!s:>18}" for cell in (form, damage, *n)))
    damaged = sum(n for (_, damage, _), n in counts.items() if damage not in MUST_LOAD)
    refused = total(counts, "refused")
    print(
        f"{sum(counts.values())} examples: {total(counts, 'wrong')} wrong; "
        f"refused {refused} of {damaged} that are damaged ({refused / max(1, damaged):.1%})"
    )


if __name__ == "__main__":
    main()
