"""Upload rates from ids and times: values, bounds, marks, and pairs that cannot be."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import uploadtrends as ut
from uploadtrends import datasets
from uploadtrends.errors import InputError
from uploadtrends.sources import IdClock, bundled
from uploadtrends.sources.bundled import BOUND_SLACK
from uploadtrends.sources.id_clock import Anchor, ids_by_period, increasing


@pytest.fixture
def store(tmp_path: Path):
    with ut.open_store(tmp_path / "s.duckdb", read_only=False) as opened:
        yield opened


def anchor(post_id: int, when: datetime) -> Anchor:
    return Anchor(0, post_id, when, when, when)


def pairs(tmp_path: Path, *rows: str) -> IdClock:
    file = tmp_path / "pairs.csv"
    file.write_text("\n".join(["post_id,created_at_utc", *rows]) + "\n")
    return IdClock(file)


def test_the_bundled_pairs(store) -> None:
    report = store.load(bundled("danbooru_id_dates"))
    assert report.n_rejected == 0
    frame = store.sql("SELECT * FROM series ORDER BY period").df()
    assert list(frame["unit"].unique()) == ["post ids per month"]
    assert frame["period"].iloc[0].date() == date(2005, 6, 1)  # May 2005 is not covered whole
    assert frame["period"].iloc[-1].date() == date(2026, 4, 1)
    assert (frame["low"] <= frame["value"]).all()
    assert (frame["value"] <= frame["high"]).all()
    by_month = frame.set_index("period")
    # README of the data: dense 2020-07 to 2022-02, no anchor 2022-06 to 2022-10.
    assert by_month.loc["2022-07":"2022-09", "interpolated"].all()
    assert not by_month.loc["2021-03":"2021-12", "interpolated"].any()
    # gwern's year-end ids: 5020995 - 4279845 posts in 2021.
    assert by_month.loc["2021", "value"].sum() == pytest.approx(5020995 - 4279845, rel=0.005)


def test_a_constant_rate_is_found_exactly(store, tmp_path: Path) -> None:
    rows = [
        f"{1000 * day},{date(2022, 1, 1) + timedelta(days=day)}T00:00:00Z" for day in range(200)
    ]
    store.load(pairs(tmp_path, *rows))
    found = store.sql("SELECT period, value, low, high, interpolated FROM series").fetchall()
    days = {1: 31, 2: 28, 3: 31, 4: 30, 5: 31, 6: 30}
    assert len(found) == 6  # July is cut short
    for period, value, low, high, interpolated in found:
        assert value == low == high == 1000 * days[period.month]
        assert not interpolated


def test_a_gap_is_marked_and_bounded(store, tmp_path: Path) -> None:
    store.load(
        pairs(
            tmp_path,
            *("0,2022-01-01T00:00:00Z", "100,2022-01-31T00:00:00Z", "700,2022-05-31T00:00:00Z"),
            *("710,2022-06-05T00:00:00Z", "750,2022-07-05T00:00:00Z"),
        )
    )
    found = {
        period.month: row
        for period, *row in store.sql(
            "SELECT period, value, low, high, interpolated FROM series"
        ).fetchall()
    }
    assert found[1][3] is False
    assert [found[month][3] for month in (2, 3, 4, 5)] == [True] * 4  # May's only anchor ends a gap
    assert found[6][3] is False
    assert found[3][1:3] == [0, 600]  # all or none of the gap may have been in March
    assert found[3][0] == pytest.approx(600 * 31 / 120)


def test_a_day_is_as_precise_as_a_day(store, tmp_path: Path) -> None:
    store.load(
        pairs(
            tmp_path,
            *("0,2022-01-01T00:00:00Z", "310,2022-01-31", "320,2022-02-01T12:00:00Z"),
            "600,2022-03-01T00:00:00Z",
        )
    )
    value, low, high = store.sql(
        "SELECT value, low, high FROM series WHERE period = '2022-01-01'"
    ).fetchall()[0]
    assert low == 310  # it was there when the day ended
    assert low <= value <= high == 320


def test_pairs_out_of_order_are_rejected(store, tmp_path: Path) -> None:
    store.load(
        pairs(
            tmp_path,
            *("1,2022-01-01T00:00:00Z", "100,2022-02-01T00:00:00Z", "150,2022-02-10T00:00:00Z"),
            "50,2022-02-15T00:00:00Z",
            *("200,2022-03-01T00:00:00Z", "abc,2022-03-02T00:00:00Z", "300,never"),
            *("-4,2022-03-03T00:00:00Z", "400,2022-04-01T00:00:00Z"),
        ),
        max_rejects=10,
    )
    rejects = dict(store.sql("SELECT position, reason FROM reject").fetchall())
    assert rejects["row 4"] == "id and time are out of order with the other pairs"
    assert rejects["row 6"] == rejects["row 8"] == "column 'post_id' is not a post id"
    assert rejects["row 7"] == "unreadable date"
    assert store.sql("SELECT value FROM series ORDER BY period").fetchall() == [
        (99,),
        (100,),
        (200,),
    ]


def test_one_pair_is_not_enough(store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fewer than two"):
        store.load(pairs(tmp_path, "1,2022-01-01T00:00:00Z"))


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    first = pairs(tmp_path, "0,2020-01-01T00:00:00Z", "310,2020-02-01T00:00:00Z").rates("month")
    again = pairs(tmp_path, "0,2020-01-01T00:00:00Z", "620,2020-02-01T00:00:00Z").rates("month")
    assert first["rate"].tolist() == [10.0]
    assert again["rate"].tolist() == [20.0]
    (tmp_path / "pairs.csv").unlink()
    with pytest.raises(InputError):
        IdClock(tmp_path / "pairs.csv").rates()


_moments = st.datetimes(datetime(2010, 1, 1), datetime(2020, 1, 1))


@given(st.lists(st.tuples(_moments, st.integers(1, 10**6)), min_size=1, max_size=30))
def test_what_is_kept_rises(points: list) -> None:
    anchors = [anchor(post_id, when) for when, post_id in points]
    kept, others = increasing(anchors)
    assert len(kept) + len(others) == len(anchors)
    assert all(a.post_id < b.post_id and a.time <= b.time for a, b in pairwise(kept))


@given(
    st.lists(_moments, min_size=2, max_size=20, unique=True),
    st.lists(st.integers(1, 5000), min_size=20, max_size=20),
)
def test_months_add_up_and_bounds_hold(times: list, steps: list) -> None:
    ids = [sum(steps[:n]) for n in range(1, len(times) + 1)]
    anchors = [anchor(i, t) for i, t in zip(ids, sorted(times), strict=True)]
    months = ids_by_period(anchors)
    assert all(0 <= low <= value <= high for _, value, low, high, _ in months)
    assert sum(month[1] for month in months) <= ids[-1] - ids[0] + 1e-6
    inside = {(t.year, t.month) for t in times}
    assert all(
        interpolated
        for start, *_, interpolated in months
        if (start.year, start.month) not in inside
    )


def clock_of(tmp_path: Path, *rows: str, **settings) -> IdClock:
    file = tmp_path / "bounds.csv"
    file.write_text("\n".join(["post_id,created_at_utc,precision", *rows]) + "\n")
    return IdClock(file, bound_column="precision", **settings)


STEP = (
    "0,2022-01-03T00:00:00Z,second",
    "1400,2022-01-17T00:00:00Z,second",
    '4200,2022-01-31T00:00:00Z,"second (image path only, upper bound)"',
    "5600,2022-02-07T00:00:00Z,second",
)


def test_a_bound_says_what_existed_by_then_and_not_what_did_not(tmp_path: Path) -> None:
    weeks = clock_of(tmp_path, *STEP, period="week").rates()
    assert weeks["rate"].tolist() == [100, 100, 200, 200, 200]
    # 4,200 ids by 31 January are certain; that there were no more than these is not.
    last = weeks.loc["2022-01-31"]
    assert (last["low"], last["high"]) == (0, 200)
    tight = clock_of(tmp_path, *STEP, period="week", bound_slack=0.0).rates()
    last = tight.loc["2022-01-31"]
    assert last["low"] == last["rate"] == last["high"] == 200


def test_slack_widens_what_a_bound_allows(tmp_path: Path) -> None:
    months = [clock_of(tmp_path, *STEP, period="week", bound_slack=s).rates() for s in (0, 3, 30)]
    widths = [float((table["high"] - table["low"]).sum()) for table in months]
    assert widths == sorted(widths)
    assert widths[0] < widths[2]


def test_weeks_begin_on_monday_and_hold_seven_days(tmp_path: Path) -> None:
    rows = [f"{100 * day},{date(2022, 1, 1) + timedelta(days=day)},day" for day in range(60)]
    weeks = clock_of(tmp_path, *rows, period="week").rates()
    assert (weeks.index.day_of_week == 0).all()
    assert weeks["rate"].to_numpy() == pytest.approx(100)
    assert not weeks["interpolated"].any()


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"period": "year"}, "cannot count"), ({"bound_slack": -1.0}, "how late")],
)
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, settings, said: str) -> None:
    with pytest.raises(InputError, match=said):
        clock_of(tmp_path, *STEP, **settings)


def test_pixiv_by_month_agrees_with_what_its_readme_says() -> None:
    months = bundled("pixiv_id_dates").rates("month")
    works = months["rate"] * months.index.days_in_month
    assert works["2019"].mean() == pytest.approx(510_000, rel=0.02)
    assert works["2021"].mean() == pytest.approx(700_000, rel=0.02)
    assert works["2022-08"].item() == pytest.approx(764_000, rel=0.005)
    assert (months["low"] <= months["rate"]).all()
    assert (months["rate"] <= months["high"]).all()


def test_pixiv_bounds_that_can_be_checked_are_nearly_exact() -> None:
    """The slack that the bundled clock allows rests on this."""
    pairs = datasets.pixiv_id_clock().sort_values("post_id")
    exact, bounds = pairs[~pairs["upper_bound"]], pairs[pairs["upper_bound"]]
    seconds = exact["created_at_utc"].astype("datetime64[s]").astype("int64").to_numpy()
    place = exact["post_id"].searchsorted(bounds["post_id"])
    inside = (place > 0) & (place < len(exact))
    bounds, place = bounds[inside], place[inside]
    near = seconds[place] - seconds[place - 1] < 86_400
    when = bounds["created_at_utc"].astype("datetime64[s]").astype("int64").to_numpy()
    late = when - np.interp(bounds["post_id"], exact["post_id"], seconds)
    assert near.sum() == 225
    assert late[near].max() < 0.09 * 86_400 < BOUND_SLACK * 86_400


def test_a_window_of_the_panel_cuts_published_series_too(store) -> None:
    store.load(bundled("pixiv_id_dates"))
    panel = ut.build_panel(store, start="2022-03-10", end="2022-05-20")
    index = panel.series("pixiv", "total").index
    assert (index[0], index[-1]) == (pd.Timestamp("2022-03-01"), pd.Timestamp("2022-05-01"))


def test_pairs_that_cover_no_whole_period_are_refused(tmp_path: Path) -> None:
    short = clock_of(tmp_path, "1,2022-01-03T05:00:00Z,second", "9,2022-01-08T00:00:00Z,second")
    with pytest.raises(InputError, match="cover no month"):
        short.rates()
    assert short.rates("day")["rate"].to_numpy() == pytest.approx(8 / (115 / 24))
