"""The running total of the one request: a line for each chapter so far, and their sum.

Lines have `chapter`, `what`, and for each column of data/book.yaml an attribute, None where there is nothing
of the kind; inference/request_bill.py makes them.
"""
from __future__ import annotations

import re
from dataclasses import replace
from html import escape

from ..formatting import text
from ..functions import sum_given
from ..number import Number, named
from .cards import table
from .plan import plan


def tally(lines, total: str = "so far", **digits: int) -> None:
    """Show the lines and the sums of what is given. digits: column -> significant digits other than usual."""
    from IPython.display import display
    columns = {name: (column.heading, column.unit, digits.get(name, column.digits))
               for name, column in plan().columns.items()}
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


def by_record(lines) -> list:
    """The traced lines of the one request, each number under the name of the record in which its chapter
    publishes it: a sum of them leads back to the chapters."""
    def under_its_name(line, name, key):
        return named(key, getattr(line, name).to(plan().columns[name].unit), line.what)
    return [replace(line, **{name: under_its_name(line, name, key)
                             for name, key in plan().records[line.chapter].items()}) for line in lines]


def under(lines, name: str) -> list:
    """The same lines, each number as a symbol of its own, `name.the-layers-hbm`,
    so that a sum of them reads by station."""
    def symbol(line, column, number):
        key = f"{name}.{'-'.join(re.findall(r'[a-z]+', f'{line.what} {column}'))}"
        shown = plan().columns[column]
        return named(key, number.to(shown.unit), f"{line.what[0].upper()}{line.what[1:]}: {shown.heading}")
    return [replace(line, **{column: symbol(line, column, getattr(line, column)) for column in plan().columns
                             if isinstance(getattr(line, column), Number)}) for line in lines]


def _cells(heads, texts, form: str) -> str:
    """Each names its column, for a phone, where a row is a paragraph; an empty one is left wholly empty."""
    return "".join(f'<td data-column="{escape(head)}">{form.format(escape(text)) if text else ""}</td>'
                   for head, text in zip(heads[2:], texts, strict=True))


def _cell(value: Number | None, unit: str, digits: int | None) -> str:
    if value is None:
        return ""
    shown = value.to(unit).quantity
    return text(round(shown) if digits is None else shown, digits=digits)
