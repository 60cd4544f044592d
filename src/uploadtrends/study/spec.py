"""What a study file may say. An unknown key is an error that suggests the nearest one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from uploadtrends.errors import InputError
from uploadtrends.result import fingerprint

TEXT, FLAG, NUMBER, INTEGER, LIST, TABLE = str, bool, (int, float), int, list, dict
ANYTHING = object

# Section -> key -> what it must be. Keys of [[data]] beyond these go to the source as they are.
SECTIONS: dict[str, dict[str, Any]] = {
    "study": {"name": TEXT, "title": TEXT, "question": TEXT, "seed": INTEGER, "registered": TABLE},
    "panel": {
        "period": TEXT,
        "platforms": LIST,
        "instrument": TEXT,
        "start": TEXT,
        "end": TEXT,
        "date": TEXT,
        "credit": TEXT,
    },
    "seniority": {
        "at": TEXT,
        "basis": TEXT,
        "senior_after": TEXT,
        "later": TEXT,
        "bands": ANYTHING,
    },
    "events": {
        "ids": LIST,
        "category": ANYTHING,
        "platform": TEXT,
        "start": TEXT,
        "end": TEXT,
        "verified": FLAG,
        "file": TEXT,
        "extra": LIST,
        "confounders": LIST,
    },
    "model": {
        "method": TEXT,
        "terms": LIST,
        "scale": TEXT,
        "season": ANYTHING,
        "boundary": TEXT,
        "ramp_start": INTEGER,
        "unit": TEXT,
        "groups": LIST,
        "platforms": LIST,
        "horizons": LIST,
        "confidence": NUMBER,
    },
    "change_points": {
        "cost": TEXT,
        "penalty": TEXT,
        "trend": FLAG,
        "confidence": NUMBER,
        "min_size": INTEGER,
    },
    "matching": {"window": TEXT, "n_permutations": INTEGER},
    "primary": {"platform": TEXT, "group": TEXT, "event": TEXT, "term": TEXT},
    "checks": {
        "placebo_dates": TABLE,
        "placebo_cohorts": TABLE,
        "composition": TABLE,
        "survivorship": TABLE,
        "parallel_trends": TABLE,
        "anticipation": TABLE,
        "multiplicity": TABLE,
        "specification_curve": TABLE,
        "leave_one_out": TABLE,
        "power": TABLE,
        "negative_control": TABLE,
        "published_series": TABLE,
    },
}
REQUIRED = {"study": ("name", "question"), "primary": ("platform", "group", "event", "term")}
DATA_KEYS = {"source": TEXT, "path": TEXT, "optional": FLAG}
EXTRA_KEYS = {
    "date": TEXT,
    "label": TEXT,
    "id": TEXT,
    "category": TEXT,
    "platforms": LIST,
    "source": TEXT,
}
BUNDLED = "bundled:"


@dataclass(frozen=True)
class DataFile:
    """One entry of ``[[data]]``: a source, its file, and the options it is made with."""

    source: str
    path: Path
    optional: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StudySpec:
    """A study file, read and checked but not yet run.

    Parameters
    ----------
    name, question, title : str
    data : tuple of DataFile
    panel, seniority, events, model, change_points, matching : mapping
        The sections of the file, as written.
    primary : mapping
        The one pre-specified contrast: platform, group, event (an id) and term.
    checks : mapping of str to mapping
        Checks to run, in order, with their settings.
    seed : int
    registered : mapping
        ``url`` and ``date`` of a registration made before the data were seen; may be empty.
    file : Path or None
    """

    name: str
    question: str
    title: str
    data: tuple[DataFile, ...]
    panel: Mapping[str, Any]
    seniority: Mapping[str, Any]
    events: Mapping[str, Any]
    model: Mapping[str, Any]
    change_points: Mapping[str, Any]
    matching: Mapping[str, Any]
    primary: Mapping[str, str]
    checks: Mapping[str, Mapping[str, Any]]
    seed: int = 0
    registered: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    @property
    def primary_stamp(self) -> str:
        """The sha256 of everything that defines the primary contrast.

        Adding a check or a figure leaves it alone; changing the data, the panel, the seniority
        rule, the events (they are fitted jointly), the model or the contrast itself does not.
        """
        return fingerprint(
            dict(self.primary),
            [(entry.source, entry.path.name, dict(entry.options)) for entry in self.data],
            dict(self.panel),
            dict(self.seniority),
            dict(self.events),
            dict(self.model),
        )


def read_study(path: str | Path) -> StudySpec:
    """Read and check a study file.

    Raises
    ------
    InputError
        If the file is missing, is not TOML, has an unknown key (the nearest is suggested), lacks
        a required one, or holds a value of the wrong kind.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            "no such study file", file=path, fix="write one with `uploadtrends new FILE`"
        ) from None
    except UnicodeDecodeError:
        raise InputError("the study file is not UTF-8", file=path, fix="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the study file is not TOML: {error}", file=path) from None
    return parse_study(content, path)


