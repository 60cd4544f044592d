"""A ready table of units by period through the public verbs."""

from __future__ import annotations

import json
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pytest

import uploadtrends as ut
from uploadtrends import InputError


@pytest.fixture(scope="module")
def reference(shared):
    """The simulated panel of the references, their numbers, and the truth."""
    folder = shared / "reference" / "staggered"
    numbers = json.loads((folder / "by_estimand.json").read_text())
    truth = json.loads((folder / "truth.json").read_text())
    return folder / "panel.csv", numbers, truth["truth/att_treated_obs"]


OVERALL = {
    "imputation": "BJS/overall",
    "two-stage": "did2s/overall",
    "sun-abraham": None,  # the reference averages periods, here exposed rows are averaged
    "callaway-santanna": "CS/notyettreated/simple/overall",
    "twfe": "TWFE",
}
BY_PERIOD = {
    "imputation": ("BJS", 0),
    "sun-abraham": ("SA", -12),
    "callaway-santanna": ("CS/notyettreated/dynamic", -11),
}


@pytest.mark.parametrize("method", OVERALL)
def test_the_verb_on_a_table_gives_the_references_and_the_truth(reference, method):
    path, numbers, truth = reference
    panel = ut.panel_from_table(path, unit="artist", period="month")
    exposed = ut.exposure(panel, "g")
    assert exposed.counts() | {"treated": 180, "never treated": 120} == exposed.counts()
    assert any("'g' counts the periods of 'month' from 1" in note for note in exposed.notes)
    result = ut.exposure_effects(panel, exposed, outcome="y", method=method, lags=30)
    row = result.overall.iloc[0]
    assert row["unit"] == "y"
    if name := OVERALL[method]:
        assert row["estimate"] == pytest.approx(first(numbers, f"{name}/est"), abs=1e-7)
        assert row["se"] == pytest.approx(first(numbers, f"{name}/se"), rel=1e-5)
    if method == "twfe":
        assert row["status"] == "biased"
        return
    assert abs(row["estimate"] - truth) < 2 * row["se"]
    name, least = BY_PERIOD.get(method, ("", 0))
    checked = 0
    for effect in result.effects.to_dict("records"):
        k = effect["relative_period"]
        if k >= least and f"{name}/{k}/est" in numbers:
            assert effect["estimate"] == pytest.approx(first(numbers, f"{name}/{k}/est"), abs=1e-7)
            assert effect["se"] == pytest.approx(first(numbers, f"{name}/{k}/se"), rel=1e-5)
            checked += 1
    assert checked >= (20 if name else 0)
    cohorts = result.overall.query("of == 'cohort'")["when"]
    assert list(cohorts.astype(str)) == ["2022-01-01", "2022-07-01", "2023-01-01"]


def first(numbers, name):
    return next(iter(numbers[name].values()))


def table(n=24, periods=12, seed=0):
    """A third is treated from 6, a third from 9; the effect is 2."""
    rng = np.random.default_rng(seed)
    unit, t = np.divmod(np.arange(n * periods), periods)
    g = np.array([0, 6, 9])[unit % 3]
    y = unit / 5 + 0.1 * t + 2.0 * ((g > 0) & (t + 1 >= g)) + rng.normal(0, 0.1, len(t))
    month = pd.period_range("2022-03", periods=periods, freq="M")[t]
    return pd.DataFrame({"id": unit, "t": t + 1, "month": month, "g": g, "y": y})


def found(frame, period="t", g="g", unit="id", **settings):
    panel = ut.panel_from_table(frame, unit=unit, period=period)
    return ut.exposure_effects(panel, ut.exposure(panel, g), outcome="y", **settings)


@pytest.fixture(scope="module")
def plain():
    return found(table()).overall["estimate"].to_numpy()


def months(frame):
    """First treated month of every row; missing where never."""
    return (pd.Period("2022-02", "M") + frame["g"]).where(frame["g"] > 0)


