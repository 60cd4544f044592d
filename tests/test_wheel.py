"""An installed wheel works without the repository: run, events, datasets, the own-date page."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A virtual environment that holds the wheel; what it depends on is this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    here = [] if importlib.util.find_spec("hatchling") is None else ["--no-build-isolation"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", *here, "--wheel-dir", str(folder), str(root)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    if done.returncode and not here:
        pytest.skip("the wheel cannot be built: no hatchling here, and no package index in reach")
    assert done.returncode == 0, done.stderr
    environment = folder / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (wheel,) = folder.glob("uploadtrends-*.whl")
    place = next(environment.glob("lib/python*/site-packages"))
    subprocess.run([*pip, "install", "--no-deps", "--target", str(place), str(wheel)], check=True)
    return environment


def run(installed: Path, place: Path, *words: str) -> str:
    """Run a Python of the environment in an empty folder and return what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UPLOADTRENDS")}
    # A folder on this path is searched, but its .pth files, which lead to the checkout, are not.
    environment["PYTHONPATH"] = sysconfig.get_paths()["purelib"]
    done = subprocess.run(
        [str(installed / "bin" / "python"), *words],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


CLI = ("-c", "from uploadtrends.cli import main; main()")


def test_it_is_the_wheel_that_runs(installed: Path, tmp_path: Path) -> None:
    where = run(installed, tmp_path, "-c", "import uploadtrends; print(uploadtrends.__file__)")
    assert Path(where.strip()).is_relative_to(installed)


def test_the_bundled_data_are_in_it(installed: Path, tmp_path: Path) -> None:
    code = (
        "from uploadtrends import datasets\n"
        "names = ('precipice_figure1', 'artist_months')\n"
        "print([len(getattr(datasets, name)()) for name in names])\n"
        "print(all(datasets.about(name)['sha256'] for name in datasets.NAMES))"
    )
    lengths, told = run(installed, tmp_path, "-c", code).splitlines()
    assert lengths.startswith("[34, ")
    assert told == "True"


def test_events_are_listed(installed: Path, tmp_path: Path) -> None:
    near = ("events", "--near", "2022-11-11", "--platform", "deviantart")
    shown = run(installed, tmp_path, *CLI, *near)
    assert "pp-deviantart-dreamup" in shown


ADDED = ("run", "precipice", "--event", "2022-11-11", "--label", "My event")


@pytest.fixture(scope="module")
def asked(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the study of the package answered a date, and what was printed."""
    place = tmp_path_factory.mktemp("asked")
    return place, run(installed, place, *CLI, *ADDED)


def test_a_study_of_the_package_runs_and_answers_an_added_date(
    installed: Path, asked: tuple[Path, str], tmp_path: Path
) -> None:
    place, shown = asked
    assert shown.startswith("My event (2022-11-11)\n")
    results = place / "data/derived/precipice/events/2022-11-11"
    for name in ("report.html", "results.csv", "figures/figure1.svg", "manifest.json"):
        assert (results / name).is_file()
    shown = run(installed, tmp_path, *CLI, "run", "pixiv")
    assert "Written to data/derived/pixiv" in shown


def test_the_page_about_a_date_of_ones_own_works(
    installed: Path, asked: tuple[Path, str], root: Path
) -> None:
    place, _ = asked
    page = (root / "docs" / "new_event_date.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(python|console)\n(.*?)^```", page, re.S | re.M)
    home = ("--home", "data/derived/precipice")  # which holds what this run needs already
    run(installed, place, *CLI, *ADDED, *home, "--out", "with_my_event")
    code = "\n".join(text for kind, text in blocks if kind == "python")
    run(installed, place, "-c", code)
