"""What the result says: effects, counterfactual, wording, tables, refits."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.errors import InputError
from uploadtrends.familywise import holm
from uploadtrends.models import cumulative, wording
from uploadtrends.models.effects import COLUMNS
from uploadtrends.models.estimators import averaged, reml
from uploadtrends.simulate import ar1_series, count_series

INDEX = pd.date_range("2018-01-01", periods=72, freq="MS")
EVENT = "2021-09-01"


def series(step: float = -15, slope: float = 0.0, seed: int = 3, rho: float = 0.4) -> pd.Series:
    y = ar1_series(
        1, 72, rho=rho, sd=4, mean=100, step=step, step_at=44, slope_change=slope, seed=seed
    )
    return pd.Series(y[0], INDEX, name="works")


@pytest.fixture(scope="module")
def level() -> ut.models.InterruptedTimeSeries:
    return ut.interrupted_time_series(series(), EVENT, scale="level", season="none")


def row(result: ut.models.InterruptedTimeSeries, term: str) -> pd.Series:
    return result.effects.set_index("term").loc[term]


def test_table_has_the_documented_columns_and_terms(
    level: ut.models.InterruptedTimeSeries,
) -> None:
    assert tuple(level.effects.columns) == COLUMNS
    assert level.effects["term"].tolist() == [
        "level",
        "slope",
        "effect_1m",
        "effect_3m",
        "effect_6m",
        "effect_12m",
        "effect_end",
        "cumulative",
    ]
    assert row(level, "level")["unit"] == "a month"
    assert row(level, "slope")["unit"] == "a month, per month"
    assert row(level, "cumulative")["unit"] == ""


def test_level_scale_effects_are_the_batch_engine_s(
    level: ut.models.InterruptedTimeSeries,
) -> None:
    time = np.arange(72.0)
    design = np.column_stack([np.ones(72), time, time >= 44, np.maximum(time - 44, 0)])
    contrasts = np.zeros((4, 4))
    contrasts[0, 2] = contrasts[1, 3] = 1
    contrasts[2] = [0, 0, 1, 11]
    contrasts[3] = [0, 0, 28, np.arange(28).sum()]
    batch = averaged.fit_batch(series().to_numpy(), design, contrasts)
    for i, term in enumerate(("level", "slope", "effect_12m", "cumulative")):
        got = row(level, term)
        for name in ("estimate", "se", "low", "high", "p"):
            assert got[name] == pytest.approx(getattr(batch, name)[0, i], rel=1e-4, abs=1e-5)


def test_effects_hang_together(level: ut.models.InterruptedTimeSeries) -> None:
    first, twelfth = row(level, "effect_1m"), row(level, "effect_12m")
    assert first["estimate"] == pytest.approx(row(level, "level")["estimate"])
    slope = row(level, "slope")["estimate"]
    assert twelfth["estimate"] == pytest.approx(first["estimate"] + 11 * slope)
    fit = level.fits[0]
    gap = fit.fitted[fit.counterfactual.index] - fit.counterfactual["estimate"]
    assert gap.sum() == pytest.approx(row(level, "cumulative")["estimate"])
    assert gap.iloc[0] == pytest.approx(first["estimate"])
    relative = 100 * gap.iloc[11] / fit.counterfactual["estimate"].iloc[11]
    assert twelfth["relative"] == pytest.approx(relative)
    assert twelfth["relative_low"] < twelfth["relative"] < twelfth["relative_high"]


def test_log_scale_effects_are_ratios_and_add_up_in_units() -> None:
    result = ut.interrupted_time_series(series(), EVENT, season="none", scale="log")
    fit = result.fits[0]
    effect = row(result, "effect_6m")
    assert effect["unit"] == "log ratio"
    assert effect["relative"] == pytest.approx(100 * np.expm1(effect["estimate"]))
    gap = fit.fitted[fit.counterfactual.index] - fit.counterfactual["estimate"]
    # Medians of draws, the fitted values those of the coefficients: the same but for rounding.
    assert effect["absolute"] == pytest.approx(gap.iloc[5], rel=0.02)
    cumulative = row(result, "cumulative")
    assert gap.sum() == pytest.approx(cumulative["estimate"], rel=0.02)
    assert cumulative["low"] < -28 * 15 < cumulative["high"]
    # Fitted values are medians: with little noise they add up to about what was observed.
    assert fit.fitted.sum() == pytest.approx(fit.observed.sum(), rel=2e-2)


def test_counterfactual_band_holds_new_observations() -> None:
    inside = []
    for seed in range(40):
        result = ut.interrupted_time_series(
            series(step=0, seed=seed), EVENT, scale="level", season="none"
        )
        band = result.fits[0].counterfactual
        observed = result.fits[0].observed[band.index]
        inside.append(((observed > band["low"]) & (observed < band["high"])).mean())
    # Without any event the observed values are draws of the counterfactual.
    assert 0.93 < np.mean(inside) < 1.0


def test_a_band_with_error_is_wider_than_that_of_the_mean() -> None:
    fit = ut.interrupted_time_series(series(), EVENT, scale="level", season="none").fits[0]
    rows = fit.prepared.design.counterfactual[44:]
    mean = fit.estimate.contrast(rows)
    width = fit.counterfactual["high"] - fit.counterfactual["low"]
    assert (width.to_numpy() > mean.high - mean.low).all()
    assert width.iloc[-1] > width.iloc[0]


def test_minimum_detectable_effect_is_found_four_times_in_five() -> None:
    null = ar1_series(400, 72, rho=0.4, seed=1)
    time = np.arange(72.0)
    design = np.column_stack([np.ones(72), time, time >= 44, np.maximum(time - 44, 0)])
    one = pd.Series(null[0] + 50, INDEX)
    result = ut.interrupted_time_series(one, EVENT, scale="level", season="none")
    ratio = row(result, "level")["minimum_detectable"] / row(result, "level")["se"]
    fit = reml.fit_batch(null, design, np.eye(4)[2:3])
    typical = float(np.median(fit.se)) * ratio
    found = reml.fit_batch(null + typical * design[:, 2], design, np.eye(4)[2:3])
    assert 0.72 < (found.p < 0.05).mean() < 0.88


def test_holm_is_over_rows_of_the_same_term() -> None:
    frame = pd.DataFrame({f"s{i}": series(seed=i) for i in range(4)})
    result = ut.interrupted_time_series(frame, ["2019-06-01", EVENT, "2018-01-20"])
    for _, part in result.effects.groupby("term"):
        known = part.dropna(subset="p")
        smallest = known["p"].min()
        want = min(1.0, smallest * len(known))
        assert known["p_holm"].min() == pytest.approx(want)
        assert (known["p_holm"] >= known["p"]).all()
    assert (result.effects["status"] == "not estimable").any()


def test_holm_matches_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5, 0.02])
    known = ~np.isnan(p)
    adjusted = holm(p)
    assert np.isnan(adjusted[1])
    assert adjusted[known] == pytest.approx(multipletests(p[known], method="holm")[1])


def test_joint_tests_cover_each_block_and_all() -> None:
    result = ut.interrupted_time_series(series(), ["2019-06-01", EVENT], scale="level")
    assert result.tests["test"].tolist() == [
        "terms of the block",
        "terms of the block",
        "all blocks",
    ]
    assert result.tests["numerator_df"].tolist() == [2, 2, 4]
    assert result.tests["p"].iloc[1] < 0.01
    assert result.tests["p"].iloc[0] > 0.05


def test_joint_test_of_one_term_is_its_p_value() -> None:
    result = ut.interrupted_time_series(series(), EVENT, terms="level", scale="level")
    assert result.tests["p"].item() == pytest.approx(row(result, "level")["p"], rel=0.05)


def test_summary_says_what_was_found_and_what_not(
    level: ut.models.InterruptedTimeSeries,
) -> None:
    text = level.summary()
    size = row(level, "level")
    assert f"works: at {EVENT} the level changed by {size['estimate']:.1f} a month" in text
    assert "95% interval" in text
    assert "no change of the slope was shown" in text
    assert "found four times in five" in text
    assert "reml-averaged on the scale of the data" in text
    assert "slope change is 0 in the first full period" in text
    assert "Diagnostics: " in text
    assert "caused" not in text


def test_result_is_frozen_picklable_and_json_ready(
    level: ut.models.InterruptedTimeSeries,
) -> None:
    again = pickle.loads(pickle.dumps(level))
    pd.testing.assert_frame_equal(again.effects, level.effects)
    assert json.loads(json.dumps(level.to_dict()))["table"][0]["term"] == "level"
    assert level.call.parameters["season"] == "none"
    assert len(level.call.data_fingerprint) == 64
    assert r"\begin{tabular}" in level.to_latex()
    assert level.to_markdown().startswith("| platform |")
    assert "<table" in level._repr_html_()
    with pytest.raises(AttributeError):
        level.effects = None  # type: ignore[misc]
    copy = level.to_frame()
    copy["estimate"] = 0.0
    assert row(level, "level")["estimate"] != 0


def test_refit_keeps_the_settings(level: ut.models.InterruptedTimeSeries) -> None:
    moved = level.refit(events="2020-05-01")
    direct = ut.interrupted_time_series(series(), "2020-05-01", scale="level", season="none")
    pd.testing.assert_frame_equal(moved.effects, direct.effects)
    other = level.refit(data=series(seed=9), method="ols-hac")
    assert set(other.effects["method"]) == {"ols-hac"}
    assert other.call.data_fingerprint != level.call.data_fingerprint
    pd.testing.assert_frame_equal(level.refit().effects, level.effects)


def test_a_dict_a_frame_and_a_series_agree() -> None:
    one = ut.interrupted_time_series(series(), EVENT)
    frame = ut.interrupted_time_series(pd.DataFrame({"works": series()}), EVENT)
    pair = ut.interrupted_time_series({("artstation", "senior"): series()}, EVENT)
    pd.testing.assert_frame_equal(one.effects, frame.effects)
    assert pair.effects["platform"].unique().tolist() == ["artstation"]
    assert "artstation, senior: at" in pair.summary()
    assert pair.fit("senior").name == "artstation, senior"
    with pytest.raises(InputError, match="new"):
        pair.fit("new")
    with pytest.raises(InputError, match="no such group"):
        ut.interrupted_time_series({"a": series()}, EVENT, groups="b")


def test_a_panel_is_read_by_platform_and_group() -> None:
    class Panel:
        """The three methods of a panel that models use."""

        def keys(self) -> list[tuple[str, str]]:
            return [("artstation", "senior"), ("artstation", "new")]

        def series(self, platform: str, group: str, unit: str = "uploads") -> pd.Series:
            assert unit == "active_artists"
            return series(seed=len(group))

        def flags(self, platform: str, group: str) -> pd.DataFrame:
            instrument = np.where(INDEX < "2019-01-01", "old", "api")
            return pd.DataFrame({"period": INDEX, "instrument": instrument})

    result = ut.interrupted_time_series(
        Panel(), EVENT, unit="active_artists", groups="senior", platforms="artstation"
    )
    (fit,) = result.fits
    assert fit.observed.index[0] == pd.Timestamp("2019-01-01")
    assert any("instrument api" in note for note in fit.notes)
    whole = ut.interrupted_time_series(Panel(), EVENT, unit="active_artists", instrument="term")
    assert len(whole.fits) == 2
    assert "instrument[2019-01-01]" in whole.fits[0].prepared.design.names
    assert whole.fits[0].observed.index[0] == INDEX[0]


def test_sensitivity_lists_other_methods() -> None:
    fit = ut.interrupted_time_series(series(), EVENT, season="none").fits[0]
    methods = fit.sensitivity["method"].unique().tolist()
    assert methods == ["reml-averaged (reported)", "ols-hac", "reml-ar1"]
    fit = ut.interrupted_time_series(series(), EVENT, season="none", errors="ar1").fits[0]
    methods = fit.sensitivity["method"].unique().tolist()
    assert methods == [
        "reml-ar1 (reported)",
        "ols-hac",
        "reml-ar1 (phi at its maximum)",
        "ar1-plus-noise",
    ]
    assert "Sensitivity: with white noise" in fit.sentence
    short = ut.interrupted_time_series(series().iloc[:71], EVENT, season="none").fits[0]
    assert "ar1-plus-noise" not in set(short.sensitivity["method"])
    assert "Sensitivity" not in short.sentence
    counts = pd.Series(count_series(1, 72, mean=6, seed=1)[0].astype(float), INDEX)
    fit = ut.interrupted_time_series(counts, EVENT, scale="counts").fits[0]
    assert "quasi-poisson" in set(fit.sensitivity["method"])


def test_the_rule_chooses_and_says_so() -> None:
    def chosen(values: np.ndarray, **options: object) -> ut.models.Fit:
        return ut.interrupted_time_series(
            pd.Series(np.asarray(values, dtype=float), INDEX), EVENT, **options
        ).fits[0]

    rng = np.random.default_rng(0)
    flat = chosen(rng.poisson(50, 72))
    assert flat.method == "reml-averaged"
    assert "cannot tell the log scale from the scale of the data" in flat.rule
    line = 60 - 0.8 * np.arange(72) + rng.normal(0, 2, 72) + 20
    assert (chosen(line).scale, chosen(np.exp(line / 20)).scale) == ("level", "log")
    few = chosen(rng.poisson(4, 72), scale="counts")
    assert (few.method, few.scale, few.status) == ("count-ar1", "counts", "exploratory")
    assert "mean count" in few.reason
    negative = chosen(rng.standard_normal(72))
    assert (negative.method, negative.scale) == ("reml-averaged", "level")
    assert "method as asked" in chosen(rng.poisson(50, 72), method="ols-hac").rule


def test_the_default_path_does_not_wait_for_statsmodels() -> None:
    import subprocess
    import sys

    code = (
        "import sys, pandas as pd, uploadtrends as ut\n"
        "series = pd.Series([50 + i % 7 for i in range(48)], "
        "pd.date_range('2020-01-01', periods=48, freq='MS'))\n"
        "ut.interrupted_time_series(series, '2022-08-01').summary()\n"
        "heavy = {'statsmodels', 'matplotlib', 'pyfixest', 'duckdb', 'polars'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_example_of_the_docstring_holds() -> None:
    import doctest

    import uploadtrends.models as models

    found = doctest.testmod(models)
    assert found.attempted > 0
    assert found.failed == 0


def test_an_event_is_none_on_a_platform_that_it_does_not_concern() -> None:
    event = ut.Event(EVENT, "A rule of one platform", platforms=("artstation",))
    data = {("artstation", "all"): series(), ("deviantart", "all"): series(seed=2)}
    effects = ut.interrupted_time_series(data, event).effects
    here = effects[effects["platform"].eq("artstation")]
    there = effects[effects["platform"].eq("deviantart")]
    assert here["p"].notna().any()
    assert there["status"].eq("not estimable").all()
    assert there["reason"].str.contains("concerns artstation and not deviantart").all()
    # The series that has no event is not among those adjusted for.
    alone = ut.interrupted_time_series({("artstation", "all"): series()}, event).effects
    assert here["p_adjusted"].tolist() == alone["p_adjusted"].tolist()
    # A series without a platform is told of every event.
    assert ut.interrupted_time_series(series(), event).effects["p"].notna().any()


def test_an_early_start_is_not_fitted_as_a_step_in_silence() -> None:
    index = pd.date_range("2015-01-01", periods=96, freq="MS")
    time = np.arange(96)
    values = 5 + 0.1 * np.random.default_rng(0).standard_normal(96) - 0.5 * (time >= 57)
    result = ut.interrupted_time_series(pd.Series(np.exp(values), index), index[60])
    fit = result.fits[0]
    assert fit.status == "exploratory"
    assert "a step is not what the data show: a change 3 months before the event" in fit.reason
    assert fit.adequacy.table.set_index("check").loc["shape of the effect", "p"] < 0.02
    assert fit.adequacy.shapes["kind"].isin(["gradual", "early", "transient"]).all()


def test_series_of_one_grid_share_their_design_and_each_keeps_its_own_answer() -> None:
    index = pd.date_range("2018-01-01", periods=60, freq="MS")
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(np.exp(4 + 0.1 * rng.standard_normal((60, 3))), index, list("abc"))
    frame.iloc[7, 2] = np.nan
    together = ut.interrupted_time_series(frame, "2021-01-01")
    designs = [fit.prepared.design for fit in together.fits]
    assert designs[0] is designs[1]
    assert designs[2].used.sum() == 59
    for name in frame:
        alone = ut.interrupted_time_series(frame[name].copy(), "2021-01-01")
        own = together.effects.query("group == @name").reset_index(drop=True)
        shared = [c for c in own if c not in ("p_adjusted", "p_holm")]
        pd.testing.assert_frame_equal(own[shared], alone.effects[shared])
    other = ut.interrupted_time_series(frame["a"], "2021-01-01", season="none")
    assert other.fits[0].prepared.design is not designs[0]


def test_effects_that_grow_are_summed_over_every_period() -> None:
    """By Horner's rule, against an exponential for each; finite however fast they grow."""
    rng = np.random.default_rng(4)
    effect = np.column_stack([np.ones(9), np.arange(9.0), np.arange(9) < 3])
    base, beta = rng.lognormal(size=(9, 50)), rng.normal(size=(3, 50))
    want = (base * np.exp(effect @ beta)).sum(axis=0)
    np.testing.assert_allclose(cumulative._grown(base, effect, beta), want, rtol=1e-12)
    assert np.isfinite(cumulative._grown(base, effect[:, :2], 1e3 * np.abs(beta[:2]))).all()


def test_a_summary_fits_no_method_that_it_does_not_name(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    real = wording.by_method
    monkeypatch.setattr(
        wording, "by_method", lambda one, method: tried.append(method) or real(one, method)
    )
    said = [ut.interrupted_time_series(series(), EVENT, errors=e) for e in ("averaged", "ar1")]
    assert "white noise on top" not in said[0].summary()
    assert not tried
    said[1].summary()
    assert tried == ["ar1-plus-noise"]
