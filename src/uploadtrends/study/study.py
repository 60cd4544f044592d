"""Run a study: load, panel, models, change points, checks, conclusion."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import uploadtrends as ut
from uploadtrends.checks import conclude
from uploadtrends.collect.sites import site_class, site_names
from uploadtrends.errors import InputError, StoreError, StoreLockedError
from uploadtrends.events import EventSet, event_catalogue
from uploadtrends.events.event import Event
from uploadtrends.result import fingerprint
from uploadtrends.store import build_store
from uploadtrends.store.replace import Checksums, file_checksums
from uploadtrends.study.added import AddedEvent, added_event, contrast, dates_of
from uploadtrends.study.analyses import danbooru_changes, run_analyses
from uploadtrends.study.cache import CACHE, StepCache, file_fingerprint
from uploadtrends.study.checking import run_checks
from uploadtrends.study.chosen import events_added, events_of
from uploadtrends.study.home import Home, refuse_another, settle
from uploadtrends.study.manifest import make_manifest
from uploadtrends.study.refusals import refuse_early
from uploadtrends.study.results import StudyResults
from uploadtrends.study.sources import make_source
from uploadtrends.study.spec import DataFile, StudySpec, parse_study, read_study
from uploadtrends.study.values import Values, events_named

if TYPE_CHECKING:
    from uploadtrends.breaks import ChangePoints
    from uploadtrends.checks import CheckOutcome
    from uploadtrends.models import InterruptedTimeSeries
    from uploadtrends.panel import Panel
    from uploadtrends.sources import Source

Announce = Callable[[str, str, float], None]
Answer = Callable[[tuple[AddedEvent, ...]], None]
Meanwhile = Callable[[StudyResults], None]


@dataclass(frozen=True)
class Study:
    """A pre-specified study. Build it with `Study.load` or `Study.from_dict`, then `run` it.

    Parameters
    ----------
    spec : StudySpec
        What the study file says.

    See Also
    --------
    interrupted_time_series : The model of a study, without a file.
    build_panel : What a study counts, without a file.

    Examples
    --------
    >>> study = Study.load("precipice")
    >>> study.spec.primary["event"], len(study.events)
    ('mr-sd-public', 6)
    >>> [event.label for event in study.with_event("2023-06-01", "a date of mine").added]
    ['a date of mine']
    """

    spec: StudySpec

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """Read a study file (TOML); ``"precipice"`` and ``"pixiv"`` come with the package.

        Raises
        ------
        InputError
            If the file cannot be read or holds an unknown key; the nearest one is suggested.
        """
        return cls(read_study(path))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Study:
        """Take the content of a study file as a dictionary; paths are relative to here."""
        return cls(parse_study(content))

    def with_event(self, date: str, label: str = "") -> Study:
        """Return the same study with one more event."""
        added = Event(date, label)
        events = dict(self.spec.events)
        events["extra"] = [
            *events.get("extra", []),
            {"date": added.date, "label": added.label, "id": added.id},
        ]
        return Study(dataclasses.replace(self.spec, events=events))

    @property
    def added(self) -> EventSet:
        """The events that stand under ``extra``, or were added by `with_event`."""
        return EventSet(events_added(self.spec))

    @property
    def home(self) -> Home:
        """Where the study's results lie unless they are asked for elsewhere."""
        return Home.of(self.spec.name)

    @property
    def events(self) -> EventSet:
        """The events under study, in order of date."""
        return events_of(self.spec)

    @property
    def confounders(self) -> EventSet:
        """The confounders drawn on the figures and given to the models as terms."""
        return event_catalogue(ids=self.spec.events.get("confounders", []))

    def run(
        self,
        out: str | Path | None = None,
        *,
        announce: Announce | None = None,
        answer: Answer | None = None,
        key_file: str | Path | None = None,
        replace: bool = False,
        meanwhile: Meanwhile | None = None,
    ) -> StudyResults:
        """Run every step whose inputs changed since the last runs in the same folder.

        Parameters
        ----------
        out : str or Path, optional
            Folder for the store and the cache of steps. None uses a temporary folder: everything
            is computed, and only the results stay.
        announce : callable, optional
            Told of every step: ``announce(step, "running" | "done" | "cached", seconds)``.
        answer : callable, optional
            Given the answers about added dates as soon as they are there, before any check runs.
        key_file : str or Path, optional
            Key of the pseudonyms, for checks that name artists.
        replace : bool
            Whether the folder may hold another study.
        meanwhile : callable, optional
            Given the results so far whenever more of them is known; the rest is None.

        Returns
        -------
        StudyResults
            `StudyResults.save` writes figures, tables, report and manifest.

        Raises
        ------
        InputError
            If a file, event or contrast of the study does not exist, or the folder holds another
            study. Whatever can be known to be wrong is refused before anything is loaded.
        """
        spec = refuse_early(self.spec, self.events)
        _files(spec)
        checked = Study(spec)
        if out is None:
            with tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder:
                return checked._run(
                    Path(folder), StepCache(None, announce), answer, key_file, meanwhile
                )
        folder_of = Path(out)
        if not replace:
            refuse_another(folder_of, spec.name, spec.file.name if spec.file else None)
        settle(folder_of)
        steps = StepCache(folder_of / CACHE, announce)
        return checked._run(folder_of, steps, answer, key_file, meanwhile)

    def panel(self) -> Panel:
        """Load the data and build the study's panel, without any analysis.

        Raises
        ------
        InputError
            If a file or platform of the study does not exist.
        """
        with tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder:
            steps = StepCache(None, None)
            _files(self.spec)
            return self._panels(self._load(Path(folder), steps, None), steps)["main"]

    def _run(
        self,
        out: Path,
        steps: StepCache,
        answer: Answer | None,
        key_file: str | Path | None,
        meanwhile: Meanwhile | None,
    ) -> StudyResults:
        spec, events = self.spec, self.events
        store = self._load(out, steps, key_file)
        panels = self._panels(store, steps)
        panel = panels["main"]
        so_far = StudyResults.begun(
            spec, panels, events=events, confounders=self.confounders, kept_in=steps.folder
        )
        tell = meanwhile or (lambda _: None)
        tell(so_far)
        shown = events.to_frame().to_csv()
        values = Values(panels, spec.folder, spec.file)
        model = values.section("model", spec.model)
        model["confounders"] = self.confounders + events_named(model.get("confounders", ()))
        model["instrument_breaks"] = tuple(events_named(model.get("instrument_breaks", ())))
        its_keys: dict[EventSet, str] = {}

        def fitted(chosen: EventSet, told: str = "") -> InterruptedTimeSeries:
            # The panel is kept by its own step; a result need not bring it along.
            kept = steps.step(
                "interrupted time series",
                [steps.keys["panel"], model, chosen.to_frame().to_csv()],
                lambda: dataclasses.replace(
                    ut.interrupted_time_series(panel, chosen, **model), data=None
                ),
                told,
            )
            its_keys[chosen] = steps.keys["interrupted time series"]
            found: InterruptedTimeSeries = dataclasses.replace(kept, data=panel)
            return found

        added, before = self._added(fitted)
        its = fitted(events)
        answers = tuple(
            added_event(one, alone, its, before, dict(spec.primary)) for one, alone in added
        )
        if answer is not None and answers:
            answer(answers)
        primary = _primary(spec, its)
        detection = {"seed": spec.seed} | values.section("change_points", spec.change_points)

        def detected() -> ChangePoints:
            found: ChangePoints = ut.change_points(panel, **detection)
            found.plain_pelt()  # kept with the rest: tables and page show it
            return found

        breaks = steps.step("change points", [steps.keys["panel"], detection], detected)
        matching = {"seed": spec.seed} | values.section("matching", spec.matching)
        matches = steps.step(
            "matching",
            [steps.keys["change points"], shown, matching],
            lambda: breaks.match(events, **matching),
        )
        beside = danbooru_changes(steps, panels, detection)
        analyses = beside | run_analyses(spec, steps, panels, events, values)
        # A date without an estimate changes no other: the checks are those of the study without it.
        judged = its if before is None or any(one.estimable for one in answers) else before
        steps.keys["interrupted time series"] = its_keys[judged.events]
        so_far = dataclasses.replace(
            so_far,
            its=its,
            added=answers,
            breaks=breaks,
            matches=matches,
            analyses=analyses,
            primary=primary,
        )
        tell(so_far)

        def begin(found: tuple[CheckOutcome, ...]) -> None:
            tell(dataclasses.replace(so_far, checks=found))

        outcomes = run_checks(spec, steps, panels, judged, values, key_file, begin)
        return dataclasses.replace(
            so_far,
            checks=outcomes,
            conclusion=_conclude(spec, primary, outcomes),
            manifest=make_manifest(spec, steps.keys),
        )

    def _added(
        self, fitted: Callable[..., InterruptedTimeSeries]
    ) -> tuple[list[tuple[EventSet, InterruptedTimeSeries]], InterruptedTimeSeries | None]:
        """Return the models of every added date alone, and that of the study without them."""
        groups = dates_of(self.added)
        alone = [(one, fitted(one, "the added date, alone")) for one in groups]
        rest = EventSet(event for event in self.events if event.id not in self.added.ids)
        before = fitted(rest, "without the added date") if alone and len(rest) else None
        return alone, before

    def _load(self, out: Path, steps: StepCache, key_file: str | Path | None) -> Path:
        used = [entry for entry in self.spec.data if entry.path.exists()]
        store = out / "uploads.duckdb"
        if not store.exists():
            steps.forget("load")

        def build() -> Checksums:
            # A store of the same name that this study did not build may hold more than its files.
            there = _held(store)
            ours = there is None or there == steps.noted("store")
            build_store(store, _sources(self.spec, used), key_file=key_file, may_shrink=ours)
            held = file_checksums(store)
            steps.note("store", held)
            return held

        needs = [(e.source, file_fingerprint(e.path), dict(e.options)) for e in used]
        if steps.step("load", needs, build) != _held(store):
            steps.forget("load")  # the store was changed, or is no longer whole
            steps.step("load", needs, build)
        content = {name: sums for name, sums in file_checksums(store).items() if name != "crawl"}
        steps.keys["load"] = fingerprint(steps.keys["load"], content)
        return store

    def _panels(self, store: Path, steps: StepCache) -> dict[str, Panel]:
        spec = self.spec
        seniority = ut.Seniority(**spec.seniority) if spec.seniority else None

        def build() -> dict[str, Panel]:
            limit = spec.panel.get("memory_limit")
            with ut.open_store(store, memory_limit=limit) as opened:
                loaded = {name for (name,) in opened.sql(_PLATFORMS).fetchall()}
                named = spec.panel.get("platforms") or sorted(loaded)
                missing = sorted(set(named) - loaded)
                if missing:
                    raise InputError(
                        "the data hold no such platform",
                        file=spec.file,
                        column="panel.platforms",
                        value=missing[0],
                        fix=f"loaded: {', '.join(sorted(loaded)) or 'nothing'}",
                    )
                apart = ("platforms", "memory_limit")
                options = {key: value for key, value in spec.panel.items() if key not in apart}
                built = {
                    "main": ut.build_panel(opened, platforms=named, seniority=seniority, **options)
                }
                period = options.get("period", "month")
                for platform in sorted(loaded - set(named)):
                    # Where others post the works, uploads are counted as they arrive.
                    known = platform in site_names()
                    date: Any = site_class(platform).dated_by if known else "published"
                    built[platform] = ut.build_panel(
                        opened, platforms=[platform], period=period, date=date
                    )
                return built

        return steps.step(
            "panel", [steps.keys["load"], dict(spec.panel), dict(spec.seniority)], build
        )


