"""The command line as a user calls it: exit code, output and complaints; not a test itself."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from uploadtrends.cli import main

Done = subprocess.CompletedProcess[str]


def run(*args: object, folder: str | Path = ".", **variables: str) -> Done:
    """Call the program here: starting it anew imports everything for each call."""
    words = ["uploadtrends", *map(str, args)]
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", words),
        mock.patch.dict(os.environ, variables),
        chdir(folder),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            code: Any = main()
        except SystemExit as stop:
            code = stop.code
    return subprocess.CompletedProcess(words, code or 0, out.getvalue(), err.getvalue())


def run_apart(*args: object) -> Done:
    """Call the program in a process of its own."""
    program = [sys.executable, "-m", "uploadtrends"]
    return subprocess.run([*program, *map(str, args)], capture_output=True, text=True, check=False)
