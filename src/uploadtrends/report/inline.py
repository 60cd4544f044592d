"""A matplotlib SVG as part of a web page: themed, described, and without clashing ids."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from uploadtrends.figures.canvas import sheet
from uploadtrends.figures.canvas.drawing import Drawing, render, render_svgs

# The page defines these custom properties for light and dark; the value stands in where it cannot.
THEME = {
    sheet.PAPER: "paper",
    sheet.INK: "ink",
    sheet.BLACK: "ink",
    sheet.MUTED: "muted",
    sheet.RULE: "rule",
    sheet.SHADE: "shade",
    sheet.BLUE: "blue",
    sheet.VERMILION: "vermilion",
    sheet.GREEN: "green",
    sheet.PURPLE: "purple",
}
_THEMED = re.compile(rf"(?:{'|'.join(THEME)})\b", re.I)


_DIGITS = re.compile(r"(\d\.\d\d)\d+")
"""Hundredths of a point are plenty for a place; the numbers that are read stay whole."""


def inline_svg(drawing: Drawing, name: str, *, kind: str = "", text: str = "") -> str:
    """Return a drawing as an ``<svg>`` element for an HTML page.

    Parameters
    ----------
    drawing : Drawing
    name : str
        Unique on the page; prefixed to every id inside.
    kind : str
        CSS class of the element.
    text : str
        The drawing as SVG with letters, where it has been drawn.
    """
    text = text or render(drawing, "svg", letters=True).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"<[^>]+>", lambda tag: _DIGITS.sub(r"\1", tag[0]), text)
    text = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", text)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r"\s*\n\s*", " ", text).replace("> <", "><")
    text = _THEMED.sub(lambda m: f"var(--{THEME[m[0].lower()]}, {m[0].lower()})", text)
    # SVG's default fill is black: tell undyed text to follow the page.
    text = text.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    width, height = drawing.get_size_inches()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width * 72:g} {height * 72:g}" role="img" class="{kind}" '
        f'aria-labelledby="{name}-title {name}-description" style="fill: var(--ink, #1a1a1a)">'
        f'<title id="{name}-title">{html.escape(name.replace("-", " "))}</title>'
        f'<desc id="{name}-description">{html.escape(drawing.alternative)}</desc>'
    )
    return head + text[text.index(">") + 1 :].strip()


@dataclass(frozen=True)
class Picture:
    """A figure that was drawn: its files, its words, and what a page shows of it.

    Parameters
    ----------
    caption, alternative : str
        As of the `Drawing`.
    files : mapping of str to bytes
        By format.
    on_page : str
        What `picture_html` returned; empty where no page shows it.
    """

    caption: str
    alternative: str
    files: Mapping[str, bytes] = field(repr=False)
    on_page: str = field(repr=False)

    @classmethod
    def of(
        cls, name: str, drawing: Drawing, narrow: Drawing | None = None, *, shown: bool = True
    ) -> Picture:
        """Draw a figure in every form in which a study hands it on."""
        outlines, letters = render_svgs(drawing)
        files = {"svg": outlines.encode(), "png": render(drawing, "png")}
        html_of = picture_html(name, drawing, narrow, text=letters) if shown else ""
        return cls(drawing.caption, drawing.alternative, files, html_of)

    def save(self, stem: str | Path) -> list[Path]:
        """Write the files and return their paths."""
        paths = []
        for kind, content in self.files.items():
            path = Path(f"{stem}.{kind}")
            path.write_bytes(content)
            paths.append(path)
        return paths


def picture_html(
    name: str, drawing: Drawing, narrow: Drawing | None = None, *, text: str = ""
) -> str:
    """Return a figure without its caption, and its narrow version where there is one."""
    key = _key(name)
    if narrow is None:
        picture = inline_svg(drawing, key, kind="single", text=text)
        kind = "drawing"
    else:
        picture = inline_svg(drawing, key, kind="wide", text=text)
        picture += inline_svg(narrow, f"{key}-narrow", kind="narrow")
        kind = "drawing both"
    return (
        f'<div class="{kind}" tabindex="0" role="region" '
        f'aria-label="{html.escape(name.replace("_", " "))}">{picture}</div>'
    )


def figure_html(
    name: str,
    drawing: Drawing | Picture,
    narrow: Drawing | None = None,
    *,
    leave_out: Iterable[str] = (),
) -> str:
    """Return one figure with its caption, and a narrow version where there is one.

    `leave_out` are sentences of the caption that stand elsewhere on the page.
    """
    caption = drawing.caption
    for sentence in filter(None, leave_out):
        caption = caption.replace(sentence, "").strip()
    if isinstance(drawing, Picture):
        picture = drawing.on_page
    else:
        picture = picture_html(name, drawing, narrow)
    words = f"<figcaption>{html.escape(caption)}</figcaption>"
    return f'<figure id="{_key(name)}">{picture}{words}</figure>'


def _key(name: str) -> str:
    return f"figure-{name.replace('_', '-')}"
