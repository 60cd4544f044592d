"""What a user can name: nothing of 0.1.0 is lost, and a change of today's is seen."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
# Of 0.1.0: made by docs/make_surface.py in a checkout of that version.
EARLIER = json.loads((DATA / "public_surface_0.1.0.json").read_text(encoding="utf-8"))

# Arguments of results, which only the package makes; the attribute is still there.
MADE_BY_US = {"StudyResults: study", "Table: ._options"}
# Settings of a check are its fields now; these are its class's attributes.
MADE_BY_US |= {f"Check: {name}" for name in ("name", "question", "run", "parameters")}


@pytest.fixture(scope="module")
def now() -> Iterator[dict[str, Any]]:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        yield import_module("make_surface").surface()
    finally:
        sys.path.remove(str(ROOT / "docs"))


def lost(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what was there before and is not there now."""
    gone = [name for name in before if name not in after]
    for name in set(before) - set(gone):
        if isinstance(before[name], Mapping):
            gone += [f"{name}: {inside}" for inside in lost(before[name], after[name])]
        else:
            gone += [f"{name}: {one}" for one in before[name] if one not in after[name]]
    return gone


def test_the_comparison_sees_what_is_lost_at_every_depth() -> None:
    before = {"its": ["--event"], "names": {"ut": {"power": ["alpha"]}}}
    assert lost(before, before) == []
    assert lost(before, {"names": {"ut": {"power": []}}}) == ["its", "names: ut: power: alpha"]


@pytest.mark.parametrize("kind", ["commands", "keys"])
def test_no_flag_and_no_key_of_the_first_version_is_lost(now, kind: str) -> None:
    assert lost(EARLIER[kind], now[kind]) == []


@pytest.mark.parametrize("path", EARLIER["names"])
def test_no_public_name_of_the_first_version_is_lost(now, path: str) -> None:
    module = import_module(path)
    assert [name for name in EARLIER["names"][path] if not hasattr(module, name)] == []
    known = now["names"].get(path, {})
    both = {name: parts for name, parts in EARLIER["names"][path].items() if name in known}
    assert set(lost(both, known)) <= MADE_BY_US


def test_the_committed_surface_is_fresh(now) -> None:
    written = json.loads((DATA / "public_surface.json").read_text(encoding="utf-8"))
    assert written == now, "run: python docs/make_surface.py, and say in the CHANGELOG what changed"
