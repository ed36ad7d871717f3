"""The lab's "tiny" beyond its trained length, by rotary scheme, before and after a little more training.

`python benchmarks/extension.py > data/facts/lab/lab-extension.yaml`; about fifteen minutes on one core.
Text: the held-out part of the corpus. Everything but the seconds follows from the weights and the seed.
"""
from __future__ import annotations

import datetime
import platform
import time

import torch

from computetrades.lab import checkpoints, context_extension, train
from computetrades.lab.perplexity import by_window, perplexity

TRAINED, CONTEXTS, SHOWN, BUCKET = train.CONTEXT, (512, 1024, 2048, 4096), 1024, 128
READ, LIVE = 65_536, 2                # held-out tokens per measurement; windows of the live check
SHARE, RATE = 0.01, 3e-4              # of the tokens it was trained on; the rate at which that training ended


def main() -> None:
    torch.set_num_threads(1)
    began = time.process_time()
    model, tokenizer = checkpoints.load("tiny")
    unseen = torch.tensor(tokenizer.encode(checkpoints.held_out()))
    taught = train.taught()[1]
    n_tuning = int(SHARE * train.RECIPES["tiny"].tokens) // SHOWN * SHOWN
    # The same tokens, none read from further than trained
    short = by_window(model, unseen, SHOWN, READ // SHOWN, reach=TRAINED)
    fields = {}
    for scheme in context_extension.SCHEMES:
        fields[scheme] = {}
        for context in CONTEXTS:
            nats = by_window(context_extension.stretched(model, scheme, TRAINED, context), unseen, context,
                             READ // context)
            fields[scheme][f"beyond_{context}"] = figure(perplexity(nats[:, TRAINED:]))
            if context == SHOWN:
                fields[scheme]["by_position"] = f"{{text: '{places(nats)}'}}"
        fields[scheme]["live"] = figure(context_extension.held_out_beyond(scheme, TRAINED, SHOWN, LIVE))
        other = context_extension.tuned(model, taught, scheme, TRAINED, SHOWN,
                                        n_tokens=n_tuning, rate=RATE, seed=train.SEED)
        nats = by_window(other, unseen, SHOWN, READ // SHOWN)
        fields[scheme]["tuned"] = figure(perplexity(nats[:, TRAINED:]))
    print(yaml(fields, short, n_tuning, time.process_time() - began))


def figure(x: float) -> str:
    return f"{x:.4g}"


def places(nats: torch.Tensor) -> str:
    return " ".join(figure(p) for p in context_extension.by_position(nats, BUCKET))


def yaml(fields, short: torch.Tensor, n_tuning: int, worked: float) -> str:
    cpu = next((line.split(":")[1].strip()
                for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    note = (f"Held-out text; the tokens behind position {TRAINED} of windows of {SHOWN}, "
            f"each read from {TRAINED} at most.")
    head = f"""# The lab's "tiny" beyond its trained length. Written by `python benchmarks/extension.py`.

lab-extension:
  label: Lab model, read beyond its trained length
  source: lab-training-2026
  as_of: '{datetime.date.today()}'
  kind: measured
  within:
    value: {figure(perplexity(short[:, TRAINED:]))}
    label: Perplexity of the same tokens, read in windows of the trained length
    note: {note}
  within_by_position:
    text: '{places(short)}'
    label: The same by position in windows of {SHOWN}
  shown_context:
    value: {SHOWN} token
    label: Length of the windows that the model is read and trained on
  far_context:
    value: {CONTEXTS[-1]} token
    label: Length of the longest windows that the model is read on
  read_tokens:
    value: {READ // SHOWN * SHOWN} token
    label: Held-out tokens read per measurement
  live_windows: {LIVE}
  bucket:
    value: {BUCKET} token
    label: Positions per point of by_position
  tuning_tokens:
    value: {n_tuning} token
    label: Tokens of the further training
    note: Windows of {SHOWN} tokens of the training text, one a step, rate {RATE:g}, seed {train.SEED}.
  processor_time: {worked:.0f} s
  machine: {{text: '{cpu}, torch {torch.__version__}'}}
  command: {{text: python benchmarks/extension.py}}
"""
    names = {"default": "unchanged", "linear": "position interpolation", "ntk": "NTK-aware", "yarn": "YaRN",
             "llama3": "Llama 3.1's scheme"}
    labels = {"tuned": f"Perplexity beyond the trained length at {SHOWN} tokens after further training",
              "by_position": f"Perplexity by position in windows of {SHOWN}",
              "live": "Perplexity beyond the trained length, live check"}
    for scheme, values in fields.items():
        head += (f"\nlab-rope-{scheme}:\n  label: Lab model, {names[scheme]}\n  source: lab-training-2026\n"
                 f"  as_of: '{datetime.date.today()}'\n  kind: measured\n")
        for name, value in values.items():
            label = labels.get(name) or f"Perplexity beyond the trained length at {name.split('_')[1]} tokens"
            body = value[1:-1] if value.startswith("{") else f"value: {value}"
            head += f"  {name}:\n    {body}\n    label: {label}, {names[scheme]}\n"
    return head.rstrip("\n")


if __name__ == "__main__":
    main()
