"""Publishing what was measured: book.measure.

The number names the call that gave it, and the call is made here, so the name cannot be another's. Anybody
can repeat it: the function is one of this library,
and its arguments are plain values, written beside the name.
"""
from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

from ..data import DataError
from ..experiment import function_named
from ..number import Leaf, Number
from ..units import Quantity, parse
from .records import check_key, record

PLAIN = (bool, int, float, str, type(None))


def measure(key: str, function: Callable, /, label: str = "", *, of: str | int | None = None,
            unit: str = "", digits: int | None = None, claims=(), **arguments) -> Number:
    """Call an experiment and publish what it gave as a number that names the call. Without a label it is
    published nowhere and can stand in formulas, under the words of its key.

    key: the record's, 'topic.name'. The measured value itself stands below it as 'measured.topic-name'.
    function: a function of this library. arguments: plain values, or lists of them.
    of: which part of the result, where it has several: an attribute, a key, or a place in a list;
    'a.b' is b of a.
    unit: what the result counts, as 'token';
    a result between 0 and 1 that is to be shown as 'percent' is multiplied.
    digits: how many significant digits are shown. A whole number is a count and keeps all of its own behind
    them; any other value is rounded to them, and must repeat to so many on every processor.
    Raises DataError for a function or an argument that nobody could write down,
    and for a fraction without digits.

    >>> measure("token.phrase", tokens_per_byte.count, "Tokens in the phrase", unit="token",
    ...         text="add dark mode")
    """
    check_key(key)
    experiment = {"function": name_of(function, key),
                  "arguments": {k: _plain(v, k, key) for k, v in arguments.items()}}
    if of is not None:
        experiment["of"] = of
    value = rounded(key, part(function(**arguments), of), digits)
    if isinstance(value, float):
        experiment["digits"] = digits
    words = label or key.partition(".")[2].replace("-", " ")
    leaf = Leaf("measured." + key.replace(".", "-"), words, quantity(value, unit), "measured",
                note=_in_words(experiment), experiment=experiment)
    number = Number.of_leaf(leaf)
    return record(key, number, label, unit=unit or None, digits=digits, claims=claims) if label else number


def name_of(function: Callable, key: str) -> str:
    """'position.moved_by_order': where the library has the function.
    DataError where nobody can import it by its name."""
    package = __name__.partition(".")[0]
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if not str(module).startswith(package + "."):
        raise DataError(f"{key}: {name or function} is no function of {package}, "
                        "so no reader could repeat the call; move it there")
    told = f"{module.partition('.')[2]}.{name}"
    if "<" in told or function_named(told) is not function:
        raise DataError(f"{key}: {told} cannot be imported by that name; define it at the top of its module")
    return told


def part(result, of: str | int | None):
    """The part of a result that `of` names. DataError, with what the result is, where it has no such part."""
    for name in () if of is None else str(of).split("."):
        if isinstance(result, dict) and name in result:
            result = result[name]
        elif isinstance(result, (list, tuple)) and name.isdigit() and int(name) < len(result):
            result = result[int(name)]
        elif hasattr(result, name):
            result = getattr(result, name)
        else:
            there = ", ".join(map(str, result)) if isinstance(result, dict) else repr(result)[:200]
            raise DataError(f"the result has no part {name!r}; it is {there}")
    return result


def _in_words(experiment: dict) -> str:
    """The call in words: 'position.moved_by_order(words = 'a b', rotated = True), its share'."""
    arguments = ", ".join(f"{name} = {value!r}" for name, value in experiment["arguments"].items())
    return (f"{experiment['function']}({arguments})"
            + (f", its {experiment['of']}" if "of" in experiment else ""))


def rounded(key: str, value, digits: int | None) -> int | float:
    """The value as it is published: a count as it is, any other to `digits` significant digits."""
    if isinstance(value, Integral):
        return int(value)
    if digits is None:
        raise DataError(f"{key} is {value!r}, which is no count: say digits=, to how many significant digits "
                        "it repeats on any processor; benchmarks/machines.py measures that")
    return float(f"{float(value):.{digits}g}")


def quantity(value: int | float, unit: str):
    """The value with its unit: 0.25 as percent is 25%."""
    return Quantity(value, "").to(unit) if unit == "percent" else parse(f"{value} {unit}".strip())


def _plain(value, name: str, key: str):
    if isinstance(value, (list, tuple)):
        return [_plain(one, name, key) for one in value]
    if type(value) not in PLAIN:
        raise DataError(f"{key}: {name} = {value!r} cannot be written down; "
                        "give a plain value, of a fact its .value(), or let the experiment look it up itself")
    return value
