"""The frame around each page: what theme/layout.html is told, and which scripts a page loads."""
from __future__ import annotations

import re
from html import escape
from pathlib import Path

from . import ledger, repository

THEME = Path(__file__).parent / "theme"
# book.js fetches vega.js where there is a chart
STYLES, SCRIPTS = ("page.css", "card.css", "book.css"), ("state.js", "book.js")


def fill(app, pagename, templatename, context, doctree):
    """Fill in the template's variables: navigation, station number, summary, links out, scripts."""
    app.add_js_file("state.js", loading_method="defer")
    app.add_js_file("book.js", loading_method="defer")
    for kind, wanted in (("css_files", STYLES), ("script_files", SCRIPTS)):
        found = {Path(str(f.filename)).name: f for f in context[kind]}
        context[kind] = [found[name] for name in wanted]
    parts = list(_parts(app, pagename))
    url, branch = (app.config.html_theme_options.get(f"repository_{name}", "")
                          for name in ("url", "branch"))
    context |= {
        "parts": parts, "station": station(pagename), "site": app.config.html_baseurl,
        "part_of": next((part["caption"] for part in parts for page in part["pages"] if page["current"]), ""),
        "summary": "".join(text for text, _ in lede(app.env, pagename)),
        "preview": f"_static/previews/{listed(pagename)}.png",
        "colab": (f"{repository.COLAB}/github/{url.removeprefix('https://github.com/')}/blob/{branch}"
                  f"/{pagename}.ipynb"),
    }


def station(docname: str) -> str:
    """'07' for 'chapters/07-kv-cache', '' for any other page."""
    found = re.match(r"chapters/(\d+)-", docname)
    return found[1] if found else ""


def listed(docname: str) -> str:
    """The page that stands for this one in the contents: a page of entries is part of the ledger."""
    return ledger.PAGE if docname.startswith(f"{ledger.PAGE}/") else docname


def lede(env, docname: str) -> list[list]:
    """The first paragraph of a page as [text, key or None] pieces."""
    return getattr(env, "computetrades", {}).get(docname, {}).get("lede", [])


def _parts(app, pagename):
    """The table of contents as the template draws it:
    first the pages that belong to no part, then part by part."""
    def page(docname):
        return {"href": app.builder.get_relative_uri(pagename, docname),
                "title": escape(app.env.titles[docname].astext()),
                "station": station(docname), "current": docname == listed(pagename)}
    root = app.env.external_site_map.root
    unnamed = [tree for tree in root.subtrees if not tree.caption]
    yield {"caption": "", "pages": [page(str(f)) for tree in unnamed for f in tree.files()]}
    for tree in root.subtrees:
        if tree.caption:
            pages = [page(str(f)) for f in tree.files()]
            yield {"caption": tree.caption, "pages": pages, "open": any(p["current"] for p in pages)}
