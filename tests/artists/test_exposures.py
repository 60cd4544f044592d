from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from adoption import CALM, adopters

import uploadtrends as ut
from uploadtrends import InputError, simulate
from uploadtrends.artists import exposure_methods as methods
from uploadtrends.artists.exposure_tests import pretrend_row
from uploadtrends.artists.outcomes import outcome_frame
from uploadtrends.artists.staggered import exposure_effects
from uploadtrends.simulate import Population, population


@pytest.fixture(scope="module")
def staggered(shared):
    """Simulated artists with staggered adoption; results of csdid, differences, diff-diff, ..."""
    folder = shared / "reference" / "staggered"
    reference = json.loads((folder / "by_estimand.json").read_text())
    truth = json.loads((folder / "truth.json").read_text())
    return pd.read_csv(folder / "panel.csv"), reference, truth


def expected(reference, name):
    return next(iter(reference[name].values()))


def test_effects_by_event_time_equal_the_references(staggered):
    frame, reference, _ = staggered
    for found, prefix, least in (
        (methods.imputation(frame, 12), "BJS", 0),
        (methods.sun_abraham(frame), "SA", -12),
        (methods.callaway_santanna(frame, "never_treated"), "CS/nevertreated/dynamic", -11),
        (methods.callaway_santanna(frame, "not_yet_treated"), "CS/notyettreated/dynamic", -11),
    ):
        checked = 0
        for k, value, se in zip(found.times, found.values, found.errors, strict=True):
            if k < least or f"{prefix}/{k}/est" not in reference:
                continue
            assert value == pytest.approx(expected(reference, f"{prefix}/{k}/est"), abs=1e-7)
            assert se == pytest.approx(expected(reference, f"{prefix}/{k}/se"), rel=1e-5)
            checked += 1
        assert checked >= 20, prefix


def test_overall_effects_equal_the_references_and_the_truth(staggered):
    frame, reference, truth = staggered
    imputed = methods.imputation(frame, 12).overall
    assert imputed[0] == pytest.approx(expected(reference, "BJS/overall/est"), abs=1e-7)
    assert imputed[1] == pytest.approx(expected(reference, "BJS/overall/se"), rel=1e-6)
    group_time = methods.callaway_santanna(frame, "never_treated").overall
    name = "CS/nevertreated/simple/overall"
    assert group_time[0] == pytest.approx(expected(reference, f"{name}/est"), abs=1e-9)
    assert group_time[1] == pytest.approx(expected(reference, f"{name}/se"), rel=1e-6)
    att = truth["truth/att_treated_obs"]
    every = [imputed, group_time, methods.two_stage(frame, 12).overall]
    every.append(methods.sun_abraham(frame).overall)
    for value, se in every:
        assert abs(value - att) < 2 * se
    biased, _ = methods.twfe(frame).overall
    assert abs(biased - att) > max(abs(value - att) for value, _ in every)
    weights = methods.bacon(frame)
    assert weights["weight"].sum() == pytest.approx(1)
    assert weights["weight"] @ weights["estimate"] == pytest.approx(biased, abs=1e-6)


@pytest.fixture(scope="module")
def panel():
    return ut.build_panel(population(160, seed=3, **CALM), start="2019-01-01")


def with_effect(seed, share=0.4, effect=-0.5, n=200):
    """A panel whose adopters lose a share of their uploads, and who they are."""
    people = population(n, seed=seed, **CALM)
    panel = ut.build_panel(people, start="2019-01-01")
    given = adopters(panel, share, seed=seed)
    since = pl.Series([given.get(a, "2999-01-01") for a in people.uploads["artist_id"]])
    after = people.uploads["published_at"] >= since.str.to_datetime()
    keep = np.random.default_rng(seed).random(len(after)) < np.exp(effect)
    works = people.uploads.filter(~after | pl.Series(keep))
    return ut.build_panel(
        Population(people.artists, works, people.truth), start="2019-01-01"
    ), given


@pytest.fixture(scope="module")
def adopted():
    return with_effect(11)


