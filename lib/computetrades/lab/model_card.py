"""The model card: what was trained, on what, how well it reads,
as facts that a chapter loads (data/facts/lab/lab-models.yaml)."""
from __future__ import annotations

import math
import platform
from datetime import date
from pathlib import Path

import torch
import yaml

from ..data import data_dir
from ..model.transformer import n_parameters
from . import corpus
from .perplexity import bits_per_byte

COMMAND = "python -m computetrades.lab.train"
HEAD = f"# The lab's own models. Written by `{COMMAND}`; the weights are in data/models/.\n\n"
SOURCE = "lab-training-2026"
LATE = 100                            # steps over which the training loss is averaged


def of_corpus(n_training_tokens: int, n_held_out_tokens: int, bytes_per_token: float, vocab_size: int,
              context: int) -> dict:
    return _record(
        "Lab corpus",
        text={"text": f"the source of {corpus.PACKAGE} {corpus.VERSION} without its tests"},
        licence={"text": "3-clause BSD; data/models/LICENSE-networkx.txt"},
        sha256={"text": corpus.SHA256},
        split={"text": "by file; a file is held out when the SHA-256 of its name divides by 16"},
        training_tokens=f"{n_training_tokens} token",
        held_out_tokens=f"{n_held_out_tokens} token",
        bytes_per_token={"value": f"{bytes_per_token:.4f} byte/token", "note": "On the held-out files."},
        vocab_size=vocab_size,
        context={"value": f"{context} token", "note": "Length of every training sequence."})


def of_model(name: str, recipe, run, *, nats: float, sample: float, bytes_per_token: float,
             seed: int) -> dict:
    c = recipe.config
    return _record(
        f"Lab model, {name}",
        attention={"text": "gqa"},
        n_layers=c.n_layers, hidden_size=c.hidden_size, n_heads=c.n_heads, n_kv_heads=c.n_kv_heads,
        head_dim=c.head_dim, intermediate_size=c.intermediate_size, vocab_size=c.vocab_size,
        rope_theta=int(c.rope.theta), tied_embeddings=int(c.tied_embeddings),
        n_params={"value": n_parameters(c), "note": "Counted on the module."},
        steps=recipe.steps,
        trained_tokens={"value": f"{recipe.tokens} token", "note": "Drawn with repetition from lab-corpus."},
        peak_learning_rate=recipe.peak,
        seed=seed,
        loss_training={"value": round(sum(run.curve[-LATE:]) / LATE, 4),
                       "note": f"Nats per token, mean of {LATE} last steps."},
        loss_held_out={"value": _repeatable(nats),
                       "note": "Nats per token, stored weights, windows of the trained length."},
        loss_sample={"value": _repeatable(sample),
                     "note": "The same on train.SAMPLE windows spread evenly over the text."},
        perplexity_held_out={"value": _repeatable(math.exp(nats)),
                             "note": "Exponential of the held-out loss."},
        bits_per_byte=f"{_repeatable(bits_per_byte(nats, bytes_per_token))} bit/byte",
        processor_time={"value": f"{run.worked:.0f} s",
                        "note": "Of the one thread; on a machine with nothing else to do, the wait."},
        machine={"text": f"{processor()}, torch {torch.__version__}"},
        command={"text": COMMAND})


def write_card(records: dict[str, dict]):
    path = data_dir() / "facts" / "lab" / "lab-models.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(yaml.safe_dump({key: record}, sort_keys=False, width=200)
                     for key, record in records.items())
    path.write_text(HEAD + body, encoding="utf-8")


def _record(label: str, **fields) -> dict:
    return {"label": label, "source": SOURCE, "as_of": date.today().isoformat(), "kind": "measured", **fields}


def _repeatable(x: float) -> float:
    """To four significant digits, which another processor repeats;
    the fifth moved between two settings of one machine."""
    return float(f"{x:.4g}")


def processor() -> str:
    """Linux's own name of the processor, else the platform's."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
