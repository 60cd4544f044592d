from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from two_sites import CALM, EVENT, two_sites

import uploadtrends as ut
from uploadtrends import InputError, Seniority
from uploadtrends.artists import hazard_periods
from uploadtrends.artists.cells import cell_effects
from uploadtrends.artists.shocks import Series, integrate_shocks, smooth_covariance
from uploadtrends.simulate import Population, population


def rows_of(frame):
    """The panel of reference/fepois as rows of a design; artists without uploads left out."""
    some = frame[frame.groupby("artist")["uploads"].transform("sum") > 0]
    some = some.sort_values(["artist", "t"])
    return some, pd.DataFrame(
        {
            "artist": np.unique(some["artist"], return_inverse=True)[1],
            "period": some["t"].to_numpy() - 1,
            "label": some["senior"].to_numpy(),
            "y": some["uploads"].to_numpy(float),
            "weight": 1.0,
            "offset": 0.0,
        }
    )


@pytest.fixture(scope="module")
def fepois(shared):
    folder = shared / "reference" / "fepois"
    reference = json.loads((folder / "reference_python.json").read_text())["results"]
    return pd.read_csv(folder / "panel.csv"), reference


def test_rates_by_group_and_month_equal_a_regression_with_all_dummies(fepois):
    """pyfixest 0.60: fepois('uploads ~ i(t, senior, ref=1) | artist + t'), CRV1 by artist."""
    frame, reference = fepois
    some, rows = rows_of(frame)
    cells = cell_effects(rows, np.zeros((len(rows), 0)), 2, 36, jackknife=False)
    difference = cells.theta[1] - cells.theta[0]
    influence = cells.influence[:, 1] - cells.influence[:, 0]
    n, k = len(some), 35 + 36
    factor = (n - 1) / (n - k)
    for t in range(2, 37):
        name = f"event/crv1_artist/t::{t}:senior"
        estimate, se = reference[f"{name}/est"], reference[f"{name}/se"]
        assert difference[t - 1] - difference[0] == pytest.approx(estimate, abs=1e-8)
        moved = influence[:, t - 1] - influence[:, 0]
        assert np.sqrt(moved @ moved * factor) == pytest.approx(se, rel=1e-6)


def test_a_jackknife_step_is_a_little_wider(fepois):
    _, rows = rows_of(fepois[0])
    plain = cell_effects(rows, np.zeros((len(rows), 0)), 2, 36, jackknife=False)
    wider = cell_effects(rows, np.zeros((len(rows), 0)), 2, 36)
    ratio = np.linalg.norm(wider.influence, axis=0) / np.linalg.norm(plain.influence, axis=0)
    assert 1.0 < np.median(ratio) < 1.1
    assert np.allclose(wider.theta, plain.theta)


def test_a_period_of_zeros_leaves_a_gap_and_explained_terms_are_dropped(fepois):
    _, rows = rows_of(fepois[0])
    empty = rows.assign(y=rows["y"].where((rows["period"] != 7) | (rows["label"] == 0), 0.0))
    same = rows["period"].to_numpy(float)[:, None]
    cells = cell_effects(empty, np.column_stack([same, same**2]), 2, 36)
    assert np.flatnonzero(np.isnan(cells.theta[1])).tolist() == [7]
    assert np.isfinite(cells.theta[0]).all()
    assert cells.dropped == (0, 1)


