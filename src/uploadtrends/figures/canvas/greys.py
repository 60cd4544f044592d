"""A figure in greys, for print without colour: each colour as light as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure

_LIGHTNESS = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_COLOURS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def turn_grey(figure: Figure) -> None:
    """Give every line, area, marker and text of a figure the grey of its colour."""
    for found in figure.findobj():
        boxed: Any = getattr(found, "get_bbox_patch", lambda: None)()
        for artist in (found, boxed):
            for name in _COLOURS:
                if hasattr(artist, f"get_{name}") and hasattr(artist, f"set_{name}"):
                    _turn(artist, name)


def _turn(artist: Any, name: str) -> None:
    given = getattr(artist, f"get_{name}")()
    if isinstance(given, str) and given in ("none", "auto"):
        return
    colours = to_rgba_array(given)
    colours[:, :3] = (colours[:, :3] @ _LIGHTNESS)[:, None]
    one = np.ndim(given) < 2
    if len(colours):
        getattr(artist, f"set_{name}")(tuple(colours[0]) if one else colours)
