import pickle

import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends import checks
from uploadtrends.checks import Check, CheckOutcome
from uploadtrends.errors import InputError
from uploadtrends.result import Call, fingerprint


def outcome(status="passed"):
    table = pd.DataFrame({"p": [0.01]})
    return CheckOutcome(
        "power", "Enough?", status, table, "Yes.", {}, Call.of({}, function="power")
    )


def test_statuses():
    assert outcome().passed
    assert outcome().informative
    assert outcome("failed").informative
    assert not outcome("failed").passed
    for silent in ("not informative", "not applicable"):
        assert not outcome(silent).informative
        assert not outcome(silent).passed


def test_no_other_status():
    with pytest.raises(InputError, match="use one of passed"):
        outcome("maybe")


def test_outcome_prints_travels_and_cannot_be_changed():
    one = outcome()
    assert str(one) == "Power: passed. Yes."
    assert one.kind == "power"
    plain = one.to_dict()
    assert (plain["status"], plain["table"]) == ("passed", [{"p": 0.01}])
    again = pickle.loads(pickle.dumps(one))
    assert again.text == one.text
    with pytest.raises(AttributeError):
        one.status = "failed"
    frame = one.to_frame()
    frame["p"] = 1.0
    assert one.table["p"][0] == 0.01


def test_every_public_check_exists_and_says_what_it_asks(stepped):
    for name in checks.__all__:
        assert callable(getattr(checks, name)), name
    made = [ut.placebo_dates(), ut.power(), ut.multiplicity(), ut.specification_curve()]
    made += [ut.anticipation(), ut.parallel_trends(), ut.leave_one_out(), ut.composition()]
    made += [ut.survivorship(), ut.negative_control(group="all")]
    for check in made:
        assert isinstance(check, Check)
        assert check.question.endswith("?")
        assert check.name in repr(check)
        assert pickle.loads(pickle.dumps(check)).name == check.name


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        checks.__getattr__("nothing")


def test_a_check_needs_estimates():
    with pytest.raises(InputError, match="interrupted time-series results"):
        ut.power()(pd.Series([1.0]))


def test_an_empty_selection_is_named(stepped):
    with pytest.raises(InputError, match="no estimate matches"):
        stepped.check(ut.power(group="old"))


def test_all_outcomes_have_the_same_shape(stepped):
    for check in (ut.power(n_draws=99), ut.multiplicity(n_draws=99), ut.anticipation(n_draws=99)):
        found = stepped.check(check)
        assert found.name == check.name
        assert len(found.table) == 3
        assert {"platform", "group", "event", "status"} <= set(found.table.columns)
        assert found.text.endswith(".")
        assert "\n" not in found.text
        assert found.to_dict()["call"]["data_fingerprint"] == fingerprint(stepped)
        assert found.status in found.summary()


def test_checks_find_the_panel_of_the_result(people, tmp_path):
    _, its = people
    key = str(tmp_path / "key")
    assert its.check(ut.composition(n_bootstrap=9)).informative
    swept = its.check(ut.survivorship(thresholds=(0,))).figure_data["thresholds"]
    assert len(swept) == 2
    left = its.check(ut.leave_one_out(what=("artist",), key_file=key)).figure_data["estimates"]
    assert set(left["kind"]) == {"artist"}
    curve = its.check(ut.specification_curve(n=12, n_draws=19, n_jobs=1)).figure_data["curve"]
    assert curve["unit"].nunique() > 1
