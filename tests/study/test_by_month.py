"""A study of days that cannot tell its event from the year gives the answer by month everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut

STUDY = """
[study]
name = "days"
title = "Days"
question = "Did uploads change?"
seed = 1

[[data]]
source = "series"
path = "daily.csv"
period = "day"
frequency = "day"
columns = { total = ["mysite", "total"] }

[panel]
period = "day"

[events]
extra = [{ date = "2019-11-01", label = "The change" }]

[primary]
platform = "mysite"
group = "total"
event = "The change"
term = "level"
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("days")
    days = pd.date_range("2019-01-01", periods=500, freq="D")
    mean = 100 + 10 * np.sin(2 * np.pi * days.day_of_year.to_numpy() / 365.25)
    counts = np.random.default_rng(2).poisson(mean)
    pd.DataFrame({"day": days, "total": counts}).to_csv(folder / "daily.csv", index=False)
    (folder / "days.toml").write_text(STUDY)
    return ut.Study.load(folder / "days.toml").run(folder / "out"), folder / "out"


def test_the_answer_by_month_stands_wherever_the_answer_does(ran: Any) -> None:
    results, _ = ran
    assert results.its.monthly is not None
    assert "Mysite, total, by month:" in results.summary()
    assert set(results.effects()["by"]) == {"day", "month"}
    assert "interrupted_time_series_by_month" in results.drawings()
    (added,) = results.added
    assert any("by month" in note for note in added.notes)


def test_the_page_and_the_tables_have_it_too(ran: Any) -> None:
    results, out = ran
    results.save(out)
    table = pd.read_csv(out / "tables" / "results.csv")
    assert set(table["by"]) == {"day", "month"}
    page = (out / "report.html").read_text()
    answer = page[page.index("The answer") : page.index("The series", page.index("The answer"))]
    assert "Mysite, total, by month:" in answer
    assert "by month" in page[page.index('id="effects"') :]


def test_a_result_shows_both_in_repr_and_latex(ran: Any) -> None:
    its = ran[0].its
    assert "by month" in repr(its)
    assert len(repr(its)) <= 2000
    assert "by month" in its.to_latex()
    assert set(its.answers["by"]) == {"day", "month"}
    assert "by" not in its.monthly.answers
