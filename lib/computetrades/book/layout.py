"""The frame around each page: what theme/layout.html is told, and which scripts a page loads."""
from __future__ import annotations

import re
from html import escape
from pathlib import Path

from docutils import nodes

THEME = Path(__file__).parent / "theme"
SEARCH = ("documentation_options.js", "doctools.js", "sphinx_highlight.js", "searchtools.js", "language_data.js")


def frame(app, pagename, templatename, context, doctree):
    """Fill in the template's variables: navigation, station number, summary, links out, scripts."""
    has_chart = doctree is not None and any(n.get("chart") for n in doctree.findall(nodes.raw))
    wanted = SEARCH if pagename == "search" else ()
    context["script_files"] = [f for f in context["script_files"] if Path(str(getattr(f, "filename", ""))).name in wanted]
    app.add_js_file("book.js", loading_method="defer")
    if has_chart:
        app.add_js_file("vega.js", type="module")
    parts = list(_parts(app, pagename))
    repository, branch = (app.config.html_theme_options.get(f"repository_{name}", "") for name in ("url", "branch"))
    context |= {
        "parts": parts, "station": station(pagename), "site": app.config.html_baseurl,
        "part_of": next((part["caption"] for part in parts for page in part["pages"] if page["current"]), ""),
        "summary": "".join(text for text, _ in lede(app.env, pagename)), "preview": f"_static/previews/{pagename}.png",
        "colab": f"https://colab.research.google.com/{repository.removeprefix('https://').removesuffix('/').replace('.com', '', 1)}"
                 f"/blob/{branch}/{pagename}.ipynb",
    }


def station(docname: str) -> str:
    """'07' for 'chapters/07-kv-cache', '' for any other page."""
    found = re.match(r"chapters/(\d+)-", docname)
    return found[1] if found else ""


def lede(env, docname: str) -> list[list]:
    """The first paragraph of a page as [text, key or None] pieces."""
    return getattr(env, "computetrades", {}).get(docname, {}).get("lede", [])


def _parts(app, pagename):
    """The table of contents as the template draws it; the front page stands first, in a part without a name."""
    def page(docname):
        return {"href": app.builder.get_relative_uri(pagename, docname), "title": escape(app.env.titles[docname].astext()),
                "station": station(docname), "current": docname == pagename}
    root = app.env.external_site_map.root
    unnamed = [tree for tree in root.subtrees if not tree.caption]
    yield {"caption": "", "pages": [page(root.docname), *(page(str(f)) for tree in unnamed for f in tree.files())]}
    for tree in root.subtrees:
        if tree.caption:
            pages = [page(str(f)) for f in tree.files()]
            yield {"caption": tree.caption, "pages": pages, "open": any(p["current"] for p in pages)}
