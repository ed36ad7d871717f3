"""The agent's loop: what goes back and forth between the machine that holds the conversation
and the one that holds the model."""
from __future__ import annotations

from . import svg

WIDTH, BAR, LEFT, RIGHT = 760, 300, 200, 560


def conversation(turns: list[dict], told: str) -> str:
    """turns: dicts of call (its number), sent and cached (tokens), answer and tool (words; tool may be '').
    told: the picture in words.

    Bars are to one scale: the conversation that each call sends, the part that is found in the cache in grey.
    ValueError when a call finds more than it sends.
    """
    for turn in turns:
        if not 0 <= turn["cached"] <= turn["sent"]:
            raise ValueError(f"call {turn['call']} sends {turn['sent']} tokens and finds {turn['cached']}; "
                             "it cannot find more than it sends")
    height, longest = 66 + 92 * len(turns), max(turn["sent"] for turn in turns)
    shapes = [svg.box(0, 28, LEFT - 20, height - 34),
              svg.box(RIGHT + 20, 28, WIDTH - RIGHT - 20, height - 34),
              svg.label((LEFT - 20) / 2, 18, "your machine, with the files", size=12, weight=600),
              svg.label((RIGHT + 20 + WIDTH) / 2, 18, "data centre, with the model", size=12, weight=600)]
    for i, turn in enumerate(turns):
        shapes += _turn(turn, 52 + 92 * i, BAR / longest)
    return svg.drawing(WIDTH, height, shapes, told)


def _turn(turn, y, scale):
    found, new = turn["cached"] * scale, (turn["sent"] - turn["cached"]) * scale
    at = (LEFT + RIGHT) / 2 - BAR / 2
    bars = (([svg.box(at, y + 8, found, 12, "quiet", share=45, round=1)] if found else [])
            + [svg.box(at + found, y + 8, new, 12, "accent", round=1)])
    words = (f"call {turn['call']}: {turn['sent']:,} tokens"
             + (f", {turn['cached']:,} of them cached" if turn["cached"] else ", all new"))
    ran = [svg.label((LEFT - 20) / 2, y + 62, turn["tool"], size=12)] if turn["tool"] else []
    return [svg.label(at, y + 2, words, "start", 12), *bars,
            svg.line((LEFT - 14, y + 28), (RIGHT + 14, y + 28), arrow=True, ink="ink"),
            svg.label((RIGHT + 20 + WIDTH) / 2, y + 32, "one token at a time", size=12, ink="quiet"),
            svg.line((RIGHT + 14, y + 56), (LEFT - 14, y + 56), arrow=True, ink="ink"),
            svg.label(at, y + 50, turn["answer"], "start", 12, mono=True), *ran]
