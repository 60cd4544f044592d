import itertools

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadtrends.checks.outcome import STATUSES, CheckOutcome
from uploadtrends.checks.wording import STRENGTHS, conclude
from uploadtrends.errors import InputError
from uploadtrends.result import Call

CHECKS = (
    "placebo_dates",
    "placebo_cohorts",
    "anticipation",
    "multiplicity",
    "negative_control",
    "specification_curve",
    "leave_one_out",
    "survivorship",
    "parallel_trends",
    "composition",
    "power",
)


def effect(**changes):
    row = {
        "platform": "deviantart",
        "group": "senior",
        "event": "mr-sd-public",
        "label": "Stable Diffusion released",
        "term": "level",
        "estimate": -0.25,
        "low": -0.4,
        "high": -0.1,
        "relative": -22.0,
        "relative_low": -33.0,
        "relative_high": -9.5,
        "p": 0.002,
        "p_holm": 0.011,
        "p_adjusted": 0.012,
        "depends_on": "",
        "breakdown": float("nan"),
        "curvature_before": float("nan"),
        "periods": 72,
        "starts": "2022-08-22",
        "until": "2023-12-31",
        "unit": "uploads",
        "status": "ok",
        "reason": "",
        "minimum_detectable": 0.2,
    }
    return row | changes


def outcome(name, status, table=None):
    call = Call.of({}, b"", function=name)
    table = pd.DataFrame(about() | {"status": [status]}) if table is None else table
    return CheckOutcome(name, "?", status, table, "Text.", {}, call)


def about(**changes):
    row = {"platform": "deviantart", "group": "senior", "event": "mr-sd-public", "term": "level"}
    return {key: [value] for key, value in (row | changes).items()}


def test_ladder():
    assert conclude(effect()).strength == "changed at"
    dates = outcome("placebo_dates", "passed")
    assert conclude(effect(), [dates]).strength == "associated with"
    cohorts = outcome("placebo_cohorts", "passed")
    assert conclude(effect(), [dates, cohorts]).strength == "associated with"
    full = conclude(effect(), [dates, cohorts], unexposed_comparison="Shadertoy")
    assert full.strength == "consistent with an effect of"
    assert full.reasons == ()
    control = outcome("negative_control", "passed")
    assert conclude(effect(), [dates, cohorts, control]).strength == full.strength


def test_sentence_says_strength_estimate_interval_and_p():
    said = conclude(effect()).sentence
    assert said == (
        "The level of uploads of the group 'senior' on DeviantArt changed at Stable Diffusion "
        "released: -22% (95% interval -33% to -9.5%), p = .012 after adjustment for all rows of "
        "all series and events."
    )


@pytest.mark.parametrize(
    ("p", "said"),
    [(0.0004, "p < .001"), (0.0312, "p = .031"), (0.996, "p = .996"), (1.0, "p = 1.000")],
)
def test_p_values_as_printed(p, said):
    assert said in conclude(effect(p_adjusted=p)).sentence


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"p_adjusted": 0.06}, "chance"),
        ({"status": "refused", "reason": "9 points"}, "refused: 9 points"),
        ({"status": "exploratory", "reason": "18 points"}, "exploratory"),
        (
            {"status": "not estimable", "estimate": float("nan"), "p_adjusted": float("nan")},
            "not est",
        ),
        ({"p_adjusted": float("nan"), "p_holm": float("nan"), "p": float("nan")}, "chance"),
    ],
)
def test_no_claim(row, why):
    said = conclude(effect(**row))
    assert not said.claims
    assert why in said.sentence
    assert "80% power" in said.sentence


def test_without_the_primary_nothing_else_is_claimed():
    lost = conclude(effect(p_adjusted=0.5))
    assert not conclude(effect(), primary=lost).claims
    assert conclude(effect(), primary=conclude(effect())).claims


def test_only_registration_spares_the_adjustment():
    row = effect(p_adjusted=0.2)
    assert not conclude(row).claims
    said = conclude(row, registered={"url": "https://osf.io/x", "date": "2021-01-05"})
    assert said.claims
    assert "as registered on 2021-01-05" in said.sentence
    late = {"url": "https://osf.io/x", "date": "2022-08-22"}
    assert not conclude(row, registered=late).claims
    assert "was not before the event" in conclude(row, registered=late).sentence
    undated = conclude(row | {"starts": ""}, registered={"url": "u", "date": "2021-01-05"})
    assert not undated.claims
    with pytest.raises(InputError, match="registration"):
        conclude(row, registered={"url": "https://osf.io/x"})


def test_the_row_of_this_contrast_counts_not_the_overall_status():
    table = pd.DataFrame(
        {
            "platform": ["deviantart", "artstation"],
            "group": ["senior", "senior"],
            "event": ["mr-sd-public"] * 2,
            "status": ["passed", "failed"],
        }
    )
    dates = outcome("placebo_dates", "failed", table)
    assert conclude(effect(), [dates]).strength == "associated with"
    assert not conclude(effect(platform="artstation"), [dates]).claims


