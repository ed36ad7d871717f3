"""Whether `make book` has anything to do.

What the book is made of and what came of it are compared, by size and time of change, with how they were
when the last build ended. `python unchanged.py` says so and succeeds, or notes what there is before a build
and fails; `python unchanged.py --built` ends the note after it. It imports the standard library alone: to
load Sphinx takes ten times as long as to look.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

MADE_OF = ("chapters", "appendix", "data", "lib", "intro.md", "contents.md", "references.bib",
           "_config.yml", "_toc.yml", "requirements.txt", "pyproject.toml", "CITATION.cff")
MADE = ("_build/html", "_build/results")
NOTE, BEGUN = Path("_build/unchanged.json"), Path("_build/begun.json")


def commit(root: Path) -> dict[str, str]:
    """The commit that is built and its date; empty outside a repository,
    marked where files differ from the commit."""
    def git(*arguments):
        done = subprocess.run(("git", "-C", str(root), *arguments), capture_output=True, text=True,
                              env={**os.environ, "GIT_CEILING_DIRECTORIES": str(root.resolve().parent)})
        return done.stdout.strip() if done.returncode == 0 else ""
    try:
        return {"commit": git("describe", "--always", "--abbrev=12", "--exclude=*", "--dirty= with changes"),
                "date": git("log", "-1", "--format=%cs")}
    except FileNotFoundError:  # no git here
        return {"commit": "", "date": ""}


def seen(root: Path, names: tuple[str, ...]) -> dict[str, list[int]]:
    """Path -> size and time of change of every file of that name or below it."""
    files = (file for name in names for file in [root / name, *sorted((root / name).rglob("*"))]
             if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(root).as_posix(): [stat.st_size, stat.st_mtime_ns]
            for file in files for stat in [file.stat()]}


def sources(root: Path) -> dict:
    return {"python": sys.version, "commit": commit(root), "made of": seen(root, MADE_OF)}


def unchanged(root: Path) -> bool:
    """Whether a build would find everything as the last one left it."""
    now = sources(root)
    if (root / NOTE).is_file():
        note = json.loads((root / NOTE).read_text(encoding="utf-8"))
        if note == now | {"made": seen(root, MADE)}:
            return True
    (root / BEGUN).parent.mkdir(exist_ok=True)
    (root / BEGUN).write_text(json.dumps(now), encoding="utf-8")
    return False


def built(root: Path) -> None:
    """A build that began after `unchanged` said no has ended well."""
    begun = json.loads((root / BEGUN).read_text(encoding="utf-8"))
    (root / NOTE).write_text(json.dumps(begun | {"made": seen(root, MADE)}), encoding="utf-8")


def put(path: Path, text: str) -> None:
    """Write the text, unless the file says it already: what is not rewritten nobody has to read again."""
    if not path.is_file() or path.read_bytes() != text.encode():
        path.write_bytes(text.encode())


def main() -> None:
    if sys.argv[1:] == ["--built"]:
        built(Path.cwd())
    elif unchanged(Path.cwd()):
        print("Nothing has changed since the last build.")
    else:
        sys.exit(1)


if __name__ == "__main__":
    main()
