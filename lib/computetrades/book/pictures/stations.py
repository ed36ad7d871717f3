"""The path of the one request as a map: eleven stations down the page,
the place where each runs across it."""
from __future__ import annotations

from dataclasses import dataclass

from .svg import box, colour, drawing, label, line, link

PLACES = ("desk", "edge", "region", "GPU")
"""From the reader's side to the accelerator: the lanes of the map, left to right."""


@dataclass(frozen=True)
class Station:
    """A stop of the request: its number in the essay, where it runs,
    and the chapter (file name) that explains it."""
    number: int
    name: str
    does: str
    place: str
    chapter: str


STATIONS = (
    Station(1, "The body", "a sentence becomes JSON", "desk", "01-request"),
    Station(2, "The edge", "handshakes, upload, end of TLS", "edge", "01-request"),
    Station(3, "Routing", "to where the prefix is cached", "region", "02-cache-routing"),
    Station(4, "Tokens", "text becomes integers", "region", "03-tokenization"),
    Station(5, "Embedding", "integers become vectors", "GPU", "04-embeddings"),
    Station(6, "Rotation", "vectors learn their position", "GPU", "05-rope"),
    Station(7, "The layers", "attention and MLP, many times", "GPU", "06-transformer-block"),
    Station(8, "The cache", "keys and values are kept", "GPU", "07-kv-cache"),
    Station(9, "Sampling", "scores become one token", "GPU", "08-sampling-and-streaming"),
    Station(10, "Streaming", "each token goes back at once", "region", "08-sampling-and-streaming"),
    Station(11, "The tool", "runs; then all begins again", "desk", "09-agent-loop"),
)
WIDTH, TOP, STEP, LANE, FIRST, TEXT = 360, 50, 50, 31, 34, 160


def map_of(address, here: str = "") -> str:
    """The map as SVG. address: chapter -> where it lies, or None when there is nothing to lead to. here: the
    chapter being read, to which nothing leads.
    """
    height = TOP + STEP * len(STATIONS) + 4
    shapes = [*_lanes(height), line(*_route(), ink="accent", width=3), *_loop()]
    shapes += [shape for i, station in enumerate(STATIONS)
               for shape in _stop(i, station, address(station.chapter), here)]
    told = "; ".join(f"{s.number} {s.name} at the {s.place}, {s.does}" for s in STATIONS)
    return drawing(WIDTH, height, shapes, f"The way of one request through eleven stations: {told}.")


def _at(i: int) -> tuple[float, float]:
    return FIRST + LANE * PLACES.index(STATIONS[i].place), TOP + STEP * i + STEP / 2


def _lanes(height: float):
    for i, place in enumerate(PLACES):
        x = FIRST + LANE * i
        y = 18 if i % 2 else 34  # in two rows, or the words would touch
        yield label(x, y, place, size=13, ink="quiet")
        yield line((x, y + 6), (x, height - 8), ink="line", dashed=True)


def _route() -> list[tuple[float, float]]:
    """Through all stops in order; between two lanes it turns halfway down."""
    points = [_at(0)]
    for i in range(1, len(STATIONS)):
        (x0, y0), (x1, y1) = points[-1], _at(i)
        points += [(x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2)] if x0 != x1 else []
        points.append((x1, y1))
    return points


def _loop():
    """The next call: from the last stop back up to the edge,
    since its body is longer and the rest the same."""
    (x, y), (_, up) = _at(len(STATIONS) - 1), _at(0)
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
