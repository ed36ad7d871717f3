"""book/pictures/agent_loop.py: what is drawn is what was given, to one scale."""
import re
from xml.etree import ElementTree

import pytest

from computetrades.book.pictures.agent_loop import BAR, conversation

SVG = "{http://www.w3.org/2000/svg}"
TURNS = [{"call": 1, "sent": 1000, "cached": 0, "answer": 'Read {"line":1}', "tool": "runs Read"},
         {"call": 2, "sent": 2000, "cached": 1500, "answer": "<done> & out", "tool": ""}]


def test_bars_are_to_scale_and_words_are_kept():
    root = ElementTree.fromstring(conversation(TURNS, "Two calls."))
    bars = [float(r.get("width")) for r in root.iter(f"{SVG}rect") if r.get("height") == "12.0"]
    assert bars == pytest.approx([BAR / 2, BAR * 0.75, BAR * 0.25])
    words = [t.text for t in root.iter(f"{SVG}text")]
    assert {"call 1: 1,000 tokens, all new", "call 2: 2,000 tokens, 1,500 of them cached", "runs Read",
            "<done> & out"} <= set(words)
    assert root.get("aria-label") == "Two calls." and root.get("role") == "img"
    tall = float(root.get("viewBox").split()[3])
    assert all(0 <= float(y) <= tall
               for y in re.findall(r' y="([\d.]+)"', ElementTree.tostring(root, encoding="unicode")))


def test_a_call_cannot_find_more_than_it_sends():
    with pytest.raises(ValueError, match="call 3 sends 5 tokens and finds 6"):
        conversation([{"call": 3, "sent": 5, "cached": 6, "answer": "", "tool": ""}], "")