def test_shocks_are_integrated_as_by_brute_force():
    """One contrast against a direct sum over the grid of dense generalised least squares."""
    from uploadtrends.artists.shocks import N_SIZES, PHI, _phi_prior

    rng = np.random.default_rng(3)
    n, artists = 30, 80
    influence = rng.normal(0, 0.01, (artists, n))
    position = np.r_[0:12, 14:32]
    values = np.full(32, np.nan)
    values[position] = rng.normal(0, 0.2, n)
    wide = np.zeros((artists, 32))
    wide[:, position] = influence
    series = Series.of(values, wide)
    x = np.column_stack([np.ones(n), (position >= 20).astype(float)])
    found = integrate_shocks(series, x, np.array([[0.0, 1.0]]), "flat")
    y = values[position]
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    top = 3 * np.sqrt(residual @ residual / (n - 2))
    size = top * ((np.arange(1, N_SIZES + 1) - 0.5) / N_SIZES) ** 1.5
    width = np.diff(top * (np.arange(N_SIZES + 1) / N_SIZES) ** 1.5)
    working = smooth_covariance(influence.T @ influence, position, 32)
    logs, centres, scales = [], [], []
    for phi, prior in zip(PHI, _phi_prior(), strict=True):
        correlation = np.power(phi, np.abs(position[:, None] - position[None, :]), dtype=float)
        for s, w in zip(size, width, strict=True):
            v = s**2 * correlation + working
            solved = np.linalg.solve(v, x)
            gram = x.T @ solved
            beta = np.linalg.solve(gram, solved.T @ y)
            loading = solved @ np.linalg.inv(gram)[:, 1]
            rest = y - x @ beta
            fit = np.linalg.slogdet(v)[1] + np.linalg.slogdet(gram)[1]
            fit += rest @ np.linalg.solve(v, rest)
            logs.append(-0.5 * fit + np.log(prior) + np.log(w))
            centres.append(beta[1])
            moved = influence @ loading
            scales.append(np.sqrt(s**2 * loading @ correlation @ loading + moved @ moved))
    weights = np.exp(np.array(logs) - max(logs))
    weights /= weights.sum()
    assert np.allclose(found.weights, weights, atol=1e-9)
    assert np.allclose(found.values[:, 0], centres)
    assert np.allclose(np.sqrt(found.covariance[:, 0, 0]), scales)
    assert found.interval(0, 0.95)[0] < weights @ centres < found.interval(0, 0.95)[1]


def test_half_of_the_prior_is_on_no_shocks():
    rng = np.random.default_rng(5)
    n = 40
    influence = rng.normal(0, 0.01, (200, n))
    step = (np.arange(n) >= 24).astype(float)
    x = np.column_stack([np.ones(n), step])
    quiet = influence.sum(axis=0) * 0.3
    loud = quiet + rng.normal(0, 0.5, n)
    for values, least, most in ((quiet, 0.6, 1.0), (loud, 0.0, 0.01)):
        found = integrate_shocks(Series.of(values, influence), x, np.eye(2)[1:], "half")
        assert least <= found.p_none <= most
    flat = integrate_shocks(Series.of(quiet, influence), x, np.eye(2)[1:], "flat")
    assert np.isnan(flat.p_none)


def test_shocks_of_a_platform_widen_the_interval_and_are_named():
    panel = two_sites(1, shock=0.3)
    named = {"exposed": "artstation", "unexposed": "deviantart"}
    result = ut.difference_in_differences(panel, EVENT, **named)
    clustered = ut.difference_in_differences(panel, EVENT, **named, inference="cluster")
    row, old = result.effects.iloc[0], clustered.effects.iloc[0]
    assert result.inference == "two-step"
    assert row["status"] == "ok"
    assert row["high"] - row["low"] > 1.5 * (old["high"] - old["low"])
    assert row["low"] < 0 < row["high"]
    assert result.shocks["shock_sd"].iloc[0] == pytest.approx(0.3 * np.sqrt(2), rel=0.5)
    assert any("rests on two series" in note for note in result.notes)
    assert "without them the interval" in result.summary()


def test_an_effect_stands_out_from_shocks():
    row = ut.difference_in_differences(
        two_sites(2, shock=0.05, effect_a=-0.6), EVENT, exposed="artstation", unexposed="deviantart"
    ).effects.iloc[0]
    assert row["high"] < 0
    assert row["low"] < -0.6 < row["high"]


