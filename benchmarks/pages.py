"""What a page costs a reader: bytes received, and time until it answers.
`python benchmarks/pages.py` [runs] [slow-down]

Reads the built book in _build/html (`make book`), served compressed from this machine, so
the network costs nothing.

Bytes: everything Chromium received for a cold load, headers included (CDP, encodedDataLength). Interactive:
milliseconds from the start of the navigation, on a processor slowed down by CDP (4 times unless told), to the
last of: DOMContentLoaded done, every chart near the screen drawn, the end of the last long task (over 50 ms)
before a second without any. Charts further down are drawn when the reader comes near, or two seconds after
the page has loaded. Then the first quoted number on the screen is hovered: how long until its popover is
painted (90 ms of it is the page's own delay, so that passing over a number opens nothing). CPU: what the
page's main thread computed until its charts were drawn, unslowed. Other work on the machine does not count
into it, so where the spread of the times is wide, CPU times the slow-down is the better guide. Key: the same
until a keystroke in the filter of an index is answered, the median of some words. benchmarks/ledger.py
measures the pages of the ledger's entries.
"""
from __future__ import annotations

import os
import platform
import shutil
import statistics
import sys

from playwright.sync_api import sync_playwright

from computetrades.site.serve import BUILT, served

# The browser finds no host but this one, whatever a page asks for, and does nothing in the background.
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
QUIET = 1000  # ms without a long task
DRAWN = "() => [...document.querySelectorAll('.ct-chart')].every(chart => chart.dataset.ready)"

OBSERVE = """
    const seen = window.seen = {tasks: [], drawn: 0, popover: 0};
    new PerformanceObserver(
        list => seen.tasks.push(...list.getEntries().map(t => t.startTime + t.duration))
    ).observe({type: 'longtask', buffered: true});
    document.addEventListener('DOMContentLoaded', () => {
        new MutationObserver(() => { seen.drawn = performance.now(); }).observe(
            document.documentElement, {subtree: true, attributes: true, attributeFilter: ['data-ready']});
    });
"""
READY = """quiet => {
    const {domContentLoadedEventEnd} = performance.getEntriesByType('navigation')[0];
    if (!domContentLoadedEventEnd) return false;
    const last = Math.max(domContentLoadedEventEnd, seen.drawn, ...seen.tasks);
    return performance.now() - last > quiet
        && {interactive: last, loaded: domContentLoadedEventEnd, drawn: seen.drawn};
}"""
HOVERED = """link => new Promise(done => {
    let start;
    link.addEventListener('pointerover', () => { start = performance.now(); }, {once: true});
    document.addEventListener('toggle', e => {
        if (e.newState === 'open')
            requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
    }, true);
    setTimeout(() => done(NaN), 5000);
})"""


def installed() -> str | None:
    """The Chromium of this machine's own."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def chromium_path() -> str | None:
    """The same, or the one that `playwright install chromium` left; not to be asked while Playwright runs."""
    if found := installed():
        return found
    with sync_playwright() as playwright:
        return shutil.which(playwright.chromium.executable_path)


def launch(playwright):
    return playwright.chromium.launch(executable_path=installed(), args=ARGUMENTS)  # None: Playwright's own


def received(browser, url: str) -> dict[str, int]:
    """Address -> encoded bytes of all that a cold load of the page brings, until its charts are drawn."""
    context = browser.new_context()
    found = brought(context.new_page(), url)
    context.close()
    return found


def brought(page, url: str) -> dict[str, int]:
    """The same, loaded into this tab and left there."""
    cdp = page.context.new_cdp_session(page)
    address, size = {}, {}
    cdp.on("Network.requestWillBeSent", lambda e: address.setdefault(e["requestId"], e["request"]["url"]))
    cdp.on("Network.loadingFinished", lambda e: size.update({e["requestId"]: e["encodedDataLength"]}))
    cdp.send("Network.enable")
    cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(url)
    page.wait_for_function(DRAWN)
    page.wait_for_load_state("networkidle")
    cdp.detach()
    return {address[i]: int(n) for i, n in size.items() if not address[i].startswith("data:")}


def interactive(browser, url: str, slowdown: float) -> dict[str, float]:
    """Milliseconds: loaded, drawn, interactive, hover; the words are explained above."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(OBSERVE)
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    page.goto(url)
    out = page.wait_for_function(READY, arg=QUIET).json_value()
    link = page.locator("article a[data-popover]").first
    if link.count():
        link.scroll_into_view_if_needed()
        link.evaluate(f"link => {{ window.hovered = ({HOVERED})(link); }}")
        page.mouse.move(*link.evaluate("a => { const b = a.getBoundingClientRect(); "
                                       "return [b.left + b.width / 2, b.top + b.height / 2]; }"))
        out["hover"] = page.evaluate("window.hovered")
    context.close()
    return out