def parse_study(content: Mapping[str, Any], path: Path | None = None) -> StudySpec:
    """Check the content of a study file; see `read_study`."""
    where = path if path is not None else "study"
    _keys(content, {**dict.fromkeys(SECTIONS, TABLE), "data": LIST}, "", where)
    for section, keys in SECTIONS.items():
        given = content.get(section, {})
        _keys(given, keys, section, where)
        for key in REQUIRED.get(section, ()):
            if key not in given:
                raise InputError(
                    f"[{section}] lacks '{key}'", file=where, column=key, fix=f"add {key} = ..."
                )
    for extra in content.get("events", {}).get("extra", []):
        _kind(extra, TABLE, "events.extra", where)
        _keys(extra, EXTRA_KEYS, "events.extra", where)
    folder = path.resolve().parent if path is not None else Path.cwd()
    about = content["study"]
    return StudySpec(
        name=about["name"],
        question=about["question"],
        title=about.get("title", about["name"]),
        data=tuple(_data(entry, folder, where) for entry in content.get("data", [])),
        panel=content.get("panel", {}),
        seniority=content.get("seniority", {}),
        events=content.get("events", {}),
        model=content.get("model", {}),
        change_points=content.get("change_points", {}),
        matching=content.get("matching", {}),
        primary=content["primary"],
        checks=content.get("checks", {}),
        seed=about.get("seed", 0),
        registered=about.get("registered", {}),
        file=path,
    )


def _data(entry: Any, folder: Path, where: Any) -> DataFile:
    from uploadtrends import datasets

    _kind(entry, TABLE, "data", where)
    for key in ("source", "path"):
        if key not in entry:
            raise InputError(
                f"an entry of [[data]] lacks '{key}'", file=where, column=key, fix=f"add {key}"
            )
        _kind(entry[key], TEXT, f"data.{key}", where)
    name = entry["path"]
    place = (
        datasets.path(name.removeprefix(BUNDLED))
        if name.startswith(BUNDLED)
        else (folder / name).resolve()
    )
    options = {key: value for key, value in entry.items() if key not in DATA_KEYS}
    return DataFile(entry["source"], place, bool(entry.get("optional", False)), options)


def _keys(given: Any, known: Mapping[str, Any], section: str, where: Any) -> None:
    _kind(given, TABLE, section, where)
    for key, value in given.items():
        place = f"{section}.{key}" if section else key
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.5)
            raise InputError(
                f"the study file has an unknown key in [{section or 'top level'}]",
                file=where,
                column=place,
                value=key,
                fix=f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}",
            )
        _kind(value, known[key], place, where)


def _kind(value: Any, kind: Any, place: str, where: Any) -> None:
    # TOML dates arrive as datetime.date: good wherever a text date is.
    if kind is TEXT and hasattr(value, "isoformat"):
        return
    wrong_flag = isinstance(value, bool) and kind in (NUMBER, INTEGER)
    if not isinstance(value, kind) or wrong_flag:
        names = {str: "text", bool: "true or false", int: "a whole number", list: "a list"}
        names |= {dict: "a table"}
        raise InputError(
            "a value in the study file is of the wrong kind",
            file=where,
            column=place,
            value=value,
            fix=f"give {names.get(kind, 'a number')}",
        )
