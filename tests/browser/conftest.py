"""A browser, the built book behind a local server, and `visit`, which opens a page
and watches what it does."""
import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from benchmarks.pages import DRAWN, chromium_path, launch
from computetrades.site.serve import served

PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 1}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PATIENCE = 10_000  # ms


@pytest.fixture(scope="session")
def chromium():
    if chromium_path() is None:
        pytest.skip("no Chromium on this machine, so nothing was tried in a browser (.ci/run installs one)")
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture(scope="session")
def html(chromium, built):
    """The folder of the built book; asked for only where there is a browser."""
    return built.root / "_build" / "html"


@pytest.fixture(scope="session")
def address(html):
    with served(html) as address:
        yield address


# A browser leaves out what is off the screen; a test is to see all of it.
LAID_OUT = "article > section > section { content-visibility: visible !important; }"


# A page draws the charts off the screen two seconds after it has loaded; here at once.
SOON = """{
    const later = window.setTimeout;
    window.setTimeout = (call, ms, ...given) => later(call, ms === 2000 ? 0 : ms, ...given);
}"""


@pytest.fixture(scope="session")
def window(chromium):
    """window(…) -> the window of that theme and size, opened once: a new one costs Chromium as much work as
    a page in it."""
    opened = {}

    def window(**options):
        key = json.dumps(options, sort_keys=True)
        if key not in opened:
            opened[key] = chromium.new_context(**options)
            opened[key].set_default_timeout(PATIENCE)
            opened[key].new_page()      # stays, empty: a window closes with its last tab
        return opened[key]
    return window


@pytest.fixture
def visit(window, address):
    """visit(page name, …) -> the page in a tab of its own, loaded, its charts drawn; it finds nothing that
    another has stored. `script` is run before its own. Afterwards: no other host was asked, no error was
    said."""
    tabs, faults = [], []

    def visit(name, anchor="", theme="light", script="", **options):
        page = window(**{**DESKTOP, "color_scheme": theme, **options}).new_page()
        tabs.append(page)
        watch(page, address, faults)
        forget(page, address)
        page.add_init_script(SOON)
        page.add_init_script(script)
        page.goto(f"{address}/{name}.html{anchor}")
        # Without scripts a style tag is never reported as loaded
        if options.get("java_script_enabled", True):
            page.add_style_tag(content=LAID_OUT)
            page.wait_for_function(DRAWN)
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        return page
    yield visit
    for page in tabs:
        page.close()
    assert not faults, "\n".join(faults)


def forget(page, address):
    """What pages have stored in this window, such as a chosen theme."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "local_storage"})
    cdp.detach()


def hover(page, link):
    """The mouse on the middle of a link; Playwright's own way misses a link inside a drawing."""
    link.scroll_into_view_if_needed()
    page.mouse.move(*link.evaluate("a => { const b = a.getBoundingClientRect(); "
                                   "return [b.left + b.width / 2, b.top + b.height / 2]; }"))


def watch(page, address, faults):
    """Everything that no page may do is told to `faults`.
    The browser itself resolves no other host: see `launch`."""
    def asked(request):
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and f"{url.scheme}://{url.netloc}" != address:
            faults.append(f"asked for {request.url}")
    page.on("request", asked)
    page.on("response", lambda r: r.status >= 400 and faults.append(f"{r.status} for {r.url}"))
    page.on("pageerror", lambda error: faults.append(f"uncaught: {error}"))
    page.on("console", lambda m: m.type == "error" and faults.append(f"console: {m.text}"))
