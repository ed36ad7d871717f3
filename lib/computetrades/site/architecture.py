"""The library's own plan, read from its files: which folders there are, and which of them imports which."""
from __future__ import annotations

import ast
from dataclasses import dataclass
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path

from .. import used
from ..book.cards import table
from ..book.pictures.svg import box, drawing, label, line

TOP_ROW = "the top row"
WIDTH, STEP, HIGH, TOP, ROOM, GAP = 680, 88, 46, 12, 104, 9


@dataclass(frozen=True)
class Folder:
    """A folder of the library. rooms: its modules, those of inner folders included.
    imports: other folders whose modules it imports."""
    name: str
    told: str
    rooms: int
    lines: int
    imports: frozenset[str]


def folders(package: Path = used.PACKAGE) -> dict[str, Folder]:
    """Name -> each folder of the library; the modules that lie in none are `the top row`."""
    found: dict[str, list[Path]] = {}
    for path in sorted(package.rglob("*.py")):
        inner = path.relative_to(package).parts
        if "_data" not in inner:
            found.setdefault(inner[0] if len(inner) > 1 else TOP_ROW, []).append(path)
    return {name: _folder(name, paths, package, found.keys()) for name, paths in found.items()}


def _folder(name: str, paths: list[Path], package: Path, known) -> Folder:
    plan = package / ("__init__.py" if name == TOP_ROW else f"{name}/__init__.py")
    told = ("What a number is: facts, claims, units, expressions, and how they are written."
            if name == TOP_ROW else ast.get_docstring(ast.parse(plan.read_text(encoding="utf-8"))) or "")
    imports = set().union(*(_imported(path, package, known) for path in paths)) - {name}
    rooms = [path for path in paths if path.name != "__init__.py"]
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)
    return Folder(name, " ".join(told.partition("\n\n")[0].split()), len(rooms), lines, frozenset(imports))


def _imported(path: Path, package: Path, known) -> set[str]:
    """Folders of the library that a module imports from, wherever in it."""
    here = path.relative_to(package).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*here[:len(here) - node.level + 1], *(node.module.split(".") if node.module else ())]
            for inner in ([*base, alias.name] for alias in node.names):
                found.add(inner[0] if inner[0] in known else TOP_ROW)
    return found


def levels(found: dict[str, Folder]) -> dict[str, int]:
    """How high each folder stands: one more than the highest that it imports, and above the top row.
    graphlib.CycleError where two import each other."""
    height: dict[str, int] = {}
    for name in TopologicalSorter({name: folder.imports for name, folder in found.items()}).static_order():
        least = 0 if name == TOP_ROW else 1
        height[name] = max([least, *(1 + height[other] for other in found[name].imports)])
    return height


def direct(found: dict[str, Folder]) -> list[tuple[str, str]]:
    """(who, whom) of the imports that no others imply:
    where one imports a second and that a third, the first to the third is left out."""
    def below(name):
        return set().union(*({other} | below(other) for other in found[name].imports))
    return [(name, other) for name, folder in found.items() for other in sorted(folder.imports)
            if not any(other in below(between) for between in folder.imports - {other})]


def architecture(draw) -> str:
    """The folders as a picture, each above those that it imports, and as a table."""
    found = folders()
    heads = ("Folder", "What it holds", "Rooms", "Lines", "Imports")
    rows = "".join(
        f"<tr><td><b>{escape(folder.name)}</b></td><td>{escape(folder.told)}</td>"
        f"<td>{folder.rooms}</td><td>{folder.lines:,}</td>"
        f"<td>{escape(', '.join(sorted(folder.imports)))}</td></tr>" for folder in found.values())
    return ('<figure class="ct-picture"><div class="ct-scroll" tabindex="0" role="region" '
            f'aria-label="The folders of the library">{picture(found)}</div>'
            "<figcaption>The folders of the library. An arrow leads from a folder to one that it "
            "imports; where a longer way of arrows leads there too, it is left out.</figcaption></figure>"
            f'{table("Folders of the library", "ct-folders", heads, rows)}')


def picture(found: dict[str, Folder]) -> str:
    """SVG: the folders by their height, each over the middle of those that it imports."""
    height, arrows = levels(found), direct(found)
    top = max(height.values())
    at: dict[str, tuple[float, float]] = {}
    for level in range(top + 1):
        row = [name for name in found if height[name] == level]
        wished = {name: WIDTH / len(row) * (i + 0.5) for i, name in enumerate(row)}
        if level > 1:
            for name in row:
                below = [at[whom][0] for who, whom in arrows if who == name]
                wished[name] = sum(below) / len(below)
        at |= {name: (x, TOP + (top - level) * STEP) for name, x in _apart(wished).items()}
    shapes = []
    for who, whom in arrows:
        (x0, y0), (x1, y1) = at[who], at[whom]
        shapes.append(line((x0, y0 + HIGH), (x1, y1), arrow=True))
    for name, (x, y) in at.items():
        rooms = f"{found[name].rooms} rooms" if found[name].rooms > 1 else "1 room"
        shapes += [box(x - ROOM / 2, y, ROOM, HIGH), label(x, y + 20, name, weight=600),
                   label(x, y + 37, rooms, size=12, ink="quiet")]
    told = "; ".join(f"{who} imports {whom}" for who, whom in arrows)
    return drawing(WIDTH, TOP + top * STEP + HIGH + TOP, shapes, f"The folders of the library: {told}.")


def _apart(wished: dict[str, float]) -> dict[str, float]:
    """The same places, moved right as far as boxes would touch, and all of them left again to stay inside."""
    placed, last = {}, -GAP - ROOM / 2
    for name, x in sorted(wished.items(), key=lambda item: item[1]):
        placed[name] = last = max(x, last + ROOM + GAP)
    over = max(0.0, max(placed.values()) + ROOM / 2 - WIDTH)
    return {name: x - over for name, x in placed.items()}
