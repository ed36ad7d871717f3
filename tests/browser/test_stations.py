"""The map of the stations leads to chapters: on the front page and in the chapter's own picture,
by mouse and by keyboard."""
import pytest

from .names import CHAPTERS
from .screens import PHONE

MAP = ".ct-picture svg[role=group]"


@pytest.mark.parametrize("name", ["intro", "chapters/01-request"])
def test_every_link_of_the_map_is_a_page_of_the_book(visit, html, name):
    page = visit(name)
    hrefs = page.locator(f"{MAP} a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert hrefs and not [href for href in hrefs if not ((html / name).parent / href).resolve().is_file()]
    others = {f"{chapter.rpartition('/')[2]}.html" for chapter in CHAPTERS if chapter != name}
    assert {href.rpartition("/")[2] for href in hrefs} == {href for href in others if href[:2] <= "09"}


def test_a_tap_follows_it_on_a_phone(visit):
    page = visit("intro", **PHONE)
    page.locator(f"{MAP} a", has_text="The cache").click()
    page.wait_for_url("**/chapters/07-kv-cache.html")


def test_it_shows_where_the_keyboard_is_and_enter_follows(visit):
    page = visit("intro")
    stop = page.locator(f"{MAP} a", has_text="The edge")
    width = "a => getComputedStyle(a.querySelector('rect')).strokeWidth"
    before = stop.evaluate(width)
    page.locator(f"{MAP} a", has_text="The body").focus()
    page.keyboard.press("Tab")
    assert stop.evaluate("a => a === document.activeElement")
    assert float(stop.evaluate(width)[:-2]) > float(before[:-2] or 0) + 2
    page.keyboard.press("Enter")
    page.wait_for_url("**/chapters/01-request.html")
