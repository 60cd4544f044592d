from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

import uploadtrends as ut
from uploadtrends import InputError, Seniority
from uploadtrends.artists import likelihood as conditional
from uploadtrends.artists.design import ArtistDesign, Spec
from uploadtrends.artists.fit import conditional_data, fit_poisson
from uploadtrends.artists.model import artist_model
from uploadtrends.artists.terms import natural_spline
from uploadtrends.simulate import population

TREND = Spec(
    ("sim",), "group", None, "trend", "none", ("level",), "uploads", "exposure", None, None, None
)
EVENT = "2021-01-01"
CALM = {
    "platforms": ("site",),
    "event_date": EVENT,
    "end": "2022-12-31",
    "spread": 0.4,
    "exit_hazard": 0.004,
    "studio_share": 0.0,
    "dispersion": 5.0,
}


@pytest.fixture(scope="module")
def reference(data):
    return json.loads((data / "panel_sim" / "reference_R.json").read_text())


@pytest.fixture(scope="module")
def simulated(data):
    """The simulated panel of R's reference, with R's terms."""
    frame = pd.read_csv(data / "panel_sim" / "panel.csv").dropna().sort_values(["artist", "month"])
    rows = pd.DataFrame(
        {
            "artist": np.unique(frame["artist"], return_inverse=True)[1],
            "period": frame["month"].to_numpy() - 1,
            "y": frame["uploads"].to_numpy(float),
            "weight": 1.0,
            "offset": 0.0,
            "label": frame["senior"].to_numpy(),
        }
    )
    wave = 2 * np.pi * frame["month"] / 12
    x = np.column_stack(
        [
            frame["month"],
            np.sin(wave),
            np.cos(wave),
            frame["post"],
            frame["post"] * frame["senior"],
        ]
    ).astype(float)
    names = ("month", "s1", "c1", "post", "post:senior")
    index = pd.date_range("2020-01-01", periods=int(frame["month"].max()), freq="MS")
    return ArtistDesign(rows, x, names, {}, ("new", "senior"), (), {}, index, ())


def test_estimates_and_clustered_errors_equal_those_of_R(simulated, reference):
    """R 4.2.2: glm(poisson) with artist dummies, sandwich::vcovCL (see reference_R.json)."""
    design, beta, covariance = fit_poisson(simulated, TREND)
    expected = reference["poisson_FE"]["coef"]
    for name, value, se in zip(design.names, beta, np.sqrt(np.diag(covariance)), strict=True):
        assert value == pytest.approx(expected[name]["estimate"], abs=1e-6)
        assert se == pytest.approx(expected[name]["se"], abs=1e-6)


def test_the_conditional_likelihood_gives_the_same(simulated, reference):
    data = conditional_data(simulated, TREND)
    beta, now = conditional.fit(data)
    expected = reference["poisson_FE"]
    errors = np.sqrt(np.diag(conditional.clustered_covariance(now)))
    plain = errors * np.sqrt(59 / 60)
    for i, name in enumerate(simulated.names):
        assert beta[i] == pytest.approx(expected["coef"][name]["estimate"], abs=1e-6)
        assert errors[i] == pytest.approx(expected["coef"][name]["se"], abs=1e-6)
        assert plain[i] == pytest.approx(expected["se_cluster_HC0_noadj"][name], abs=1e-6)


def test_period_effects_agree_between_both_ways_of_fitting(simulated):
    spec = Spec(**{**TREND.__dict__, "time": "period"})
    only = simulated.only(np.array([False, False, False, False, True]), {})
    _, beta, covariance = fit_poisson(only, spec)
    data = conditional_data(only, spec)
    full, now = conditional.fit(data)
    assert full[0] == pytest.approx(beta[0], abs=1e-6)
    se = np.sqrt(conditional.clustered_covariance(now)[0, 0])
    assert se == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-5)


def test_jackknife_and_bootstrap_are_near_the_clustered_errors(simulated):
    data = conditional_data(simulated, TREND)
    beta, now = conditional.fit(data)
    clustered = np.sqrt(np.diag(conditional.clustered_covariance(now)))
    jackknife = np.sqrt(np.diag(conditional.jackknife_covariance(data, now)))
    draws = conditional.bootstrap(data, beta, now, n_draws=300, seed=1)
    assert np.all(jackknife >= clustered * 0.98)
    assert np.allclose(jackknife, clustered, rtol=0.12)
    assert np.allclose(draws.std(axis=0), clustered, rtol=0.3)


def test_a_jackknife_step_is_nearly_a_refit(simulated):
    data = conditional_data(simulated, TREND)
    beta, now = conditional.fit(data)
    exact = []
    for i in (0, 17, 42):
        weight = data.weight.copy()
        weight[i] = 0.0
        exact.append(conditional.fit(data, start=beta, weight=weight)[0] - beta)
    covariance = conditional.jackknife_covariance(data, now)
    assert np.max(np.abs(exact)) < 4 * np.sqrt(np.diag(covariance)).max() / np.sqrt(59)


