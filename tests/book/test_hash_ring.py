"""book/pictures/hash_ring.py: the drawing tells what its data tell."""
import re
from xml.etree import ElementTree

import pytest

from computetrades.book.pictures import hash_ring

POINTS = [(0.25, "A"), (0.5, "B"), (1.0, "C")]
KEYS = [(0.1, "A", "A"), (0.3, "B", "C"), (0.4, "B", "C"), (0.9, "C", "C")]
REMAINDERS = [("A", "C"), ("B", "A"), ("C", "A"), ("C", "C")]


def drawing():
    return hash_ring.ring(POINTS, KEYS, "B", REMAINDERS)


def test_it_counts_what_moves_in_each_panel():
    svg = drawing()
    assert "The ring: 2 of 4 keys move" in svg and "By remainder: 3 of 4 keys move" in svg
    ElementTree.fromstring(svg)


def test_every_key_is_a_dot_and_moved_ones_are_marked():
    dots = re.findall(r"<circle[^>]*fill: var\(--ct-(\w+)", drawing())
    assert len(dots) == 8 and dots.count("off") == 5
    assert "to C" in drawing()


def test_arcs_end_at_their_owners_point_and_close_the_circle():
    arcs = re.findall(r'd="M([\d.]+) ([\d.]+)A\d+ \d+ 0 (\d) 1 ([\d.]+) ([\d.]+)"', drawing())
    assert [large for *_, large, _, _ in arcs] == ["0", "0", "0"]
    ends = [(a[3], a[4]) for a in arcs]
    assert [(a[0], a[1]) for a in arcs] == [ends[-1], *ends[:-1]]


def test_unequal_panels_are_refused():
    with pytest.raises(ValueError, match="the same keys"):
        hash_ring.ring(POINTS, KEYS, "B", REMAINDERS[:2])
