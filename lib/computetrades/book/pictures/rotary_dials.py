"""Rotary pairs as clock faces: where each hand stands at a position,
and which part of its face training has shown."""
from __future__ import annotations

import math

from . import svg

RADIUS, COLUMN, ROW, SIDE, HEAD = 27, 108, 92, 118, 46


def point(x: float, y: float, radius: float, angle: float) -> tuple[float, float]:
    """On a face: 0 radians at twelve o'clock, clockwise."""
    return x + radius * math.sin(angle), y - radius * math.cos(angle)


def sector(x: float, y: float, radius: float, start: float, end: float, *, fill: str, share: int) -> str:
    """The part of a face between two angles, at most a full turn; nothing where it is empty."""
    swept = min(end - start, 2 * math.pi)
    if swept <= 0:
        return ""
    style = f'style="fill: {svg.colour(fill, share)}; stroke: none"'
    if swept >= 2 * math.pi - 1e-9:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {style}/>'
    (x0, y0), (x1, y1) = point(x, y, radius, start), point(x, y, radius, start + swept)
    return (f'<path d="M{x:.1f} {y:.1f}L{x0:.2f} {y0:.2f}'
            f'A{radius:g} {radius:g} 0 {int(swept > math.pi)} 1 {x1:.2f} {y1:.2f}Z" {style}/>')


def dials(columns: list[str], rows: list[str], angles: list[list[float]]) -> str:
    """A face for each row and column: angles[row][column] in radians, full turns included;
    below it, how far it has turned."""
    shapes = _heads(columns, rows)
    for r, line in enumerate(angles):
        for c, angle in enumerate(line):
            x, y = _centre(r, c)
            shapes += [_face(x, y, "none"),
                       svg.line((x, y), point(x, y, RADIUS - 4, angle % (2 * math.pi)), ink="accent",
                                width=2.4),
                       svg.label(x, y + RADIUS + 15, angle_in_words(angle), size=12, ink="quiet")]
    return _drawing(columns, rows, shapes, "Hands of clocks: " + "; ".join(
        _row_in_words(row, columns, line) for row, line in zip(rows, angles, strict=True)))


def faces(columns: list[str], rows: list[str], known: list[float], reached: list[list[float]]) -> str:
    """How much of each face is used: known[column] radians in training, reached[row][column] now; what
    training never showed in another colour; a key below."""
    shapes = _heads(columns, rows)
    for r, line in enumerate(reached):
        for c, (seen, angle) in enumerate(zip(known, line, strict=True)):
            x, y = _centre(r, c)
            shapes += [_face(x, y, "panel"),
                       sector(x, y, RADIUS, 0, min(seen, angle), fill="accent", share=55),
                       sector(x, y, RADIUS, seen, min(angle, 2 * math.pi), fill="off", share=70),
                       _face(x, y, "none"),
                       svg.label(x, y + RADIUS + 15, angle_in_words(angle), size=12,
                                 ink="off" if angle > seen and seen < 2 * math.pi else "quiet")]
    foot = HEAD + ROW * len(rows) - 2
    for x, colour, words in ((0, "accent", "shown in training"), (150, "off", "never shown")):
        shapes += [svg.box(x, foot - 10, 12, 12, fill=colour, share=55 if colour == "accent" else 70,
                           edge=colour, round=2),
                   svg.label(x + 19, foot, words, anchor="start", size=12)]
    return _drawing(columns, rows, shapes, "Parts of clock faces: " + "; ".join(
        _row_in_words(row, columns, line) for row, line in zip(rows, reached, strict=True)), foot=28)


def angle_in_words(angle: float) -> str:
    """An angle in words: degrees within the first turn, then turns."""
    if angle < 2 * math.pi:
        degrees = math.degrees(angle)
        return (f"{degrees:.0f}°" if degrees >= 10 or degrees == 0
                else f"{degrees:.1g}°" if degrees < 1 else f"{degrees:.1f}°")
    n = angle / (2 * math.pi)
    return f"{n:,.0f} turns" if n >= 10 else f"{n:.1f} turns"


def _row_in_words(row, columns, angles) -> str:
    told = (f"{column} {angle_in_words(angle)}" for column, angle in zip(columns, angles, strict=True))
    return f"{row}: " + ", ".join(told)


def _heads(columns, rows) -> list[str]:
    across = [svg.label(SIDE + COLUMN * (c + 0.5), 20, name, weight=600) for c, name in enumerate(columns)]
    down = [svg.label(0, _centre(r, 0)[1] - 4 + 15 * i, words, anchor="start", weight=400 if i else 600,
                      ink="quiet" if i else "ink")
            for r, name in enumerate(rows) for i, words in enumerate(name.split("\n"))]
    return across + down


def _centre(row: int, column: int) -> tuple[float, float]:
    return SIDE + COLUMN * (column + 0.5), HEAD + ROW * row + 14


def _face(x: float, y: float, fill: str) -> str:
    inside = "none" if fill == "none" else svg.colour(fill)
    return (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" '
            f'style="fill: {inside}; stroke: {svg.colour("quiet")}; stroke-width: 1.2"/>'
            + svg.line((x, y - RADIUS), (x, y - RADIUS + 4), ink="quiet"))


def _drawing(columns, rows, shapes, description, foot: float = 0) -> str:
    return svg.drawing(SIDE + COLUMN * len(columns), HEAD + ROW * len(rows) - 22 + foot,
                       [s for s in shapes if s], description.replace("\n", " "))
