"""The path of the one request as a map: eleven stations down the page,
the place where each runs across it."""
from __future__ import annotations

from ..plan import Station, plan
from .svg import box, colour, drawing, label, line, link

WIDTH, TOP, STEP, LANE, FIRST, TEXT = 360, 50, 50, 31, 34, 160


def map_of(address, here: str = "") -> str:
    """The map as SVG. address: chapter -> where it lies, or None when there is nothing to lead to. here: the
    chapter being read, to which nothing leads.
    """
    stops = plan().stations
    height = TOP + STEP * len(stops) + 4
    shapes = [*_lanes(height), line(*_route(), ink="accent", width=3), *_loop()]
    shapes += [shape for i, station in enumerate(stops)
               for shape in _stop(i, station, address(station.chapter), here)]
    told = "; ".join(f"{s.number} {s.name} at the {s.place}, {s.does}" for s in stops)
    return drawing(WIDTH, height, shapes, f"The way of one request through eleven stations: {told}.")


def _at(i: int) -> tuple[float, float]:
    return FIRST + LANE * plan().places.index(plan().stations[i].place), TOP + STEP * i + STEP / 2


def _lanes(height: float):
    for i, place in enumerate(plan().places):
        x = FIRST + LANE * i
        y = 18 if i % 2 else 34  # in two rows, or the words would touch
        yield label(x, y, place, size=13, ink="quiet")
        yield line((x, y + 6), (x, height - 8), ink="line", dashed=True)


def _route() -> list[tuple[float, float]]:
    """Through all stops in order; between two lanes it turns halfway down."""
    points = [_at(0)]
    for i in range(1, len(plan().stations)):
        (x0, y0), (x1, y1) = points[-1], _at(i)
        points += [(x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2)] if x0 != x1 else []
        points.append((x1, y1))
    return points


def _loop():
    """The next call: from the last stop back up to the edge,
    since its body is longer and the rest the same."""
    (x, y), (_, up) = _at(len(plan().stations) - 1), _at(0)
    yield line((x - 12, y), (x - 22, y), (x - 22, up), (x - 13, up), ink="accent", dashed=True, arrow=True,
               width=1.6)


def _stop(i: int, station: Station, href: str | None, here: str):
    x, y = _at(i)
    mine = station.chapter == here
    ring = (f'<circle cx="{x:g}" cy="{y:g}" r="12" style="fill: {colour("accent", 35 if mine else 0)}; '
            f'stroke: {colour("accent")}; stroke-width: {3 if mine else 2}"/>')
    digit = label(x, y + 4.5, str(station.number), size=12.5, weight=600)
    card = [box(TEXT - 10, y - 21, WIDTH - TEXT + 8, 42, edge="accent" if mine else "line"),
            label(TEXT, y - 3, station.name, anchor="start", size=15, weight=600,
                  ink="accent" if href else "ink"),
            label(TEXT, y + 14, station.does, anchor="start", size=12.5, ink="quiet")]
    if mine or href:
        told = "you are here" if mine else f"chapter {station.chapter[:2]}"
        card.append(label(WIDTH - 12, y - 3, told, anchor="end", size=12, ink="accent"))
    inner = [line((x + 13, y), (TEXT - 10, y), ink="line"), ring, digit, *card]
    yield link(href, inner) if href and not mine else "".join(inner)
