"""The picture of rows of numbers as strips of coloured cells."""
import re
import xml.etree.ElementTree as ET

import pytest

from computetrades.book.pictures.strips import cells, shade, strips

SVG = "{http://www.w3.org/2000/svg}"
ROWS = {" a": [0.5, -0.5, 0.0, 0.1], "b": [-2.0, 0.01, 0.25, -0.25]}


def drawn(svg):
    """(x, y) -> its colour, of each cell of the rows."""
    found = {}
    for path in ET.fromstring(svg).iter(f"{SVG}path"):
        if path.attrib["style"].endswith("stroke-width: 19"):
            for x, y in re.findall(r"M([\d.]+) ([\d.]+)h5", path.attrib["d"]):
                assert (x, y) not in found
                found[float(x), float(y)] = path.attrib["style"]
    return found


def test_every_number_has_one_cell_where_it_belongs():
    found = drawn(strips(ROWS, 0.5, "dimension", "Two rows."))
    assert len(found) == 8
    lines, left = sorted({y for _, y in found}), min(found)[0]
    assert len(lines) == 2
    assert all(sorted(x for x, y in found if y == line) == [left + 5 * k for k in range(4)] for line in lines)
    first, second = ([found[left + 5 * k, line] for k in range(4)] for line in lines)
    assert "--ct-off" in first[0] and "--ct-accent" in first[1] and "--ct-line" in first[2]
    assert second[0] == first[1], "beyond the end of the scale is its end"
    assert second[1] == first[2], "a number close to zero is shown as zero"


def test_it_names_the_rows_and_the_scale():
    svg = ET.fromstring(strips(ROWS, 0.5, "dimension", "Two rows."))
    assert ({'" a"', '"b"', "−0.5 or less", "0", "+0.5 or more", "dimension"}
            == {t.text for t in svg.iter(f"{SVG}text")})
    assert svg.attrib["aria-label"] == "Two rows."


def test_shades_grow_with_the_distance_from_zero():
    shades = [shade(x, 1)[1] for x in (0, 0.26, 0.5, 0.76, 1, 9)]
    assert shades == sorted(shades)
    assert shade(0.5, 1) == ("off", 50) and shade(-0.5, 1) == ("accent", 50) and shade(3, 1)[1] == 100


def test_one_path_a_colour():
    assert len(list(cells([(0, 0, "off", 50), (5, 0, "off", 50), (10, 0, "accent", 50)]))) == 2


def test_a_scale_that_is_none_is_refused():
    with pytest.raises(ValueError, match="above zero, not 0"):
        strips(ROWS, 0, "dimension", "Two rows.")
