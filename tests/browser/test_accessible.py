"""Every page by axe-core's rules, in both themes, on a phone and with a popover open: nothing serious or critical."""
import pytest

from .conftest import PHONE
from .names import ROOT, page

AXE = ROOT / "node_modules/axe-core/axe.min.js"

# A thousand rows of the same make would be measured one by one, for half a minute. Of table rows, list items and coloured
# words of code that differ in nothing but words, addresses and what a fold or a formula holds, the first stays.
ONE_OF_EACH_MAKE = """() => {
    const telling = ['class', 'role', 'scope', 'hidden', 'tabindex', 'open'];
    const make = item => {
        const parts = [item.tagName, ...telling.map(name => item.getAttribute(name))];
        if (item.matches('math, svg')) return parts.join();
        const within = item.matches('details:not([open])') ? item.querySelectorAll('summary') : item.childNodes;
        return `${parts}(${[...within].map(e => e.nodeType === Node.ELEMENT_NODE ? make(e) : e.data.trim() && 'words')})`;
    };
    for (const list of document.querySelectorAll('tbody, ul, ol, pre')) {
        const seen = new Set();
        for (const item of [...list.children])
            if (seen.has(make(item))) item.remove();
            else seen.add(make(item));
    }
}"""
VIOLATIONS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations"""


@pytest.fixture(scope="module")
def axe():
    if not AXE.exists():
        pytest.skip("axe-core is not installed, so accessibility was not checked (npm ci --ignore-scripts)")
    return AXE.read_text(encoding="utf-8")


def grave(page, axe) -> list[str]:
    """The serious and critical violations on the page as it stands, readable."""
    page.evaluate(ONE_OF_EACH_MAKE)
    page.evaluate(axe)
    return [f"{v['impact']} {v['id']}: {node['html'][:300]}\n    at {' '.join(map(str, node['target']))}\n    {node['failureSummary']}"
            for v in page.evaluate(VIOLATIONS) if v["impact"] in ("serious", "critical") for node in v["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@page
def test_a_page_is_accessible(visit, axe, name, theme):
    found = grave(visit(name, theme=theme), axe)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", ["light", "dark"])
@page
def test_a_page_on_a_phone_with_all_unfolded_is_accessible(visit, axe, name, theme):
    """Every fold open, and the popover of the first quoted number or term, where the page has one."""
    page = visit(name, theme=theme, **PHONE)
    page.evaluate("document.querySelectorAll('article details').forEach(d => d.open = true)")
    first = page.locator("article a[data-popover]").first
    if first.count():
        first.hover()
        page.locator(".ct-pop:popover-open").wait_for()
    found = grave(page, axe)
    assert not found, "\n".join(found)
