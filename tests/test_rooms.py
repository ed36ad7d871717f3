"""The rooms of the library: who imports whom, and that each room is named where a stranger looks."""
import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

LIB = Path(__file__).parents[1] / "lib" / "computetrades"
PACKAGE = LIB.name
PLAIN = {"number", "units", "functions", "uncertainty"}     # what a closed form may use of the top row
# Folder -> what its modules may import beside their own folder, of the library. `*`: the whole top row
MAY_IMPORT = {
    "": {"*"},
    "inference": PLAIN | {"experiment"}, "lithography": PLAIN, "capital": PLAIN,
    "model": PLAIN,
    "tokenizers": {"data"},
    "serving": {"data", "experiment", "model", "tokenizers"},
    "lab": {"data", "used", "experiment", "model", "tokenizers", "serving"},
    "book": {"*"},
    "site": {"*", "book"},
}
WITH_TORCH = {"model", "serving", "lab"}
# Public names of two modules, and why they may be; `main` and `setup` are what Python and Sphinx call
TWICE = {
    "encoding": "the same for two vocabularies",
    "ranks": "the same for two vocabularies",
    "audit": "what closes a chapter, and the page of all chapters' audits",
    "write": "each module of site/ that makes one file writes it",
}


def dotted(path: Path) -> str:
    parts = (PACKAGE, *path.relative_to(LIB).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in sorted(LIB.rglob("*.py")) if "_data" not in path.parts}
every_module = pytest.mark.parametrize("module", MODULES)


def room(module: str) -> str:
    """The folder of a module below the library's own; '' for the top row."""
    path = MODULES[module].relative_to(LIB)
    return path.parts[0] if len(path.parts) > 1 else ""


def imported(module: str) -> tuple[set[str], set[str]]:
    """(modules of the library, first names of anything else) that a module imports, at its top or later."""
    path = MODULES[module]
    here = [PACKAGE, *path.relative_to(LIB).parent.parts]
    own, outside = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[:len(here) - node.level + 1] if node.level else []
            base = ".".join([*base, *(node.module.split(".") if node.module else [])])
            names = [base if f"{base}.{alias.name}" not in MODULES else f"{base}.{alias.name}"
                     for alias in node.names]
        else:
            continue
        own |= {name for name in names if name in MODULES} - {module}
        outside |= {name.partition(".")[0] for name in names} - {PACKAGE}
    return own, outside


@every_module
def test_a_room_imports_only_what_stands_below_it(module):
    own, outside = imported(module)
    allowed = MAY_IMPORT[room(module)]
    for other in own - {PACKAGE}:
        if room(other) == room(module):
            continue
        name = room(other) or other.rpartition(".")[2]
        assert name in allowed or room(other) == "" and "*" in allowed, f"{module} may not import {other}"
    assert "torch" not in outside or room(module) in WITH_TORCH


def test_no_module_imports_itself_by_a_detour():
    try:
        TopologicalSorter({module: imported(module)[0] for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_the_reader_sees_relative_plain_and_late_imports():
    assert imported("computetrades.book.records")[0] >= {"computetrades.facts", "computetrades.book.cards"}
    assert "computetrades.data" in imported("computetrades.site.prose")[0]            # inside a function
    assert "torch" in imported("computetrades.model.norm")[1]


@pytest.mark.parametrize("package", sorted(name for name, path in MODULES.items()
                                           if path.name == "__init__.py" and name != PACKAGE))
def test_each_folder_names_all_its_rooms(package):
    folder = MODULES[package].parent
    rooms = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    rooms |= {path.parent.name for path in folder.glob("*/__init__.py")}
    told = set(re.findall(r"\w+", ast.get_docstring(ast.parse(MODULES[package].read_text(encoding="utf-8")))))
    assert rooms - told == set()


def test_each_folder_has_a_rule():
    assert set(MAY_IMPORT) == {room(module) for module in MODULES}


def public_homes(trees: dict[str, ast.Module]) -> dict[str, list[str]]:
    """Public function or class -> the modules that define it at their top."""
    homes: dict[str, list[str]] = {}
    for module, tree in trees.items():
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                homes.setdefault(node.name, []).append(module)
    return {name: found for name, found in homes.items()
            if not name.startswith("_") and name not in {"main", "setup"}}


def test_a_public_name_has_one_meaning():
    homes = public_homes({module: ast.parse(path.read_text(encoding="utf-8"))
                          for module, path in MODULES.items()})
    assert {name: found for name, found in homes.items() if len(found) > 1 and name not in TWICE} == {}
    assert [name for name in TWICE if len(homes.get(name, ())) < 2] == [], "no longer needed in TWICE"


def test_a_second_meaning_is_found():
    trees = {"a": ast.parse("def total(): ...\ndef _own(): ...\nclass Load: ..."),
             "b": ast.parse("total = sum\ndef _own(): ...\nclass Load: ..."),
             "c": ast.parse("class Kept:\n    def total(self): ...")}
    assert public_homes(trees) == {"total": ["a"], "Load": ["a", "b"], "Kept": ["c"]}


@every_module
def test_no_module_grows_beyond_four_hundred_lines(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 400


def test_importing_the_library_imports_no_torch_and_no_altair():
    code = ("import sys, computetrades; "
            "print([m for m in ('torch', 'altair', 'sphinx', 'pandas') if m in sys.modules])")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
