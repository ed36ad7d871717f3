"""How a record and an audit look in a notebook, in the built book, and as plain text."""
from __future__ import annotations

import re
from html import escape
from pathlib import Path

SAID = {"holds": "holds", "rounds": "rounds", "off": "off", "contradicts": "contradicts itself",
        "unsupported": "a source says otherwise", "opinion": "opinion"}


def badge(verdict: str, factor: float | None = None) -> str:
    """A verdict as a coloured word; `off` shows by how much the printed value misses, and to which side."""
    told = _told({"verdict": verdict, "factor": factor})
    return f'<span class="ct-badge ct-{verdict}">{escape(told)}</span>'


def _told(row: dict) -> str:
    return (f"off {times(row['factor'])}" if row["verdict"] == "off" and row["factor"]
            else SAID[row["verdict"]])


def times(factor: float) -> str:
    """1.17 -> '1.17× low' (the printed value is low); 0.5 -> '2.00× high'."""
    from ..formatting import figure
    return f"{figure(max(factor, 1 / factor), 3)}× {'low' if factor > 1 else 'high'}"


def provenance(payload: dict, link=None) -> str:
    """Formula, inputs with sources, range: the body of a card and of a popover.
    link: key -> href, or None."""
    parts = []
    if payload.get("mathml"):
        parts.append(f'<div class="ct-formula">{payload["mathml"]}</div>')
        parts.append(f'<div class="ct-formula ct-values">= {payload["mathml_values"]}</div>')
    elif payload.get("sides"):
        parts.append(f'<div class="ct-formula">{escape(payload["sides"])}</div>')
    if payload.get("range"):
        parts.append('<div class="ct-range">Over the ranges of its inputs: '
                     f'{escape(payload["range"]["text"])}</div>')
    items = "".join(f"<li>{_input(i, link)}</li>" for i in payload.get("inputs", [payload]))
    parts.append(f'<ul class="ct-inputs">{items}</ul>')
    return "".join(parts)


def _input(i: dict, link) -> str:
    href = link(i["key"]) if link else None
    name = f'<a href="{escape(href)}">{escape(i["label"])}</a>' if href else escape(i["label"])
    head = f"{name} <b>{escape(i['text'])}</b>"
    if i["kind"] == "named":
        below = f'<br><span class="ct-source">from {_facts(i["rests_on"], link)}</span>'
        return head if href else head + below
    if i.get("range_text"):
        head += f" ({escape(i['range_text'])})"
    cited = f'<a href="{escape(i["url"])}">{escape(i["cited"])}</a>' if i["url"] else escape(i["cited"])
    told = [cited, f"<time>{escape(i['as_of'])}</time>" if i["as_of"] else "", escape(i["kind"])]
    told += ["from a secondary copy"] if i["secondary"] else []
    out = f'{head}<br><span class="ct-source">{", ".join(t for t in told if t)}</span>'
    if i.get("experiment"):
        out += f'<br><code>{escape(i["note"])}</code>'   # the call, which anybody can make again
    for o in i["others"]:
        other = f'but {o["text"]}: {o["cited"]}, {o["as_of"]}. {o["note"]}'
        out += f'<br><span class="ct-source">{escape(other)}</span>'
    return out


def _facts(texts: dict[str, str], link) -> str:
    """Facts by the last word of their keys, each leading to its source."""
    def one(key, text):
        name = escape(key.partition(".")[2].replace("-", " "))
        href = link(key) if link else None
        return f'<a href="{escape(href)}">{name}</a> {escape(text)}' if href else f"{name} {escape(text)}"
    return ", ".join(one(*fact) for fact in texts.items())


def claim_lines(payload: dict) -> str:
    """What the essay says of this number, with the verdicts."""
    return "".join(f'<div class="ct-claim">Essay: {escape(c["stated"] or "stated in words")} '
                   f'{badge(c["verdict"], c["factor"])}</div>' for c in payload.get("claims", ()))


