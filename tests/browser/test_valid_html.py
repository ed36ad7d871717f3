"""Every page is valid HTML, by the Nu Html Checker."""
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from .names import ENTRIES, PAGES, ROOT

EVERY = sorted({*PAGES, *ENTRIES})
CHECKER = ROOT / "node_modules/vnu-jar/build/dist/vnu.jar"


@pytest.fixture(scope="session")
def checkable():
    """Skips where the checker cannot run; of the session, like the built book,
    so that it comes before that."""
    if not shutil.which("java"):
        pytest.skip("java is not installed, so no page was checked for valid HTML (.ci/run installs it)")
    if not CHECKER.exists():
        pytest.skip("the Nu Html Checker is not installed, so no page was checked for valid HTML "
                    "(npm ci --ignore-scripts)")


@pytest.fixture(scope="module")
def errors(checkable, built):
    """Page name -> what the checker calls an error on it, of all pages at once:
    Java takes its time to start."""
    html = built.root / "_build/html"
    files = [str(html / f"{name}.html") for name in EVERY]
    run = subprocess.run(["java", "-Xss8m", "-jar", CHECKER, "--errors-only", "--exit-zero-always",
                          "--format", "json", *files],
                         capture_output=True, text=True, check=True)
    out = {name: [] for name in EVERY}
    for m in json.loads(run.stderr)["messages"]:
        name = Path(m["url"].removeprefix("file:")).relative_to(html).with_suffix("").as_posix()
        out[name].append(f"line {m['lastLine']}: {m['message']} {m['extract']}")
    return out


@pytest.mark.parametrize("name", EVERY)
def test_a_page_is_valid_html(errors, name):
    assert not errors[name], "\n".join(errors[name])
