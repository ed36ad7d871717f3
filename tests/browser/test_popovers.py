"""Popovers of quoted numbers and glossary terms: by mouse, by keyboard, by touch."""
import re

import pytest

from .names import CHAPTERS
from .screens import PHONE, hover

CHAPTER = CHAPTERS[0]
TOUCH = {**PHONE, "has_touch": True, "is_mobile": True}
OPEN = ".ct-pop:popover-open"


def quoted(page, kind="a.ct-num", nth=0):
    """A link with a popover in the running text, and the popover it asks for."""
    link = page.locator(f"article p > {kind}[data-popover]").nth(nth)
    link.scroll_into_view_if_needed()
    return link, page.locator(f"#{link.get_attribute('data-popover')}")


def key_of(link) -> str:
    return link.get_attribute("href").partition("#")[2]


def entry(key) -> re.Pattern:
    """The address of a number's entry, on whichever page of the ledger it is."""
    return re.compile(rf"/appendix/ledger/[\w/-]+\.html#{re.escape(key)}$")


def closed(page):
    page.wait_for_function("() => !document.querySelector('.ct-pop:popover-open')")


@pytest.mark.parametrize("kind", ["a.ct-num", "a.ct-term"])
def test_the_mouse_opens_it_beside_its_link_and_leaving_closes_it(visit, kind):
    page = visit(CHAPTER)
    link, popover = quoted(page, kind)
    link.hover()
    popover.wait_for()
    assert page.locator(OPEN).count() == 1 and len(popover.inner_text()) > 20
    at, box, size = link.bounding_box(), popover.bounding_box(), page.viewport_size
    assert 0 <= box["x"] and box["x"] + box["width"] <= size["width"]
    assert 0 <= box["y"] and box["y"] + box["height"] <= size["height"]
    assert min(abs(box["y"] - at["y"] - at["height"]), abs(at["y"] - box["y"] - box["height"])) < 20
    page.mouse.move(1, 1)
    closed(page)


def test_it_shows_the_number_its_formula_and_its_inputs(visit):
    page = visit(CHAPTER)
    link, popover = quoted(page)
    link.hover()
    popover.wait_for()
    assert link.inner_text() in popover.locator(".ct-value").inner_text()
    assert popover.locator(".ct-inputs li").count()
    assert key_of(link) in popover.locator(".ct-more").inner_text()


def test_the_mouse_reaches_into_it_and_follows_its_link(visit):
    page = visit(CHAPTER)
    link, popover = quoted(page)
    key = key_of(link)
    link.hover()
    popover.wait_for()
    more = popover.locator(".ct-more a")
    more.hover()
    page.wait_for_timeout(400)  # longer than a popover stays once it is left
    assert popover.is_visible()
    more.click()
    page.wait_for_url(entry(key))


def test_moving_on_to_the_next_number_shows_that_one(visit):
    page = visit(CHAPTER)
    first, popover = quoted(page)
    first.hover()
    popover.wait_for()
    free = page.evaluate_handle("""first => [
        ...document.querySelectorAll('article p > a.ct-num[data-popover]')].find(a => {
        const {left, top, height} = a.getBoundingClientRect();
        return a.dataset.popover !== first.dataset.popover
            && document.elementFromPoint(left + 3, top + height / 2)?.closest('a') === a;
    })""", first.element_handle()).as_element()
    free.hover()
    page.locator(f"#{free.get_attribute('data-popover')}:popover-open").wait_for()
    assert page.locator(OPEN).count() == 1


def test_a_number_in_the_picture_of_the_cover_has_one_too(visit):
    page = visit("intro")
    link = page.locator("article svg a.ct-num").first
    hover(page, link)
    popover = page.locator(f"#{link.get_attribute('data-popover')}:popover-open")
    popover.wait_for()
    assert link.text_content() in popover.locator(".ct-value").inner_text()


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_escape_closes_it(visit, way):
    page = visit(CHAPTER)
    link, popover = quoted(page)
    if way == "mouse":
        link.hover()
    else:
        tab_to(page, link)
    popover.wait_for()
    assert link.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Escape")
    closed(page)
    assert link.get_attribute("aria-expanded") == "false"


