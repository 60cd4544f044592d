"""Monitoring boundaries and processes against R package strucchange 1.5.3."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from uploadtrends import InputError
from uploadtrends.breaks.structural.monitoring import critical_boundary, watch


@pytest.fixture(scope="module")
def reference(data: Path) -> dict:
    return json.loads((data / "monitoring" / "reference_R.json").read_text())["results"]


def test_every_boundary_and_process_equals_strucchange(reference, data: Path) -> None:
    names = sorted({key.rpartition("/")[0] for key in reference if key.endswith("/critval")})
    compared = 0
    for name in names:
        parts = name.split("/")
        dataset, kind = parts[0], parts[1]
        # R divides its default RE process by sigma twice; only the rescaled one is right.
        if kind == "RE" and "rescaleTRUE" not in parts:
            continue
        if "border" in parts[-1]:
            continue
        period, window, level = (
            float(part.removeprefix(mark))
            for part, mark in zip(parts[2:5], ("period", "h", "alpha"), strict=True)
        )
        frame = pd.read_csv(data / "monitoring" / f"{dataset}.csv")
        design = np.ones((len(frame), 1))
        if dataset == "sim_slope":
            design = np.column_stack([design[:, 0], frame["t"]])
        found = watch(
            frame["y"].to_numpy(dtype=float),
            design,
            reference[f"{name}/histsize"],
            kind,
            level=level,
            window=window,
            period=period,
            functional="range" if "range" in parts else "max",
        )
        assert found.critical == pytest.approx(reference[f"{name}/critval"], rel=1e-6), name
        assert found.boundary[:5] == pytest.approx(reference[f"{name}/border_first5"], rel=1e-6)
        assert found.boundary[-1] == pytest.approx(reference[f"{name}/border_last"], rel=1e-6)
        first = np.ravel(reference[f"{name}/process_first5"])
        assert found.process[:5].ravel() == pytest.approx(first, rel=1e-7, abs=1e-9), name
        expected = reference[f"{name}/breakpoint"]
        row = None if found.alarm is None else found.alarm + reference[f"{name}/histsize"] + 1
        assert row == expected, name
        compared += 1
    assert compared > 40


def test_unknown_windows_and_levels_are_named() -> None:
    with pytest.raises(InputError, match="window and period"):
        critical_boundary("ME", 0.05, window=0.3, period=10)
    with pytest.raises(InputError, match="level"):
        critical_boundary("ME", 0.2, window=0.5, period=10)
