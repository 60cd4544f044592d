"""The one style sheet: colours and sizes.

Colours are those of Okabe & Ito (2008), which readers with the common colour-vision deficiencies
can tell apart; no figure relies on colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.colors import to_hex, to_rgb

from uploadtrends.collect.sites import shown
from uploadtrends.figures.canvas import lettering
from uploadtrends.figures.canvas.styling import COLUMN_WIDTH, FULL_WIDTH, current, say

__all__ = ["COLUMN_WIDTH", "FULL_WIDTH"]

ROLES = {
    # role: (colour, setting of matplotlib that takes its place where the user set it)
    "PAPER": ("#ffffff", "axes.facecolor"),
    "INK": ("#1a1a1a", "text.color"),
    "MUTED": ("#5c5c5c", "axes.edgecolor"),
    "RULE": ("#d4d4d4", "grid.color"),
}
_PAPER, _INK, _MUTED, _RULE = (colour for colour, _ in ROLES.values())
_SHADE = "#ececec"
if TYPE_CHECKING:
    PAPER = INK = MUTED = RULE = SHADE = ""

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"

GROUPS: dict[str, tuple[str, str, str]] = {
    "senior": (BLUE, "o", "-"),
    "new": (VERMILION, "s", "--"),
    "later": (GREEN, "^", "-."),
    "all": (_INK, "D", "-"),
    "total": (_INK, "D", "-"),
}
GROUPS_IN_ORDER = ("total", "all", "senior", "new", "later", "unattributed")
_SPARE = (
    (BLUE, "o", "-"),
    (VERMILION, "s", "--"),
    (GREEN, "^", "-."),
    (PURPLE, "D", ":"),
    (ORANGE, "v", "--"),
    (SKY, "P", "-."),
)

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

SHEET: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # bundled with matplotlib: the same glyphs on every machine
    "font.size": 7.0,
    "axes.titlesize": 7.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.0,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.6,
    "axes.facecolor": _PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": _RULE,
    "grid.linewidth": 0.4,
    "text.color": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
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
    "figure.facecolor": _PAPER,
    "figure.dpi": 120,
    "svg.hashsalt": "uploadtrends",
    "svg.fonttype": "path",
    "path.simplify": True,
    "text.parse_math": False,  # a $ in a label is a dollar sign
    "text.usetex": False,
    "axes.unicode_minus": False,  # as in the percent labels and the tables
}


_OURS = ("size", "autolayout", "subplot", "constrained_layout", "usetex", "bbox", "hashsalt")
"""Parts of names of settings that stay ours: labels are measured before they are placed."""
_APPLIED: ContextVar[bool] = ContextVar("applied", default=False)


@cache
def _defaults() -> dict[str, Any]:
    """Return matplotlib's own settings but for the backend, whose choice would load pyplot."""
    return {name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"}


def users_settings() -> dict[str, Any]:
    """Return what the user set in matplotlib's rcParams, but for sizes and layout."""
    if _APPLIED.get():
        return {}
    plain: Any = mpl.rcParamsDefault
    return {
        name: mpl.rcParams[name]
        for name in plain
        if not name.startswith(("backend", "interactive", "toolbar", "webagg", "date."))
        and not any(part in name for part in _OURS)
        and mpl.rcParams[name] != plain[name]
    }


@contextmanager
def applied() -> Iterator[None]:
    """Apply the style sheet, and over it what the user set."""
    if _APPLIED.get():
        yield
        return
    theirs = users_settings()
    families = current().families
    lettering.under((theirs, families))
    token = _APPLIED.set(True)
    try:
        with mpl.rc_context():
            settings: Any = mpl.rcParams
            settings.update(_defaults())
            settings.update(SHEET)
            settings.update(theirs)
            if families:
                settings["font.family"] = families
            yield
    finally:
        _APPLIED.reset(token)


def __getattr__(name: str) -> str:
    """Return the colour of paper, ink, muted lines or rules: the user's where they set one."""
    if name in ROLES:
        colour, setting = ROLES[name]
        settings: Any = mpl.rcParams
        return str(to_hex(settings[setting])) if _APPLIED.get() else colour
    if name == "SHADE":
        paper, ink = __getattr__("PAPER"), __getattr__("INK")
        if (paper, ink) == (_PAPER, _INK):
            return _SHADE
        red, green, blue = (
            0.9 * a + 0.1 * b for a, b in zip(to_rgb(paper), to_rgb(ink), strict=True)
        )
        return str(to_hex((red, green, blue)))
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def look(name: str, position: int = 0) -> tuple[str, str, str]:
    """Return colour, marker and line style of a platform or group."""
    platform = shown(name)
    if platform is not None:
        colour, marker, line = platform.colour, platform.marker, platform.line
    else:
        colour, marker, line = GROUPS.get(name) or _SPARE[position % len(_SPARE)]
    if colour == _INK:
        colour = __getattr__("INK")
    return current().colours.get(name, colour), marker, line


def ordered(keys: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return (platform, group) pairs in the order of figures: by group, then by platform."""
    first = list(GROUPS_IN_ORDER)
    return sorted(
        keys, key=lambda key: (first.index(key[1]) if key[1] in first else len(first), key[1], key)
    )


def category(name: str) -> tuple[str, str]:
    """Return the shown name and the colour of an event category."""
    words, colour = CATEGORIES.get(name, (name, "#c8c8c8"))
    return say(words), current().colours.get(name, colour)


def title(name: str) -> str:
    """Return the written form of a platform or group name."""
    platform = shown(name)
    if platform is not None:
        return platform.title
    said = say(name)
    return said[:1].upper() + said[1:]
