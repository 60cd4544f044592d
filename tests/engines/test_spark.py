"""Spark gives DuckDB's panel, row by row."""

from __future__ import annotations

import builtins
import subprocess
import sys

import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import uploadtrends as ut
from engine_stores import assert_same_panel
from uploadtrends.engines import spark as spark_engine
from uploadtrends.errors import ConfigurationError

RULE = ut.Seniority(at="2020-01-01")
RULES = [
    None,
    RULE,
    ut.Seniority(at="2019-07-01", later="new", left_censored="separate"),
    ut.Seniority(at="2019-07-01", later="drop", left_censored="senior", basis="joined"),
    ut.Seniority(at="2020-01-01", bands=("12 months", "36 months"), left_censored="as_seen"),
    ut.Seniority(at="period", senior_after="18 months"),
    ut.Seniority.paper("2021-01-01"),
]
WINDOWS = ("2018-01-01", "2018-12-31"), ("2020-01-01", "2020-12-31")


def _decomposed(panel: ut.Panel, rule: str) -> pd.DataFrame:
    return panel.decompose(*WINDOWS, rule, platform="drawings", n_bootstrap=20).table


def test_every_table_and_unit_on_a_small_store(spark, small, monkeypatch) -> None:
    path, folder = small
    here = ut.build_panel(path, seniority=RULE)
    there = ut.build_panel(folder, seniority=RULE, engine=spark)
    assert_same_panel(here, there)
    for rule in ("lmdi", "shapley"):
        pd.testing.assert_frame_equal(_decomposed(here, rule), _decomposed(there, rule))
    assert there.fingerprint == there.with_seniority(RULE).fingerprint
    # Artists get other numbers, and sums another order.
    monkeypatch.setitem(spark_engine._SETTINGS, "spark.sql.shuffle.partitions", "7")
    monkeypatch.setitem(spark_engine._SETTINGS, "spark.sql.adaptive.enabled", "false")
    again = ut.build_panel(folder, seniority=RULE, engine=spark)
    assert not again.records.spans.sort("artist").equals(there.records.spans.sort("artist"))
    assert again.fingerprint == there.fingerprint
    placebo = RULE.shifted("-12 months")
    assert_frame_equal(here.with_seniority(placebo).groups, there.with_seniority(placebo).groups)


@pytest.mark.parametrize(
    "further",
    [
        {"period": "week", "credit": "fractional", "exit_after": 8},
        {"date": "arrived", "platforms": ["reposts"], "start": "2018-02-03", "end": "2021-05-06"},
        {
            "instrument": "new",
            "weights": "design",
            "period": "quarter",
            "histories_from": {"drawings": "2015-01-01"},
        },
    ],
)
def test_every_setting_on_a_small_store(spark, small, further) -> None:
    path, folder = small
    here = ut.build_panel(path, seniority=RULE, **further)
    assert_same_panel(here, ut.build_panel(folder, seniority=RULE, engine=spark, **further))


@pytest.fixture(scope="module")
def pair(spark, small):
    path, folder = small
    return ut.build_panel(path), ut.build_panel(folder, engine=spark)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    at=st.dates(
        min_value=pd.Timestamp("2016-01-01").date(), max_value=pd.Timestamp("2022-06-01").date()
    ),
    months=st.integers(1, 60),
    basis=st.sampled_from(["first_upload", "joined"]),
    later=st.sampled_from(["separate", "new", "drop"]),
    censored=st.sampled_from(["exclude", "separate", "senior", "as_seen"]),
)
def test_any_rule(pair, at, months, basis, later, censored) -> None:
    rule = ut.Seniority(at, basis, f"{months} months", later, None, censored)
    here, there = (panel.with_seniority(rule) for panel in pair)
    assert_frame_equal(here.groups, there.groups)
    assert_frame_equal(here.excluded, there.excluded)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule and (rule.at, rule.later)))
def test_200_000_credits(spark, large_pair, rule) -> None:
    here, there = (panel.with_seniority(rule) for panel in large_pair)
    assert here.records.totals["uploads"].sum() > 150_000
    assert_same_panel(here, there)
    if rule is None or not rule.by_period:
        pd.testing.assert_frame_equal(_decomposed(here, "lmdi"), _decomposed(there, "lmdi"))


@pytest.fixture(scope="module")
def large_pair(spark, large):
    path, folder = large
    return ut.build_panel(path), ut.build_panel(folder, engine=spark)


def test_the_artist_panel_is_written_by_spark(pair, tmp_path) -> None:
    here, there = (panel.with_seniority(RULE) for panel in pair)
    parts = list(there.write_artists(tmp_path / "artists", identify=True))
    rows = pl.concat(pl.read_parquet(part) for part in parts)
    assert_frame_equal(rows.sort("platform", "artist_id", "period"), here.artists)


def test_every_engine_draws_the_same_artists(pair) -> None:
    here, there = (panel.with_seniority(RULE).sample(40, seed=3) for panel in pair)
    assert_same_panel(here, there)
    assert there.engine is None
    assert here.summary() == there.summary()
    assert_frame_equal(here.sampling_error(), there.sampling_error())


def test_many_artists_are_resampled_in_random_groups(pair, monkeypatch) -> None:
    monkeypatch.setattr("uploadtrends.panel.contributions.MOST_ARTISTS", 10)
    tables = [_decomposed(panel.with_seniority(RULE), "lmdi") for panel in pair]
    pd.testing.assert_frame_equal(*tables)


def test_checks_and_models_run_on_a_panel_of_spark(pair) -> None:
    effects = [
        ut.interrupted_time_series(
            panel.with_seniority(RULE), ut.Event("2020-06-15", "e"), platforms=["drawings"]
        ).effects
        for panel in pair
    ]
    pd.testing.assert_frame_equal(*effects)


def test_the_users_session_stays_as_it_was(spark, pair) -> None:
    assert spark.catalog.listTables() == []
    assert spark.conf.get("spark.sql.timestampType") == "TIMESTAMP_LTZ"


def test_nothing_there_is_said(spark, tmp_path) -> None:
    with pytest.raises(ut.InputError, match="no tables of a store"):
        ut.build_panel(f"file://{tmp_path}", engine=spark)


def test_several_machines_need_a_common_folder(spark) -> None:
    class Elsewhere:
        def __init__(self) -> None:
            self.sparkContext = self
            self.master = "spark://head:7077"
            self.conf = spark.newSession().conf

        def newSession(self):
            return self

    with pytest.raises(ConfigurationError, match=r"spark\.uploadtrends\.scratch"):
        spark_engine.SparkEngine(Elsewhere(), {})


def test_without_java_or_pyspark_the_message_names_the_fix(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    pytest.importorskip("pyspark")
    with pytest.raises(ConfigurationError, match="Spark needs Java 17 or later"):
        spark_engine.spark_session()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="openjdk-17"):
        spark_engine.spark_session()
    real = builtins.__import__

    def absent(name, *rest):
        if name == "pyspark":
            raise ModuleNotFoundError("No module named 'pyspark'", name="pyspark")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigurationError, match=r"pip install 'uploadtrends\[spark\]'"):
        spark_engine.spark_session()


def test_importing_the_package_loads_none_of_it() -> None:
    code = (
        "import sys, uploadtrends as ut; ut.build_panel; "
        "sys.exit(bool({'pyspark', 'sqlglot', 'py4j'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
