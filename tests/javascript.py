"""Runs JavaScript for the tests: in node, or in the node that Playwright's Python package brings."""
import json
import shutil
import subprocess
from functools import lru_cache

import pytest


@lru_cache
def engine() -> str | None:
    """Path of a node, if there is one."""
    if found := shutil.which("node"):
        return found
    try:
        from playwright._impl._driver import compute_driver_executable
    except ImportError:
        return None
    found = compute_driver_executable()
    return shutil.which(str(found[0] if isinstance(found, tuple) else found))


def run(script: str, given, *options: str):
    """What the script prints as JSON; `given` reaches it as the constant `given`.
    Skips the test where there is no engine."""
    if engine() is None:
        pytest.skip("neither node nor Playwright's node is installed: JavaScript cannot be compared here")
    script = "import { readFileSync } from 'node:fs';\nconst given = JSON.parse(readFileSync(0));\n" + script
    ran = subprocess.run([engine(), *options, "--input-type=module", "-e", script], input=json.dumps(given),
                         capture_output=True, text=True, encoding="utf-8", check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout)


def evaluated(cases, scope=()):
    """Each (source, variables) evaluated as a JavaScript expression;
    the names in `scope` are taken from Math."""
    return run("""const [cases, scope] = given;
        console.log(JSON.stringify(cases.map(([source, variables]) =>
            new Function(...scope, ...Object.keys(variables), 'return ' + source)
                (...scope.map(n => Math[n]), ...Object.values(variables)))));""", [cases, list(scope)])