@pytest.mark.parametrize(
    ("event", "status"),
    [("2019-04-01", "refused"), ("2019-09-01", "exploratory"), ("2020-03-01", "ok")],
)
def test_too_few_periods_are_refused_or_exploratory(event, status):
    panel = two_sites(3, n=60)
    row = ut.difference_in_differences(
        panel, event, exposed="artstation", unexposed="deviantart"
    ).effects.iloc[0]
    assert row["status"] == status
    assert ("periods before" in row["reason"]) == (status != "ok")


def test_a_month_without_uploads_on_one_side_does_not_raise():
    panel = two_sites(4, n=60)
    cells = panel.records.cells
    gone = (pl.col("lane") == "deviantart") & (pl.col("period") == pl.date(2020, 5, 1))
    from dataclasses import replace

    from uploadtrends.panel import Panel

    records = replace(panel.records, cells=cells.filter(~gone))
    quiet = Panel.assemble(records, None, panel.recipe)
    named = {"exposed": "artstation", "unexposed": "deviantart"}
    result = ut.difference_in_differences(quiet, EVENT, **named)
    assert result.effects["status"].tolist() == ["ok"]
    assert any("no upload at all in 2020-05-01" in note for note in result.notes)
    study = ut.event_study(quiet, EVENT, contrast="platform", reference="deviantart")
    assert -8 not in study.effects["relative_period"].tolist()


def test_own_changes_by_platform_and_the_closed_cohort():
    people = population(
        300,
        event_date=EVENT,
        effect={"senior": -0.5, "new": 0.0},
        seed=9,
        **(CALM | {"platforms": ("site",)}),
    )
    rule = Seniority(EVENT, senior_after="18 months", later="drop")
    panel = ut.build_panel(people, seniority=rule, start="2019-01-01")
    result = ut.artist_model(panel, EVENT, time="trend")
    row = result.effects.set_index("group").loc["senior"]
    assert row["status"] == "ok"
    assert row["low"] < -0.5 < row["high"]
    assert any("'senior' is followed from 2019-07-01 on" in note for note in result.notes)
    senior = result.design.rows[result.design.rows["group"] == "senior"]
    assert result.design.index[senior["period"].min()] >= pd.Timestamp("2019-07-01")
    assert rule.closes("new") == pd.Timestamp(EVENT)
    assert rule.closes("later") is None


def test_artists_who_change_groups_are_one_block_of_the_information():
    people = population(150, event_date=EVENT, seed=8, **(CALM | {"platforms": ("site",)}))
    panel = ut.build_panel(people, seniority=Seniority("period"), start="2019-01-01")
    result = ut.artist_model(panel, EVENT)
    old = ut.artist_model(panel, EVENT, inference="cluster")
    assert result.effects["status"].tolist() == ["ok"]
    difference = result.effects["estimate"].iloc[0] - old.effects["estimate"].iloc[0]
    assert abs(difference) < 2 * old.effects["se"].iloc[0]


def test_hazards_of_one_group_with_shocks():
    people = population(
        400, event_date=EVENT, rate=1.0, period_sd=0.3, seed=31, **(CALM | {"platforms": ("site",)})
    )
    panel = ut.build_panel(people, start="2019-01-01")
    wide, narrow = (
        ut.artist_hazards(panel, EVENT, inference=way) for way in ("two-step", "cluster")
    )
    for new, old in zip(wide.effects.itertuples(), narrow.effects.itertuples(), strict=True):
        assert new.term == old.term
        assert new.high - new.low > old.high - old.low
        assert new.low < 0 < new.high
    assert set(wide.shocks["margin"]) == {"going silent", "returning"}
    with pytest.raises(InputError, match="inference"):
        ut.artist_hazards(panel, EVENT, inference="luck")


