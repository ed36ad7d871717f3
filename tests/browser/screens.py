"""The screens of readers, a page that has arrived on one, and the mouse there."""
from benchmarks.pages import DRAWN

PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 1}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}

# A browser leaves out what is off the screen; a test is to see all of it.
LAID_OUT = "article > section > section { content-visibility: visible !important; }"


def arrived(page, theme="light", scripts=True):
    """Waits until all of it is laid out and its charts are drawn."""
    # Without scripts a style tag is never reported as loaded
    if scripts:
        page.add_style_tag(content=LAID_OUT)
        page.wait_for_function(DRAWN)
    assert page.evaluate("document.documentElement.dataset.theme") == theme


def hover(page, link):
    """The mouse on the middle of a link; Playwright's own way misses a link inside a drawing."""
    link.scroll_into_view_if_needed()
    page.mouse.move(*link.evaluate("a => { const b = a.getBoundingClientRect(); "
                                   "return [b.left + b.width / 2, b.top + b.height / 2]; }"))
