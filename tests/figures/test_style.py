"""Style, language, fonts, title and source line; saving without post-editing."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import uploadtrends as ut
from uploadtrends import figures
from uploadtrends.errors import InputError
from uploadtrends.figures.canvas import fonts, layout, sheet, styling

JAPANESE = "画像生成AI「Mimic」公開、二日後に停止。利用規約をめぐる議論が続いた。" * 2


@pytest.fixture(scope="module")
def its() -> Any:
    rng = np.random.default_rng(5)
    index = pd.date_range("2018-01-01", periods=60, freq="MS")
    values = 100 + rng.normal(0, 6, 60) - 30 * (np.arange(60) >= 40)
    return ut.interrupted_time_series(pd.Series(values, index, name="uploads"), "2021-05-15")


def texts(figure: Any) -> list[str]:
    figure.draw_without_rendering()
    found = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    return [text for text in found if text.strip()]


def test_save_writes_what_is_asked_for(its: Any, tmp_path: Path) -> None:
    column = its.save(tmp_path / "a" / "column", dpi=300, width="column")
    assert [path.name for path in column] == ["column.svg", "column.png"]
    with Image.open(column[1]) as picture:
        assert picture.width == 1050  # 3.5 inches
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    (only,) = its.save(tmp_path / "one.pdf", width="89 mm")
    assert only.read_bytes().startswith(b"%PDF")
    again = its.save(tmp_path / "two.pdf", width="89 mm")[0]
    assert again.read_bytes() == only.read_bytes()
    (screen,) = its.save(tmp_path / "screen.png", dpi=150, width="screen")
    with Image.open(screen) as picture:
        assert picture.width == 1700
    with pytest.raises(InputError, match="no such format"):
        figures.save(its.plot(), tmp_path / "x", formats=["gif"])
    for wrong in ("pages", "0.5 mm", 90, "89 ells"):
        with pytest.raises(InputError, match="no width"):
            its.plot(width=wrong)


def test_a_figure_in_greys_has_no_colour(its: Any, tmp_path: Path) -> None:
    for name, result in (("its", its), ("power", its.check(ut.power(n_draws=19)))):
        (plain,) = result.save(tmp_path / f"{name}.png", dpi=100)
        (grey,) = result.save(tmp_path / f"{name}_grey.png", dpi=100, grey=True)
        for path, coloured in ((plain, True), (grey, False)):
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB")).astype(int)
            spread = (pixels.max(axis=2) - pixels.min(axis=2)).max()
            assert (spread > 50) == coloured, (path.name, spread)
            assert coloured or spread == 0
    with pytest.raises(InputError, match="grey=True"):
        its.plot(colours="grey")


@pytest.mark.parametrize("width", ["column", "page", "screen"])
def test_title_and_source_take_their_own_room(its: Any, width: str) -> None:
    plain = its.plot(width=width, source=False)
    dressed = its.plot(width=width, title="Uploads, before and after", source="my crawl of 2024")
    assert dressed.get_figheight() > plain.get_figheight() + 0.2
    assert layout.overlaps(dressed) == []
    assert layout.outside(dressed) == []
    before, after = plain.axes[0].get_position(), dressed.axes[0].get_position()
    assert after.height * dressed.get_figheight() == pytest.approx(
        before.height * plain.get_figheight()
    )
    said = texts(dressed)
    assert "Uploads, before and after" in said
    assert any(text.startswith("Source: my crawl of 2024; drawn with") for text in said)
    assert not any("drawn with" in text for text in texts(plain))
    own = its.plot(title=True)
    assert own.title in texts(own)
    known = f"2018-01 to 2022-12, data {its.call.data_fingerprint[:6]}; drawn with"
    assert known in " ".join(texts(own))  # what a reader understands, the hash last and short


def test_a_style_holds_until_the_next_or_to_the_end_of_its_block(its: Any) -> None:
    with figures.style(width="column", colours={"uploads": "tab:green"}):
        assert its.plot().get_figwidth() == 3.5
        with figures.style(language="de"):
            assert its.plot().get_figwidth() == 7.0  # each call states the whole style
        assert its.plot().get_figwidth() == 3.5
    assert its.plot().get_figwidth() == 7.0
    figures.style(width=5)
    assert its.plot().get_figwidth() == 5.0
    figures.style()
    assert styling.current() == styling.Style()


def test_colours_are_taken_by_name(its: Any) -> None:
    with figures.style(colours={"artstation": "#123456", "senior": "tab:red"}):
        assert sheet.look("artstation")[0] == "#123456"
        assert sheet.look("senior")[0] == "tab:red"
        assert sheet.look("deviantart")[0] == sheet.VERMILION
    assert sheet.look("artstation")[0] == sheet.BLUE
    with pytest.raises(InputError, match="no such colour"):
        figures.style(colours={"artstation": "blau"})
    with pytest.raises(InputError, match=r"no such setting.*color.*title, colours"):
        figures.style(color="red")
    with pytest.raises(InputError, match="no such font"):
        figures.style(font="Helvetica Neue Unheard")


def test_figures_speak_german(its: Any) -> None:
    english, german = texts(its.plot()), texts(its.plot(language="de"))
    for text, written in (("observed", "beobachtet"), ("fitted", "angepasst")):
        assert text in english
        assert written in german
        assert text not in german
    assert layout.overlaps(its.plot(language="de", width="column")) == []
    forest = texts(figures.plot(its, language="de"))
    table = figures.words("de")
    left = {text for text in forest if text in table and table[text] != text}
    assert left == set()
    assert texts(its.plot()) == english


def test_captions_speak_the_language_of_the_figure(its: Any) -> None:
    english = figures.forest(its)
    with figures.style(language="de"):
        german = figures.forest(its)
    assert "Niveauänderung (% des Erwarteten)" in " ".join(texts(german))
    assert german.caption.startswith("Niveauänderung (% des Erwarteten), mit einzelnen 95-%-")
    assert english.caption.startswith("Level change (% of expected), with 95% intervals")


def test_a_table_of_words_may_be_ones_own(its: Any) -> None:
    mine = figures.words("en") | {"observed": "observado", "Source: {source}; {made}.": "{source}"}
    assert "observado" in texts(its.plot(language=mine))
    with pytest.raises(InputError, match="no table of words is shipped"):
        its.plot(language="fr")


def test_german_numbers_have_a_comma(its: Any) -> None:
    with figures.style(language="de"):
        assert styling.numeral("-0.5") == "-0,5"
    assert styling.numeral("-0.5") == "-0.5"


def test_what_the_user_set_in_matplotlib_is_kept(its: Any) -> None:
    with mpl.rc_context(
        {"axes.facecolor": "#fff8e7", "font.family": "DejaVu Serif", "text.color": "navy"}
    ):
        figure = its.plot()
        assert mpl.colors.to_hex(figure.axes[0].get_facecolor()) == "#fff8e7"
        assert {text.get_fontfamily()[0] for text in figure.texts} == {"DejaVu Serif"}
        assert figure.texts[0].get_color() == "navy"
        assert layout.overlaps(figure) == []  # measured in that font
        with figures.style(font="DejaVu Sans Mono"):
            assert its.plot().texts[0].get_fontfamily() == ["DejaVu Sans Mono"]
    with mpl.rc_context():
        mpl.style.use("dark_background")
        dark = its.plot()
        assert mpl.colors.to_hex(dark.axes[0].get_facecolor()) == "#000000"
        assert {text.get_color() for text in dark.texts if text.get_fontweight() == "bold"} == {
            "white"
        }
    assert mpl.colors.to_hex(its.plot().axes[0].get_facecolor()) == "#ffffff"


def test_labels_stand_as_written(tmp_path: Path) -> None:
    labels = ["Sold for $69.3M, then $5", "50% of_all {x} ^2 \\alpha", "<b>&"]
    events = [ut.Event(f"2022-0{n}-10", label) for n, label in enumerate(labels, 2)]
    figure = figures.event_timeline(events)
    said = " ".join(texts(figure))
    for label in labels:
        assert label in said
    assert layout.overlaps(figure) == []
    assert figures.save(figure, tmp_path / "as_written")


def test_letters_without_a_font_warn_once_and_never_stop(tmp_path: Path) -> None:
    events = [ut.Event("2022-08-29", JAPANESE), ut.Event("2022-10-03", "Novel AI 🚀 \u26a7️")]
    figure = figures.event_timeline(events, width=3.5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        paths = [*figures.save(figure, tmp_path / "cjk"), *figures.save(figure, tmp_path / "c.pdf")]
        assert layout.outside(figure) == []  # lines break between letters
    assert all(path.stat().st_size > 1000 for path in paths)
    wanted = [one for one in caught if "no font on this machine has" in str(one.message)]
    others = [str(one.message) for one in caught if one not in wanted]
    assert others == []
    assert len(wanted) <= 1
    has_font = any(fonts._other(letter)[0] for letter in "画")
    assert len(wanted) == 1 or has_font


def test_a_font_of_the_machine_is_taken_for_what_ours_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fonts, "_other", lambda letter: ("Some CJK", fonts.main_font()))
    text = mpl.text.Text(0, 0, "Mimic 公開")
    assert fonts.complete([text]) == ""
    assert text.get_fontfamily()[-1] == "Some CJK"
    plain = mpl.text.Text(0, 0, "Mimic é")
    fonts.complete([plain])
    assert "Some CJK" not in plain.get_fontfamily()
