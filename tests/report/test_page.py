"""The report as a file: what it says, that it is whole, and that it asks for nothing."""

from __future__ import annotations

import base64
import copy
import io
import re
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from bs4 import BeautifulSoup

import uploadtrends as ut
from uploadtrends.figures import Drawing
from uploadtrends.report import checklist, write_tables
from uploadtrends.report.answer import answer, tally
from uploadtrends.report.chart import Chart, chart_html
from uploadtrends.report.inline import inline_svg
from uploadtrends.report.methods import REFERENCES, paragraph
from uploadtrends.report.page import whole
from uploadtrends.sources import Table


@pytest.fixture(scope="module")
def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "lxml")


def test_the_answer_comes_first_in_three_sentences(soup: BeautifulSoup, results: Any) -> None:
    first = soup.find("main").find("section")
    shown = [paragraph.get_text() for paragraph in first.find_all("p")]
    assert shown == list(answer(results))
    assert len(shown) == 3


def test_each_thing_is_said_once(soup: BeautifulSoup, results: Any) -> None:
    visible = copy.copy(soup.find("main"))
    for hidden in visible.find_all(["svg", "script", "pre"]):
        hidden.decompose()  # descriptions for those who cannot see a figure, the manifest
    said = visible.get_text(" ")
    for outcome in results.checks:
        assert said.count(outcome.text) <= 1 + (outcome.text in " ".join(answer(results)))
    assert said.count(answer(results)[2]) == 1
    assert said.count(tally(results.checks)) == 1
    figures = [one["id"] for one in soup.find_all("figure", id=re.compile("^figure-"))]
    assert len(figures) == len(set(figures))
    assert "figure-figure1" not in figures  # the charts above show it
    assert "figure-figure1-tested" not in figures
    assert "figure-interrupted-time-series" in figures
    key = [item.get_text() for item in soup.select("ol.key li")]
    assert key == [f"{event.date} {event.label}" for event in results.events]


def test_nothing_is_ever_said_to_be_caused(page: Path) -> None:
    assert not re.search(r"\bcaus(ed|es|ing)\b", page.read_text(encoding="utf-8"), re.I)


def test_estimates_stand_in_few_columns_of_text(soup: BeautifulSoup) -> None:
    effects, changes = (table for table in soup.find(id="effects").find_all("table"))
    heads = [[th.get_text() for th in table.find_all("th")] for table in (effects, changes)]
    assert heads[1] == ["group", "event", "effect", "interval", "p", "status"]
    assert heads[0] == [*heads[1][:5], "p adjusted", "status"]
    rows = [[td.get_text() for td in tr.find_all("td")] for tr in effects.select("tbody tr")]
    assert ["ArtStation, senior", "level +33.2%"] in [[row[0], row[2]] for row in rows]
    assert not any(row[0].startswith(("artstation", "deviantart")) for row in rows)


def test_a_chart_has_room_for_its_numbers() -> None:
    index = pd.date_range("2022-01-01", periods=3, freq="MS")
    values = {"x": pd.Series([1.0, 2.0, 2_500_000.0], index)}
    svg = BeautifulSoup(chart_html(Chart("c", "x", values, ["x"], [], "")), "lxml").find(
        "svg", class_="wide"
    )
    ticks = svg.find_all("text", class_="tick", attrs={"text-anchor": "end"})
    assert "2,500,000" in [tick.get_text() for tick in ticks]
    for tick in ticks:  # a digit of 12 px is at most 7.7 px wide
        assert float(tick["x"]) - 7 * len(tick.get_text()) >= 0


def test_what_is_known_about_the_published_figure_is_stated(soup: BeautifulSoup) -> None:
    facts = soup.find(id="check-published-series").get_text()
    for fact in (
        "Exactly 1 in each of the first 12 months, then a jump at 2022-01",
        "Falls by 1.0 a month on average, from its maximum in 2021-03",
        "Falls by 0.8 a month on average, from its maximum in 2021-04",
        "significant at 24 of 24 months (2021-06 to 2023-05)",
        "best at 2021-10 (F = 12.3)",
        "best at 2022-01 (F = 37.9)",
        "best at 2022-01 (F = 6.0)",
        "segmented regression at 2022-08 finds no change: level +1.8 [-6.1, 9.7], p = .645",
        "p = .577; slope -0.1 [-0.8, 0.7], p = .883",
        "only 2 months of data before it",
    ):
        assert fact in facts, fact


def test_every_check_stands_there_with_its_verdict(soup: BeautifulSoup, results: Any) -> None:
    for outcome in results.checks:
        article = soup.find(id=f"check-{outcome.name.replace('_', '-')}")
        assert article.find(class_="verdict").get_text() == outcome.status
        assert outcome.text in article.get_text()
        assert outcome.question in article.get_text()


def test_the_page_asks_for_nothing(soup: BeautifulSoup, page: Path) -> None:
    for tag in soup.find_all(True):
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            value = tag.get(name)
            if value:
                assert value.startswith(("#", "data:")), (tag.name, name, value[:80])
    assert not re.search(r"@import|url\((?!#)", page.read_text(encoding="utf-8"))
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none'")
    assert page.stat().st_size < 3_000_000