MEANT_THE_SAME = {
    "polars": lambda f: (pl.from_pandas(f.drop(columns="month")), "t"),
    "unsorted": lambda f: (f.sample(frac=1, random_state=1), "t"),
    "0 and 1 by period": lambda f: (f.assign(g=((f["g"] > 0) & (f["t"] >= f["g"])) * 1), "t"),
    "true and false": lambda f: (f.assign(g=(f["g"] > 0) & (f["t"] >= f["g"])), "t"),
    "never is NaN": lambda f: (f.assign(g=f["g"].replace(0, np.nan)), "t"),
    "never is infinite": lambda f: (f.assign(g=f["g"].replace(0, np.inf).astype(float)), "t"),
    "never is None": lambda f: (f.assign(g=f["g"].astype(object).replace({0: None})), "t"),
    "never is empty text": lambda f: (f.assign(g=f["g"].astype(str).replace("0", "")), "t"),
    "text of numbers": lambda f: (f.assign(t=f["t"].astype(str), g=f["g"].astype(str)), "t"),
    "t as a float": lambda f: (f.assign(t=f["t"].astype(float)), "t"),
    "every other year": lambda f: (
        f.assign(t=2000 + 2 * f["t"], g=(2000 + 2 * f["g"]).where(f["g"] > 0, 0)),
        "t",
    ),
    "from -20 on": lambda f: (
        f.assign(t=f["t"] - 20, g=(f["g"] - 20).where(f["g"] > 0)),
        "t",
    ),
    "periods": lambda f: (f.assign(g=months(f)), "month"),
    "ISO months": lambda f: (
        f.assign(month=f["month"].astype(str), g=months(f).astype(str).replace("NaT", "")),
        "month",
    ),
    "202203": lambda f: (
        f.assign(month=f["month"].dt.strftime("%Y%m").astype(int), g=months(f).astype(str)),
        "month",
    ),
    "days in the month": lambda f: (
        f.assign(
            month=f["month"].dt.start_time + pd.to_timedelta(f["id"], unit="D"),
            g=months(f).astype("period[M]").dt.end_time,
        ),
        "month",
    ),
    "a zone": lambda f: (
        f.assign(month=f["month"].dt.start_time.dt.tz_localize("Asia/Tokyo"), g=months(f)),
        "month",
    ),
    "counted from 1": lambda f: (f, "month"),
    "quarters": lambda f: (
        f.assign(
            month=[f"{2000 + (t - 1) // 4}Q{(t - 1) % 4 + 1}" for t in f["t"]],
            g=[f"{2000 + (g - 1) // 4}-Q{(g - 1) % 4 + 1}" if g else None for g in f["g"]],
        ),
        "month",
    ),
    "UUIDs": lambda f: (f.assign(id=[uuid.UUID(int=10**30 + i) for i in f["id"]]), "t"),
    "units as text": lambda f: (f.assign(id=[f"{i:04d}" for i in f["id"]]), "t"),
}


@pytest.mark.parametrize("name", MEANT_THE_SAME)
def test_one_table_written_in_many_ways_gives_one_answer(plain, name):
    frame, period = MEANT_THE_SAME[name](table())
    result = found(frame, period).overall
    same = result[result["of"] != "year"]["estimate"]
    np.testing.assert_allclose(same, plain, atol=1e-9)
    assert abs(same.iloc[0] - 2) < 0.2


def test_files_and_mappings(tmp_path, plain):
    frame = table()
    frame.drop(columns="month").to_csv(tmp_path / "a.csv", index=False)
    frame.drop(columns="month").to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        np.testing.assert_allclose(found(tmp_path / name).overall["estimate"], plain, atol=1e-9)
    given = dict(zip(frame["id"], frame["g"], strict=True))
    np.testing.assert_allclose(found(frame, g=given).overall["estimate"], plain, atol=1e-9)


