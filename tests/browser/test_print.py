"""On paper: the text and what carries it, dark on white, nothing that needs a screen, nothing cut off."""
from .names import CHAPTERS, page
from .paper import PAPER


def test_an_open_popover_is_not_printed(visit):
    page = visit(CHAPTERS[0], **PAPER)
    page.locator("article a[data-popover]").first.hover()
    page.locator(".ct-pop:popover-open").wait_for()
    page.emulate_media(media="print")
    assert page.locator(".ct-pop:visible").count() == 0


@page
def test_paper_has_all_that_a_page_says_dark_on_white_and_nothing_that_needs_a_screen(seen, name):
    """From the dark theme, which paper must not follow. No table, chart, formula or code reaches over the
    edge or hides a part in a box that scrolls. Cards are unfolded, and folded again afterwards. Then the
    browser makes a chapter's paper, and itself asks for the unfolding."""
    paper = seen(name).paper
    assert paper.screen_only == [], "printed, though it needs a screen"
    assert paper.titled
    assert paper.cut_off == [], "cut off on paper"
    assert min(paper.fits, default=1) > 0.2, "a formula too long to be read: let it stand on named parts"
    inks = paper.inks
    assert inks["words"] and inks["dark"] == [] and inks["faint"] == []
    if name not in CHAPTERS:
        return
    assert paper.unfolded and all(paper.unfolded), "a card is folded on paper"
    assert not any(paper.left_open), "a card stays unfolded after printing"
    assert inks["words"] > 50 and paper.sheets >= 4
    assert paper.asked
