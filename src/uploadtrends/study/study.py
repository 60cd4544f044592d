"""Run a study: load, panel, models, change points, checks, conclusion."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.collect.sites import site_class, site_names
from uploadtrends.errors import InputError, StoreError, StoreLockedError
from uploadtrends.events import EventSet, as_events, event_catalogue, read_events
from uploadtrends.events.event import Event
from uploadtrends.result import fingerprint
from uploadtrends.store.replace import Checksums, file_checksums
from uploadtrends.study.analyses import run_analyses
from uploadtrends.study.cache import CACHE, StepCache, file_fingerprint
from uploadtrends.study.checking import run_checks
from uploadtrends.study.manifest import make_manifest
from uploadtrends.study.results import StudyResults
from uploadtrends.study.sources import make_source
from uploadtrends.study.spec import DataFile, StudySpec, parse_study, read_study
from uploadtrends.study.values import Values, events_named

if TYPE_CHECKING:
    import pandas as pd

    from uploadtrends.panel import Panel
    from uploadtrends.sources import Source

Announce = Callable[[str, str, float], None]


@dataclass(frozen=True)
class Study:
    """A pre-specified study. Build it with `Study.load` or `Study.from_dict`, then `run` it.

    Parameters
    ----------
    spec : StudySpec
        What the study file says.
    """

    spec: StudySpec

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """Read a study file (TOML).

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
        return Study(replace(self.spec, events=events))

    @property
    def events(self) -> EventSet:
        """The events under study, in order of date."""
        return _events(self.spec)

    @property
    def confounders(self) -> EventSet:
        """The confounders drawn on the figures and given to the models as terms."""
        return event_catalogue(ids=self.spec.events.get("confounders", []))

    def run(
        self,
        out: str | Path | None = None,
        *,
        announce: Announce | None = None,
        key_file: str | Path | None = None,
    ) -> StudyResults:
        """Run every step whose inputs changed since the last run in the same folder.

        Parameters
        ----------
        out : str or Path, optional
            Folder for the store and the cache of steps. None uses a temporary folder: everything
            is computed, and only the results stay.
        announce : callable, optional
            Told of every step: ``announce(step, "running" | "done" | "cached", seconds)``.
        key_file : str or Path, optional
            Key of the pseudonyms, for checks that name artists.

        Returns
        -------
        StudyResults
            `StudyResults.save` writes figures, tables, report and manifest.

        Raises
        ------
        InputError
            If a file, event or contrast of the study does not exist.
        """
        if out is None:
            with tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder:
                return self._run(Path(folder), StepCache(None, announce), key_file)
        return self._run(Path(out), StepCache(Path(out) / CACHE, announce), key_file)

    def panel(self) -> Panel:
        """Load the data and build the study's panel, without any analysis.

        Raises
        ------
        InputError
            If a file or platform of the study does not exist.
        """
        with tempfile.TemporaryDirectory(prefix="uploadtrends-") as folder:
            steps = StepCache(None, None)
            return self._panels(self._load(Path(folder), steps, None), steps)["main"]

    def _run(self, out: Path, steps: StepCache, key_file: str | Path | None) -> StudyResults:
        import uploadtrends as ut

        spec, events = self.spec, self.events
        store = self._load(out, steps, key_file)
        panels = self._panels(store, steps)
        panel = panels["main"]
        shown = events.to_frame().to_csv()
        values = Values(panels, _folder(spec), spec.file)
        model = values.section("model", spec.model)
        model["confounders"] = self.confounders + events_named(model.get("confounders", ()))
        its = steps.step(
            "interrupted time series",
            [steps.keys["panel"], model, shown],
            lambda: ut.interrupted_time_series(panel, events, **model),
        )
        detection = {"seed": spec.seed} | values.section("change_points", spec.change_points)
        breaks = steps.step(
            "change points",
            [steps.keys["panel"], detection],
            lambda: ut.change_points(panel, **detection),
        )
        matching = {"seed": spec.seed} | values.section("matching", spec.matching)
        matches = steps.step(
            "matching",
            [steps.keys["change points"], shown, matching],
            lambda: breaks.match(events, **matching),
        )
        primary = _primary(spec, its)
        analyses = run_analyses(spec, steps, panels, events, values)
        outcomes = run_checks(spec, steps, panels, its, values, key_file)
        return StudyResults(
            spec=spec,
            panel=panel,
            panels=panels,
            events=events,
            confounders=self.confounders,
            its=its,
            breaks=breaks,
            matches=matches,
            checks=outcomes,
            analyses=analyses,
            primary=primary,
            conclusion=_conclude(spec, primary, outcomes),
            manifest=make_manifest(spec, steps.keys),
        )

    def _load(self, out: Path, steps: StepCache, key_file: str | Path | None) -> Path:
        from uploadtrends.store import build_store

        used = []
        for entry in self.spec.data:
            if entry.path.exists():
                used.append(entry)
            elif not entry.optional:
                raise InputError(
                    "a file of the study does not exist",
                    file=self.spec.file,
                    column="data.path",
                    value=entry.path.name,
                    fix="correct the path (relative to the study file), or set optional = true",
                )
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
        import uploadtrends as ut

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


def _sources(spec: StudySpec, used: Iterable[DataFile]) -> list[Source]:
    beside = _folder(spec)
    return [make_source(one.source, one.path, one.options, beside=beside) for one in used]


def _folder(spec: StudySpec) -> Path:
    return spec.file.resolve().parent if spec.file else Path.cwd()


_PLATFORMS = "SELECT DISTINCT platform FROM upload UNION SELECT DISTINCT platform FROM series"


def _events(spec: StudySpec) -> EventSet:
    options = dict(spec.events)
    options.pop("confounders", None)
    extra = options.pop("extra", [])
    file = options.pop("file", None)
    chosen = EventSet()
    if file is not None:
        chosen = read_events(_folder(spec) / file).select(**options)
    elif options:
        chosen = event_catalogue(**options)
    for entry in extra:
        fields = dict(entry)
        event = Event(str(fields.pop("date", "")), str(fields.pop("label", "")), **fields)
        chosen = chosen + event
    if not len(chosen):
        raise InputError(
            "the study names no events",
            file=spec.file,
            column="events",
            fix='add ids = ["mr-sd-public"] under [events]',
        )
    return as_events(chosen)


def _primary(spec: StudySpec, its: Any) -> pd.Series:
    """Return the row of the pre-specified contrast; its event may be a member of a block."""
    wanted, effects = spec.primary, its.effects
    rows = effects[
        (effects["platform"] == wanted["platform"])
        & (effects["group"] == wanted["group"])
        & (effects["term"] == wanted["term"])
    ]
    member = rows["event"].map(lambda block: wanted["event"] in str(block).split("+"))
    if not member.any():
        known = effects[["platform", "group"]].drop_duplicates().agg(" ".join, axis=1)
        raise InputError(
            "the primary contrast is not among the estimates",
            file=spec.file,
            column="primary",
            value=" ".join(wanted.values()),
            fix=f"series: {', '.join(known)}; events: {', '.join(sorted(set(effects['event'])))}",
        )
    row: pd.Series = rows[member].iloc[0]
    return row


def _conclude(spec: StudySpec, primary: pd.Series, outcomes: Any) -> Any:
    from uploadtrends.checks import conclude

    return conclude(
        dict(primary), outcomes, registered=dict(spec.registered) if spec.registered else None
    )
