"""The ledger with more than 6,000 lines, and the audit of a book as large: what the pages weigh, and what a
keystroke in their filters costs. Counted, not timed."""
import json

import pytest

from benchmarks import ledger
from benchmarks.pages import received
from computetrades.site.serve import served

from .screens import DESKTOP
from .test_weight import TEXT

TIMES, LINES = 4, 6000
FRAME = 2500    # nodes of a page beside its lines
SCREEN = 600    # elements in the lines that a window of 900 px shows, and some beyond its edge


@pytest.fixture(scope="module")
def large(chromium, html, tmp_path_factory):
    """Address of the pages of a book so many times as large as the built one."""
    folder = tmp_path_factory.mktemp("large")
    ledger.write(html, folder, TIMES)
    with served(folder) as address:
        yield address


@pytest.mark.parametrize("name, most", [("appendix/ledger", 8), ("appendix/audit", 15)])
def test_an_index_of_thousands_of_lines_is_light(chromium, large, name, most):
    """In bytes received, and in nodes: `most` for each line."""
    context = chromium.new_context(**DESKTOP)
    page = context.new_page()
    page.goto(f"{large}/{name}.html")
    lines, nodes = page.locator(".ct-index li").count(), page.evaluate(ledger.NODES)
    context.close()
    assert lines > (LINES if name == "appendix/ledger" else TIMES * 1000)
    assert nodes < FRAME + most * lines
    assert sum(received(chromium, f"{large}/{name}.html").values()) < TEXT


# By the mark on each line: to ask whether one is visible would have it styled
SHOWN = "[...document.querySelectorAll('.ct-index li:not([hidden])')].map(line => line.id)"
TYPE = f"""([name, value]) => new Promise(done => {{
    const form = document.querySelector('form.ct-filter'), field = form.elements[name];
    field.value = value;
    field.dispatchEvent(new Event('input', {{bubbles: true}}));
    // the second comes after the first has been painted
    requestAnimationFrame(() => requestAnimationFrame(() => done(
        {{shown: {SHOWN}, told: form.querySelector('output').value}})));
}})"""


WORDS = ["gpu", "margin", "tsmc", "token", "", "euv", "the", "memory", "a"]
STYLED = "devtools.timeline"   # Chromium tells of each restyling how many elements it took


def typed(chromium, page, words):
    """(what is shown, how many lines that changed, elements styled anew) when the filter gets the words."""
    page.evaluate(TYPE, ["q", "" if words == "gpu" else "gpu"])
    before = set(page.evaluate(SHOWN))
    chromium.start_tracing(page=page, categories=[STYLED])
    frame = page.evaluate(TYPE, ["q", words])
    trace = json.loads(chromium.stop_tracing())["traceEvents"]
    styled = sum(e["args"].get("elementCount", 0) for e in trace if e["name"] == "UpdateLayoutTree")
    return frame, len(before ^ set(frame["shown"])), styled


@pytest.mark.parametrize("name", ["appendix/audit", "appendix/ledger"])
def test_a_keystroke_costs_the_lines_that_it_changes_and_a_screen(chromium, large, name):
    """Counted, not timed: elements styled anew, of all that the lines hold.
    `benchmarks/ledger.py` has the milliseconds."""
    context = chromium.new_context(**DESKTOP)
    page = context.new_page()
    page.goto(f"{large}/{name}.html")
    every = page.evaluate("document.querySelectorAll('.ct-index *').length")
    for words in WORDS:
        # The fewest of three, since a frame that a busy machine draws beside it is counted too
        tries = [typed(chromium, page, words) for _ in range(3)]
        shown, changed, styled = min(tries, key=lambda seen: seen[2])
        assert shown["told"].startswith(f"{len(shown['shown']):,} of ")
        assert 0 < styled < changed + SCREEN, words
    assert every > 10 * SCREEN
    context.close()
