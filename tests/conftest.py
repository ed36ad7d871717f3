"""Shared by the tests of the whole book: copies of it to work on, and a fact changed in such a copy."""
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

from tests.changed_facts import A_THIRD, change
from tests.progress import Progress

ROOT = Path(__file__).parents[1]
TRACKED = ("chapters", "appendix", "data", "lib", "references.bib", "intro.md", "contents.md", "_config.yml",
           "_toc.yml", "requirements.txt", "pyproject.toml", "CITATION.cff")
BUILD = (str(Path(sys.executable).parent / "jupyter-book"), "build", ".", "--warningiserror", "--nitpick",
         "--keep-going")


# Files that take minutes begin first, or the last of them would keep one worker waiting for the other.
LONG = ("test_colab.py", "test_mutation.py", "test_records_js.py", "test_charts_drawn.py", "test_rebuild.py",
        "test_until_sync.py", "test_repository.py", "test_experiment.py")


# What runs chapters in its own process (chapter_runs)
RUNNING = ("test_mutation.py", "test_records_js.py", "test_charts_drawn.py")
# What reads the visit of a page that its name ends with (browser/seen.py)
VISITING = ("test_accessible.py", "test_fonts.py", "test_weight.py", "test_print.py", "test_pages.py")
STEMS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))


class ByFileOrRun(LoadScopeScheduling):
    """Which tests stay together on one worker: those of a file, which share what they set up; and those of
    several files that ask for the run of one chapter or the visit of one page, which is then made once."""
    def _split_scope(self, nodeid):
        file, _, test = nodeid.partition("::")
        stem = next((stem for stem in STEMS if stem in test), None) if file.endswith(RUNNING) else None
        page = test.partition("[")[2] if file.endswith(VISITING) else None
        return f"the run of {stem}" if stem else f"the visit of [{page}" if page else file


def pytest_xdist_make_scheduler(config, log):
    return ByFileOrRun(config, log)


def pytest_collection_modifyitems(items):
    rank = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONG)))


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config))


@dataclass
class Copy:
    """A copy of the book that runs its own library on its own data."""
    root: Path
    env: dict = field(init=False)

    def __post_init__(self):
        self.env = {**os.environ, "PYTHONPATH": str(self.root / "lib"),
                    "COMPUTETRADES_DATA": str(self.root / "data")}

    def start(self, *command: str) -> subprocess.Popen:
        return subprocess.Popen(command, cwd=self.root, env=self.env, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def python(self, *arguments: str) -> tuple[int, str]:
        return finish(self.start(sys.executable, *arguments))

    def build(self) -> tuple[int, str]:
        """(exit status, what was said) of a build as `make book` runs it."""
        return finish(self.start(*BUILD))


def finish(process: subprocess.Popen) -> tuple[int, str]:
    said, _ = process.communicate(timeout=400)
    return process.returncode, re.sub(r"\x1b\[[0-9;]*m", "", said)


@pytest.fixture(scope="session")
def copy_book():
    """copy_book(folder): the tracked files of the book, copied there."""
    def copy(folder: Path) -> Copy:
        folder.mkdir(parents=True)
        for name in TRACKED:
            source, leave = ROOT / name, shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "_build")
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=leave)
            else:
                shutil.copy(source, folder / name)
        return Copy(folder)
    return copy


@pytest.fixture(scope="session")
def offline():
    """The words that run a command where the only network is this machine's loopback, which kernels talk
    over; () where the system lets nobody make such a place."""
    words = ("unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    tried = shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode
    return words if tried == 0 else ()


@pytest.fixture(scope="session")
def built(tmp_path_factory, copy_book, offline):
    """A copy of the book, built cold once for all test processes, without a network if
    that can be had. Nobody may change it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder, outcome = shared / "built" / "the-same-book", shared / "built.txt"
    with FileLock(shared / "built.lock"):
        if not outcome.exists():
            status, said = finish(copy_book(folder).start(*offline, *BUILD))
            outcome.write_text(f"{status}\n{said}", encoding="utf-8")
    assert outcome.read_text(encoding="utf-8").startswith("0\n"), outcome.read_text(encoding="utf-8")[-6000:]
    return Copy(folder)


@pytest.fixture(scope="session")
def copy_built(tmp_path_factory, copy_book, built):
    """copy_built(name): a copy of the book in a folder of that name, with the results of the built one, so
    that a build of it executes what the test changes and nothing else."""
    def copy(name: str) -> Copy:
        made = copy_book(tmp_path_factory.mktemp(name) / "book")
        shutil.copytree(built.root / "_build" / "results", made.root / "_build" / "results")
        return made
    return copy


TWIN = ("01-request", "26-euv-ceiling", "27-margin-stack")


@pytest.fixture(scope="session")
def twin(copy_built):
    """twin(name): a book of three chapters that quote no other, with the results of the shared one. What a
    build does to every page it does to these, in a third of the time."""
    def make(name: str) -> Copy:
        made = copy_built(name)
        for path in (made.root / "chapters").glob("*.ipynb"):
            if path.stem not in TWIN:
                path.unlink()
        toc = made.root / "_toc.yml"
        listed = [line for line in toc.read_text(encoding="utf-8").splitlines()
                  if "chapters/" not in line or line.endswith(TWIN)]
        toc.write_text("\n".join(listed) + "\n", encoding="utf-8")
        (made.root / "intro.md").write_text("# A book of three chapters\n", encoding="utf-8")
        return made
    return make


@pytest.fixture(scope="session")
def change_fact():
    """change_fact(data folder, key): the fact moved by a third or so in its file; whole counts stay whole."""
    return lambda data, key: change(data, {key: A_THIRD})[0]
