"""The book as other machines would run it.
`python benchmarks/machines.py spread` or `suite`, and names of SETTINGS or none for all

A setting is a set of environment variables that make this machine compute or measure words as another one
does: torch, MKL, numpy and the C library without vector instructions, one thread, a system with other fonts
or with none.

spread: every chapter's measured values as they are before they are rounded, under each setting. Printed are
those that differ: their smallest and largest value, the difference relative to the value, and what each
setting would publish, which must be one and the same (exit status 1 if it is not). `room` is how many such
differences the value lies from where it would round otherwise. suite: `make test` under each setting, with
what passed, what failed and the time; the browser's part of it as it is and under other fonts.
"""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from numbers import Integral
from pathlib import Path

ROOT = Path(__file__).parents[1]
FONTS = Path("/usr/share/fonts/truetype")
# A page is made of what the chapters' notebooks store, and nbval and the built book find that the same under
# every processor; so the browser looks at it once, and under other fonts. Without a font it does not start.
NO_BROWSER = {"PYTEST_ADDOPTS": "--ignore=tests/browser"}
PLAIN = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}
SETTINGS = {
    "as it is": {},
    "torch without vectors": {"ATEN_CPU_CAPABILITY": "default", **NO_BROWSER},
    "MKL's plainest kernels": {"MKL_CBWR": "COMPATIBLE", **NO_BROWSER},
    "one thread": {"OMP_NUM_THREADS": "1", **NO_BROWSER},
    # All of these at once, and numpy and the C library likewise:
    # as near as one machine comes to another processor.
    "an old processor": {**PLAIN, "OMP_NUM_THREADS": "1", "ONEDNN_MAX_CPU_ISA": "SSE41",
                         "OPENBLAS_CORETYPE": "Nehalem",
                         "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
                         "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX", **NO_BROWSER},
    "Liberation's fonts": {"FONTS": "liberation"},
    "Noto's fonts": {"FONTS": "noto"},
    "no fonts": {"FONTS": "", **NO_BROWSER},
}


def environment(name: str, folder: Path) -> dict[str, str]:
    """The variables of a setting, with a file for fontconfig in `folder` where it names fonts."""
    if name not in SETTINGS:
        sys.exit(f"there is no setting {name!r}; choose from {', '.join(map(repr, SETTINGS))}")
    variables = dict(SETTINGS[name])
    if "FONTS" in variables:
        fonts = variables.pop("FONTS")
        if fonts and not (FONTS / fonts).is_dir():
            sys.exit(f"no {FONTS / fonts} on this machine; "
                     "on Debian: apt-get install fonts-liberation fonts-noto-core")
        path = folder / f"fonts-{fonts or 'none'}.conf"
        named = f"<dir>{FONTS / fonts}</dir><cachedir>{folder}/cache</cachedir>" if fonts else ""
        path.write_text(f"<fontconfig>{named}</fontconfig>\n", encoding="utf-8")
        variables["FONTCONFIG_FILE"] = str(path)
    return os.environ | variables


# The spread of what is measured

def measured_here() -> dict[str, dict]:
    """Key -> value and digits of everything that the chapters measure, on this machine as it is."""
    import IPython.display
    import nbformat
    from IPython.core.inputtransformer2 import TransformerManager

    from computetrades.book import experiments, judgements
    from computetrades.site import notebooks
    found, keep = {}, experiments.rounded

    def noted(key, value, digits):
        if not isinstance(value, Integral):
            found[key] = {"value": float(value), "digits": digits}
        return keep(key, value, digits)
    experiments.rounded, IPython.display.display = noted, lambda *_, **__: None
    transform = TransformerManager().transform_cell
    for path in notebooks.chapters(ROOT):
        judgements._judged.clear()
        namespace = {"__name__": "__main__"}
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                exec(transform(cell.source), namespace)  # noqa: S102
    return found


def spread(names: list[str]) -> bool:
    """Print what differs between the settings; whether all of them would publish the same."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for name in names:
            began = time.monotonic()
            run = subprocess.run([sys.executable, __file__, "here"], cwd=ROOT,
                                 env=environment(name, Path(folder)), check=True,
                                 stdout=subprocess.PIPE, text=True)
            found[name] = json.loads(run.stdout.splitlines()[-1])
            print(f"{name}: {len(found[name])} values that are no counts, {time.monotonic() - began:.0f} s",
                  flush=True)
    agree = True
    print(f"{'value':36} {'least':>14} {'most':>14} {'spread':>8} {'room':>8}  published")
    for key, row in found[names[0]].items():
        values = [found[name][key]["value"] for name in names]
        published = {f"{value:.{row['digits']}g}" for value in values}
        agree &= len(published) == 1
        if len(set(values)) > 1:
            gap = max(values) - min(values)
            print(f"{key:36} {min(values):14.9g} {max(values):14.9g} {gap / abs(values[0]):8.1e} "
                  f"{room(values, row['digits']):8.0f}  {', '.join(sorted(published))}")
    return agree


def room(values: list[float], digits: int) -> float:
    """How often the spread of the values fits between them and the nearest point where rounding
    to `digits` would change."""
    unit = 10.0 ** (int(f"{values[0]:e}".partition("e")[2]) - digits + 1)
    distance = min(abs(value / unit - round(value / unit - 0.5) - 0.5) for value in values) * unit
    return distance / (max(values) - min(values))


# The suite

def suite(names: list[str]) -> bool:
    """Run `make test` under each setting and print how each ended; whether all passed."""
    ended = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            print(f"\n{name}: {' '.join(f'{k}={v}' for k, v in SETTINGS[name].items())}", flush=True)
            began, lines = time.monotonic(), []
            run = subprocess.Popen(["make", "test"], cwd=ROOT, env=environment(name, Path(folder)),
                                   stdout=subprocess.PIPE, text=True)
            for line in run.stdout:
                lines.append(line)
                print(line, end="", flush=True)
            counts = [line for line in lines if re.search(r"\d+ (passed|failed|error)", line)]
            ended[name] = (run.wait(), counts[-1].strip(" =\n") if counts else "no test ran",
                           time.monotonic() - began)
    print("\nunder each setting:")
    for name, (status, said, took) in ended.items():
        print(f"  {name:24} {'passed' if status == 0 else 'FAILED'} in {took / 60:.1f} min: {said}")
    return all(status == 0 for status, *_ in ended.values())


if __name__ == "__main__":
    verb, *names = sys.argv[1:] or [""]
    if verb == "here":
        print(json.dumps(measured_here()))
    elif verb == "spread":
        sys.exit(not spread(names or [name for name, given in SETTINGS.items() if "FONTS" not in given]))
    elif verb == "suite":
        sys.exit(not suite(names or list(SETTINGS)))
    else:
        sys.exit(f"{verb!r}: say spread or suite; the first lines of this file tell what each does")