@pytest.mark.parametrize(
    "method", ["imputation", "two-stage", "sun-abraham", "callaway-santanna", "poisson"]
)
def test_every_method_finds_a_known_effect(adopted, method):
    panel, given = adopted
    result = exposure_effects(panel, ut.exposure(panel, given), method=method)
    row = result.overall.iloc[0]
    assert row["status"] == "ok"
    # Those at risk throughout are few: this method has less to go on.
    assert row["low" if method == "callaway-santanna" else "high"] < 0
    assert (result.overall["of"] == "cohort").sum() == 3
    if method in ("imputation", "two-stage", "poisson"):
        assert result.overall.query("of == 'year'")["estimate"].lt(0).all()
    assert set(result.effects["relative_period"]) >= {0, 6, 12}
    width = result.effects["band_high"] - result.effects["band_low"]
    assert (width > result.effects["high"] - result.effects["low"]).all()
    if method != "poisson":
        assert result.pretrend["p"].iloc[0] > 0.005
        assert result.pretrend["minimum_detectable_slope"].iloc[0] > 0
        honest = result.honest
        assert (honest["high"] - honest["low"]).is_monotonic_increasing
    assert "exposed" in result.summary()


def test_two_way_effects_are_marked(adopted):
    panel, given = adopted
    result = exposure_effects(panel, ut.exposure(panel, given), method="twfe")
    assert result.overall["status"].tolist() == ["biased"]
    assert "already exposed for a comparison" in result.overall["reason"].iloc[0]
    assert result.bacon["weight"].sum() == pytest.approx(1)


def test_one_date_of_exposure_has_common_shocks(adopted):
    panel, given = adopted
    found = ut.exposure(panel, dict.fromkeys(given, "2020-12-01"))
    result = exposure_effects(panel, found)
    assert result.method == "two-step"
    assert result.overall["unit"].iloc[0] == "log ratio"
    assert any("shocks common" in note for note in result.notes)
    with pytest.raises(InputError, match="one date"):
        exposure_effects(panel, ut.exposure(panel, given), method="two-step")


@pytest.mark.parametrize("outcome", ["active", "silent", "removals"])
def test_other_outcomes(adopted, outcome):
    panel, given = adopted
    result = exposure_effects(panel, ut.exposure(panel, given), outcome=outcome)
    assert result.method == "imputation"
    row = result.overall.iloc[0]
    assert np.isfinite(row["estimate"])
    assert (row["estimate"] > 0) == (outcome == "silent")


def test_shares_of_ai_works():
    people = population(120, event_date="2021-03-01", ai_share=0.4, ai_unknown=0.1, seed=4, **CALM)
    panel = ut.build_panel(people, start="2019-01-01")
    found = ut.exposure(panel, "first AI upload")
    row = exposure_effects(panel, found, outcome="ai_share", method="two-stage").overall.iloc[0]
    assert row["low"] > 0


def test_what_cannot_be_compared_is_refused_with_the_reason(panel):
    ids = panel.artists["artist_id"].unique().sort().to_list()
    alone = exposure_effects(panel, ut.exposure(panel, {ids[5]: "2020-12-01"}))
    assert alone.overall["status"].tolist() == ["refused"]
    assert "one exposed artist" in alone.summary()
    everybody = exposure_effects(panel, ut.exposure(panel, dict.fromkeys(ids, "2020-12-01")))
    assert "nobody is left to compare with" in everybody.overall["reason"].iloc[0]
    few = exposure_effects(
        panel, ut.exposure(panel, dict.fromkeys(ids[5:9], "2020-12-01")), method="imputation"
    )
    assert few.overall["status"].iloc[0] == "exploratory"
    for settings, says in (
        ({"outcome": "likes"}, "outcome"),
        ({"method": "magic"}, "method"),
        ({"leads": 1}, "leads"),
        ({"method": "poisson", "outcome": "active"}, "counts of uploads"),
    ):
        with pytest.raises(InputError, match=says):
            exposure_effects(panel, ut.exposure(panel, adopters(panel)), **settings)


