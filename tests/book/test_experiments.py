"""book/experiments.py: a measured number names the call that gave it, and the call gives it again."""
import json

import nbformat
import pytest

from computetrades import book
from computetrades.book import experiments
from computetrades.book.records import RECORD
from computetrades.data import DataError
from computetrades.lab import position, tokens_per_byte
from computetrades.site import notebooks
from computetrades.units import base, parse_symbol
from tests.conftest import ROOT

HERE = {"query_position": 17, "key_position": 4, "theta": 10_000.0, "width": 32, "seed": 6}


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data[RECORD]))
    return shown


def test_a_measured_number_is_published_with_the_call_that_gave_it(shown):
    number = book.measure("a.english", tokens_per_byte.tokens, "Tokens of the English sample", unit="token",
                          kind="English")
    [payload] = shown
    [leaf] = payload["measured"]
    assert ((payload["key"], leaf["key"], payload["text"], number.value("token"))
            == ("a.english", "measured.a-english", "97 tokens", 97))
    assert leaf["experiment"] == {"function": "lab.tokens_per_byte.tokens", "arguments": {"kind": "English"}}
    assert leaf["note"] == "lab.tokens_per_byte.tokens(kind = 'English')" and leaf["kind"] == "measured"


def test_without_a_label_it_is_a_number_for_a_formula_and_nothing_is_published(shown):
    number = book.measure("a.english", tokens_per_byte.tokens, unit="token", kind="English")
    assert not shown and (2 * number).value("token") == 194
    assert number.label == "english"


def test_a_fraction_keeps_the_digits_to_which_it_repeats_and_a_count_all_of_its_own(shown):
    score = position.score(**HERE)
    measured = book.measure("a.score", position.score, digits=2, **HERE)
    assert measured.value() == pytest.approx(score, abs=0.05)
    number = book.measure("a.library", tokens_per_byte.tokens, "Source",
                          digits=2, unit="token", kind="library")
    assert str(number) == "81,000 tokens"
    assert shown[0]["value"] == 80_744
    assert ([experiments.rounded("a.b", x, 4) for x in (1.341931, 1.341901, -0.0999949)]
            == [1.342, 1.342, -0.09999])


def test_a_share_is_shown_in_percent(shown):
    number = book.measure("a.moved", position.moved_by_order, "Moved", unit="percent", digits=2,
                          text="a b c d e", rotated=True, whole=False)
    share = position.moved_by_order("a b c d e", True, False)
    assert 0.01 < share < 1 and str(number) == f"{100 * share:.2g}%"
    assert number.value("") == pytest.approx(share, rel=0.05)


@pytest.mark.parametrize("result, of, found", [
    ({"files read": 7}, "files read", 7), ([3, 4], "1", 4), ({"a": [5, 6]}, "a.0", 5), (1 + 2j, "imag", 2),
    (8, None, 8)])
def test_of_names_the_part_of_a_result(result, of, found):
    assert experiments.part(result, of) == found


@pytest.mark.parametrize("call, said", [
    (lambda: book.measure("a.b", position.score, **HERE), r"a\.b is -1\.174.*no count.*digits="),
    (lambda: book.measure("a.b", len, obj=[1]), r"a\.b: len is no function of computetrades"),
    (lambda: book.measure("a.b", lambda: 1), r"a\.b: .*no reader could repeat"),
    (lambda: book.measure("a.b", tokens_per_byte.tokens, kind=ROOT), r"a\.b: kind = .*plain value"),
    (lambda: book.measure("nothing", tokens_per_byte.tokens, kind="English"),
     r"'nothing': write 'topic\.name'"),
    (lambda: experiments.part({"one": 1}, "two"), r"no part 'two'; it is one"),
    (lambda: experiments.part((1, 2), "2"), r"no part '2'; it is \(1, 2\)")])
def test_what_nobody_could_repeat_is_refused(call, said):
    with pytest.raises(DataError, match=said):
        call()


def published():
    """Every measured value that the chapters store, once:
    (key, value as stored in base units, unit, experiment)."""
    found = {}
    for path in notebooks.chapters(ROOT):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", ()):
                for leaf in output.get("data", {}).get(RECORD, {}).get("measured", ()):
                    if "experiment" in leaf:
                        found[leaf["key"]] = leaf
    return list(found.values())


def as_given(value):
    """A list of JSON as the tuple that a chapter gave."""
    return tuple(map(as_given, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("leaf", [pytest.param(leaf, id=leaf["key"]) for leaf in published()])
def test_the_published_call_gives_the_published_value(leaf):
    """As a stranger repeats it, from what the page says alone."""
    said = json.loads(json.dumps(leaf["experiment"]))
    function = experiments.function_named(said["function"])
    assert function, f"there is no {said['function']}"
    value = experiments.part(function(**{k: as_given(v) for k, v in said["arguments"].items()}),
                             said.get("of"))
    again = experiments.quantity(experiments.rounded(leaf["key"], value, said.get("digits")),
                                 str(parse_symbol(leaf["unit"])))
    assert base(again) == pytest.approx(leaf["value"], rel=1e-11)
