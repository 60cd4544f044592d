from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import uploadtrends as ut
from uploadtrends import InputError, Seniority
from uploadtrends.panel.decomposition import COMPONENTS, split_change
from uploadtrends.simulate import population

WINDOWS = {"before": ("2021-01-01", "2021-12-31"), "after": ("2022-09-01", "2023-08-31")}


@st.composite
def feature_sums(draw):
    """Random but possible sums by group: active <= present <= entered, some of them nothing."""
    groups = draw(st.integers(1, 4))
    blocks = []
    for _ in range(2):
        zero = draw(arrays(bool, groups))
        came = draw(arrays(float, groups, elements=st.floats(0.1, 1e3))) * ~zero
        gone = came * draw(arrays(float, groups, elements=st.sampled_from([0.0, 0.3, 1.0])))
        present = came - gone
        active = present * draw(arrays(float, groups, elements=st.sampled_from([0.0, 0.2, 1.0])))
        uploads = active * draw(arrays(float, groups, elements=st.floats(1, 50)))
        blocks += [came, gone, present, active, uploads]
    return np.array(blocks)[None]


@settings(max_examples=100, deadline=None)
@given(sums=feature_sums(), rule=st.sampled_from(["lmdi", "shapley"]))
def test_the_parts_sum_to_the_change(sums, rule):
    parts = split_change(sums, rule)
    change = sums[0, 9] - sums[0, 4]
    scale = max(1.0, sums.max())
    assert np.allclose(parts[0].sum(axis=0), change, atol=1e-9 * scale)


def one_group(came, gone, active, uploads):
    return [[came], [gone], [came - gone], [active], [uploads]]


@pytest.mark.parametrize("rule", ["lmdi", "shapley"])
def test_a_change_of_one_factor_is_given_to_it(rule):
    start = one_group(100.0, 0.0, 50.0, 200.0)
    cases = {
        "entrants": one_group(120.0, 0.0, 60.0, 240.0),
        "exits": one_group(100.0, 20.0, 40.0, 160.0),
        "activity share": one_group(100.0, 0.0, 25.0, 100.0),
        "intensity": one_group(100.0, 0.0, 50.0, 100.0),
    }
    for name, end in cases.items():
        parts = dict(
            zip(COMPONENTS, split_change(np.array([start + end]), rule)[0, :, 0], strict=True)
        )
        change = end[4][0] - 200.0
        assert parts[name] == pytest.approx(change)
        assert sum(abs(value) for value in parts.values()) == pytest.approx(abs(change))


def test_lmdi_by_hand():
    """Two factors change: L(U1, U0) * log ratio of each (Ang 2005, equation 5)."""
    start, end = one_group(100.0, 0.0, 50.0, 200.0), one_group(100.0, 0.0, 40.0, 120.0)
    parts = dict(
        zip(COMPONENTS, split_change(np.array([start + end]), "lmdi")[0, :, 0], strict=True)
    )
    mean = (120 - 200) / np.log(120 / 200)
    assert parts["activity share"] == pytest.approx(mean * np.log(0.4 / 0.5))
    assert parts["intensity"] == pytest.approx(mean * np.log(3 / 4))


@pytest.mark.parametrize("rule", ["lmdi", "shapley"])
def test_on_a_panel_it_adds_up_in_every_group(rule):
    people = population(400, platforms=("site",), event_date="2022-08-01", seed=4)
    panel = ut.build_panel(people, seniority=Seniority("2022-08-01"))
    result = panel.decompose(**WINDOWS, rule=rule, n_bootstrap=99)
    table = result.table.set_index(["group", "component"])["value"]
    for group in ("all", "senior", "new", "later"):
        parts = sum(table[group, name] for name in COMPONENTS)
        assert parts == pytest.approx(table[group, "change"])
        assert table[group, "before"] + parts == pytest.approx(table[group, "after"])
    months = panel.series("site", "all")
    assert table["all", "before"] == pytest.approx(months["2021-01":"2021-12"].mean())
    assert table["all", "after"] == pytest.approx(months["2022-09":"2023-08"].mean())
    assert table["all", "exits"] < 0 < table["all", "entrants"]
    assert "Rule:" in result.summary()
    intervals = result.table
    assert (intervals["low"] <= intervals["high"]).all()