def test_matching_and_windows_on_a_table():
    frame = table(60).assign(size=lambda f: f["id"] % 7)
    panel = ut.panel_from_table(frame, unit="id", period="t")
    alike = ut.matched(ut.exposure(panel, "g"), on=("size", "y_last_3m"), caliper=1.0)
    pairs = alike.pairs.astype({"artist_id": int, "match_id": int})
    assert alike.support["matched"].sum() > 5
    last = frame[frame["t"] == 5].set_index("id")
    some = pairs[pairs["cohort"] == 6]
    gap = last["size"].loc[some["artist_id"]].to_numpy() - last["size"].loc[some["match_id"]]
    assert (gap.abs() <= 2.1).all()
    result = ut.exposure_effects(panel, alike, outcome="y")
    assert abs(result.overall["estimate"].iloc[0] - 2) < 0.2
    short = ut.exposure_effects(panel, ut.exposure(panel, "g"), outcome="y", start=7, end=10)
    assert short.exposed == 20
    assert any("20 exposed artists have no value from before" in n for n in short.notes)
    with pytest.raises(InputError, match=r"no such column .*'on'.*'likes'"):
        ut.matched(ut.exposure(panel, "g"), on=("likes",))


def twice(frame):
    return pd.concat([frame, frame.iloc[[5]]])


def ends(frame):
    """The first unit's exposure ends; everybody else's lasts."""
    on = (frame["g"] > 0) & (frame["t"] >= frame["g"]) & ~((frame["id"] == 1) & (frame["t"] > 9))
    return frame.assign(g=on * 1)


