"""What every result object shares: a tidy frame behind it, and the call that made it."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends import brief
from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_HTML_ROWS = 30
# Who draws is found by name and on first use, as pandas finds its plotting backend: that room knows
# every kind of result, and results know none of its.
_BACKEND = "uploadtrends.figures"


@cache
def package_version() -> str:
    """Return the installed version of uploadtrends."""
    from importlib.metadata import version

    return version("uploadtrends")


def _drawing() -> Any:
    return import_module(_BACKEND)


def fingerprint(*objects: Any) -> str:
    """Return the sha256 (hex) of data or settings.

    pandas, polars and numpy objects are hashed by their values, index, columns and kinds; bytes as
    they are; anything else by what `recorded` makes of it.
    """
    digest = hashlib.sha256()
    for thing in objects:
        content = thing if isinstance(thing, bytes) else _data_bytes(thing)
        if content is None:
            content = json.dumps(recorded(thing), sort_keys=True).encode()
        digest.update(content)
        digest.update(b"\0")
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 (hex) of a file of any size, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _data_bytes(thing: Any) -> bytes | None:
    """Return what a frame, a series or an array holds; None for anything else."""
    library = type(thing).__module__.partition(".")[0]
    if library == "numpy" and getattr(thing, "ndim", 0) > 0:
        if thing.dtype == object:
            return json.dumps(["object", thing.shape, recorded(thing.tolist())]).encode()
        return f"{thing.dtype}{thing.shape}".encode() + bytes(thing.tobytes())
    if library == "pandas" and hasattr(thing, "to_frame" if hasattr(thing, "name") else "columns"):
        named = hasattr(thing, "name")
        if named and hasattr(thing, "index"):  # a Series, as the frame that it would be
            columns, parts = [0 if thing.name is None else thing.name], [thing.index, thing]
        else:
            frame = thing.to_frame() if named else thing
            columns = frame.columns.tolist()
            parts = [frame.index, *(frame.iloc[:, at] for at in range(len(columns)))]
        kinds = [str(part.dtype) for part in parts]
        about = json.dumps([kinds, recorded(getattr(thing, "attrs", {}))], sort_keys=True)
        plain = _plain_bytes(columns, parts)
        if plain is None:
            plain = str((thing.to_frame() if named else thing).to_csv()).encode()
        return about.encode() + plain
    if library == "polars" and hasattr(thing, "to_pandas"):
        frame = thing if hasattr(thing, "columns") else thing.to_frame()
        return str(dict(frame.schema)).encode() + str(frame.write_csv()).encode()
    return None


def _plain_bytes(columns: list[Any], parts: list[Any]) -> bytes | None:
    """Return names, dates and numbers as they lie in memory; None where there is anything else.

    The first of the parts is the index.
    """
    if any(getattr(part.dtype, "kind", "O") not in "iufM" for part in parts):
        return None
    try:
        names = json.dumps([recorded(parts[0].name), recorded(columns)]).encode()
        return names + b"".join(part.to_numpy().view("u1").tobytes() for part in parts)
    except (TypeError, ValueError):  # numbers of pandas' own kinds, without a view of bytes
        return None


@dataclass(frozen=True)
class Call:
    """The call that made a result: enough to tell whether it can be repeated."""

    function: str
    parameters: Mapping[str, Any]
    data_fingerprint: str
    package_version: str

    @classmethod
    def of(cls, settings: Any, *data: Any, function: str | None = None) -> Call:
        """Note a call now; the only maker of records.

        Two calls have equal records exactly when all their settings and data are equal.

        Parameters
        ----------
        settings : dataclass instance or mapping
            All settings of the call: a dataclass, or the ``locals()`` of the first line of a
            function, so that its signature is the single source. What is also among `data` is
            left out.
        *data
            What the call was applied to; hashed together. A result counts as the call that made
            it, a panel as all its records.
        function : str, optional
            Name of the verb; by default the settings' attribute ``verb``, else their class.
        """
        name = function or getattr(settings, "verb", None) or type(settings).__name__
        said = _fields(settings)
        applied = {id(thing) for thing in data}
        parameters = {
            key: recorded(value)
            for key, value in said.items()
            if value is None or id(value) not in applied
        }
        return cls(name, parameters, fingerprint(*data), package_version())

    def to_dict(self) -> dict[str, Any]:
        """Return the call as plain JSON-ready values."""
        return {
            "function": self.function,
            "parameters": json.loads(json.dumps(dict(self.parameters))),
            "data_fingerprint": self.data_fingerprint,
            "package_version": self.package_version,
        }


def _fields(thing: Any) -> dict[str, Any]:
    if is_dataclass(thing):
        return {item.name: getattr(thing, item.name) for item in fields(thing)}
    return {str(key): value for key, value in thing.items()}


def recorded(value: Any) -> Any:
    """Return a setting as plain JSON values that differ whenever the settings differ.

    Data (pandas, polars, numpy) become their hash, a panel its `fingerprint`, a result the call
    that made it, dates ISO text, and other objects their fields.
    """
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes) or _data_bytes(value) is not None:
        return {"sha256": fingerprint(value)}
    if isinstance(value, Call):
        return value.to_dict()
    if isinstance(value, Result):
        return recorded(value.call)
    if isinstance(getattr(value, "fingerprint", None), str):
        return {"sha256": value.fingerprint}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, PathLike):
        return str(value)
    if hasattr(value, "dtype") and hasattr(value, "item"):
        return recorded(value.item())
    return _recorded_object(value)


def _recorded_object(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = [[recorded(key), recorded(item)] for key, item in value.items()]
        if all(isinstance(key, str) for key in value):
            return dict(plain)
        return sorted(plain, key=str)
    if isinstance(value, set | frozenset):
        return sorted((recorded(item) for item in value), key=str)
    if isinstance(value, type) or hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if is_dataclass(value):
        return {"type": type(value).__name__, **recorded(_fields(value))}
    if isinstance(value, Iterable):
        return [recorded(item) for item in value]
    # Like scikit-learn: an object is what its constructor was told.
    try:
        told = inspect.signature(type(value)).parameters
    except ValueError:  # written in C
        return str(value)
    state = {name: recorded(getattr(value, name)) for name in told if hasattr(value, name)}
    return {"type": f"{type(value).__module__}.{type(value).__qualname__}", **state}


class Result:
    """Base of every result object. Subclasses are frozen dataclasses with a field `call`.

    A subclass gives `to_frame` (the single source of truth) and `summary`; everything else here
    derives from those two.
    """

    call: Call

    def to_frame(self) -> pd.DataFrame:
        """Return the tidy table behind this result."""
        raise TypeError(f"{type(self).__name__} must define to_frame()")

    def summary(self) -> str:
        """Say in plain words what was found."""
        raise TypeError(f"{type(self).__name__} must define summary()")

    def _shown(self) -> pd.DataFrame:
        """Return the table that a reader is shown: all of the answer."""
        return self.to_frame()

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        # A dataclass writes a repr of every field unless its class has one already.
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Result.__repr__  # type: ignore[method-assign]

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        """Fit a terminal: at most 2,000 characters, no line above 100 columns."""
        title = f"<{self.title}>"
        frame = self._shown()
        table = brief.short_table(frame)
        if table is None:
            rest = "The rest: .summary() in words, .to_frame() as a table."
            return brief.boxed([title, *self.summary().splitlines()], rest)
        rest = "All columns: .to_frame(). In words: .summary()."
        lines = brief.lines_of(table[brief.main_rows(frame).to_numpy()])
        return brief.boxed([title, *lines], rest, left_out=len(table) + 1 - len(lines))

    @property
    def title(self) -> str:
        """What this is, as the caption of its table."""
        return type(self).__name__

    def _repr_html_(self) -> str:
        import html

        frame = self._shown()
        table = brief.short_table(frame)
        shown = (frame if table is None else table).head(_HTML_ROWS)
        note = "" if table is None else "All columns: .to_frame(). "
        if len(frame) > len(shown):
            note += f"{len(frame) - len(shown)} more rows: .to_frame()."
        made: str = shown.to_html(index=False, na_rep="", float_format="{:.4g}".format)
        said = html.escape(self.summary()).replace(chr(10), "<br>")
        return f"<p>{said}</p>{made}" + (f"<p>{html.escape(note.strip())}</p>" if note else "")

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON-ready values."""
        table = json.loads(self.to_frame().to_json(orient="records", date_format="iso"))
        return {
            "type": type(self).__name__,
            "summary": self.summary(),
            "call": self.call.to_dict(),
            "table": table,
        }

    def to_markdown(self) -> str:
        """Return the table as GitHub-flavoured Markdown."""
        frame = self.to_frame()
        rows = [list(map(str, frame.columns)), ["---"] * len(frame.columns)]
        rows += [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"

    def to_latex(
        self, *, full: bool = False, caption: str | None = None, label: str | None = None
    ) -> str:
        """Return the table as a LaTeX tabular (``\\usepackage{booktabs}``).

        Parameters
        ----------
        full : bool
            Every column. By default a table of effects or of changes has the six that fit a page
            (group, event, effect, interval, p, status), and a caption.
        caption, label : str, optional
            Your own caption, as text, and the name for ``\\ref``.
        """
        frame = self._shown()
        short = None if full else brief.short_table(frame)
        shown = frame if short is None else short
        rows = [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
        named = short is not None and self.title != type(self).__name__
        if caption is None:
            caption = self.title if named or label else ""
        return brief.latex_table(list(map(str, shown.columns)), rows, caption, label or "")

    def plot(self, ax: Axes | None = None, **style: Any) -> Figure:
        """Draw this result; see `uploadtrends.figures.plot`, which takes the same settings."""
        figure: Figure = _drawing().plot(self, ax=ax, **style)
        return figure

    def save(self, name: str | PathLike[str], *, dpi: int = 300, **style: Any) -> list[Path]:
        """Draw this result and write it as SVG and PNG, or as what the suffix of `name` says.

        Takes width, title, language and the like, as `uploadtrends.figures.plot` does, and
        returns the paths.
        """
        paths: list[Path] = _drawing().save(self.plot(**style), name, dpi=dpi)
        return paths

    def check(self, check: Callable[[Any], Any]) -> Any:
        """Run a check of `uploadtrends.checks` on this result and return its outcome.

        Raises
        ------
        InputError
            If a name or a class is given where a check with its settings is due.
        """
        if isinstance(check, type) or not callable(check):
            name = str(getattr(check, "name", check) or check)
            raise InputError(
                "a check is given with its settings",
                column="check",
                value=name,
                fix=f"write check(ut.{name}())" if name.isidentifier() else "check(ut.power())",
            )
        return check(self)


class Residuals:
    """Base of whatever has residuals to look at."""

    def plot_diagnostics(self) -> Figure:
        """Draw residuals by time, their autocorrelations, and a Q-Q plot."""
        figure: Figure = _drawing().plot_diagnostics(self)
        return figure


class Counted:
    """Base of a panel, whose series can be looked at before anything is fitted."""

    groups: Any

    def to_frame(self) -> pd.DataFrame:
        """Return `groups` as a pandas frame: one row per platform, group and period."""
        frame: pd.DataFrame = self.groups.to_pandas()
        return frame

    def plot(self, unit: str = "uploads") -> Figure:
        """Draw every series as it was counted; see `uploadtrends.figures.plot_panel`."""
        figure: Figure = _drawing().plot_panel(self, unit=unit)
        return figure


def _cell(value: Any) -> str:
    return brief.cell(value).replace("|", "\\|").replace("\n", " ")
