"""Quoted texts that are cut, or hold an open mark: the right rows, or a refusal with its line."""

from __future__ import annotations

import gzip
import re

import pytest
from written import MAPPING, put, works

from uploadtrends.errors import InputError
from uploadtrends.sources import Table

DELIMITERS = {"commas": ",", "semicolons": ";", "pipes": "|", "tabs": "\t"}
ENDS = {"LF": "\n", "CRLF": "\r\n"}


def quoted(rows: list[list[str]], mark: str, end: str, *, header: bool = True) -> str:
    """A text quoted throughout; its header only on demand."""
    names = ["id", "artist", "date", "title"]
    lines = [names if not header else [f'"{name}"' for name in names]]
    lines += [['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
    return "".join(mark.join(line) + end for line in lines)


def delimited(lines: list[str], mark: str, end: str) -> str:
    """A text of lines that are written with commas."""
    return "".join(line.replace(",", mark) + end for line in lines)


@pytest.fixture(params=DELIMITERS.values(), ids=DELIMITERS)
def mark(request) -> str:
    return request.param


@pytest.fixture(params=ENDS.values(), ids=ENDS)
def end(request) -> str:
    return request.param


@pytest.fixture(params=[True, False], ids=["quoted header", "plain header"])
def header(request) -> bool:
    return request.param


def assert_refused(store, file, *, opened: int) -> None:
    """Assert that a load stops, names the line where the mark opened, and writes nothing."""
    with pytest.raises(InputError, match=rf"mark opened in (line \d+ or )?line {opened}\b"):
        store.load(Table(file, MAPPING, "x"), max_rejects=10)
    assert works(store) == {}


FOUR = [[f"w{n}", f"a{n % 2}", f"2021-03-0{n + 1}", title] for n, title in enumerate("xyz!")]
LOADED = {"w0": "a0", "w1": "a1", "w2": "a0"}


def test_a_cut_at_the_opening_mark_of_a_cell(store, tmp_path, mark, end, header) -> None:
    text = quoted(FOUR, mark, end, header=header)
    file = put(tmp_path, text[: text.index(f'{mark}"!"') + 2])
    report = store.load(Table(file, MAPPING, "x"), max_rejects=1)
    assert works(store) == LOADED
    assert (report.n_read, report.n_loaded, report.n_rejected) == (4, 3, 1)
    assert store.sql("SELECT position FROM reject").fetchall() == [("line 5",)]


def test_a_cut_within_a_doubled_mark(store, tmp_path, mark, end, header) -> None:
    """What is left, ``"a "``, reads as a whole cell, and its row as whole."""
    rows = [*FOUR[:3], ["w3", "a1", "2021-03-04", 'a "b" c']]
    text = quoted(rows, mark, end, header=header)
    file = put(tmp_path, text[: text.index('a ""') + 3])
    report = store.load(Table(file, MAPPING, "x"))
    assert works(store) == LOADED | {"w3": "a1"}
    assert (report.n_read, report.n_loaded, report.n_rejected) == (4, 4, 0)


def test_a_cut_where_cells_hold_line_breaks_is_one_row_or_refused(
    store, tmp_path, mark, end, header
) -> None:
    """A line that is one mark ends a cell; taken without quoting it was a row too many."""
    rows = [[*row[:3], f"{row[3]}\n"] for row in FOUR]
    text = quoted(rows, mark, end, header=header)
    cuts = [n for n in range(text.index('"w3"') + 1, len(text)) if text[n - 1] == '"']
    for number, cut in enumerate(cuts):
        file = put(tmp_path, text[:cut], f"{number}.csv")
        try:
            report = store.load(Table(file, MAPPING, f"p{number}"), max_rejects=9)
        except InputError as error:
            assert re.search("line [6-9] is not closed", str(error))  # noqa: PT017
        else:
            assert (report.n_read, report.n_loaded) in ((4, 3), (4, 4))


def test_an_open_mark_among_cells_that_end_in_a_line_break(
    store, tmp_path, mark, end, header
) -> None:
    rows = [[*row[:3], f"{row[3]}\n" if n % 2 else row[3]] for n, row in enumerate(FOUR * 3)]
    for n, row in enumerate(rows):
        row[0] = f"w{n}"
    text = quoted(rows, mark, end, header=header).replace('"z"', '"z', 1)
    file = put(tmp_path, text)
    try:
        report = store.load(Table(file, MAPPING, "x"), max_rejects=12)
    except InputError as error:
        assert "opened in line" in str(error)  # noqa: PT017
    else:
        assert report.n_read == 12
        assert works(store) == {row[0]: row[1] for row in rows if row[0] != "w2"}


def test_a_packed_text_that_is_cut_is_refused(store, tmp_path, mark, end, header) -> None:
    data = gzip.compress(quoted(FOUR, mark, end, header=header).encode())
    with pytest.raises(InputError, match="works"):
        store.load(Table(put(tmp_path, data[:-9], "works.csv.gz"), MAPPING, "x"))
    assert store.tables()["upload"] == 0


def test_quotation_marks_of_a_text_that_does_not_quote_stay(store, tmp_path) -> None:
    """One title in three has marks, one is open: tabs alone tell the cells."""
    titles = ['"Dusk"', "plain", '24" brush'] * 5
    lines = [f"w{n}\ta\t2021-03-01\t{title}" for n, title in enumerate(titles)]
    file = put(tmp_path, "\n".join(["id\tartist\tdate\ttitle", *lines, ""]), "works.tsv")
    store.load(Table(file, MAPPING | {"kind": "title"}, "x"))
    kinds = dict(store.sql("SELECT upload_id, kind FROM upload").fetchall())
    assert kinds == {f"w{n}": title for n, title in enumerate(titles)}


def test_an_open_mark_before_a_date_that_a_later_title_closes(store, tmp_path, mark, end) -> None:
    """The date would hold two rows; the row whose title closes it opens another one."""
    lines = [
        "id,artist,date,title",
        "w0,a0,2021-03-01,x",
        'w1,a1,"2021-03-02,y',
        "w2,a0,2021-03-03,z",
    ]
    lines += [
        'w3,a1,2021-03-04,""""""',
        "w4,a0,2021-03-05,!",
        'w5,a1,2021-03-06,"?',
        '!"',
        "w6,a0,2021-03-07,x",
    ]
    text = delimited(lines, mark, end)
    assert_refused(store, put(tmp_path, text), opened=3)


@pytest.mark.parametrize("mark", [",", ";", "|"])  # tabs alone tell the cells here
def test_an_open_mark_whose_record_seems_to_end_with_its_line(store, tmp_path, mark, end) -> None:
    """The rest of its title, a line below, would be a work that nobody wrote."""
    lines = [
        "id,artist,date,title",
        "w0,a0,2021-03-01,x",
        'w1,"a1,2021-03-02,"""""',
        '2,b,2021-02-03,y"',
    ]
    lines += ["w2,a0,2021-03-03,z", "w3,a1,2021-03-04,!"]
    text = delimited(lines, mark, end)
    assert_refused(store, put(tmp_path, text), opened=3)


def test_an_open_mark_before_a_date_that_the_next_title_closes(store, tmp_path, mark, end) -> None:
    """The date would end where the title of the next row begins."""
    lines = ["id,artist,date,title", "w0,a0,2021-03-01,x", 'w1,a1,"2021-03-02,""""']
    lines += ['w2,a0,2021-03-03,",["', "w3,a1,2021-03-04,!"]
    text = delimited(lines, mark, end)
    assert_refused(store, put(tmp_path, text), opened=3)


def test_a_mark_too_many_moves_the_end_of_a_row(store, tmp_path, mark, end) -> None:
    """The row has as many cells as it should, and the rest of its title is a line of its own."""
    lines = [
        "id,artist,date,title",
        'w0,"a5,2021-09-04,",,',
        '1 a 2020-01-01 t"',
        "w1,a4,2010-04-07,x",
    ]
    text = delimited(lines, mark, end)
    assert_refused(store, put(tmp_path, text), opened=2)


@pytest.mark.parametrize(
    "title",
    ['"a 24" brush, blue"', '"a, 24" brush"', '"she, too, said "hi" twice"', '""hi", she said"'],
)
@pytest.mark.parametrize("throughout", [True, False], ids=["quoted throughout", "as needed"])
def test_marks_that_are_not_doubled_cost_their_own_row(store, tmp_path, title, throughout) -> None:
    """Whatever delimiters stand between them: the other cells tell that the line is a row."""
    row = '"w{0}","a1","2021-03-0{0}",' if throughout else "w{0},a1,2021-03-0{0},"
    lines = [row.format(n) + ('"x"' if n != 3 else title) for n in range(1, 6)]
    report = store.load(
        Table(put(tmp_path, "id,artist,date,title\n" + "\n".join(lines)), MAPPING, "x"),
        max_rejects=1,
    )
    assert works(store) == {f"w{n}": "a1" for n in (1, 2, 4, 5)}
    assert (report.n_read, report.n_rejected) == (5, 1)
    assert store.sql("SELECT position FROM reject").fetchall() == [("line 4",)]


def test_the_rest_of_a_cut_cell_is_no_row(store, tmp_path) -> None:
    """Lines within the cells of whole rows teach nothing of what a row looks like."""
    title = '"\r\nSunset|\t1,a,2020-01-01,t'
    whole = f'w0,a3,2019-11-10,{title}"\n'
    file = put(tmp_path, "id,artist,date,title\n" + 2 * whole + f"w1,a3,2019-11-11,{title}")
    assert_refused(store, file, opened=6)


@pytest.mark.parametrize("mark", [",", ";", "|"])  # tabs alone tell the cells here
def test_the_rest_of_a_cell_that_ends_too_early_is_no_row(store, tmp_path, mark, end) -> None:
    """It has a row's number of cells, a date in its place, and an id unlike the others."""
    lines = ["id,artist,date,title", "w0,a0,2021-03-01,x", "w1,a1,2021-03-02,y"]
    lines += ['w2,a0,2021-03-03,""', '2,b,2021-02-03,z""quoted"""', "w3,a1,2021-03-04,!"]
    text = delimited(lines, mark, end)
    assert_refused(store, put(tmp_path, text), opened=4)


def test_inches_behind_a_quoted_title_are_a_row(store, tmp_path) -> None:
    lines = ["id,artist,date,title", "w0,a0,2021-03-01,x", "w1,a1,2021-03-02,y"]
    lines += ['w2,a0,2021-03-03,"z, again"', 'w3,a1,2021-03-04,5"', "w4,a1,2021-03-04,!"]
    report = store.load(Table(put(tmp_path, "\n".join(lines)), MAPPING, "x"))
    assert (report.n_read, report.n_loaded, report.n_rejected) == (5, 5, 0)


def test_a_mark_too_many_before_a_row_whose_title_goes_on(store, tmp_path, mark, end) -> None:
    """The row has two bad cells, and its second line is no reject of its own."""
    rows = [[f"w{n}", "a1", f"2021-03-0{n}", f"2021{{{end}2,b,2021-02-03,"] for n in (1, 2, 3)]
    text = quoted(rows, mark, end).replace('"w2"', '""w2"')
    assert_refused(store, put(tmp_path, text), opened=4)
