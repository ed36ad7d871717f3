"""What a page that is open gives on paper."""
import re
from dataclasses import dataclass

# About what an A4 page leaves between its margins, at 96 dpi
PAPER = {"viewport": {"width": 720, "height": 1000}}
SCREEN_ONLY = ".ct-side, .ct-bar, .ct-nav, form.ct-filter, .ct-pop, .vega-bindings, .ct-skip, .headerlink"


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


@dataclass
class Paper:
    """What a page was on paper; folded: of its cards' folds, whether each was open on paper and afterwards.
    sheets: of the browser's own paper of a chapter, and whether that asked for the unfolding."""
    screen_only: list[str]
    titled: bool
    cut_off: list[str]
    fits: list[float]
    inks: dict
    unfolded: list[bool]
    left_open: list[bool]
    sheets: int | None
    asked: bool


def on_paper(page, sheets: bool) -> Paper:
    """As at the size of paper; and, if asked for, how many sheets the browser makes. The page comes as on a
    screen, and is so afterwards."""
    screen = page.viewport_size
    page.set_viewport_size(PAPER["viewport"])
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    open_cards = "() => [...document.querySelectorAll('.ct-card details')].map(d => d.open)"
    seen = Paper(
        screen_only=page.eval_on_selector_all(
            SCREEN_ONLY, "all => all.filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 120))"),
        titled=page.locator("article h1").is_visible(),
        cut_off=page.evaluate(CUT_OFF),
        fits=page.eval_on_selector_all(
            ".ct-formula", "all => all.map(e => Number(e.style.getPropertyValue('--ct-fit') || 1))"),
        inks=page.evaluate(INKS), unfolded=page.evaluate(open_cards), left_open=[], sheets=None, asked=False)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    seen.left_open = page.evaluate(open_cards)
    page.emulate_media(media="screen")
    if sheets:
        page.evaluate("addEventListener('beforeprint', () => { window.unfolded = 'asked'; })")
        seen.sheets = len(re.findall(rb"/Type /Page\b", page.pdf(format="A4")))
        seen.asked = page.evaluate("window.unfolded") == "asked"
    page.set_viewport_size(screen)
    return seen
