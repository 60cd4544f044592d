"""The page on size shows what was measured, and nothing else."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def scale(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import scale as module

    yield module
    for name in ("scale", "panel"):
        sys.modules.pop(name, None)


def test_the_page_is_made_of_the_committed_measurements(scale) -> None:
    rows = list(csv.DictReader(scale.RESULTS.open()))
    text = scale.PAGE.read_text(encoding="utf-8")
    shown = text.partition(scale.BEGINS)[2].partition(scale.ENDS)[0]
    assert shown.strip() == scale.page(rows).strip(), "run: python benchmarks/scale.py --folder ..."


def test_exponents_and_extrapolation(scale) -> None:
    def row(credits, cpu):
        return {
            "engine": "spark-2",
            "task": "group panel",
            "credits": str(credits),
            "cpu_seconds": str(cpu),
        }

    rows = [row(1_000_000, 10), row(4_000_000, 20)]
    assert scale.slopes(rows) == [
        "spark-2, group panel: CPU seconds grow with credits to the power 0.50"
    ]
    told = scale.extrapolated(rows)
    assert "5.0 CPU seconds a million credits" in told[0]
    assert "0.2 core hours" in told[1]  # 130 million works at 5 seconds a million
