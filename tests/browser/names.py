"""Which pages there are: chapters, written pages, and the search."""
from pathlib import Path

import pytest

from computetrades.site import notebooks

ROOT = Path(__file__).parents[2]
CHAPTERS = [f"chapters/{path.stem}" for path in notebooks.chapters(ROOT)]
PAGES = (CHAPTERS + [p.relative_to(ROOT).with_suffix("").as_posix() for p in notebooks.pages(ROOT)]
         + ["search"])

chapter = pytest.mark.parametrize("name", CHAPTERS)
page = pytest.mark.parametrize("name", PAGES)
