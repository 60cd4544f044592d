"""The report in a real browser: silent, offline, readable, and its values can be read off."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Browser, find

pytestmark = pytest.mark.browser

WIDEST = """Math.max(...[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.drawing, .scroll, svg, .skip, pre'))
  .map(e => e.getBoundingClientRect().right))"""
CONTRAST = """(() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => {
    v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + .05) / (y + .05); };
  const paper = getComputedStyle(document.body).backgroundColor;
  const texts = [...document.querySelectorAll('p, h1, h2, h3, td, th, a, li, figcaption, caption,'
    + ' summary, output, .verdict')].filter(e => e.textContent.trim() && e.offsetParent);
  return Math.min(...texts.map(e => ratio(getComputedStyle(e).color, paper)));
})()"""
SIDEWAYS = (
    "[...document.querySelectorAll('.drawing')]"
    ".filter(one => one.scrollWidth > one.clientWidth + 1)"
    ".map(one => one.getAttribute('aria-label'))"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with Browser(program, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_silent_offline_and_readable(
    browser: Browser, page: Path, width: int, scheme: str, tmp_path: Path
) -> None:
    browser.call(
        "Network.emulateNetworkConditions",
        offline=True,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=-1,
    )
    browser.open(page.as_uri(), width, scheme=scheme)
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.value(WIDEST) <= width + 1  # nothing makes the page scroll sideways
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(SIDEWAYS) == []  # a figure has a version for either width
    assert browser.value(CONTRAST) >= 4.5  # WCAG 2.1 AA for text
    size = "parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)"
    assert browser.value(size) >= 16
    dark = browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(22, 22, 22)"
    assert dark == (scheme == "dark")
    ink = browser.value("getComputedStyle(document.querySelector('.drawing svg text')).fill")
    assert ink == ("rgb(236, 236, 236)" if scheme == "dark" else "rgb(26, 26, 26)")
    browser.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


@pytest.mark.parametrize(("width", "kind"), [(375, "narrow"), (1280, "wide")])
def test_pointing_at_the_chart_reads_its_values(
    browser: Browser, page: Path, width: int, kind: str
) -> None:
    browser.open(page.as_uri(), width)
    other = "wide" if kind == "narrow" else "narrow"
    hidden = f"getComputedStyle(document.querySelector('#chart-1 > svg.{other}')).display"
    assert browser.value(hidden) == "none"
    box = f"""(() => {{ const s = document.querySelector('#chart-1 > svg.{kind}');
      s.scrollIntoView({{block: 'center'}}); const b = s.getBoundingClientRect();
      const v = s.viewBox.baseVal.width; const left = +s.dataset.left, inner = +s.dataset.inner;
      return [b.left + (left + inner * 2.5 / 34) * b.width / v, b.top + b.height / 2]; }})()"""
    x, y = browser.value(box)
    browser.point(x, y)
    text = browser.value("document.querySelector('#chart-1 output').textContent")
    assert text.startswith("2021-03: ArtStation 80, DeviantArt 65")
    assert "Beeple" in text
    assert browser.value(
        f"!document.querySelector('#chart-1 > svg.{kind} .cursor').hasAttribute('hidden')"
    )


def test_the_keyboard_reads_values_too(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri(), 1280)
    browser.value("document.querySelector('#chart-1').focus()")
    read = "document.querySelector('#chart-1 output').textContent"
    browser.press("Home")
    assert browser.value(read).startswith("2021-01: ArtStation 58, DeviantArt 59")
    browser.press("ArrowRight")
    assert browser.value(read).startswith("2021-02: ArtStation 74")
    browser.press("End")
    assert browser.value(read).startswith("2023-10: ArtStation 46, DeviantArt 44")
    assert browser.complaints() == []


def test_without_scripts_nothing_is_missing(browser: Browser, page: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.load(page.as_uri())
        tree = browser.call("DOM.getDocument", depth=-1)
        found = browser.call(
            "DOM.querySelectorAll",
            nodeId=tree["root"]["nodeId"],
            selector="figure.chart path.line",
        )
        assert len(found["nodeIds"]) == 3 * 2 * 2  # groups, platforms, wide and narrow
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_the_page_prints_on_twelve_pages_at_most(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri(), 1280)
    printed = browser.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
    pages = re.findall(rb"/Type\s*/Page[^s]", base64.b64decode(printed["data"]))
    assert 3 <= len(pages) <= 12
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:  # the answer does not stand alone on its page: the series stand beside it
        shown = "[...document.querySelectorAll('figure.chart svg.narrow')].map(s => s.clientWidth)"
        assert min(browser.value(shown)) > 0
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")
    assert len(browser.value("[...document.querySelectorAll('.answer')]")) == 1


def test_the_watch_on_console_and_network_sees_what_it_should(
    browser: Browser, tmp_path: Path
) -> None:
    loud = tmp_path / "loud.html"
    loud.write_text("<p>x</p><img src='http://127.0.0.1:9/x.png'><script>nowhere()</script>")
    browser.open(loud.as_uri(), 800)
    assert "http://127.0.0.1:9/x.png" in browser.requests()
    assert any("nowhere" in complaint for complaint in browser.complaints())
