"""The fonts that the book ships, so that no layout and no stored picture depends on those of a system.

CHARTS holds what vl-convert measures a chart's SVG with, and the same to travel in it; what a page loads lies
in site/theme/static. site/cut_fonts.py makes both.
"""
from __future__ import annotations

import base64
import functools
import re
from html import unescape
from pathlib import Path

from .. import used

CHARTS = Path(__file__).parent / "chart_fonts"
# As charts name them; the second where a viewer takes no font along
SANS, MONO = "Book Sans, sans-serif", "Book Mono, monospace"


def register() -> None:
    """Make the charts' fonts known to vl-convert, which then asks for none of the system's."""
    import vl_convert
    for path in CHARTS.glob("*.ttf"):
        used.file(path)
    vl_convert.register_font_directory(str(CHARTS))


def with_fonts(svg: str) -> str:
    """The SVG with the fonts that it names inside,
    so that every viewer draws the words as they were measured.

    ValueError for a character that they lack, since its width would be the system's.
    """
    words = set(unescape("".join(re.findall(r">([^<]*)</(?:text|tspan)>", svg))))
    families = [family for family in ("Book Sans", "Book Mono") if family in svg]
    for family in families:
        if lacking := words - _characters(CHARTS / f"{_name(family)}.ttf"):
            raise ValueError(f"{family} has no {' '.join(sorted(lacking))}, which a chart writes; "
                             "write it otherwise, or add it to CHART in site/cut_fonts.py "
                             "and cut the fonts again")
    at = svg.index(">") + 1
    return f"{svg[:at]}<style>{''.join(map(_face, families))}</style>{svg[at:]}" if families else svg


@functools.cache
def _characters(path: Path) -> frozenset[str]:
    """Which characters a font has a shape for."""
    from fontTools.ttLib import TTFont
    return frozenset(map(chr, TTFont(path).getBestCmap()))


@functools.cache
def _face(family: str) -> str:
    held = base64.b64encode((CHARTS / f"{_name(family)}.woff2").read_bytes()).decode()
    return f'@font-face{{font-family:"{family}";src:url(data:font/woff2;base64,{held})}}'


def _name(family: str) -> str:
    return family.lower().replace(" ", "-")
