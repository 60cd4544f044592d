"""A figure that carries what it shows; its title and source line; the same bytes every time."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from os import PathLike
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import matplotlib as mpl
import pandas as pd
import polars as pl
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FuncFormatter, ScalarFormatter

from uploadtrends.errors import InputError
from uploadtrends.figures.canvas import fonts, layout, lettering, sheet, twofold
from uploadtrends.figures.canvas.greys import turn_grey
from uploadtrends.figures.canvas.styling import called, current, inches, numeral, say
from uploadtrends.figures.canvas.words import DECIMAL
from uploadtrends.result import package_version

P = ParamSpec("P")
R = TypeVar("R", bound=Figure)
FORMATS = ("svg", "png", "pdf", "eps", "tiff", "tif", "jpg", "jpeg", "webp")
TITLE, SOURCE = 8.5, 5.5


class Drawing(Figure):
    """A figure that carries what it shows.

    Attributes
    ----------
    data : pandas.DataFrame
        The numbers that were drawn.
    caption : str
        What a reader must know to read the figure.
    alternative : str
        A description for those who cannot see it.
    title : str
        What the figure shows, in a few words; written above it on request.
    source : str
        Where the data come from, as far as the figure knows.
    untranslated : tuple of str
        Words and sentences that the table of the language asked for lacks.
    """

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height))
        lettering.Canvas(self)
        self.data = pd.DataFrame()
        self.caption = ""
        self.alternative = ""
        self.title = ""
        self.source = ""
        self.untranslated: tuple[str, ...] = ()
        self._dressed = False
        self.warned = ""

    def draw(self, renderer: Any) -> None:
        """Draw, with a font for every letter; say once which letters have none."""
        missing = fonts.complete(list(_texts(self)))
        if missing and missing != self.warned:
            self.warned = missing
            fonts.warn(missing)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from")
            with _unmeasured(self):
                super().draw(renderer)

    def save(self, name: str | PathLike[str], *, dpi: int | None = None) -> list[Path]:
        """Write the figure; see `uploadtrends.figures.save`."""
        return save(self, name, dpi=dpi)

    def _repr_png_(self) -> bytes:
        return render(self, "png", dpi=100)


def _texts(artist: Artist) -> Iterator[Text]:
    """Yield the texts that are drawn; those of axes without a frame are not even made."""
    # Asked for its children, an axis would look for the places of its ticks.
    for child in _of_axis(artist) if isinstance(artist, Axis) else artist.get_children():
        if isinstance(child, Text):
            yield child
        if not (isinstance(child, Axis) and not child.axes.axison):
            yield from _texts(child)


def _of_axis(axis: Axis) -> list[Artist]:
    return [axis.label, axis.offsetText, *axis.majorTicks, *axis.minorTicks]


_WITH_A_KNOWN_OFFSET = (FixedFormatter, FuncFormatter, ScalarFormatter)


@contextmanager
def _unmeasured(figure: Figure) -> Iterator[None]:
    """Spare tick labels beside which nothing is placed: matplotlib would measure them twice."""
    spared = []
    for axes in figure.axes if figure.get_layout_engine() is None else ():
        titled = any(axes.get_title(where) for where in ("left", "center", "right"))
        for axis in (axes.xaxis, axes.yaxis) if axes.axison and not titled else ():
            formatter = axis.get_major_formatter()
            if axis.get_label_text() or not isinstance(formatter, _WITH_A_KNOWN_OFFSET):
                continue
            places = axis.get_majorticklocs().tolist()
            if isinstance(formatter, ScalarFormatter):
                formatter.set_locs(places)
            if not formatter.get_offset():
                labels = [tick.label1 for tick in axis.get_major_ticks(len(places))]
                spared += [label for label in labels if label.get_in_layout()]
    for label in spared:
        label.set_in_layout(False)
    try:
        yield
    finally:
        for label in spared:
            label.set_in_layout(True)


def drawn(title: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a figure: under the style in force, with its title and source line.

    Parameters
    ----------
    title : str
        What the figure shows, in a few words; drawn on request, in the language in force.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        sized = "width" in signature(function).parameters

        @wraps(function)
        def inner(*args: P.args, **kwargs: P.kwargs) -> R:
            settings = cast("dict[str, Any]", kwargs)
            if sized:
                settings["width"] = inches(settings.get("width"))
            phrases = current().phrases
            before, phrases.missing = phrases.missing, {}
            with sheet.applied():
                figure = function(*args, **kwargs)
                if isinstance(figure, Drawing) and not figure._dressed:
                    figure.title = figure.title or say(title)
                    if not figure.source and args:
                        figure.source = _known_source(args[0])
                    _dress(figure)
            if isinstance(figure, Drawing):
                figure.untranslated = tuple(phrases.missing)
            phrases.missing = before | phrases.missing
            return figure

        return inner

    return decorate


def _known_source(thing: Any) -> str:
    """Return what an object knows of the data behind it: source, span, and last a short hash."""
    if isinstance(source := getattr(thing, "source", None), str) and source:
        return source
    mark = getattr(getattr(thing, "call", thing), "data_fingerprint", "")
    fits = [one for one in getattr(thing, "fits", (thing,)) if hasattr(one, "observed")]
    held = getattr(thing, "__dict__", {}).values()
    tables = [one for one in (thing, *held) if isinstance(one, pd.DataFrame) and "platform" in one]
    named = [fit.platform for fit in fits] + [getattr(thing, "platform", "")] * (not tables)
    named += [name for table in tables for name in table["platform"].unique()]
    if isinstance(groups := getattr(thing, "groups", None), pl.DataFrame):  # a panel
        named += groups["platform"].unique(maintain_order=True).to_list()
        mark = thing.fingerprint
    known = [sheet.title(str(name)) for name in dict.fromkeys(named) if name == name and name]
    parts = [", ".join(known)] if known else []
    if fits:
        spans = [fit.observed.index for fit in fits]
        first, last = min(span[0] for span in spans), max(span[-1] for span in spans)
        parts.append(say("{first} to {last}", first=f"{first:%Y-%m}", last=f"{last:%Y-%m}"))
    if mark:
        parts.append(say("data {mark}", mark=mark[:6]))
    return ", ".join(parts)


def _dress(figure: Drawing) -> None:
    """Make room for title and source line and write them."""
    style = current()
    figure._dressed = True
    width, height = (float(side) for side in figure.get_size_inches())
    room = width - 0.16
    title = figure.title if style.title is True else style.title or ""
    source = style.source if isinstance(style.source, str) else figure.source
    foot = ""
    if style.source is not False:
        made = say("drawn with uploadtrends {version}", version=package_version())
        foot = say("Source: {source}; {made}.", source=source, made=made) if source else made
    head = layout.height_of(title, room, TITLE, "bold") + 0.06 if title else 0.0
    below = layout.height_of(foot, room, SOURCE) + 0.05 if foot else 0.0
    if head or below:
        layout.stretch(figure, head, below)
    if title:
        layout.label(figure, title, 0.08, 0.04, room, TITLE, weight="bold")
    if foot:
        top = height + head
        layout.label(figure, foot, 0.08, top, room, SOURCE, colour=sheet.MUTED)
    if style.language != "en":
        figure.alternative = called(figure.alternative)
        _translate(figure)
    if style.grey:
        turn_grey(figure)


def _translate(figure: Drawing) -> None:
    """Put every label that the table of words knows into the language in force."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, FixedFormatter):
                names = [say(str(name)) for name in formatter.seq]
                axis.set_major_formatter(FixedFormatter(names))
            elif type(formatter) is ScalarFormatter and say(DECIMAL) not in (DECIMAL, "."):
                axis.set_major_formatter(_Marked())
    for text in figure.findobj(Text):
        said = text.get_text() if isinstance(text, Text) else ""
        if said and say(said) != said:
            text.set_text(say(said))


