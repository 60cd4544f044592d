import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from statsmodels.stats.multitest import multipletests

from uploadtrends.checks.multiple_testing import benjamini_hochberg, holm, romano_wolf
from uploadtrends.errors import InputError

P_VALUES = hnp.arrays(float, st.integers(1, 12), elements=st.floats(0, 1))


@settings(deadline=None, max_examples=40)
@given(P_VALUES)
def test_same_as_statsmodels(p):
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    np.testing.assert_allclose(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1])


def test_a_missing_p_value_is_not_a_test():
    adjusted = holm([0.01, np.nan, 0.04])
    np.testing.assert_allclose(adjusted[[0, 2]], [0.02, 0.04])
    assert np.isnan(adjusted[1])


def test_impossible_p_value():
    with pytest.raises(InputError, match="between 0 and 1"):
        holm([0.1, 1.2])


@given(
    hnp.arrays(float, 4, elements=st.floats(-6, 6)),
    hnp.arrays(float, (30, 4), elements=st.floats(-6, 6)),
)
def test_romano_wolf_orders_and_bounds(t, null):
    p = romano_wolf(t, null)
    alone = (1 + (np.abs(null) >= np.abs(t)).sum(axis=0)) / 31
    assert (p >= alone - 1e-12).all()
    assert (p <= 1).all()
    order = np.argsort(-np.abs(t), kind="stable")
    assert (np.diff(p[order]) >= 0).all()


@settings(deadline=None)
@given(hnp.arrays(float, 5, elements=st.floats(0, 4), unique=True), st.integers(0, 10**6))
def test_romano_wolf_same_as_pyfixest_given_the_same_draws(t, seed):
    from pyfixest.estimation.post_estimation.multcomp import _get_rwolf_pval

    null = np.random.default_rng(seed).standard_normal((99, 5))
    np.testing.assert_allclose(romano_wolf(t, null), _get_rwolf_pval(t, null))


def test_romano_wolf_against_pyfixest_rwolf():
    """Permuting the regressor here and in pyfixest gives the same adjusted p-values."""
    import pandas as pd
    import pyfixest as pf

    rng = np.random.default_rng(5)
    n = 150
    common = rng.standard_normal(n)
    frame = pd.DataFrame({"x": rng.standard_normal(n)})
    for j, effect in enumerate((0.30, 0.22, 0.0)):
        frame[f"y{j}"] = effect * frame["x"] + 0.5 * common + rng.standard_normal(n)
    fits = [pf.feols(f"y{j} ~ x", data=frame) for j in range(3)]
    theirs = pf.rwolf(fits, "x", reps=199, seed=3, sampling_method="ri")

    y = frame[[f"y{j}" for j in range(3)]].to_numpy()

    def t_values(regressor):
        x = np.column_stack([np.ones(n), regressor])
        inverse = np.linalg.inv(x.T @ x)
        residual = y - x @ (inverse @ x.T @ y)
        se = np.sqrt((residual**2).sum(axis=0) / (n - 2) * inverse[1, 1])
        return (inverse @ x.T @ y)[1] / se

    x = frame["x"].to_numpy()
    ours = romano_wolf(t_values(x), [t_values(rng.permutation(x)) for _ in range(999)])
    np.testing.assert_allclose(ours, theirs.loc["RW Pr(>|t|)"].to_numpy(float), atol=0.08)


def test_romano_wolf_wants_one_column_a_test():
    with pytest.raises(InputError, match="one column per test"):
        romano_wolf([1.0, 2.0], np.zeros((10, 3)))
