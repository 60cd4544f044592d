"""The notebooks run, agree with their scripts, and carry no trace of a machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any, ClassVar

import jupytext
import nbformat
import pytest
from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from traitlets.config import Config

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NAMES = [
    "01_explore",
    "02_event_study",
    "03_change_points",
    "04_your_own_event",
    "05_is_the_rise_real",
    "06_self_consuming_loop",
]


def test_every_notebook_is_here() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES
    assert sorted(path.stem for path in FOLDER.glob("0*.py")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_says_what_its_script_says(name: str) -> None:
    script = jupytext.read(FOLDER / f"{name}.py")
    saved = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    assert [(c.cell_type, c.source) for c in saved.cells] == [
        (c.cell_type, c.source) for c in script.cells
    ], "run: python notebooks/make_notebooks.py"
    nbformat.validate(saved)


@pytest.mark.parametrize("name", NAMES)
def test_the_saved_output_is_clean(name: str) -> None:
    saved = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    outputs = [output for cell in saved.cells for output in cell.get("outputs", [])]
    assert outputs
    for output in outputs:
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        texts = [output.get("text", "")]
        texts += [text for kind, text in output.get("data", {}).items() if kind.startswith("text")]
        assert not any(re.search(r"(/tmp|/home|/root|/Users|[A-Z]:\\)", text) for text in texts)


class Shown(DisplayHook):
    """Keeps what cells show by kind (`text/plain`, `image/png`) instead of printing it."""

    kept: ClassVar[list[dict[str, Any]]] = []

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        self.kept.append(format_dict)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """What a kernel runs cells in, here, where everything is imported."""
    main = sys.modules["__main__"]
    config = Config({"HistoryManager": {"enabled": False}})
    folder = str(tmp_path_factory.mktemp("ipython"))
    yield InteractiveShell.instance(config=config, ipython_dir=folder, displayhook_class=Shown)
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


def test_a_notebook_runs_in_a_kernel() -> None:
    notebook = jupytext.read(FOLDER / f"{NAMES[0]}.py")
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(FOLDER))
    shown = [output.get("data", {}) for c in notebook.cells for output in c.get("outputs", [])]
    assert any("image/png" in data for data in shown), "a notebook shows at least one figure"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES[1:])
def test_the_notebook_runs(name: str, shell: InteractiveShell) -> None:
    shell.reset()
    Shown.kept.clear()
    with chdir(FOLDER):
        for cell in jupytext.read(FOLDER / f"{name}.py").cells:
            if cell.cell_type == "code":
                shell.run_cell(cell.source).raise_error()
    assert any("image/png" in data for data in Shown.kept), "a notebook shows at least one figure"
