"""A term from outside the package is estimated, drawn, worded, and known to study files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends import figures
from uploadtrends.errors import InputError
from uploadtrends.figures.fitted import brief
from uploadtrends.models import terms
from uploadtrends.models.terms import Term


@pytest.fixture
def fading(monkeypatch: pytest.MonkeyPatch) -> Term:
    """A change that halves with every period."""
    monkeypatch.setitem(terms.TERMS, "fading", Term("fading", "fading level", half_life))
    return terms.TERMS["fading"]


def half_life(onset, n: int, settings) -> np.ndarray:
    since = np.arange(n) - int(np.argmax(onset.step > 0))
    return np.where(since >= 0, 0.5 ** np.maximum(since, 0), 0.0)


def series(change: float) -> pd.Series:
    rng = np.random.default_rng(2)
    index = pd.date_range("2018-01-01", periods=72, freq="MS")
    since = np.arange(72) - 44
    effect = np.where(since >= 0, change * 0.5 ** np.maximum(since, 0), 0.0)
    return pd.Series(np.exp(5 + effect + rng.normal(0, 0.05, 72)), index)


def test_a_term_of_another_package_is_estimated_worded_and_drawn(fading: Term) -> None:
    its = ut.interrupted_time_series(
        series(1.2), "2021-09-01", terms=("fading", "level"), scale="log", season="none"
    )
    row = its.effects.set_index("term").loc["fading"]
    assert row["status"] == "ok"
    assert row["low"] < 1.2 < row["high"]
    assert row["high"] - row["low"] < 0.5
    assert "fading level" in its.summary()
    assert "fading +" in brief(its.fits[0])  # stands below the panel
    assert set(figures.forest(its, term="fading").data["term"]) == {"fading"}
    assert its.check(ut.power(term="fading", n_draws=99)).informative


def test_a_study_may_name_it(fading: Term) -> None:
    study = {
        "study": {"name": "small", "question": "Did it change?"},
        "data": [{"source": "bundled", "path": "bundled:precipice_figure1"}],
        "events": {"ids": ["mr-sd-public"]},
        "model": {"terms": ["fading"]},
        "primary": {
            "platform": "artstation",
            "group": "senior",
            "event": "mr-sd-public",
            "term": "fading",
        },
    }
    assert ut.Study.from_dict(study).spec.model["terms"] == ["fading"]


def test_a_term_that_is_not_on_the_list_is_refused() -> None:
    with pytest.raises(InputError, match="level, slope, pulse"):
        ut.interrupted_time_series(series(0.0), "2021-09-01", terms=("fading",))


def test_register_adds_to_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(terms.TERMS, "later", raising=False)
    assert terms.register(Term("later", "later level", half_life)) is terms.TERMS.pop("later")
