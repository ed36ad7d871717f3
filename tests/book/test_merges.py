"""The two drawings of byte-pair encoding: everything told is drawn, nothing overlaps,
nothing leaves the frame."""
import re
import xml.etree.ElementTree as ET

import pytest

from computetrades.book.pictures import merges

AD = ("ad", 1, (("a", None, ()), ("d", None, ())))
ADD = ("add", 2, (AD, ("d", None, ())))
DARK = (" d<&", 1, ((" ", None, ()), ("d<&", None, ())))
TREE = merges.tree([([ADD], ["723"]), ([DARK, ("k", None, ())], ["1", "2"])], "in words")
LEARNED = merges.learned([("bytes", list("a ab<"), ""), ("1. seen 2 times", ["a", " ", "ab", "<"], "ab")],
                         "in words")


def shapes(svg, name):
    return [el for el in ET.fromstring(svg).iter() if el.tag.endswith(name)]


def boxes(svg):
    return [tuple(float(el.get(k)) for k in ("x", "y", "width", "height")) for el in shapes(svg, "rect")]


@pytest.mark.parametrize("svg", [TREE, LEARNED])
def test_it_is_sound_described_and_inside_its_frame(svg):
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox").split())
    assert root.get("aria-label") == "in words"
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes(svg))


@pytest.mark.parametrize("svg", [TREE, LEARNED])
def test_no_two_boxes_overlap(svg):
    found = boxes(svg)
    for i, (x, y, w, h) in enumerate(found):
        assert not any(x < u + p and u < x + w and y < v + q and v < y + h for u, v, p, q in found[:i])


def test_the_tree_draws_each_token_over_what_it_was_made_of():
    words = [el.text for el in shapes(TREE, "text")]
    assert {"723", "add", "ad", "·d<&", "1", "2"} <= set(words)
    assert len(boxes(TREE)) == 2 + 3 + 1 + 3     # merges and bytes of either piece
    at = sorted(boxes(TREE), key=lambda b: b[1])
    assert at[0][2] > at[-1][2]                  # the topmost spans more than a byte
    assert merges.height(ADD) == 2 and merges.height(("k", None, ())) == 0


def test_each_token_needs_its_caption():
    with pytest.raises(ValueError):
        merges.tree([([ADD], [])], "in words")


def test_rows_are_as_wide_as_their_text_and_the_new_token_stands_out():
    found = boxes(LEARNED)
    rows = {y: sum(w + 1 for x, y_, w, h in found if y_ == y) for y in {b[1] for b in found}}
    assert len(rows) == 2 and len(set(round(width, 6) for width in rows.values())) == 1
    assert len(re.findall(r"stroke: var\(--ct-accent", LEARNED)) == 1
