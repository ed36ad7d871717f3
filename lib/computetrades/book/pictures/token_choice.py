"""From the last vector to an event: a small funnel, drawn from the numbers of one real step."""
from __future__ import annotations

from .svg import box, drawing, label, line

WIDTH, HEIGHT, TOP, ROW = 820, 262, 46, 20


def choosing(vector: list[float], candidates: list[tuple[str, float]], rest: tuple[int, float], chosen: int,
             *, token: int, event: list[str], size: int) -> str:
    """vector: of any length, drawn eight to a row and darker the larger.
    candidates: (token, probability), likeliest first.

    rest: how many tokens are not drawn, and their probability together.
    chosen: which candidate was taken; token: its id.
    event: the lines that left the server; size: their bytes.
    """
    largest = max(abs(x) for x in vector)
    cells = [box(10 + 9 * (i % 8), TOP + 9 * (i // 8), 8, 8, "accent", share=round(8 + 92 * abs(x) / largest),
                 edge="panel", round=1)
             for i, x in enumerate(vector)]
    shapes = [label(46, 26, f"{len(vector)} numbers", weight=600), *cells,
              line((92, 118), (142, 118), arrow=True), label(117, 108, "head", size=12, ink="quiet")]

    left, longest = 246, candidates[0][1]
    shapes.append(label(left, 26, "one score per token", weight=600))
    for i, (word, share) in enumerate([*candidates, (f"{rest[0]:,} others", rest[1])]):
        y, others = TOP + ROW * i, i == len(candidates)
        shapes += [label(left - 8, y + 13, word, "end", 12.5, ink="quiet" if others else "ink",
                         weight=700 if i == chosen else 400, mono=not others),
                   box(left, y + 2, max(1.5, 96 * share / longest), ROW - 5, "accent",
                       share=100 if i == chosen else 30, round=2),
                   label(left + 6 + 96 * share / longest, y + 13, f"{100 * share:.0f}%", "start", 12,
                         ink="quiet")]

    at = TOP + ROW * chosen + 9
    shapes += [line((left + 150, at), (418, at), (418, 118), (438, 118), arrow=True),
               label(408, at - 8, "pick", size=12, ink="quiet"),
               box(442, 96, 84, 44), label(484, 114, f"id {token}", size=13, weight=600),
               label(484, 131, candidates[chosen][0], size=12.5, mono=True),
               line((528, 118), (552, 118), arrow=True), box(556, TOP + 16, 258, 24 + 17 * len(event))]
    shapes += [label(566, TOP + 40 + 17 * i, text, "start", 10.5, mono=True) for i, text in enumerate(event)]
    shapes += [label(685, 26, f"one event, {size} bytes", weight=600),
               line((484, 142), (484, 246), (46, 246), (46, TOP + 9 * -(-len(vector) // 8) + 6), arrow=True,
                    dashed=True),
               label(277, 240, "the chosen token goes in again, alone", size=12, ink="quiet")]
    told = (f"A vector of {len(vector)} numbers becomes a probability for every token; the likeliest are "
            + ", ".join(f"{word.strip('·')} {100 * share:.0f}%" for word, share in candidates[:3])
            + f". Token {token} is picked, leaves as an event of {size} bytes, and goes in again.")
    return drawing(WIDTH, HEIGHT, shapes, told)
