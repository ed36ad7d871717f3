"""What the lab's models learn from: the source of networkx 3.6.1 (3-clause BSD licence),
which torch itself installs.

One style of Python with long docstrings. Tests are left out.
Whole files are held out of training, by a hash of their name.
"""
from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

PACKAGE, VERSION = "networkx", "3.6.1"
SHA256 = "eb5f9a8cadbefde1ea616d6593ea0937208f9d417d1c18213dd28a4d2ce54595"


def source_files() -> dict[str, str]:
    """File name -> text, by name.
    RuntimeError when the package is not the one that the stored models were trained on."""
    spec = find_spec(PACKAGE)
    root = Path(spec.origin).parent if spec else Path()
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py")) if spec else []
    files = {name: (root / name).read_text(encoding="utf-8")
             for name in names if "tests" not in name.split("/")}
    if hashlib.sha256("".join(files.values()).encode()).hexdigest() != SHA256:
        raise RuntimeError(f"the text is the source of {PACKAGE} {VERSION}, and what is installed differs; "
                           f"run 'pip install {PACKAGE}=={VERSION}'")
    return files


def is_held_out(name: str) -> bool:
    """One file in sixteen, whatever else the package holds."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 16 == 0
