"""The book N times as large, to measure on: `python benchmarks/grow.py N FOLDER`

Writes to FOLDER, which must not be there yet, the book's files and N - 1 copies of each chapter that is
written, of the claims that it judges and of all facts. Keys of facts, records and claims are renamed in each
copy, and chapters get numbers of their own, so that nothing stands there twice. Then, in FOLDER, with the
Python of this book's .venv as PYTHON:

    export PYTHONPATH=$PWD/lib COMPUTETRADES_DATA=$PWD/data
    PYTHON -m computetrades.site.notebooks             # executes the copies and stores their outputs
    PYTHON -m jupyter_book.cli.main build .
"""
from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml

from computetrades.book.records import RECORD
from computetrades.site import notebooks

ROOT = Path(__file__).parents[1]
APART = 40          # between the numbers of a chapter and of its next copy; the book has 33


@dataclass(frozen=True)
class Names:
    """What is renamed: fact records, topics of published records, claims, and chapters (file name without
    ending)."""
    facts: frozenset[str]
    topics: frozenset[str]
    claims: frozenset[str]
    stems: frozenset[str]

    def code(self, source: str, copy: int) -> str:
        """Python whose string literals name the copy's things; links in them too."""
        def literal(found):
            quote, said = found[1], found[2]
            return f"{quote}{self._renamed(said, copy)}{quote}"
        renamed = re.sub(r"""(?<!\\)(["'])((?:(?!\1)[^\\\n]|\\.)*)\1""", literal, source)
        return self.text(renamed, copy)

    def text(self, source: str, copy: int) -> str:
        """Markdown whose quoted numbers are the copy's."""
        def link(found):
            known = found[1] in self.topics | self.facts
            return f"](#{found[1]}-{copy}." if known else found[0]
        return re.sub(r"\]\(#([a-z0-9-]+)\.", link, source)

    def _renamed(self, said: str, copy: int) -> str:
        if said in self.stems:
            return stem_of(said, copy)
        if said in self.facts | self.claims:
            return f"{said}-{copy}"
        topic, dot, rest = said.partition(".")
        return f"{topic}-{copy}.{rest}" if dot and topic in self.topics | self.facts else said


def stem_of(stem: str, copy: int) -> str:
    """'07-kv-cache', copy 2 -> '47-kv-cache'."""
    number, _, name = stem.partition("-")
    return f"{int(number) + APART * (copy - 1):02}-{name}"


def names(root: Path) -> Names:
    """Those of the chapters that are written, from what they store."""
    chapters = notebooks.chapters(root)
    payloads = [p for path in chapters for p in notebooks.payloads(path, RECORD)]
    records = {key for p in payloads for key in (p["key"], *p["named"])}
    claims = {row["id"] for path in chapters for row in _read(root / "data" / "claims" / f"{path.stem}.yaml")}
    # A record named by one word, 'fp8', is also a word of the chapters' own; copies use the one that there is
    facts = {key for path in (root / "data" / "facts").rglob("*.yaml") for key in _read(path) if "-" in key}
    return Names(frozenset(facts), frozenset(key.partition(".")[0] for key in records), frozenset(claims),
                 frozenset(path.stem for path in chapters))


def grow(root: Path, n: int) -> None:
    """Add copies 2 to n of everything to the book at `root`."""
    told, chapters = names(root), notebooks.chapters(root)
    sources = sorted((root / "data" / "facts").rglob("*.yaml"))
    lines = (root / "_toc.yml").read_text(encoding="utf-8").rstrip("\n").split("\n")
    for copy in range(2, n + 1):
        for path in sources:
            text = re.sub(r"(?m)^([a-z0-9-]+):", rf"\1-{copy}:", path.read_text(encoding="utf-8"))
            path.with_name(f"{path.stem}-{copy}.yaml").write_text(text, encoding="utf-8")
        lines += [f"  - caption: Copy {copy}", "    chapters:"]
        for path in chapters:
            stem = stem_of(path.stem, copy)
            lines.append(f"      - file: chapters/{stem}")
            _copy_claims(root, path.stem, stem, told, copy)
            notebook = nbformat.read(path, as_version=4)
            for cell in notebook.cells:
                cell.source = (told.code if cell.cell_type == "code" else told.text)(cell.source, copy)
            nbformat.write(notebook, path.with_name(f"{stem}.ipynb"))
    (root / "_toc.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _copy_claims(root: Path, stem: str, new: str, told: Names, copy: int) -> None:
    folder = root / "data" / "claims"
    text = (folder / f"{stem}.yaml").read_text(encoding="utf-8")
    text = re.sub(r"[a-z0-9]+(?:-[a-z0-9]+)+",
                  lambda found: f"{found[0]}-{copy}" if found[0] in told.claims else found[0], text)
    (folder / f"{new}.yaml").write_text(text, encoding="utf-8")


def _read(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def main(n: str, folder: str) -> None:
    if not n.isdigit() or int(n) < 2:
        sys.exit(f"{n!r}: say how many times as large the book is to be, 2 or more")
    target = Path(folder).resolve()
    if target.exists():
        sys.exit(f"{target} is there already; name a folder that is not")
    listed = subprocess.run(("git", "-C", str(ROOT), "ls-files", "-z"), check=True, stdout=subprocess.PIPE)
    for name in filter(None, listed.stdout.decode().split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    grow(target, int(n))
    print(f"{target}: {len(notebooks.chapters(target))} chapters; "
          "the first lines of benchmarks/grow.py say how to build it")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("say how many times and into which folder: python benchmarks/grow.py N FOLDER")
    main(*sys.argv[1:])
