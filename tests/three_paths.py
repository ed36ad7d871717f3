"""Runs a library function on its three kinds of argument (Numbers, floats, arrays)
and checks that they agree."""
from types import SimpleNamespace

import numpy as np
import pytest

from computetrades.number import Leaf, Number
from computetrades.units import base, parse, unit_size


def built(given, make, path="r"):
    """The arguments of a library function, each value made by `make(key, value)`;
    dicts are records, lists stay lists."""
    if isinstance(given, dict):
        return SimpleNamespace(**{k: built(v, make, f"{path}.{k.replace('_', '-')}")
                                  for k, v in given.items()})
    if isinstance(given, list):
        return [built(v, make, f"{path}.{i}") for i, v in enumerate(given)]
    return make(path, given)


def paths(f, unit, *arguments):
    """f on Numbers; checks that it has the dimension of `unit` and that floats and arrays give the same."""
    def traced(key, value): return Number.of_leaf(Leaf(key, key, parse(value), "vendor"))
    def plain(key, value): return float(base(parse(value)))
    number, value, rows = (f(*(built(a, make, f"a{i}") for i, a in enumerate(arguments)))
                           for make in (traced, plain, lambda key, value: np.full(3, plain(key, value))))
    assert isinstance(value, (float, np.floating)) and rows.shape == (3,)
    assert value == pytest.approx(number.value(unit) * unit_size(unit), rel=1e-9, abs=1e-12)
    np.testing.assert_allclose(rows, value, rtol=1e-15)
    return number


def whole_numbers(record) -> SimpleNamespace:
    """A record of facts as bare numbers and texts; its counts are Python ints, the path on
    which they stay exact."""
    fields = {k: v.value() if isinstance(v, Number) else str(v) for k, v in record.fields.items()}
    return SimpleNamespace(**fields)
