"""What cells mean: encodings, codes, ids, repeats and versions of a work."""

from __future__ import annotations

import json

import polars as pl
import pytest
from written import MAPPING, put, works

from uploadtrends.errors import InputError, TooManyRejectsError
from uploadtrends.sources import Table


def test_another_encoding_is_guessed_in_words(store, tmp_path) -> None:
    text = "id,artist,date\n" + "".join(f"{i},Zoë “{i}”,2022-01-01\n" for i in range(50))
    file = put(tmp_path, text.encode("cp1252"))
    with pytest.raises(InputError, match=r"not UTF-8.*looks like cp1252"):
        store.load(Table(file, MAPPING, "x"))
    store.load(Table(file, MAPPING, "x", encoding="cp1252"))
    assert works(store)["7"] == "Zoë “7”"
    japanese = "id,artist,date\n" + "".join(f"j{i},作者{i},2022-01-01\n" for i in range(50))
    file = put(tmp_path, japanese.encode("shift_jis"), "j.csv")
    with pytest.raises(InputError, match="looks like shift_jis"):
        store.load(Table(file, MAPPING, "x"))
    store.load(Table(file, MAPPING, "x", encoding="shift_jis"))
    assert works(store)["j3"] == "作者3"


def test_codes_are_no_truth_and_mappings_are(store, tmp_path) -> None:
    lines = [{"id": i, "artist": "a", "date": "2023-01-01", "aiType": i % 3} for i in range(30)]
    file = put(tmp_path, "\n".join(map(json.dumps, lines)), "works.jsonl")
    mapping = MAPPING | {"ai_label": "aiType"}
    with pytest.raises(TooManyRejectsError, match=r"30 of 30 values of ai_label.*aiType"):
        store.load(Table(file, mapping, "x"))
    meant = {"ai_label": {"0": None, "1": False, "2": True}}
    report = store.load(Table(file, mapping, "x", values=meant))
    assert report.nulled == {}
    assert store.sql("SELECT ai_label, count(*) FROM upload GROUP BY 1 ORDER BY 1").fetchall() == [
        (False, 10),
        (True, 10),
        (None, 10),
    ]


@pytest.mark.parametrize("form", ["json", "parquet"])
def test_lists_credit_each_and_paths_lead_into_objects(store, tmp_path, form: str) -> None:
    data = [
        {"id": "1", "date": "2022-01-01", "artist": ["a", "b"], "by": {"name": "x", "id": 7}},
        {"id": "2", "date": "2022-01-01", "artist": ["b"], "by": {"name": "y", "id": 8}},
        {"id": "3", "date": "2022-01-01", "artist": [], "by": {"name": None, "id": 9}},
    ]
    if form == "json":
        file = put(tmp_path, json.dumps(data), "works.json")
    else:
        file = tmp_path / "works.parquet"
        pl.DataFrame(data).write_parquet(file)
    report = store.load(Table(file, MAPPING, "x"))
    assert works(store) == {"1": "a+b", "2": "b", "3": None}
    assert report.unattributed == 1
    with pytest.raises(InputError, match=r"holds objects.*by\.(name|id)"):
        store.load(Table(file, MAPPING | {"artist_id": "by"}, "y"))
    store.load(Table(file, MAPPING | {"artist_id": "by.name"}, "z"))
    assert store.sql("SELECT artist_id FROM credit WHERE platform = 'z' ORDER BY 1").fetchall() == [
        ("x",),
        ("y",),
    ]


def test_ids_are_kept_and_rounded_ones_refused(store, tmp_path) -> None:
    text = (
        "id,artist,date\n"
        "12.0,\u00a0Zoe\u0308\u3000,2022-01-01\n"  # NFC, and white space of every kind
        "1.60687798595684E+18,a,2022-01-01\n"
        "1e5,a,2022-01-01\n"  # base 36, as on Reddit
        "7,[deleted],2022-01-01\n8,nan,2022-01-01\n9,\\N,2022-01-01\nNULL,a,2022-01-01\n"
    )
    report = store.load(Table(put(tmp_path, text), MAPPING, "x"), max_rejects=5)
    assert works(store) == {"12": "Zoë", "1e5": "a", "7": None, "8": None, "9": None}
    assert report.unattributed == 3
    assert report.reject_reasons == {
        "an id that some program has rounded": 1,
        "no upload id": 1,
    }


def test_long_ids_that_end_in_zeros_were_rounded(store, tmp_path) -> None:
    true = [1606877985956843521 + 7919 * i for i in range(40)]
    text = "id,artist,date\n" + "".join(f"{n},a{n},2022-01-01\n" for n in true)
    assert store.load(Table(put(tmp_path, text), MAPPING, "x")).n_loaded == 40
    rounded = [format(float(n), ".17g").replace("e+18", "").replace(".", "") for n in true]
    text = "id,artist,date\n" + "".join(
        f"{n.ljust(19, '0')},a{i},2022-01-01\n" for i, n in enumerate(rounded)
    )
    with pytest.raises(TooManyRejectsError, match="rounded"):
        store.load(Table(put(tmp_path, text, "r.csv"), MAPPING, "y"))


def test_case_folds_where_the_platform_folds_it(store, tmp_path) -> None:
    file = put(tmp_path, "id,artist,date\n1,Ada,2022-01-01\n2,ada,2022-01-02\n")
    store.load(Table(file, MAPPING, "deviantart"))
    store.load(Table(file, MAPPING, "mysite"))
    assert store.sql("SELECT platform, count(*) FROM artist GROUP BY 1 ORDER BY 1").fetchall() == [
        ("deviantart", 1),
        ("mysite", 2),
    ]


def test_a_newer_version_wins_inside_a_file(store, tmp_path) -> None:
    text = (
        "id,artist,date,updated,status\n"
        "1,a,2022-01-01,2022-01-02,listed\n2,a,2022-02-01,2022-02-02,listed\n"
        "3,b,2022-03-01,2023-05-01,deleted\n1,a,2022-01-01,2023-05-01,deleted\n"
        "3,b,2022-03-01,2022-03-02,listed\n2,a,2022-02-01,2022-02-02,listed\n"
    )
    mapping = MAPPING | {"updated_at": "updated", "status": "status"}
    report = store.load(Table(put(tmp_path, text), mapping, "x"))
    assert dict(store.sql("SELECT upload_id, status FROM upload").fetchall()) == {
        "1": "deleted",
        "2": "listed",
        "3": "deleted",
    }
    assert (report.n_loaded, report.n_folded, report.n_rejected) == (3, 3, 0)


def test_two_artists_share_a_work_but_not_at_two_dates(store, tmp_path) -> None:
    text = "id,artist,date\n1,a,2022-01-01\n1,b,2022-01-01\n2,a,2022-01-01\n2,b,2022-02-01\n"
    report = store.load(Table(put(tmp_path, text), MAPPING, "x"), max_rejects=1)
    assert works(store) == {"1": "a+b", "2": "a"}
    assert list(report.reject_reasons) == [
        "this work id has another artist and another date in an earlier row"
    ]
