"""Artists drawn at random: who they are, what they stand for, and how far off they are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import uploadtrends as ut
from uploadtrends import simulate

RULE = ut.Seniority(at="2019-01-01")


@pytest.fixture(scope="module")
def whole():
    people = simulate.population(
        900, platforms=("one", "two"), start="2016-01-01", end="2021-12-31", seed=3
    )
    return ut.build_panel(people.visible("2021-12-31"), seniority=RULE)


def test_weights_give_back_all_artists(whole) -> None:
    some = whole.sample(100, seed=4)
    sizes = some.recipe["sample"]["artists"]
    known = whole.records.spans.group_by("lane").len()
    assert {lane: n for lane, (_, n) in sizes.items()} == dict(known.iter_rows())
    assert [n for n, _ in sizes.values()] == [100, 100]
    weights = some.records.spans.group_by("lane").agg(pl.col("weight").sum()).sort("lane")
    assert weights["weight"].to_list() == pytest.approx([n for _, n in sizes.values()])
    # The rows of those drawn are theirs, whatever the others did.
    drawn = some.records.spans.select(platform="lane", artist_id="artist_id")
    theirs = whole.artists.join(drawn, on=["platform", "artist_id"], how="semi")
    assert_frame_equal(some.artists.drop("weight"), theirs.drop("weight"))


def test_a_draw_depends_on_its_seed_alone_and_grows(whole) -> None:
    def names(panel):
        return set(panel.records.spans.select("lane", "artist_id").iter_rows())

    small, again, large = (whole.sample(n, seed=4) for n in (50, 50, 120))
    assert small.fingerprint == again.fingerprint
    assert names(small) < names(large)
    assert names(small) != names(whole.sample(50, seed=5))
    # Sorted by another rule, the same artists.
    assert names(whole.with_seniority(None).sample(50, seed=4)) == names(small)


def test_all_artists_have_no_sampling_error(whole) -> None:
    everyone = whole.sample(10_000)
    assert_frame_equal(everyone.groups, whole.groups)
    assert everyone.sampling_error()["se"].max() == 0


def test_the_sampling_error_is_that_of_repeated_draws(whole) -> None:
    key = ["platform", "group", "period"]
    for unit in ("uploads", "active_artists"):
        truth = whole.groups.filter(pl.col("active_artists") > 100).select(*key, truth=unit)
        draws = pl.concat(
            truth.join(whole.sample(150, seed=seed).sampling_error(unit), on=key)
            for seed in range(80)
        )
        by_total = draws.group_by(key).agg(
            bias=pl.col("estimate").mean() / pl.col("truth").first() - 1,
            ratio=(pl.col("se") ** 2).mean() / pl.col("estimate").var(),
            held=pl.col("truth").is_between("low", "high").mean(),
        )
        assert by_total.height > 50
        # Eighty draws leave 2% to chance, or 4% where counts are skewed.
        assert abs(by_total["bias"].mean()) < 0.04
        assert 0.75 < by_total["ratio"].mean() < 1.3
        # Normal intervals of skewed totals hold less often than they say; of numbers, as they say.
        assert (0.86 if unit == "uploads" else 0.925) < by_total["held"].mean() < 0.975


def test_its_output_states_the_draw(whole) -> None:
    some = whole.sample(150, seed=2)
    n = some.recipe["sample"]["artists"]["one"][1]
    assert f"Drawn on one: 150 of {n:,} artists at random (seed 2)" in some.summary()
    fitted = ut.artist_model(some, "2019-06-01", platform="one", inference="cluster")
    note = next(note for note in fitted.notes if "drawn" in note)
    assert f"(seed 2): 150 of {n:,} on one" in note
    se = fitted.effects["se"].iloc[0] * np.sqrt(1 - 150 / n)
    assert f"{se:.2g}" in note
    assert fitted.notes[-1] in fitted.summary()
    assert not [
        note
        for note in ut.artist_model(whole, "2019-06-01", platform="one").notes
        if "drawn" in note
    ]


def test_the_error_stated_is_the_distance_to_a_fit_to_all(whole) -> None:
    def level(panel):
        fitted = ut.artist_model(
            panel,
            "2019-06-01",
            platform="one",
            groups=["new", "senior"],
            inference="cluster",
            terms=("level",),
        )
        row = fitted.effects.iloc[0]
        return row["estimate"], row["se"]

    truth, _ = level(whole)
    n, known = whole.sample(200).recipe["sample"]["artists"]["one"]
    found = np.array([level(whole.sample(200, seed=seed)) for seed in range(40)])
    spread = np.sqrt(np.mean((found[:, 0] - truth) ** 2))
    stated = np.sqrt(np.mean(found[:, 1] ** 2) * (1 - n / known))
    assert 0.75 < stated / spread < 1.35


def test_what_cannot_be_drawn_is_said(whole) -> None:
    with pytest.raises(ut.InputError, match="two artists or more"):
        whole.sample(1)
    with pytest.raises(ut.InputError, match="a sample already"):
        whole.sample(50).sample(20)
    with pytest.raises(ut.InputError, match="nothing was drawn"):
        whole.sampling_error()
    with pytest.raises(ut.InputError, match="active_artists"):
        whole.sample(50).sampling_error("silent")
