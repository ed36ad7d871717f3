"""A vocabulary's table read in its two ways: ids pick rows of it, and one vector meets every row."""
from __future__ import annotations

from math import sin

from .strips import cells
from .svg import box, drawing, label, line

ROW, CELL, COLUMNS = 15, 9.5, 11


def lookup(words: list[tuple[str, int]], vocab_size: int, width: int) -> str:
    """words: the text's tokens and their ids, in its order.
    The rows between them are cut short, and rows are `width` long."""
    rows = _rows([i for _, i in words])
    top = {i: 62 + ROW * n for n, i in enumerate(rows) if i is not None}
    foot, middle = 62 + ROW * len(rows), 62 + ROW * len(rows) / 2
    shapes = [label(0, 20, "In: each id picks one row", "start", 15, weight=600),
              label(468, 20, "Out: one vector meets every row", "start", 15, weight=600),
              *_gaps(186, rows), *_gaps(610, rows), line((575, middle - 9), (604, middle - 9), arrow=True),
              label(468, middle - 24, "hidden vector", "start", 12, ink="quiet"),
              label(726, 52, "logits", "start", 12, ink="quiet"),
              label(238, foot + 18, f"{vocab_size:,} rows of {width:,}", ink="quiet"),
              label(380, foot + 18, f"{len(words)} vectors", ink="quiet"),
              label(662, foot + 18, "as many rows, all of them read", ink="quiet")]
    shades = [*_table(186, rows, {i for _, i in words}), *_table(610, rows, top), *_row(468, middle - 14, 7)]
    for n, (word, i) in enumerate(words):
        y = 78 + 2.6 * ROW * n
        shapes += [box(0, y - 15, 148, 24), label(7, y + 2, f'"{word}"', "start", 10, mono=True),
                   label(143, y + 2, f"{i:,}", "end", 11, ink="accent", weight=600),
                   line((149, y - 3), (183, top[i] + ROW / 2), ink="accent", arrow=True),
                   line((292, top[i] + ROW / 2), (324, y - 3), ink="accent", arrow=True)]
        shades += _row(328, y - 9, i)
    best = max(top, key=_score)
    shapes += [box(726, y + 3, 8 + 56 * _score(i), ROW - 6, "accent" if i == best else "line", round=2)
               for i, y in top.items()]
    told = ", ".join(f"{word!r} picks row {i:,}" for word, i in words)
    return drawing(796, foot + 28, [*shapes, *cells(shades, CELL - 2.5, ROW - 5)],
                   f"Two tables of {vocab_size:,} rows. Left, the lookup: {told}; nothing else is read. "
                   "Right, the output head: one hidden vector is multiplied with every row, "
                   "and each row gives one logit.")


def _rows(ids: list[int]) -> list[int | None]:
    """Row numbers from the top, the ids' own and a neighbour before each; None where rows are left out."""
    out = []
    for i in sorted(ids):
        out += [None, i - 1, i]
    return [*out, i + 1, None]


def _gaps(x: float, rows):
    """Where rows are left out."""
    for n, i in enumerate(rows):
        if i is None:
            yield label(x + CELL * COLUMNS / 2, 73 + ROW * n, "⋮", ink="quiet", size=12)


def _table(x: float, rows, picked):
    """The cells of each row number; those of `picked` rows are drawn strong."""
    for n, i in enumerate(rows):
        if i is not None:
            yield from _row(x, 63 + ROW * n, i, i in picked)


def _row(x: float, y: float, seed: int, strong: bool = True):
    """A row's cells, for strips.cells; the shades only stand for numbers, in steps of five percent."""
    for k in range(COLUMNS):
        shade = (25 + 65 * abs(sin(seed * 1.7 + k * 2.3))) * (1 if strong else 0.6)
        yield x + k * CELL + 0.5, y + 0.5, "accent" if strong else "line", 5 * round(shade / 5)


def _score(i: int) -> float:
    return abs(sin(i * 0.9 + 1.3))
