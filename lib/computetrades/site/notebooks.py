"""Reading, executing and storing the chapters' notebooks,
so that a re-run changes nothing but what changed."""
from __future__ import annotations

import sys
from pathlib import Path

import nbformat

from ..book.judgements import AUDIT
from ..book.records import RECORD
from ..data import DataError, nearest
from . import prose, results, unchanged
from .ledger import Book, gather

KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
          "language_info": {"name": "python"}}


def chapters(root: Path) -> list[Path]:
    return sorted((root / "chapters").glob("*.ipynb"))


def pages(root: Path) -> list[Path]:
    """Markdown pages whose prose is checked as well."""
    return [root / "intro.md", root / "contents.md", *sorted((root / "appendix").glob("*.md"))]


def markdown_cells(path: Path) -> list[tuple[int, str]]:
    """(cell number from 1, markdown) of a notebook;
    of a markdown page, its text as one cell without directives."""
    if path.suffix == ".md":
        return [(1, path.read_text(encoding="utf-8"))]
    notebook = nbformat.read(path, as_version=4)
    return [(i, c.source) for i, c in enumerate(notebook.cells, 1) if c.cell_type == "markdown"]


def payloads(path: Path, mime: str) -> list[dict]:
    """The structured outputs of one kind that a stored notebook carries."""
    notebook = nbformat.read(path, as_version=4)
    return [o["data"][mime] for c in notebook.cells if c.cell_type == "code"
            for o in c.outputs if mime in o.get("data", {})]


def gathered(root: Path) -> Book:
    """Everything that the stored chapters publish, without what the pages quote."""
    pages = {f"chapters/{path.stem}": path for path in chapters(root)}
    return gather({name: payloads(path, RECORD) for name, path in pages.items()},
                  {name: payloads(path, AUDIT) for name, path in pages.items()}, {})


def published(root: Path) -> dict[str, dict]:
    """Key -> payload, for every stored record and every fact."""
    return gathered(root).table


def notes(path: Path) -> list[tuple[str, str]]:
    """(claim id, note) for the audit notes of a stored notebook; they are prose and are checked as prose."""
    return [(row["id"], row["note"]) for audit in payloads(path, AUDIT)
            for row in audit["claims"] if row["note"]]


def check_all(root: Path) -> list[prose.Problem]:
    """Every prose problem of the stored book."""
    table, problems = published(root), []
    for path in [*chapters(root), *pages(root)]:
        name = path.relative_to(root).as_posix()
        problems += prose.check(name, markdown_cells(path), table)
        if path.suffix == ".ipynb":
            problems += prose.check(f"{name} (audit note)", notes(path), table, escaped=False)
    return problems


def execute(path: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of its present result,
    and without anything that differs between two equal runs."""
    result = results.of_chapters(path.parents[1], [path])[path.stem]
    notebook = nbformat.from_dict(results.inserted(nbformat.read(path, as_version=4), result))
    notebook.metadata = nbformat.from_dict(KERNEL)
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i + 1}"
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k == "tags"})
    for i, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
        cell.execution_count = i
    return notebook


def sync(root: Path, stems=()) -> list[prose.Problem]:
    """Execute every chapter that has changed, or those named, store the outputs, rewrite the quoted literals;
    returns the problems that remain.

    Audit notes live in code cells, so a chapter whose notes were rewritten is executed once more.
    """
    old, paths = published(root), _named(chapters(root), stems)
    _store(root, paths)
    new = published(root)
    again = [path for path in chapters(root) if _rewrite(path, old, new)]
    if again:
        _store(root, again)
    for path in pages(root):
        unchanged.put(path, prose.rewrite(path.read_text(encoding="utf-8"), old, new))
    return check_all(root)


def _named(paths: list[Path], stems) -> list[Path]:
    """The chapters of those names, all of them when none is given.
    DataError for a name that no chapter has."""
    known = {path.stem: path for path in paths}
    for stem in stems:
        if stem not in known:
            raise DataError(f"there is no chapter {stem!r}{nearest(stem, known)}; "
                            "`make sync` alone executes all of them")
    return [known[stem] for stem in stems] or paths


def _store(root: Path, paths: list[Path]) -> None:
    results.of_chapters(root, paths)             # all together, so that they share the cores
    for path in paths:
        nbformat.write(execute(path), path)


def _rewrite(path: Path, old: dict, new: dict) -> bool:
    """Rewrite the quotes of one notebook in place; True when a code cell changed."""
    notebook, code_changed = nbformat.read(path, as_version=4), False
    for cell in notebook.cells:
        source = prose.rewrite(cell.source, old, new, escaped=cell.cell_type == "markdown")
        code_changed |= cell.cell_type == "code" and source != cell.source
        cell.source = source
    nbformat.write(notebook, path)
    return code_changed


def main() -> None:
    """What `make sync` runs, in the root of the checkout; the arguments name chapters."""
    try:
        left = sync(Path.cwd(), sys.argv[1:])
    except DataError as error:
        sys.exit(f"{error}\nNothing was stored or rewritten.")
    print("\n".join(map(str, left))
          or f"{len(sys.argv[1:] or chapters(Path.cwd()))} chapters up to date; every quoted number agrees")
    sys.exit(bool(left))


if __name__ == "__main__":
    main()
