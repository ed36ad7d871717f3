"""The outputs of each chapter, executed where something that they depend on has changed,
on all cores, and kept otherwise.

A result lies in _build/results/<chapter>/ with what it depends on: its code cells, the pins, and whatever the
kernel looked up while it ran (used.py), each with a digest of what it was. The result stands while every one
of them is what it was; a few older results are kept, so that a change taken back executes nothing.
Prose is no part of it.
"""
from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from .. import used
from ..data import DataError, data_dir, read_yaml, references_file
from . import progress

KEPT = 4                              # results of one chapter
LIMIT = 300                           # seconds for one cell
# What repository.py begins a chapter with
SETUP = re.compile(r"try:\n    import computetrades.*\nexcept ImportError:.*\n(?:    .*\n)+")
REPORT = "import json; from computetrades import used; print(json.dumps(used.report()))"


@dataclass(frozen=True)
class Result:
    """What a run of a chapter gave. outputs: one list for each code cell.
    depends: 'kind:name' -> digest. seconds: of the run."""
    cells: str
    depends: dict[str, str]
    outputs: list[list]
    seconds: float

    @functools.cached_property
    def digest(self) -> str:
        return _digest(json.dumps(self.outputs, sort_keys=True))


class Present:
    """Digests of everything that a result may depend on, as it is now; each is computed once."""

    def __init__(self, root: Path):
        self.root = root
        self._known: dict[str, str] = {}

    def digest(self, dependency: str) -> str:
        if dependency not in self._known:
            kind, _, name = dependency.partition(":")
            self._known[dependency] = self._answer(kind, name)
        return self._known[dependency]

    def stands(self, result: Result) -> bool:
        return all(self.digest(dependency) == was for dependency, was in result.depends.items())

    def _answer(self, kind: str, name: str) -> str:
        if kind in ("module", "package", "data"):
            path = (data_dir() if kind == "data" else used.PACKAGE) / name
            return _digest(path.read_bytes()) if path.is_file() else "none"
        if kind == "data folder":
            path = data_dir() / name
            return _digest(json.dumps(sorted(p.name for p in path.iterdir()))) if path.is_dir() else "none"
        if kind == "pins":
            return _digest(sys.version + (self.root / "requirements.txt").read_text(encoding="utf-8"))
        return _digest(json.dumps(self._looked_up(kind, name), sort_keys=True))

    def _looked_up(self, kind: str, name: str):
        if kind == "fact":
            return self.facts.get(name)
        if kind == "facts having":
            return [key for key, record in self.facts.items() if name in record]
        if kind == "claim":
            return self.claims.get(name)
        if kind == "claims of":
            return [claim for claim, (chapter, _) in self.claims.items() if chapter == name]
        if kind == "citation":
            return self.citations.get(name)
        raise ValueError(f"a result depends on {kind}:{name}, which nothing here answers; "
                         "add it to site/results.py")

    def edited_since(self, when: float) -> Path | None:
        """A file of the package or of data/ that is newer than `when`, if there is one."""
        files = (path for folder in (used.PACKAGE, data_dir())
                 for path in folder.rglob("*") if "__pycache__" not in path.parts)
        return next((path for path in (*files, references_file())
                     if path.is_file() and path.stat().st_mtime > when), None)

    @functools.cached_property
    def facts(self) -> dict[str, dict]:
        return {key: record for path in sorted((data_dir() / "facts").rglob("*.yaml"))
                for key, record in (read_yaml(path) or {}).items()}

    @functools.cached_property
    def claims(self) -> dict[str, list]:
        return {raw["id"]: [path.stem, raw] for path in sorted(data_dir().glob("claims/*.yaml"))
                for raw in read_yaml(path) or ()}

    @functools.cached_property
    def citations(self) -> dict[str, str]:
        entries = re.split(r"(?m)^@", references_file().read_text(encoding="utf-8"))
        return {entry.partition("{")[2].partition(",")[0].strip(): entry.strip()
                for entry in entries if "{" in entry}


