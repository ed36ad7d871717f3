"""What a page shows of the published numbers: links to their entries, and popovers at its end."""
from __future__ import annotations

import re
from html import escape

from sphinx.util.osutil import relative_uri

from ..book.cards import claim_lines, provenance
from .prose import QUOTED

# In a picture: leads to a notebook beside this one
SIBLING = re.compile(r'<a href="([\w-]+)\.ipynb"([^>]*)>(.*?)</a>', re.DOTALL)


class Drawing:
    """The parts of one page as HTML. book: a ledger.Book. docname: the page; env: Sphinx's, or as much of it
    as a part asks for. popovers: id -> HTML, of every number that was quoted."""

    def __init__(self, book, env, docname: str):
        self.book = book
        self.env = env
        self.docname = docname
        self.popovers: dict[str, str] = {}

    def page(self, docname: str) -> str:
        """Address of another page, from this one."""
        return relative_uri(f"{self.docname}.html", f"{docname}.html")

    def link(self, key: str) -> str | None:
        """Address of a number's entry in the ledger;
        None for a name inside the library that no chapter publishes."""
        return f"{self.page(self.book.homes[key])}#{key}" if key in self.book.homes else None

    def number(self, key: str, literal: str) -> str:
        """A quoted number, readable by machine."""
        value, shown = self.book.table[key]["value"], escape(literal)
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        return self.quote(key, f'<data value="{value!r}">{shown}</data>' if plain else shown)

    def quote(self, key: str, shown: str) -> str:
        """A link to the number's entry, with a popover."""
        popover = "num-" + key.replace(".", "-")
        if popover not in self.popovers:
            self.popovers[popover] = self._popover(popover, self.book.table[key])
        return f'<a class="ct-num" href="{self.link(key)}" data-popover="{popover}">{shown}</a>'

    def _popover(self, popover: str, payload: dict) -> str:
        """What hovering, focusing or tapping a number shows."""
        key = payload["key"]
        return (f'<div class="ct-pop" id="{popover}" role="note" popover>'
                f'<div class="ct-label">{escape(payload["label"])}</div>'
                f'<div class="ct-value">{escape(payload["text"])}</div>'
                f'{claim_lines(payload)}{provenance(payload, self.link)}'
                f'<p class="ct-more"><a href="{self.link(key)}">{key} in the ledger</a> '
                f'<button type="button" class="ct-cite">Cite</button></p></div>')

    def inline(self, markdown: str) -> str:
        """An audit note: plain text whose quoted numbers become links."""
        parts = re.split(rf"\[([^\[\]]*)\]\({QUOTED.pattern}\)", markdown)
        out = [escape(parts[0])]
        for literal, key, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            out += [self.number(key, literal) if key in self.book.table else escape(literal), escape(after)]
        return "".join(out)

    def sibling(self, found: re.Match) -> str:
        """A link to a notebook beside this one, as a link to its page;
        what it held, where there is no such page."""
        docname = f"{self.docname.rpartition('/')[0]}/{found[1]}"
        return (f'<a href="{self.page(docname)}"{found[2]}>{found[3]}</a>'
                if docname in self.env.found_docs else found[3])

    def title(self, docname: str) -> str:
        """A page's name in running text: 'chapter 07', or its title."""
        if docname.startswith("chapters/"):
            return f"chapter {docname.removeprefix('chapters/')[:2]}"
        titles = self.env.titles
        return escape(titles[docname].astext()) if docname in titles else escape(docname.rpartition("/")[2])
