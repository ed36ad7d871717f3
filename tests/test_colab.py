"""A chapter alone: its notebook in an empty directory, run unchanged by a kernel in a clean environment.

The book gets an address that leads nowhere, and git clones a bare repository on this machine in its place. An
environment takes the lowest versions that the library's bounds allow, as though the machine brought them, and
there the chapters' own first cells install the library, as in Colab. `make test` runs one chapter of each
extra there, which shows that its first cell installs what such a chapter needs.

With COMPUTETRADES_WEEKLY set, as `make weekly` does, every chapter is run, and again in an environment with
the newest versions of everything: those change with the week and not with a commit.
"""
import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

from computetrades.book.judgements import AUDIT
from computetrades.book.records import RECORD
from computetrades.site import notebooks, repository
from tests.conftest import ROOT

URL = "https://github.com/nobody/nowhere"
TORCH = re.search(r"(?m)^torch==.*", (ROOT / "requirements.txt").read_text(encoding="utf-8"))[0]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALLS = {path.stem: repository.installs(nbformat.read(path, as_version=4).cells[0].source)
            for path in notebooks.chapters(ROOT)}
EXTRAS = {extra for package in INSTALLS.values() for extra in re.findall(r"\w+", package)[1:]}
# Torch stays what requirements.txt pins: the machine brings it, as Colab does,
# and another version may come with gigabytes.
REQUIREMENTS = [r for r in (*PROJECT["dependencies"],
                            *(r for extra in sorted(EXTRAS) for r in PROJECT["optional-dependencies"][extra]))
                if not r.startswith("torch")]
OLDEST = tuple(map(int, re.findall(r"\d+", PROJECT["requires-python"])))
CHART = "application/vnd.vegalite.v6+json"

# Of the chapters that install the same, the one that computes least: 6, 9, 8 and 12 s; the agent's
# loop takes 42. An extra that brings less comes first, so that none finds what it needs already
# there, brought by a larger one.
FIRST = ["27-margin-stack", "26-euv-ceiling", "01-request", "06-transformer-block"]
WEEKLY = bool(os.environ.get("COMPUTETRADES_WEEKLY"))
ALONE = [*FIRST, *(stem for stem in INSTALLS if WEEKLY and stem not in FIRST)]

chapter = pytest.mark.parametrize("stem", ALONE)


@dataclass
class Clean:
    """An environment of its own with pip, a kernel and nothing else, away from the checkout."""
    folder: Path
    env: dict

    def python(self, *arguments: str) -> str:
        """What python said there. AssertionError with the end of it when it failed."""
        run = subprocess.run([self.folder / "bin" / "python", *arguments], check=False, cwd=self.folder,
                             env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert run.returncode == 0, run.stdout[-3000:]
        return run.stdout

    def install(self, *arguments: str) -> None:
        """pip install, or the test is skipped where pip reaches no package index."""
        try:
            self.python("-m", "pip", "install", "-q", *arguments)
        except AssertionError as error:
            if re.search("connection broken by|timed out", str(error)):
                pytest.skip("pip reaches no package index here, so no clean environment can be made")
            raise

    def has(self, module: str) -> bool:
        code = f"import importlib.util; print(importlib.util.find_spec({module!r}))"
        return self.python("-c", code).strip() != "None"

    def run(self, notebook: Path) -> nbformat.NotebookNode:
        """The notebook with its outputs, run as it is, alone in a directory."""
        folder = self.folder / "alone" / notebook.stem
        folder.mkdir(parents=True)
        cells = nbformat.read(shutil.copy(notebook, folder), as_version=4)
        kernel = AsyncKernelManager()
        kernel.kernel_spec.argv = [str(self.folder / "bin" / "python"), "-m", "ipykernel_launcher", "-f",
                                   "{connection_file}"]
        NotebookClient(cells, km=kernel, timeout=600, resources={"metadata": {"path": str(folder)}}).execute(
            env=self.env, cleanup_kc=True)
        return cells


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A copy of the tracked files, as they are now, that has the address."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout, so nothing can be cloned in place of the address")
    folder = tmp_path_factory.mktemp("colab") / "book"
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    repository.set_address(folder, URL)
    return folder


@pytest.fixture(scope="module")
def clean(book, tmp_path_factory):
    """clean(name, kernel, **variables) -> a clean environment with that kernel;
    there the address leads to a bare clone."""
    config, bare = book.parent / "gitconfig", book.parent / "bare.git"
    config.write_text(f'[url "{bare.as_uri()}"]\n    insteadOf = {URL}\n'
                      '[protocol "file"]\n    allow = always\n'
                      "[user]\n    name = nobody\n    email = nobody@localhost\n")
    left_out = ("PYTHONPATH", "COMPUTETRADES_DATA", "VIRTUAL_ENV", "IPYTHONDIR")
    env = {**{k: v for k, v in os.environ.items() if k not in left_out}, "GIT_CONFIG_GLOBAL": str(config),
           # "no" is how pip wants --no-compile spelled; it halves the time
           "PIP_RETRIES": "1", "PIP_NO_COMPILE": "no"}
    for command in ("init -q -b main", "add -A", "commit -q -m book", "clone -q --bare ."):
        subprocess.run(["git", *command.split(), *[bare] * command.startswith("clone")], cwd=book, env=env,
                       check=True)
    folders = []

    def make(name, kernel, **variables):
        folders.append(tmp_path_factory.mktemp(name))
        made = Clean(folders[-1], {**env, "IPYTHONDIR": str(book.parent / name), **variables})
        subprocess.run([sys.executable, "-m", "venv", made.folder], check=True)
        made.install(kernel)
        assert not made.has("computetrades") and not made.has("numpy")
        return made
    yield make
    # Hundreds of megabytes each, which take up to a minute to delete; nothing waits for it.
    subprocess.Popen(["rm", "-rf", *folders], start_new_session=True)


