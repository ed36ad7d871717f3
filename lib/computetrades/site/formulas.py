"""The formulas as a page of reference: each public function of the domains, with its docstring."""
from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from html import escape
from pathlib import Path

from .. import used

DOMAINS = ("inference", "lithography", "capital")


@dataclass(frozen=True)
class Formula:
    """A public function, or a class, of a module: how it is called, and what its docstring says."""
    name: str
    call: str
    told: str


def formulas(path: Path) -> list[Formula]:
    """Those of one file, in its order."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            taken = f"({ast.unparse(node.args)})" if isinstance(node, ast.FunctionDef) else ""
            found.append(Formula(node.name, node.name + taken, ast.get_docstring(node) or ""))
    return found


def modules(package: Path = used.PACKAGE) -> dict[str, Path]:
    """'inference.step' -> its file, for all modules of the domains that have formulas."""
    paths = (path for domain in DOMAINS for path in sorted((package / domain).rglob("*.py")))
    return {".".join(path.relative_to(package).with_suffix("").parts): path
            for path in paths if path.name != "__init__.py" and formulas(path)}


def formula_list(draw) -> str:
    """The page: a heading for each module, a definition for each of its formulas."""
    parts = []
    for name, path in modules().items():
        told = inspect.cleandoc(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
        entries = "".join(f'<dt id="{name}.{one.name}"><code>{escape(one.call)}</code></dt>'
                          f"<dd>{_paragraphs(one.told)}</dd>" for one in formulas(path))
        parts.append(f'<h2 id="{name}">{escape(name)}</h2>{_paragraphs(told)}'
                     f'<dl class="ct-formulas">{entries}</dl>')
    return "".join(parts)


def _paragraphs(told: str) -> str:
    return "".join(f"<p>{escape(' '.join(part.split()))}</p>" for part in told.split("\n\n") if part.strip())
