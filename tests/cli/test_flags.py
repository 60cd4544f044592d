"""Every flag of every command is given a value and seen to arrive at the verb."""

from __future__ import annotations

import inspect
import json
from dataclasses import is_dataclass
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import uploadtrends as ut
from uploadtrends import datasets
from uploadtrends.cli import app
from uploadtrends.result import recorded
from uploadtrends.sources.bundled import bundled

PANEL = {
    "--platform": "artstation",
    "--period": "quarter",
    "--instrument": "a-listing",
    "--seniority-at": "2021-05-04",
    "--senior-after": "31 months",
    "--later": "drop",
    "--engine": "spark",
    "--memory-limit": "3GB",
}
SESSION = {
    "--contact": "me@example.org",
    "--credentials": "keys.toml",
    "--i-have-permission": True,
    "--max-requests": "7",
    "--seconds-between": "9.5",
    "--demo": "http://127.0.0.1:1",
    "--key-file": "my.key",
}
STUDY = {
    "--out": "somewhere",
    "--home": "elsewhere",
    "--event": "2023-05-15",
    "--label": "Mine",
    "--key-file": "my.key",
    "--replace": True,
}
# Flags that say what is printed or written, or when to stop: other tests look at what they do.
SHOWN = {"--json", "--yes", "--quiet", "--fail-on-check", "--dry-run", "--crowding"}

