"""myst-nb's mime plug-in: turns our cell outputs into nodes that carry their payload for the extension."""
from __future__ import annotations

import html
import json

from docutils import nodes

from ..book.judgements import AUDIT
from ..book.records import RECORD

VEGA = "application/vnd.vegalite.v6+json"


class Outputs:
    """Registered under myst_nb.mime_renderers in pyproject.toml."""
    mime_priority_overrides = [("html", mime, 1) for mime in (RECORD, AUDIT, VEGA)]

    @staticmethod
    def handle_mime(renderer, data, inline: bool):
        if inline or data.mime_type not in (RECORD, AUDIT, VEGA):
            return None
        content = data.content if isinstance(data.content, dict) else json.loads(data.content)
        if data.mime_type == VEGA:
            spec = json.dumps(content, sort_keys=True, separators=(",", ":")).replace("</", "<\\/")
            if not content.get("description"):
                raise ValueError("a chart has no description; pass its alt text to charts.finish")
            told = html.escape(content["description"])
            return [nodes.raw("", f'<div class="ct-chart" role="figure" aria-label="{told}">'
                                  f'<script type="application/json">{spec}</script></div>',
                              format="html", chart=True)]
        kind = "record" if data.mime_type == RECORD else "audit"
        return [nodes.raw("", "", format="html", **{kind: content})]
