"""Everything that a study found, and writing it down."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from uploadtrends.collect.sites import written
from uploadtrends.result import file_sha256
from uploadtrends.sources import IdClock
from uploadtrends.study import second
from uploadtrends.study.added import AddedEvent, as_json, first_rows, first_shown
from uploadtrends.study.home import refuse_another, settle, written_beside
from uploadtrends.study.sources import make_source
from uploadtrends.study.spec import StudySpec

if TYPE_CHECKING:
    from uploadtrends.breaks import ChangePoints
    from uploadtrends.checks import CheckOutcome, Conclusion
    from uploadtrends.events import EventSet
    from uploadtrends.figures import Drawing
    from uploadtrends.models import InterruptedTimeSeries
    from uploadtrends.panel import Panel
    from uploadtrends.report.inline import Picture
    from uploadtrends.result import Result

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyResults:
    """What `Study.run` returns.

    Attributes
    ----------
    spec : StudySpec
    panel : Panel
        The panel under study; `panels` holds those of the other platforms loaded, too.
    events, confounders : EventSet
    its : InterruptedTimeSeries
    breaks : ChangePoints
    matches : Match
    checks : tuple of CheckOutcome
    analyses : mapping of str to Result
        Further analyses that the study asked for, by the name of their section.
    primary : pandas.Series
        The row of `its.effects` that was stated beforehand.
    conclusion : Conclusion
        What may be said about it, worded by rule.
    manifest : dict
        Everything needed to repeat the run.
    added : tuple of AddedEvent
        The answers about dates that were added to the study (`Study.with_event`, ``extra``).
    kept_in : Path or None
        Where figures are kept from run to run.
    """

    spec: StudySpec
    panel: Panel
    panels: Mapping[str, Panel]
    events: EventSet
    confounders: EventSet
    its: InterruptedTimeSeries
    breaks: ChangePoints
    matches: Any
    checks: tuple[CheckOutcome, ...]
    primary: pd.Series
    conclusion: Conclusion
    manifest: dict[str, Any]
    analyses: Mapping[str, Result] = field(default_factory=dict)
    added: tuple[AddedEvent, ...] = ()
    kept_in: Path | None = field(default=None, repr=False, compare=False)

    @classmethod
    def begun(cls, spec: StudySpec, panels: Mapping[str, Panel], **known: Any) -> StudyResults:
        """Return results of which only some parts are known; the others are empty or None."""
        unknown: dict[str, Any] = {one.name: None for one in fields(cls)}
        known |= {"spec": spec, "panel": panels["main"], "panels": panels}
        return cls(**{**unknown, "checks": (), "analyses": {}, "added": (), **known})

    @property
    def study(self) -> StudyResults:
        """Itself: ``results.study.spec`` of 0.1 is ``results.spec``; gone in 0.3."""
        return self

    def check(self, name: str) -> CheckOutcome | None:
        """Return the outcome of the check of this name, or None if it was not run."""
        return next((outcome for outcome in self.checks if outcome.name == name), None)

    def checks_frame(self) -> pd.DataFrame:
        """Return one row a check: check, status, finding."""
        rows = [(outcome.name, outcome.status, outcome.text) for outcome in self.checks]
        return pd.DataFrame(rows, columns=["check", "status", "finding"])

    def effects(self) -> pd.DataFrame:
        """Return the table of effects; what was added to the study comes first.

        With added dates a column ``fitted`` tells ``"alone"`` from ``"with the study's events"``.
        """
        return first_rows(self.its, self.added).copy()

    @property
    def shown_effects(self) -> Any:
        """What the figure of effects shows: the models, or a table with the added dates first."""
        return first_shown(self.its, self.added)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tidy tables of the study by name."""
        return {
            "results": self.effects(),
            "change_points": self.breaks.to_frame(),
            "further_bends": self.breaks.further,
            "plain_pelt": self.breaks.plain_pelt(),
            "matches": self.matches.to_frame(),
            "checks": self.checks_frame(),
            **_analysed(self.analyses),
            **{f"check_{outcome.name}": outcome.to_frame() for outcome in self.checks},
        }

    def summary(self) -> str:
        """Return the answers about added dates, question, answer, and one line per check."""
        told = [text for one in self.added for text in (one.summary(), "")]
        return "\n".join([*told, self.rest_of_summary()])

    def rest_of_summary(self) -> str:
        """Return the summary without the answers about added dates."""
        lines = [self.spec.question, "", str(self.conclusion), ""]
        said = str(self.conclusion)
        lines += [f"  {reason}" for reason in self.conclusion.reasons if reason not in said]
        lines += [f"  would look the same: {other}" for other in self.conclusion.alternatives]
        if self.its.monthly is not None:
            from uploadtrends.figures.fitted import months_told

            lines += [f"  {text}" for text in months_told(self.its)]
        for name, result in self.analyses.items():
            spoken = " ".join(written(word) for word in name.split("_"))
            lines += ["", spoken[:1].upper() + spoken[1:]]
            lines += [f"  {line}" for line in result.summary().splitlines()]
        lines += ["", "Checks"]
        lines += [
            f"  {outcome.status:<16} {outcome.name}: {outcome.text}" for outcome in self.checks
        ]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()

    def drawings(self, width: float | None = None) -> dict[str, Drawing]:
        """Return every figure of the study by file name, `width` inches wide if given."""
        from uploadtrends.figures import gallery

        return gallery.drawings(self, width)

    @property
    def stated(self) -> tuple[str, str, str]:
        """Platform, group and event (or block of events) of the contrast stated beforehand."""
        platform, group, event = (str(self.primary[key]) for key in _STATED)
        return platform, group, event

    @property
    def clocks(self) -> dict[str, IdClock]:
        """The id clocks among the study's data by platform; of several, the first."""
        return _clocks(self.spec)

    def save_figures(
        self, folder: str | Path, drawings: Mapping[str, Drawing | Picture] | None = None
    ) -> list[Path]:
        """Write every figure as SVG and PNG, and a contact sheet ``index.html``.

        Parameters
        ----------
        folder : str or Path
            Created when absent.
        drawings : mapping of str to Drawing or Picture, optional
            What `drawings` returned, to save drawing twice.
        """
        from uploadtrends import figures

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        drawn = self._drawn() if drawings is None else drawings
        written = [path for name, one in drawn.items() for path in one.save(folder / name)]
        return [*written, figures.contact_sheet(drawn, folder, self.spec.title)]

    def save_report(
        self, folder: str | Path, drawings: Mapping[str, Drawing | Picture] | None = None
    ) -> Path:
        """Write the report, one self-contained HTML page; parameters as in `save_figures`."""
        from uploadtrends import report

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "report.html"
        report.write(self, path, drawings=self._drawn() if drawings is None else drawings)
        return path

    def _drawn(self) -> Mapping[str, Drawing | Picture]:
        """Return the figures: drawn, or as they were kept where nothing that they show changed."""
        from uploadtrends.study.pictures import pictures

        if self.kept_in is None:
            return self.drawings()
        try:
            return pictures(self, self.kept_in)
        finally:
            second.stop()

    def save(self, folder: str | Path, *, replace: bool = False) -> list[Path]:
        """Write figures, tables, report and, last, ``manifest.json``.

        Nothing is drawn again where the manifest in `folder` tells of the same run. New results
        are written beside those that are there and take their place at the end, all at once: a
        run that fails or is killed leaves the earlier ones. Files of the earlier run that the new
        one has not are removed; files of yours stay.

        Parameters
        ----------
        folder : str or Path
            Created when absent.
        replace : bool
            Whether the results of another study in the folder may be replaced.

        Returns
        -------
        list of Path
            What was written, the manifest last.

        Raises
        ------
        InputError
            If the folder holds the results of another study, or is no folder.
        """
        folder = Path(folder)
        if not replace:
            file = self.spec.file
            refuse_another(folder, self.spec.name, file.name if file else None)
        settle(folder)
        manifest = folder / "manifest.json"
        there = self._saved(manifest)
        if there is not None:
            manifest.touch()  # `make` compares times
            return [*there, manifest]
        with written_beside(folder) as beside, _without_collection():
            written = self._write(beside)
            files = [path.relative_to(beside).as_posix() for path in written]
            hashes = dict(zip(files, map(file_sha256, written), strict=True))
            told = {**self.manifest, "files": files, "outputs": hashes}
            _write(beside / manifest.name, json.dumps(told, indent=1, default=str) + "\n")
        return [*(folder / name for name in files), manifest]

    def _saved(self, manifest: Path) -> list[Path] | None:
        """Return the files of an earlier, equal run in the same folder, if all are there."""
        if not manifest.exists():
            return None
        try:
            earlier = json.loads(manifest.read_text(encoding="utf-8"))
            files = [manifest.parent / str(name) for name in earlier.pop("files", [])]
            hashes = dict(earlier.pop("outputs", {}))
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            log.warning("'%s' cannot be read; everything is written anew", manifest)
            return None
        changed = [
            path
            for path in files
            if not path.exists()
            or hashes.get(path.relative_to(manifest.parent).as_posix()) != file_sha256(path)
        ]
        for path in changed:
            if path.exists() and hashes:
                log.warning("'%s' was changed since it was written; it is written anew", path)
        now = json.loads(json.dumps(self.manifest, default=str))
        same = {**earlier, "finished_at": ""} == {**now, "finished_at": ""}
        return files if same and not changed else None

    def _write(self, folder: Path) -> list[Path]:
        from uploadtrends import report

        # The figures last: while the rest is written, a second process may still draw.
        tables = self.tables()
        written = report.write_tables(tables, folder / "tables")
        written.append(_write(folder / "results.csv", tables["results"].to_csv(index=False)))
        everything = {
            "study": self.spec.name,
            "question": self.spec.question,
            **({"added": as_json(self.added)} if self.added else {}),
            "conclusion": self.conclusion.to_dict(),
            "primary": json.loads(self.primary.to_json(date_format="iso")),
            "interrupted_time_series": self.its.to_dict(),
            "change_points": self.breaks.to_dict(),
            "matches": self.matches.to_dict(),
            "checks": [outcome.to_dict() for outcome in self.checks],
            "analyses": {name: result.to_dict() for name, result in self.analyses.items()},
        }
        text = json.dumps(everything, indent=1, default=str)
        written.append(_write(folder / "results.json", text + "\n"))
        drawn = self._drawn()
        written = [*self.save_figures(folder / "figures", drawn), *written]
        return [*written, self.save_report(folder, drawn)]


_STATED = ("platform", "group", "event")


@contextmanager
def _without_collection() -> Iterator[None]:
    """Leave reference cycles alone while figures are drawn: looking for them takes a sixth."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _analysed(analyses: Mapping[str, Result]) -> dict[str, pd.DataFrame]:
    """Return the tables of further analyses: of some, several."""
    found: dict[str, pd.DataFrame] = {}
    for name, result in analyses.items():
        several = getattr(result, "tables", None)
        found |= several() if several is not None else {name: result.to_frame()}
    return found


def _write(path: Path, text: str) -> Path:
    growing = path.with_name(path.name + ".part")
    growing.write_text(text, encoding="utf-8")
    growing.replace(path)
    return path


def _clocks(spec: StudySpec) -> dict[str, IdClock]:
    """Return the id clocks among the study's data by platform; of several, the first."""
    clocks: dict[str, IdClock] = {}
    for entry in spec.data:
        if entry.path.exists():
            source = make_source(entry.source, entry.path, entry.options)
            if isinstance(source, IdClock):
                clocks.setdefault(source.platform, source)
    return clocks
