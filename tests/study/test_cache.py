from __future__ import annotations

import os
import pickle
import stat
from importlib.metadata import version
from pathlib import Path

import pytest

from uploadtrends.pseudonyms import Ledger
from uploadtrends.study import Study
from uploadtrends.study.cache import KEPT, LIBRARIES, StepCache, code_fingerprint, file_fingerprint
from uploadtrends.study.manifest import make_manifest


@pytest.fixture
def seen():
    return []


def steps(folder, seen) -> StepCache:
    return StepCache(folder, lambda step, state, seconds: seen.append((step, state)))


def test_a_step_runs_once_for_the_same_inputs(tmp_path, seen) -> None:
    for _ in range(2):
        assert steps(tmp_path, seen).step("a step", [1], lambda: {"x": 1}) == {"x": 1}
    assert seen == [("a step", "running"), ("a step", "done"), ("a step", "cached")]


def test_only_what_depends_on_a_change_runs_again(tmp_path, seen) -> None:
    def run(event: str) -> None:
        cache = steps(tmp_path, seen)
        cache.step("panel", ["data"], lambda: "panel")
        cache.step("its", [cache.keys["panel"], event], lambda: event)

    run("2022-08-22")
    seen.clear()
    run("2023-05-15")
    assert seen == [("panel", "cached"), ("its", "running"), ("its", "done")]
    seen.clear()
    run("2022-08-22")
    run("2023-05-15")
    assert {state for _, state in seen} == {"cached"}, "dates that take turns keep their results"


def test_what_is_kept_of_a_step_is_bounded_and_the_oldest_goes_first(tmp_path, seen) -> None:
    def run(value: int) -> None:
        steps(tmp_path, seen).step("a", [value], lambda: value)

    for value in range(KEPT):
        run(value)
        for age, kept in enumerate(sorted(tmp_path.glob("a-*"), key=lambda p: p.stat().st_mtime)):
            os.utime(kept, (1000 + age, 1000 + age))
    run(0)  # used again: no longer the oldest
    run(KEPT)
    assert len(list(tmp_path.glob("a-*.pickle"))) == KEPT
    seen.clear()
    run(0)
    run(1)
    assert seen == [("a", "cached"), ("a", "running"), ("a", "done")]


def test_a_step_keeps_no_more_than_its_room(tmp_path, seen, monkeypatch) -> None:
    monkeypatch.setattr("uploadtrends.study.cache.ROOM", 3000)
    for value in range(5):
        steps(tmp_path, seen).step("a", [value], lambda: bytes(1000))
    assert len(list(tmp_path.glob("a-*.pickle"))) == 2
    steps(tmp_path, seen).step("a", ["big"], lambda: bytes(9000))
    assert len(list(tmp_path.glob("a-*.pickle"))) == 1


def test_style_and_drawing_change_no_number(monkeypatch) -> None:
    numbers, pages = code_fingerprint(), code_fingerprint(pages=True)
    read = Path.read_bytes

    def with_change(where: str):
        def changed(path: Path) -> bytes:
            return read(path) + (b"#" if path.as_posix().endswith(where) else b"")

        monkeypatch.setattr(Path, "read_bytes", changed)
        code_fingerprint.cache_clear()
        return code_fingerprint() != numbers, code_fingerprint(pages=True) != pages

    try:
        assert with_change("report/page.css") == (False, True)
        # So that a folder with the old pages is no "same run", and is written anew.
        spec = Study.load("precipice").spec
        assert make_manifest(spec, {})["versions"]["pages_sha256"] != pages
        assert with_change("figures/dispatch.py") == (False, True)
        assert with_change("models/onset.py") == (True, True)
        assert with_change("cli/show.py") == (False, False)
    finally:
        code_fingerprint.cache_clear()


@pytest.mark.parametrize("library", [*LIBRARIES, "python"])
def test_another_version_of_a_library_is_other_code(monkeypatch, library) -> None:
    numbers, pages = code_fingerprint(), code_fingerprint(pages=True)
    where = "uploadtrends.study.cache"
    if library == "python":
        monkeypatch.setattr(f"{where}.python_version", lambda: "3.99.1")
    else:
        told = lambda name: "99.1" if name == library else version(name)  # noqa: E731
        monkeypatch.setattr(f"{where}.version", told)
    code_fingerprint.cache_clear()
    try:
        assert code_fingerprint(pages=True) != pages
        assert (code_fingerprint() != numbers) is (library != "matplotlib")
    finally:
        code_fingerprint.cache_clear()


