"""What passes between the two ends of a connection, time running down the page:
one rung for each round trip."""
from __future__ import annotations

from dataclasses import dataclass

from .svg import colour, drawing, label, line

WIDTH, LEFT, RIGHT, TOP, RUNG = 380, 92, 342, 46, 84
THICK = 0.42
"""Height of one full segment. Eighty of them still leave room in a rung."""


@dataclass(frozen=True)
class Leg:
    """One round trip: what goes up, what comes back,
    and how many full segments of data are in what goes up."""
    up: str
    down: str
    segments: float = 0


def ladder(legs, rtt_ms: float, ends: tuple[str, str], description: str) -> str:
    """The legs as SVG, beside a scale in milliseconds. ends: the names of the two sides, left and right."""
    legs = list(legs)
    height = TOP + RUNG * len(legs) + 26
    shapes = [label(x, 20, name, size=14, weight=600) for x, name in zip((LEFT, RIGHT), ends, strict=True)]
    shapes += [line((x, 30), (x, height - 8), ink="quiet", width=1.6) for x in (LEFT, RIGHT)]
    for i, leg in enumerate(legs):
        shapes += [*_scale(i, rtt_ms), *_rung(i, leg)]
    return drawing(WIDTH, height, [*shapes, *_scale(len(legs), rtt_ms)], description)


def _scale(i: int, rtt_ms: float):
    y = TOP + RUNG * i
    yield line((LEFT - 6, y), (LEFT, y))
    yield label(LEFT - 11, y + 4.5, f"{i * rtt_ms:,.0f} ms", anchor="end", size=12.5, ink="quiet")


def _rung(i: int, leg: Leg):
    """Up to the middle of the rung, and back to its end; data is a band as thick as it is much."""
    y, thick = TOP + RUNG * i, leg.segments * THICK
    half = RUNG / 2
    if thick:
        yield (f'<path d="M{LEFT} {y:g}L{RIGHT} {y + half - thick:g}V{y + half:g}L{LEFT} {y + thick:g}Z" '
               f'style="fill: {colour("accent", 45)}; stroke: {colour("accent")}"/>')
    else:
        yield line((LEFT, y), (RIGHT, y + half), arrow=True)
    yield line((RIGHT, y + half), (LEFT, y + RUNG), arrow=True)
    # Above what slopes down to the right, and above what slopes down to the left
    yield label(RIGHT - 10, y + 3, leg.up, anchor="end", size=13, weight=600)
    yield label(LEFT + 12, y + 54, leg.down, anchor="start", size=12.5, ink="quiet")
