from __future__ import annotations

import pickle
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import uploadtrends as ut
from uploadtrends import simulate
from uploadtrends.engines import DuckDBEngine
from uploadtrends.panel.groups_sql import group_panel
from uploadtrends.panel.spans import window
from uploadtrends.sources.bundled import bundled


class Watched:
    """An engine of one's own: it counts what it was asked."""

    def __init__(self, inner: DuckDBEngine) -> None:
        self.inner = inner
        self.asked = 0

    def frame(self, query: str, **tables: pl.DataFrame) -> pl.DataFrame:
        self.asked += 1
        return self.inner.frame(query, **tables)


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "uploads.duckdb"
    ut.build_store(path, [bundled("artist_months")])
    return path


def test_every_question_goes_to_the_engine_given(store) -> None:
    rule = ut.Seniority(at="2016-01-01")
    here = ut.build_panel(store, seniority=rule)
    with ut.open_store(store) as opened:
        engine = Watched(DuckDBEngine(opened.connection))
        panel = ut.build_panel(None, seniority=rule, engine=engine)
        windows = ("2015-01-01", "2015-12-31"), ("2018-01-01", "2018-12-31")
        asked = {
            "with_seniority": lambda one: one.with_seniority(rule.shifted("12 months")).groups,
            "with_exit_after": lambda one: one.with_exit_after(6).groups,
            "artists": lambda one: one.with_seniority(rule).artists,
            "decompose": lambda one: pl.from_pandas(
                one.decompose(*windows, platform="shadertoy/shaders20k", n_bootstrap=0).table
            ),
        }
        for name, ask in asked.items():
            before = engine.asked
            there = ask(panel)
            assert engine.asked > before, name
            assert_frame_equal(there, ask(here))


def test_a_panel_of_the_built_in_engine_can_be_pickled(store) -> None:
    panel = ut.build_panel(store, engine="duckdb").with_exit_after(6)
    again = pickle.loads(pickle.dumps(panel))
    assert again.fingerprint == panel.fingerprint
    assert_frame_equal(again.artists, panel.artists)


@pytest.mark.parametrize("sites", [("one",), ("one", "two")])
@pytest.mark.parametrize("labelled", [False, True])
def test_counts_that_are_known_are_those_that_would_be_summed(sites, labelled) -> None:
    people = simulate.population(60, platforms=sites, start="2017-01-01", end="2020-12-31", seed=4)
    label = pl.when(pl.col("upload_id").hash(1) % 3 == 0).then(True) if labelled else None
    people = replace(people, uploads=people.uploads.with_columns(ai_label=label))
    records = ut.build_panel(people).records
    rule = ut.Seniority(at="2019-01-01")
    days = window(records.lanes, {"period": "month", "start": None, "end": None}, rule)
    every = DuckDBEngine().frame(
        group_panel(rule, "month", cut=False), **records.tables, calendar=days
    )
    panel = ut.build_panel(people, seniority=rule).groups.rename({"platform": "lane"})
    shown = ("uploads", "fractional_uploads", "media", "ai_uploads", "ai_unknown", "delisted")
    key = ["lane", "group", "period"]
    rows = every.rename({"grp": "group"}).with_columns(pl.col(shown).cast(pl.Float64))
    assert panel["ai_uploads"].sum() > 0 if labelled else panel["ai_uploads"].sum() == 0
    assert_frame_equal(
        rows.select(*key, *shown).sort(key),
        panel.join(rows.select(key), on=key, how="semi").select(*key, *shown).sort(key),
    )
