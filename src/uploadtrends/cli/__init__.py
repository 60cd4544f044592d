"""The command line: each command is one public function with the same argument names."""

from __future__ import annotations

import gc
import pkgutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from uploadtrends.cli.options import COMMANDS
from uploadtrends.cli.show import DONE, ERROR, INCOMPLETE, complain
from uploadtrends.errors import CollectError, TooManyRejectsError, UploadTrendsError, explain_os

EPILOG = (
    "Exit codes: 0 done, 1 error, 2 wrong usage, 3 incomplete (blocked, or too many rejects), "
    "4 a check failed or an alarm (only with --fail-on-check or --fail-on-alarm)."
)

app = typer.Typer(
    name="uploadtrends",
    help="When and by how much did artists' uploads change? Upload histories in, dated claims out.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables could print a secret.
    pretty_exceptions_enable=False,
)
for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
for _command in COMMANDS:
    app.command(_command.__name__.replace("_", "-"))(_command)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from uploadtrends.result import package_version

        typer.echo(f"uploadtrends {package_version()}")
        raise typer.Exit(DONE)


def main() -> None:
    """Run the command line and exit."""
    # Looking for cycles among all that the libraries hold takes a twentieth of a study.
    gc.set_threshold(100_000, 50, 100)
    try:
        app()
    except KeyboardInterrupt:
        complain("interrupted; what was written is whole. Run the same command to go on")
        sys.exit(INCOMPLETE)
    except (CollectError, TooManyRejectsError) as error:
        complain(str(error))
        sys.exit(INCOMPLETE)
    except UploadTrendsError as error:
        complain(str(error))
        sys.exit(ERROR)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        sys.exit(ERROR)
    except OSError as error:
        complain(explain_os(error))
        sys.exit(ERROR)
    except MemoryError:
        complain("there is not enough memory. Fix: close other programs, or take fewer data")
        sys.exit(ERROR)
    except Exception as error:
        if "duckdb" not in type(error).__module__:
            raise
        from uploadtrends.store.lock import explain

        complain(str(explain(error, Path("store"))))
        sys.exit(ERROR)
