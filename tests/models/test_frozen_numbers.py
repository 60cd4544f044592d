"""Numbers that no change of the code may move: every field of results on varied designs.

`python tests/models/test_frozen_numbers.py` writes the reference anew; do so only where numbers
change for a stated reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.simulate import ar1_series

FOLDER = Path(__file__).parents[1] / "data" / "its_frozen"
TEXT = ("group", "event", "term", "status", "depends_on", "unit", "method", "other_scale", "scale")


def monthly(n: int, m: int = 1, seed: int = 1, rho: float = 0.5) -> pd.DataFrame:
    """Series of a level of 50, with a step down in the last third."""
    values = 50 + 4 * ar1_series(m, n, rho=rho, seed=seed) + 0.1 * np.arange(n)
    values[:, 2 * n // 3 :] -= 6
    index = pd.date_range("2016-01-01", periods=n, freq="MS")
    return pd.DataFrame(values.T, index, [f"s{i}" for i in range(m)])


def holes(frame: pd.DataFrame) -> pd.DataFrame:
    """Each series with a hole of its own; the last two share one."""
    found = frame.copy()
    for i in range(found.shape[1]):
        found.iloc[7 + 5 * min(i, found.shape[1] - 2), i] = np.nan
    return found


def counts(mean: float, n: int = 60, seed: int = 3) -> pd.Series:
    """Counts whose mean falls by a third."""
    course = mean * np.where(np.arange(n) < 36, 1.0, 0.66)
    index = pd.date_range("2018-01-01", periods=n, freq="MS")
    return pd.Series(np.random.default_rng(seed).poisson(course).astype(float), index)


def powers(m: int = 4, n: int = 84) -> pd.DataFrame:
    """Declining series whose noise goes with powers 0, 1, 2 and 1 of their mean."""
    rng = np.random.default_rng(8)
    mean = 400 * np.exp(-0.02 * np.arange(n))
    mean[50:] *= 0.7
    noise = rng.standard_normal((m, n)) * 1.2
    found = {
        f"p{i}": mean + noise[i] * 10 * (mean / 100) ** (power / 2)
        for i, power in enumerate([0, 1, 2, 1][:m])
    }
    return pd.DataFrame(found, pd.date_range("2015-01-01", periods=n, freq="MS"))


def its(data: Any, events: Any, **options: Any) -> Callable[[], Any]:
    """The call, not made yet."""
    return lambda: ut.interrupted_time_series(data, events, **options)


ONE, FEW = monthly(72), monthly(72, 5, seed=2)
WHEN = "2020-01-15"
LEVEL = {"scale": "level", "season": "none"}
INDEX = pd.date_range("2015-01-05", periods=160, freq="W-MON")
WEEKS = pd.Series(100 + 8 * ar1_series(1, 160, rho=0.6, seed=5)[0], INDEX)
QUARTERS = pd.Series(
    80 + 5 * ar1_series(1, 44, rho=0.3, seed=6)[0],
    pd.date_range("2008-01-01", periods=44, freq="QS"),
)

CALLS: dict[str, Callable[[], Any]] = {
    "defaults": its(ONE, WHEN),
    "ar1, level": its(ONE, WHEN, errors="ar1", **LEVEL),
    "several, defaults": its(FEW, WHEN),
    "several, ar1, level": its(FEW, WHEN, errors="ar1", **LEVEL),
    "holes of their own": its(holes(FEW), WHEN, season="none"),
    "holes of their own, ar1": its(holes(FEW), WHEN, errors="ar1", scale="log"),
    "several events": its(monthly(120, 2, seed=4), ["2018-03-10", "2018-05-01", "2022-06-15"]),
    "events apart": its(FEW.iloc[:, :2], ["2018-03-10", "2020-02"], merge=False, scale="log"),
    "powers of the mean": its(powers(), "2019-03-20"),
    "few counts": its(counts(4.0), "2021-01-10"),
    "log link": its(counts(4.0), "2021-01-10", scale="counts"),
    "many counts": its(counts(60.0), "2021-01-10"),
    "weeks": its(WEEKS, "2016-12-14"),
    "quarters": its(QUARTERS, "2014-05-15", horizons=(3, 12, 24)),
    "control": its(FEW, WHEN, control="s0"),
    "ratio to a control": its(FEW, WHEN, control="s0", control_as="difference", scale="log"),
    "no trend, greater": its(FEW, WHEN, trend=False, alternative="greater"),
    "washout, pulse": its(FEW, WHEN, washout=2, terms=("level", "slope", "pulse"), pulse_periods=3),
    "slow onset, 90%": its(
        FEW, WHEN, onset_periods=4, boundary="exclude", confidence=0.9, quantiles="normal"
    ),
    "plugged in": its(FEW, WHEN, method="reml-ar1", phi="maximum", **LEVEL),
    "uniform prior": its(FEW, WHEN, phi_prior="uniform", scale="log", season="dummies"),
    "least squares": its(FEW, WHEN, method="ols-hac"),
    "a level that wanders": its(ONE, WHEN, method="structural"),
    "near a unit root": its(monthly(60, 3, seed=9, rho=0.97), "2019-09-01"),
    "too short, never changing": its(
        pd.DataFrame({"a": [5.0] * 40, "b": [np.nan] * 30 + list(range(10))},
                     pd.date_range("2018-01-01", periods=40, freq="MS")),
        "2020-06-01",
    ),
}  # fmt: skip


def table(name: str) -> pd.DataFrame:
    """Every field of one call's results, one row an effect."""
    result = CALLS[name]()
    found = result.effects.copy()
    for fit in result.fits:
        mine = found["group"] == fit.group
        found.loc[mine, "scale"] = fit.scale
        found.loc[mine, "adequacy"] = fit.adequacy.p
        found.loc[mine, "phi"] = fit.phi.get("estimate", np.nan)
        found.loc[mine, "margin"] = fit.prepared.margin
    kept = [c for c in found if c in TEXT or found[c].dtype.kind in "fiub"]
    return found[kept].assign(call=name)


