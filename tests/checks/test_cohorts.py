from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends import InputError
from uploadtrends.checks.recipe.shape import readings, shape_shown, slopes
from uploadtrends.checks.recipe.windows import Recipe
from uploadtrends.simulate import population
from uploadtrends.sources.bundled import bundled
from uploadtrends.store import build_store

PAPER = {"actual_years": [2022], "events_from": "2022-04-01"}


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "uploads.duckdb"
    build_store(path, [bundled("precipice_figure1"), bundled("artist_months")])
    return ut.build_panel(path)


@pytest.fixture(scope="module")
def outcome(panel):
    return ut.placebo_cohorts(panel, seed=1, **PAPER)


def test_the_bundled_data_show_the_shape_at_every_placebo_year(outcome):
    table = outcome.table
    placebo = table[table["kind"] == "placebo"]
    assert placebo["cut_year"].tolist() == [2016, 2017, 2018, 2019, 2020]
    assert set(placebo["instrument"]) == {"shaders20k"}
    assert placebo["shown"].all()
    assert outcome.status == "failed"
    assert "5 of 5 cut years" in outcome.text
    assert "the rule makes seniors decline in any year" in outcome.text
    assert "another instrument, shadertoy/api" in outcome.text
    contrasts = outcome.figure_data["contrasts"].set_index("quantity")
    assert contrasts.loc["placebo years", "high"] < -10
    assert contrasts.loc["excess", "low"] < 0 < contrasts.loc["excess", "high"]
    assert "stand in for" in outcome.text
    actual = table[table["kind"] == "actual"]
    assert actual[["cut_year", "instrument"]].values.tolist() == [[2022, "api"]]
    assert (table["drawn_artists"] == 250).all()


def test_the_monthly_values_are_those_of_the_raw_counts(panel, outcome, root):
    """Recount one placebo year with pandas from the file, for everybody eligible."""
    counts = pd.read_csv(root / "data/raw/artist_months.csv")
    counts = counts[counts["instrument"] == "shaders20k"]
    counts["month"] = pd.PeriodIndex(counts["month"], freq="M")
    counts["first_month"] = pd.PeriodIndex(counts["first_month"], freq="M")
    window = pd.period_range("2017-01", periods=34, freq="M")
    totals = counts[counts["month"] <= window[-1]].groupby("artist_id")["uploads"].sum()
    chosen = counts[counts["artist_id"].isin(totals.index[totals >= 5])]
    inside = chosen[chosen["month"].isin(window)]
    senior = inside[inside["first_month"] < window[0]].groupby("month").size()
    new = inside[inside["first_month"] >= pd.Period("2018-01")].groupby("month").size()
    everybody = ut.placebo_cohorts(panel, cut_years=[2018], n_artists=10**6, n_draws=2, seed=0)
    monthly = everybody.figure_data["monthly"]
    monthly = monthly[
        (monthly["unit"] == "active_artists") & (monthly["instrument"] == "shaders20k")
    ]
    for name, expected in (("senior", senior), ("new", new)):
        seen = monthly[monthly["group"] == name]["value"].to_numpy()
        assert np.array_equal(seen, expected.reindex(window).fillna(0).to_numpy())
    year = outcome.table.set_index(["instrument", "cut_year"]).loc[("shaders20k", 2018)]
    assert year["eligible_artists"] == (totals >= 5).sum()


def test_figure_data_are_tidy(outcome):
    monthly = outcome.figure_data["monthly"]
    keys = ["platform", "cut_year", "unit", "group", "month_in_window"]
    assert not monthly.duplicated(keys).any()
    assert (
        monthly.groupby(keys[:-1])["month_in_window"]
        .agg(["min", "max", "size"])
        .eq([1, 34, 34])
        .all(axis=None)
    )
    short = monthly[monthly["month"] == "2023-03-01"]
    assert short["value"].isna().all()
    known = monthly.dropna(subset="value")
    assert (known["low"] <= known["high"]).all()
    assert known[(known["group"] == "new") & (known["month_in_window"] <= 12)]["value"].eq(0).all()


def test_same_seed_same_outcome(panel, outcome):
    again = ut.placebo_cohorts(panel, seed=1, **PAPER)
    pd.testing.assert_frame_equal(again.table, outcome.table)
    other = ut.placebo_cohorts(panel, seed=2, **PAPER)
    assert not other.figure_data["monthly"].equals(outcome.figure_data["monthly"])


