"""One transformer block from top to bottom, each step with the shape of what it gives;
and what its heads look at."""
from __future__ import annotations

from .svg import box, colour, drawing, label, line

# The steps in their order, those side by side together.
# A name is one of block_steps.dissect's; beside it what to write.
ROWS = ((("x", "the stream, x"),), (("norm", "RMSNorm"),), (("q", "query"), ("k", "key"), ("v", "value")),
        (("q rotated", "rotate"), ("k rotated", "rotate")), (("scores", "query · key"),),
        (("masked", "hide the future"),), (("softmax", "softmax"),), (("values", "weigh the values"),),
        (("+ attention", "output, added to x"),), (("norm again", "RMSNorm"),),
        (("gate", "gate"), ("up", "up")), (("silu(gate) × up", "silu(gate) × up"),),
        (("+ feed-forward", "down, added to x"),))
MATRIX = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "+ attention": "o_proj", "gate": "gate", "up": "up",
          "+ feed-forward": "down"}
WIDTH, STEP, TALL, LEFT, RIGHT = 760, 40, 28, 44, 290


def block(shapes: dict, larger: dict, weights: dict, small: str, large: str) -> str:
    """shapes: step -> shape in the model that ran. larger: a dimension of that model -> the same of the large
    one; what is not there is the number of tokens. weights: name in MATRIX -> parameters of one layer of the
    large one. small, large: their names."""
    shapes_at = [LEFT, RIGHT + 16, 500, 688]
    out = [label(x, 18, words, "start", 12, ink="quiet", weight=600)
           for x, words in zip(shapes_at, ("step", large, small, "weights"), strict=True)]
    most = max(weights.values(), default=1)
    for i, row in enumerate(ROWS):
        y = 34 + i * STEP
        wide = (RIGHT - LEFT - 8 * (len(row) - 1)) / len(row)
        for j, (name, words) in enumerate(row):
            heavy = weights.get(MATRIX.get(name), 0)
            x = LEFT + j * (wide + 8)
            out.append(box(x, y, wide, TALL, "accent" if heavy else "panel",
                           share=15 + round(30 * heavy / most) if heavy else 100))
            out.append(label(x + wide / 2, y + 19, words, size=12.5, weight=600 if heavy else 400))
        if i:
            out.append(line((LEFT + (RIGHT - LEFT) / 2, y - STEP + TALL + 1),
                            (LEFT + (RIGHT - LEFT) / 2, y - 2), arrow=True))
        told = [_once([_large(shapes[name], larger) for name, _ in row]),
                _once([_shape(shapes[name]) for name, _ in row]),
                _millions(sum(weights.get(MATRIX.get(name), 0) for name, _ in row))]
        out += [label(x, y + 19, words, "start", 11.5, mono=True)
                for x, words in zip(shapes_at[1:], told, strict=True)]
    for first, last in ((0, 8), (8, 12)):                     # past each sublayer, to where it is added
        top = 34 + first * STEP + TALL / 2 + (6 if first else 0)
        end = 34 + last * STEP + TALL / 2 - (6 if last == 8 else 0)
        out += [line((LEFT - 1, top), (LEFT - 26, top), (LEFT - 26, end), (LEFT - 2, end), ink="accent",
                     arrow=True, width=2)]
    described = "; ".join(f"{words} {_large(shapes[name], larger)}" for row in ROWS for name, words in row)
    return drawing(WIDTH, 34 + len(ROWS) * STEP, out,
                   f"The steps of a block of {large}, with their shapes: {described}")


def heads(tokens, attention, names) -> str:
    """Panels, one a head: rows are the tokens that ask, columns those that they may look at, stronger in
    colour where the weight is larger.

    attention [heads][queries][keys]; names: what to write over each panel.
    """
    n, cell, beside, gap = len(tokens), 13, 58, 34
    wide, tall, out = beside + n * cell, n * cell, []
    for h, (rows, name) in enumerate(zip(attention, names, strict=True)):
        x0, y0 = (h % 2) * (wide + gap), (h // 2) * (tall + 40) + 24
        out.append(label(x0 + beside, y0 - 8, name, "start", 12.5, weight=600))
        out += [label(x0 + beside - 5, y0 + i * cell + 10.5, _visible(token), "end", 10.5, ink="quiet",
                      mono=True)
                for i, token in enumerate(tokens)]
        seen = [(i, j, _eighths(rows[i][j])) for i in range(n) for j in range(i + 1)]
        for level in range(9):
            squares = "".join(f"M{x0 + beside + j * cell} {y0 + i * cell}h12v12h-12z"
                              for i, j, share in seen if share == level)
            if squares:
                out.append(f'<path d="{squares}" '
                           f'style="fill: {colour("accent", max(5, round(level * 12.5)))}"/>')
    return drawing(2 * wide + gap, -(-len(attention) // 2) * (tall + 40), out,
                   f"Attention of {len(attention)} heads over {n} tokens, as shaded triangles")


def _eighths(weight: float) -> int:
    """So coarse that the last digits of a float do not change the picture."""
    return min(8, int(weight * 8 + 0.5))


def _visible(token: str) -> str:
    return "⏎" if "\n" in token else token.strip() or "␣"


def _shape(shape) -> str:
    return " × ".join(f"{d:,}" for d in shape)


def _large(shape, larger) -> str:
    return " × ".join(f"{larger[d]:,}" if d in larger else "S" for d in shape)


def _once(words: list[str]) -> str:
    """Equal shapes told once: q apart from k and v."""
    return ", ".join(dict.fromkeys(words))


def _millions(count: float) -> str:
    return f"{count / 1e6:.1f} M" if count else ""
