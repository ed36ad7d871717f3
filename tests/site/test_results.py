"""site/results.py: a chapter executes again when something that its outputs depend on has
changed, and only then.

The results are those of the built book, in a copy where one thing is changed at a time; who has to execute
again is told by hand.
"""
import json
import shutil

import nbformat
import pytest

from computetrades import used
from computetrades.data import DataError
from computetrades.site import notebooks, results
from tests.conftest import ROOT

STEMS = [path.stem for path in notebooks.chapters(ROOT)]
EVERYONE = {stem[:2] for stem in STEMS}
WITH_MODEL = EVERYONE - {"01", "02", "03", "26", "27"}


@pytest.fixture
def copy(tmp_path, built, monkeypatch):
    """The root of a copy whose data and package are in use, with the results of the built book."""
    for name in ("chapters", "data", "lib", "references.bib", "requirements.txt"):
        source = built.root / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path / name)
    shutil.copytree(built.root / "_build" / "results", tmp_path / "_build" / "results")
    monkeypatch.setenv("COMPUTETRADES_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(used, "PACKAGE", tmp_path / "lib" / "computetrades")
    return tmp_path


def stale(copy) -> set[str]:
    """Numbers of the chapters that would execute."""
    found = results.standing(copy, notebooks.chapters(copy), results.Present(copy))
    return {stem[:2] for stem in STEMS if stem not in found}


def replaced(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{path.name} holds no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_nothing_has_changed_in_a_copy_in_another_folder(copy):
    assert stale(copy) == set()


@pytest.mark.parametrize("name, old, new, readers", [
    ("data/facts/capital/margins.yaml", "amkor:", "amkor:\n  note_of_a_test: 1 percent", {"27"}),
    ("data/facts/inference/models.yaml", "llama-31-405b:", "llama-31-405b:\n  of_a_test: 1",
     {"04", "05", "06", "07"}),
    ("data/claims/26-euv-ceiling.yaml", "- id: ceiling-no-second-source",
     "- id: ceiling-no-second-source-renamed", {"26"}),
    ("references.bib", "{asml-q1-2026,", "{asml-q1-2026,\n  month = {4},", {"27"}),
    ("lib/computetrades/lab/position.py", "STILL = 1e12", "STILL = 1e13", {"05"}),
    ("lib/computetrades/capital/margins.py", '"""', '"""Changed. ', {"27"}),
    ("lib/computetrades/number.py", '"""', '"""Changed. ', EVERYONE),
    ("lib/computetrades/units.txt", "# The book's units", "# Changed", EVERYONE),
    ("lib/computetrades/book/card.css", ".ct-", " .ct-", EVERYONE),
    ("lib/computetrades/site/theme/static/book.css", ".ct-", " .ct-", set()),
    ("lib/computetrades/site/sphinx_ext.py", '"""', '"""Changed. ', set()),
    ("requirements.txt", "sympy==", "sympy>=", EVERYONE),
])
def test_a_changed_file_executes_its_readers(copy, name, old, new, readers):
    replaced(copy / name, old, new)
    assert stale(copy) == readers


def test_changed_weights_execute_the_chapters_that_run_the_model(copy):
    path = copy / "data/models/tiny.safetensors"
    path.write_bytes(path.read_bytes() + b" ")
    assert stale(copy) == WITH_MODEL


def test_a_new_model_executes_the_chapter_that_lists_all_models(copy):
    path = copy / "data/facts/inference/models.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\nnew-model:\n  label: New\n  n_params: 7\n",
                    encoding="utf-8")
    assert stale(copy) == {"06"}


def test_code_executes_its_chapter_and_prose_executes_nothing(copy):
    path = copy / "chapters/27-margin-stack.ipynb"
    notebook = nbformat.read(path, as_version=4)
    prose, code = (next(c for c in notebook.cells if c.cell_type == kind and len(c.source) > 80)
                   for kind in ("markdown", "code"))
    prose.source += " More words."
    nbformat.write(notebook, path)
    assert stale(copy) == set()
    code.source += "\n# another word"
    nbformat.write(notebook, path)
    assert stale(copy) == {"27"}


def test_a_change_taken_back_executes_nothing(copy):
    path = copy / "data/facts/capital/margins.yaml"
    before = path.read_text(encoding="utf-8")
    replaced(path, "amkor:", "amkor:\n  note_of_a_test: 1 percent")
    assert stale(copy) == {"27"}
    path.write_text(before, encoding="utf-8")
    assert stale(copy) == set()


def test_a_result_that_cannot_be_read_is_made_again(copy):
    for path in (copy / "_build/results/01-request").glob("*.json"):
        path.write_text("{", encoding="utf-8")
    assert stale(copy) == {"01"}


# Real runs, of chapters of one cell

def chapter(root, name, *cells):
    path = root / "chapters" / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    (root / "requirements.txt").touch()
    return path


def test_a_run_keeps_the_outputs_and_what_was_looked_up(tmp_path, capsys):
    cell = "from computetrades.facts import facts; print(facts('amkor').label)"
    path = chapter(tmp_path, "01-short", cell, "1 + 1")
    result = results.of_chapters(tmp_path, [path])["01-short"]
    assert ([[o["output_type"] for o in outputs] for outputs in result.outputs]
            == [["stream"], ["execute_result"]])
    assert {"fact:amkor", "module:facts.py", "package:units.txt", "pins:"} <= result.depends.keys()
    assert not any(name.startswith(("fact:nvidia", "module:model", "citation:")) for name in result.depends)
    assert "01-short: " in capsys.readouterr().out
    assert results.of_chapters(tmp_path, [path])["01-short"] == result
    assert capsys.readouterr().out == "", "the second time nothing runs, and nothing is said"


def test_a_chapter_that_does_not_run_is_named_and_the_others_are_kept(tmp_path):
    good, bad = chapter(tmp_path, "01-good", "print(1)"), chapter(tmp_path, "02-bad", "print(2)", "1 / 0")
    with pytest.raises(DataError,
                       match=r"chapters/02-bad.ipynb does not run(.|\n)*1 / 0(.|\n)*ZeroDivisionError"):
        results.of_chapters(tmp_path, [good, bad])
    assert results.standing(tmp_path, [good, bad], results.Present(tmp_path)).keys() == {"01-good"}


def test_a_result_of_files_that_were_edited_while_it_ran_does_not_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(results.Present, "edited_since", lambda self, when: "data/facts/capital/margins.yaml")
    path = chapter(tmp_path, "01-short", "print(1)")
    assert results.of_chapters(tmp_path, [path])["01-short"].outputs[0]
    assert results.standing(tmp_path, [path], results.Present(tmp_path)) == {}


def test_every_kind_that_a_run_may_report_can_be_answered(built):
    stored = [json.loads(p.read_text(encoding="utf-8"))
              for p in (built.root / "_build/results").rglob("*.json")]
    kinds = {name.partition(":")[0] for result in stored for name in result["depends"]}
    assert kinds == {"fact", "facts having", "claim", "claims of", "citation", "module", "package", "data",
                     "data folder", "pins"}
    with pytest.raises(ValueError, match="depends on weather:today"):
        results.Present(built.root).digest("weather:today")
