"""Long steps say what they do: site/progress.py around a command, and around the chapters of a build
(tests/site/test_build.py)."""
import subprocess
import sys

import pytest

from computetrades.site import progress


def watched(monkeypatch, capfd, *command, every=0.2):
    monkeypatch.setattr(progress, "EVERY", every)
    return progress.watch("Counting", list(command)), capfd.readouterr().out


def test_a_command_gets_a_line_before_it_signs_of_life_and_its_time_after_it(monkeypatch, capfd):
    slow = "import time; print('mine', flush=True); time.sleep(0.7)"
    status, said = watched(monkeypatch, capfd, sys.executable, "-c", slow)
    first, *between, last = said.splitlines()
    assert (status, first) == (0, "Counting ...") and last.startswith("  done after ")
    assert "mine" in between and any(line.startswith("  ... 0.") for line in between)


def test_a_command_that_fails_fails_with_its_own_status(monkeypatch, capfd):
    status, said = watched(monkeypatch, capfd, sys.executable, "-c", "import sys; sys.exit(3)")
    assert status == 3 and "failed with status 3 after" in said


@pytest.mark.parametrize("seconds, told", [(0.84, "0.8 s"), (42.4, "42 s"), (187.2, "3 min 7 s")])
def test_a_time_reads_like_one(monkeypatch, seconds, told):
    monkeypatch.setattr(progress.time, "monotonic", lambda: 1000 + seconds)
    assert progress.took(1000) == told


def test_it_runs_before_anything_is_installed():
    """By itself, in an interpreter that finds no installed package."""
    run = subprocess.run([sys.executable, "-I", "-S", progress.__file__, "Asking", sys.executable, "-c",
                          "print(7)"],
                         capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.splitlines()[:2] == ["Asking ...", "7"]