@pytest.fixture(scope="module")
def lowest(book, clean):
    """(environment, chapter -> its notebook as run there):
    the chapters' first cells install the library, as in Colab."""
    bounds = book.parent / "bounds.txt"
    # The lowest versions were made for the lowest Python; for another they may not exist.
    lowest = [r.replace(">=", "==") for r in REQUIREMENTS] if sys.version_info[:2] == OLDEST else []
    bounds.write_text("\n".join([*lowest, TORCH]))
    pin = re.search(r"(?m)^ipykernel==.*", (ROOT / "requirements.txt").read_text(encoding="utf-8"))[0]
    here = clean("lowest", pin, PIP_CONSTRAINT=str(bounds))
    startup = Path(here.env["IPYTHONDIR"]) / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "colab.py").write_text("import sys, types\n"
                                      "sys.modules['google.colab'] = types.ModuleType('google.colab')\n")
    return here, run_all(here, book)


@pytest.fixture(scope="module")
def newest(book, clean):
    """The same where the newest versions were installed before, in an ordinary Jupyter."""
    pinned = book.parent / "torch.txt"
    pinned.write_text(TORCH)
    here = clean("newest", "ipykernel", PIP_CONSTRAINT=str(pinned))
    here.install("--upgrade", "--upgrade-strategy", "eager", "ipykernel",
                 f"computetrades[{','.join(sorted(EXTRAS))}] @ git+{URL}@main")
    return here, run_all(here, book)


def run_all(here, book):
    """The chapters, run: those whose first cells install something one after
    the other, and then the others."""
    paths = {stem: book / "chapters" / f"{stem}.ipynb" for stem in ALONE}
    ran = {stem: here.run(paths.pop(stem)) for stem in FIRST}
    with ThreadPoolExecutor(2) as pool:
        ran |= zip(paths, pool.map(here.run, paths.values()), strict=True)
    return ran


@pytest.fixture(params=["lowest", *["newest"] * WEEKLY])
def ran(request):
    return request.getfixturevalue(request.param)


def outputs(notebook, mime):
    return [o["data"][mime] for c in notebook.cells if c.cell_type == "code"
            for o in c.outputs if mime in o.get("data", {})]


def told(notebook):
    """Key and text of every record, claim and verdict of every audit row."""
    return ([(p["key"], p["text"]) for p in outputs(notebook, RECORD)],
            [(row["id"], row["verdict"]) for audit in outputs(notebook, AUDIT) for row in audit["claims"]])


def stored(stem):
    return nbformat.read(ROOT / "chapters" / f"{stem}.ipynb", as_version=4)


@chapter
def test_every_record_and_verdict_is_the_stored_one(ran, stem):
    records, verdicts = told(ran[1][stem])
    assert (records, verdicts) == told(stored(stem))
    assert records and verdicts


@chapter
def test_every_chart_is_shown_by_altair_itself(ran, stem):
    shown = [page for page in outputs(ran[1][stem], "text/html") if "vegaEmbed" in page]
    assert len(shown) == len(outputs(stored(stem), CHART)) > 0


@chapter
def test_the_setup_lines_install_where_something_is_missing_and_are_silent_elsewhere(ran, stem, request):
    """pip ends with a note that the kernel may have to be restarted, so an installation can be told."""
    installs = "lowest" in request.node.callspec.id and stem in FIRST
    said = "".join(o.get("text", "") for o in ran[1][stem].cells[0].outputs)
    assert ("restart the kernel" in said) == installs
    assert installs or ran[1][stem].cells[0].outputs == []


def test_one_chapter_of_each_extra_is_run_in_every_suite():
    """A chapter that asks for something new belongs in FIRST."""
    assert sorted(INSTALLS[stem] for stem in FIRST) == sorted(set(INSTALLS.values()))
    assert not WEEKLY or set(ALONE) == set(INSTALLS)


def test_the_library_came_from_the_address_and_brings_torch_to_those_alone_who_ask(ran):
    here, _ = ran
    found = here.python("-c", "import computetrades; print(computetrades.__file__)")
    assert found.startswith(str(here.folder))
    assert f"git+{URL}@" in here.python("-m", "pip", "freeze")
    assert here.has("torch") == ("model" in EXTRAS) and not here.has("vl_convert")


@pytest.mark.skipif(sys.version_info[:2] != OLDEST,
                    reason=f"the lowest versions are installed for Python {OLDEST} only")
def test_the_lowest_versions_are_the_bounds_of_pyproject(lowest):
    installed = dict(re.findall(r"(?m)^([\w-]+)==(.*)", lowest[0].python("-m", "pip", "freeze").lower()))
    for requirement in REQUIREMENTS:
        name, bound = requirement.lower().split(">=")
        assert re.fullmatch(rf"{re.escape(bound)}[.0]*", installed[name]), \
            f"{requirement} allows {bound}, not {installed[name]}"
