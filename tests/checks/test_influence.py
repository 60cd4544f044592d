import numpy as np
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError

EVENT = "2022-08-22"


def test_dropping_a_period_is_refitting_without_it(stepped):
    outcome = stepped.check(ut.leave_one_out(what=("period",), group="senior", keep=3))
    top = outcome.table[outcome.table["kind"] == "period"].iloc[0]
    fit = stepped.fit("senior")
    holed = fit.observed.copy()
    holed[top["left_out"]] = np.nan
    again = stepped.refit(data={("gallery", "senior"): holed}).effects
    level = again[again["term"] == "level"].iloc[0]
    assert top["estimate"] == pytest.approx(level["estimate"], abs=1e-6)
    assert top["low"] == pytest.approx(level["low"], abs=1e-4)
    assert outcome.status == "passed"
    assert (outcome.figure_data["estimates"]["kind"] == "period").sum() == 96


def test_one_month_that_makes_the_change_is_named(flat, monthly):
    log_values = flat[2].copy()
    log_values[80] -= 3.0
    series = monthly(log_values)
    its = ut.interrupted_time_series(
        series, EVENT, terms=("pulse",), pulse_periods=2, season="none", scale="log"
    )
    outcome = its.check(ut.leave_one_out(what=("period",)))
    assert its.effects["p"].iloc[0] < 0.05
    assert outcome.status == "failed"
    assert "2022-09" in outcome.text


def test_protest_posts_are_a_window(stepped):
    check = ut.leave_one_out(what=("period",), windows=[("2022-12-13", "2022-12-31")])
    estimates = stepped.check(check).figure_data["estimates"]
    window = estimates[estimates["kind"] == "window"]
    month = estimates[estimates["left_out"] == "2022-12"]
    assert set(window["left_out"]) == {"2022-12-13 to 2022-12-31"}
    np.testing.assert_allclose(window["estimate"].to_numpy(), month["estimate"].to_numpy())


def test_artists_are_named_by_pseudonym(people, tmp_path):
    panel, its = people
    key = str(tmp_path / "key")
    outcome = its.check(ut.leave_one_out(panel, what=("artist",), key_file=key))
    shown = outcome.table[outcome.table["kind"] == "artist"]["left_out"]
    known = set(panel.artists["artist_id"].unique())
    assert len(shown)
    assert not set(shown) & known
    assert shown.str.fullmatch("[0-9a-f]{16}").all()
    assert not set(outcome.figure_data["estimates"]["left_out"]) & known
    named = its.check(ut.leave_one_out(panel, what=("artist",), identify=True))
    assert set(named.table["left_out"]) <= known


def test_leaving_an_artist_out_is_refitting_without_the_works(people):
    import pandas as pd
    import polars as pl

    panel, its = people
    outcome = its.check(ut.leave_one_out(panel, what=("artist",), group="senior", identify=True))
    top = outcome.table.iloc[0]
    theirs = panel.artists.filter(pl.col("artist_id") == top["left_out"])
    works = pd.Series(theirs["uploads"].to_numpy(), pd.DatetimeIndex(theirs["period"].to_list()))
    observed = its.fit("senior").observed
    rest = observed - works.reindex(observed.index, fill_value=0.0)
    again = its.refit(data={("artstation", "senior"): rest}).effects
    level = again[again["term"] == "level"].iloc[0]
    assert top["estimate"] == pytest.approx(level["estimate"], abs=1e-6)


def test_one_dominant_artist_overturns(people):
    """A fall that is one account going silent is not a fall of the group."""
    import polars as pl

    panel, its = people
    effects = its.effects[(its.effects["term"] == "level") & (its.effects["group"] == "senior")]
    assert effects["p"].iloc[0] < 0.05
    outcome = its.check(ut.leave_one_out(panel, what=("artist",), group="senior"))
    assert outcome.status in ("passed", "failed")
    busy = panel.artists.group_by("artist_id").agg(pl.col("uploads").sum())
    assert len(outcome.figure_data["estimates"]) <= busy.height


def test_other_events(flat, monthly):
    early = np.arange(96) >= 48
    series = monthly(flat[1] - 0.5 * (np.arange(96) >= 80) - 0.4 * early)
    its = ut.interrupted_time_series(series, [EVENT, "2020-01-01"])
    table = its.check(ut.leave_one_out(what=("event",))).table
    rows = table[table["event"] == EVENT]
    assert rows["left_out"].tolist() == ["2020-01-01"]
    single = its.refit(events=[EVENT]).effects
    level = single[single["term"] == "level"].iloc[0]
    assert rows["estimate"].iloc[0] == pytest.approx(level["estimate"])


def test_nothing_claimed_nothing_hangs(stepped):
    outcome = stepped.check(ut.leave_one_out(what=("period",), platform="archive"))
    assert outcome.status == "not informative"
    assert "cannot be told from no change" in outcome.text


def test_unknown_kind():
    with pytest.raises(InputError, match="artist, event, period"):
        ut.leave_one_out(what=("week",))


def test_an_estimate_on_the_level_scale_is_drawn_in_its_own_unit() -> None:
    from uploadtrends import datasets

    data = {("artstation", "total"): datasets.precipice_figure1()["total_artstation"]}
    its = ut.interrupted_time_series(data, ["2022-08-22"], scale="level")
    outcome = its.check(ut.leave_one_out(what=("period",)))
    layer, row = outcome.figure_data["estimates"], its.effects.iloc[0]
    assert row["relative"] == row["relative"], "a ratio is known, and the estimate is none"
    assert not layer["percent"].any()
    assert (layer["all_in"] == row["estimate"]).all()
    assert outcome.plot().data is not None


@pytest.mark.parametrize("scale", ["log", "level"])
@pytest.mark.parametrize("term", ["level", "cumulative"])
def test_leaving_an_event_out_is_refitting_without_it(flat, monthly, scale, term) -> None:
    values = monthly(flat[3])
    first, other = ut.Event("2018-08-01", "first"), ut.Event("2021-03-01", "other")
    its = ut.interrupted_time_series(values, [first, other], scale=scale)
    outcome = its.check(ut.leave_one_out(what=("event",), term=term))
    again = ut.interrupted_time_series(values, first, scale=scale).effects
    row = again[again["term"] == term].iloc[0]
    found = outcome.table[outcome.table["event"] == first.id].iloc[0]
    assert (found["kind"], found["left_out"]) == ("event", other.id)
    for name in ("estimate", "low", "high", "p"):
        assert found[name] == pytest.approx(row[name], rel=1e-9), name
