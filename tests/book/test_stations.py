"""The map of the stations and the ladder of a connection: well-formed, complete,
and leading where they say."""
import re
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from computetrades.book.pictures import sequence_diagram, stations
from computetrades.book.plan import plan
from computetrades.site import pages
from computetrades.site.drawing import SIBLING, Drawing

NS = {"s": "http://www.w3.org/2000/svg"}


def drawn(address=lambda chapter: f"{chapter}.ipynb", **options):
    return ElementTree.fromstring(stations.map_of(address, **options))


def test_eleven_stations_in_order_each_in_a_place_and_a_chapter():
    assert [s.number for s in plan().stations] == list(range(1, 12))
    assert {s.place for s in plan().stations} == set(plan().places)
    assert sorted({s.chapter[:2] for s in plan().stations}) == [f"{i:02}" for i in range(1, 10)]


def test_every_stop_leads_to_its_chapter_and_says_so():
    links = drawn().findall(".//s:a", NS)
    assert [a.get("href") for a in links] == [f"{s.chapter}.ipynb" for s in plan().stations]
    for a, s in zip(links, plan().stations, strict=True):
        assert ([t.text for t in a.findall("s:text", NS)]
                == [str(s.number), s.name, s.does, f"chapter {s.chapter[:2]}"])


def test_a_stop_without_a_chapter_is_drawn_and_leads_nowhere():
    svg = drawn(lambda chapter: "x" if chapter == "07-kv-cache" else None)
    assert len(svg.findall(".//s:a", NS)) == 1
    assert len(svg.findall(".//s:circle", NS)) == 11
    assert drawn(lambda _: None).get("role") == "img" and svg.get("role") == "group"


def test_nothing_leads_to_where_one_is():
    svg = drawn(here="08-sampling-and-streaming")
    assert len(svg.findall(".//s:a", NS)) == 9
    assert [t.text for t in svg.findall(".//s:text", NS)].count("you are here") == 2


def test_it_fits_a_phone_and_takes_its_colours_from_the_page():
    svg = stations.map_of(lambda _: None, here="05-rope")
    assert "min-width: 0" in svg and float(re.search(r'viewBox="0 0 (\d+)', svg)[1]) <= 360
    assert not re.search(r"(?:fill|stroke): #", svg)


def test_words_stay_inside_their_cards():
    """At the widths of the book's font, whose letters are about half as wide as high."""
    for s in plan().stations:
        assert len(s.does) * 12.5 * 0.52 <= stations.WIDTH - stations.TEXT


def drawing(docname: str) -> Drawing:
    """A page of a book of two chapters."""
    env = SimpleNamespace(found_docs={"chapters/01-request", "chapters/07-kv-cache"})
    return Drawing(None, env, docname)


def test_links_to_notebooks_lead_to_pages_where_there_are_any():
    stops = stations.map_of(lambda chapter: f"{chapter}.ipynb", here="01-request")
    html = SIBLING.sub(drawing("chapters/01-request").sibling, stops)
    assert re.findall(r'<a href="([^"]*)"', html) == ["07-kv-cache.html"]
    assert ".ipynb" not in html and html.count("<circle") == 11
    ElementTree.fromstring(html)


def test_the_front_page_links_the_chapters_that_are_built():
    html = pages.stations(drawing("intro"))
    assert html.startswith('<figure class="ct-picture">') and html.count("<a ") == 3


def test_a_ladder_has_a_rung_for_each_round_trip_and_bands_as_thick_as_their_data():
    legs = [sequence_diagram.Leg("SYN", "SYN, ACK"), sequence_diagram.Leg("10 segments", "acknowledged", 10),
            sequence_diagram.Leg("20 segments", "answer", 20)]
    svg = ElementTree.fromstring(sequence_diagram.ladder(legs, 20, ("laptop", "edge"), "in words"))
    texts = [t.text for t in svg.findall(".//s:text", NS)]
    assert [t for t in texts if t.endswith(" ms")] == ["0 ms", "20 ms", "40 ms", "60 ms"]
    assert all(leg.up in texts and leg.down in texts for leg in legs)
    bands = [list(map(float, re.findall(r"-?\d+(?:\.\d+)?", p.get("d"))))
             for p in svg.findall(".//s:path", NS) if "V" in p.get("d")]
    thick = [numbers[4] - numbers[3] for numbers in bands]  # M x y L x y V y: at the right end
    assert thick == pytest.approx([10 * sequence_diagram.THICK, 20 * sequence_diagram.THICK])
    assert max(thick) < sequence_diagram.RUNG / 2
