from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import uploadtrends as ut
from uploadtrends import InputError, Seniority
from uploadtrends.panel.seniority import Duration
from uploadtrends.series.named import named_series
from uploadtrends.simulate import population

SLOW = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MOMENTS = st.datetimes(dt.datetime(2019, 1, 1), dt.datetime(2022, 12, 28)).filter(
    lambda moment: moment.day <= 28
)
WORKS = st.lists(
    st.tuples(MOMENTS, st.lists(st.sampled_from("abcdefg"), max_size=3, unique=True)),
    min_size=1,
    max_size=60,
)
RULES = st.one_of(
    st.none(),
    st.builds(
        Seniority,
        at=st.sampled_from(["2020-01-01", "2021-06-15", "2022-01-01"]),
        senior_after=st.sampled_from(["0 months", "6 months", "24 months"]),
        later=st.sampled_from(["separate", "new", "drop"]),
        left_censored=st.sampled_from(["exclude", "separate", "senior", "as_seen"]),
    ),
    st.builds(Seniority, at=st.just("period"), senior_after=st.just("12 months")),
    st.builds(Seniority, at=st.just("2021-01-01"), bands=st.just(("6 months", "18 months"))),
)
PERIODS = st.sampled_from(["day", "week", "month", "quarter", "year"])


def make(rows, work):
    return [work(i, at, artists) for i, (at, artists) in enumerate(rows)]


def total(panel, column="uploads", **wanted):
    rows = panel.groups
    for name, value in wanted.items():
        rows = rows.filter(pl.col(name) == value)
    return rows[column].sum()


@SLOW
@given(rows=WORKS, rule=RULES, period=PERIODS, cut=st.booleans())
def test_uploads_are_conserved_under_every_rule(rows, rule, period, cut, tables, work):
    uploads = make(rows, work)
    window = {"start": "2020-02-01", "end": "2022-05-31"} if cut else {}
    panel = ut.build_panel(None, engine=tables(uploads), seniority=rule, period=period, **window)
    credits = sum(max(1, len(u["artists"])) for u in uploads)
    excluded = panel.excluded["uploads"].sum()
    by_rule = panel.excluded.filter(pl.col("reason").str.contains("seniority"))["uploads"].sum()
    assert total(panel, group="all") + excluded - by_rule == credits
    if rule is not None:
        sorted_out = panel.groups.filter(pl.col("group") != "all")["uploads"].sum()
        assert sorted_out + by_rule == total(panel, group="all")
    shared_out = total(panel, "fractional_uploads", group="all")
    if not cut:
        assert shared_out == pytest.approx(len(uploads))


@SLOW
@given(rows=WORKS, rule=RULES, period=PERIODS, exit_after=st.sampled_from([None, 1, 3]))
def test_nobody_is_at_risk_before_entry(rows, rule, period, exit_after, tables, work):
    uploads = [u for u in make(rows, work) if u["artists"]]
    if not uploads:
        return
    panel = ut.build_panel(
        None, engine=tables(uploads), seniority=rule, period=period, exit_after=exit_after
    )
    first = {
        a: min(u["at"] for u in uploads if a in u["artists"]) for u in uploads for a in u["artists"]
    }
    artists = panel.artists
    for artist, when in artists.select("artist_id", "period").iter_rows():
        assert when > first[artist].date()
    assert not artists.select("artist_id", "period").is_duplicated().any()
    # Every upload but those of the first period, and those past a partly seen end, is there.
    at_risk = panel.groups.filter(pl.col("group") == "all")
    kept = artists.group_by("period").agg(pl.len().alias("n"), (pl.col("uploads") == 0).sum())
    if rule is None:
        both = at_risk.join(kept, on="period", how="left").fill_null(0)
        assert both["at_risk_artists"].to_list() == both["n"].to_list()
        assert both["silent"].to_list() == both["uploads_right"].to_list()
    assert (panel.groups["silent"] >= 0).all()
    assert (panel.groups["silent"] <= panel.groups["at_risk_artists"]).all()


@SLOW
@given(
    rows=WORKS,
    rule=st.builds(
        Seniority,
        at=st.sampled_from(["2020-01-01", "2021-06-15"]),
        senior_after=st.sampled_from(["6 months", "24 months", "90 days"]),
        later=st.sampled_from(["separate", "new", "drop"]),
    ),
    months=st.sampled_from([-24, -12, 12, 36]),
)
def test_shifting_the_rule_and_the_data_commutes(rows, rule, months, tables, work):
    if "days" in rule.senior_after:
        # Days and calendar months do not add up the same way in every year.
        rule = Seniority(rule.at, senior_after="3 months", later=rule.later)
    move = Duration(months=months)
    uploads = make(rows, work)
    shifted = [u | {"at": move.after(u["at"])} for u in uploads]
    here = ut.build_panel(None, engine=tables(uploads), seniority=rule)
    there = ut.build_panel(None, engine=tables(shifted), seniority=rule.shifted(f"{months} months"))
    moved = here.groups.with_columns(pl.col("period").dt.offset_by(f"{months}mo"))
    # Whether an edge was seen in full depends on the length of its month, and with it who is at
    # risk there; counts do not.
    columns = ["group", "period", "uploads", "active_artists", "entrants"]
    expected, seen = (
        frame.filter(pl.col("uploads") > 0).select(columns) for frame in (moved, there.groups)
    )
    assert expected.equals(seen)


