"""The bundled data as the study loads them, fitted once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import uploadtrends as ut

SETTINGS = {"n_draws": 20}


@pytest.fixture(scope="session")
def study_results(root: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    spec = ut.Study.load(root / "studies" / "precipice.toml").spec
    return ut.Study(replace(spec, checks={})).run(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def cohorts(study_results: Any) -> Any:
    return ut.placebo_cohorts(actual_years=[2022], events_from="2022-04", n_draws=20, seed=1)(
        study_results.panels["shadertoy"]
    )