def about() -> dict[str, str]:
    """What last digits depend on beside the code."""
    from threadpoolctl import threadpool_info

    kernels = {str(one.get("architecture")) for one in threadpool_info()}
    return {"numpy": np.__version__, "kernel": ", ".join(sorted(kernels))}


REFERENCE = FOLDER / "effects.csv"


@pytest.fixture(scope="module")
def frozen() -> pd.DataFrame:
    return pd.read_csv(REFERENCE, keep_default_na=False, na_values=["nan"], low_memory=False)


@pytest.mark.parametrize("name", CALLS)
def test_every_field_is_what_it_was(name: str, frozen: pd.DataFrame) -> None:
    """To 1e-9 standard errors (or parts), to 1e-6 where other kernels multiply."""
    now = table(name).reset_index(drop=True)
    before = frozen[frozen["call"] == name].reset_index(drop=True)
    for column in TEXT:
        assert now[column].astype(str).tolist() == before[column].astype(str).tolist(), column
    same = about() == json.loads((FOLDER / "about.json").read_text())
    numbers = [c for c in now if c not in TEXT and c != "call"]
    assert set(numbers) == set(before.columns) - set(TEXT) - {"call"}
    for column in numbers:
        a, b = now[column].to_numpy(dtype=float), before[column].to_numpy(dtype=float)
        size = np.nan_to_num(before["se"].to_numpy(dtype=float)) if column in (
            "low", "high", "low_honest", "high_honest") else 0.0  # fmt: skip
        room = (1e-9 if same else 1e-6) * np.maximum(np.maximum(np.abs(b), size), 1e-9)
        with np.errstate(invalid="ignore"):
            near = np.abs(a - b) <= room
        fine = near | (np.isnan(a) & np.isnan(b)) | (a == b)
        assert fine.all(), (column, a[~fine], b[~fine])


def test_many_series_in_one_call_are_what_each_is_by_itself() -> None:
    """Holes, counts, shares, powers, lengths and one that is refused; to 1e-9 in every field."""
    rng = np.random.default_rng(5)
    index = pd.date_range("2016-01-01", periods=72, freq="MS")
    few = holes(FEW).add_prefix("hole ")
    made = {
        "course": 400 * np.exp(-0.02 * np.arange(72)) + 9 * rng.standard_normal(72),
        "share": rng.beta(5, 40, 72),
        "never changing": np.full(72, 5.0),
        "nothing": np.full(72, np.nan),
        "log": 30 * np.exp(0.3 * ar1_series(1, 72, rho=0.6, seed=4)[0]),
        "few": rng.poisson(4 * np.where(np.arange(72) < 45, 1.0, 0.5)).astype(float),
        "many": rng.poisson(60, 72).astype(float),
    }
    plain = monthly(72, 12, seed=12)
    series = {
        **{name: part.dropna() if name.endswith("0") else part for name, part in few.items()},
        **{name: pd.Series(values, index) for name, values in made.items()},
        **plain,
        "short": plain["s3"].iloc[20:],
    }
    for events, options in (
        (WHEN, {}),
        (WHEN, {"errors": "ar1", **LEVEL}),
        ([WHEN, "2017-11-01"], {"scale": "level", "season": "dummies"}),
        (WHEN, {"scale": "log"}),
        ("2021-04-10", {"trend": False, "alternative": "less"}),
        (WHEN, {"terms": ("level", "slope", "pulse"), "errors": "ar1", "washout": 1}),
    ):
        given = {k: s for k, s in series.items() if options.get("scale") != "log" or s.min() > 0}
        together = ut.interrupted_time_series(given, events, **options)
        assert together.fit("never changing").status == "refused"
        for name, one in given.items():
            alone = ut.interrupted_time_series({name: one}, events, **options)
            mine = together.effects[together.effects["group"] == name].reset_index(drop=True)
            pd.testing.assert_frame_equal(  # these two are of all series in the call
                *(t.drop(columns=["p_adjusted", "p_holm"]) for t in (mine, alone.effects)),
                rtol=1e-9,
                atol=1e-12,
                check_dtype=False,  # whole numbers, where another series has none
            )
            both = [fit.adequacy for fit in (together.fit(name), alone.fits[0])]
            for part in ("table", "shapes"):
                pd.testing.assert_frame_equal(*(getattr(one, part) for one in both), rtol=1e-9)
            assert both[0].hint == both[1].hint
            assert both[0].p_shape == both[1].p_shape


def write() -> None:
    """Write the reference of today's code."""
    FOLDER.mkdir(exist_ok=True)
    every = pd.concat([table(name) for name in CALLS])
    every.to_csv(REFERENCE, index=False, float_format="%.12g", na_rep="nan")
    (FOLDER / "about.json").write_text(json.dumps(about()) + "\n")


if __name__ == "__main__":
    write()
