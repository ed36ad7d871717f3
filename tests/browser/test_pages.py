"""Every page: it fits a phone, it asks nobody, it says no error."""
import pytest

from .conftest import PHONE
from .names import CHAPTERS, ENTRIES, PAGES, page


def test_these_are_all_the_pages(html):
    assert {p.relative_to(html).with_suffix("").as_posix() for p in html.rglob("*.html")
            if "_static" not in p.parts} - {"index"} == {*PAGES, *ENTRIES}


TOO_WIDE = """() => [...document.querySelectorAll('body *')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && getComputedStyle(e).position !== 'fixed';
}).slice(0, 5).map(e => e.outerHTML.slice(0, 160))"""


@page
def test_nothing_is_wider_than_a_phone_and_every_chart_is_drawn_there_and_described(visit, name):
    page = visit(name, **PHONE)
    width = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
    assert max(width) <= 360, page.evaluate(TOO_WIDE)
    charts = page.locator(".ct-chart").all()
    assert charts or name not in CHAPTERS
    for chart in charts:
        assert chart.locator("svg").count() and chart.locator("svg path").count()
        assert len(chart.get_attribute("aria-label")) > 20
        assert chart.bounding_box()["x"] + chart.bounding_box()["width"] <= 361


PAST_ITS_CARD = """() => {
    for (const part of document.querySelectorAll('article details')) part.open = true;
    return [...document.querySelectorAll('.ct-card')].flatMap(card => {
        const edge = card.getBoundingClientRect().right + 1;
        return [...card.querySelectorAll('*')].filter(e => !e.parentElement.closest('.ct-formula')
            && e.getBoundingClientRect().right > edge);
    }).slice(0, 5).map(e => e.outerHTML.slice(0, 160));
}"""


@pytest.mark.parametrize("options", [PHONE, {}], ids=["phone", "desk"])
@pytest.mark.parametrize("name", CHAPTERS)
def test_an_opened_card_holds_what_it_shows(visit, name, options):
    """A formula that is wider scrolls inside it."""
    assert visit(name, **options).evaluate(PAST_ITS_CARD) == []
