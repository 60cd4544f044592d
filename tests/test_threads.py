"""Matrix products of one series run on one thread, and the threads come back afterwards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController

from uploadtrends import threads


def numbers() -> set[int]:
    return {
        lib.num_threads for lib in ThreadpoolController().select(user_api="blas").lib_controllers
    }


@pytest.fixture
def two():
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        if numbers() != {2}:
            pytest.skip("this machine has no second thread")
        yield


def test_one_thread_inside_and_as_many_as_before_outside(two) -> None:
    seen = []

    @threads.one_thread
    def inner() -> None:
        seen.append(numbers())

    @threads.one_thread
    def outer() -> None:
        inner()
        seen.append(numbers())
        raise KeyError("also when it fails")

    with pytest.raises(KeyError):
        outer()
    assert seen == [{1}, {1}]
    assert numbers() == {2}


def test_a_fit_leaves_the_threads_as_they_were(two, monkeypatch) -> None:
    import uploadtrends as ut
    from uploadtrends.models import result

    seen = []
    judge = result.judge
    monkeypatch.setattr(result, "judge", lambda *a: (seen.append(numbers()), judge(*a))[1])
    rng = np.random.default_rng(1)
    series = pd.Series(
        rng.standard_normal(40) + 50, pd.date_range("2019-01-01", periods=40, freq="MS")
    )
    ut.interrupted_time_series(series, "2021-01-01")
    assert seen == [{1}]
    assert numbers() == {2}


def test_a_check_runs_on_one_thread(two, monkeypatch) -> None:
    import uploadtrends as ut

    seen = []
    check = ut.multiplicity()
    run = type(check).run
    monkeypatch.setattr(type(check), "run", lambda *a: (seen.append(numbers()), run(*a))[1])
    rng = np.random.default_rng(1)
    series = pd.Series(
        rng.standard_normal(40) + 50, pd.date_range("2019-01-01", periods=40, freq="MS")
    )
    ut.interrupted_time_series(series, "2021-01-01").check(check)
    assert seen == [{1}]
    assert numbers() == {2}
