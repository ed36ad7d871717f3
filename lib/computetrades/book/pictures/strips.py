"""Rows of numbers as strips of coloured cells: an embedding table's, each cell a number,
its shade how far from zero it is."""
from __future__ import annotations

from collections import defaultdict

from .svg import colour, drawing, label

CELL, HEIGHT, PITCH, SHADES = 5, 19, 23, 8


def strips(rows: dict[str, list[float]], full: float, axis: str, description: str) -> str:
    """rows: name -> numbers, as many in each. A number of `full` or more, either way, has the whole colour;
    axis: what lies along it."""
    if full <= 0:
        raise ValueError(f"the full shade needs a number above zero, not {full}")
    left, foot = 10 + 7 * max(len(name) + 2 for name in rows), PITCH * len(rows)
    right, y = left + CELL * max(map(len, rows.values())), foot + 24
    shapes = [label(left - 8, PITCH * n + 14, f'"{name}"', "end", 11.5, mono=True)
              for n, name in enumerate(rows)]
    shapes += cells((left + CELL * k, PITCH * n, *shade(value, full))
                    for n, values in enumerate(rows.values()) for k, value in enumerate(values))
    for x, ink, says in ((right - 276, "accent", f"−{full:g} or less"), (right - 160, "", "0"),
                         (right - 106, "off", f"+{full:g} or more")):
        shapes += [*cells([(x, y - 13, ink, 100 if ink else 0)], 14, 14),
                   label(x + 20, y - 2, says, "start", 12, ink="quiet")]
    shapes.append(label(left, y - 2, axis, "start", 12, ink="quiet"))
    return drawing(right, foot + 32, shapes, description)


def shade(value: float, full: float) -> tuple[str, int]:
    """A number's ink and how much of it, in SHADES steps."""
    return "off" if value > 0 else "accent", round(min(abs(value) / full, 1) * SHADES) * 100 // SHADES


def cells(placed, width: float = CELL, height: float = HEIGHT):
    """placed: (x, y, ink, share) of each cell, its left upper corner first. One path for all cells of a
    colour, which says the same as a box for each in a tenth of the room."""
    paths = defaultdict(list)
    for x, y, ink, share in placed:
        paths[ink if share else "", share].append(f"M{x:g} {y + height / 2:g}h{width:g}")
    for (ink, share), path in sorted(paths.items()):
        stroke = colour(ink or "line", share if ink else 40)
        yield f'<path d="{"".join(path)}" style="stroke: {stroke}; stroke-width: {height:g}"/>'
