from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from uploadtrends import InputError
from uploadtrends.simulate import ar1_series, count_series, population


def test_ar1_has_the_stated_moments():
    values = ar1_series(4000, 60, rho=0.6, sd=2.0, mean=5.0, seed=1)
    assert values.shape == (4000, 60)
    assert np.allclose(values.mean(axis=0), 5.0, atol=0.15)
    assert np.allclose(values.std(axis=0), 2.0, atol=0.1)
    noise = values - 5.0
    assert abs((noise[:, 1:] * noise[:, :-1]).mean() / 4.0 - 0.6) < 0.02


def test_ar1_step_and_slope_begin_where_stated():
    values = ar1_series(1, 10, sd=0.0, mean=1.0, slope=0.5, step=3.0, slope_change=2.0, step_at=6)
    assert values[0, 5] == 1.0 + 0.5 * 5
    assert values[0, 6] == 1.0 + 0.5 * 6 + 3.0
    assert values[0, 8] == 1.0 + 0.5 * 8 + 3.0 + 2.0 * 2


def test_count_series_keeps_the_mean_whatever_the_latent_noise():
    values = count_series(4000, 40, mean=30, rho=0.7, latent_sd=0.4, step=-0.5, step_at=20, seed=2)
    assert values.dtype == np.int64
    assert abs(values[:, :20].mean() - 30) < 0.4
    assert abs(values[:, 20:].mean() / 30 - np.exp(-0.5)) < 0.02


def test_same_seed_same_data_other_seed_other_data():
    first, again, other = (population(50, seed=seed) for seed in (3, 3, 4))
    assert first.uploads.equals(again.uploads)
    assert first.artists.equals(again.artists)
    assert not first.uploads.equals(other.uploads)


def test_a_population_is_consistent():
    people = population(400, event_date="2022-08-22", ai_share=0.3, seed=5)
    joined = people.uploads.join(people.artists, on=["platform", "artist_id"])
    assert joined.height == people.uploads.height
    assert (joined["published_at"] >= joined["joined_at"]).all()
    assert (joined["published_at"] >= joined["first_upload_at"]).all()
    left = joined.filter(pl.col("exit_at").is_not_null())
    assert left.height > 0
    assert (left["published_at"] <= left["exit_at"]).all()
    gone = joined.filter(pl.col("delisted_at").is_not_null())
    assert (gone["delisted_at"] >= gone["published_at"]).all()
    first = people.uploads.group_by("artist_id").agg(pl.col("published_at").min())
    check = first.join(people.artists, on="artist_id")
    assert (check["published_at"] == check["first_upload_at"]).all()
    assert people.uploads["published_at"].is_sorted()
    assert people.uploads["upload_id"].is_unique().all()
    before = people.uploads.filter(pl.col("published_at") < pl.datetime(2022, 8, 22))
    assert not before["ai_label"].drop_nulls().any()
    assert people.uploads["ai_label"].null_count() > 0


def test_the_event_effect_is_the_stated_rate_ratio():
    calm = {"ageing": 0.0, "seasonality": 0.0, "exit_hazard": 0.0, "entry_rate": 0.0}
    people = population(
        3000, event_date="2021-01-01", effect={"senior": -0.5, "new": 0.2}, seed=6, **calm
    )
    uploads = people.uploads.join(people.artists, on="artist_id")
    at = pl.datetime(2021, 1, 1)
    tenure = (at - pl.col("first_upload_at")).dt.total_days()
    for rule, expected in ((tenure > 731, -0.5),):
        group = uploads.filter(rule)
        after = group.filter(pl.col("published_at").is_between(at, pl.datetime(2022, 12, 31)))
        before = group.filter(pl.col("published_at").is_between(pl.datetime(2019, 1, 1), at))
        assert abs(np.log(after.height / before.height) - expected) < 0.05


def test_a_crawl_sees_no_deleted_work_and_does_not_know_what_went():
    people = population(300, deletion_hazard=0.01, account_deletion=0.5, seed=7)
    seen = people.visible("2023-01-01")
    assert seen.uploads["published_at"].max() <= pl.Series(["2023-01-01"]).str.to_datetime()[0]
    assert seen.uploads["delisted_at"].null_count() == seen.uploads.height
    assert seen.artists.height < people.artists.height
    orphans = seen.uploads.join(seen.artists, on=["platform", "artist_id"], how="anti")
    assert orphans.height == 0


def test_followers_select_survivors():
    people = population(3000, follower_selection=1.0, seed=8)
    chosen = people.sample(250, min_followers=2000, seed=1)
    assert chosen.artists.height == 250
    assert chosen.artists["followers"].min() >= 2000
    left = people.artists["exit_at"].is_not_null().mean()
    assert chosen.artists["exit_at"].is_not_null().mean() < left
    assert set(chosen.uploads["artist_id"]) <= set(chosen.artists["artist_id"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"entry_rate": 0.5}, "entry_rate"),
        ({"exit_hazard": 1.5}, "between 0 and 1"),
        ({"event_date": "2030-01-01"}, "outside the simulation"),
        ({"event_date": "soon"}, "not a date"),
        ({"effect": {"old": 1.0}}, "'senior', 'new'"),
        ({"end": "2010-01-01"}, "ends before"),
        ({"senior_after": "long", "event_date": "2022-01-01"}, "length of time"),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(InputError, match=says):
        population(10, **arguments)


def test_too_few_followers_says_how_many():
    with pytest.raises(InputError, match="only 0 artists"):
        population(10).sample(5, min_followers=10**9)


def test_bad_series_arguments():
    with pytest.raises(InputError, match="autocorrelation"):
        ar1_series(1, 10, rho=1.0)
    with pytest.raises(InputError, match="needs a place"):
        count_series(1, 10, step=0.1)