def test_the_page_can_be_read_without_seeing_it(soup: BeautifulSoup) -> None:
    assert soup.html["lang"] == "en"
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    pictures = soup.find_all("svg", attrs={"role": "img"})
    assert len(pictures) > 10
    for picture in pictures:
        named = picture.get("aria-labelledby", "").split()
        assert picture.get("aria-label") or all(soup.find(id=name).get_text() for name in named)
    for picture in soup.find_all("svg"):
        assert picture.get("role") == "img" or picture.get("aria-hidden") == "true"
    levels = [int(tag.name[1]) for tag in soup.find_all(re.compile(r"^h[1-6]$"))]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for table in soup.find_all("table"):
        assert table.find("caption").get_text()
        assert all(head.get("scope") == "col" for head in table.find_all("th"))
    for part in soup.find_all(class_="scroll") + soup.find_all(class_="drawing"):
        assert part["tabindex"] == "0"  # what scrolls must be reachable by keyboard
        assert part["aria-label"]


def test_downloads_are_the_tables(soup: BeautifulSoup, results: Any) -> None:
    link = soup.find("a", download="results.csv")
    text = base64.b64decode(link["href"].partition("base64,")[2]).decode()
    held = pd.read_csv(io.StringIO(text))
    assert len(held) == len(results.its.effects)
    assert list(held.columns) == list(results.its.effects.columns)
    for kind in ("csv", "md", "tex"):
        assert soup.find("a", download=f"checklist.{kind}")


def test_tables_beside_the_page(results: Any, tmp_path: Path) -> None:
    paths = write_tables({"results": results.its.to_frame()}, tmp_path)
    assert sorted(path.name for path in paths) == ["results.csv", "results.md", "results.tex"]
    assert (tmp_path / "results.tex").read_text().startswith(r"\begin{tabular}")


def test_the_checklist_is_filled_in(results: Any) -> None:
    table = checklist(results)
    assert len(table) >= 18
    assert (table["answer"].str.len() > 0).all()
    said = dict(zip(table["item"], table["answer"], strict=True))
    assert "n = 34" in said["Series analysed"]
    assert "2022-08-22 Stable Diffusion" in said["Events and where their dates come from"]
    assert said["Question"].startswith("Did senior artists upload less")
    assert said["Stated before the analysis"].startswith("ArtStation, senior, block 2022-04")
    assert "reml-averaged" in said["Model"]
    assert said["Outcome and unit"] == "uploads a month (unit: unstated (as plotted))"
    assert "deviantart" not in said["What could not be estimated"]  # sites by their written names
    whole = " ".join(table["answer"])
    assert whole.count("2021-01 to 2023-10, n = 34") == 1  # what holds for all is said once
    assert "near_unit_root" not in whole
    assert "only 2 months of data before it" in said["What could not be estimated"]


def test_methods_cite_what_was_run(results: Any) -> None:
    text, cited = paragraph(results)
    assert set(cited) <= set(REFERENCES)
    assert "restricted likelihood" in text
    assert "Harville 1974" in cited
    # The p that conclusions and the table of effects use.
    assert "closed test" in text
    told = checklist(results).set_index("item")["answer"]
    assert "closed test" in told["Multiple tests"]
    for key in cited[1:]:
        assert key in text


def test_a_chart_breaks_its_line_at_a_gap_and_escapes_labels() -> None:
    index = pd.date_range("2022-01-01", periods=5, freq="MS")
    values = pd.Series([1.0, 2.0, None, 4.0, 5.0], index)
    chart = Chart("c", "A <b>", {"x</script>": values}, ["artstation"], [], "uploads")
    text = chart_html(chart)
    path = BeautifulSoup(text, "lxml").find("path", class_="line")["d"]
    assert path.count("M") == 2
    assert "</script>{" not in text
    assert "x</script>" not in text
    assert "<b>" not in text


def test_numbers_of_events_in_a_chart_never_touch() -> None:
    index = pd.date_range("2021-01-01", periods=34, freq="MS")
    dates = ("2022-04-06", "2022-07-12", "2022-08-22", "2022-08-30", "2023-03-15")
    marks = [(pd.Timestamp(date), f"event {date}") for date in dates]
    chart = Chart("c", "A", {"x": pd.Series(range(34), index, float)}, ["artstation"], marks, "")
    for drawing in BeautifulSoup(chart_html(chart), "lxml").find_all(
        "svg", class_=["wide", "narrow"]
    ):
        numbers = drawing.find_all("text", class_="mark-number")
        places = [(float(one["x"]), float(one["y"])) for one in numbers]
        assert len(places) == 5
        for place, (x, y) in enumerate(places):
            assert all(abs(x - a) >= 7 or abs(y - b) >= 11 for a, b in places[:place])


def test_numbers_in_a_figure_keep_their_digits_on_the_page() -> None:
    figure = Drawing(4.0, 2.0)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    axes.plot([0, 1], [0.0025, 0.0075])
    axes.set_yticks([0.0025], ["0.0025"])
    axes.text(0.1, 0.005, "slope -0.0088 [-1.625, -0.009]")
    said = inline_svg(figure, "digits")
    assert "slope -0.0088 [-1.625, -0.009]" in said
    assert re.search(r">\s*0\.0025\s*<", said)
    assert not re.search(r"<path[^>]*\d\.\d{3}", said)


def test_a_month_that_is_there_in_part_is_no_point_of_a_chart() -> None:
    days = pd.date_range("2020-01-01", "2021-06-10", freq="D")
    population = pl.DataFrame(
        {"upload_id": [str(n) for n in range(len(days))], "artist_id": "a", "published_at": days}
    )
    with tempfile.TemporaryDirectory() as folder:
        population.write_csv(Path(folder, "w.csv"))
        store = Path(folder, "s.duckdb")
        columns = {name: name for name in population.columns}
        ut.build_store(store, [Table(Path(folder, "w.csv"), columns, "mine")])
        panel = ut.build_panel(store)
    assert panel.series("mine", flagged="keep").index[-1] == pd.Timestamp("2021-06-01")
    assert whole(panel, "mine", "all").index[-1] == pd.Timestamp("2021-05-01")