LOAD = ["load", "series", "x.csv", "--column", "senior_artstation=artstation/senior"]
# Command -> arguments that it needs, the verb it calls, and a value for every flag that gets there.
ARRIVALS: list[tuple[list[str], str, dict[str, Any]]] = [
    (["panel", "s.duckdb"], "uploadtrends.build_panel", PANEL | {"--option": "credit=fractional"}),
    (["its", "s.duckdb", "--event", "2022-01"], "uploadtrends.build_panel", PANEL),
    (
        ["its", "x.csv", "--event", "2022-01"],
        "uploadtrends.interrupted_time_series",
        {
            "--event": "2022-02-03",
            "--label": "Mine",
            "--event-id": "mr-sd-public",
            "--method": "ols-hac",
            "--control": "elsewhere",
            "--confidence": "0.83",
            "--season": "none",
            "--terms": "slope",
            "--unit": "media",
            "--group": "senior",
            "--platform": "artstation",
            "--option": "horizons=5",
        },
    ),
    (["change-points", "s.duckdb"], "uploadtrends.build_panel", PANEL),
    (
        ["change-points", "x.csv"],
        "uploadtrends.change_points",
        {
            "--penalty": "mbic",
            "--no-trend": True,
            "--unit": "media",
            "--group": "senior",
            "--platform": "artstation",
            "--option": "min_size=17",
        },
    ),
    (
        ["sample", "danbooru"],
        "uploadtrends.collect.sampling.sample",
        {"--followers": "17", "--n": "13", "--seed": "11", "--frame": "f", "--pages": "19"}
        | {"--raw": "raws"}
        | SESSION,
    ),
    (
        ["collect", "danbooru"],
        "uploadtrends.collect.crawl.collect",
        {
            "--artists": "list.csv",
            "--since": "2021-02-03",
            "--details": True,
            "--folders": True,
            "--feed": True,
            "--crawl": "mine",
            "--raw": "raws",
        }
        | SESSION,
    ),
    (
        ["rebuild"],
        "uploadtrends.store.build_store",
        {"--store": "my.duckdb"},
    ),
    (
        ["rebuild"],
        "uploadtrends.collect.replay.archived_crawls",
        {"--raw": "raws", "--key-file": "my.key"},
    ),
    (["exposure", "s.duckdb"], "uploadtrends.build_panel", PANEL),
    (["structural-breaks", "s.duckdb"], "uploadtrends.build_panel", PANEL),
    (
        ["structural-breaks", "x.csv"],
        "uploadtrends.structural_breaks",
        {
            "--test": "OLS-CUSUM",
            "--regressors": "trend",
            "--covariance": "ols",
            "--unit": "media",
            "--group": "senior",
            "--platform": "artstation",
            "--option": "trim=0.25",
        },
    ),
    (["monitor", "s.duckdb", "--from", "2022-06-01"], "uploadtrends.build_panel", PANEL),
    (
        ["monitor", "x.csv", "--from", "2022-06-01"],
        "uploadtrends.monitor",
        {"--from": "2022-07-01", "--group": "senior", "--option": "window=0.25"}
        | {"--platform": "artstation"},
    ),
    (["rebuild", "--study", "a.toml"], "uploadtrends.study.read_study", {"--study": "s.toml"}),
    (
        ["delisted", "--store", "s.duckdb"],
        "uploadtrends.collect.delisted.delisted",
        {"--period": "year"},
    ),
    (
        ["delisted"],
        "uploadtrends.store.open_store",
        {"--store": "my.duckdb", "--memory-limit": "3GB"},
    ),
    (
        ["forget", "danbooru", "someone"],
        "uploadtrends.privacy.forget",
        {"--store": "my.duckdb", "--raw": "raws", "--derived": "out", "--key-file": "my.key"},
    ),
    (
        ["load", "series", "x.csv"],
        "uploadtrends.study.sources.make_source",
        {"--column": "a=b", "--option": "unit=works"},
    ),
    ([*LOAD], "uploadtrends.store.open_store", {"--store": "a/my.duckdb", "--memory-limit": "3GB"}),
    (
        [*LOAD, "--store", "n.duckdb"],
        "uploadtrends.store.store.Store.load",
        {"--max-rejects": "0.25"},
    ),
    (
        ["fetch", "danbooru2023"],
        "uploadtrends.collect.fetch.fetch",
        {"--url": "http://127.0.0.1:1/x", "--sha256": "ab", "--raw": "raws"},
    ),
    (
        ["export", "out"],
        "uploadtrends.store.open_store",
        {"--store": "my.duckdb", "--memory-limit": "3GB"},
    ),
    (["export", "out"], "uploadtrends.privacy.load_key", {"--key-file": "my.key"}),
    (
        ["upgrade"],
        "uploadtrends.store.version.upgrade_store",
        {"--store": "my.duckdb"},
    ),
    (
        ["loop", "caption"],
        "uploadtrends.caption_loop",
        {"--out": "o", "--iterations": "17", "--repeats": "3", "--spread": "1.5", "--seed": "5"},
    ),
    (
        ["loop", "retrain"],
        "uploadtrends.retraining_loop",
        {
            "--iterations": "17",
            "--repeats": "3",
            "--generator": "kde",
            "--regime": "fresh",
            "--fresh": "0.25",
            "--sampling-bias": "0.75",
            "--seed": "5",
        },
    ),
    (["new", "mine.toml"], "uploadtrends.study.write_template", {}),
    (["doctor"], "uploadtrends.study.examine", {"--study": "mine.toml"}),
    (
        ["events"],
        "uploadtrends.events.event_catalogue",
        {
            "--id": "mr-sd-public",
            "--category": "nft",
            "--platform": "danbooru",
            "--start": "2022-01-02",
            "--end": "2022-03-04",
            "--all": True,
            "--near": "2022-01-05",
        },
    ),
    (["events", "--file", "a.csv"], "uploadtrends.events.read_events", {"--file": "mine.csv"}),
    *(
        ([name, "study.toml"], "uploadtrends.study.Study.run", STUDY)
        for name in ("run", "figures", "report", "checks")
    ),
]
# Left to the tests of these commands (what they do, not that they arrive).
ELSEWHERE = {
    # tests/loop/test_loop_models.py: real model classes, where torch is installed
    "loop": {"--images", "--reference", "--captioner", "--painter", "--text", "--vision"}
    | {"--steps", "--guidance", "--size", "--device", "--batch", "--keep-images"}
    | {"--allow-download"},
    "exposure": {"--treated-from", "--match-on", "--outcome", "--method", "--option", "--out"}
    | {"--unit", "--frequency"},
    "export": {"--identify", "--key", "--period"},
    "load": {"--preset"},
    "collect": {"--store", "--max-rejects"},
    "rebuild": {"--accept-damage", "--max-rejects", "--may-shrink"},
    "monitor": {"--fail-on-alarm", "--figure", "--out"},
    "structural-breaks": {"--figure", "--out"},
    "checks": {"--table"},
    "panel": {"--out"},
    "its": {"--figure", "--out"},
    "change-points": {"--trend", "--figure", "--out"},
    "events": {"--verified"},
}


