"""Everything needed to repeat a run: input hashes, versions, seeds, parameters."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from uploadtrends.result import file_sha256, package_version
from uploadtrends.study.cache import BIG, LIBRARIES, code_fingerprint
from uploadtrends.study.home import told
from uploadtrends.study.spec import StudySpec


def make_manifest(spec: StudySpec, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return the manifest of a run, JSON-ready, without machine paths.

    Parameters
    ----------
    spec : StudySpec
    keys : mapping of str to str
        The content hash of every step.
    """
    inputs = [
        {
            "source": entry.source,
            "file": entry.path.name,
            "sha256": _sha256(entry.path),
            "used": entry.path.exists(),
            "options": dict(entry.options),
        }
        for entry in spec.data
    ]
    return {
        "study": spec.name,
        "study_file": spec.file.name if spec.file else None,
        "primary_stamp": spec.primary_stamp,
        "registered": dict(spec.registered) or None,
        "seed": spec.seed,
        "inputs": inputs,
        "parameters": _parameters(spec),
        "steps": dict(keys),
        "versions": {
            "uploadtrends": package_version(),
            "code_sha256": code_fingerprint(),
            "pages_sha256": code_fingerprint(pages=True),
            "python": platform.python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
        "system": f"{platform.system()} {platform.machine()}",
        "finished_at": datetime.now(UTC).replace(microsecond=0).isoformat(),
    }


def _parameters(spec: StudySpec) -> dict[str, Any]:
    return {name: value for name, value in asdict(spec).items() if name not in {"data", "file"}}


def is_of(folder: Path, spec: StudySpec) -> bool:
    """Whether the results in a folder are of this study by this code, if its data are the same."""
    there = told(folder)
    if not there:
        return False
    asked = json.loads(json.dumps(_parameters(spec), default=str))
    code = there.get("versions", {}).get("code_sha256")
    return bool(there.get("parameters") == asked and code == code_fingerprint())


def _sha256(path: Path) -> str | None:
    """Return the hash of an input; None where it is absent, or so large that a run does not wait.

    The size and time of a large file are part of the key of the step "load".
    """
    if not path.exists() or path.stat().st_size > BIG:
        return None
    return file_sha256(path)