@pytest.mark.parametrize(
    "changes", [{"term": "slope"}, {"group": "new"}, {"platform": "artstation"}, {"event": "other"}]
)
def test_no_verdict_is_borrowed(changes):
    """A level's placebo dates once made a slope 'associated with' the event."""
    dates = outcome("placebo_dates", "passed")
    assert conclude(effect(), [dates]).strength == "associated with"
    said = conclude(effect(**changes), [dates])
    assert said.strength == "changed at"
    assert said.reasons == ("placebo dates: not run",)
    failed = outcome("placebo_dates", "failed")
    assert conclude(effect(**changes), [failed]).claims
    # A failure that names nobody counts against everybody; a pass that names nobody for nobody.
    nameless = outcome("placebo_dates", "failed", pd.DataFrame())
    assert not conclude(effect(), [nameless]).claims
    nameless = outcome("placebo_dates", "passed", pd.DataFrame())
    assert conclude(effect(), [nameless]).strength == "changed at"


@pytest.mark.parametrize(
    ("on", "said"), [("trend", "bend in the untreated"), ("scale", "scale"), ("both", "bend")]
)
def test_what_an_assumption_would_overturn_is_not_claimed(on, said):
    found = conclude(effect(depends_on=on, breakdown=2e-4, curvature_before=6e-4, unit="log ratio"))
    assert found.strength == "no claim"
    assert said in found.sentence
    if on != "scale":
        # 2e-4 * 72**2 / 8 = .1296 and three times that, in log.
        assert "one of 14% over the whole period would do" in found.sentence
        assert "suggest 48%" in found.sentence


def test_a_laxer_level_does_not_pass_the_bend_by():
    row = effect(p=0.08, p_adjusted=0.08, breakdown=0.0, curvature_before=1e-4, unit="log ratio")
    assert not conclude(row, alpha=0.1).claims
    assert conclude(effect(p=0.02, p_adjusted=0.08), alpha=0.1).claims


def test_a_claim_says_how_much_bend_it_survives():
    found = conclude(effect(breakdown=2e-4, curvature_before=6e-5, unit="log ratio"))
    assert found.claims
    assert "as long as the untreated course bends by less than 14% over" in found.sentence
    assert "the periods before the event suggest 4%" in found.sentence
    assert found.alternatives[0].startswith("a change of the whole site in the same period")


def test_comparisons_are_named_and_not_taken_on_trust():
    rest = [outcome("placebo_dates", "passed"), outcome("placebo_cohorts", "passed")]
    unnamed = conclude(effect(), rest, unexposed_comparison=True)
    assert unnamed.strength == "associated with"
    assert "no name" in unnamed.reasons[-1]
    named = conclude(effect(), rest, unexposed_comparison="Shadertoy")
    assert "compared with Shadertoy" in named.sentence
    assert "no negative control has tested" in named.sentence
    table = pd.DataFrame(
        {"platform": [""], "group": ["Shadertoy"], "event": ["mr-sd-public"], "term": ["level"]}
        | {"status": ["passed"]}
    )
    control = outcome("negative_control", "passed", table)
    tested = conclude(effect(), [*rest, control])
    assert tested.strength == "consistent with an effect of"
    assert "no such change in Shadertoy" in tested.sentence
    assert conclude(effect(term="slope"), [*rest, control]).strength == "changed at"


def test_placebo_cohorts_withdraw_trends_of_cohorts_only():
    failed = outcome("placebo_cohorts", "failed")
    assert not conclude(effect(term="slope"), [failed]).claims
    assert conclude(effect(term="slope", group="all"), [failed]).claims
    assert conclude(effect(term="slope", platform="artstation"), [failed]).claims
    assert conclude(effect(), [failed, outcome("placebo_dates", "passed")]).strength == (
        "associated with"
    )


def test_missing_column_is_named():
    row = effect()
    del row["p"]
    with pytest.raises(InputError, match="column 'p'"):
        conclude(row)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(CHECKS), st.sampled_from(STATUSES)),
    st.booleans(),
    st.sampled_from([0.001, 0.04, 0.3]),
    st.sampled_from(["ok", "exploratory", "refused", "not estimable"]),
)
def test_never_stronger_than_the_rule_and_never_caused(checks, unexposed, p_holm, status):
    outcomes = [outcome(name, verdict) for name, verdict in checks.items()]
    said = conclude(
        effect(p_adjusted=p_holm, status=status),
        outcomes,
        unexposed_comparison="Shadertoy" if unexposed else "",
    )
    for word in ("caus", "impact", "because of", "due to", "led to"):
        assert word not in said.sentence.lower()
    rung = STRENGTHS.index(said.strength)
    if p_holm > 0.05 or status != "ok":
        assert rung == 0
    if rung >= 2:
        assert checks["placebo_dates"] == "passed"
        assert "failed" not in {checks.get(n) for n in ("leave_one_out", "specification_curve")}
    if rung == 3:
        assert checks["placebo_cohorts"] == "passed"
        assert unexposed or checks["negative_control"] == "passed"
        assert said.strength in said.sentence


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from(CHECKS), st.sampled_from(STATUSES), min_size=1))
def test_a_failure_never_strengthens(checks):
    before = conclude(effect(), [outcome(n, s) for n, s in checks.items()])
    for name in checks:
        worse = checks | {name: "failed"}
        after = conclude(effect(), [outcome(n, s) for n, s in worse.items()])
        assert STRENGTHS.index(after.strength) <= STRENGTHS.index(before.strength)


def test_statuses_are_ordered_for_many_rows():
    from uploadtrends.checks.contrasts import overall

    for many in itertools.combinations(STATUSES, 2):
        assert overall(many) in many
    assert overall(STATUSES) == "failed"
    assert overall(["passed", "not informative"]) == "passed"
    assert overall([]) == "not applicable"
