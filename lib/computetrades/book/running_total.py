"""The running total of the one request: a line for each chapter so far, and their sum."""
from __future__ import annotations

from html import escape

from ..formatting import text
from ..functions import sum_given
from ..number import Number
from .cards import table


def tally(lines, columns: dict[str, tuple], total: str = "so far") -> None:
    """Show lines, each with `chapter`, `what` and an attribute for every column,
    and the sums of those that are given.

    lines: such as inference.request.lines gives. columns: attribute -> (heading, unit, significant digits, or
    None for whole units). An attribute that is None leaves its cell empty.
    """
    from IPython.display import display
    rows = [(line.chapter, line.what,
             *(_cell(getattr(line, name), unit, digits) for name, (_, unit, digits) in columns.items()))
            for line in lines]
    sums = [_cell(sum_given(getattr(line, name) for line in lines), unit, digits)
            for name, (_, unit, digits) in columns.items()]
    heads = ("Chapter", "What", *(heading for heading, *_ in columns.values()))
    body = "".join(
        f"<tr><td>{escape(row[0])}</td><td>{escape(row[1])}</td>{_cells(heads, row[2:], '{}')}</tr>"
        for row in rows)
    foot = f'<tr><th scope="row" colspan="2">{escape(total)}</th>{_cells(heads, sums, "<b>{}</b>")}</tr>'
    plain = "\n".join(" | ".join(row) for row in [heads, *rows, ("", total, *sums)])
    display({"text/html": table("The request so far", "ct-tally-lines", heads, body + foot),
             "text/plain": plain}, raw=True)


def _cells(heads, texts, form: str) -> str:
    """Each names its column, for a phone, where a row is a paragraph; an empty one is left wholly empty."""
    return "".join(f'<td data-column="{escape(head)}">{form.format(escape(text)) if text else ""}</td>'
                   for head, text in zip(heads[2:], texts, strict=True))


def _cell(value: Number | None, unit: str, digits: int | None) -> str:
    if value is None:
        return ""
    shown = value.to(unit).quantity
    return text(round(shown) if digits is None else shown, digits=digits)
