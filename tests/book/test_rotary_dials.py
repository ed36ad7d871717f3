"""pictures/dials.py: hands and sectors against geometry done by hand."""
import math
import re

import pytest

from computetrades.book.pictures import rotary_dials


def test_the_hand_of_a_clock():
    assert rotary_dials.point(0, 0, 10, 0) == pytest.approx((0, -10))
    assert rotary_dials.point(0, 0, 10, math.pi / 2) == pytest.approx((10, 0))  # three o'clock


@pytest.mark.parametrize("angle,words",
                         [(0, "0°"), (math.pi, "180°"), (0.14 / 57.2958, "0.1°"), (2.5 / 57.2958, "2.5°"),
                                         (3 * math.pi, "1.5 turns"), (2000 * math.pi, "1,000 turns")])
def test_told(angle, words):
    assert rotary_dials.angle_in_words(angle) == words


def test_a_sector_is_a_wedge_a_disc_or_nothing():
    assert rotary_dials.sector(0, 0, 10, 1, 1, fill="off", share=100) == ""
    assert rotary_dials.sector(0, 0, 10, 0, 7, fill="off", share=100).startswith("<circle")
    wedge = rotary_dials.sector(0, 0, 10, 0, math.pi / 2, fill="off", share=100)
    assert "L0.00 -10.00A10 10 0 0 1 10.00" in wedge
    assert " 0 1 1 " in rotary_dials.sector(0, 0, 10, 0, 4, fill="off", share=100)  # the long way round


def test_one_hand_for_every_dial_and_red_only_beyond_what_is_known():
    svg = rotary_dials.dials(["a", "b"], ["now", "later"], [[0, 1], [2, 30]])
    assert svg.count("<circle") == 4 and "later: a 115°, b 4.8 turns" in svg
    seen = rotary_dials.faces(["a", "b"], ["now"], [7, 0.5], [[100, 1.0]])
    assert len(re.findall(r"<path [^>]*var\(--ct-off", seen)) == 1  # a has shown its whole face
    assert not re.findall(r"<path [^>]*var\(--ct-off", rotary_dials.faces(["a"], ["now"], [0.5], [[0.5]]))


def test_the_colours_are_named_in_the_drawing_below_its_last_row():
    """Pages are light or dark, so a caption cannot name a colour."""
    seen = rotary_dials.faces(["a"], ["now", "then"], [0.5], [[0.5], [1.0]])
    key = {words: float(y)
           for y, words in re.findall(r'<text x="[^"]*" y="([^"]*)"[^>]*>([^<]*)</text>', seen)}
    assert key["shown in training"] == key["never shown"] > key["57°"]
    assert key["never shown"] < float(re.search(r'viewBox="0 0 \S+ (\S+)"', seen)[1])
