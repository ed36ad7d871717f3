"""The repository's address: every place that spells it out agrees,
and nothing points anywhere while it is unset."""
import re
import subprocess
import sys

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

from computetrades.data import DataError
from computetrades.site import notebooks, repository
from tests.conftest import ROOT, TWIN

URL, SITE = "https://github.com/Some-One/trades.recomputed", "https://some-one.github.io/trades.recomputed/"
PLACEHOLDER = "OWNER" + "/REPO"


@pytest.fixture(scope="module")
def copy(twin):
    """A small book without an address that builds from the results of the shared one:
    the set-up lines decide no output."""
    copy = twin("address")
    repository.set_address(copy.root, "")
    return copy


@pytest.fixture(scope="module")
def pages_at(copy):
    """pages_at(url) -> page name -> the parsed page, of a build with that address;
    pages_at in turn, "" first."""
    def build(url):
        repository.set_address(copy.root, url)
        status, said = copy.build()
        assert status == 0, said[-3000:]
        out = copy.root / "_build" / "html"
        return {p.relative_to(out).as_posix().removesuffix(".html"):
                BeautifulSoup(p.read_bytes(), "html.parser")
                for p in sorted(out.rglob("*.html")) if "_static" not in p.parts}
    pages = {url: build(url) for url in ("", URL)}
    repository.set_address(copy.root, "")
    return pages


def tree(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and "_build" not in p.parts
            and "__pycache__" not in p.parts}


def first_cells(folder):
    return {p.stem: nbformat.read(p, as_version=4).cells[0].source for p in notebooks.chapters(folder)}


# Setting it

def test_setting_and_unsetting_leaves_every_file_as_it_was(copy):
    before = tree(copy.root)
    repository.set_address(copy.root, URL)
    changed = {p.relative_to(copy.root).as_posix()
               for p, content in tree(copy.root).items() if content != before[p]}
    assert changed == {"_config.yml", "CITATION.cff", *(f"chapters/{stem}.ipynb" for stem in TWIN)}
    repository.set_address(copy.root, URL)
    assert {p.relative_to(copy.root).as_posix() for p, content in tree(copy.root).items()
            if content != before[p]} == changed
    repository.set_address(copy.root, "")
    assert tree(copy.root) == before


def test_setting_the_present_address_again_changes_nothing(tmp_path, copy_book):
    copy = copy_book(tmp_path / "book")
    before = tree(copy.root)
    repository.set_address(copy.root, repository.repository(copy.root))
    assert tree(copy.root) == before


def test_every_place_has_the_address(copy):
    repository.set_address(copy.root, URL)
    try:
        assert repository.repository(copy.root) == URL and repository.site(copy.root) == SITE
        cited = yaml.safe_load((copy.root / "CITATION.cff").read_text(encoding="utf-8"))
        assert ((cited["repository-code"], cited["url"], cited["preferred-citation"]["url"])
                == (URL, SITE, SITE))
        for stem, source in first_cells(copy.root).items():
            assert re.findall(r"git\+(\S+)@main\"", source) == [URL], stem
    finally:
        repository.set_address(copy.root, "")
    assert repository.repository(copy.root) == repository.site(copy.root) == ""


def test_the_site_of_an_account_itself_has_no_folder(tmp_path):
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://github.com/Some-One/some-one.github.io\n")
    assert repository.site(tmp_path) == "https://some-one.github.io/"


@pytest.mark.parametrize("url", [
    "http://github.com/a/b", "https://github.com/a", "https://github.com/a/b/", "github.com/a/b",
    "https://github.com/a/b.git", "https://gitlab.com/a/b", "https://github.com/a/b/tree/main",
    "https://github.com/a b/c", "git@github.com:a/b", " ", "https://github.com/<owner>/<repository>"])
def test_anything_else_is_refused_and_nothing_is_written(copy, url):
    before = tree(copy.root)
    refusal = re.escape(f"URL: {url!r} is not the address of a GitHub repository; write https://")
    with pytest.raises(DataError, match=refusal):
        repository.set_address(copy.root, url)
    assert tree(copy.root) == before


def test_a_wrong_address_in_the_file_is_refused_where_it_is_read(tmp_path):
    (tmp_path / "_config.yml").write_text("repository:\n  url: example.org\n")
    with pytest.raises(DataError, match="_config.yml, repository.url: 'example.org' is not the address"):
        repository.repository(tmp_path)


