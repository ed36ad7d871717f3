"""Every word of a page is set in a font that the book ships:
no layout waits for what a reader's system has."""
from .names import page

OPENED = """() => {
    for (const part of document.querySelectorAll('details')) part.open = true;
    for (const part of document.querySelectorAll('[popover]')) part.removeAttribute('popover');
    return document.fonts.ready.then(() => true);
}"""


# Of the elements that hold letters those that show one which none before has shown in that style.
CHOOSE = """selector => {
    const seen = new Map();
    const style = e => { const s = getComputedStyle(e); return s.fontFamily + s.fontWeight + s.fontStyle; };
    const shown = [...document.querySelectorAll(selector)].filter(e => e.getClientRects().length);
    const chosen = shown.filter(e => {
        const key = style(e) + [...new Set([...e.querySelectorAll('*')].map(inner => inner.tagName))].sort();
        const known = seen.get(key) ?? seen.set(key, new Set()).get(key);
        const fresh = [...e.textContent].filter(letter => !known.has(letter));
        for (const letter of fresh) known.add(letter);
        return fresh.length;
    });
    for (const e of chosen) e.dataset.chosen = "";
    return chosen.length;
}"""


@page
def test_no_word_of_a_page_is_set_in_a_font_of_the_system(visit, name):
    """As Chromium tells of each element, folded parts and popovers opened, charts drawn."""
    page = visit(name)
    # Or the style of each row off the screen would be worked out by itself
    page.add_style_tag(content="* { content-visibility: visible !important }")
    assert page.evaluate(OPENED)
    page.wait_for_function("document.fonts.status === 'loaded'")
    cdp = page.context.new_cdp_session(page)
    cdp.send("DOM.enable")
    cdp.send("CSS.enable")
    root = cdp.send("DOM.getDocument")["root"]["nodeId"]
    others = []
    assert page.evaluate(CHOOSE, LETTERED) > 10
    for node in cdp.send("DOM.querySelectorAll", {"nodeId": root, "selector": "[data-chosen]"})["nodeIds"]:
        for font in cdp.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]:
            if not font["isCustomFont"]:
                told = cdp.send("DOM.getOuterHTML", {"nodeId": node})["outerHTML"]
                others.append(f"{font['familyName']}: {told[:160]}")
    assert others == [], \
        "\n".join(others[:8]) + "\nadd what is missing to site/cut_fonts.py and cut the fonts again"


# Whatever holds words itself or by its style; the long tables' cells stand for the rows around them.
LETTERED = ("h1, h2, h3, p, li, td, th, pre, summary, figcaption, label, option, text, math, "
            ".ct-badge, .ct-pop, .ct-bar, .ct-nav")
