"""Every page by axe-core's rules, in both themes, on a phone and with a popover open:
nothing serious or critical."""
import pytest

from .conftest import PHONE, hover
from .names import ROOT, page

AXE = ROOT / "node_modules/axe-core/axe.min.js"

# A thousand rows of the same make would be measured one by one, for half a minute. An element is judged by
# what it is and by all that it stands in. So of table rows, list items, cards and coloured words of code each
# is left out that has nothing of a kind not met before in the same surroundings. Kinds differ by tags,
# attributes, whether there are words and whether something is too wide for its place, never by words,
# addresses or what a formula holds; every picture is a kind of its own.
KINDS = """
const telling = ['class', 'role', 'scope', 'style', 'type'];
const kind = item =>
    [item.tagName, item.getAttributeNames(), ...telling.map(name => item.getAttribute(name))].join();
const around = item => item ? `${around(item.parentElement)} > ${kind(item)}` : '';
const kinds = (item, laid, above) => {
    const path = `${above} > ${kind(item)}${laid && item.scrollWidth > item.clientWidth ? ' wide' : ''}`;
    if (item.matches('svg')) return [Symbol('a picture')];
    if (item.matches('math')) return [path];
    const within = [...item.childNodes].filter(e => e.nodeType === Node.ELEMENT_NODE || e.data.trim());
    if (!within.length) return [`${path} > nothing`];
    return within.flatMap(e => e.tagName ? kinds(e, laid, path) : `${path} > words`);
};
// what goes is noted first: each change would lay all out anew
const thin = (lists, laid) => {
    const seen = new Map(), gone = new Set(), within = e => e && (gone.has(e) || within(e.parentElement));
    for (const list of lists) {
        if (within(list)) continue;
        const place = around(list), lengths = [...list.children].map(item => item.textContent.length);
        const longest = laid ? NaN : Math.max(...lengths);
        const met = seen.get(place) ?? seen.set(place, new Set()).get(place);
        for (const item of list.children) {
            const found = kinds(item, laid, '');
            if (item.textContent.length !== longest && found.every(k => met.has(k))) gone.add(item);
            for (const k of found) met.add(k);
        }
    }
    for (const item of gone) item.remove();
};"""

# Before anything is laid out the folds are opened, the tables and the indexes thinned; there the longest row
# stays as well, for it is the likeliest to have something too wide.
EARLY = f"""{{{KINDS}
document.addEventListener('DOMContentLoaded', () => {{
    for (const fold of document.querySelectorAll('details')) fold.open = true;
    thin(document.querySelectorAll('tbody, .ct-index ul'), false);
}});}}"""
LATE = f"() => {{{KINDS} thin(document.querySelectorAll('tbody, ul, ol, pre, .cell_output'), true); }}"
ROWS_OFF_THE_SCREEN = ("article :is(.ct-index ul, .ct-index li, .ct-ledger tbody tr) "
                       "{ content-visibility: visible !important }")
VIOLATIONS = ("async options => "
              "(await axe.run(document, {resultTypes: ['violations'], ...options})).violations")
CONTRAST = "color-contrast"
SETTLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def axe():
    if not AXE.exists():
        pytest.skip("axe-core is not installed, so accessibility was not checked (npm ci --ignore-scripts)")
    return AXE.read_text(encoding="utf-8")


def grave(page, where, **options) -> list[str]:
    """The serious and critical violations on the page as it stands, readable."""
    return [f"{where}: {v['impact']} {v['id']}: {node['html'][:300]}\n"
            f"    at {' '.join(map(str, node['target']))}\n"
            f"    {node['failureSummary']}"
            for v in page.evaluate(VIOLATIONS, options) if v["impact"] in ("serious", "critical")
            for node in v["nodes"]]


def darken(page):
    """The theme by its own button, pressed without a pointer, which would close the popover."""
    page.evaluate("document.querySelector('button.ct-theme').click()")
    page.wait_for_function("""() => document.documentElement.dataset.theme === 'dark'
        && [...document.querySelectorAll('.ct-chart')].every(chart => chart.dataset.ready === 'dark')""")


@page
def test_a_page_is_accessible(visit, axe, name):
    """With every fold open and the popover of the first number or term.

    By all rules in the light theme; in the dark one, where nothing else differs, by its colours; then on a
    phone, where the colours are the same, by all the others.
    """
    page = visit(name, script=EARLY)
    page.add_style_tag(content=ROWS_OFF_THE_SCREEN)
    first = page.locator("article a[data-popover]").first
    if first.count():
        hover(page, first)
        page.locator(".ct-pop:popover-open").wait_for()
    page.evaluate(LATE)
    page.evaluate(axe)
    found = grave(page, "light")
    darken(page)
    found += grave(page, "dark", runOnly=[CONTRAST])
    page.set_viewport_size(PHONE["viewport"])
    page.evaluate(SETTLED)
    found += grave(page, "on a phone", rules={CONTRAST: {"enabled": False}})
    assert not found, "\n".join(found)
