"""site/unchanged.py: a build with nothing to do is one that would find everything as it was."""
import os
import subprocess
import sys

import pytest

from computetrades.site import unchanged
from tests.conftest import ROOT


@pytest.fixture
def book(tmp_path):
    """A folder that looks as after a build."""
    for name in ("chapters/01.ipynb", "data/facts/a.yaml", "lib/computetrades/number.py", "_config.yml",
                 "_build/html/index.html", "_build/results/01/x.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert not unchanged.unchanged(tmp_path)
    unchanged.built(tmp_path)
    return tmp_path


def test_as_it_was_there_is_nothing_to_do(book):
    (book / "lib/computetrades/__pycache__").mkdir()
    (book / "lib/computetrades/__pycache__/number.pyc").write_text("compiled")
    (book / "notes.txt").write_text("no part of the book")
    assert unchanged.unchanged(book)


@pytest.mark.parametrize("name", ["chapters/01.ipynb", "data/facts/a.yaml", "lib/computetrades/number.py",
                                  "_config.yml", "_build/html/index.html"])
@pytest.mark.parametrize("change", ["edited", "touched", "removed", "another beside it"])
def test_any_change_of_what_it_is_made_of_or_of_what_came_of_it_is_seen(book, name, change):
    path = book / name
    if change == "edited":
        path.write_text(path.read_text()[:-1] + "?")
    elif change == "touched":
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    elif change == "removed":
        path.unlink()
    elif path.parent == book:
        (book / "data/new.yaml").write_text("")
    else:
        (path.parent / "new").write_text("")
    assert not unchanged.unchanged(book)


def test_what_changes_while_a_build_runs_is_not_taken_for_built(book):
    (book / "_config.yml").write_text("title: one")
    assert not unchanged.unchanged(book)       # the build begins
    (book / "_config.yml").write_text("title: two, longer")
    unchanged.built(book)
    assert not unchanged.unchanged(book)


def test_another_commit_is_another_book(book):
    """Pages name the commit that they were built from."""
    def git(*words):
        subprocess.run(("git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words), cwd=book,
                       check=True, capture_output=True)
    git("init")
    git("add", "chapters")
    git("commit", "-m", "one")
    assert not unchanged.unchanged(book)
    unchanged.built(book)
    assert unchanged.unchanged(book)
    git("commit", "--allow-empty", "-m", "two")
    assert not unchanged.unchanged(book)


def test_it_is_run_before_anything_is_loaded():
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import unchanged; "
            "print(*{m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names))")
    ran = subprocess.run([sys.executable, "-S", "-c", code, str(ROOT / "lib/computetrades/site")],
                         capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) <= {"unchanged", "__main__"}


def test_the_folders_of_the_book_are_all_watched():
    """What git holds beside them is no part of the pages."""
    held = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if held.returncode:
        pytest.skip("no repository here")
    rest = {name.split("/")[0] for name in held.stdout.splitlines()} - set(unchanged.MADE_OF)
    assert rest <= {".ci", ".github", ".gitignore", "CONTRIBUTING.md", "LICENSE", "Makefile", "NOTES.md",
                    "README.md", "benchmarks", "package-lock.json", "package.json", "tests"}


def test_a_file_that_says_the_same_is_not_written_again(tmp_path):
    path = tmp_path / "state.js"
    unchanged.put(path, "é\n")
    os.utime(path, ns=(1, 1))
    unchanged.put(path, "é\n")
    assert path.stat().st_mtime_ns == 1 and path.read_bytes() == b"\xc3\xa9\n"
    unchanged.put(path, "e\n")
    assert path.stat().st_mtime_ns > 1 and path.read_text() == "e\n"
