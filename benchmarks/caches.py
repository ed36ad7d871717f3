"""Perplexity of the lab's trained model through each kind of cache, for chapter 07.
`python benchmarks/caches.py`; about a minute.

Writes data/facts/lab/lab-caches.yaml: the whole held-out text in windows of the trained length through each
number format, and 24 windows of four times that length through caches that forget. Everything follows from
the stored weights.

Kept are the digits that repeat on another processor: four of a perplexity, and what a format adds to the
exact cache's to a hundredth of a percent. (Without vector instructions the exact one was 16.1288 for 16.1293,
and the two moved together.)
"""
from __future__ import annotations

from datetime import date

import torch
import yaml

from computetrades.data import data_dir
from computetrades.lab import cache_quality
from computetrades.lab.model_card import processor
from computetrades.lab.train import CONTEXT

COMMAND = "python benchmarks/caches.py"
HEAD = f"# Perplexity of the lab's trained model by cache. Written by `{COMMAND}`.\n\n"
LONG, N_LONG = 4 * CONTEXT, 24
EVICTIONS = [(0, 0), *((sinks, places) for places in (64, 128, 256) for sinks in (0, 4))]


def record(label: str, **fields) -> dict:
    return {"label": label, "source": "lab-caches-2026", "as_of": date.today().isoformat(),
            "kind": "measured", **fields}


def main() -> None:
    n_windows = (len(cache_quality.tiny()[1]) - 1) // CONTEXT
    out = {"lab-caches": record(
        "Reading through caches", command={"text": COMMAND},
        machine={"text": f"{processor()}, torch {torch.__version__}"},
        n_windows={"value": n_windows, "note": "Windows of the trained length, for the number formats."},
        long_context={"value": f"{LONG} token", "note": "Length of the windows for the caches that forget."},
        n_long_windows=N_LONG,
        tolerance={"value": "1 percent", "kind": "assumption",
                   "note": "By how much a shorter reading's perplexity, over the exact cache's, "
                           "may differ from the full one's."})}
    exact = cache_quality.through_format("float32", n_windows).perplexity
    for name in cache_quality.FORMATS:
        read = cache_quality.through_format(name, n_windows)
        out[f"lab-cache-{name}"] = record(
            f"Lab cache, {name}", perplexity=float(f"{read.perplexity:.4g}"),
            bytes_per_token=f"{read.bytes_per_token:g} B/token",
            added={"value": f"{round(100 * (read.perplexity / exact - 1), 2) + 0.0:.2f} percent",
                   "label": f"Perplexity added by the {name} cache"})
        print(read)
    for sinks, places in EVICTIONS:
        read = cache_quality.through_eviction(sinks, places, N_LONG, LONG)
        out[f"lab-evict-{sinks}-{places}" if places else "lab-evict-nothing"] = record(
            f"Lab cache, {read.name}",
            perplexity={"value": float(f"{read.beyond:.4g}"),
                        "note": f"Of the tokens beyond token {CONTEXT}."})
        print(read)
    body = "\n".join(yaml.safe_dump({key: entry}, sort_keys=False, width=200) for key, entry in out.items())
    (data_dir() / "facts" / "lab" / "lab-caches.yaml").write_text(HEAD + body, encoding="utf-8")


if __name__ == "__main__":
    main()
