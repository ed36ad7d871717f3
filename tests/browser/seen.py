"""What one visit of a page shows on a desk, and one on a phone; every test of that page reads it."""
from dataclasses import dataclass

from benchmarks.pages import brought

from .axe import AXE, in_colours, violations
from .glyphs import fonts_of_the_system
from .names import CHAPTERS
from .paper import Paper, on_paper
from .screens import arrived

PAST_ITS_CARD = """() => {
    for (const part of document.querySelectorAll('article details')) part.open = true;
    return [...document.querySelectorAll('.ct-card')].flatMap(card => {
        const edge = card.getBoundingClientRect().right + 1;
        return [...card.querySelectorAll('*')].filter(e => !e.parentElement.closest('.ct-formula')
            && e.getBoundingClientRect().right > edge);
    }).slice(0, 5).map(e => e.outerHTML.slice(0, 160));
}"""


@dataclass
class Desk:
    """received: address -> bytes. past_cards: what reaches over the edge of an opened card. violations: by
    axe-core's rules; none where it is not installed."""
    received: dict[str, int]
    paper: Paper
    past_cards: list[str]
    system_fonts: tuple[int, list[str]]
    violations: list[str]


def on_desk(page, url: str, name: str) -> Desk:
    """Each look leaves the page to the next: loaded in the light theme, then dark, folds open from the
    cards on, and light again for the last, which thins the page."""
    received = brought(page, url)
    arrived(page)
    page.emulate_media(color_scheme="dark")
    in_colours(page, "dark")
    return Desk(received, on_paper(page, sheets=name in CHAPTERS), page.evaluate(PAST_ITS_CARD),
                fonts_of_the_system(page), violations(page) if AXE.exists() else [])


TOO_WIDE = """() => [...document.querySelectorAll('body *')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && getComputedStyle(e).position !== 'fixed';
}).slice(0, 5).map(e => e.outerHTML.slice(0, 160))"""
CHARTS = """() => [...document.querySelectorAll('.ct-chart')].map(chart => ({
    shown: chart.checkVisibility(), paths: chart.querySelectorAll('svg path').length,
    told: chart.getAttribute('aria-label'), right: chart.getBoundingClientRect().right}))"""


@dataclass
class Phone:
    """width: px of the document and its body. charts: of each the paths drawn, its description, its right
    edge."""
    width: int
    too_wide: list[str]
    charts: list[dict]
    past_cards: list[str]


def on_phone(page, url: str, name: str) -> Phone:
    page.goto(url)
    arrived(page)
    width = max(page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]"))
    return Phone(width, page.evaluate(TOO_WIDE) if width > 360 else [], page.evaluate(CHARTS),
                 page.evaluate(PAST_ITS_CARD) if name in CHAPTERS else [])
