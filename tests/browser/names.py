"""Which pages there are: chapters, written pages, the search, and the ledger's pages of entries."""
from pathlib import Path

import pytest

from computetrades.site import notebooks

ROOT = Path(__file__).parents[2]
CHAPTERS = [f"chapters/{path.stem}" for path in notebooks.chapters(ROOT)]
PAGES = (CHAPTERS + [p.relative_to(ROOT).with_suffix("").as_posix() for p in notebooks.pages(ROOT)]
         + ["search"])

chapter = pytest.mark.parametrize("name", CHAPTERS)
FACTS = ROOT / "data" / "facts"
ENTRIES = [f"appendix/ledger/{name}" for name in [
    *(name.removeprefix("chapters/") for name in CHAPTERS), "audit",
    *(p.relative_to(FACTS).with_suffix("").as_posix() for p in sorted(FACTS.rglob("*.yaml")))]]
# Pages of entries are made alike: one of records and one of facts are looked at in the browser.
PAGES += ["appendix/ledger/07-kv-cache", "appendix/ledger/inference/models"]

page = pytest.mark.parametrize("name", PAGES)
