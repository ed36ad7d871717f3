"""The picture that stands for a page when its address is shared: its title beside the dollar to scale."""
from __future__ import annotations

import hashlib
import inspect
import sys
from pathlib import Path

from PIL import Image, ImageColor, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from ..book.pictures.dollar import strata
from ..book.plan import plan
from .frame import THEME

WIDTH, HEIGHT, EDGE = 1200, 630, 76
# As in theme/static/page.css
PAPER, INK, QUIET, LINE, ACCENT, LAST = "#fffdf9", "#1a2226", "#556067", "#dfe0da", "#0a6670", "#8f3c00"


def write(path: Path, title: str, above: str, below: str, shares: dict[str, float]) -> None:
    """Draw the preview of a page at `path`, unless the one there says the same.
    shares: see pictures/dollar.py."""
    says = hashlib.sha256(repr((title, above, below, sorted(shares.items()),
                                inspect.getsource(sys.modules[__name__]))).encode()).hexdigest()
    if path.is_file():
        with Image.open(path) as there:
            if there.info.get("says") == says:
                return
    path.parent.mkdir(parents=True, exist_ok=True)
    info = PngInfo()
    info.add_text("says", says)
    draw(title, above, below, shares).quantize(64).save(path, pnginfo=info, optimize=True)


def draw(title: str, above: str, below: str, shares: dict[str, float]) -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    left, right = WIDTH - 250, WIDTH
    for (_, top, thick), layer in zip(strata(shares, HEIGHT), plan().dollar, strict=True):
        pen.rectangle((left, top, right, top + thick),
                      fill=_mix(ACCENT, LINE, layer.fill / 100) if layer.fill else LAST)
    pen.rectangle((left, HEIGHT - 2, right, HEIGHT), fill=LAST)
    small, room = _font("book-sans", 30, 400), left - 2 * EDGE
    pen.text((EDGE, EDGE - 8), above, fill=QUIET, font=small)
    for size in range(84, 40, -4):
        font = _font("book-serif", size, 600)
        lines = _lines(title, font, room)
        if len(lines) * size * 1.14 <= 330:
            break
    pen.multiline_text((EDGE, EDGE + 52), "\n".join(lines), fill=INK, font=font, spacing=size * 0.1)
    pen.text((EDGE, HEIGHT - EDGE - 62), "Compute Trades, Recomputed", fill=ACCENT,
             font=_font("book-serif", 36, 600))
    pen.text((EDGE, HEIGHT - EDGE - 10), below, fill=QUIET, font=small)
    return image


def _font(name: str, size: int, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(THEME / "static" / "fonts" / f"{name}.woff2"), size)
    font.set_variation_by_axes([weight])
    return font


def _lines(text: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    """Broken where it has to be, each line as long as fits."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _mix(a: str, b: str, share: float) -> tuple[int, ...]:
    return tuple(round(x * share + y * (1 - share))
                 for x, y in zip(ImageColor.getrgb(a), ImageColor.getrgb(b), strict=True))
