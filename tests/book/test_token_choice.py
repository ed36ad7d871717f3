"""pictures/choosing.py: what is drawn is what was given."""
import re
import xml.etree.ElementTree as ET

from computetrades.book.pictures.token_choice import choosing

CANDIDATES = [("·a", 0.5), ("<b>", 0.25), ("c", 0.125)]
DRAWN = choosing([0.0, -2.0, 1.0] * 8, CANDIDATES, (97, 0.125), 1,
                 token=42, event=["event: x", "data: {}"], size=17)


def widths():
    rects = ET.fromstring(DRAWN).iter("{http://www.w3.org/2000/svg}rect")
    return [float(rect.get("width")) for rect in rects if rect.get("rx") == "2"]


def test_it_is_well_formed_and_says_what_it_shows():
    root = ET.fromstring(DRAWN)
    assert root.get("role") == "img"
    assert "Token 42" in root.get("aria-label") and "17 bytes" in root.get("aria-label")
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"24 numbers", "97 others", "id 42", "<b>", "event: x", "data: {}"} <= set(texts)


def test_bars_are_as_long_as_the_probabilities_and_the_rest_has_one_too():
    a, b, c, rest = widths()
    assert a / b == b / c == 2 and rest == c


def test_the_chosen_bar_alone_is_in_full_colour():
    fills = re.findall(r'rx="2" style="fill: (.+?); stroke', DRAWN)
    assert [not fill.startswith("color-mix") for fill in fills] == [False, True, False, False]


def test_a_vector_of_zeros_but_one_is_drawn():
    assert choosing([0.0, 1e-9], CANDIDATES, (1, 0.1), 0, token=1, event=[], size=0)
