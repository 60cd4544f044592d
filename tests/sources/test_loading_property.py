"""No row is lost, whatever the form and the damage of a file."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def study(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("loading_study", root / "validation/loading.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_record_is_loaded_folded_or_rejected_or_the_load_refuses(study, capsys) -> None:
    counts, wrong = study.run(200, seed=11)
    refused = sum(n for (_, _, kind), n in counts.items() if kind == "refused")
    with capsys.disabled():
        print(f" refused {refused} of 200 ", end="")
    assert wrong == 0
    for (form, damage, kind), n in counts.items():
        assert not (damage in study.MUST_LOAD and kind != "loaded"), (form, damage, kind, n)
