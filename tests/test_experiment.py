"""experiment.py: one result for the same arguments, however given, and results that are kept in a file."""
import json

import pytest

from computetrades import experiment
from computetrades.experiment import function_named
from tests.conftest import ROOT

STORED = sorted((ROOT / "data" / "measurements").glob("*.json"))


def test_arguments_by_place_by_name_and_by_default_are_the_same_experiment():
    calls = []

    @experiment.once
    def product(a: int, b: int = 3) -> int:
        calls.append((a, b))
        return a * b
    assert product(2) == product(2, 3) == product(a=2) == product(b=3, a=2) == 6 and calls == [(2, 3)]
    assert product(2, 4) == 8 and product.perform(2) == 6 and len(calls) == 3
    with pytest.raises(TypeError, match="missing.*'a'"):
        product()


def test_a_kept_result_is_read_and_any_other_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPUTETRADES_DATA", str(tmp_path))
    calls = []

    @experiment.filed
    def letters(word: str, times: int = 1) -> dict[str, tuple[bytes, ...]]:
        calls.append(word)
        return {"letters": (word.encode(),) * times}
    made = letters.perform("ab", 2)
    letters.store(word="ab", times=2)
    [path] = (tmp_path / "measurements").iterdir()
    calls.clear()
    assert letters("ab", 2) == made == {"letters": (b"ab", b"ab")} and calls == []
    assert letters("ab") == letters("ab") == {"letters": (b"ab",)} and calls == ["ab"]
    letters.store(word="ab", times=2)
    assert len(json.loads(path.read_text(encoding="utf-8"))) == 1, "the same arguments are kept once"


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_what_is_kept_is_what_comes_when_it_is_performed_again(path):
    function = function_named(path.stem)
    for row in json.loads(path.read_text(encoding="utf-8")):
        assert repr(function(**row["arguments"])) == repr(function.perform(**row["arguments"]))
