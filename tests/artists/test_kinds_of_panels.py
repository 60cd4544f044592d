"""Panels of many kinds: every method against dense least squares, and what nobody can know."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.artists import exposure_methods as methods

COHORTS = {
    "one date": ({0: 30, 9: 30}, 16),
    "three dates": ({0: 24, 7: 20, 10: 20, 13: 20}, 18),
    "all in the end": ({7: 20, 10: 20, 13: 20}, 18),
    "eight dates, 60 months": ({0: 20} | dict.fromkeys(range(12, 52, 5), 12), 60),
    "many small dates": ({0: 30} | dict.fromkeys(range(6, 16), 2), 20),
}


def drawn(kind, *, holes=False, seed=0):
    """A panel whose effects change sign with time and by cohort; with holes, it is unbalanced."""
    sizes, periods = COHORTS[kind]
    rng = np.random.default_rng(seed)
    g = np.repeat(list(sizes), list(sizes.values()))
    t = np.arange(1, periods + 1)
    since = t - g[:, None]
    exposed = (g[:, None] > 0) & (since >= 0)
    effect = np.where(exposed, (0.4 - 0.05 * since) * np.where(g % 2, 1, -1)[:, None], 0.0)
    y = rng.normal(0, 1, len(g))[:, None] + np.sin(t) + effect + rng.normal(0, 0.2, effect.shape)
    frame = pd.DataFrame(
        {
            "artist": np.repeat(np.arange(len(g)), periods),
            "t": np.tile(t, len(g)),
            "g": np.repeat(g, periods),
            "y": y.ravel(),
            "effect": effect.ravel(),
        }
    )
    if holes:  # late entry, early exit, and a tenth missing
        enter, leave = rng.integers(1, 5, len(g)), rng.integers(periods - 6, periods + 4, len(g))
        inside = (frame["t"] >= np.repeat(enter, periods)) & (
            frame["t"] <= np.repeat(leave, periods)
        )
        frame = frame[inside & (rng.random(len(frame)) > 0.1)].reset_index(drop=True)
    return frame


def parts(frame):
    exposed = ((frame["g"] > 0) & (frame["t"] >= frame["g"])).to_numpy()
    known = exposed & frame["t"].isin(frame.loc[~exposed, "t"]).to_numpy()
    return exposed, known


def dummies(frame):
    return np.hstack(
        [pd.get_dummies(frame[name]).to_numpy(dtype=float) for name in ("artist", "t")]
    )


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("kind", COHORTS)
def test_imputation_and_two_way_effects_are_least_squares(kind, holes):
    frame = drawn(kind, holes=holes)
    exposed, known = parts(frame)
    x, y = dummies(frame), frame["y"].to_numpy()
    untreated = x @ np.linalg.lstsq(x[~exposed], y[~exposed], rcond=None)[0]
    panel = ut.panel_from_table(frame, unit="artist", period="t")
    exposure = ut.exposure(panel, "g")
    for method in ("imputation", "two-stage"):
        result = ut.exposure_effects(panel, exposure, outcome="y", method=method, lags=60)
        found = result.overall.iloc[0]
        assert found["estimate"] == pytest.approx((y - untreated)[known].mean(), abs=1e-6)
        assert abs(found["estimate"] - frame["effect"][known].mean()) < 4 * found["se"]
        by_lag = pd.Series((y - untreated)[known]).groupby((frame["t"] - frame["g"])[known].values)
        effects = result.effects.set_index("relative_period")["estimate"]
        np.testing.assert_allclose(effects[effects.index >= 0], by_lag.mean(), atol=1e-6)
        seen = result.effects.dropna(subset="se")
        assert (seen["band_high"] - seen["band_low"] >= seen["high"] - seen["low"]).all()
        out_of_reach = int((exposed & ~known).sum())
        said = [note for note in result.notes if "everybody is exposed" in note]
        assert len(said) == (out_of_reach > 0)
        if said:
            assert f"{out_of_reach} of {exposed.sum()} exposed rows" in said[0]
            assert "(from 13 on)" in said[0]
            last = result.overall.query("of == 'cohort' and when == 13").iloc[0]
            assert last["status"] == "refused"
            assert "nobody is left to compare with" in last["reason"]
    found = ut.exposure_effects(panel, exposure, outcome="y", method="twfe").overall.iloc[0]
    design = np.column_stack([exposed.astype(float), x])
    right = np.linalg.lstsq(design, y, rcond=None)[0][0]
    assert found["estimate"] == pytest.approx(right, abs=1e-6)
    assert found["status"] == "biased"


@pytest.mark.parametrize("kind", COHORTS)
def test_group_time_averages_are_differences_of_means(kind):
    frame = drawn(kind)
    wide = frame.pivot(index="artist", columns="t", values="y")
    g = frame.groupby("artist")["g"].first()
    total = rows = 0.0
    for cohort in sorted(set(g) - {0}):
        for t in range(cohort, wide.columns.max() + 1):
            controls = (g == 0) | (g > t)
            if controls.any():
                change = wide[t] - wide[cohort - 1]
                total += (g == cohort).sum() * (
                    change[g == cohort].mean() - change[controls].mean()
                )
                rows += (g == cohort).sum()
    panel = ut.panel_from_table(frame, unit="artist", period="t")
    found = ut.exposure_effects(
        panel, ut.exposure(panel, "g"), outcome="y", method="callaway-santanna"
    ).overall.iloc[0]
    assert found["estimate"] == pytest.approx(total / rows, abs=1e-9)


@pytest.mark.parametrize("kind", [kind for kind in COHORTS if kind != "all in the end"])
def test_interaction_weights_are_least_squares_with_never_exposed_controls(kind):
    frame = drawn(kind, holes=kind != "many small dates")
    exposed, _ = parts(frame)
    since = frame["t"] - frame["g"]
    cells = pd.get_dummies(
        (frame["g"].astype(str) + "/" + since.astype(str)).where(
            (frame["g"] > 0) & (since != -1), "base"
        )
    ).drop(columns="base")
    design = np.hstack([cells.to_numpy(dtype=float), dummies(frame)])
    fit = np.linalg.lstsq(design, frame["y"].to_numpy(), rcond=None)[0]
    share = frame[exposed].groupby(["g", "t"]).size()
    found = methods.sun_abraham(frame)
    for k in (0, 2):
        cohorts = [g for g in sorted(set(frame["g"]) - {0}) if f"{g}/{k}" in cells]
        weights = np.array([share[g, g + k] for g in cohorts], dtype=float)
        values = [fit[cells.columns.get_loc(f"{g}/{k}")] for g in cohorts]
        at = int(np.flatnonzero(found.times == k)[0])
        assert found.values[at] == pytest.approx(weights @ values / weights.sum(), abs=1e-6)


def test_small_cohorts_have_wide_enough_errors():
    """Residuals within cohorts of two hide half of the variance."""
    errors, spread = [], []
    for seed in range(8):
        frame = drawn("many small dates", seed=seed)
        found, plain = methods.imputation(frame, 6), methods.two_stage(frame, 6)
        errors.append(found.overall[1] / plain.overall[1])
        spread.append(found.overall[0] - frame["effect"][parts(frame)[0]].mean())
    assert min(errors) > 0.9
    assert np.std(spread) < 1.5 * found.overall[1]


def test_few_on_either_side_are_marked_and_have_the_quantile_of_few():
    frame = drawn("one date")
    for kept, says, few in (
        (frame["artist"].between(0, 33), "only 4 exposed artists", 4),
        (frame["artist"] >= 25, "only 5 artists to compare with", 5),
    ):
        panel = ut.panel_from_table(frame[kept], unit="artist", period="t")
        result = ut.exposure_effects(panel, ut.exposure(panel, "g"), outcome="y")
        row = result.overall.iloc[0]
        assert (row["status"], row["reason"]) == ("exploratory", says)
        from scipy import stats

        assert (row["high"] - row["estimate"]) / row["se"] == pytest.approx(
            stats.t.ppf(0.975, few - 1)
        )
    some = drawn("three dates", holes=True)
    whole = some.groupby("artist")["t"].transform("size") == some["t"].nunique()
    enough = some[whole | (some["artist"] > 40)]
    panel = ut.panel_from_table(enough, unit="artist", period="t")
    result = ut.exposure_effects(
        panel, ut.exposure(panel, "g"), outcome="y", method="callaway-santanna"
    )
    assert result.overall["status"].iloc[0] in ("exploratory", "refused")


def test_cells_without_an_upload_do_not_slow_the_poisson_model_or_change_it():
    frame = drawn("three dates")
    frame = frame.assign(y=np.random.default_rng(1).poisson(np.exp(frame["y"] / 3)).astype(float))
    empty = (frame["g"] == 7) & (frame["t"].isin([8, 15]))
    frame.loc[empty, "y"] = 0.0
    quick = methods.poisson(frame, 4)
    library = methods.require_library()
    slow = methods._fitted(
        library.WooldridgeDiD(method="poisson", control_group="not_yet_treated"),
        frame.assign(y=frame["y"].mask(empty, 1e-13)),
    )
    assert quick.overall[0] == pytest.approx(slow.overall_att, abs=1e-8)
    assert quick.overall[1] == pytest.approx(slow.overall_se, abs=1e-8)


def test_one_artist_alone_has_no_interval():
    frame = drawn("many small dates")
    frame = frame[~frame["artist"].isin([30, 48])]  # one each is left of those at 6 and at 15
    panel = ut.panel_from_table(frame, unit="artist", period="t")
    result = ut.exposure_effects(panel, ut.exposure(panel, "g"), outcome="y", lags=30)
    cohorts = result.overall.query("of == 'cohort'").set_index("when")
    refused = cohorts[cohorts["status"] == "refused"]
    assert refused.index.tolist() == [6, 15]
    assert refused[["se", "low", "high", "p"]].isna().all(axis=None)
    assert refused["reason"].str.startswith("one exposed artist").all()
    assert cohorts.drop([6, 15])["se"].notna().all()
    effects = result.effects.set_index("relative_period")
    assert effects.loc[14, ["estimate"]].notna().all()  # only those at 6 are seen so late
    assert effects.loc[14, ["se", "band_low", "p"]].isna().all()
    assert effects.loc[5, ["se", "band_low", "p"]].notna().all()