REFUSED = {
    "two rows of one unit": (twice, {}, r"two rows of one unit in one period \(6\).*'id'.*'0'"),
    "text in y": (
        lambda f: f.assign(y=f["y"].astype(object).where(f["t"] != 3, "many")),
        {},
        r"not a finite number .*'y'.*'many'",
    ),
    "texts": (lambda f: f.assign(y="n/a"), {}, r"not a finite number .*'n/a'"),
    "infinite y": (lambda f: f.assign(y=f["y"].where(f["t"] != 3, np.inf)), {}, "finite number"),
    "y is a date": (lambda f: f.assign(y=pd.Timestamp("2022-01-01")), {}, "finite number"),
    "mixed periods": (
        lambda f: f.assign(t=f["t"].astype(object).where(f["t"] != 3, "2022-03-01")),
        {},
        r"not a date .*'t', value 1",
    ),
    "local dates": (lambda f: f.assign(t=f["month"].dt.strftime("%d/%m/%Y")), {}, "not a date"),
    "no unit": (lambda f: f.assign(id=f["id"].where(f["id"] != 2)), {}, "empty in 12 of 288 rows"),
    "1 and '1'": (
        lambda f: f.assign(
            id=[str(i) if t > 6 else i for i, t in zip(f["id"], f["t"], strict=True)]
        ),
        {},
        r"read the same .*'id'",
    ),
    "mostly gaps": (lambda f: f.assign(t=f["t"] ** 2), {}, "more gaps than periods"),
    "g varies": (
        lambda f: f.assign(g=f["g"].where(f["t"] != 4, 7)),
        {},
        r"more than one first treated period .*'g', value '0'",
    ),
    "g says only who": (lambda f: f.assign(g=(f["g"] > 0) * 1), {}, "not from when"),
    "g is a date": (
        lambda f: f.assign(g=months(f).astype(str)),
        {},
        r"'t' are whole numbers.*'g', value '2022-",
    ),
    "g is a year": (
        lambda f: f.assign(g=f["g"].replace({6: 2022, 9: 2023})),
        {"period": "month"},
        "a year does not say which month",
    ),
    "g between the periods": (
        lambda f: f.assign(t=2 * f["t"], g=f["g"] * 2 + 1),
        {},
        r"not one of the periods of 't', which go 2, 4.*'g', value 13",
    ),
    "0 is a period": (lambda f: f.assign(t=f["t"] - 4), {}, "0 is a period"),
    "everybody from the start": (lambda f: f.assign(g=1.5 * 0 - 3), {}, r"always treated.: 24"),
    "nobody": (lambda f: f.assign(g=np.nan), {}, "no artist is exposed inside"),
    "no such g": (lambda f: f, {"g": "cohort"}, r"no such column .*'treated_from'.*'cohort'"),
    "no such period": (lambda f: f, {"period": "week"}, r"no such column .*'week'"),
    "no such y": (lambda f: f.drop(columns="y"), {}, r"no such column .*'outcome'.*'y'"),
    "Poisson below 0": (
        lambda f: f.assign(y=f["y"] - 3),
        {"method": "poisson"},
        r"0 or more .*'y', value -",
    ),
    "two-step": (lambda f: f, {"method": "two-step"}, "uploads of a panel"),
    "an event": (lambda f: f, {"g": ut.Event("2022-09-01", "x", platforms=("a",))}, "an event"),
    "not a table": (lambda f: 7, {}, "not a table"),
    "no file": (lambda f: "nowhere.csv", {}, "no such file"),
    "no table": (lambda f: __file__, {}, "too many columns"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused_with_column_value_and_fix(name):
    change, settings, says = REFUSED[name]
    with pytest.raises(InputError, match=says):
        found(change(table()), **settings)


def test_what_is_left_out_or_cannot_be_compared_is_marked():
    for change, says in (
        (lambda f: f.assign(g=f["g"].where(f["id"] != 1, -3)), "nothing is known"),
        (ends, "later not any more"),
        (lambda f: f[f["t"] != 2], "1 of 12 periods of 't' have no row at all, the first is 2"),
        (lambda f: f.assign(y=f["y"].where(f["t"] != 2)), "24 rows without a value of 'y'"),
        (lambda f: f.assign(y=f["id"] + f["t"]), "'y' holds counts"),
    ):
        result = found(change(table()))
        assert says in result.summary()
        assert result.overall["status"].iloc[0] in ("ok", "exploratory")
    alone = found(table().assign(g=lambda f: f["g"].where(f["id"] == 1, 0)))
    assert "one exposed" in alone.overall["reason"].iloc[0]
    everybody = found(table().assign(g=6))
    assert "nobody is left to compare with" in everybody.overall["reason"].iloc[0]
    with pytest.raises(InputError, match=r"panel_from_table\(table"):
        ut.exposure(table(), "g")
    panel = ut.panel_from_table(table(), unit="id", period="month")
    other = ut.panel_from_table(table(), unit="id", period="t")
    with pytest.raises(InputError, match="another panel"):
        ut.exposure_effects(other, ut.exposure(panel, "g"), outcome="y")
    with pytest.raises(InputError, match=r"write a date.*|'start'"):
        found(table(), "month", start=3)
    assert "24 units ('id') by month" in panel.summary()


def test_a_study_of_a_table_refuses_by_row():
    frame = table().assign(y=lambda f: f["y"] - 3)
    panel = ut.panel_from_table(frame, unit="id", period="t")
    study = ut.exposure_study(panel, "g", outcomes=("y",), methods=("auto", "poisson", "twfe"))
    rows = study.overall[study.overall["of"] == "all exposed"]
    assert rows["status"].tolist() == ["exploratory", "refused", "biased"]
    assert abs(rows["estimate"].iloc[0] - 2) < 0.2
    assert "0 or more" in study.summary()


def test_ids_of_a_file_stay_as_they_are_written(tmp_path):
    file = tmp_path / "panel.csv"
    file.write_text("who,month,y,made\n007,2022-01,1,true\n7,2022-01,2.5,false\n7,2022-02,,true\n")
    panel = ut.panel_from_table(file, unit="who", period="month")
    assert panel.rows["artist_id"].tolist() == ["007", "7", "7"]
    assert panel.values["y"].tolist()[:2] == [1, 2.5]
    assert np.isnan(panel.values["y"][2])
    assert panel.values["made"].tolist() == [True, False, True]
    file.write_text("who\tmonth\ty\n1.0\t1\t3\n2.0\t2\t4\n")
    panel = ut.panel_from_table(file, unit="who", period="month")
    assert panel.rows["artist_id"].tolist() == ["1", "2"]
    assert panel.rows["period"].tolist() == [1, 2]
    file.write_text("who,month,y\n1.6E+18,1,3\n")
    with pytest.raises(InputError, match=r"rounded .*'who', value '1.6E\+18'"):
        ut.panel_from_table(file, unit="who", period="month")
