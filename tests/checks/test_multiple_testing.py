import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from statsmodels.stats.multitest import multipletests

from uploadtrends.checks.multiple_testing import benjamini_hochberg, holm, romano_wolf
from uploadtrends.errors import InputError

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(deadline=None, max_examples=12)
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
    """pyfixest 0.60.0: `rwolf(fits, "x", reps=999, seed=3, sampling_method="ri")` on these data.

    `validation/claims_multiplicity.py` runs it again (42 s).
    """
    rng = np.random.default_rng(5)
    common, x = rng.standard_normal(150), rng.standard_normal(150)
    effects = (0.30, 0.22, 0.15, 0.0)
    y = np.column_stack([b * x + 0.5 * common + rng.standard_normal(150) for b in effects])

    def t_values(regressor):
        design = np.column_stack([np.ones(150), regressor])
        inverse = np.linalg.inv(design.T @ design)
        residual = y - design @ (inverse @ design.T @ y)
        se = np.sqrt((residual**2).sum(axis=0) / 148 * inverse[1, 1])
        return (inverse @ design.T @ y)[1] / se

    ours = romano_wolf(t_values(x), [t_values(rng.permutation(x)) for _ in range(1999)])
    np.testing.assert_allclose(t_values(x), [2.956855, 3.007291, 1.844967, -0.020233], rtol=1e-5)
    np.testing.assert_allclose(ours, [0.010, 0.010, 0.129, 0.982], atol=0.02)


def test_romano_wolf_wants_one_column_a_test():
    with pytest.raises(InputError, match="one column per test"):
        romano_wolf([1.0, 2.0], np.zeros((10, 3)))
