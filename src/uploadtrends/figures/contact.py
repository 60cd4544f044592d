"""A contact sheet: every figure of a folder on one page."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 75rem;
  padding: 0 1rem; color: #1a1a1a; background: #fff; }}
main {{ display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }}
figure {{ margin: 0; border: 1px solid #d4d4d4; border-radius: 6px; padding: .75rem; }}
img {{ width: 100%; height: auto; background: #fff; }}
figcaption {{ font-size: .85rem; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e8e8e8; background: #161616; }}
  a {{ color: #8ecbff; }} figure {{ border-color: #444; }} }}
</style></head><body>
<h1>{title}</h1>
<main>
{figures}
</main></body></html>
"""


def contact_sheet(drawings: Mapping[str, Any], folder: str | Path, title: str) -> Path:
    """Write ``index.html`` that shows every figure of a folder with its caption.

    Parameters
    ----------
    drawings : mapping of file stem to Drawing, or to what else has its caption and alternative
        As saved into `folder` by `save`.
    folder : str or pathlib.Path
    title : str

    Returns
    -------
    pathlib.Path
        The page.
    """
    cells = []
    for stem, drawing in drawings.items():
        name = html.escape(stem, quote=True)
        cells.append(
            f'<figure><a href="{name}.svg"><img src="{name}.png" loading="lazy" '
            f'alt="{html.escape(drawing.alternative, quote=True)}"></a>'
            f"<figcaption><strong>{name}</strong> "
            f'(<a href="{name}.svg">SVG</a>, <a href="{name}.png">PNG</a>). '
            f"{html.escape(drawing.caption)}</figcaption></figure>"
        )
    path = Path(folder) / "index.html"
    path.write_text(
        _PAGE.format(title=html.escape(title), figures="\n".join(cells)), encoding="utf-8"
    )
    return path
