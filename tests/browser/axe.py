"""What axe-core finds on a page that is open: in both themes, on a phone and with a popover open."""
from .names import ROOT
from .screens import PHONE, hover

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

# First the tables and the indexes, unmeasured; there the longest row stays as well, for it is the likeliest
# to have something too wide. Then the rest, measured.
THIN = f"""() => {{{KINDS}
    for (const fold of document.querySelectorAll('details')) fold.open = true;
    thin(document.querySelectorAll('tbody, .ct-index ul'), false);
}}"""
THINNER = f"() => {{{KINDS} thin(document.querySelectorAll('tbody, ul, ol, pre, .cell_output'), true); }}"
VIOLATIONS = ("async options => "
              "(await axe.run(document, {resultTypes: ['violations'], ...options})).violations")
CONTRAST = "color-contrast"
SETTLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def violations(page) -> list[str]:
    """With every fold open and the popover of the first number or term.

    By colours in the dark theme; by all rules in the light one, where nothing else differs; then on a phone,
    where the colours are the same, by all the others. The page comes dark, and loses most of its rows.
    """
    page.evaluate(THIN)
    first = page.locator("article a[data-popover]").first
    if first.count():
        hover(page, first)
        page.locator(".ct-pop:popover-open").wait_for()
    page.evaluate(THINNER)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = grave(page, "dark", runOnly=[CONTRAST])
    # Without a pointer, which would close the popover
    page.evaluate("document.querySelector('button.ct-theme').click()")
    in_colours(page, "light")
    found += grave(page, "light")
    page.set_viewport_size(PHONE["viewport"])
    page.evaluate(SETTLED)
    return found + grave(page, "on a phone", rules={CONTRAST: {"enabled": False}})


def in_colours(page, theme):
    """Waits until the page and its charts are."""
    page.wait_for_function("""theme => document.documentElement.dataset.theme === theme
        && [...document.querySelectorAll('.ct-chart')].every(chart => chart.dataset.ready === theme)""",
                           arg=theme)


def grave(page, where, **options) -> list[str]:
    """The serious and critical violations on the page as it stands, readable."""
    return [f"{where}: {v['impact']} {v['id']}: {node['html'][:300]}\n"
            f"    at {' '.join(map(str, node['target']))}\n"
            f"    {node['failureSummary']}"
            for v in page.evaluate(VIOLATIONS, options) if v["impact"] in ("serious", "critical")
            for node in v["nodes"]]
