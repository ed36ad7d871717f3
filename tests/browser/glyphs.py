"""In which fonts the words of a page that is open are set, as Chromium tells of each element."""

OPENED = """() => {
    for (const part of document.querySelectorAll('details')) part.open = true;
    for (const part of document.querySelectorAll('[popover]')) {
        part.dataset.was = part.popover;
        part.removeAttribute('popover');
    }
    return document.fonts.ready.then(() => true);
}"""
AGAIN = """() => {
    for (const part of document.querySelectorAll('[data-was]')) {
        part.popover = part.dataset.was;
        delete part.dataset.was;
    }
    for (const part of document.querySelectorAll('[data-chosen]')) delete part.dataset.chosen;
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


# Whatever holds words itself or by its style; the long tables' cells stand for the rows around them.
LETTERED = ("h1, h2, h3, p, li, td, th, pre, summary, figcaption, label, option, text, math, "
            ".ct-badge, .ct-pop, .ct-bar, .ct-nav")


def fonts_of_the_system(page) -> tuple[int, list[str]]:
    """How many elements were asked, and each of them that is set in a font of the system: folded parts and
    popovers opened. The popovers are as before afterwards, the folds stay open."""
    # Or the style of each row off the screen would be worked out by itself
    page.add_style_tag(content="* { content-visibility: visible !important }")
    assert page.evaluate(OPENED)
    page.wait_for_function("document.fonts.status === 'loaded'")
    cdp = page.context.new_cdp_session(page)
    cdp.send("DOM.enable")
    cdp.send("CSS.enable")
    root = cdp.send("DOM.getDocument")["root"]["nodeId"]
    asked, others = page.evaluate(CHOOSE, LETTERED), []
    for node in cdp.send("DOM.querySelectorAll", {"nodeId": root, "selector": "[data-chosen]"})["nodeIds"]:
        for font in cdp.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]:
            if not font["isCustomFont"]:
                told = cdp.send("DOM.getOuterHTML", {"nodeId": node})["outerHTML"]
                others.append(f"{font['familyName']}: {told[:160]}")
    cdp.detach()
    page.evaluate(AGAIN)
    return asked, others