def standing(root: Path, paths: list[Path], present: Present) -> dict[str, Result]:
    """Chapter (file name without ending) -> its result, for those chapters of which nothing has changed."""
    found = {path.stem: next((result for result in _kept(root, path)
                               if result.cells == _cells(path) and present.stands(result)), None)
             for path in paths}
    return {stem: result for stem, result in found.items() if result is not None}


def of_chapters(root: Path, paths: list[Path]) -> dict[str, Result]:
    """Chapter -> its result; what has changed is executed first.

    DataError names chapter, cell and error of one that does not run;
    the others' results are kept all the same.
    """
    present = Present(root)
    found = standing(root, paths, present)
    # The longest first, or it would run alone at the end; by the size of the notebook where no time is known.
    stale = sorted((path for path in paths if path.stem not in found), key=lambda path: -_seconds(root, path))
    failed = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        began = time.monotonic()
        running = {pool.submit(_run, path, present): path for path in stale}
        while running:
            done, _ = wait(running, timeout=progress.EVERY, return_when=FIRST_COMPLETED)
            if not done:
                names = ", ".join(path.stem for future, path in running.items() if future.running())
                print(f"  ... {progress.took(began)}: {names}", flush=True)
            for future in done:
                path = running.pop(future)
                try:
                    result = found[path.stem] = future.result()
                except CellExecutionError as error:
                    failed.append(f"{path.relative_to(root).as_posix()} does not run:\n{error}")
                    continue
                _keep(root, path, result)
                print(f"  {path.stem}: {result.seconds:.1f} s", flush=True)
    if failed:
        raise DataError("\n".join(failed))
    return found


def inserted(notebook: dict, result: Result) -> dict:
    """The notebook, as its JSON, with the result's outputs in its code cells."""
    outputs = iter(result.outputs)
    cells = [{**cell, "outputs": next(outputs)} if cell["cell_type"] == "code" else cell
             for cell in notebook["cells"]]
    return {**notebook, "cells": cells}


def _run(path: Path, present: Present) -> Result:
    began, when = time.monotonic(), time.time()
    cells = _cells(path)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(REPORT))
    client = NotebookClient(notebook, timeout=LIMIT, record_timing=False,
                            resources={"metadata": {"path": str(path.parent)}})
    client.execute(env={**os.environ, "COMPUTETRADES_TRACE": "1"}, cleanup_kc=True)
    told = json.loads("".join(o["text"] for o in notebook.cells.pop().outputs))
    outputs = [[dict(o) for o in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]
    depends = {f"{kind}:{name}" for kind, name in told} | {"pins:"}
    if edited := present.edited_since(when):
        # Which of the two states it used nobody knows
        depends, cells = {"pins:"}, f"{edited} was edited while it ran"
    return Result(cells, {name: present.digest(name) for name in sorted(depends)},
                  json.loads(json.dumps(outputs)), round(time.monotonic() - began, 1))


def _cells(path: Path) -> str:
    """Digest of the code, which is all of a notebook that its outputs depend on;
    but for the lines that install the library."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return _digest(json.dumps([SETUP.sub("", "".join(cell["source"]), count=1)
                               for cell in cells if cell["cell_type"] == "code"]))


def _folder(root: Path, path: Path) -> Path:
    return root / "_build" / "results" / path.stem


def _kept(root: Path, path: Path) -> list[Result]:
    """The chapter's results, newest first; one that cannot be read is as good as none."""
    found = []
    for file in sorted(_folder(root, path).glob("*.json"), key=lambda p: p.stat().st_mtime_ns, reverse=True):
        try:
            found.append(Result(**json.loads(file.read_text(encoding="utf-8"))))
        except (ValueError, TypeError):
            file.unlink()
    return found


def _seconds(root: Path, path: Path) -> float:
    kept = _kept(root, path)
    return kept[0].seconds if kept else path.stat().st_size / 1e4


def _keep(root: Path, path: Path, result: Result) -> None:
    folder = _folder(root, path)
    folder.mkdir(parents=True, exist_ok=True)
    held = json.dumps(asdict(result), ensure_ascii=False)
    (folder / f"{_digest(held)}.json").write_text(held, encoding="utf-8")
    for old in sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime_ns, reverse=True)[KEPT:]:
        old.unlink()


def _digest(content: str | bytes) -> str:
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()[:16]
