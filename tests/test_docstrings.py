"""The examples in docstrings are what the functions give."""
import doctest
import importlib

import pytest

from computetrades.units import parse

WITH_EXAMPLES = {"units": 2, "formatting": 3, "site.prose": 1, "book.rules": 2}    # functions that have some


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_each_example_gives_what_stands_below_it(name):
    module = importlib.import_module(f"computetrades.{name}")
    found = doctest.DocTestFinder().find(module, extraglobs={"parse": parse})
    found = [test for test in found if test.examples]
    assert len(found) == WITH_EXAMPLES[name]
    told = []
    for test in found:
        doctest.DocTestRunner().run(test, out=told.append)
    assert not told, "".join(told)
