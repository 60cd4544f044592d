"""One pass over a file gives its sha256 and, where lines are long, how many there are."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadtrends.sources import Table
from uploadtrends.sources.reading import json_lines, passes
from uploadtrends.store import loading, open_store

LONG = b'{"id": "%d", "pad": "' + b"x" * 600 + b'"}\n'


def _lines(n):
    return b"".join(LONG % i for i in range(n))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", 0),
        (_lines(3), 3),
        (_lines(3)[:-1], 3),
        (_lines(2_000), 2_000),  # several blocks
        (b"\n" + _lines(3), None),
        (_lines(2) + b"\n" + _lines(2), None),
        (_lines(2) + b" \t\n", None),
        (b'{"id": 1}\n' * 100, None),
    ],
)
def test_hash_and_lines(tmp_path, text, lines):
    file = tmp_path / "works.json"
    file.write_bytes(text)
    assert passes.pass_over(file) == (hashlib.sha256(text).hexdigest(), lines)
    assert passes.count_long_lines(file) == lines


@given(st.lists(st.sampled_from([b"\n", b" ", b"\r\n", b"x" * 700, b"{}", b"\f"]), max_size=40))
def test_a_count_is_right_or_is_none(tmp_path_factory, parts):
    file = tmp_path_factory.mktemp("passes") / "file"
    file.write_bytes(text := b"".join(parts))
    filled = sum(bool(line.strip(passes.BLANK)) for line in text.split(b"\n"))
    assert passes.pass_over(file).lines in (filled, None)


@pytest.mark.parametrize("small", [0, loading.SMALL])
def test_a_load_counts_lines_where_it_hashes(tmp_path, monkeypatch, small):
    rows = [{"id": n, "who": "ann", "day": "2022-01-05", "pad": "x" * 600} for n in range(1_000)]
    file = tmp_path / "works.json"
    file.write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setattr(loading, "SMALL", small)

    def again(file):
        raise AssertionError("the file is read once more")

    monkeypatch.setattr(json_lines, "count_long_lines", again)
    columns = {"upload_id": "id", "artist_id": "who", "published_at": "day"}
    with open_store(tmp_path / "s.duckdb", read_only=False) as store:
        assert store.load(Table(file, columns, "site")).n_read == 1_000
        hashes = store.sql("SELECT raw_sha256 FROM crawl").fetchall()
    assert hashes == [([hashlib.sha256(file.read_bytes()).hexdigest()],)]