def test_a_bootstrap_step_is_nearly_a_refit(simulated):
    data = conditional_data(simulated, TREND)
    beta, now = conditional.fit(data)
    step = conditional.bootstrap(data, beta, now, n_draws=3, seed=5)
    drawn = np.random.default_rng(5).multinomial(60, np.full(60, 1 / 60), size=3).astype(float)
    exact = [conditional.fit(data, start=beta, weight=weight)[0] for weight in drawn]
    spread = np.sqrt(np.diag(conditional.clustered_covariance(now)))
    assert np.all(np.abs(step - exact) < 0.5 * spread)


def test_collinear_and_separated_terms_are_refused(simulated):
    twice = np.column_stack([simulated.x, simulated.x[:, 0]])
    data = conditional_data(simulated, TREND)
    with pytest.raises(ut.UploadTrendsError):
        conditional.fit(
            conditional.ArtistData(data.y, twice, data.artist, data.offset, data.weight)
        )
    lonely = (data.y == 0).astype(float)[:, None]
    with pytest.raises(ut.UploadTrendsError, match=r"separates|increased"):
        conditional.fit(
            conditional.ArtistData(data.y, lonely, data.artist, data.offset, data.weight)
        )


@pytest.fixture(scope="module")
def panel():
    people = population(500, effect={"senior": -0.4, "new": 0.0}, seed=11, **CALM)
    return ut.build_panel(people, seniority=Seniority(EVENT), start="2018-01-01")


def test_the_contrast_between_groups_is_found(panel):
    result = artist_model(panel, EVENT)
    row = result.effects.set_index("group").loc["senior vs new"]
    assert row["status"] == "ok"
    assert row["low"] < -0.4 < row["high"]
    assert row["high"] < 0
    assert row["relative"] == pytest.approx(100 * np.expm1(row["estimate"]))
    assert row["minimum_detectable"] > 2 * row["se"]
    later = result.effects.set_index("group").loc["later vs new"]
    assert later["status"] == "not estimable"
    assert "both sides of the event" in later["reason"]
    assert any("linear part" in note for note in result.notes)
    assert "parallel" in result.estimand
    assert "senior vs new" in result.summary()


def test_a_trend_gives_every_group_its_own_change(panel):
    own = artist_model(panel, EVENT, time="trend", offset="days").effects.set_index("group")
    assert {"senior", "new", "senior vs new"} <= set(own.index)
    assert own.loc["senior", "low"] < -0.4 < own.loc["senior", "high"]
    assert own.loc["new", "low"] < 0.0 < own.loc["new", "high"]
    clustered = artist_model(panel, EVENT, time="trend", offset="days", inference="cluster")
    rows = clustered.effects.set_index("group")
    assert rows.loc["senior", "estimate"] == pytest.approx(
        rows.loc["new", "estimate"] + rows.loc["senior vs new", "estimate"]
    )


def test_ways_of_inference(panel):
    widths = {
        way: artist_model(panel, EVENT, inference=way, n_bootstrap=99, seed=3)
        .effects.set_index("group")
        .loc["senior vs new", "se"]
        for way in ("cluster", "jackknife", "bootstrap")
    }
    assert widths["jackknife"] == pytest.approx(widths["cluster"], rel=0.15)
    assert widths["bootstrap"] == pytest.approx(widths["cluster"], rel=0.5)


def test_a_dose_of_few_artists_is_answered_by_the_jackknife():
    people = population(70, platforms=("site",), event_date=EVENT, seed=12)
    small = ut.build_panel(people, seniority=Seniority(EVENT), start="2018-01-01")
    ids = small.artists["artist_id"].unique(maintain_order=True).to_list()
    result = artist_model(small, EVENT, dose=pd.Series(np.arange(len(ids)) % 3, index=ids))
    assert result.inference == "jackknife"
    assert any("clustered by artist" in note for note in result.notes)
    contrast = artist_model(small, EVENT, inference="jackknife")
    assert contrast.effects["df"].dropna().max() < 40


def test_randomisation_finds_an_effect(panel):
    with_effect = artist_model(panel, EVENT, n_randomisations=199).randomisation
    assert with_effect["p"].iloc[0] <= 0.02


def test_randomisation_is_uniform_under_the_null():
    rng = np.random.default_rng(7)
    n, periods = 40, 10
    artist = np.repeat(np.arange(n), periods)
    post = np.tile(np.arange(periods) >= 6, n).astype(float)
    label = (np.arange(n) < 15).astype(float)
    p = []
    for _ in range(150):
        rate = rng.gamma(1.0, 3.0, n)[artist] * np.exp(-0.3 * post)
        rate *= rng.gamma(2.0, 0.5, n * periods)
        y = rng.poisson(rate).astype(float)
        data = conditional.ArtistData(y, post[:, None], artist, np.zeros(len(y)), np.ones(n))
        p.append(conditional.randomisation_p(data, label, post, n_draws=99, seed=1))
    p = np.array(p)
    assert 0.42 < p.mean() < 0.58
    assert (p <= 0.1).mean() < 0.18