def test_an_effect_on_the_rate_is_found_in_activity_and_intensity():
    calm = {"ageing": 0.0, "seasonality": 0.0, "exit_hazard": 0.0, "entry_rate": 0.0}
    people = population(
        800,
        platforms=("site",),
        event_date="2022-08-01",
        effect={"senior": -0.5, "new": -0.5},
        seed=5,
        **calm,
    )
    table = ut.build_panel(people).decompose(**WINDOWS, n_bootstrap=0).table
    percent = table.set_index("component")["percent"]
    assert percent["change"] == pytest.approx(100 * (np.exp(-0.5) - 1), abs=4)
    assert percent["activity share"] + percent["intensity"] == pytest.approx(
        percent["change"], abs=4
    )
    assert percent["composition"] == 0


def test_intervals_hold_the_truth_of_repeated_samples():
    """The bootstrap spread of the change is that between independent samples of artists."""
    changes, widths = [], []
    for seed in range(12):
        people = population(150, platforms=("site",), seed=100 + seed)
        table = ut.build_panel(people).decompose(**WINDOWS, n_bootstrap=200).table
        row = table.set_index("component").loc["change"]
        changes.append(row["value"])
        widths.append(row["high"] - row["low"])
    assert 0.4 < np.mean(widths) / (2 * 1.96 * np.std(changes, ddof=1)) < 2.2


@pytest.fixture(scope="module")
def small():
    return ut.build_panel(population(60, platforms=("site",), seed=1))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (WINDOWS | {"rule": "guess"}, "rule"),
        (WINDOWS | {"after": ("2021-06-01", "2022-06-01")}, "overlap"),
        (WINDOWS | {"before": ("1999-01-01", "1999-06-01")}, "no fully seen period"),
        (WINDOWS | {"before": "2021"}, "first and a last day"),
        (WINDOWS | {"platform": "elsewhere"}, "no artists on that platform"),
    ],
)
def test_bad_arguments_are_named(arguments, says, small):
    with pytest.raises(InputError, match=says):
        small.decompose(**arguments)


def test_ambiguous_platform_and_moving_groups_are_refused():
    panel = ut.build_panel(population(60, seed=1))
    with pytest.raises(InputError, match="several platforms"):
        panel.decompose(**WINDOWS)
    moving = panel.with_seniority(Seniority("period"))
    with pytest.raises(InputError, match="change groups"):
        moving.decompose(**WINDOWS, platform="artstation")


def test_random_groups_give_the_intervals_of_single_artists(monkeypatch):
    people = population(4_000, platforms=("site",), start="2018-01-01", end="2020-12-31", seed=5)
    panel = ut.build_panel(people.visible("2020-12-31"), seniority=ut.Seniority("2019-07-01"))
    windows = ("2019-01-01", "2019-06-30"), ("2020-01-01", "2020-06-30")
    one = panel.decompose(*windows, n_bootstrap=200, seed=1).table
    monkeypatch.setattr("uploadtrends.panel.contributions.MOST_ARTISTS", 1_000)
    monkeypatch.setattr("uploadtrends.panel.contributions._DIGITS", 2)
    groups = panel.decompose(*windows, n_bootstrap=200, seed=1).table
    np.testing.assert_allclose(groups["value"], one["value"])
    width = [(table["high"] - table["low"]).to_numpy() for table in (one, groups)]
    some = width[0] > 1e-9
    ratio = width[1][some] / width[0][some]
    assert 0.85 < np.median(ratio) < 1.18
