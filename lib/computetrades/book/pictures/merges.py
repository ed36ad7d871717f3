"""Byte-pair encoding drawn: how merges are learned on a text,
and how the merges of a few words stack up to their tokens."""
from __future__ import annotations

from .svg import box, drawing, label, line

SPACE = "·"
# Of the stacks: between two words, from bar to bar, a bar's height, the edge
GAP, LEVEL, BAR, SIDE = 20.0, 36.0, 23.0, 6.0


def learned(rows, description: str, cell: float = 8.9) -> str:
    """A text after each merge, one row each, cut where its tokens end.

    rows: (label, tokens, the token that is new in this row or "").
    The tokens of every row add up to the same text.
    """
    left, step, top = 128, 25, 8
    shapes = []
    for i, (name, tokens, new) in enumerate(rows):
        y, x = top + i * step, float(left)
        shapes.append(label(left - 12, y + 14.5, name, anchor="end", size=12,
                            ink="quiet" if not new else "ink"))
        for token in tokens:
            width = cell * len(token)
            fresh = token == new
            shapes.append(box(x + 0.5, y, width - 1, 20,
                              fill="accent" if fresh or len(token) > 1 else "panel",
                              share=45 if fresh else 12 if len(token) > 1 else 100,
                              edge="accent" if fresh else "line", round=2))
            shapes.append(label(x + width / 2, y + 14.2, token.replace(" ", SPACE), size=12.5, mono=True))
            x += width
    widest = max(sum(map(len, tokens)) for _, tokens, _ in rows)
    return drawing(left + cell * widest + 6, top + len(rows) * step + 2, shapes, description)


def height(node) -> int:
    """Levels of merges below and at a node: none for a single byte."""
    _, _, parts = node
    return 1 + max(map(height, parts)) if parts else 0


def tree(words, description: str, cell: float = 26.0) -> str:
    """The merges of some pieces as stacks: bytes at the foot,
    each merge a bar over the two parts that it joins.

    words: (tokens, caption over each token), where a token is (text, number of its merge or None, parts).
    """
    tops = [height(token) for tokens, _ in words for token in tokens]
    foot = 34 + max(tops) * LEVEL
    shapes, x = [], SIDE
    for tokens, captions in words:
        for token, caption in zip(tokens, captions, strict=True):
            end = _draw(token, x, foot, cell, shapes, top=True)
            shapes.append(label((x + end) / 2, foot - height(token) * LEVEL - 9, caption, size=12,
                                ink="accent", weight=600))
            x = end
        x += GAP
    return drawing(x - GAP + SIDE, foot + BAR + 6, shapes, description)


def _draw(node, x, foot, cell, shapes, *, top=False) -> float:
    """Draw a node and what lies below it from x on; give where it ends."""
    text, number, parts = node
    y, end = foot - height(node) * LEVEL, x
    middles = []
    for part in parts:
        start, end = end, _draw(part, end, foot, cell, shapes)
        middles.append(((start + end) / 2, foot - height(part) * LEVEL))
    end = end if parts else x + cell
    for at, below in middles:
        shapes.append(line((at, below), (at, y + BAR), ink="quiet"))
    shapes.append(box(x + 1.5, y, end - x - 3, BAR, fill="accent" if parts else "panel",
                      share=45 if top else 14 if parts else 100, edge="accent" if top else "line", round=3))
    words = text.replace(" ", SPACE)
    if number is not None and end - x > 9.5 * len(words) + 22:
        shapes.append(label(x + 6, y + 15.5, str(number), anchor="start", size=10, ink="quiet"))
    elif number is not None:
        shapes.append(label(end - 1, y - 3, str(number), anchor="end", size=10, ink="quiet"))
    shapes.append(label((x + end) / 2, y + 15.8, words, size=13, mono=True, weight=600 if top else 400))
    return end
