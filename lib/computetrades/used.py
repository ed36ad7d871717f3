"""What this process has looked up, so that a build keeps a chapter's result for as long
as none of it has changed.

Facts, claims and citations are noted by the functions that hand them out; files of the package and of data/
by Python's audit events, where $COMPUTETRADES_TRACE asks for it; modules are those that were imported. What
no event tells, such as a file that compiled code opens, its reader notes with `file`.
"""
from __future__ import annotations

import os
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent
KEYED = ("facts", "claims")           # folders of data/ whose entries are noted by their keys, not as files
_noted: set[tuple[str, str]] = set()
_paths: set[tuple[str, str]] = set()  # 'file' or 'folder', and where


def note(kind: str, name: str) -> None:
    """kind: 'fact', 'claim', 'citation', or one of the questions that site/results.py can answer again."""
    _noted.add((kind, name))


def file(path: Path) -> Path:
    """The same path, noted, for a reader that Python cannot watch."""
    _paths.add(("file", os.path.abspath(path)))
    return path


def report() -> list[tuple[str, str]]:
    """(kind, name) of all that was used so far, sorted; files as paths inside the package or inside data/."""
    from .data import data_dir
    inside = {("package", PACKAGE.absolute()), ("data", data_dir().absolute())}
    # A folder of the package is listed by Python's own search for modules, and says nothing.
    found = {(kind if what == "file" else f"{kind} folder", Path(path).relative_to(root))
             for what, path in _paths for kind, root in inside
             if path.startswith(f"{root}{os.sep}") and (what, kind) != ("folder", "package")}
    modules = (getattr(module, "__file__", None)
               for name, module in list(sys.modules.items()) if name.split(".")[0] == __package__)
    return sorted(_noted
                  | {("module", Path(path).relative_to(PACKAGE).as_posix()) for path in modules if path}
                  | {(kind, path.as_posix()) for kind, path in found if path.suffix not in (".py", ".pyc")
                     and "__pycache__" not in path.parts
                     and not (kind.startswith("data") and path.parts[0] in KEYED)})


def _watch(event: str, arguments: tuple) -> None:
    """An audit hook: it sees every file that this process opens and every folder that it lists."""
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, os.PathLike)):
        _paths.add(("file" if event == "open" else "folder", os.path.abspath(arguments[0])))


if os.environ.get("COMPUTETRADES_TRACE"):
    sys.addaudithook(_watch)
