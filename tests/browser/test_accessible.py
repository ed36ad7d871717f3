"""Every page by axe-core's rules, in both themes, on a phone and with a popover open: nothing serious or critical."""
import pytest

from .conftest import PHONE, hover
from .names import ROOT, page

AXE = ROOT / "node_modules/axe-core/axe.min.js"

# A thousand rows of the same make would be measured one by one, for half a minute. Of table rows, list items, cards and
# coloured words of code that differ in nothing but words, addresses and what a fold or a formula holds, the first stays.
ONE_OF_EACH_MAKE = """() => {
    const telling = ['class', 'role', 'scope', 'hidden', 'tabindex', 'open'];
    const make = item => {
        const parts = [item.tagName, ...telling.map(name => item.getAttribute(name))];
        if (item.matches('math, svg')) return parts.join();
        const within = item.matches('details:not([open])') ? item.querySelectorAll('summary') : item.childNodes;
        return `${parts}(${[...within].map(e => e.nodeType === Node.ELEMENT_NODE ? make(e) : e.data.trim() && 'words')})`;
    };
    for (const list of document.querySelectorAll('tbody, ul, ol, pre, .cell_output')) {
        const seen = new Set();
        for (const item of [...list.children])
            if (seen.has(make(item))) item.remove();
            else seen.add(make(item));
    }
}"""
VIOLATIONS = """async contrast => (await axe.run(document, {
    resultTypes: ['violations'], rules: {'color-contrast': {enabled: contrast}},
})).violations"""


@pytest.fixture(scope="module")
def axe():
    if not AXE.exists():
        pytest.skip("axe-core is not installed, so accessibility was not checked (npm ci --ignore-scripts)")
    return AXE.read_text(encoding="utf-8")


def grave(page, contrast=True) -> list[str]:
    """The serious and critical violations on the page as it stands, readable."""
    return [f"{v['impact']} {v['id']}: {node['html'][:300]}\n    at {' '.join(map(str, node['target']))}\n    {node['failureSummary']}"
            for v in page.evaluate(VIOLATIONS, contrast) if v["impact"] in ("serious", "critical") for node in v["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@page
def test_a_page_is_accessible(visit, axe, name, theme):
    """With every fold open and the popover of the first number or term; then on a phone, where the colours are the same."""
    page = visit(name, theme=theme)
    page.add_style_tag(content=".ct-filter + .ct-scroll tbody tr { content-visibility: visible !important }")   # rows off the screen too
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    first = page.locator("article a[data-popover]").first
    if first.count():
        hover(page, first)
        page.locator(".ct-pop:popover-open").wait_for()
    page.evaluate(ONE_OF_EACH_MAKE)
    page.evaluate(axe)
    found = grave(page)
    if theme == "light":
        page.set_viewport_size(PHONE["viewport"])
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found += grave(page, contrast=False)
    assert not found, "\n".join(found)
