"""Every page: it fits a phone, it asks nobody, it says no error."""
from .names import CHAPTERS, ENTRIES, PAGES, chapter, page


def test_these_are_all_the_pages(html):
    assert {p.relative_to(html).with_suffix("").as_posix() for p in html.rglob("*.html")
            if "_static" not in p.parts} - {"index"} == {*PAGES, *ENTRIES}


@page
def test_nothing_is_wider_than_a_phone_and_every_chart_is_drawn_there_and_described(seen_on_phone, name):
    phone = seen_on_phone(name)
    assert phone.width <= 360, phone.too_wide
    assert phone.charts or name not in CHAPTERS
    for chart in phone.charts:
        assert chart["shown"] and chart["paths"]
        assert len(chart["told"]) > 20
        assert chart["right"] <= 361


@chapter
def test_an_opened_card_holds_what_it_shows(seen, seen_on_phone, name):
    """On a desk and on a phone. A formula that is wider scrolls inside it."""
    assert seen(name).past_cards == []
    assert seen_on_phone(name).past_cards == []
