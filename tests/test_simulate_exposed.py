from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from uploadtrends.simulate import labelled_works, tool_adopters, training_set


@pytest.mark.parametrize("draw", [training_set, tool_adopters, labelled_works])
def test_an_exposed_population_is_seeded_and_whole(draw):
    world, again = draw(80, seed=3), draw(80, seed=3)
    assert world.population.uploads.equals(again.population.uploads)
    assert world.treated_from == again.treated_from
    assert not draw(80, seed=4).population.uploads.equals(world.population.uploads)
    names = set(world.population.artists["artist_id"])
    assert set(world.treated_from) < names
    assert set(world.population.uploads["artist_id"]) == names


def test_effects_are_those_of_the_draws():
    """Mean uploads after exposure of the same artists, drawn with and without an effect."""

    def uploads(effect):
        total = []
        for seed in range(12):
            world = tool_adopters(150, effect=effect, seed=seed)
            since = pl.DataFrame(
                {"artist_id": list(world.treated_from), "since": list(world.treated_from.values())}
            ).with_columns(pl.col("since").str.to_datetime())
            rows = world.population.uploads.join(since, on="artist_id")
            total.append(rows.filter(pl.col("published_at") >= pl.col("since")).height)
        return np.array(total)

    assert uploads(0.4).sum() > 1.2 * uploads(0.0).sum()
    assert tool_adopters(seed=1, effect=0.0).uploads == 0
    assert training_set(seed=1, effect=-0.3).log_ratio == pytest.approx(-0.3)


def test_only_exposed_artists_have_labelled_works():
    world = labelled_works(100, seed=2)
    made = world.population.uploads.filter(pl.col("ai_label"))
    assert set(made["artist_id"]) <= set(world.treated_from)
    assert made.height > 100


def test_the_effect_among_all_exposed_is_the_effect():
    world = tool_adopters(80, seed=3)
    assert world.among(world.treated_from) == pytest.approx((world.log_ratio, world.uploads))
    busiest = max(world.by_artist, key=lambda one: world.by_artist[one][2])
    assert world.among([busiest])[1] > world.uploads
