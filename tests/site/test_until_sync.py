"""A changed fact goes the whole way, in one chapter of a small book: nbval fails, the check names what is
stale, sync mends it and nothing else, nbval passes."""
import json
import re
import shutil

from computetrades.site import notebooks

QUOTE = re.compile(r"\[([^\[\]]*)\]\(#([a-z0-9-]+\.[a-z0-9-]+)\)")
STEM, FACT = "27-margin-stack", "essay-margins.revenue-share"
CHECK = ("import sys; from pathlib import Path; from computetrades.site import notebooks; "
         "left = notebooks.check_all(Path.cwd()); print(*left, sep='\\n'); sys.exit(bool(left))")
EXECUTE = ("import nbformat; from pathlib import Path; from computetrades.site import notebooks; "
           f"path = Path('chapters/{STEM}.ipynb'); nbformat.write(notebooks.execute(path), path)")


def test_a_changed_fact_fails_nbval_and_check_until_sync(tmp_path, twin, change_fact):
    copy = twin("until-sync")
    nbval = ("-m", "pytest", f"chapters/{STEM}.ipynb", "--nbval", "--nbval-current-env", "-q",
             "-p", "no:cacheprovider", "-n", "0")
    change_fact(copy.root / "data", FACT)

    status, said = copy.python(*nbval)
    assert status == 1 and "failed" in said and "error" not in said.splitlines()[-1]

    executed = tmp_path / "executed"
    shutil.copytree(copy.root, executed)
    executed = type(copy)(executed)
    assert executed.python("-c", EXECUTE)[0] == 0
    status, said = executed.python("-c", CHECK)
    assert status == 1
    assert f"chapters/{STEM}.ipynb, cell" in said and FACT in said and "'30%'" in said and "make sync" in said

    before = {p.name: p.read_bytes() for p in notebooks.chapters(copy.root)}
    pages_before = {p: p.read_text(encoding="utf-8") for p in notebooks.pages(copy.root)}
    status, said = copy.python("-m", "computetrades.site.notebooks", STEM)
    assert status == 0, said
    assert copy.python("-c", CHECK)[0] == 0
    status, said = copy.python(*nbval)
    assert status == 0, said[-3000:]

    after = {p.name: p.read_bytes() for p in notebooks.chapters(copy.root)}
    assert after[f"{STEM}.ipynb"] != before[f"{STEM}.ipynb"]
    for name, old in before.items():
        assert without_literals_and_outputs(after[name]) == without_literals_and_outputs(old)
    for path, text in pages_before.items():
        assert QUOTE.sub(r"[](#\2)", text) == QUOTE.sub(r"[](#\2)", path.read_text(encoding="utf-8"))
    untouched = [name for name, old in before.items() if FACT.encode() not in old]
    assert untouched and [name for name in untouched if after[name] != before[name]] == []


def without_literals_and_outputs(stored: bytes):
    """What a sync must leave alone."""
    notebook = json.loads(stored)
    cells = [{**{k: v for k, v in cell.items() if k != "outputs"}, "source": "".join(cell["source"])}
             for cell in notebook["cells"]]
    for cell in cells:  # audit notes in code cells quote numbers too
        cell["source"] = QUOTE.sub(r"[](#\2)", cell["source"])
    return {**notebook, "cells": cells}
