"""Samples: named frames, reproducible draws, and weights that recover the population."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.plans import read_targets
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.sampling import draw, sample
from uploadtrends.collect.session import Session
from uploadtrends.collect.sites import site_class
from uploadtrends.collect.visit import Member
from uploadtrends.errors import BlockedError, ConfigurationError, InputError
from uploadtrends.simulate import Population
from uploadtrends.store import open_store

Quick = Callable[..., Session]
FRAMES = [
    ("artstation", "users-search"),
    ("artstation", "latest-projects"),
    ("deviantart", "tags+daily"),
    ("danbooru", "artist-tags"),
]


@pytest.mark.parametrize(("site", "frame"), FRAMES)
def test_the_same_seed_gives_the_same_artists(
    server: demo.DemoServer, quick: Quick, tmp_path: Path, site: str, frame: str
) -> None:
    drawn = [
        sample(
            site,
            session=quick(server),
            frame=frame,
            followers=30,
            n=12,
            seed=seed,
            raw=tmp_path / str(place),
        )
        for place, seed in enumerate((1, 1, 2))
    ]
    ids = [[target.artist_id for target in one.targets] for one in drawn]
    assert ids[0] == ids[1]
    if site != "deviantart":  # there the seed also chooses the dates that are visited
        assert ids[0] != ids[2]
    world = server.worlds[site]
    for target in drawn[0].targets:
        person = world.by_handle[target.handle.lower()]
        assert not person.is_studio or site == "danbooru"
        if site == "danbooru":
            assert len(world.works[person.number]) >= 30
        else:
            assert person.followers == target.followers > 30
        assert target.frame == frame
    assert [target.draw for target in drawn[0].targets] == list(range(1, 13))
    about = json.loads(drawn[0].file.with_suffix(".json").read_text())
    assert about["caveat"] == site_class(site).frames[frame]
    assert about["frame_size"] == drawn[0].frame_size >= 12
    assert read_targets(drawn[0].file, site) == list(drawn[0].targets)
    asked = [one.target for one in server.requests if "follow" in one.target.split("?")[0]]
    assert asked == []  # never the follower graph


def test_a_census_frame_holds_everyone_above_the_threshold(
    server: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    drawn = sample("artstation", session=quick(server), followers=100, n=10_000, raw=tmp_path)
    people = server.worlds["artstation"].people.values()
    expected = {p.handle for p in people if p.listed and not p.is_studio and p.followers > 100}
    assert {target.handle for target in drawn.targets} == expected
    assert {target.inclusion_probability for target in drawn.targets} == {1.0}
    assert {target.design_weight for target in drawn.targets} == {1.0}
    assert "the whole frame" in drawn.summary()


def test_deviantart_combines_two_routes(
    server: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    drawn = sample("deviantart", session=quick(server), followers=20, n=5, raw=tmp_path)
    routes = json.loads(drawn.file.with_suffix(".json").read_text())["routes"]
    assert {"daily", "tags", "daily and tags"} & set(routes)
    paths = {one.target.split("?")[0].rsplit("/", 1)[-1] for one in server.requests}
    assert {"tags", "dailydeviations", "whois"} <= paths


def members(n: int, rate: bool = False) -> list[Member]:
    return [
        Member(str(i), f"artist-{i}", 3000 + i, ("r",), 1, float(i + 1) if rate else None)
        for i in range(n)
    ]


@given(n_frame=st.integers(1, 60), n=st.integers(1, 80), seed=st.integers(0, 5))
def test_weights_add_up_to_the_frame(n_frame: int, n: int, seed: int) -> None:
    drawn = draw(members(n_frame), n=n, seed=seed, frame="f", platform="p")
    assert len({target.artist_id for target in drawn}) == len(drawn) == min(n, n_frame)
    total = sum(target.design_weight or 0 for target in drawn)
    assert total == pytest.approx(n_frame)
    for target in drawn:
        assert target.inclusion_probability == pytest.approx(min(1, n / n_frame))


def test_everyone_is_drawn_equally_often() -> None:
    counts = dict.fromkeys(range(20), 0)
    for seed in range(2000):
        for target in draw(members(20), n=5, seed=seed, frame="f", platform="p"):
            counts[int(target.artist_id)] += 1
    # Binomial(2000, 1/4): standard deviation 19.4; five of them leave 1e-6 for chance.
    assert all(abs(count - 500) < 97 for count in counts.values())


@given(n=st.integers(2, 20), seed=st.integers(0, 50))
def test_one_more_member_changes_at_most_one_artist(n: int, seed: int) -> None:
    before = {t.artist_id for t in draw(members(40), n=n, seed=seed, frame="f", platform="p")}
    after = {t.artist_id for t in draw(members(41), n=n, seed=seed, frame="f", platform="p")}
    assert len(before - after) <= 1


def test_length_bias_is_weighted_away_and_said() -> None:
    drawn = draw(members(30, rate=True), n=10, seed=1, frame="latest-projects", platform="p")
    weights = [target.design_weight or 0 for target in drawn]
    assert sum(weights) == pytest.approx(10)
    for target, weight in zip(drawn, weights, strict=True):
        works = int(target.artist_id) + 1
        assert weight * works == pytest.approx(weights[0] * (int(drawn[0].artist_id) + 1))
    assert {target.inclusion_probability for target in drawn} == {None}
    assert "unknown" in site_class("artstation").frames["latest-projects"]


def test_an_interrupted_frame_is_taken_up_again(
    server: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    from uploadtrends.collect.wire import StoppedError

    runs, drawn = 0, None
    while drawn is None:
        runs += 1
        session = quick(server, max_requests=30)
        try:
            drawn = sample("deviantart", session=session, followers=20, n=5, raw=tmp_path)
        except StoppedError as error:
            said = str(error)
    assert "run the same command" in said
    assert runs > 3
    assert len(list((tmp_path / "deviantart").glob("frame-*"))) == 1
    whole = sample("deviantart", session=quick(server), followers=20, n=5, raw=tmp_path / "at-once")
    assert whole.targets == drawn.targets


def test_a_block_ends_the_frame(server: demo.DemoServer, quick: Quick, tmp_path: Path) -> None:
    server.set_faults(demo.Faults(challenge_at=3))
    with pytest.raises(BlockedError, match="run the same command"):
        sample("artstation", session=quick(server), followers=1, n=5, raw=tmp_path)
    assert not (tmp_path / "artstation" / "samples").exists()


def test_wrong_arguments_are_explained(
    server: demo.DemoServer, quick: Quick, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="users-search, latest-projects"):
        sample("artstation", session=quick(server), frame="followers", raw=tmp_path)
    with pytest.raises(InputError, match="at least one"):
        sample("artstation", session=quick(server), n=0, raw=tmp_path)
    with pytest.raises(InputError, match="lower --followers"):
        sample("artstation", session=quick(server), followers=10**9, raw=tmp_path)
    with pytest.raises(ConfigurationError, match="terms of service"):
        sample("artstation", session=quick(server, i_have_permission=False), raw=tmp_path / "new")


def test_the_draw_goes_with_the_artists_into_the_store(
    few: Population, quick: Quick, tmp_path: Path
) -> None:
    with demo.serve(few, today="2022-12-31") as server:
        drawn = sample("artstation", session=quick(server), followers=0, n=4, raw=tmp_path)
        report = collect("artstation", session=quick(server), raw=tmp_path)  # the newest sample
    with open_store(tmp_path / "s.duckdb", read_only=False) as store:
        store.load(ArchivedCrawl(report.folder))
        rows = store.sql(
            "SELECT artist_id, frame, inclusion_probability, design_weight, followers "
            "FROM artist JOIN sighting USING (platform, artist_id)"
        ).fetchall()
    assert sorted(rows) == sorted(
        (t.artist_id, t.frame, t.inclusion_probability, t.design_weight, t.followers)
        for t in drawn.targets
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("platform,artist_id,handle\ndeviantart,1,a\n", "another platform"),
        ("platform,artist_id,handle\nartstation,1,\n", "without a handle"),
        ("artist_id,handle,draw\n1,a,first\n", "not a number"),
    ],
)
def test_a_bad_sample_file_is_explained(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "sample.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=problem) as caught:
        read_targets(file, "artstation")
    assert "line 2" in str(caught.value)


def test_a_list_of_handles_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "people.txt"
    file.write_text("# my artists\nanna\n\n  berta # a friend\n")
    assert [target.handle for target in read_targets(file, "danbooru")] == ["anna", "berta"]
    with pytest.raises(InputError, match="cannot read"):
        read_targets(tmp_path / "none.txt", "danbooru")
