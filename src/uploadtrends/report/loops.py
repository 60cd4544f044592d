"""Self-consuming loops as a section of a report."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from uploadtrends.report.tables import downloads, html_table

if TYPE_CHECKING:
    import pandas as pd


CAPTIONS = {
    "loop_verdicts": "Did it come to rest? A date means something only with the verdict plateau",
    "loop_sensitivity": "Other ways to date it; none of them can tell a plateau from a drift",
    "loop_still_moving": "Share of captions that have not come to rest (Kaplan-Meier; the same for "
    "five rounds in a row)",
    "loop_captions": "Different captions, and the share that did not change, by iteration",
    "loop_distance": "Distances to works that were never in the loop; floor: that of the originals "
    "themselves. The plain distance can mean anything from plain low to plain high",
    "loop_retraining": "Generation after generation: mean over loops with its 95% interval",
    "loop_share": "Share of works made with AI in a corpus collected up to each period",
    "loop_variance_kept": "Variance that a Gaussian would keep in the long run",
    "loop": "Novelty by iteration",
}
_FOLDED = ("loop", "loop_captions", "loop_still_moving", "loop_retraining", "loop_share")


def section(study: Any, picture: Callable[[str], str]) -> str:
    """Return what both loops did, and what may and may not be said of it.

    Parameters
    ----------
    study : LoopStudy
    picture : callable
        Returns the figure of that name as HTML.
    """
    from uploadtrends.loop.study import CAN_SAY, CANNOT_SAY

    body = "".join(f"<p>{html.escape(line)}</p>" for line in study.summary().splitlines())
    body += bounds(CAN_SAY, CANNOT_SAY)
    for name in ("loop_strip", "loop", "loop_retraining"):
        body += picture(name)
    return body + tables(study.tables())


def bounds(can: Iterable[str], cannot: Iterable[str]) -> str:
    """Return two lists: what may be said, and what may not."""

    def listed(sentences: Iterable[str]) -> str:
        return "<ul>" + "".join(f"<li>{html.escape(one)}</li>" for one in sentences) + "</ul>"

    return f"<h3>What may be said</h3>{listed(can)}<h3>What may not</h3>{listed(cannot)}"


def tables(found: Mapping[str, pd.DataFrame]) -> str:
    """Return the tables with their captions; long ones folded."""
    body = ""
    for name, caption in CAPTIONS.items():
        if name not in found:
            continue
        shown = html_table(found[name], caption)
        if name in _FOLDED:
            shown = f"<details><summary>{html.escape(caption)}</summary>{shown}</details>"
        body += shown + downloads(name, found[name])
    return body
