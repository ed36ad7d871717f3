"""A browser, the built book behind a local server, and `visit`, which opens a page
and watches what it does."""
import functools
import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from benchmarks.pages import chromium_path, launch
from computetrades.site.serve import served

from .screens import DESKTOP, PHONE, arrived
from .seen import on_desk, on_phone

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


@pytest.fixture(scope="session")
def tab(window, address):
    """tab(faults, …): a new tab in the window of that kind, which finds nothing that another has stored and
    tells what it may not do to `faults`."""
    def tab(faults, theme="light", **options):
        page = window(**{**DESKTOP, "color_scheme": theme, **options}).new_page()
        watch(page, address, faults)
        forget(page, address)
        page.add_init_script(SOON)
        return page
    return tab


@pytest.fixture
def visit(tab, address):
    """visit(page name, …) -> the page, loaded, its charts drawn. Afterwards: no other host
    was asked, no error was said."""
    tabs, faults = [], []

    def visit(name, anchor="", theme="light", **options):
        page = tab(faults, theme, **options)
        tabs.append(page)
        page.goto(f"{address}/{name}.html{anchor}")
        arrived(page, theme, options.get("java_script_enabled", True))
        return page
    yield visit
    for page in tabs:
        page.close()
    assert not faults, "\n".join(faults)


def once(look, tab, address, **options):
    """seen(page name) -> what look(page, address, page name) has found in a tab of its own; looked at once.
    No other host was asked, no error was said."""
    @functools.cache
    def found(name):
        faults = []
        page = tab(faults, **options)
        try:
            return look(page, f"{address}/{name}.html", name), faults
        finally:
            page.close()

    def seen(name):
        out, faults = found(name)
        assert not faults, "\n".join(faults)
        return out
    return seen


@pytest.fixture(scope="session")
def seen(tab, address):
    return once(on_desk, tab, address)


@pytest.fixture(scope="session")
def seen_on_phone(tab, address):
    return once(on_phone, tab, address, **PHONE)


def forget(page, address):
    """What pages have stored in this window, such as a chosen theme."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "local_storage"})
    cdp.detach()


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
