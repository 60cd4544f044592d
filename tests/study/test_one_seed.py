"""One seed gives one p: in the report of a study, and to whoever asks again in Python."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import uploadtrends as ut
from uploadtrends.study import write_template


def test_the_p_of_a_study_is_that_of_the_same_calls(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    write_template(path)
    text = path.read_text(encoding="utf-8")
    text = text[: text.index("[checks.")] + "[checks.power]\nn_draws = 49\n"
    path.write_text(text, encoding="utf-8")
    results = ut.Study.load(path).run(tmp_path / "out")
    seed = results.spec.seed
    assert seed != 0
    again = results.breaks.match(results.events, seed=seed)
    pd.testing.assert_frame_equal(again.to_frame(), results.matches.to_frame())
    assert again.to_frame()["p"].notna().any()
    checked = results.its.check(ut.power(n_draws=49, seed=seed))
    pd.testing.assert_frame_equal(checked.to_frame(), results.checks[0].to_frame())
