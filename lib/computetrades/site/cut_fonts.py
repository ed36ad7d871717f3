"""Cuts the book's fonts from their originals; for whoever adds a character.
`python -m computetrades.site.cut_fonts FOLDER`

Wants `pip install brotli`, and in FOLDER the unpacked npm packages of ORIGINALS (`npm pack NAME@VERSION`,
then `tar xzf`, each into a folder of the package's own name). Every font keeps the characters of TEXT that
its original has; the formulas' font keeps those of FORMULAS, and the stretched forms of brackets and roots
that OpenType's MATH table names.

The licence of the originals reserves the name Source, so that a cut has a name of its own: Book Sans, Book
Serif, Book Mono, Book Math. The charts' fonts are cut further, to one weight and the characters of CHART, and
written twice: as TrueType, by which vl-convert measures, and as WOFF2, which travels in the SVG.
"""
from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

from ..book.fonts import CHARTS
from .frame import THEME

PAGES = THEME / "static" / "fonts"         # theme/static/page.css names the files
ORIGINALS = ("source-sans@3.52.0", "source-serif@4.5.1", "source-code-pro@2.42.0",
             "@fontsource/stix-two-math@5.3.0")


def _span(first: int, last: int) -> str:
    return "".join(map(chr, range(first, last + 1)))


LATIN = _span(0x20, 0x7E) + _span(0xA0, 0xFF) + "ıŒœʻʼˆ˚˜–—‘’‚“”„•…′″‹›⁄€™−∕"
GREEK = "αβγδεηθλμπρστφωΔΣΠΩ"
SIGNS = "⁰⁴⁵⁶⁷⁸⁹⁺⁻₀₁₂₃₄₅₆₇₈₉←↑→↓↔↵⇄∂∆∏∑√∞∫≈≠≤≥⋮⋯✓✗□■▲●○"
TEXT = LATIN + GREEK + SIGNS
CHART = _span(0x20, 0x7E) + GREEK + "·×÷±°µ–—’“”…−≈≠≤≥→⁰¹²³⁴⁵⁶⁷⁸⁹⁻½"
# Formulas add the italic letters that a browser takes for a name of one letter, bold ones,
# brackets, and the usual relations.
FORMULAS = (_span(0x20, 0x7E) + GREEK + SIGNS + "\N{NO-BREAK SPACE}±×÷·−–′″…¬°µ€¹²³½ℎ"
            + _span(0x1D400, 0x1D454) + _span(0x1D456, 0x1D467) + _span(0x1D6FC, 0x1D714)
            + "⌈⌉⌊⌋⟨⟩‖∀∃∈∉∝∼≃≅≡≪≫⊂⊆∩∪∧∨⊙⊕⊗⋅∇⇒⇔↦ℓℝ⏎")


@dataclass(frozen=True)
class Cut:
    """What becomes of one original. axes: where a variable font is pinned,
    or the span that is kept of an axis."""
    name: str                         # of the file, and in words of the family
    original: str
    text: str
    axes: dict
    chart: bool = False               # whether charts are measured and drawn with it too


CUTS = (
    Cut("book-sans", "source-sans/VF/SourceSans3VF-Upright.ttf", TEXT, {"wght": (400, 400, 600)}, chart=True),
    Cut("book-serif", "source-serif/VAR/SourceSerif4Variable-Roman.ttf", TEXT,
        {"wght": (400, 400, 600), "opsz": 14}),
    Cut("book-serif-italic", "source-serif/VAR/SourceSerif4Variable-Italic.ttf", LATIN,
        {"wght": 400, "opsz": 14}),
    Cut("book-mono", "source-code-pro/TTF/SourceCodePro-Regular.ttf", TEXT, {}, chart=True),
    Cut("book-math", "stix-two-math/files/stix-two-math-latin-400-normal.woff2", FORMULAS, {}),
)


def cut(original: Path, name: str, text: str, axes: dict) -> TTFont:
    """The font with the characters of `text` and the weights of `axes`, under its own name,
    without hints for old screens."""
    font = TTFont(original, recalcTimestamp=False)
    # "ssty" are the forms of small indices, which MathML asks for, "tnum" the figures of columns;
    # more nobody chooses.
    options = subset.Options(hinting=False, notdef_outline=True, name_IDs=[0, 1, 2, 4, 6, 13, 14],
                             layout_features=["ccmp", "locl", "kern", "mark", "mkmk", "liga", "tnum", "ssty"])
    cutter = subset.Subsetter(options)
    cutter.populate(text=text)
    cutter.subset(font)
    if "fvar" in font:
        font = instancer.instantiateVariableFont(font, axes)
    return _renamed(font, name)


def _renamed(font: TTFont, name: str) -> TTFont:
    family, style = " ".join(name.split("-")[:2]).title(), "Italic" if name.endswith("italic") else "Regular"
    words = {1: family, 2: style, 4: f"{family} {style}", 6: f"{family.replace(' ', '')}-{style}"}
    for record in font["name"].names:
        record.string = words.get(record.nameID, record.toUnicode())
    return font


def _write(font: TTFont, path: Path, flavor: str | None) -> None:
    font.flavor = flavor
    held = io.BytesIO()
    font.save(held)
    path.write_bytes(held.getvalue())
    print(f"{path.name}: {len(held.getvalue()):,} bytes, {len(font.getBestCmap())} characters")


def main(originals: Path) -> None:
    for wanted in CUTS:
        original = originals / wanted.original
        _write(cut(original, wanted.name, wanted.text, wanted.axes), PAGES / f"{wanted.name}.woff2", "woff2")
        if wanted.chart:
            small = cut(original, wanted.name, CHART, {axis: 400 for axis in wanted.axes})
            _write(small, CHARTS / f"{wanted.name}.ttf", None)
            _write(small, CHARTS / f"{wanted.name}.woff2", "woff2")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(f"give the folder that holds {', '.join(ORIGINALS)}, unpacked; "
                 "the first lines of this file say how")
    main(Path(sys.argv[1]))
