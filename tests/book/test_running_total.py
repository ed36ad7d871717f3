"""The running total: cells and sums by hand."""
from types import SimpleNamespace

import pytest

from computetrades.book import tally
from computetrades.number import as_number
from computetrades.units import UnitError, parse

COLUMNS = {"tokens": ("Tokens", "token", None), "wire": ("On the wire", "kB", 3)}


def n(text):
    return as_number(parse(text))


@pytest.fixture
def shown(monkeypatch):
    out = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: out.append(bundle))
    return out


def test_lines_are_shown_and_summed_and_what_is_not_there_stays_empty(shown):
    tally([SimpleNamespace(chapter="01", what="sent <all>", tokens=None, wire=n("1500 B")),
           SimpleNamespace(chapter="02", what="found", tokens=n("10.6 token"), wire=None),
           SimpleNamespace(chapter="03", what="new", tokens=n("2 token"), wire=n("0.5 kB"))], COLUMNS,
          "in all")
    assert shown[0]["text/plain"].split("\n") == [
        "Chapter | What | Tokens | On the wire", "01 | sent <all> |  | 1.50 kB", "02 | found | 11 tokens | ",
        "03 | new | 2 tokens | 0.500 kB", " | in all | 13 tokens | 2 kB"]
    assert "sent &lt;all&gt;" in shown[0]["text/html"] and "<b>2 kB</b>" in shown[0]["text/html"]
    # A phone shows names, and leaves out what is empty
    cells = '<td data-column="Tokens">11 tokens</td><td data-column="On the wire"></td>'
    assert cells in shown[0]["text/html"]


def test_a_line_in_another_unit_is_refused(shown):
    with pytest.raises(UnitError):
        tally([SimpleNamespace(chapter="01", what="sent", tokens=n("3 s"), wire=None)], COLUMNS)