def _held(store: Path) -> Checksums | None:
    """Return what a store holds; None where there is none, or none that can be read."""
    if not store.exists():
        return None
    try:
        return file_checksums(store)
    except StoreLockedError:
        raise
    except StoreError:
        return None


def _files(spec: StudySpec) -> None:
    """Refuse a file that is not there, and an option that its source does not know."""
    for entry in spec.data:
        if not entry.optional and not entry.path.exists():
            raise InputError(
                "a file of the study does not exist",
                file=spec.file,
                column="data.path",
                value=entry.path.name,
                fix="correct the path (relative to the study file), or set optional = true",
            )
    _sources(spec, [entry for entry in spec.data if entry.path.exists()])


def _sources(spec: StudySpec, used: Iterable[DataFile]) -> list[Source]:
    beside = spec.folder
    return [make_source(one.source, one.path, one.options, beside=beside) for one in used]


_PLATFORMS = "SELECT DISTINCT platform FROM upload UNION SELECT DISTINCT platform FROM series"


def _primary(spec: StudySpec, its: Any) -> pd.Series:
    """Return the row of the pre-specified contrast; its event may be a member of a block."""
    row = contrast(its, dict(spec.primary))
    if row is None:
        effects = its.effects
        known = effects[["platform", "group"]].drop_duplicates().agg(" ".join, axis=1)
        raise InputError(
            "the primary contrast is not among the estimates",
            file=spec.file,
            column="primary",
            value=" ".join(spec.primary.values()),
            fix=f"series: {', '.join(known)}; events: {', '.join(sorted(set(effects['event'])))}",
        )
    return row


def _conclude(spec: StudySpec, primary: pd.Series, outcomes: Any) -> Any:
    return conclude(
        dict(primary), outcomes, registered=dict(spec.registered) if spec.registered else None
    )
