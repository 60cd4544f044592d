from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import uploadtrends as ut


def test_every_public_name_exists() -> None:
    for name in ut.__all__:
        assert getattr(ut, name) is not None
    assert sorted(ut.__all__) == sorted(dir(ut))


def test_no_public_function_shadows_a_submodule() -> None:
    modules = {module.name for module in pkgutil.iter_modules(ut.__path__)}
    assert not modules & set(ut.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(ut, "nonsense")


HEAVY = ("pandas", "polars", "statsmodels", "matplotlib", "duckdb", "pyfixest", "scipy")
LOOPS = ("sklearn", "torch", "transformers", "diffusers", "PIL", "uploadtrends.loop")
STUDY = (
    "from uploadtrends import Study, report; from uploadtrends.study import beside; "
    "from uploadtrends.collect.sites import shown; shown('deviantart'); Study.load('precipice')"
)
AGAIN = (
    "from uploadtrends.cli import studies; from uploadtrends.study import Home, Study; "
    "from uploadtrends.study.manifest import is_of; Study.load('precipice')"
)
UNUSED = ("scipy.stats", "scipy.optimize", "scipy.spatial", "scipy.signal", "ruptures",
          "statsmodels", "pyfixest", "requests", "asyncio", "matplotlib.pyplot")  # fmt: skip


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("import uploadtrends", HEAVY + LOOPS),
        (STUDY, UNUSED),
        (AGAIN, (*UNUSED, "matplotlib", "uploadtrends.figures", "uploadtrends.report")),
    ],
    ids=["package", "study", "nothing to do"],
)
def test_nothing_is_imported_before_it_is_used(code: str, named: tuple[str, ...]) -> None:
    """Whoever adds a date to a study, or asks again, waits for every import."""
    code += f"; import sys; print([name for name in sys.modules if name.startswith({named!r})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
