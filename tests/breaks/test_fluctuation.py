"""Fluctuation and F tests against R package strucchange 1.5.3 (tests/data/fluctuation)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from uploadtrends import InputError, structural_breaks
from uploadtrends.breaks.structural import fluctuation_p_value, hansen_p_value
from uploadtrends.breaks.structural.limits import critical_value
from uploadtrends.breaks.structural.processes import process_of
from uploadtrends.breaks.structural.regression import long_run_variance

MONTHS = [f"m{i}" for i in range(2, 13)]
FUNCTIONALS = {
    "maxBB": {"functional": "max"},
    "meanL2BB": {"functional": "mean-l2"},
    "rangeBB": {"functional": "range"},
    "supLM0.1": {"functional": "sup-lm", "trim": 0.1},
    "supLM0.15": {"functional": "sup-lm", "trim": 0.15},
}


@pytest.fixture(scope="module")
def reference(data: Path) -> dict[str, Any]:
    return json.loads((data / "fluctuation" / "reference_R.json").read_text())["results"]


@pytest.fixture(scope="module")
def frames(data: Path) -> dict[str, pd.DataFrame]:
    nile = pd.read_csv(data / "fluctuation" / "nile.csv")
    sim = pd.read_csv(data / "fluctuation" / "sim_monthly.csv")
    nile.index = pd.to_datetime(nile["year"].astype(str))
    sim.index = pd.date_range("1969-01-01", periods=len(sim), freq="MS")
    return {"nile": nile, "sim": sim}


def setting(frames: dict, name: str, column: str = "y") -> tuple[pd.Series, pd.DataFrame]:
    """Series and regressors of a data set as the reference names it."""
    frame = frames["nile"] if name.startswith("nile") else frames["sim"]
    columns: list[str] = []
    if name.endswith("trend") or "poisson_t" in name:
        columns = ["t"]
    if name.endswith("season"):
        columns += MONTHS
    if found := re.search(r"_k(\d+)$", name):
        columns = [*(["t"] if int(found[1]) > 12 else []), *MONTHS]
        columns += [f"z{i}" for i in range(1, max(int(found[1]) - 13, 0) + 1)]
    design = frame[columns].copy()
    design.insert(0, "constant", 1.0)
    return frame[column].astype(float), design


def groups(reference: dict, pattern: str) -> list[re.Match]:
    found = (re.fullmatch(pattern, key) for key in reference)
    return [match for match in found if match]


def same(found: float, expected: float, rel: float = 1e-8) -> None:
    # R computes 1 - pchisq(): below 1e-13 its p-values are noise.
    assert found == pytest.approx(expected, rel=rel, abs=1e-13)


KIND = "(Rec-CUSUM|OLS-CUSUM|RE|Score-CUSUM|Rec-MOSUM|OLS-MOSUM|ME|Score-MOSUM)"


def test_every_fluctuation_process_equals_strucchange(reference, frames) -> None:
    found = groups(reference, rf"(nile\w*|sim_monthly_\w+)/{KIND}(?:/h([\d.]+))?/statistic")
    assert len(found) > 40
    for match in found:
        name, kind, window = match[1], match[2], float(match[3] or 0.15)
        series, design = setting(frames, name)
        result = structural_breaks(series, kind, regressors=design, window=window)
        key = match[0].removesuffix("/statistic")
        same(result.statistic, reference[f"{key}/statistic"])
        same(result.p, reference[f"{key}/p"])
        process = process_of(series.to_numpy(), design.to_numpy(), kind, "ols", window)
        assert len(process.values) == reference[f"{key}/n_process"]
        if f"{key}/process_last" in reference:
            last = np.atleast_1d(reference[f"{key}/process_last"])
            assert process.values[-1, : len(last)] == pytest.approx(last, abs=1e-8)


def test_boundaries_functionals_and_long_run_variances_equal_strucchange(reference, frames) -> None:
    names = ["nile", "nile_trend", "sim_monthly_season", "sim_monthly_trend"]
    for name in names:
        series, design = setting(frames, name)
        for kind in ("Rec-CUSUM", "OLS-CUSUM"):
            result = structural_breaks(series, kind, regressors=design, root_boundary=True)
            same(result.statistic, reference[f"{name}/{kind}/alt_boundary/statistic"])
            same(result.p, reference[f"{name}/{kind}/alt_boundary/p"])
            drawn = structural_breaks(series, kind, regressors=design).boundary
            key = f"{name}/{kind}/boundary_alpha05"
            # R finds its boundary by a search that stops at 1e-5.
            assert drawn.iloc[0] == pytest.approx(reference[f"{key}/first"], abs=1e-4)
            assert drawn.iloc[-1] == pytest.approx(reference[f"{key}/last"], abs=3e-4)
        for theirs, ours in (("range", "range"), ("maxL2", "max-l2"), ("meanL2", "mean-l2")):
            result = structural_breaks(series, "RE", regressors=design, functional=ours)
            same(result.statistic, reference[f"{name}/RE/{theirs}/statistic"])
            same(result.p, reference[f"{name}/RE/{theirs}/p"])
        result = structural_breaks(series, "OLS-CUSUM", regressors=design, covariance="hac")
        same(result.statistic, reference[f"{name}/OLS-CUSUM/lrvar/statistic"], 1e-6)
        same(result.p, reference[f"{name}/OLS-CUSUM/lrvar/p"], 1e-5)


def test_every_f_test_equals_strucchange(reference, frames) -> None:
    found = groups(reference, r"((?:nile|sim)\w*)/Fstats/from([\d.]+)_to([\d.]+)/n_F")
    assert len(found) >= 17
    for match in found:
        series, design = setting(frames, match[1])
        start, end = (float(text) for text in match.groups()[1:])
        key = match[0].removesuffix("/n_F")
        for kind in ("sup", "ave", "exp"):
            result = structural_breaks(series, f"{kind}-F", regressors=design, start=start, end=end)
            assert len(result.path) == reference[f"{key}/n_F"]
            same(result.path.iloc[0], reference[f"{key}/first_F"], 1e-7)
            same(result.path.iloc[-1], reference[f"{key}/last_F"], 1e-7)
            same(result.statistic, reference[f"{key}/{kind}F/statistic"], 1e-7)
            same(result.p, reference[f"{key}/{kind}F/p"], 1e-5)
            assert series.index.get_loc(result.date) == reference[f"{key}/breakpoint"]


def test_robust_f_tests_equal_strucchange(reference, frames) -> None:
    for name in ("nile", "sim_monthly_trend"):
        series, design = setting(frames, name)
        for kind in ("sup", "ave", "exp"):
            result = structural_breaks(series, f"{kind}-F", regressors=design, covariance="hac")
            key = f"{name}/Fstats_kernHAC/{kind}F"
            same(result.statistic, reference[f"{key}/statistic"], 1e-5)
            same(result.p, reference[f"{key}/p"], 1e-3)


def test_poisson_fluctuation_tests_equal_strucchange(reference, frames) -> None:
    for name in ("poisson_1", "poisson_t", "poisson_t_season"):
        series, design = setting(frames, name, "count")
        for theirs, options in FUNCTIONALS.items():
            result = structural_breaks(series, "Poisson-CUSUM", regressors=design, **options)
            key = f"sim_count/{name}/{theirs}"
            # glm() stops at a relative change of 1e-8 in the deviance.
            same(result.statistic, reference[f"{key}/statistic"], 2e-5)
            same(result.p, reference[f"{key}/p"], 1e-3)
        result = structural_breaks(series, "Poisson-MOSUM", regressors=design)
        key = f"sim_count/{name}/maxMOSUM.15"
        same(result.statistic, reference[f"{key}/statistic"], 2e-5)
        same(result.p, reference[f"{key}/p"], 1e-3)


def test_robust_poisson_scores_equal_strucchange(reference, frames) -> None:
    series, design = setting(frames, "poisson_t", "count")
    for theirs, options in FUNCTIONALS.items():
        result = structural_breaks(
            series, "Poisson-CUSUM", regressors=design, covariance="hac", **options
        )
        key = f"sim_count/poisson_t_nodecor_vcovkernHAC/{theirs}"
        same(result.statistic, reference[f"{key}/statistic"], 1e-4)
        same(result.p, reference[f"{key}/p"], 5e-3)


def test_hansen_and_bridge_p_values_equal_strucchange(reference) -> None:
    for match in groups(reference, r"hansen/(\w+)F/k(\d+)/lambda([\d.]+)/x([\d.]+)/p"):
        kind, k, span, value = match[1], int(match[2]), float(match[3]), float(match[4])
        same(hansen_p_value(kind, value, k, span), reference[match[0]])
    for match in groups(reference, r"pvalue_efp/BB_max/k(\d+)/x([\d.]+)/p"):
        same(
            fluctuation_p_value(float(match[2]), "bridge", processes=int(match[1])),
            reference[match[0]],
        )


def test_a_critical_value_has_its_p_value() -> None:
    for limit in ("motion", "bridge", "bridge increments", "motion increments"):
        value = critical_value(0.05, limit, processes=2)
        assert fluctuation_p_value(value, limit, processes=2) == pytest.approx(0.05, abs=1e-9)
    assert np.isnan(critical_value(1e-4, "bridge increments"))


def test_far_out_p_values_keep_their_digits() -> None:
    assert fluctuation_p_value(4.0, "bridge") == pytest.approx(2 * np.exp(-32), rel=1e-6)


def test_more_regressors_than_the_table_still_give_a_statistic() -> None:
    rng = np.random.default_rng(0)
    series = pd.Series(rng.normal(size=200), pd.date_range("2000-01-01", periods=200, freq="MS"))
    design = pd.DataFrame(rng.normal(size=(200, 41)))
    result = structural_breaks(series, "sup-F", regressors=design, trim=0.3)
    assert result.statistic > 0
    assert np.isnan(result.p)
    assert "40 regressors" in result.sentence


def test_a_window_can_be_dates_numbers_or_shares(frames) -> None:
    series, _ = setting(frames, "nile")
    by_date = structural_breaks(series, "sup-F", start="1891", end="1931")
    by_number = structural_breaks(series, "sup-F", start=20, end=60)
    assert by_date.statistic == by_number.statistic
    assert by_date.path.index[0] == pd.Timestamp("1891-01-01")


def test_bai_perron_and_chow_go_through_the_same_door(frames) -> None:
    series, _ = setting(frames, "nile")
    assert [f"{date:%Y}" for date in structural_breaks(series, "bai-perron").dates] == ["1899"]
    assert structural_breaks(series, "chow", date="1899").p < 1e-6


def test_hac_scores_of_white_noise_are_like_plain_ones() -> None:
    values = np.random.default_rng(1).normal(size=4000)
    assert long_run_variance(values) == pytest.approx(values.var(), rel=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": "t-test"}, "unknown test"),
        ({"test": "breakpoints"}, "breakpoints of strucchange is Bai-Perron here"),
        ({"test": "OLS-CUSUM", "window": 2.0}, "share of the periods"),
        ({"test": "Rec-CUSUM", "functional": "range"}, "no p-value for this test"),
        ({"test": "OLS-MOSUM", "root_boundary": True}, "root boundary"),
        ({"test": "Poisson-CUSUM"}, "needs counts"),
        ({"test": "sup-F", "window": 0.3}, "has no such setting"),
        ({"test": "sup-F", "start": "1700"}, "outside the series"),
        ({"test": "sup-F", "start": 0.6, "end": 0.4}, "too short"),
    ],
)
def test_bad_options_are_named(frames, options: dict, message: str) -> None:
    series, _ = setting(frames, "nile")
    with pytest.raises(InputError, match=message):
        structural_breaks(series / 7.0, **options)
