"""What a reader downloads for a page, cold and compressed:
encoded bytes that Chromium received, headers included."""
from pathlib import Path

from .names import page

TEXT, CHARTS = 350_000, 700_000  # bytes: a page without charts, and one with


@page
def test_a_page_is_light(seen, address, html, name):
    found = seen(name).received
    charts = 'class="ct-chart"' in (html / f"{name}.html").read_text(encoding="utf-8")
    limit = CHARTS if charts else TEXT
    largest = sorted(found.items(), key=lambda item: -item[1])[:5]
    assert found[f"{address}/{name}.html"] and sum(found.values()) < limit, \
        f"{sum(found.values()):,} bytes, of which " \
        f"{', '.join(f'{Path(url).name} {size:,}' for url, size in largest)}"
    assert any(url.endswith("/vega.js") for url in found) == charts
