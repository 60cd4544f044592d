"""What lies in a file, whatever it is called, and which files a path stands for."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Literal

from uploadtrends.errors import InputError
from uploadtrends.sources.reading.documents import assignment
from uploadtrends.sources.reading.encodings import wide_codec
from uploadtrends.sources.reading.unpacking import compression, open_text

Form = Literal["text", "json", "parquet", "sqlite", "excel", "feather"]
SQLITE = b"SQLite format 3\x00"
_BESIDE = {".toml", ".md", ".html", ".log", ".sha256", ".md5", ".yaml", ".yml", ".pdf"} | {
    *(".ini", ".bak", ".tmp", ".part", ".crdownload"),
}
"""What people keep beside their data."""
_PICTURES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".mp4", ".webm", ".swf", ".psd"}
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_STRANGERS = {
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"7z\xbc": "7-Zip",
    b"Rar!": "a RAR archive",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x1f\x9d": "an old Unix archive (.Z)",
    b"$FL2@(#)": "a file of SPSS",
    b"\0" * 12 + b"\xc2\xea": "a file of SAS",
    b"\x93NUMPY": "an array of NumPy",
    b"\x89HDF": "HDF5",
    b"Obj\x01": "Avro",
    b"\x80\x02": "a Python pickle",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
}
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_FEW_CONTROLS = 0.04
"""Share of a text's beginning, where a NUL costs its row."""
_MARKUP = re.compile(rb"<(\?xml|!doctype|html|rss|feed|svg)\b", re.IGNORECASE)
_SQL = re.compile(
    rb"-- (MySQL|PostgreSQL|MariaDB)|PRAGMA |COPY .* FROM "
    rb"|(BEGIN TRANSACTION|INSERT INTO|CREATE TABLE)\b"
)
_OF_R = re.compile(rb"(RD[XAB]\d\n)?(X\n\0\0|B\n[^\r\n]\0|A\n\d\n\d{5,}\n)")
_COLUMNAR = re.compile(rb"ARROW1|FEA1|ORC(?!ID)|\xff{4}")  # ORCID is a name of authors
STATA = re.compile(rb"<stata_dta>|[\x6e-\x73][\x01\x02]\x01\x00")


def files_of(path: Path) -> list[Path]:
    """Return the files of a path: itself, those in a folder, or those that a pattern matches.

    Raises
    ------
    InputError
        There is none.
    """
    text = str(path)
    if path.is_dir():
        found = [file for file in path.iterdir() if _is_data(file)]
    elif not path.exists() and re.search(r"[*?\[]", text):
        base = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else text
        found = [file for file in base.glob(pattern) if _is_data(file)]
    else:
        if not path.is_file():
            raise InputError("no such file", file=path, fix="check the path")
        if path.stat().st_size == 0:
            raise InputError("the file is empty", file=path, fix="is it still being written?")
        return [path]
    if not found:
        within = path.is_dir() and any(one.is_dir() for one in path.iterdir())
        deeper = f"if they lie in folders within it, give a pattern: '{path}/**/*'"
        raise InputError("no data file here", file=path, fix=deeper if within else "check the path")
    return sorted(found, key=_natural)


def with_logs(files: list[Path]) -> list[Path]:
    """Return the files and, beside each, the write-ahead log that holds a part of a database."""
    logs = [log for file in files for log in pending(file)]
    return [*files, *logs]


def pending(file: Path) -> list[Path]:
    """Return what SQLite has not yet written into a database: its log or journal, if any."""
    beside = (file.with_name(file.name + suffix) for suffix in ("-wal", "-journal"))
    return [log for log in beside if log.is_file() and log.stat().st_size]


def _is_data(file: Path) -> bool:
    return (
        file.is_file()
        and not file.name.startswith((".", "_"))  # as Spark and Hive keep their own
        and file.suffix.lower() not in _BESIDE | _PICTURES
        and not file.name.endswith(("-wal", "-shm", "-journal", "~"))
        and file.name != "Thumbs.db"
        and file.stat().st_size > 0
    )


def _natural(file: Path) -> tuple[str, list[tuple[int, str]]]:
    """Order page2 before page10."""
    parts = re.findall(r"\d+|\D+", file.name)
    return str(file.parent), [(int(p), "") if p.isdigit() else (-1, p) for p in parts]


def form_of(path: Path) -> Form:
    """Tell the form of a file by its first bytes, unpacked where it is packed.

    Raises
    ------
    InputError
        It is nothing that holds rows.
    """
    with path.open("rb") as handle:
        head = handle.read(16)
    members = _members(path) if compression(path) == "zip" else []
    if any(member.startswith("xl/") for member in members):
        return "excel"
    if head.startswith(SQLITE):
        return "sqlite"
    if head.startswith(b"PAR1"):
        return "parquet"
    if _COLUMNAR.match(head) or STATA.match(head):
        return "feather"  # what pyarrow and pandas read; the last is a stream of Arrow
    if head.startswith(b"version https://"):
        raise InputError(
            "this is a pointer of Git LFS, not the file", file=path, fix="fetch it: git lfs pull"
        )
    strange = next((what for magic, what in _STRANGERS.items() if head.startswith(magic)), None)
    if strange is None and head.startswith(_IMAGES):
        strange = "a picture"
    if head[8:12] == b"DUCK":
        strange = "a DuckDB database"
    if {"mimetype", "content.xml"} <= set(members) or "word/document.xml" in members:
        strange = "an OpenDocument or Word file"
    if strange:
        raise InputError(
            f"this is {strange}, not a table",
            file=path,
            fix="give CSV, JSON, Parquet, Feather, ORC, Stata, SQLite or .xlsx",
        )
    with open_text(path) as stream:
        unpacked = stream.read(4096)
    if _OF_R.match(unpacked):
        raise InputError(
            "this is an object of R, not a table",
            file=path,
            fix="in R: write.csv(x, 'works.csv', row.names = FALSE), or arrow::write_parquet",
        )
    if unpacked.startswith((SQLITE, b"PAR1")):
        raise InputError(
            "a database or Parquet file inside an archive", file=path, fix="unpack it first"
        )
    start = unpacked.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x1e \t\r\n")
    for what, found, fix in (
        ("a page of HTML or XML", _MARKUP.match(start), "save its table as CSV"),
        ("a dump of SQL", _SQL.match(start), "read it into a database, and export that as CSV"),
    ):
        if found:
            raise InputError(f"this is {what}, not a table", file=path, fix=fix)
    wide = wide_codec(unpacked) is not None
    if wide:
        start = unpacked.lstrip(b"\xff\xfe").replace(b"\0", b"").lstrip()
    start = start[len(assignment(start[:200].decode("latin-1"))) :]
    if start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"[", b"]")):
        return "json"
    start_of_text = unpacked[:1000]
    if (
        not wide
        and b"\0" in start_of_text
        and (len(_CONTROLS.findall(start_of_text)) > _FEW_CONTROLS * len(start_of_text))
    ):
        raise InputError(
            "the file is binary, not a table of text",
            file=path,
            fix="give CSV, JSON, Parquet, Feather, SQLite or .xlsx",
        )
    suffixes = {suffix.lower() for suffix in path.suffixes}
    if suffixes & {".jsonl", ".ndjson", ".json"} and not suffixes & {".csv", ".tsv"}:
        return "json"
    return "text"


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        return []