def test_credit_full_and_fractional(tables, work):
    engine = tables(
        [
            work(1, "2021-01-05", "a"),
            work(2, "2021-01-06", "b"),
            work(3, "2021-03-10", "ab"),
            work(4, "2021-03-11", ""),
            work(5, "2021-03-31", "a"),
        ]
    )
    full = ut.build_panel(None, engine=engine)
    march = full.groups.filter(pl.col("period") == dt.date(2021, 3, 1))
    assert dict(march.select("group", "uploads").iter_rows()) == {"all": 4, "unattributed": 1}
    assert march.filter(pl.col("group") == "all")["fractional_uploads"][0] == 3
    split = ut.build_panel(None, engine=engine, credit="fractional")
    assert split.series("site", flagged="keep")["2021-03-01"] == 3
    rows = split.artists.filter(pl.col("period") == dt.date(2021, 3, 1))
    assert dict(rows.select("artist_id", "uploads").iter_rows()) == {"a": 1.5, "b": 0.5}
    # Who models a total is told what it counts: 5 credits of 4 works up to the last full period.
    (total,) = [item for item in named_series(full) if item.group == "all"]
    works = full.series("site", unit="fractional_uploads").sum()
    credits = full.series("site").sum()
    assert credits == works + 1
    assert f"the total counts credits, {credits:.0f} for {works:.0f} works" in total.notes[0]
    for once in (named_series(split), named_series(full, unit="fractional_uploads")):
        assert not any("credits" in note for item in once for note in item.notes)


def test_risk_starts_after_entry_and_lasts_to_the_horizon(tables, work):
    uploads = [work(1, "2021-01-05"), work(2, "2021-03-05"), work(3, "2021-01-02", "b")]
    visits = [
        {"platform": "site", "artist": name, "crawl": 1, "on": dt.datetime(2021, 7, 15)}
        for name in "ab"
    ]
    panel = ut.build_panel(None, engine=tables(uploads, visits=visits))
    rows = panel.artists.filter(pl.col("artist_id") == "a")
    assert [d.month for d in rows["period"]] == [2, 3, 4, 5, 6]
    assert rows["uploads"].to_list() == [0, 1, 0, 0, 0]
    assert rows["tenure_months"].to_list() == [1, 2, 3, 4, 5]
    june, july = (
        panel.groups.row(by_predicate=pl.col("period") == dt.date(2021, m, 1), named=True)
        for m in (6, 7)
    )
    assert june["complete"]
    assert june["silent"] == 2
    assert not july["complete"]
    gone = panel.with_exit_after(2).artists.filter(pl.col("artist_id") == "a")
    assert [d.month for d in gone["period"]] == [2, 3, 4, 5]
    assert panel.with_exit_after(2).with_exit_after(None).groups.equals(panel.groups)


def test_left_censored_histories_and_works_no_longer_listed(tables, work):
    uploads = [
        work(1, "2021-01-05", "a", last_crawl=2),
        work(2, "2021-02-05", "a", last_crawl=1),
        work(3, "2021-01-20", "b", last_crawl=2),
    ]
    visits = [
        {"platform": "site", "artist": name, "crawl": crawl, "on": on, "truncated": name == "b"}
        for name in "ab"
        for crawl, on in ((1, dt.datetime(2021, 5, 1)), (2, dt.datetime(2021, 8, 1)))
    ]
    engine = tables(uploads, visits=visits)
    panel = ut.build_panel(None, engine=engine, seniority=Seniority("2021-06-01"))
    assert panel.excluded.row(0)[1:] == ("left out by the seniority rule", 1.0)
    gone = panel.series("site", unit="no_longer_listed")
    assert gone[gone > 0].to_dict() == {pd.Timestamp("2021-02-01"): 1.0}
    once = tables(uploads, visits=visits[::2])
    with pytest.raises(InputError, match="two or more complete crawls"):
        ut.build_panel(None, engine=once).series("site", unit="no_longer_listed")


