"""The picture of the two ways in which a vocabulary's table is read."""
import re
import xml.etree.ElementTree as ET

from computetrades.book.pictures.embedding_lookup import lookup

WORDS = [("add", 723), (" dark", 6453), (" <mode>", 3941)]


def texts(svg):
    return [t.text for t in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_it_names_every_token_and_its_row():
    svg = lookup(WORDS, 128_256, 8192)
    assert {'"add"', '" dark"', '" <mode>"', "723", "6,453", "3,941", "128,256 rows of 8,192",
            "3 vectors"} <= set(texts(svg))
    told = ET.fromstring(svg).attrib["aria-label"]
    assert "' dark' picks row 6,453" in told and "every row" in told


def test_rows_stand_in_the_order_of_the_table_and_arrows_lead_to_them():
    svg = lookup(WORDS, 128_256, 8192)
    starts, ends = zip(*re.findall(r'd="M149\.0 ([\d.]+)L183\.0 ([\d.]+)"', svg), strict=True)
    assert len(starts) == 3 and list(map(float, starts)) == sorted(map(float, starts))
    add, dark, mode = map(float, ends)
    assert add < mode < dark


def test_colours_are_the_pages():
    assert (set(re.findall(r"var\(--ct-(\w+)", lookup(WORDS, 10_000, 64)))
            <= {"ink", "quiet", "line", "panel", "accent", "sans", "mono"})