class Arrived(Exception):
    pass


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, a series and a study."""
    folder = tmp_path_factory.mktemp("flags")
    ut.build_store(folder / "s.duckdb", [bundled("precipice_figure1")])
    datasets.precipice_figure1()["senior_artstation"].rename_axis("month").to_csv(folder / "x.csv")
    study = CliRunner().invoke(app, ["new", str(folder / "study.toml")])
    assert study.exit_code == 0, study.output
    return folder


def plain(value: Any) -> Any:
    """Return what arrived as text; objects by their fields."""
    if hasattr(value, "spec"):  # a study: its events are what the flags change
        return recorded(value.spec.events)
    if callable(value) and not is_dataclass(value):
        return "function"
    if hasattr(value, "connection"):
        return str(value.path)
    return recorded(value)


def arrives(words: list[str], verb: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a command hands to a verb, without running it."""

    path, _, name = verb.rpartition(".")
    owner = _owner(path)

    @wraps(getattr(owner, name))  # the command reads its settings from the signature
    def stop(*args: Any, **named: Any) -> None:
        given = [plain(one) for one in args], {key: plain(one) for key, one in named.items()}
        raise Arrived(json.dumps(given, default=str, sort_keys=True))

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stop)
        result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, Arrived), f"{words}: {result.output} {result.exception!r}"
    return str(result.exception)


def _owner(path: str) -> Any:
    try:
        return import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(import_module(module), name)


def values(given: Any) -> str:
    """Return how the value of a flag looks where it arrives."""
    return "true" if given is True else str(given).rpartition("=")[2]


CASES = [
    pytest.param(words, verb, flag, value, id=f"{words[0]} {flag}")
    for words, verb, flags in ARRIVALS
    for flag, value in flags.items()
]


@pytest.mark.parametrize(("words", "verb", "flag", "value"), CASES)
def test_a_flag_arrives(words, verb, flag, value, files, monkeypatch) -> None:
    monkeypatch.chdir(files)
    more = ["--seniority-at", "2020-06-01"] if flag in ("--senior-after", "--later") else []
    more += ["--event", "2023-05-15"] if flag == "--label" and words[0] != "its" else []
    before = arrives([*words, *more], verb, monkeypatch)
    after = arrives([*words, *more, flag, *([] if value is True else [value])], verb, monkeypatch)
    assert after != before
    if value is not True:
        assert values(value) in after


def test_every_flag_is_tried() -> None:
    tried: dict[str, set[str]] = {}
    for words, _, flags in ARRIVALS:
        tried.setdefault(words[0], set()).update(flags)
    missing = []
    for name, command in typer.main.get_command(app).commands.items():
        flags = {
            flag
            for one in command.params
            if one.param_type_name == "option"
            for flag in [*one.opts, *one.secondary_opts]
        }
        known = tried.get(name, set()) | SHOWN | ELSEWHERE.get(name, set())
        missing += [f"{name} {flag}" for flag in sorted(flags - known - {"--help"})]
    assert missing == []


@pytest.mark.parametrize("name", ["panel", "its", "change-points"])
def test_the_defaults_of_flags_are_those_of_the_verbs(name: str) -> None:
    from uploadtrends.cli.options import PanelOptions

    said = inspect.signature(PanelOptions).parameters
    for verb in (ut.build_panel, ut.Seniority):
        for key, one in inspect.signature(verb).parameters.items():
            if key in said:
                assert said[key].default == one.default, key
    command = typer.main.get_command(app).commands[name]
    verb = {"its": ut.interrupted_time_series, "change-points": ut.change_points}.get(name)
    known = inspect.signature(verb).parameters if verb else {}
    for one in command.params:
        if (
            one.name in known
            and one.name not in ("data", "events", "instrument")
            and not one.multiple
        ):
            assert one.default == known[one.name].default, one.name
