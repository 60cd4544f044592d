"""One small study, run once: the bundled data with the checks that the page needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import uploadtrends as ut

CHECKS = ("published_series", "placebo_cohorts", "placebo_dates", "multiplicity")


@pytest.fixture(scope="session")
def results(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    spec = ut.Study.load(root / "studies" / "precipice.toml").spec
    checks = {name: settings for name, settings in spec.checks.items() if name in CHECKS}
    study = ut.Study(replace(spec, checks=checks))
    return study.run(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def page(results: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from uploadtrends import report

    return report.write(results, tmp_path_factory.mktemp("report") / "report.html")
