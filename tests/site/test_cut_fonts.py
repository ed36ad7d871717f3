"""book/fonts.py and the fonts themselves: what charts are measured with is what they carry,
and no system's font takes part."""
import base64
import hashlib
import re
import subprocess
import sys
from io import BytesIO

import pytest
from fontTools.ttLib import TTFont

from computetrades.book import fonts
from computetrades.site import cut_fonts

CHART = """
import altair as alt
from computetrades.book import charts
rows = [{"word": word, "size": i} for i, word in enumerate(("·length", "·between", "≥ 10⁶ tokens"))]
plot = alt.Chart(alt.Data(values=rows)).mark_bar().encode(
    alt.X("size:Q", title="size of each"),
    alt.Y("word:N", title=None, axis=alt.Axis(labelFont=charts.fonts.MONO)))
both = charts.finish(plot + plot.mark_text(align="left").encode(alt.Text("word:N")),
                     "A finding", "Three bars.")
print(both._repr_mimebundle_()["image/svg+xml"])
"""
SYSTEMS = {"none": "", "DejaVu alone": "<dir>/usr/share/fonts/truetype/dejavu</dir>",
           "everything": "<dir>/usr/share/fonts</dir>"}


def drawn(folder, name):
    path = folder / f"{name}.conf"
    path.write_text(f"<fontconfig>{SYSTEMS[name]}<cachedir>{folder}</cachedir></fontconfig>",
                    encoding="utf-8")
    run = subprocess.run([sys.executable, "-c", CHART], env={"FONTCONFIG_FILE": str(path), "PATH": ""},
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def test_a_chart_is_the_same_picture_whatever_fonts_a_system_has(tmp_path):
    assert len({drawn(tmp_path, name) for name in SYSTEMS}) == 1


def test_a_chart_carries_the_fonts_that_it_was_measured_with(tmp_path):
    svg = drawn(tmp_path, "none")
    face = r'@font-face\{font-family:"([\w ]+)";src:url\(data:font/woff2;base64,([\w+/=]+)\)\}'
    carried = dict(re.findall(face, svg))
    assert carried.keys() == {"Book Sans", "Book Mono"}
    for family, held in carried.items():
        font = TTFont(BytesIO(base64.b64decode(held)))
        measured_with = TTFont(fonts.CHARTS / f"{family.lower().replace(' ', '-')}.ttf")
        assert font["name"].getDebugName(1) == measured_with["name"].getDebugName(1) == family
        assert font.getBestCmap() == measured_with.getBestCmap()
        assert font["hmtx"].metrics == measured_with["hmtx"].metrics
    assert set(re.findall(r'font-family="([^"]+)"', svg)) == {fonts.SANS, fonts.MONO}


def test_the_width_of_a_word_is_that_of_its_letters_in_our_font(tmp_path):
    """By hand: `·between` is eight letters of a font in which each is 600 of 1,000 units wide,
    set at 12 px: 57.6 px."""
    font = TTFont(fonts.CHARTS / "book-mono.ttf")
    widths = {font["hmtx"][font.getBestCmap()[ord(letter)]][0] for letter in "·between"}
    assert (widths, font["head"].unitsPerEm) == ({600}, 1000)
    svg = drawn(tmp_path, "none")
    width = float(re.search(r'class="marks" width="([\d.]+)"', svg)[1])
    # the longest label, `≥ 10⁶ tokens`, is twelve letters: 86.4 px beside the plot,
    # its ticks and what is around
    assert 640 + 12 * 0.6 * 12 < width < 640 + 12 * 0.6 * 12 + 80


def test_a_character_that_a_chart_cannot_carry_is_named():
    with pytest.raises(ValueError, match="Book Sans has no 語.*CHART in site/cut_fonts.py"):
        fonts.with_fonts('<svg xmlns="http://www.w3.org/2000/svg">'
                      '<text font-family="Book Sans">語 and more</text></svg>')
    plain = '<svg xmlns="http://www.w3.org/2000/svg"><text font-family="serif">語</text></svg>'
    assert fonts.with_fonts(plain) == plain


@pytest.mark.parametrize("wanted", cut_fonts.CUTS, ids=lambda cut: cut.name)
def test_a_shipped_font_has_the_letters_that_it_was_cut_for_and_a_name_of_its_own(wanted):
    font = TTFont(cut_fonts.PAGES / f"{wanted.name}.woff2")
    letters = {ord(letter) for letter in wanted.text
               if letter.isalnum() and letter.isascii() or letter in "×−°µ½²≈≤≥→∑αθπσ"}
    assert letters <= font.getBestCmap().keys() and len(letters) >= 26 + 26 + 10
    assert "Source" not in font["name"].getDebugName(1) and font["name"].getDebugName(1).startswith("Book ")


def test_formulas_find_the_table_that_sets_them_and_the_forms_that_stretch():
    font = TTFont(cut_fonts.PAGES / "book-math.woff2")
    math = font["MATH"].table
    assert math.MathConstants.AxisHeight.Value > 0
    stretched = set(math.MathVariants.VertGlyphCoverage.glyphs)
    assert {font.getBestCmap()[ord(sign)] for sign in "()[]{}|√∑∫⌈⌋"} <= stretched


def test_pages_name_each_font_that_is_shipped():
    named = re.findall(r"url\(fonts/([\w-]+\.woff2)\)",
                       (cut_fonts.PAGES.parent / "page.css").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(path.name for path in cut_fonts.PAGES.glob("*.woff2"))
    digests = {hashlib.sha256((cut_fonts.PAGES / name).read_bytes()).digest() for name in named}
    assert len(digests) == len(named)
