"""The one style sheet: colours, sizes, and saving the same bytes every time.

Colours are those of Okabe & Ito (2008), which readers with the common colour-vision deficiencies
can tell apart; no figure relies on colour alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from uploadtrends.collect.sites import shown

PAPER = "#ffffff"
INK = "#1a1a1a"
MUTED = "#5c5c5c"
RULE = "#d4d4d4"
SHADE = "#ececec"

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"

GROUPS: dict[str, tuple[str, str, str]] = {
    "senior": (BLUE, "o", "-"),
    "new": (VERMILION, "s", "--"),
    "later": (GREEN, "^", "-."),
    "all": (INK, "D", "-"),
    "total": (INK, "D", "-"),
}
GROUPS_IN_ORDER = ("total", "all", "senior", "new", "later", "unattributed")
_SPARE = ((BLUE, "o", "-"), (VERMILION, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":"))

CATEGORIES: dict[str, tuple[str, str]] = {
    # category: (what the reader sees, colour); the order is the order of the rows
    "nft": ("NFT", ORANGE),
    "model-release": ("model release", SKY),
    "platform-policy": ("platform policy", GREEN),
    "incident": ("incident", YELLOW),
    "protest": ("protest", PURPLE),
    "defence": ("defence", "#8fd0b8"),
    "legal": ("legal", "#b8b8b8"),
    "confounder": ("other change", "#e4e4e4"),
    "user": ("your event", VERMILION),
}

FULL_WIDTH = 7.0
COLUMN_WIDTH = 3.5

SHEET: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # bundled with matplotlib: the same glyphs on every machine
    "font.size": 7.0,
    "axes.titlesize": 7.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.4,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 2.6,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "figure.facecolor": PAPER,
    "figure.dpi": 120,
    "savefig.facecolor": PAPER,
    "svg.hashsalt": "uploadtrends",
    "svg.fonttype": "path",
    "path.simplify": True,
}


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
    """

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height))
        FigureCanvasAgg(self)
        self.data = pd.DataFrame()
        self.caption = ""
        self.alternative = ""

    def _repr_png_(self) -> bytes:
        return render(self, "png", dpi=100)


@contextmanager
def sheet() -> Iterator[None]:
    """Apply the style sheet, over matplotlib's defaults, whatever the user's settings are."""
    with mpl.rc_context():
        settings: Any = mpl.rcParams
        settings.update(mpl.rcParamsDefault)
        settings.update(SHEET)
        yield


def render(figure: Figure, kind: str, dpi: int = 200, *, letters: bool = False) -> bytes:
    """Return a figure as SVG or PNG bytes; the same figure gives the same bytes.

    With ``letters=True`` an SVG holds its text as text (small, searchable, drawn with the reader's
    font) and not as outlines (the same everywhere).
    """
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with sheet():
        if letters:
            mpl.rcParams["svg.fonttype"] = "none"
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def save(
    figure: Figure, stem: str | Path, formats: Sequence[str] = ("svg", "png"), dpi: int = 200
) -> list[Path]:
    """Write a figure as `stem`.svg and `stem`.png and return the paths.

    Nothing in the files depends on the date, the machine or the order of calls.
    """
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind in formats:
        path = stem.with_name(f"{stem.name}.{kind}")
        path.write_bytes(render(figure, kind, dpi))
        paths.append(path)
    return paths


def look(name: str, position: int = 0) -> tuple[str, str, str]:
    """Return colour, marker and line style of a platform or group."""
    platform = shown(name)
    if platform is not None:
        return platform.colour, platform.marker, platform.line
    return GROUPS.get(name) or _SPARE[position % len(_SPARE)]


def ordered(keys: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return (platform, group) pairs in the order of figures: by group, then by platform."""
    first = list(GROUPS_IN_ORDER)
    return sorted(
        keys, key=lambda key: (first.index(key[1]) if key[1] in first else len(first), key[1], key)
    )


def category(name: str) -> tuple[str, str]:
    """Return the shown name and the colour of an event category."""
    return CATEGORIES.get(name, (name, "#c8c8c8"))


def title(name: str) -> str:
    """Return the written form of a platform or group name."""
    platform = shown(name)
    return platform.title if platform is not None else name[:1].upper() + name[1:]
