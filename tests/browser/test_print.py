"""On paper: the text and what carries it, dark on white, nothing that needs a screen, nothing cut off."""
import re

from .names import CHAPTERS, page

# About what an A4 page leaves between its margins, at 96 dpi
PAPER = {"viewport": {"width": 720, "height": 1000}}
SCREEN_ONLY = ".ct-side, .ct-bar, .ct-nav, form.ct-filter, .ct-pop, .vega-bindings, .ct-skip, .headerlink"


def printed(visit, name, **options):
    page = visit(name, **PAPER, **options)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    return page


def test_an_open_popover_is_not_printed(visit):
    page = visit(CHAPTERS[0], **PAPER)
    page.locator("article a[data-popover]").first.hover()
    page.locator(".ct-pop:popover-open").wait_for()
    page.emulate_media(media="print")
    assert page.locator(".ct-pop:visible").count() == 0


CUT_OFF = """() => [...document.querySelectorAll('article *')].filter(e => {
    if (!e.checkVisibility() || e.closest('svg, math')) return false;
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    const clips = ['auto', 'scroll', 'hidden', 'clip'].includes(style.overflowX)
        && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1;
    return clips || box.right > innerWidth + 1;
}).map(e => `${Math.round(e.getBoundingClientRect().right)} ${e.scrollWidth}>${e.clientWidth} `
    + e.outerHTML.slice(0, 140)).slice(0, 8)"""


INKS = """() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [[r, .2126], [g, .7152], [b, .0722]].reduce((sum, [c, w]) =>
        sum + w * ((c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4), 0);
    const said = [...document.querySelectorAll('article *')].filter(e => e.checkVisibility()
        && [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim()));
    const ink = e => e.closest('svg') ? getComputedStyle(e).fill : getComputedStyle(e).color;
    const faint = said.filter(e => light(rgba(ink(e))) > .4)
        .filter(e => !e.closest('.mark-text'));             // numbers inside a chart's own coloured fields
    const papers = [document.documentElement, document.body, document.querySelector('main')]
        .map(e => rgba(getComputedStyle(e).backgroundColor));
    return {faint: faint.slice(0, 5).map(e => e.outerHTML.slice(0, 140)),
            dark: papers.filter(p => p[3] > 0 && light(p) < .9), words: said.length};
}"""


@page
def test_paper_has_all_that_a_page_says_dark_on_white_and_nothing_that_needs_a_screen(visit, name):
    """From the dark theme, which paper must not follow. No table, chart, formula or code reaches over the
    edge or hides a part in a box that scrolls. Cards are unfolded, and folded again afterwards. Then the
    browser makes a chapter's paper, and itself asks for the unfolding."""
    page = printed(visit, name, theme="dark")
    shown = page.eval_on_selector_all(
        SCREEN_ONLY, "all => all.filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 120))")
    assert shown == [], "printed, though it needs a screen"
    assert page.locator("article h1").is_visible()
    assert page.evaluate(CUT_OFF) == [], "cut off on paper"
    fits = page.eval_on_selector_all(
        ".ct-formula", "all => all.map(e => Number(e.style.getPropertyValue('--ct-fit') || 1))")
    assert min(fits, default=1) > 0.2, "a formula too long to be read: let it stand on named parts"
    seen = page.evaluate(INKS)
    assert seen["words"] and seen["dark"] == [] and seen["faint"] == []
    if name not in CHAPTERS:
        return
    cards = page.locator(".ct-card details")
    assert cards.count() and cards.evaluate_all("all => all.every(d => d.open)"), "a card is folded on paper"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert cards.evaluate_all("all => all.every(d => !d.open)"), "a card stays unfolded after printing"
    page.emulate_media(media="screen")
    page.evaluate("addEventListener('beforeprint', () => { window.unfolded = 'asked'; })")
    paper = page.pdf(format="A4")
    assert seen["words"] > 50 and len(re.findall(rb"/Type /Page\b", paper)) >= 4
    assert page.evaluate("window.unfolded") == "asked"
