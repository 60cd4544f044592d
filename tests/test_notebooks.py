"""The notebooks run, agree with their scripts, and carry no trace of a machine."""

from __future__ import annotations

import re
import time
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

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


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_runs(name: str) -> None:
    notebook = jupytext.read(FOLDER / f"{name}.py")
    began = time.process_time()
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(FOLDER))
    assert time.process_time() - began < 30
    shown = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert shown, "a notebook shows at least one figure"
