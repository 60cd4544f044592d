"""A study's folder: refused where another study lies, and whole whatever happens to a run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from uploadtrends.errors import InputError
from uploadtrends.result import file_sha256
from uploadtrends.study import Home, Study, home
from uploadtrends.study.home import settle, written_beside
from uploadtrends.study.manifest import is_of, make_manifest

SMALL = {
    "study": {"name": "small", "question": "Did it change?", "seed": 1},
    "data": [{"source": "bundled", "path": "bundled:precipice_figure1"}],
    "panel": {"platforms": ["artstation"]},
    "events": {"ids": ["mr-sd-public"]},
    "matching": {"n_permutations": 199},
    "primary": {
        "platform": "artstation",
        "group": "senior",
        "event": "mr-sd-public",
        "term": "level",
    },
    "checks": {},
}


def write(folder: Path, **files: str) -> None:
    """Put files in the place of the earlier ones, as a run does."""
    with written_beside(folder) as beside:
        for name, text in files.items():
            path = beside / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        told = {"files": [n.replace("__", "/").replace("_", ".") for n in files]}
        (beside / "manifest.json").write_text(json.dumps(told))


def there(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name != "manifest.json"
        and not path.relative_to(folder).as_posix().startswith(".")
    }


def test_a_folder_is_named_after_the_study(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    derived = Path("data/derived")
    assert Home.of("my study/2") == Home(derived / "my-study-2", derived / "my-study-2")
    assert Home.of("x", "2022-11-11").out == derived / "x" / "events" / "2022-11-11"
    assert Home.of("x", "2022-11-11", out=Path("o")) == Home(Path("o"), Path("o"))
    assert Home.of("x", home=Path("h"), out=Path("o")) == Home(Path("h"), Path("o"))
    assert Home.of("..").out == derived / "study"
    derived.mkdir(parents=True)
    (derived / "manifest.json").write_text('{"study": "x"}')
    assert Home.of("x").out == derived
    assert Home.of("y").out == derived / "y"


def test_new_files_take_the_place_of_the_old_and_users_files_stay(tmp_path) -> None:
    write(tmp_path, a_txt="1", figures__b_txt="1", old__c_txt="1")
    (tmp_path / "figures" / "mine.txt").write_text("mine")
    write(tmp_path, a_txt="2", figures__d_txt="2")
    assert there(tmp_path) == {"a.txt": "2", "figures/d.txt": "2", "figures/mine.txt": "mine"}
    assert not (tmp_path / "old").exists()
    assert not list(tmp_path.glob(".new-*"))


def test_a_run_that_fails_leaves_the_last_good_one(tmp_path) -> None:
    write(tmp_path, a_txt="1")
    with pytest.raises(TypeError):
        write(tmp_path, a_txt="2", b_txt=3)  # a file of a number cannot be written
    assert there(tmp_path) == {"a.txt": "1"}
    assert not list(tmp_path.glob(".new-*"))


def test_a_manifest_cannot_have_files_elsewhere_removed(tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"files": ["../mine.txt"]}')
    write(folder, a_txt="1")
    assert (tmp_path / "mine.txt").exists()


def killed(folder: Path, after: int) -> int:
    """Write in a forked child, which dies before so many files were moved; return its exit code."""
    child = os.fork()
    if child == 0:
        moved, replace = 0, Path.replace

        def counted(self: Path, target: Path) -> Path:
            nonlocal moved
            if moved == after:
                os.kill(os.getpid(), signal.SIGKILL)
            moved += 1
            return replace(self, target)

        Path.replace = counted  # type: ignore[method-assign]
        code = 1
        try:
            write(folder, a_txt="2", figures__b_txt="2", figures__d_txt="2")
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("after", range(6))
def test_a_kill_at_any_moment_leaves_the_old_results_or_the_new(tmp_path, after: int) -> None:
    old = {"a.txt": "1", "figures/b.txt": "1", "figures/c.txt": "1"}
    new = {"a.txt": "2", "figures/b.txt": "2", "figures/d.txt": "2"}
    write(tmp_path, a_txt="1", figures__b_txt="1", figures__c_txt="1")
    assert killed(tmp_path, after) == (-signal.SIGKILL if after < 5 else 0)
    if after == 0:  # nothing had been decided yet
        assert there(tmp_path) == old
    settle(tmp_path)
    assert there(tmp_path) == (old if after == 0 else new)
    assert not list(tmp_path.glob(".new-*"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A folder with results of the small study."""
    folder = tmp_path_factory.mktemp("saved")
    Study.from_dict(SMALL).run(folder).save(folder)
    return folder


def test_a_run_killed_while_it_draws_leaves_the_last_good_one(saved, tmp_path) -> None:
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    told = json.loads((tmp_path / "manifest.json").read_text())
    code = f"""
        import os, signal
        from uploadtrends import report
        from uploadtrends.study import Study
        report.write = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
        results = Study.from_dict({SMALL!r}).with_event("2022-11-11", "Mine").run({str(tmp_path)!r})
        results.save({str(tmp_path)!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.glob(".new-*")), "it had begun to write"
    for name, sha in told["outputs"].items():
        assert file_sha256(tmp_path / name) == sha, name
    Study.from_dict(SMALL).run(tmp_path)
    assert not list(tmp_path.glob(".new-*"))


def test_another_study_is_refused_unless_told(saved, tmp_path) -> None:
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    other = Study.from_dict({**SMALL, "study": {**SMALL["study"], "name": "other"}})
    seen: list[str] = []
    with pytest.raises(InputError, match="results of another study, 'small'"):
        other.run(tmp_path, announce=lambda step, *_: seen.append(step))
    assert seen == []
    found = other.run()
    with pytest.raises(InputError, match="--replace"):
        found.save(tmp_path)
    found.save(tmp_path, replace=True)
    assert json.loads((tmp_path / "manifest.json").read_text())["study"] == "other"


def test_a_study_of_the_same_name_from_another_file_is_another(tmp_path) -> None:
    (tmp_path / "manifest.json").write_text('{"study": "x", "study_file": "a.toml"}')
    home.refuse_another(tmp_path, "x", "a.toml")
    home.refuse_another(tmp_path, "x", None)
    with pytest.raises(InputError, match="'x' of a"):
        home.refuse_another(tmp_path, "x", "b.toml")


def test_results_never_replace_what_is_no_folder(tmp_path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    for place in (path, Path(os.devnull)):
        with pytest.raises(InputError, match="this is none"):
            Study.from_dict(SMALL).run(place)
    assert path.read_text() == "mine"
    assert Path(os.devnull).is_char_device()


def test_results_are_of_a_study_where_it_and_the_code_are_what_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study.load("precipice").with_event("2022-11-11", "A")
    assert not is_of(tmp_path, study.spec)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(make_manifest(study.spec, {}), default=str))
    assert is_of(tmp_path, study.spec)
    for other in (
        study.with_event("2023-05-15"),
        Study.load("precipice").with_event("2022-11-11", "another label"),
        Study(replace(study.spec, seed=1)),
    ):
        assert not is_of(tmp_path, other.spec)
    monkeypatch.setattr("uploadtrends.study.manifest.code_fingerprint", lambda: "another")
    assert not is_of(tmp_path, study.spec)
    manifest.write_text("{")
    assert not is_of(tmp_path, study.spec)