def test_the_poisson_model_looks_at_leads_with_power(adopted):
    panel, given = adopted
    result = exposure_effects(panel, ut.exposure(panel, given))
    assert result.method == "poisson"
    leads = result.effects[result.effects["relative_period"] < 0]
    assert leads["relative_period"].tolist() == list(range(-12, -1))
    assert 0.005 < result.pretrend["p"].iloc[0] <= 1
    assert result.pretrend["df"].iloc[0] == 11
    assert result.honest["max_bend"].iloc[0] == 0
    # A rise of exposed artists before the exposure is found.
    early = {
        name: str(pd.Timestamp(day) + pd.DateOffset(months=6))[:10] for name, day in given.items()
    }
    late = exposure_effects(panel, ut.exposure(panel, early))
    assert late.pretrend["p"].iloc[0] < 1e-3


def test_poisson_effects_by_period_are_the_librarys(adopted):
    panel, given = adopted
    frame, _ = outcome_frame(panel, ut.exposure(panel, given), "uploads", None, None, [])
    library = methods.require_library()
    fitted = methods._fitted(
        library.WooldridgeDiD(method="poisson", control_group="not_yet_treated"), frame
    )
    fitted.aggregate("event_study")
    times, values, covariance = methods._poisson_event_times(fitted)
    for k, value, variance in zip(times, values, np.diag(covariance), strict=True):
        known = fitted.event_study_effects[k]
        assert value == pytest.approx(known["att"], abs=1e-12)
        assert np.sqrt(variance) == pytest.approx(known["se"], abs=1e-12)


def test_shocks_that_exposed_artists_share_are_seen_before_exposure():
    found = {}
    for sd in (0.0, 0.15):
        world = simulate.training_set(200, shock_sd=sd, seed=3)
        panel = ut.build_panel(world.population, start="2018-01-01")
        who = ut.exposure(panel, world.treated_from)
        found[sd] = exposure_effects(panel, who, method="imputation")
    calm, shaken = (found[sd].shared.iloc[0] for sd in (0.0, 0.15))
    assert calm["p_none"] > 0.5 > shaken["p_none"]
    assert 0.08 < shaken["shock_sd"] < 0.45
    own = found[0.15].overall.iloc[0]
    assert shaken["low"] < own["low"]
    assert shaken["high"] > own["high"]
    assert "learnt before exposure" in found[0.15].summary()


def test_an_exposure_before_the_panel_or_one_that_ends_leaves_nobody(panel):
    ids = panel.artists["artist_id"].unique().sort().to_list()[:12]
    with pytest.raises(InputError, match=r"no artist is exposed inside.*always treated"):
        ut.exposure(panel, dict.fromkeys(ids, "2012-01-01"))
    rows = pd.DataFrame(
        [(name, day, on) for name in ids for day, on in (("2020-06-01", 1), ("2021-06-01", 0))],
        columns=["artist_id", "period", "treated"],
    )
    with pytest.raises(InputError, match=r"no artist is exposed inside.*reversed"):
        ut.exposure(panel, rows)
    # Some of them: left out, with their number, and the estimate is that without them.
    some = dict.fromkeys(ids, "2020-12-01")
    others = panel.artists["artist_id"].unique().sort().to_list()[12:17]
    mixed = some | dict.fromkeys(others, "2012-01-01")
    result = exposure_effects(panel, ut.exposure(panel, mixed), method="imputation")
    assert result.exposed == len(ids)
    assert any("nothing is known of them from before" in note for note in result.notes)


def test_a_study_of_an_exposure_refuses_by_row(adopted):
    panel, given = adopted
    found = ut.exposure_study(
        panel,
        given,
        match_on=("tenure",),
        outcomes=("uploads", "active"),
        methods=("poisson", "two-step", "twfe"),
    )
    rows = found.overall[found.overall["of"] == "all exposed"]
    said = dict(zip(zip(rows["outcome"], rows["method"], strict=True), rows["status"], strict=True))
    assert said["uploads", "two-step"] == "refused"
    assert said["active", "poisson"] == "refused"
    assert list(rows["status"]).count("biased") == 2
    assert "refused (the two-step compares at one date of exposure)" in found.summary()
    assert {"exposure_weights", "exposure_balance", "exposure_shocks"} <= set(found.tables())
    for wrong, says in (
        ({"outcomes": "uploads"}, "at least one"),
        ({"methods": ()}, "at least one"),
        ({"methods": ("magic",)}, "unknown method"),
        ({"outcomes": ("likes",)}, "unknown outcome"),
    ):
        with pytest.raises(InputError, match=says):
            ut.exposure_study(panel, given, **wrong)


