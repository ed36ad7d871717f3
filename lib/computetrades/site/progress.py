"""What a long step says while it runs, so that nobody wonders whether it still does.

A command that is silent by nature gets a line before it, one every half minute and one after it:
`python progress.py "what it does" command ...`. That is run before anything is installed, so this file
imports the standard library alone. How a build tells of its chapters stands in results.py.
"""
from __future__ import annotations

import subprocess
import sys
import time

EVERY = 30                            # seconds between two signs of life


def watch(what: str, command: list[str]) -> int:
    """Run the command, whose own words pass through, and tell how long it takes. Returns its exit status."""
    print(f"{what} ...", flush=True)
    began = time.monotonic()
    process = subprocess.Popen(command)
    while True:
        try:
            status = process.wait(timeout=EVERY)
            break
        except subprocess.TimeoutExpired:
            print(f"  ... {took(began)}", flush=True)
    print(f"  {'done' if status == 0 else f'failed with status {status}'} after {took(began)}", flush=True)
    return status


def took(began: float) -> str:
    """'0.8 s', '42 s', '3 min 7 s' since a time.monotonic()."""
    seconds = time.monotonic() - began
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


if __name__ == "__main__":
    sys.exit(watch(sys.argv[1], sys.argv[2:]))
