"""The hash ring: who owns which arc, where the keys fall, and which of them move when one owner is lost."""
from __future__ import annotations

from math import cos, pi, sin

from . import svg

SHARES = (100, 70, 45, 25, 12)  # shades of the accent, one an owner; more owners begin again


def ring(points, keys, lost, remainders) -> str:
    """Two panels: the circle with its owners' arcs, and the same keys dealt out by remainder.

    points: [(position from 0 to 1, owner)] in order; an owner has the arc that ends at its point. keys:
    [(position, owner before, owner after)]. remainders: [(owner before, owner after)] of the same keys.
    lost: the owner that goes.
    """
    if len(keys) != len(remainders):
        raise ValueError(f"{len(keys)} keys on the ring and {len(remainders)} by remainder; "
                         "give the same keys to both")
    owners = sorted({owner for _, owner in points})
    return svg.drawing(720, 370, [*_circle(points, keys, lost, owners), *_rows(remainders, lost, owners)],
                       _told(keys, remainders, lost))


def _n_moved(pairs) -> int:
    """How many of the (before, after) differ."""
    return sum(before != after for before, after in pairs)


def _circle(points, keys, lost, owners):
    cx, cy, r = 180, 196, 128
    yield svg.label(cx, 20, f"The ring: {_n_moved(k[1:] for k in keys)} of {len(keys)} keys move", weight=600)
    for (start, _), (end, owner) in zip([points[-1], *points[:-1]], points, strict=True):
        yield _arc((cx, cy, r), start, end, _shade(owner, lost, owners), dashed=owner == lost)
        yield svg.line(_on(cx, cy, r - 6, end), _on(cx, cy, r + 6, end), ink="ink")
        span = (end - start) % 1
        if span > 0.02:  # shorter arcs have no room for a letter
            x, y = _on(cx, cy, r + 18, start + span / 2)
            yield svg.label(x, y + 4, owner, size=12, ink="off" if owner == lost else "ink", weight=600)
        heirs = {after for at, before, after in keys
                 if before == lost and (at - start) % 1 <= span and owner == lost}
        for heir in heirs:  # one: an arc has one next point
            yield svg.label(*_on(cx, cy + 4, r - 48, start + span / 2), f"to {heir}", size=12, ink="off")
    for at, before, after in keys:
        yield _dot(*_on(cx, cy, r - 20, at), before != after)


def _rows(remainders, lost, owners):
    left, top, step = 408, 60, 24
    yield svg.label(left + 140, 20, f"By remainder: {_n_moved(remainders)} of {len(remainders)} keys move",
                    weight=600)
    for row, owner in enumerate(owners):
        y = top + row * 58
        fill, share = _shade(owner, lost, owners)
        yield svg.box(left - 26, y - 12, 318, 44, "panel", edge="off" if owner == lost else "line")
        yield svg.box(left - 26, y - 12, 6, 44, fill, share=share, edge="line", round=0)
        yield svg.label(left - 8, y + 15, owner, weight=600, ink="off" if owner == lost else "ink")
        for i, (before, after) in enumerate(pair for pair in remainders if pair[0] == owner):
            x = left + 16 + i * step * 0.72
            yield _dot(x, y + 3, before != after)
            if before != after:
                yield svg.label(x, y + 23, after, size=11, ink="off")
    yield svg.label(left + 132, top + len(owners) * 58 + 6,
                    "a row for each replica; letters say where a moved key goes", size=12, ink="quiet")


def _shade(owner, lost, owners):
    return ("off", 35) if owner == lost else ("accent", SHARES[owners.index(owner) % len(SHARES)])


def _on(cx, cy, r, at):
    """A point of the circle; 0 is at the top, and it goes round clockwise."""
    return cx + r * sin(2 * pi * at), cy - r * cos(2 * pi * at)


def _arc(circle, start, end, shade, dashed):
    """circle: centre and radius. shade: a colour and how many percent of it."""
    span, r = (end - start) % 1, circle[-1]
    (x0, y0), (x1, y1) = _on(*circle, start), _on(*circle, end)
    dashes = "; stroke-dasharray: 3 2" if dashed else ""
    return (f'<path d="M{x0:.1f} {y0:.1f}A{r} {r} 0 {int(span > 0.5)} 1 {x1:.1f} {y1:.1f}" '
            f'style="fill: none; stroke: {svg.colour(*shade)}; stroke-width: 11{dashes}"/>')


def _dot(x, y, moves):
    ink = svg.colour("off" if moves else "quiet")
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4.5 if moves else 3.5}" style="fill: {ink}"/>'


def _told(keys, remainders, lost):
    return (f"Left, a circle divided among replicas, with {len(keys)} keys on it: when {lost} is lost, "
            f"the {_n_moved(k[1:] for k in keys)} keys on its arcs go to the next replica "
            "and no other key moves. "
            f"Right, the same keys dealt out by remainder: {_n_moved(remainders)} of them move.")