def test_unknown_ai_labels_are_kept_apart(tables, work):
    labels = [True, False, None, None]
    uploads = [work(i, "2021-01-15", "abcd"[i], ai=label) for i, label in enumerate(labels)]
    panel = ut.build_panel(None, engine=tables(uploads))
    shares = [
        panel.series("site", unit=unit, flagged="keep").iloc[0]
        for unit in ("ai_share_low", "ai_share", "ai_share_high")
    ]
    assert shares == [0.25, 0.5, 0.75]


def test_arrival_dates_can_be_counted(tables, work):
    arrived = dt.datetime(2022, 5, 3)
    uploads = [work(1, "2021-01-15", arrived=arrived), work(2, "2021-02-15")]
    panel = ut.build_panel(None, engine=tables(uploads), date="arrived")
    assert panel.groups.filter(pl.col("uploads") > 0)["period"].to_list() == [dt.date(2022, 5, 1)]
    assert panel.excluded.row(0)[1:] == ("no date", 1.0)


def test_a_source_that_starts_late_leaves_histories_cut_off(tables, work):
    uploads = [work(1, "2020-03-10", "a"), work(2, "2021-03-10", "b"), work(3, "2021-06-10", "ab")]
    rule = Seniority("2021-06-01", senior_after="24 months", left_censored="separate")
    panel = ut.build_panel(
        None, engine=tables(uploads), seniority=rule, histories_from={"site": "2020-01-01"}
    )
    # The first was seen within a year of the source's start and may have been there before; the
    # second came later than that.
    assert {group for _, group in panel.keys()} == {"all", "left-censored", "new"}
    told = ut.build_panel(None, engine=tables(uploads), seniority=rule)
    assert {group for _, group in told.keys()} == {"all", "new"}


def test_design_weights_are_carried(tables, work):
    uploads = [work(1, "2021-01-15", "a"), work(2, "2021-02-15", "b"), work(3, "2021-03-31", "a")]
    engine = tables(uploads, weights={"a": 2.0, "b": 5.0})
    panel = ut.build_panel(None, engine=engine, weights="design")
    assert panel.groups["uploads"].to_list() == [2, 5, 2]
    assert panel.groups["at_risk_artists"].to_list() == [0, 2, 7]
    with pytest.raises(InputError, match="1 artists have no design weight"):
        ut.build_panel(None, engine=tables(uploads, weights={"a": 2.0}), weights="design")


def test_dates_too_coarse_or_unknown_are_counted_apart(tables, work):
    uploads = [
        work(1, "2021-01-15"),
        work(2, None),
        work(3, "2021-03-01", precision="month"),
        work(4, "2021-02-03", error=10**6),
    ]
    weekly = ut.build_panel(None, engine=tables(uploads), period="week")
    assert dict(weekly.excluded.select("reason", "uploads").iter_rows()) == {
        "no date": 1,
        "date too coarse": 1,
        "date too uncertain": 1,
    }


def test_instruments_are_never_added_up(tables, work):
    uploads = [
        work(i, f"{2019 + i // 12}-{i % 12 + 1:02d}-03", "a", instrument=name)
        for name, months in (("old", range(24)), ("new", range(12, 36)))
        for i in months
    ]
    uploads = [u | {"id": str(i)} for i, u in enumerate(uploads)]
    panel = ut.build_panel(None, engine=tables(uploads))
    assert panel.keys() == [("site/new", "all"), ("site/old", "all")]
    one = ut.build_panel(None, engine=tables(uploads), instrument="new")
    assert one.keys() == [("site", "all")]
    assert set(one.groups["instrument"]) == {"new"}
    # The first upload is the first anywhere: nobody enters when the instrument starts.
    assert one.groups["entrants"].sum() == 0
    with pytest.raises(InputError, match="use one of new, old"):
        ut.build_panel(None, engine=tables(uploads), instrument="other")


def test_edges_and_holes_are_flagged_and_masked(bundled_store):
    panel = ut.build_panel(bundled_store, instrument={"shadertoy": "api"})
    flags = panel.flags("shadertoy")
    assert list(flags.index[~flags["complete"]].strftime("%Y-%m")) == ["2019-12", "2023-03"]
    series = panel.series("shadertoy")
    assert str(series.index[0].date()) == "2020-01-01"
    assert series.index.freqstr == "MS"
    assert np.isnan(series["2023-03-01"])
    assert panel.series("shadertoy", flagged="keep")["2023-03-01"] == 0
    given = ut.build_panel(bundled_store, instrument="api", incomplete={"shadertoy": ["2022-06"]})
    assert np.isnan(given.series("shadertoy")["2022-06-01"])


