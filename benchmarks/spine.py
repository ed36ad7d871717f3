"""What the traced number costs: imports, one traced operation, the plain path, draws.
`python benchmarks/spine.py` [runs]

Prints the median of several runs, with the fastest and slowest. Nothing is compared or stored; the machine is
named.
"""
from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import numpy as np

HEAVY = ("torch", "matplotlib", "altair")
POINTS = 1_000_000
IMPORTS = {"import computetrades": "import computetrades",
           'facts("llama-3-70b")': 'from computetrades.facts import facts; facts("llama-3-70b")'}


def seconds(work, times: int = 1) -> float:
    """Wall time of one call of `work`, averaged over `times` calls."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def rate(work, runs: int) -> list[float]:
    """Points per second of `work`, which handles POINTS at once;
    a first call warms caches and is not counted."""
    work()
    return [POINTS / seconds(work) for _ in range(runs)]


def told(name: str, samples: list[float], unit: str, digits: int = 3) -> None:
    middle, low, high = (f"{x:.{digits}g}" if abs(x) < 1e4 else f"{x:,.0f}"
                         for x in (statistics.median(samples), min(samples), max(samples)))
    print(f"{name:<52} {middle:>14} {unit:<9} ({low} to {high})")


def in_fresh_interpreter(code: str) -> tuple[float, float, list[str]]:
    """(seconds of the code alone, of the whole process, heavy modules it left in sys.modules)."""
    script = (f"import sys, time; start = time.perf_counter()\n{code}\n"
              f"print(time.perf_counter() - start, *[m for m in {HEAVY!r} if m in sys.modules])")
    start = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                         check=True).stdout.split()
    return float(out[0]), time.perf_counter() - start, out[1:]


def imports(runs: int) -> None:
    for name, code in IMPORTS.items():
        found = [in_fresh_interpreter(code) for _ in range(runs)]
        told(name, [alone for alone, _, _ in found], "s")
        told("  whole process", [whole for _, whole, _ in found], "s")
        heavy = sorted({m for _, _, loaded in found for m in loaded})
        print(f"  {', '.join(HEAVY)}: "
              + (f"LOADED {', '.join(heavy)}" if heavy else "stay out of sys.modules"))


def traced(runs: int) -> None:
    from computetrades.facts import facts
    from computetrades.inference import kv
    llama, bf16 = facts("llama-31-70b"), facts("bf16")
    a, b = llama.n_layers, facts("h100-sxm").hbm_capacity
    told("one traced multiplication", [1e6 * seconds(lambda: a * b, 1000) for _ in range(runs)], "µs")
    told("one traced kv.bytes_per_token",
         [1e6 * seconds(lambda: kv.bytes_per_token(llama, bf16), 100) for _ in range(runs)], "µs")


def plain(runs: int) -> None:
    from computetrades.facts import facts
    from computetrades.functions import maximum
    from computetrades.inference import kv
    rng, bf16 = np.random.default_rng(0), facts("bf16").plain
    context = rng.uniform(1, 131_072, POINTS)
    for name in ("llama-31-70b", "gpt-oss-120b"):
        told(f"plain kv.cache_bytes, {name}",
             rate(partial(kv.cache_bytes, facts(name).plain, bf16, context), runs), "points/s")
    every = SimpleNamespace(**{k: rng.integers(1, 128, POINTS).astype(float)
                               for k in ("n_layers", "n_kv_heads", "head_dim")})
    told("plain kv.cache_bytes, every input an array",
         rate(partial(kv.cache_bytes, every, bf16, context), runs), "points/s")
    # FLOP and bytes; H100's peaks below
    work, moved = rng.uniform(1e12, 1e15, POINTS), rng.uniform(1e9, 1e12, POINTS)
    told("plain roofline, maximum(work/peak, bytes/bandwidth)",
         rate(lambda: maximum(work / 9.89e14, moved / 3.35e12), runs), "points/s")


def draws(runs: int) -> None:
    from computetrades.facts import facts
    from computetrades.functions import maximum
    from computetrades.inference import kv, params
    from computetrades.uncertainty import monte_carlo
    llama, bf16, h100 = facts("llama-31-70b"), facts("bf16"), facts("h100-sxm")
    session, layers = facts("session"), facts("euv-layers")
    read = maximum(params.total_bytes(llama, bf16),
                   kv.cache_bytes(llama, bf16, session.context)) / h100.hbm_bandwidth
    rng = np.random.default_rng(0)
    given = {"session.context": rng.uniform(1, 1e6, POINTS),
             "h100-sxm.hbm-bandwidth": rng.uniform(2, 4, POINTS)}
    read.value("ms", given)  # the first call compiles
    told(f"number.value over {POINTS:,} draws",
         [seconds(lambda: read.value("ms", given)) for _ in range(runs)], "s")
    passes = sum(w * e for w, e in [(55_000, layers.n3), (6_000, layers.n5), (170_000, layers.dram)])
    told(f"monte_carlo of three ranged facts, {POINTS:,} draws",
         [seconds(lambda: monte_carlo(passes, POINTS, 1)) for _ in range(runs)], "s")


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {os.cpu_count()} cores, "
          f"{platform.machine()}; median of {runs} runs (fastest to slowest)\n")
    for part in (imports, traced, plain, draws):
        part(runs)
