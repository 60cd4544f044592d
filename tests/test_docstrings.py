"""Every public name has an example that runs, and says what else to look at."""

from __future__ import annotations

import doctest
import sys
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

import uploadtrends as ut
from uploadtrends.checks.check import check_class, check_names

NAMES = [name for name in ut.__all__ if name != "__version__"]


def documented(name: str) -> Any:
    return check_class(name) if name in check_names() else getattr(ut, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_says_what_else_there_is(name: str) -> None:
    text = documented(name).__doc__ or ""
    assert "See Also\n" in text
    assert "Examples\n" in text
    assert ">>>" in text[text.index("Examples\n") :]
    after = text[text.index("See Also\n") :].splitlines()[2:]
    for line in after:
        if not line.strip():
            break
        other = line.strip().partition(" :")[0]
        assert hasattr(ut, other), f"{name} points at {other}"


FURTHER = {
    "uploadtrends.panel.panel": ("Panel.write_artists", "Panel.sample"),
    "uploadtrends.collect.answers": ("SavedAnswers",),
}


def test_no_example_is_skipped(root: Path) -> None:
    marked = [p.name for p in (root / "src").rglob("*.py") if "doctest: +SKIP" in p.read_text()]
    assert marked == []


@pytest.mark.parametrize(
    "name", [*NAMES, *(f"{module}:{name}" for module, names in FURTHER.items() for name in names)]
)
def test_the_example_of_a_public_name_runs(name: str) -> None:
    module, _, inner = name.rpartition(":")
    thing = attrgetter(inner)(import_module(module)) if module else documented(name)
    names = vars(sys.modules[thing.__module__])
    example = doctest.DocTestParser().get_doctest(thing.__doc__, dict(names), name, None, 0)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert said == []
