import pytest

import uploadtrends as ut
from uploadtrends.checks.sample import _windows
from uploadtrends.errors import InputError
from uploadtrends.events import blocks


def test_parts_sum_to_the_change(people):
    panel, its = people
    outcome = its.check(ut.composition(panel, n_bootstrap=99))
    table = outcome.table
    for _, part in table.groupby(["platform", "group", "event"]):
        value = part.set_index("component")["value"]
        parts = value[["entrants", "exits", "composition", "activity share", "intensity"]].sum()
        assert parts == pytest.approx(value["change"], abs=1e-6)
        assert value["after"] - value["before"] == pytest.approx(value["change"], abs=1e-6)
        row = part.iloc[0]
        assert row["behaviour"] + row["turnover"] == pytest.approx(value["change"], abs=1e-6)
    # The truth: everybody does less; nobody leaves because of the event.
    assert outcome.status == "passed"
    assert "intensity -" in outcome.text


def test_same_months_before_and_after(people):
    _, its = people
    index = its.fits[0].observed.index
    (block,) = blocks("2022-08-22", index)
    before, after = _windows(block, 12)
    assert after == ("2022-09-01", "2023-08-31")
    assert before == ("2020-09-01", "2021-08-31")
    short = _windows(block, 6)
    assert short == (("2021-09-01", "2022-02-28"), ("2022-09-01", "2023-02-28"))


def test_windows_end_with_the_data(people):
    panel, its = people
    late = its.refit(events=["2023-07-10"])
    check = ut.composition(panel, n_bootstrap=9)
    table = late.check(check).table
    value = table.query("group == 'senior'").set_index("component")["value"]
    observed = panel.series("artstation", "senior")
    assert value["after"] == pytest.approx(observed["2023-08":"2023-12"].mean())
    assert value["before"] == pytest.approx(observed["2022-08":"2022-12"].mean())
    too_late = its.refit(events=["2023-11-02"], terms=("pulse",)).check(check)
    assert too_late.status == "not applicable"


def test_totals_cannot_be_split(stepped):
    outcome = stepped.check(ut.composition())
    assert outcome.status == "not applicable"
    assert "only totals" in outcome.text


def test_no_window():
    with pytest.raises(InputError, match="months is a whole number of at least 1"):
        ut.composition(months=0)
