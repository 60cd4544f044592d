"""What every result object shares: a tidy frame behind it, and the call that made it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@cache
def package_version() -> str:
    """Return the installed version of uploadtrends."""
    from importlib.metadata import version

    return version("uploadtrends")


def fingerprint(*objects: Any) -> str:
    """Return the sha256 (hex) of the given data.

    pandas and polars objects are hashed by index, columns and values; bytes as they are; anything
    else by its JSON form with sorted keys.
    """
    digest = hashlib.sha256()
    for thing in objects:
        digest.update(_bytes(thing))
        digest.update(b"\0")
    return digest.hexdigest()


def _bytes(thing: Any) -> bytes:
    if isinstance(thing, bytes):
        return thing
    module = type(thing).__module__.partition(".")[0]
    if module == "pandas":
        frame = thing.to_frame() if hasattr(thing, "to_frame") else thing
        text: str = frame.to_csv()
        return text.encode()
    if module == "polars":
        csv: str = thing.write_csv()
        return csv.encode()
    if module == "numpy" and hasattr(thing, "tobytes"):
        raw: bytes = thing.tobytes()
        return f"{thing.dtype}{thing.shape}".encode() + raw
    return json.dumps(thing, sort_keys=True, default=str).encode()


@dataclass(frozen=True)
class Call:
    """The call that made a result: enough to tell whether it can be repeated."""

    function: str
    parameters: Mapping[str, Any]
    data_fingerprint: str
    package_version: str

    @classmethod
    def of(cls, settings: Any, *data: Any, function: str | None = None) -> Call:
        """Note a call now: every setting as it was said, and the hash of the data it saw.

        Parameters
        ----------
        settings : dataclass instance or mapping
            All settings of the call. Frames, series and arrays among them are hashed, so that two
            calls have equal records exactly when all settings and data are equal.
        *data
            What the call was applied to; hashed together.
        function : str, optional
            Name of the verb; by default the settings' attribute ``verb``, else their class.
        """
        name = function or getattr(settings, "verb", None) or type(settings).__name__
        return cls(name, _recorded_fields(settings), fingerprint(*data), package_version())

    @classmethod
    def record(cls, function: str, parameters: Mapping[str, Any], *data: Any) -> Call:
        """Note a call by name; `of` is the same with a settings object."""
        return cls.of(parameters, *data, function=function)

    def to_dict(self) -> dict[str, Any]:
        """Return the call as plain JSON-ready values."""
        return {
            "function": self.function,
            "parameters": json.loads(json.dumps(dict(self.parameters), default=str)),
            "data_fingerprint": self.data_fingerprint,
            "package_version": self.package_version,
        }


def _recorded_fields(settings: Any) -> dict[str, Any]:
    if is_dataclass(settings):
        return {item.name: recorded(getattr(settings, item.name)) for item in fields(settings)}
    return {str(key): recorded(value) for key, value in settings.items()}


def recorded(value: Any) -> Any:
    """Return a setting as plain values that differ whenever the settings differ.

    Data (pandas, polars, numpy) become their hash; dates become ISO text; objects become their
    fields, or what their `to_dict` says.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value).__module__.partition(".")[0] in {"pandas", "polars", "numpy"} and (
        hasattr(value, "to_numpy") or hasattr(value, "tobytes")
    ):
        return {"sha256": fingerprint(value)}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {"type": type(value).__name__, **_recorded_fields(value)}
    if isinstance(value, Mapping):
        return {str(key): recorded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [recorded(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((recorded(item) for item in value), key=str)
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    return str(value)


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

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        import html

        table: str = self.to_frame().to_html(index=False, na_rep="", float_format="{:.4g}".format)
        return f"<p>{html.escape(self.summary()).replace(chr(10), '<br>')}</p>{table}"

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

    def to_latex(self) -> str:
        """Return the table as a LaTeX tabular (booktabs)."""
        frame = self.to_frame()
        lines = [
            rf"\begin{{tabular}}{{{'l' * len(frame.columns)}}}",
            r"\toprule",
            " & ".join(_latex(str(name)) for name in frame.columns) + r" \\",
            r"\midrule",
        ]
        lines += [
            " & ".join(_latex(_cell(value)) for value in row) + r" \\"
            for row in frame.itertuples(index=False)
        ]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw this result; see `uploadtrends.figures`."""
        from uploadtrends.figures import plot

        figure: Figure = plot(self, ax=ax)
        return figure

    def check(self, check: Callable[[Any], Any]) -> Any:
        """Run a check of `uploadtrends.checks` on this result and return its outcome."""
        return check(self)


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if hasattr(value, "strftime"):
        return str(value.strftime("%Y-%m-%d"))
    return str(value).replace("|", "\\|").replace("\n", " ")


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {mark: "\\" + mark for mark in "&%$#_{}"}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