def test_the_bundled_panel_adds_up(bundled_store, root):
    counts = pl.read_csv(root / "data/raw/artist_months.csv")
    panel = ut.build_panel(bundled_store, seniority=Seniority.paper("2018-01-01"))
    for name in ("api", "shaders20k"):
        expected = counts.filter(pl.col("instrument") == name)["uploads"].sum()
        assert total(panel, platform=f"shadertoy/{name}", group="all") == expected
    published = panel.series("artstation", "senior")
    assert published.iloc[0] == 58
    assert published.attrs["unit"] == "unstated (as plotted)"
    assert not panel.has_artists("artstation")
    assert panel.has_artists("shadertoy/api")


def test_published_series_and_artists_of_one_name_are_kept_apart(tables, work):
    uploads = [work(1, "2021-01-15"), work(2, "2021-02-15")]
    rows = [
        (source, "site", "all", dt.date(2021, month, 1), "month", 5.0, "works", None, None, False)
        for source in ("s1",)
        for month in (1, 3)
    ]
    panel = ut.build_panel(None, engine=tables(uploads, published=rows))
    assert panel.keys() == [("site", "all"), ("site", "all (published)")]
    published = panel.series("site", "all (published)")
    assert np.isnan(published.iloc[1])
    with pytest.raises(InputError, match="only its own values"):
        panel.series("site", "all (published)", unit="media")


def test_a_panel_of_published_series_says_what_it_lacks(tables):
    rows = [("s", "site", "total", dt.date(2021, 1, 1), "month", 5.0, "works", None, None, False)]
    panel = ut.build_panel(None, engine=tables([], published=rows))
    with pytest.raises(InputError, match="no single artists"):
        _ = panel.artists
    with pytest.raises(InputError, match="use one of total"):
        panel.series("site", "senior")
    with pytest.raises(InputError, match="use one of site"):
        panel.series("elsewhere")


def test_a_panel_describes_itself(bundled_store):
    panel = ut.build_panel(bundled_store, seniority=Seniority("period"))
    text = str(panel)
    assert "artstation, senior: 1,768 unstated" in text
    assert "unstated (as plotted)" in text
    assert "1 seen in part" in text or "2 seen in part" in text
    assert "cannot be told apart" in text
    assert "<table" in panel._repr_html_()
    assert panel.overview().height == len(panel.keys())


def test_regrouping_equals_building_anew():
    people = population(150, seed=2)
    rule = Seniority("2021-01-01")
    once = ut.build_panel(people).with_seniority(rule)
    assert once.groups.equals(ut.build_panel(people, seniority=rule).groups)
    again = pickle.loads(pickle.dumps(once))
    assert again.groups.equals(once.groups)
    assert again.recipe["seniority"]["at"] == "2021-01-01"


def test_a_simulated_crawl_is_seen_to_its_day():
    panel = ut.build_panel(population(150, seed=3).visible("2023-06-15"))
    last = (
        panel.groups.filter(pl.col("group") == "all")
        .group_by("platform")
        .agg(pl.col("period").max(), pl.col("complete").last())
    )
    assert set(last["period"]) == {dt.date(2023, 6, 1)}
    assert str(panel.series("artstation").index[-1].date()) == "2023-05-01"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"period": "fortnight"}, "period"),
        ({"credit": "half"}, "credit"),
        ({"start": "soon"}, "start"),
        ({"start": "2022-01-01", "end": "2021-01-01"}, "ends before"),
        ({"platforms": ["nowhere"]}, "nothing on this platform"),
        ({"exit_after": 0}, "exit_after"),
        ({"engine": "abacus"}, "engine"),
        ({"incomplete": {"artstation": ["soon"]}}, "incomplete"),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(InputError, match=says):
        ut.build_panel(population(20), **arguments)


def test_only_stores_and_populations_are_read():
    with pytest.raises(InputError, match="built from a store"):
        ut.build_panel(3)


def test_the_day_of_arrival_is_no_date_of_publication(tables, work):
    arrived = dt.datetime(2022, 5, 3)
    reposted = {**work(1, "2022-05-03", arrived=arrived), "basis": "arrival"}
    panel = ut.build_panel(None, engine=tables([reposted, work(2, "2021-02-15")]))
    assert panel.groups.filter(pl.col("uploads") > 0)["period"].to_list() == [dt.date(2021, 2, 1)]
    reason, uploads = panel.excluded.row(0)[1:]
    assert "only the day of arrival is known" in reason
    assert uploads == 1.0


def test_a_series_says_which_of_its_ends_are_left_out(tables, work) -> None:
    engine = tables([work(n, f"2021-{1 + n // 10:02d}-{11 + n % 10}") for n in range(30)])
    (total,) = named_series(ut.build_panel(None, engine=engine))
    assert total.notes == ("2021-01 and 2021-03 left out: the data hold only a part",)