def busy(browser, url: str) -> float:
    """Milliseconds of processor time that the page's main thread has taken once its charts are drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(url)
    page.wait_for_function(DRAWN, polling=200)
    took = computed(cdp)
    context.close()
    return took


WORDS = ("margin", "tsmc", "token", "", "euv", "the", "memory")
TYPED = """word => new Promise(done => {
    const field = document.querySelector('form.ct-filter [name=q]');
    field.value = word;
    field.dispatchEvent(new Event('input', {bubbles: true}));
    requestAnimationFrame(() => requestAnimationFrame(done));
})"""


def keystroke(browser, url: str) -> float:
    """Milliseconds of processor time from a changed word in the page's filter to the painted
    rows; 0 without a filter."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(url)
    took = []
    if page.locator("form.ct-filter output").count():
        cdp = context.new_cdp_session(page)
        cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        for word in WORDS:
            page.evaluate(TYPED, "gpu")
            before = computed(cdp)
            page.evaluate(TYPED, word)
            took.append(computed(cdp) - before)
    context.close()
    return statistics.median(took) if took else 0


def computed(cdp) -> float:
    """Milliseconds of processor time that the page's main thread has taken so far."""
    return next(1000 * m["value"]
                for m in cdp.send("Performance.getMetrics")["metrics"] if m["name"] == "TaskDuration")


def main(runs: int, slowdown: float) -> None:
    names = sorted(p.relative_to(BUILT).as_posix() for p in BUILT.rglob("*.html")
                   if not {"_static", "ledger"} & set(p.parts) and p.name != "index.html")
    with served(BUILT) as address, sync_playwright() as playwright, launch(playwright) as browser:
        print(f"Chromium {browser.version}, {os.cpu_count()} cores, {platform.machine()}; "
              f"processor slowed {slowdown:g} times, medians of {runs} runs in ms\n")
        print(f"{'page':<28} {'kB':>6} {'loaded':>8} {'drawn':>8} {'interactive':>12} {'(from to)':>16} "
              f"{'hover':>7} {'CPU':>6} {'key':>5}")
        for name in names:
            size = sum(received(browser, f"{address}/{name}").values()) / 1000
            found = [interactive(browser, f"{address}/{name}", slowdown) for _ in range(runs)]
            loaded, drawn, ready, hover = ([f.get(k, 0) for f in found]
                                           for k in ("loaded", "drawn", "interactive", "hover"))
            middle = [statistics.median(x) for x in (loaded, drawn, ready, hover)]
            spread = f"({min(ready):.0f} to {max(ready):.0f})"
            cpu = statistics.median(busy(browser, f"{address}/{name}") for _ in range(runs))
            key = statistics.median(keystroke(browser, f"{address}/{name}") for _ in range(runs))
            print(f"{name:<28} {size:>6.0f} {middle[0]:>8.0f} {middle[1]:>8.0f} {middle[2]:>12.0f} "
                  f"{spread:>16} {middle[3]:>7.0f} {cpu:>6.0f} {key:>5.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, float(sys.argv[2]) if len(sys.argv) > 2 else 4)
