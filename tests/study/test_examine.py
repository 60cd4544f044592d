from __future__ import annotations

import hashlib

import pytest

from uploadtrends.study.examine import examine

STUDY = """
[study]
name = "x"
question = "?"
[[data]]
source = "danbooru2023"
path = "posts.tar.gz"
optional = true
[primary]
platform = "danbooru"
group = "all"
event = "mr-sd-public"
term = "level"
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def state(study) -> tuple[str, str]:
    table = examine(study)
    row = table[table["what"] == "data posts.tar.gz"].iloc[0]
    return row["state"], row["fix"]


def test_an_absent_dump_says_how_to_get_it(study) -> None:
    assert state(study)[0] == "absent"
    assert "uploadtrends fetch danbooru2023" in state(study)[1]


def test_a_fetched_dump_is_held_against_its_sidecar(study, tmp_path) -> None:
    dump, sidecar = tmp_path / "posts.tar.gz", tmp_path / "posts.tar.gz.toml"
    dump.write_bytes(b"posts")
    assert state(study)[0] == "ok"
    sidecar.write_text(f'sha256 = "{hashlib.sha256(b"posts").hexdigest()}"\n')
    assert state(study)[0] == "ok"
    dump.write_bytes(b"other")
    assert state(study)[0] == "changed"