class _Marked(ScalarFormatter):
    """Tick labels with the decimal mark of the language that the figure was made in."""

    def __init__(self) -> None:
        super().__init__()
        self._mark = numeral(".")

    def __call__(self, x: float, pos: int | None = None) -> str:
        return str(super().__call__(x, pos)).replace(".", self._mark)


def render(figure: Figure, kind: str, dpi: int | None = None, *, letters: bool = False) -> bytes:
    """Return a figure as bytes of a format; the same figure gives the same bytes.

    With ``letters=True`` an SVG holds its text as text (small, searchable, drawn with the reader's
    font) and not as outlines (the same everywhere).
    """
    if letters and kind == "svg":
        return _svg(figure, letters=True).encode()
    buffer = io.BytesIO()
    with sheet.applied():
        wanted = mpl.rcParams["savefig.dpi"]
        sharp = dpi or (200 if wanted == "figure" else wanted)
        # Packed harder, pictures are 3% smaller and take a quarter longer.
        more: dict[str, Any] = {"pil_kwargs": {"compress_level": 4}} if kind == "png" else {}
        figure.savefig(buffer, format=kind, dpi=sharp, metadata=_METADATA.get(kind), **more)
    return buffer.getvalue()


def render_svgs(figure: Figure) -> tuple[str, str]:
    """Return a figure as SVG with its text as outlines and as letters, drawn once."""
    return twofold.apart(_svg(figure))


def _svg(figure: Figure, **how: bool) -> str:
    buffer = io.StringIO()
    with sheet.applied():
        backend = f"module://{twofold.__name__}"
        figure.savefig(buffer, format="svg", metadata=_METADATA["svg"], backend=backend, **how)
    return buffer.getvalue()


_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "eps": {"Creator": None},
}


def save(
    figure: Figure,
    stem: str | PathLike[str],
    formats: Sequence[str] = ("svg", "png"),
    dpi: int | None = None,
) -> list[Path]:
    """Write a figure and return the paths.

    Nothing in the files depends on the date or the order of calls.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    stem : str or path
        With a suffix that names a format (``"figure.pdf"``) that file is written, else one file
        for each of `formats`. Folders are made.
    formats : sequence of str
        svg, png, pdf, eps, tiff, jpg, webp.
    dpi : int, optional
        Of pictures made of pixels: 200, or your ``savefig.dpi``.

    Raises
    ------
    InputError
        If a format is unknown.
    """
    stem = Path(stem)
    kinds = list(formats)
    if stem.suffix[1:].lower() in FORMATS:
        kinds, stem = [stem.suffix[1:].lower()], stem.with_suffix("")
    for kind in kinds:
        if kind not in FORMATS:
            raise InputError("no such format", value=kind, fix=", ".join(FORMATS))
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind in kinds:
        path = stem.with_name(f"{stem.name}.{kind}")
        path.write_bytes(render(figure, kind, dpi))
        paths.append(path)
    return paths
