"""book/pictures/block.py: every step stands in it with its shape, and a shade stands for its weight."""
import re

from computetrades.book.pictures.block import MATRIX, ROWS, block, heads

SHAPES = ({name: (7, 16) for row in ROWS for name, _ in row}
          | {"q": (4, 7, 8), "k": (2, 7, 8), "gate": (7, 24), "up": (7, 24)})
LARGER = {16: 8192, 4: 64, 2: 8, 8: 128, 24: 28672}


def drawn(**changes):
    return block(SHAPES, LARGER, dict.fromkeys(MATRIX.values(), 1e6) | changes, "small", "large")


def test_each_row_tells_both_shapes():
    svg = drawn()
    assert svg.count("S × 28,672") >= 1 and "64 × S × 128" in svg and "4 × 7 × 8" in svg and "7 × 24" in svg


def test_weights_are_added_up_per_row():
    svg = drawn(q_proj=67e6, k_proj=8e6, v_proj=8e6)
    assert "83.0 M" in svg and "2.0 M" in svg and "1.0 M" in svg


def test_it_is_described_in_words():
    assert re.search(r'role="img" aria-label="[^"]*large[^"]*softmax', drawn())


def test_a_square_for_each_pair_that_may_meet_shaded_by_its_weight():
    svg = heads(["a", "\n  ", "<"], [[(1.0, 0, 0), (0.0, 1.0, 0), (0.5, 0.25, 0.25)]], ["head"])
    assert svg.count("h12v12h-12z") == 6
    # None, two eighths, four, all
    assert [part.count("h12v12h-12z") for part in svg.split("<path")[1:]] == [1, 2, 1, 2]
    assert "⏎" in svg and "&lt;" in svg


def test_a_float_that_differs_in_its_last_digits_draws_the_same():
    assert heads(["a"], [[(0.99999994,)]], ["h"]) == heads(["a"], [[(1.0,)]], ["h"])