def test_the_interval_covers_the_truth():
    """Coverage over a few small panels; the full study is in validation/."""
    hits = []
    for seed in range(15):
        people = population(100, effect={"senior": -0.3, "new": 0.0}, seed=300 + seed, **CALM)
        small = ut.build_panel(people, seniority=Seniority(EVENT), start="2019-06-01")
        model = artist_model(small, EVENT, inference="cluster", tenure="none")
        row = model.effects.set_index("group").loc["senior vs new"]
        hits.append(row["low"] < -0.3 < row["high"])
    assert sum(hits) >= 11


def test_a_dose_replaces_groups(panel):
    ids = panel.artists["artist_id"].unique().to_list()
    spans = panel.records.spans
    old = spans.filter(
        pl.col("first_upload_at") <= Seniority(EVENT).thresholds(Seniority(EVENT).moment)[0]
    )["artist_id"]
    dose = pd.Series(0.0, index=ids)
    dose[old.to_list()] = 2.0
    result = artist_model(panel, EVENT, dose=dose)
    row = result.effects.set_index("group").loc["dose"]
    assert row["low"] < -0.2 < row["high"]
    with pytest.raises(InputError, match="have no dose"):
        artist_model(panel, EVENT, dose=dose.iloc[:5])


def test_platforms_can_be_compared():
    both_sites = CALM | {"platforms": ("artstation", "deviantart")}
    people = population(300, effect={"senior": -0.4, "new": -0.4}, seed=13, **both_sites)
    # The event touches ArtStation only: DeviantArt gets a population without one.
    calm = population(300, seed=13, **both_sites)
    exposed = people.uploads.filter(pl.col("platform") == "artstation")
    quiet = calm.uploads.filter(pl.col("platform") == "deviantart")
    mixed = type(people)(
        pl.concat(
            [
                people.artists.filter(pl.col("platform") == "artstation"),
                calm.artists.filter(pl.col("platform") == "deviantart"),
            ]
        ),
        pl.concat([exposed, quiet]),
        people.truth,
    )
    both = ut.build_panel(mixed, start="2018-01-01")
    result = artist_model(both, EVENT, contrast="platform", reference="deviantart")
    row = result.effects.iloc[0]
    assert row["group"] == "artstation vs deviantart"
    assert row["low"] < -0.4 < row["high"]
    assert "difference-in-differences" in result.estimand


def test_events_outside_and_crowded_are_answered(panel):
    result = artist_model(panel, ["2030-01-01", "2020-11-03", "2021-01-10"])
    table = result.effects.set_index(["event", "group"])
    assert (table.loc["2030-01-01"]["status"] == "not estimable").all()
    block = table.loc["2020-11-03+2021-01-10"].loc["senior vs new"]
    assert "no member has an estimate of its own" in block["reason"]
    assert any("left out" in note for note in result.notes)


def test_weights_equal_repeated_artists(simulated):
    """An artist of weight 2 counts like two artists with the same rows."""
    rows = simulated.rows
    heavy = ArtistDesign(
        **{**simulated.__dict__, "rows": rows.assign(weight=np.where(rows["artist"] < 10, 2.0, 1))}
    )
    twice = rows[rows["artist"] < 10].assign(artist=lambda f: f["artist"] + 1000)
    doubled = ArtistDesign(
        **{
            **simulated.__dict__,
            "rows": pd.concat([rows, twice], ignore_index=True),
            "x": np.vstack([simulated.x, simulated.x[(rows["artist"] < 10).to_numpy()]]),
        }
    )
    assert np.allclose(fit_poisson(heavy, TREND)[1], fit_poisson(doubled, TREND)[1], atol=1e-7)


def test_the_spline_is_linear_outside_its_knots_and_has_no_linear_part():
    values = np.arange(0.0, 200.0)
    columns = natural_spline(values)
    assert columns.shape == (200, 3)
    assert np.allclose(columns[:7], 0)
    assert np.allclose(np.diff(columns[100:], n=2, axis=0), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"time": "clock"}, "time"),
        ({"inference": "luck"}, "inference"),
        ({"terms": ("jump",)}, "terms"),
        ({"reference": "old"}, "reference"),
        ({"unit": "likes"}, "unit"),
        ({"contrast": "platform"}, "two with artists"),
        ({"start": "2031-01-01"}, "no artist is at risk"),
    ],
)
def test_bad_settings_are_named(panel, settings, says):
    with pytest.raises(InputError, match=says):
        artist_model(panel, EVENT, **settings)


def test_one_group_with_period_effects_is_not_identified(panel):
    with pytest.raises(InputError, match="only a difference between groups"):
        artist_model(panel.with_seniority(None), EVENT)
