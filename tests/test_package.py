from __future__ import annotations

import pkgutil
import subprocess
import sys

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


def test_importing_the_package_imports_no_heavy_library() -> None:
    code = (
        "import sys, uploadtrends; "
        "heavy = {'pandas', 'polars', 'statsmodels', 'matplotlib', 'duckdb', 'pyfixest', 'scipy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_package_imports_nothing_of_the_loops() -> None:
    code = (
        "import sys, uploadtrends; "
        "named = ('sklearn', 'torch', 'transformers', 'diffusers', 'PIL', 'uploadtrends.loop'); "
        "print([name for name in sys.modules if name.startswith(named)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
