"""What is published beside the book: the workflows name things that exist, and CITATION.cff says
what the other files say."""
import re
import tomllib

import pytest
import yaml

from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))

workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)


def steps(path):
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def runs(path):
    return "\n".join(step["run"] for step in steps(path) if "run" in step)


def test_there_is_a_workflow_for_the_tests_the_pages_and_the_weekly_run():
    assert [path.stem for path in WORKFLOWS] == ["pages", "test", "weekly"]


@workflow
def test_what_a_workflow_runs_exists(path):
    targets = re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert set(re.findall(r"\bmake (\w+)", runs(path))) <= set(targets)
    files = re.findall(r"[\w/]+\.(?:py|txt|toml)\b", path.read_text(encoding="utf-8"))
    assert files and [name for name in files if not (ROOT / name).is_file()] == []
    for extras in re.findall(r"\.\[([\w,]+)\]", runs(path)):
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


@workflow
def test_python_is_one_that_the_project_allows_and_torch_is_the_small_one(path):
    text = path.read_text(encoding="utf-8")
    versions = re.findall(r'"(3\.\d+)"', text)
    assert all(int(v.split(".")[1]) >= int(PROJECT["requires-python"].removeprefix(">=3.")) for v in versions)
    if "make " in runs(path):
        assert "whl/cpu" in yaml.safe_load(text)["env"]["PIP_EXTRA_INDEX_URL"]


def test_the_citation_says_what_the_other_files_say():
    assert CITATION["version"] == PROJECT["version"]
    preferred = CITATION["preferred-citation"]
    for cited in (CITATION, preferred):
        assert cited["title"] == CONFIG["title"]
        assert [a["name"] for a in cited["authors"]] == [CONFIG["author"]]
    assert str(preferred["year"]) == CITATION["date-released"][:4] == CONFIG["copyright"][:4]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert CITATION["license"] == ["MIT", "CC-BY-4.0"] and "MIT License" in licence and "CC BY 4.0" in licence
    assert PROJECT["license"]["text"] == "MIT"
