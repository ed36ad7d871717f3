"""promises.yaml: each promise stands on the method page in these words, and each test that is said to hold it
exists."""
import ast
from functools import lru_cache

import pytest
import yaml

from tests.conftest import ROOT

PROMISES = yaml.safe_load((ROOT / "tests" / "promises.yaml").read_text(encoding="utf-8"))
PAGE = (ROOT / "appendix" / "method.md").read_text(encoding="utf-8")


@lru_cache
def functions_of(name: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / name).read_text(encoding="utf-8"))
    return {node.name
            for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("promise", PROMISES)
def test_the_method_page_says_it(promise):
    assert promise in PAGE, (f"the method page no longer says {promise!r}; say there what holds, "
                             "or mend promises.yaml")


@pytest.mark.parametrize("test", sorted({test for held in PROMISES.values() for test in held}))
def test_a_test_of_that_name_holds_it(test):
    name, _, function = test.partition("::")
    assert (ROOT / "tests" / name).is_file(), f"there is no tests/{name}"
    assert function in functions_of(name), (f"tests/{name} has no {function}; "
                                            f"it has {', '.join(sorted(functions_of(name)))}")
