"""Run the code of a page of the docs and print what it prints: ``python docs/run.py pixiv``.

The page runs in a folder that is thrown away, with copies of the files in `data/raw` and `studies`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.S | re.M)


def run_page(page: Path, run_command: Callable[[list[str]], object]) -> dict[str, Any]:
    """Run every block of a page, commands by `run_command`; return the names it leaves."""
    module = ModuleType(page.stem)
    sys.modules[page.stem] = module  # dataclasses look for their module
    try:
        for kind, code in BLOCK.findall(page.read_text(encoding="utf-8")):
            if kind == "python":
                exec(compile(code, str(page), "exec"), vars(module))
                continue
            for line in code.strip().splitlines():
                run_command([os.path.expandvars(word) for word in shlex.split(line)])
    finally:
        del sys.modules[page.stem]
    return vars(module)


def _folders(place: str, names: list[str]) -> list[str]:
    """Leave out what was downloaded or collected."""
    return [name for name in names if Path(place, name).is_dir()]


def main() -> None:
    """Run the page that is named, in a folder of its own."""
    from uploadtrends.cli import app

    page = ROOT / "docs" / f"{Path(sys.argv[1]).stem}.md"
    mpl.use("agg")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("data/raw", "studies"):
            shutil.copytree(ROOT / name, Path(folder, name), ignore=_folders)
        os.chdir(folder)
        run_page(page, lambda words: app(words[1:], standalone_mode=False))
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