def test_a_torn_result_is_computed_again(tmp_path, seen) -> None:
    steps(tmp_path, seen).step("a", [], lambda: 1)
    kept = next(tmp_path.glob("a-*.pickle"))
    kept.write_bytes(kept.read_bytes()[:-3])
    assert steps(tmp_path, seen).step("a", [], lambda: 2) == 2


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark) -> None:
        self.mark = mark

    def __reduce__(self):
        return (type(self.mark).touch, (self.mark,))


def test_nothing_runs_before_the_digest_is_checked(tmp_path, seen) -> None:
    mark = tmp_path / "mark"
    folder = tmp_path / ".cache"
    steps(folder, seen).step("a", [], lambda: 1)
    kept = next(folder.glob("a-*.pickle"))
    for head in (b"", bytes(32), kept.read_bytes()[:32]):
        kept.write_bytes(head + pickle.dumps(Trap(mark)))
        assert steps(folder, seen).step("a", [], lambda: 2) == 2
        assert not mark.exists()


def test_a_result_under_another_steps_name_is_not_read(tmp_path, seen) -> None:
    cache = steps(tmp_path / ".cache", seen)
    cache.step("a", [], lambda: 1)
    cache.step("b", [], lambda: 2)
    first, second = (next((tmp_path / ".cache").glob(f"{name}-*.pickle")) for name in "ab")
    second.write_bytes(first.read_bytes())
    assert cache.step("b", [], lambda: 3) == 3


def test_kept_results_are_private_and_stay_out_of_what_is_shared(tmp_path, seen) -> None:
    cache = steps(tmp_path / ".cache", seen)
    cache.step("a", [], lambda: 1)
    kept = next((tmp_path / ".cache").glob("a-*.pickle"))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert (tmp_path / ".cache" / ".gitignore").read_text() == "*\n"
    assert (tmp_path / ".cache" / "CACHEDIR.TAG").exists()
    (tmp_path / ".cache" / "seconds.json").write_text("{")
    assert cache.expected_seconds() == {}
    cache.note("store", {"a": (1, 2)})
    assert steps(tmp_path / ".cache", seen).noted("store") == {"a": (1, 2)}
    (tmp_path / ".cache" / "store.noted").write_bytes(b"x" * 50)
    assert cache.noted("store") is None


def test_who_was_forgotten_since_is_part_of_every_key(tmp_path, seen) -> None:
    steps(tmp_path / ".cache", seen).step("a", [], lambda: 1)
    Ledger(tmp_path, tmp_path / "key").add("mine", ["anna"])
    assert steps(tmp_path / ".cache", seen).step("a", [], lambda: 2) == 2


def test_a_failing_step_keeps_nothing(tmp_path, seen) -> None:
    with pytest.raises(ZeroDivisionError):
        steps(tmp_path, seen).step("a", [], lambda: 1 / 0)
    assert not list(tmp_path.iterdir())


def test_without_a_folder_nothing_is_kept(seen) -> None:
    cache = steps(None, seen)
    assert [cache.step("a", [], lambda: 1), cache.step("a", [], lambda: 2)] == [1, 2]
    cache.forget("a")
    assert cache.expected_seconds() == {}


def test_forget_and_timings(tmp_path, seen) -> None:
    cache = steps(tmp_path, seen)
    cache.step("a b", [], lambda: 1)
    assert set(cache.expected_seconds()) == {"a b"}
    cache.forget("a b")
    assert cache.step("a b", [], lambda: 2) == 2


def test_large_files_are_told_apart_by_size_and_time(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("uploadtrends.study.cache.BIG", 3)
    path = tmp_path / "big"
    path.write_bytes(b"12345")
    first = file_fingerprint(path)
    path.write_bytes(b"123456")
    assert file_fingerprint(path) != first
