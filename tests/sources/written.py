"""Files of works written for a test, and what the store then holds."""

from __future__ import annotations

from pathlib import Path

MAPPING = {"published_at": "date", "artist_id": "artist", "upload_id": "id"}


def put(folder: Path, text: str | bytes, name: str = "works.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def works(store) -> dict[str, str | None]:
    """Every work with its artists."""
    return dict(
        store.sql(
            "SELECT upload_id, string_agg(artist_id, '+' ORDER BY artist_id) FROM upload "
            "LEFT JOIN credit USING (platform, upload_id) GROUP BY upload_id"
        ).fetchall()
    )


def rows(n: int, title=lambda i: f"t{i}", mark: str = ",") -> str:
    lines = [mark.join(("id", "artist", "date", "title"))]
    lines += [mark.join((f"{i}", f"a{i % 3}", f"2022-0{1 + i % 9}-01", title(i))) for i in range(n)]
    return "\n".join(lines) + "\n"
