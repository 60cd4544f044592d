"""Options that several commands share, stated once; and how a function becomes a command.

A new command is a function with ``@command`` in a module of this package: nothing else knows it.
Options that belong together are the fields of a dataclass; a command that takes one by name has
its fields as flags.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from uploadtrends.cli.flags import names, runs, takes

Function = TypeVar("Function", bound=Callable[..., Any])
COMMANDS: list[Callable[..., None]] = []
"""Every command, in the order of `uploadtrends --help`."""

DEFAULT_STORE = Path("data/derived/uploads.duckdb")
DEFAULT_RAW = Path("data/raw")

Figure = Annotated[
    Path | None, typer.Option("--figure", help="Draw it into this file (.png, .svg, .pdf).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
OutFile = Annotated[
    Path | None,
    typer.Option("--out", help="Write every column into .csv, .parquet, .xlsx or .json."),
]
StorePath = Annotated[Path, typer.Option("--store", help="The store (.duckdb); made when absent.")]
Raw = Annotated[Path, typer.Option("--raw", help="Folder of the raw archives.")]
KeyFile = Annotated[
    Path | None, typer.Option("--key-file", help="Key of the pseudonyms (mode 600).")
]
Further = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        help="name=value of any further setting; repeatable. Of a CSV also date_format=%d.%m.%Y, "
        "decimal=, and encoding=cp1252.",
    ),
]
Data = Annotated[
    Path,
    typer.Argument(
        help="A store (.duckdb), its Parquet export, or a CSV whose first column is a date."
    ),
]
MemoryLimit = Annotated[
    str | None,
    typer.Option("--memory-limit", help="Such as 2GB; what is larger is worked on on disk."),
]
Unit = Annotated[str, typer.Option("--unit", help="What is counted: uploads, active_artists, ...")]
Groups = Annotated[
    list[str] | None, typer.Option("--group", help="Only this group, such as senior; repeatable.")
]


@dataclass(frozen=True)
class PanelOptions:
    """How a panel is built from a store."""

    platforms: Annotated[
        list[str] | None, typer.Option("--platform", help="Only this platform; repeatable.")
    ] = None
    period: Annotated[str, typer.Option("--period", help="day, week, month, quarter or year.")] = (
        "month"
    )
    instrument: Annotated[
        str | None,
        typer.Option("--instrument", help="Only what this instrument (listing) counted."),
    ] = None
    seniority_at: Annotated[
        str | None,
        typer.Option(
            "--seniority-at", help="Sort artists into senior and new by their tenure on this day."
        ),
    ] = None
    senior_after: Annotated[
        str,
        typer.Option(
            "--senior-after", help="Who has been there for so long on that day is senior."
        ),
    ] = "24 months"
    later: Annotated[
        str,
        typer.Option(
            "--later", help="Who comes after that day: a group (separate), new, or left out (drop)."
        ),
    ] = "separate"
    engine: Annotated[
        str,
        typer.Option("--engine", help="duckdb; or spark, for an export (needs the extra spark)."),
    ] = "duckdb"
    memory_limit: MemoryLimit = None

    def build(self, store: Path, **further: Any) -> Any:
        """Return the panel of a store."""
        import uploadtrends as ut

        later: Any = self.later
        rule = None
        if self.seniority_at is not None:
            rule = ut.Seniority(at=self.seniority_at, senior_after=self.senior_after, later=later)
        return ut.build_panel(
            store,
            period=self.period,
            platforms=self.platforms,
            instrument=self.instrument,
            seniority=rule,
            engine=self.engine,
            memory_limit=self.memory_limit,
            **further,
        )


PANEL_SETTINGS = ("period", "platforms", "instrument", "engine", "memory_limit")
"""Settings of `build_panel` that are flags of their own."""


@dataclass(frozen=True)
class SessionOptions:
    """Who asks a site, and how."""

    contact: Annotated[
        str | None,
        typer.Option(
            "--contact",
            envvar="UPLOADTRENDS_CONTACT",
            help="Whom the site can write to: an address or page; part of the User-Agent.",
        ),
    ] = None
    credentials: Annotated[
        Path | None,
        typer.Option("--credentials", help="TOML file of mode 600 with the keys to the sites."),
    ] = None
    i_have_permission: Annotated[
        bool,
        typer.Option("--i-have-permission", help="Your word that you may collect from this site."),
    ] = False
    max_requests: Annotated[
        int | None, typer.Option("--max-requests", help="End the run after so many requests.")
    ] = None
    seconds_between: Annotated[
        float | None,
        typer.Option("--seconds-between", help="A slower pace than the site's own."),
    ] = None
    demo: Annotated[
        str | None, typer.Option("--demo", help="Address of a demo server on this machine.")
    ] = None
    key_file: KeyFile = None

    def open(self) -> Any:
        """Return the session."""
        from uploadtrends.collect.session import Session

        return Session(**vars(self))


@dataclass(frozen=True)
class StudyOptions:
    """Which study to run, where, and with which date added."""

    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write exactly here. Default: the study's folder, data/derived/<name of the "
            "study> (data/derived where its results lie there), and events/<date> in it with "
            "--event.",
        ),
    ] = None
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            help="The study's folder: holds the store and what is kept from run to run, whatever "
            "date is added.",
        ),
    ] = None
    event: Annotated[
        str | None,
        typer.Option(
            "--event",
            envvar="UPLOADTRENDS_EVENT",
            help="Add an event on this date (YYYY-MM-DD or YYYY-MM); it is answered first.",
        ),
    ] = None
    label: Annotated[
        str,
        typer.Option(
            "--label", envvar="UPLOADTRENDS_LABEL", help="What happened on the added date."
        ),
    ] = ""
    key_file: KeyFile = None
    replace: Annotated[
        bool, typer.Option("--replace", help="The folder may hold another study; it is replaced.")
    ] = False

    def run(
        self, study: Path, *, quiet: bool, answer: Any = None, drawn: bool = False
    ) -> tuple[Any, Path]:
        """Run a study and return its results and the folder for them.

        `answer` is given what is known about the added date, before any check runs. Where the
        results will be `drawn`, a second process may begin with that.
        """
        from uploadtrends.cli.progress import step_display
        from uploadtrends.study import Home, Study
        from uploadtrends.study.manifest import is_of

        loaded = Study.load(study)
        spec, date = loaded.spec, ""
        if self.event:
            loaded = loaded.with_event(self.event, self.label)
            date = loaded.spec.events["extra"][-1]["date"]
        place = Home.of(spec.name, date, self.home, self.out)
        if not self.replace:
            place.refuse_another(spec.name, spec.file.name if spec.file else None)
        meanwhile: Any = None
        if drawn and not is_of(place.out, loaded.spec):  # else there is nothing new to draw
            with without_help():
                from uploadtrends.study import beside, second

            second.start(beside.draw)
            meanwhile = beside.draw_beside
        with step_display(place.work, quiet=quiet) as announce:
            results = loaded.run(
                place.work,
                announce=announce,
                answer=answer,
                key_file=self.key_file,
                replace=self.replace,
                meanwhile=meanwhile,
            )
        return results, place.out


@contextmanager
def without_help() -> Iterator[None]:
    """Load matplotlib without the help texts of its classes, which no command shows.

    To write them it looks at every setter of every class: a third of the time that loading takes.
    """
    from matplotlib import artist

    module: Any = artist
    kept = {name: getattr(module, name) for name in ("kwdoc", "ArtistInspector")}

    class Unasked(artist.ArtistInspector):
        def get_setters(self) -> list[str]:
            return []

    module.kwdoc, module.ArtistInspector = lambda _: "", Unasked
    try:
        yield
    finally:
        vars(module).update(kept)


def command(function: Function) -> Function:
    """Make a function a command of ``uploadtrends``, named as it is."""
    COMMANDS.append(unpacked(function))
    return function


def unpacked(function: Callable[..., Any]) -> Callable[..., None]:
    """Return the function with the fields of every bundle in its signature as arguments."""
    signature = inspect.signature(function, eval_str=True)
    bundles: dict[str, Any] = {
        item.name: item.annotation
        for item in signature.parameters.values()
        if is_dataclass(item.annotation)
    }
    flags: list[inspect.Parameter] = []
    for item in signature.parameters.values():
        flags += _fields(bundles[item.name]) if item.name in bundles else [item]
    named = {flag.name: names(flag) for flag in flags}
    # Functions further in may say method= where the command takes several.
    single = [(one.lstrip("-").replace("-", "_"), [one]) for said in named.values() for one in said]
    named = dict(single) | named

    @wraps(function)
    def called(**given: Any) -> None:
        whole = {
            name: bundle(**{one.name: given.pop(one.name) for one in fields(bundle)})
            for name, bundle in bundles.items()
        }
        runs(named)
        function(**given, **whole)

    called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [flag.replace(kind=inspect.Parameter.KEYWORD_ONLY) for flag in flags]
    )
    called.__annotations__ = {flag.name: flag.annotation for flag in flags}
    return called


def _fields(bundle: Any) -> list[inspect.Parameter]:
    types = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=one.default,
            annotation=types[one.name],
        )
        for one in fields(bundle)
    ]


def further_settings(
    given: list[str] | None,
    function: Callable[..., Any],
    without: tuple[str, ...],
    also: Callable[..., Any] | None = None,
) -> dict[str, Any]:
    """Return what ``--option name=value`` says, read as the settings of a function want it.

    The keyword settings of `also` are known, too.
    """
    from uploadtrends.signatures import check, settings_of

    known = settings_of(function, without)
    known |= settings_of(also, ("path",)) if also else {}
    takes(known)
    said = pairs(given, "--option")
    read = {name: known[name].read(text) if name in known else text for name, text in said.items()}
    check(read, known, what="the command", place="--option")
    return read


def pairs(given: list[str] | None, flag: str) -> dict[str, str]:
    """Return name and value of every ``name=value``."""
    found = {}
    for text in given or []:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise typer.BadParameter(f"{flag} wants name=value, not '{text}'")
        found[name] = value
    return found