def test_a_series_of_seniors_begins_when_their_cohort_is_closed():
    people = population(300, seed=9, **(CALM | {"platforms": ("site",)}))
    rule = Seniority(EVENT, senior_after="12 months", later="drop")
    panel = ut.build_panel(people, seniority=rule, start="2019-01-01")
    fits = {fit.group: fit for fit in ut.interrupted_time_series(panel, EVENT).fits}
    senior = fits["senior"].observed.dropna()
    assert senior.index[0] == pd.Timestamp("2020-01-01")
    assert any("followed from 2020-01-01" in note for note in fits["senior"].prepared.notes)
    assert fits["all"].observed.dropna().index[0] == pd.Timestamp("2019-01-01")


def test_a_single_mixture_far_from_zero_has_a_p_value():
    series = Series.of(np.where(np.arange(40) < 20, 0.0, -5.0), np.full((100, 40), 1e-5))
    x = np.column_stack([np.ones(40), np.arange(40) >= 20])
    found = integrate_shocks(series, x, np.eye(2)[1:], "half")
    assert 0 < found.interval(0, 0.95)[2] < 1e-6


def test_the_step_of_the_hazards_is_that_of_the_whole_information() -> None:
    """Effects by group and period eliminated, against the dense system with the tenure in it."""
    rng = np.random.default_rng(5)
    n, points = 400, 6
    artist, code = np.sort(rng.integers(0, 30, n)), rng.integers(0, points, n)
    tenure, information = rng.standard_normal((n, 2)), rng.uniform(0.1, 1.0, n)
    score = rng.standard_normal(n)
    x = np.column_stack([np.eye(points)[code], tenure])
    whole = np.linalg.inv(x.T @ (information[:, None] * x))
    own = np.zeros((artist.max() + 1, x.shape[1]))
    np.add.at(own, artist, score[:, None] * x)
    expected = (own @ whole)[np.unique(artist)]
    step = hazard_periods._Step.of(artist, code, points, tenure, information)
    found, course = step.solve(score)
    np.testing.assert_allclose(found, expected[:, :points], atol=1e-10)
    np.testing.assert_allclose(course, expected[:, points:], atol=1e-10)


def test_who_uploads_once_and_never_again_is_no_effect_on_the_new() -> None:
    """A third of the new vanish at once; otherwise the hazard is 6% before and after."""
    rng = np.random.default_rng(11)
    months = pd.date_range("2016-01-01", periods=72, freq="MS") + pd.Timedelta(days=14)
    event, rows = 48, []
    for artist in range(1600):
        entry = rng.integers(0, 12) if artist % 2 else rng.integers(26, 42)
        once = artist % 2 == 0 and rng.random() < 1 / 3
        rows.append((artist, entry))
        quiet = 99 if once else 0
        for month in range(entry + 1, 72):
            falls = rng.random() < 0.06
            quiet = quiet - 1 if quiet else 5 * falls
            if not quiet:
                rows.append((artist, month))
    artist, month = (np.array(part) for part in zip(*rows, strict=True))
    uploads = pl.DataFrame(
        {
            "platform": "a",
            "upload_id": np.arange(len(rows)).astype(str),
            "artist_id": artist.astype(str),
            "published_at": pl.Series(months.to_numpy()[month]).cast(pl.Datetime("us")),
            "delisted_at": pl.Series([None] * len(rows), dtype=pl.Datetime("us")),
            "is_mature": False,
            "ai_label": False,
            "media_count": 1,
        }
    ).sort("published_at")
    people = pl.DataFrame(
        {"platform": "a", "artist_id": np.unique(artist).astype(str)}
    ).with_columns(joined_at=pl.lit(None, dtype=pl.Datetime("us")))
    end = str((months[-1] + pd.offsets.MonthEnd(0)).date())
    rule = ut.Seniority("2020-01-01", later="drop")
    panel = ut.build_panel(
        Population(people, uploads, {"end": end}), seniority=rule, start="2017-06-01"
    )
    model = ut.artist_hazards(panel, str(months[event].replace(day=1).date()))
    row = model.effects.query("term == 'going silent'").set_index("group").loc["senior vs new"]
    assert row["low"] < 0 < row["high"]
    assert abs(row["estimate"]) < 0.2