def card(payload: dict, link=None) -> str:
    """The card of a record: label, large value, verdicts, and its provenance folded away."""
    spread = f'<span class="ct-spread">{escape(payload["range"]["text"])}</span>' if payload["range"] and \
        payload["range"]["text"] != payload["text"] else ""
    return (f'<div class="ct-card" id="record-{payload["key"]}">'
            f'<div class="ct-label">{escape(payload["label"])}</div>'
            f'<div class="ct-value">{escape(payload["text"])}{spread}</div>{claim_lines(payload)}'
            f'<details><summary>formula and sources</summary>{provenance(payload, link)}'
            f'<div class="ct-key">{payload["key"]}</div></details></div>')


def notebook_html(payload: dict) -> str:
    """The card with its own style, for Jupyter and Colab."""
    return f"<style>{NOTEBOOK_CSS}</style>{card(payload)}"


def as_text(payload: dict) -> str:
    """The card as text: what a terminal shows and nbval compares."""
    lines = [f"{payload['label']}: {payload['text']}"
             + (f"  (range {payload['range']['text']})" if payload["range"] else ""),
             f"  {payload['key']} = {payload['formula']}"]
    for i in payload["inputs"]:
        source = (f"  (from {', '.join(f'{key} {text}' for key, text in i['rests_on'].items())})"
                  if i["kind"] == "named" else
                  f"  [{', '.join(t for t in (i['cited'], i['as_of'], i['kind']) if t)}]"
                  + (f" {i['note']}" if i.get("experiment") else ""))
        lines.append(f"  {i['label']} = {i['text']}{source}")
    lines += [f"  essay: {c['stated'] or c['id']} -> {_told(c)}" for c in payload["claims"]]
    return "\n".join(lines)


def plain_note(note: str) -> str:
    """A note without the targets of its quoted numbers."""
    return re.sub(r"\[([^\[\]]*)\]\([^)]*\)", r"\1", note)


def _note(note: str) -> str:
    return escape(plain_note(note))


def claim_anchor(claim: str) -> str:
    """The id of a claim's row in the audit of the chapter that judged it."""
    return f"claim-{claim}"


def audit_html(payload: dict, inline=_note, row_id=None) -> str:
    """The audit table. inline: renders a note (the book turns its quoted records into links).
    row_id: claim id -> id of its row, where rows have any."""
    def begin(row):
        return f'<tr id="{row_id(row["id"])}">' if row_id else "<tr>"
    rows = "".join(
        f'{begin(r)}<td>{escape(r["claim"])}<div class="ct-source">line {r["line"]}</div></td>'
        f'<td>{escape(r["stated"])}</td><td>{badge(r["verdict"], r["factor"])}</td>'
        f'<td>{reason(r, inline)}</td></tr>'
        for r in payload["claims"])
    left = len(payload["unjudged"])
    more = (f'<p class="ct-source">{left} more claims of these sections are not judged yet.</p>'
            if left else "")
    return table("Audit of this chapter", "ct-audit", ("The essay says", "Stated", "Verdict", "Why"),
                 rows) + more


def table(name: str, css: str, heads: tuple[str, ...], rows: str) -> str:
    """A table that scrolls inside the page; `name` tells a screen reader what it is."""
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    return (f'<div class="ct-scroll" tabindex="0" role="region" aria-label="{name}"><table class="{css}">'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>")


def reason(row: dict, inline=_note) -> str:
    """Why a claim got its verdict: our note first, then what the rule compared, then the source."""
    parts = [inline(row["note"])] if row["note"] else []
    if row["why"]:
        parts.append(f'<span class="ct-source">{escape(row["why"])}</span>')
    if row["cited"]:
        cited = escape(row["cited"])
        parts.append(f'<span class="ct-source">Source: <a href="{escape(row["url"])}">{cited}</a></span>'
                     if row["url"] else f'<span class="ct-source">Source: {cited}</span>')
    return "<br>".join(parts)


def audit_plain(payload: dict) -> str:
    lines = [f"{_told(r):<24} {r['id']}: {r['claim']}, stated {r['stated'] or 'in words'}; "
             f"{r['why'] or plain_note(r['note'])}" for r in payload["claims"]]
    return "\n".join(lines + [f"{len(payload['unjudged'])} not judged: {', '.join(payload['unjudged'])}"])


CSS = Path(__file__).with_name("card.css")         # a page of the book loads it too
NOTEBOOK_CSS = CSS.read_text(encoding="utf-8").strip()