def tab_to(page, link):
    """Put the focus on what comes before the link, then press Tab as a reader would."""
    link.evaluate("""link => {
        const start = document.createElement('span');
        start.tabIndex = -1;
        link.before(start);
        start.focus();
        start.remove();
    }""")
    page.keyboard.press("Tab")
    assert link.evaluate("link => link === document.activeElement")


def test_tab_opens_it_goes_into_it_and_comes_back(visit):
    page = visit(CHAPTER)
    link, popover = quoted(page)
    tab_to(page, link)
    popover.wait_for()
    page.keyboard.press("Tab")
    assert popover.evaluate("p => p.contains(document.activeElement)"), \
        "Tab does not go from the number into its popover"
    page.keyboard.press("Shift+Tab")
    assert link.evaluate("link => link === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    closed(page)
    assert link.evaluate("link => link === document.activeElement"), \
        "after Escape the focus is not back on the number"


def test_tabbing_through_it_goes_on_in_the_text_and_closes_it(visit):
    page = visit(CHAPTER)
    link, popover = quoted(page)
    tab_to(page, link)
    popover.wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if not popover.evaluate("p => p.contains(document.activeElement)"):
            break
    assert popover.is_hidden()
    assert page.evaluate("document.activeElement.closest('article') !== null")
    assert link.evaluate("link => !!(link.compareDocumentPosition(document.activeElement)"
                         " & Node.DOCUMENT_POSITION_FOLLOWING)")


def test_enter_follows_the_number_to_its_entry(visit):
    page = visit(CHAPTER)
    link, popover = quoted(page)
    key = key_of(link)
    tab_to(page, link)
    popover.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(entry(key))


def test_a_screen_reader_is_told_of_it(visit):
    page = visit(CHAPTER)
    for link in page.locator("article a[data-popover]").all()[:20]:
        assert link.get_attribute("aria-describedby") == link.get_attribute("data-popover")
        assert link.get_attribute("aria-expanded") == "false"


def test_a_tap_shows_it_and_a_second_tap_follows(visit):
    page = visit(CHAPTER, **TOUCH)
    link, popover = quoted(page)
    key = key_of(link)
    link.tap()
    popover.wait_for()
    assert CHAPTER in page.url
    box = popover.bounding_box()
    assert 0 <= box["x"] and box["x"] + box["width"] <= 360
    link.tap()
    page.wait_for_url(entry(key))


def test_a_tap_elsewhere_closes_it(visit):
    page = visit(CHAPTER, **TOUCH)
    link, popover = quoted(page)
    link.tap()
    popover.wait_for()
    page.locator("article p:not(:has(a))").first.tap(force=True)
    closed(page)
    assert CHAPTER in page.url


def test_a_citation_has_the_permanent_address(visit):
    """That of the ledger's line, wherever the entry is."""
    page = visit(CHAPTER)
    link, popover = quoted(page)
    link.hover()
    popover.wait_for()
    popover.locator(".ct-cite").click()
    told = popover.locator(".ct-citation").inner_text()
    place = page.url.removesuffix(f"{CHAPTER}.html")
    assert f". {place}appendix/ledger.html#{key_of(link)}" in told
    assert popover.locator(".ct-value").inner_text() in told


def test_a_click_inside_it_leaves_it_open(visit):
    page = visit(CHAPTER)
    link, popover = quoted(page)
    link.hover()
    popover.wait_for()
    popover.locator(".ct-value").click()
    assert popover.is_visible()


def test_a_tap_inside_it_leaves_it_open(visit):
    page = visit(CHAPTER, **TOUCH)
    link, popover = quoted(page)
    link.tap()
    popover.wait_for()
    popover.locator(".ct-value").tap()
    page.wait_for_timeout(400)
    assert popover.is_visible()


def test_without_scripts_a_number_is_a_link_to_its_entry(visit):
    page = visit(CHAPTER, java_script_enabled=False)
    link, _ = quoted(page)
    key = key_of(link)
    link.click()
    assert entry(key).search(page.url)
