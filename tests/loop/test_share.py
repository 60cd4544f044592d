"""From labels to the share of a corpus; the arithmetic of earnings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import uploadtrends as ut
from store_records import Records
from uploadtrends.errors import InputError
from uploadtrends.records import Artist, Credit, Upload


def panel_of(tmp_path: Path, labels: list[bool | None]) -> ut.Panel:
    """One work a month from 2022-01 on, the first month twice."""
    records: list[object] = [Artist("site", "a", "a")]
    for number, label in enumerate([None, *labels]):
        when = datetime(2022, max(number, 1), 15)
        records.append(Upload("site", str(number), when, ai_label=label))
        records.append(Credit("site", str(number), "a"))
    ut.build_store(tmp_path / "s.duckdb", [Records(*records)])
    return ut.build_panel(tmp_path / "s.duckdb")


def test_a_source_that_never_says_no_has_bounds_and_no_share(tmp_path: Path) -> None:
    panel = panel_of(tmp_path, [None, None, True, None, True])
    share = panel.series("site", unit="ai_share")
    assert share.isna().all()
    assert "lower bound" in share.attrs["reason"]
    assert panel.series("site", unit="ai_share_low")["2022-03"].item() == 1
    corpus = ut.synthetic_share(panel)
    assert corpus.table["middle"].isna().all()
    assert corpus.table["low"].iloc[-1] == pytest.approx(2 / 6)
    assert corpus.table["high"].iloc[-1] == 1
    assert "lower bound" in corpus.summary()


def test_a_source_that_says_no_has_all_three(tmp_path: Path) -> None:
    panel = panel_of(tmp_path, [False, False, True, None, True])
    assert panel.series("site", unit="ai_share")["2022-03"].item() == 1
    table = ut.synthetic_share(panel).table
    assert table.iloc[-1].tolist() == pytest.approx([6, 2 / 6, 2 / 4, 4 / 6])
    recent = ut.synthetic_share(panel, window=2).table
    assert recent.iloc[-1].tolist() == pytest.approx([2, 1 / 2, 1, 1])
    corrected = ut.synthetic_share(panel, sensitivity=(0.5, 0.8)).table.iloc[-1]
    assert corrected.tolist() == pytest.approx([6, 2 / 6 / 0.8, 1.0, 1.0])


def test_the_share_feeds_a_loop(tmp_path: Path) -> None:
    share = ut.synthetic_share(panel_of(tmp_path, [False, False, True, None, True]))
    fresh = (1 - share.table["low"]).to_numpy()[-3:]
    loop = ut.retraining_loop(
        lambda n, rng: rng.standard_normal((n, 1)),
        generator="gaussian",
        regime="fresh",
        fresh=fresh,
        n=50,
        generations=3,
        repeats=5,
    )
    assert loop.theory is None  # no closed form for shares that change
    assert np.isfinite(loop.table["mean"]).all()


def test_what_cannot_be_answered_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no work says"):
        ut.synthetic_share(panel_of(tmp_path, [None] * 5))
    panel = panel_of(tmp_path, [True, False])
    for settings, column in (
        ({"window": 0}, "window"),
        ({"sensitivity": (0.0, 1.0)}, "sensitivity"),
        ({"group": "odd"}, "group"),
    ):
        with pytest.raises(InputError, match=f"column '{column}'"):
            ut.synthetic_share(panel, **settings)


def test_earnings_are_arithmetic_on_assumptions() -> None:
    found = ut.attribution_earnings(30_000, 0.3, 0.5, 0.3)
    assert found.middle == found.low == found.high == 3150
    assert found.works_to_replace(1050) == pytest.approx(10_000)
    ranged = ut.attribution_earnings((1e4, 3e4, 4e4), (0.1, 0.3, 0.4), 0.5, (0.2, 0.3, 0.5))
    assert ranged.middle == 3150
    assert ranged.low == pytest.approx(10_000 * 0.1 * 0.5 * 0.5)
    assert ranged.high == pytest.approx(40_000 * 0.4 * 0.5 * 0.8)
    assert ranged.table["factor"].tolist()[:2] == ["works", "contribution"]
    assert "assumptions" in ranged.summary()
    paid = ut.attribution_earnings(30_000, 0.3, 0.5, 0.3, paid_at="download", downloaded=0.1)
    assert paid.middle == 315


@pytest.mark.parametrize(
    ("factors", "column"),
    [
        ((30_000, 1.3, 0.5, 0.3), "contribution"),
        ((-1, 0.3, 0.5, 0.3), "works"),
        (((3, 2, 1), 0.3, 0.5, 0.3), "works"),
        ((1, 0.3, 0.5, 2.0), "platform_cut"),
    ],
)
def test_factors_that_cannot_be(factors, column: str) -> None:
    with pytest.raises(InputError, match=f"column '{column}'"):
        ut.attribution_earnings(*factors)
