"""What is kept from run to run is what a run without anything kept would give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import uploadtrends as ut
from uploadtrends.figures import gallery

CHECKS: dict[str, dict[str, Any]] = {
    "published_series": {"groups": ["senior", "new"], "date": "2022-08"},
    "multiplicity": {"n_draws": 99},
    "specification_curve": {"n_draws": 19},
    "leave_one_out": {"group": "senior"},
    "power": {"n_draws": 99, "group": "senior"},
}
DATES = [("2022-11-11", "A"), ("2023-05-15", "B")]
DRAWN = ("figure1", "effects", "change_points")
"""And those of checks; the last shows no events, and is kept from date to date."""


@pytest.fixture(scope="module")
def study(root: Path) -> ut.Study:
    spec = ut.Study.load(root / "studies" / "precipice.toml").spec
    return ut.Study(replace(spec, checks=CHECKS, panel={**spec.panel, "platforms": ["artstation"]}))


def written(results: Any, folder: Path) -> dict[str, bytes]:
    """Return everything that a run writes, as if all ended at one time."""
    results = replace(results, manifest={**results.manifest, "finished_at": ""})
    return {str(path.relative_to(folder)): path.read_bytes() for path in results.save(folder)}


@pytest.mark.slow
def test_a_second_date_gives_what_a_cold_run_with_it_gives(
    study: ut.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = gallery.entries
    monkeypatch.setattr(
        "uploadtrends.study.pictures.entries",
        lambda results: [e for e in every(results) if "check" in e.name or e.name in DRAWN],
    )
    home = tmp_path / "home"
    steps: list[tuple[str, str]] = []
    for date in DATES:
        steps.clear()
        asked = study.with_event(*date)
        results = asked.run(home, announce=lambda step, state, _: steps.append((step, state)))
        warm = written(results, home / "events" / date[0])
    unchanged = {step for step, state in steps if state == "cached"}
    kept = {"load", "panel", "without the added date", "change points"}
    assert unchanged == kept | {"change points on Danbooru"}
    alone = study.with_event(*DATES[-1]).run(tmp_path / "cold")
    cold = written(alone, tmp_path / "cold")
    assert set(warm) == set(cold) >= {f"figures/{name}.svg" for name in DRAWN}
    assert [name for name in cold if warm[name] != cold[name]] == []
