"""Write the notebooks from their paired scripts, run, and without traces of the machine.

Run from the root of the repository: `python notebooks/make_notebooks.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent


def executed(script: Path, timeout: int = 120) -> nbformat.NotebookNode:
    """Return the notebook of a script, run from top to bottom."""
    notebook = jupytext.read(script)
    NotebookClient(notebook, timeout=timeout, kernel_name="python3").execute(cwd=str(FOLDER))
    return notebook


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what changes from run to run: ids, times, versions."""
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {}
        if "outputs" in cell:  # how far a loop has come is told on a slow machine alone
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
        for output in cell.get("outputs", []):
            output.pop("execution_count", None) if output.output_type != "execute_result" else None
            # A drawing is shown as a picture; its text form only names the class and its size.
            data = output.get("data", {})
            if "image/png" in data:
                data.pop("text/plain", None)
    notebook.metadata = {
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    }
    return notebook


def main() -> None:
    """Write every notebook, or those whose names begin with an argument."""
    chosen = tuple(sys.argv[1:]) or ("0",)
    for script in sorted(one for one in FOLDER.glob("0*.py") if one.name.startswith(chosen)):
        notebook = cleaned(executed(script))
        target = script.with_suffix(".ipynb")
        nbformat.write(notebook, target)
        print(target.name, f"{target.stat().st_size / 1e3:.0f} kB", file=sys.stderr)


if __name__ == "__main__":
    main()
