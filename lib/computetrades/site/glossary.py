"""The definitions of the glossary, which hovering a term shows."""
from __future__ import annotations

import functools
import re
from html import escape
from pathlib import Path

from .prose import MARKDOWN


def definitions(page: Path) -> dict[str, str]:
    """Slug -> first paragraph of each '## Term' of the glossary page, as HTML without links."""
    return _definitions(page.read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=1)
def _definitions(text: str) -> dict[str, str]:
    out = {}
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        paragraph = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", body.strip().split("\n\n")[0])
        slug = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        out[slug] = f"<b>{escape(title.strip())}</b>" + MARKDOWN.render(paragraph)
    return out
