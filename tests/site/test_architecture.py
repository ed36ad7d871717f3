"""The pages about the library itself: folders and imports on a small library made for it,
formulas by their names."""
import inspect
from graphlib import CycleError

import pytest

from computetrades.inference import kv
from computetrades.site import architecture, formulas


@pytest.fixture
def library(tmp_path):
    """write(path, text): a module of a small library; it has a top row already."""
    def write(path, text):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
        return tmp_path
    write("__init__.py", '"""Numbers."""')
    write("number.py", "")
    return write


def test_folders_stand_above_those_they_import(library):
    library("low/__init__.py", '"""Low. Needs nothing.\n\nand more"""')
    library("low/one.py", "from ..number import Number\n")
    library("high/__init__.py", "")
    root = library("high/two.py", "def late():\n    from ..low import one\nfrom .. import number\n")
    found = architecture.folders(root)
    assert architecture.levels(found) == {architecture.TOP_ROW: 0, "low": 1, "high": 2}
    assert found["low"].told == "Low. Needs nothing." and found["low"].rooms == 1
    assert found["high"].imports == {"low", architecture.TOP_ROW}
    assert architecture.direct(found) == [("high", "low"), ("low", architecture.TOP_ROW)]
    drawn = architecture.picture(found)
    assert drawn.count("<rect") == 3 and "high imports low; low imports the top row" in drawn


def test_two_that_import_each_other_have_no_height(library):
    library("one/__init__.py", "from .. import two")
    root = library("two/__init__.py", "from ..one import x")
    with pytest.raises(CycleError):
        architecture.levels(architecture.folders(root))


def test_each_formula_stands_under_its_name_with_its_arguments_and_docstring():
    page = formulas.formula_list(None)
    assert '<dt id="inference.kv.bytes_per_token"><code>bytes_per_token(model, fmt, elements=' in page
    assert " ".join(inspect.getdoc(kv.bytes_per_token).split()) in page
    public = {name for name, value in vars(kv).items() if inspect.isfunction(value)
              and value.__module__ == kv.__name__ and not name.startswith("_")}
    assert public == {one.name for one in formulas.formulas(formulas.modules()["inference.kv"])}
