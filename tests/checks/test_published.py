"""What the published series can carry: the facts of the published figure, and sanity elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import uploadtrends as ut
from uploadtrends import datasets
from uploadtrends.checks import published_series
from uploadtrends.checks.published import _welch
from uploadtrends.simulate import population


@pytest.fixture(scope="module")
def published() -> dict[tuple[str, str], pd.Series]:
    series = datasets.precipice_figure1()
    return {(name.split("_")[1], name.split("_")[0]): series[name] for name in series}


@pytest.fixture(scope="module")
def table(published: dict[tuple[str, str], pd.Series]) -> pd.DataFrame:
    return published_series(published, date="2022-08").table.set_index(["group", "platform"])


def test_a_naive_comparison_is_significant_everywhere(table: pd.DataFrame) -> None:
    assert (table["naive_dates"] == 24).all()
    assert (table["naive_first"] == pd.Timestamp("2021-06-01")).all()
    assert (table["naive_last"] == pd.Timestamp("2023-05-01")).all()
    assert table.loc["senior", "naive_significant"].tolist() == [24, 24]


def test_where_a_change_over_a_trend_fits_best(table: pd.DataFrame) -> None:
    expected = {
        ("total", "deviantart"): (12.3, "2021-10"),
        ("new", "deviantart"): (37.9, "2022-01"),
        ("new", "artstation"): (6.0, "2022-01"),
    }
    for key, (value, month) in expected.items():
        assert table.loc[key, "f_peak"] == pytest.approx(value, abs=0.05)
        assert f"{table.loc[key, 'f_peak_at']:%Y-%m}" == month
    rest = table.drop(index=list(expected))["f_peak"].round(1)
    assert sorted(rest, reverse=True) == [3.8, 2.9, 2.3]


def test_new_is_one_until_the_cut(table: pd.DataFrame) -> None:
    new = table.loc["new"]
    assert (new["constant_value"] == 1).all()
    assert (new["constant_periods"] == 12).all()
    assert (table.loc[["total", "senior"], "constant_periods"] == 0).all()


def test_the_senior_series_fall_from_spring_2021_on(table: pd.DataFrame) -> None:
    senior = table.loc["senior"]
    assert senior["trend_per_period"].round(1).tolist() == [-1.0, -0.8]
    assert [f"{when:%Y-%m}" for when in senior["maximum_at"]] == ["2021-03", "2021-04"]


def test_no_change_of_the_senior_series_at_august_2022(table: pd.DataFrame) -> None:
    # With normal quantiles level p .64 and .57, slope p .49 and .88; with t a little larger.
    senior = table.loc["senior"]
    assert senior["level_change_p"].to_numpy() == pytest.approx([0.64, 0.58], abs=0.01)
    assert senior["slope_change_p"].to_numpy() == pytest.approx([0.50, 0.88], abs=0.01)
    assert senior["level_change_detectable"].between(8, 13).all()


def test_the_verdict_and_the_words(published: dict[tuple[str, str], pd.Series]) -> None:
    outcome = published_series(published)
    assert outcome.status == "failed"
    assert "5 of 6 series" in outcome.text
    assert len(outcome.figure_data["dates"]) == 6 * 24
    assert outcome.table["sentence"].str.len().min() > 50


def test_noise_without_a_trend_passes() -> None:
    index = pd.date_range("2018-01-01", periods=60, freq="MS")
    noise = pd.Series(np.random.default_rng(1).normal(100, 5, 60), index)
    assert published_series({("a", "total"): noise}).status == "passed"


def test_without_published_series_it_does_not_apply() -> None:
    artists = ut.build_panel(population(30, seed=1))
    assert published_series(artists).status == "not applicable"


def test_the_month_is_that_of_the_first_event_with_an_estimate(
    published: dict[tuple[str, str], pd.Series],
) -> None:
    senior = {"senior": published["artstation", "senior"]}
    its = ut.interrupted_time_series(senior, ["2020-01-01", "2022-08-22"])
    assert published_series(published, its).table["segmented_at"].unique().tolist() == ["2022-08"]
    assert "segmented_at" not in published_series(published).table


def test_welch_agrees_with_scipy() -> None:
    rng = np.random.default_rng(2)
    one, two = rng.normal(0, 1, 12), rng.normal(0.5, 3, 20)
    expected = stats.ttest_ind(one, two, equal_var=False).pvalue
    assert _welch(one, two) == pytest.approx(expected, rel=1e-10)
    assert _welch(np.ones(5), np.ones(6)) == 1.0
    assert _welch(np.ones(5), np.full(6, 2.0)) == 0.0