def trending(slope, seed, n=150, periods=30):
    """Exposed artists with a straight trend of their own and an effect of -0.3."""
    rng = np.random.default_rng(seed)
    g = np.repeat([0, 14, 18, 22], [60, 30, 30, 30])
    t = np.arange(1, periods + 1)
    noise = rng.normal(0, 0.2, (n, periods))
    noise[:, 1:] += 0.5 * noise[:, :-1]
    exposed = (g[:, None] > 0) & (t >= g[:, None])
    y = rng.normal(0, 1, n)[:, None] + noise - 0.3 * exposed
    y += slope * (g > 0)[:, None] * (t - 15)
    return pd.DataFrame(
        {"artist": np.repeat(np.arange(n), periods), "t": np.tile(t, n), "y": y.ravel()}
    ).assign(g=np.repeat(g, periods))


@pytest.mark.parametrize("method", ["imputation", "two-stage", "sun-abraham", "callaway-santanna"])
def test_a_straight_trend_before_is_measured_and_taken_off(method):
    slopes, estimates, rejected, covered = [], [], [], []
    for seed in range(4):
        frame = trending(0.03, seed)
        panel = ut.panel_from_table(frame, unit="artist", period="t")
        result = exposure_effects(
            panel, ut.exposure(panel, "g"), outcome="y", method=method, control="never", leads=8
        )
        assert result.overall["low"].iloc[0] > -0.25  # the trend hides the effect
        bound = result.honest.iloc[0]
        covered.append(bound["low"] < -0.3 < bound["high"])
        slopes.append(result.pretrend["slope"].iloc[0])
        estimates.append(bound["estimate"])
        rejected.append(result.pretrend["p"].iloc[0] < 0.05)
    assert np.mean(slopes) == pytest.approx(0.03, abs=0.006)
    assert np.mean(estimates) == pytest.approx(-0.3, abs=0.06)
    assert all(rejected)
    assert sum(covered) >= 3


def test_leads_of_a_parallel_panel_are_rarely_rejected():
    rejected = []
    for seed in range(8):
        frame = trending(0.0, seed)
        found = methods.imputation(frame, 8).joint
        rejected.append(pretrend_row(found, 8, 49)["p"].iloc[0] < 0.05)
    assert sum(rejected) <= 2


def test_joint_test_of_many_leads_allows_for_an_estimated_covariance():
    """Eleven leads, 60 artists, their covariance from as many clusters."""
    rng = np.random.default_rng(20240)
    artists, leads, draws = 60, 11, 600
    root = np.linalg.cholesky(0.5 + 0.5 * np.eye(leads))
    rejected = 0
    for _ in range(draws):
        each = rng.standard_normal((artists, leads)) @ root.T
        covariance = np.cov(each.T) / artists
        errors = np.sqrt(np.diag(covariance))
        found = methods.Estimates(
            np.arange(-leads - 1, -1),
            each.mean(axis=0),
            errors,
            covariance / np.outer(errors, errors),
            (0.0, 1.0),
        )
        rejected += pretrend_row(found, 12, artists - 1)["p"].iloc[0] < 0.05
    assert 0.03 <= rejected / draws <= 0.07


def test_few_artists_test_the_nearest_leads_only():
    found = methods.Estimates(
        np.arange(-12, -1), np.linspace(1, 0, 11), np.ones(11), np.eye(11), (0.0, 1.0)
    )
    assert pretrend_row(found, 12, 8)[["df", "df_error"]].iloc[0].tolist() == [4, 5]
    assert pretrend_row(found, 12, 2).empty