def test_a_chapter_that_lost_its_setup_lines_is_named_and_nothing_is_written(tmp_path, copy_book):
    copy = copy_book(tmp_path / "book")
    path = notebooks.chapters(copy.root)[-1]
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "import altair as alt\n"
    nbformat.write(notebook, path)
    before = tree(copy.root)
    with pytest.raises(DataError, match=rf"chapters/{path.name}, cell 1: .*begin it with\ntry:"):
        repository.set_address(copy.root, URL)
    assert tree(copy.root) == before


def test_an_extra_that_nothing_shows_is_refused():
    with pytest.raises(DataError, match="extra 'live'.*PROBES"):
        repository.setup("computetrades[live]", "", "main")


def test_as_make_runs_it(copy):
    before = tree(copy.root)
    assert copy.python("-m", "computetrades.site.repository", "example.org")[0] == 1
    status, said = copy.python("-m", "computetrades.site.repository")
    assert status == 1 and "not set" in said and "URL=" in said
    assert tree(copy.root) == before
    assert copy.python("-m", "computetrades.site.repository", URL)[0] == 0
    assert repository.repository(copy.root) == URL
    assert copy.python("-m", "computetrades.site.repository", "")[0] == 0
    assert tree(copy.root) == before


# The set-up lines

@pytest.mark.parametrize("package", ["computetrades", "computetrades[scale]"])
def test_without_an_address_a_lone_chapter_says_what_is_missing_and_what_to_do(package, tmp_path):
    """Run by a Python that sees no installed packages."""
    code = repository.setup(package, "", "main")
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False,
                         cwd=tmp_path, capture_output=True, text=True)
    said = run.stderr.splitlines()[-1]
    assert run.returncode and "No module named" not in run.stderr
    assert said.startswith(f"ImportError: {package} is not installed") and "pip install" in said


SETUPS = sorted({repository.SETUP.match(cell)[0] for cell in first_cells(ROOT).values()})


@pytest.mark.parametrize("lines", SETUPS, ids=map(repository.installs, SETUPS))
def test_where_the_library_is_installed_the_setup_lines_say_nothing(lines):
    """Of each kind: chapters that need the same begin with the same lines."""
    source = lines.replace("%pip", "assert False #")
    run = subprocess.run([sys.executable, "-c", source], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# The pages_at book

def buttons(page):
    """The links of the page's frame that leave the book."""
    return [a["href"]
            for a in page.select(".ct-actions a[href], .ct-foot a[href]") if re.match(r"\w+:", a["href"])]


def test_without_an_address_no_page_has_a_launch_or_repository_button(pages_at):
    for name, page in pages_at[""].items():
        assert buttons(page) == [] and not page.select("link[rel=canonical], meta[property]"), name
        assert "colab.research.google.com" not in str(page), name


def test_with_an_address_every_chapter_opens_in_colab_and_every_page_leads_to_the_repository(pages_at, copy):
    pages = {name: page
             for name, page in pages_at[URL].items() if name.startswith(("chapters/", "appendix/", "intro"))}
    assert set(TWIN) == {name.removeprefix("chapters/") for name in pages if name.startswith("chapters/")}
    for name, page in pages.items():
        colab = f"https://colab.research.google.com/github/Some-One/trades.recomputed/blob/main/{name}.ipynb"
        assert sorted(buttons(page)) == [colab] * name.startswith("chapters/") + [URL], name
        assert page.select_one("link[rel=canonical]")["href"] == f"{SITE}{name}.html"
        preview = page.select_one("meta[property='og:image']")["content"]
        drawn = "appendix/ledger" if name.startswith("appendix/ledger/") else name
        assert preview == f"{SITE}_static/previews/{drawn}.png"
        assert (copy.root / "_build" / "html" / preview.removeprefix(SITE)).is_file()


def test_no_page_and_no_file_holds_a_placeholder(pages_at):
    for url, pages in pages_at.items():
        assert [name for name, page in pages.items() if PLACEHOLDER in str(page)] == [], url
    listed = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=ROOT, capture_output=True, text=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name] or list(tree(ROOT / "lib"))
    assert [p.name for p in files if p.is_file() and PLACEHOLDER.encode() in p.read_bytes()] == []