def test_the_shape_rule():
    time = np.arange(34.0)
    falling, rising = (30 - 0.5 * time)[None], (np.maximum(time - 12, 0))[None]
    assert shape_shown(falling, rising, 12).tolist() == [True]
    assert shape_shown(rising, rising, 12).tolist() == [False]
    # The jump at the cut alone does not count as a rise.
    jump = np.where(time >= 12, 10.0 - 0.1 * time, 0.0)[None]
    assert shape_shown(falling, jump, 12).tolist() == [False]
    gap = falling.copy()
    gap[0, 5] = np.nan
    assert slopes(gap)[0] == pytest.approx(-0.5)


def test_readings_of_those_in_between():
    who = readings(np.array(["senior", "between", "new"]))
    assert [mask.tolist() for mask in who["drop"]] == [[True, False, False], [False, False, True]]
    assert who["senior"][0].tolist() == [True, True, False]
    assert who["new"][1].tolist() == [False, True, True]


def test_windows_and_placebos():
    recipe = Recipe(250, 34, 12, 5, "drop", 10, 0, None, (2022,), "2022-04-01")
    months = recipe.months(2022)
    assert (str(months[0]), str(months[-1]), len(months)) == ("2021-01-01", "2023-10-01", 34)
    assert recipe.is_placebo(2020)
    assert not recipe.is_placebo(2021)
    assert not recipe.is_placebo(2022)


def test_a_population_without_turnover_does_not_show_it():
    """Nobody leaves, ages or joins late: the shape has nothing to come from."""
    people = population(
        1500,
        platforms=("site",),
        exit_hazard=0.0,
        ageing=0.0,
        entry_rate=0.0,
        seasonality=0.0,
        deletion_hazard=0.0,
        rate=0.5,
        seed=3,
    )
    outcome = ut.placebo_cohorts(
        ut.build_panel(people, start="2017-01-01"), cut_years=[2016, 2017], n_draws=50
    )
    assert not outcome.table["shown"].any()
    assert outcome.status == "not applicable"
    assert "at least 4 are needed" in outcome.text


def test_a_year_that_the_data_do_not_cover_is_refused_with_a_reason(panel):
    table = ut.placebo_cohorts(panel, cut_years=[2014, 2021], n_draws=5).table
    early = table[(table["cut_year"] == 2014) & (table["instrument"] == "shaders20k")].iloc[0]
    assert (early["status"], early["reason"]) == ("refused", "the window reaches beyond the data")
    few = ut.placebo_cohorts(panel, cut_years=[2016], min_uploads=40, n_draws=5).table
    assert (
        "senior artists qualify; at least 30"
        in few[few["instrument"] == "shaders20k"]["reason"].iloc[0]
    )


def test_totals_have_no_cohorts(tmp_path):
    build_store(tmp_path / "s.duckdb", [bundled("precipice_figure1")])
    totals = ut.build_panel(tmp_path / "s.duckdb")
    outcome = ut.placebo_cohorts(totals)
    assert outcome.status == "not applicable"
    assert outcome.table.empty
    series = totals.series("artstation", "senior")
    assert ut.placebo_cohorts()(series).status == "not applicable"


def test_the_check_can_wait_for_a_result(panel):
    check = ut.placebo_cohorts(cut_years=[2018], actual_years=[2022], n_draws=5)
    assert check.name == "placebo_cohorts"

    class Fitted:
        data = panel

    assert check(Fitted()).table["cut_year"].tolist() == [2018, 2022, 2018]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"n_artists": 0}, "n_artists"),
        ({"window_months": 20}, "window_months"),
        ({"between": "guess"}, "between"),
    ],
)
def test_bad_settings_are_named(settings, says):
    with pytest.raises(InputError, match=says):
        ut.placebo_cohorts(**settings)


def test_weeks_are_refused():
    with pytest.raises(InputError, match="by month"):
        ut.placebo_cohorts(ut.build_panel(population(50), period="quarter"))


def test_years_and_events_come_from_what_is_at_hand(panel):
    class Fitted:
        data = panel
        events = (ut.Event("2019-05-15"), ut.Event("2020-03"))

    table = ut.placebo_cohorts(n_draws=2)(Fitted()).table
    assert table[table["kind"] == "actual"]["cut_year"].unique().tolist() == [2019]
    assert table[table["kind"] == "placebo"]["cut_year"].max() <= 2017
    alone = ut.placebo_cohorts(panel, n_draws=2)
    assert set(alone.table["kind"]) == {"placebo"}
    assert "no date of a first event was given" in alone.text
    sorted_at = panel.with_seniority(ut.Seniority(at="2018-01-01", senior_after="24 months"))
    cut = ut.placebo_cohorts(sorted_at, n_draws=2).table
    assert cut[cut["kind"] == "actual"]["cut_year"].unique().tolist() == [2018]
