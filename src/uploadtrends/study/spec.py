"""What a study file may say. An unknown key is an error that suggests the nearest one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from uploadtrends.errors import InputError
from uploadtrends.result import fingerprint
from uploadtrends.signatures import Setting, check
from uploadtrends.study import keys

BUNDLED = "bundled:"
STUDIES = ("precipice", "pixiv")
"""Studies that come with the package; their names stand for their files."""


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
    analyses : mapping of str to mapping
        Further analyses asked for, with their settings; see `uploadtrends.study.keys.ANALYSES`.
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
    analyses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seed: int = 0
    registered: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    @property
    def folder(self) -> Path:
        """Where the paths of the study start: the folder of its file, or this one."""
        return self.file.resolve().parent if self.file else Path.cwd()

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
    """Read and check a study file, or one of `STUDIES` by its name.

    Raises
    ------
    InputError
        If the file is missing, is not TOML, has an unknown key (the nearest is suggested), lacks
        a required one, or holds a value of the wrong kind.
    """
    path = Path(path)
    there = path
    if str(path) in STUDIES and not path.is_file():
        there = _packaged(str(path))
        path = Path("studies") / there.name  # what it names beside the bundled data lies here
    try:
        content = tomllib.loads(there.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            "no such study file",
            file=path,
            fix=f"write one with `uploadtrends new FILE`, or name one of {', '.join(STUDIES)}",
        ) from None
    except UnicodeDecodeError:
        raise InputError("the study file is not UTF-8", file=path, fix="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the study file is not TOML: {error}", file=path) from None
    return parse_study(content, path)


def _packaged(name: str) -> Path:
    packaged = Path(str(files("uploadtrends"))) / "data" / f"{name}.toml"
    if packaged.exists():
        return packaged
    return Path(__file__).resolve().parents[3] / "studies" / f"{name}.toml"  # a source checkout


def parse_study(content: Mapping[str, Any], path: Path | None = None) -> StudySpec:
    """Check the content of a study file; see `read_study`."""
    where = path if path is not None else "study"
    _keys(content, keys.top_level(), "", where)
    for section in ("study", *keys.SECTIONS, "primary"):
        given = content.get(section, {})
        if section in content:  # what nobody asks for is not even imported
            _keys(given, keys.section(section), section, where)
        asked = section in content or section not in keys.ANALYSES
        for key in keys.REQUIRED.get(section, ()):
            if asked and key not in given:
                raise InputError(
                    f"[{section}] lacks '{key}'", file=where, column=key, fix=f"add {key} = ..."
                )
    named = content.get("checks", {})
    _keys(named, keys.checks(), "checks", where)
    for name, settings in named.items():
        _keys(settings, keys.section(f"checks.{name}"), f"checks.{name}", where)
    for extra in content.get("events", {}).get("extra", []):
        _keys(extra, keys.section("events.extra"), "events.extra", where)
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
        checks=named,
        analyses={name: content[name] for name in keys.ANALYSES if name in content},
        seed=about.get("seed", 0),
        registered=about.get("registered", {}),
        file=path,
    )


def _data(entry: Any, folder: Path, where: Any) -> DataFile:
    from uploadtrends import datasets

    _table(entry, "data", where)
    for key in ("source", "path"):
        if key not in entry:
            raise InputError(
                f"an entry of [[data]] lacks '{key}'", file=where, column=key, fix=f"add {key}"
            )
    own = {key: value for key, value in entry.items() if key in keys.DATA}
    _keys(own, keys.DATA, "data", where)
    name = entry["path"]
    place = (
        datasets.path(name.removeprefix(BUNDLED))
        if name.startswith(BUNDLED)
        else (folder / name).resolve()
    )
    options = {key: value for key, value in entry.items() if key not in keys.DATA}
    return DataFile(entry["source"], place, bool(entry.get("optional", False)), options)


def _keys(given: Any, known: Mapping[str, Setting], section: str, where: Any) -> None:
    _table(given, section, where)
    check(given, known, place=section, file=where, what="the study file")


def _table(given: Any, section: str, where: Any) -> None:
    if not isinstance(given, Mapping):
        raise InputError(
            "this part of the study file is a table",
            file=where,
            column=section,
            value=given,
            fix="give a table",
        )
