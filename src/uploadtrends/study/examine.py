"""What is here, what is missing, and how to get it: the answer of `uploadtrends doctor`."""

from __future__ import annotations

import platform
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from uploadtrends.errors import InputError
from uploadtrends.result import file_sha256
from uploadtrends.study.cache import LIBRARIES
from uploadtrends.study.spec import read_study

Row = tuple[str, str, str, str]


def examine(study: str | Path) -> pd.DataFrame:
    """Return one row per thing looked at: what, state, detail, fix.

    Parameters
    ----------
    study : str or Path
        The study file whose data to look for.
    """
    rows = [*_versions(), *_data(Path(study)), *_exceptions()]
    return pd.DataFrame(rows, columns=["what", "state", "detail", "fix"])


def _versions() -> list[Row]:
    rows: list[Row] = [("Python", "ok", platform.python_version(), "")]
    for name in ("uploadtrends", *LIBRARIES):
        try:
            rows.append((name, "ok", version(name), ""))
        except PackageNotFoundError:
            rows.append((name, "missing", "", f"pip install {name}"))
    return rows


def _data(study: Path) -> list[Row]:
    try:
        spec = read_study(study)
    except InputError as error:
        return [(f"study {study}", "missing", error.problem, error.fix or "")]
    rows: list[Row] = [(f"study {study}", "ok", spec.title, "")]
    for entry in spec.data:
        name = f"data {entry.path.name}"
        if not entry.path.exists():
            how = (
                "optional: `uploadtrends fetch danbooru2023` (2.8 GB), or put the file there"
                if entry.source == "danbooru2023"
                else "restore the file; data/raw/README.md says what belongs there"
            )
            rows.append((name, "absent" if entry.optional else "missing", entry.source, how))
            continue
        # A bundled file's sidecar replaces its ending; `fetch` adds to the name.
        beside = (entry.path.with_suffix(".toml"), entry.path.with_name(f"{entry.path.name}.toml"))
        sidecar = next((path for path in beside if path.exists()), None)
        if sidecar is None:
            rows.append((name, "ok", f"{entry.path.stat().st_size:,} bytes, no sidecar", ""))
            continue
        expected = tomllib.loads(sidecar.read_text(encoding="utf-8"))["sha256"]
        found = file_sha256(entry.path)
        same = found == expected
        rows.append(
            (
                name,
                "ok" if same else "changed",
                "as described in its sidecar" if same else "sha256 differs from its sidecar",
                "" if same else f"restore {entry.path.name} from version control",
            )
        )
    return rows


def _exceptions() -> list[Row]:
    """Say which documented APIs are asked although their robots file speaks to crawlers."""
    from uploadtrends.collect.session import robots_exceptions

    return [
        (f"robots.txt of {host}", "exception", f"{pattern}: {reason}", reference)
        for host, pattern, reason, reference in robots_exceptions()
    ]
