"""Crawls that go on, come again, or break off: what the store and the panel make of them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from crawled import load
from played import (
    GALLERY,
    LIST,
    PROFILE,
    USER,
    Crawl,
    deviation,
    gallery,
    listing,
    profile,
    project,
    two_people,
    user,
)

import uploadtrends as ut
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.demo.reply import Question, Reply, as_json
from uploadtrends.errors import TooManyRejectsError
from uploadtrends.store import Store


def test_artists_added_to_a_crawl_that_goes_on_reach_the_store(
    crawl: Crawl, store: Store, tmp_path: Path
) -> None:
    first = crawl("artstation", ["al", "bo"], two_people(as_json({}, 503)))
    again = crawl("artstation", ["al", "bo", "cy"], two_people())
    assert (first.status, again.status) == ("incomplete", "complete")
    assert again.folder == first.folder
    load(store, again, tmp_path)
    counted = store.sql("SELECT count(*) FROM credit GROUP BY artist_id").fetchall()
    assert counted == [(60,), (60,), (60,)]


def test_a_later_crawl_that_tells_less_takes_nothing_away(
    crawl: Crawl, store: Store, tmp_path: Path
) -> None:
    """First with the works' tags, then without, and without the dates of half of them."""
    works = [project(i) for i in range(60)]
    labelled = ("projects/h", as_json({"tags": ["ink", {"name": "CreatedWithAI"}]}))
    who = (PROFILE, profile(60))
    load(store, crawl("artstation", ["al"], [who, (LIST, listing(works)), labelled], details=True),
         tmp_path)  # fmt: skip
    undated = [one | {"published_at": None} if i < 30 else one for i, one in enumerate(works)]
    report = crawl("artstation", ["al"], [who, (LIST, listing(undated))])
    found = store.load(ArchivedCrawl(report.folder), max_rejects=30)
    assert found.changed["upload"] == 0
    assert store.sql(
        "SELECT count(*), count(published_at), count(date_basis), count_if(ai_label) FROM upload"
    ).fetchall() == [(60, 60, 60, 60)]


@pytest.mark.parametrize("fault", [as_json({}, 503), as_json({"error": "user_api_threshold"}, 429)])
def test_a_history_that_broke_off_is_cut_off_in_the_panel(
    crawl: Crawl, store: Store, tmp_path: Path, fault: Reply
) -> None:
    """With nothing else known, the artist would seem to have begun with the oldest work seen."""
    names = ["ann", "bob", "cat"]

    def works(question: Question, k: int) -> Reply:
        name = question.query["username"]
        if name == "cat" and question.number("offset", 0) >= 24:
            return fault
        weekly = [deviation(f"{name}{i}", name, 1_672_000_000 - 7 * 86_400 * i) for i in range(110)]
        return gallery(weekly)(question, k)

    def who(question: Question, _: int) -> Reply:
        return user(110, question.path.rpartition("/")[2])

    load(store, crawl("deviantart", names, [(USER, who), (GALLERY, works)]), tmp_path)
    panel = ut.build_panel(store, seniority=ut.Seniority.paper("2022-08-22"))
    spans = panel.records.spans.select("artist_id", "censored").sort("artist_id")
    assert spans.rows() == [("ANN", False), ("BOB", False), ("CAT", True)]
    assert panel.keys() == [("deviantart", "all"), ("deviantart", "senior")]
    assert panel.excluded.rows() == [("deviantart", "left out by the seniority rule", 24.0)]
    assert "The histories of 1 of 3 artists on deviantart are not whole" in panel.summary()
    effects = ut.interrupted_time_series(panel, "2022-08-22")
    assert any("1 of 3 artists" in note for note in effects.fit("all").notes)


def test_a_visit_that_did_not_get_through_says_nothing_about_removal(
    crawl: Crawl, store: Store, tmp_path: Path
) -> None:
    works = [project(i) for i in range(60)]
    for seen in (works, works[:30]):
        load(store, crawl("artstation", ["al"], [(PROFILE, profile(60)), (LIST, listing(seen))]),
             tmp_path)  # fmt: skip
    assert store.sql("SELECT status FROM sighting").fetchall() == [("ok",), ("incomplete",)]
    gone = ut.build_panel(store).series("artstation", unit="no_longer_listed", flagged="keep")
    assert gone.sum() == 0


def test_an_archive_that_lost_everything_or_was_dated_by_a_wrong_clock_says_so(
    crawl: Crawl, store: Store, tmp_path: Path
) -> None:
    report = crawl("artstation", ["al"], two_people())
    path = report.folder / "crawl.json"
    plan = json.loads(path.read_text())
    plan["started_at"] = "2099-01-01T00:00:00Z"
    plan["targets"][0]["of_a_later_version"] = 1
    path.write_text(json.dumps(plan))
    assert ArchivedCrawl(report.folder).started_at < datetime(2098, 1, 1)
    load(store, report, tmp_path)
    assert store.tables()["upload"] == 60
    for segment in report.folder.glob("*.gz"):
        segment.unlink()
    with pytest.raises(TooManyRejectsError, match="lost from the archive"):
        store.load(ArchivedCrawl(report.folder))
