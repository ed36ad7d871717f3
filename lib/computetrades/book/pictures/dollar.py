"""The API dollar as strata, drawn to scale from the records: SVG whose colours are the page's."""
from __future__ import annotations

from html import escape

from ..plan import plan


def strata(shares: dict[str, float], height: float) -> list[tuple[str, float, float]]:
    """(label, top, thickness) of each layer, in order, `height` being the whole dollar."""
    out, top = [], 0.0
    for layer in plan().dollar:
        thick = height * shares.get(layer.record, 0)
        out.append((layer.name, top, thick))
        top += thick
    return out


def dollar(shares: dict[str, float], number) -> str:
    """The dollar as strata, to scale, with each layer's label and its quoted number at the right.

    shares: record key -> part of the dollar. number: key -> HTML of the quoted number.
    """
    height, width, beside, gap = 380, 170, 200, 26
    bands, labels = [], []
    layers = strata(shares, height)
    last = -gap
    for (label, top, thick), layer in zip(layers, plan().dollar, strict=True):
        style = f"--fill: {layer.fill or 0}%"
        bands.append(f'<rect class="{"ct-layer" if layer.fill else "ct-thinnest"}" style="{style}" '
                     f'x="0" y="{top:.2f}" width="{width}" height="{thick:.2f}"/>')
        at = top + thick / 2
        y = last = max(at, last + gap)  # thin layers share a ladder of labels at the foot
        labels.append(f'<path class="ct-leader" d="M{width + 2} {at:.2f}h8L{beside - 6} {y:.1f}"/>'
                      f'<text x="{beside}" y="{y + 5:.1f}">{escape(label)} {number(layer.record)}</text>')
    return (f'<svg viewBox="0 0 400 {last + 16:.0f}" role="group" '
            'aria-label="One API dollar as layers, to scale">'
            + "".join(bands + labels) + "</svg>")
