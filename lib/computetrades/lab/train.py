"""Train the lab's tokenizer and its two models, from nothing: `python -m computetrades.lab.train`.

A target and a draft that shares its tokenizer, both in Llama's shape: grouped queries, rotary positions,
gated feed-forward. Everything is drawn from the seed and computed in float32 on one thread, where sums have
one order: on one machine and one torch the losses repeat to the last bit. Other processors round differently,
and their losses part slowly from these.
"""
from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch.nn import functional as F
from tqdm import tqdm

from ..model.config import ModelConfig
from ..model.transformer import Transformer
from ..tokenizers import bpe
from . import checkpoints, corpus, model_card
from .perplexity import by_window

VOCAB_SIZE, CONTEXT, SEED = 1024, 256, 2026
SAMPLE = 16                           # held-out windows on which a quick check is repeated


@dataclass(frozen=True)
class Recipe:
    """A model and its schedule: linear warm-up,
    then a cosine down to a tenth of the peak (as in GPT-3, appendix B)."""
    config: ModelConfig
    steps: int = 6000
    batch: int = 4                    # sequences of CONTEXT tokens per step
    peak: float = 3e-3
    warm_up: int = 100

    @property
    def tokens(self) -> int:
        return self.steps * self.batch * CONTEXT

    def rate(self, step: int) -> float:
        """Learning rate of a step, the first being 0."""
        if step < self.warm_up:
            return self.peak * (step + 1) / self.warm_up
        done = (step - self.warm_up) / (self.steps - self.warm_up)
        return self.peak * (0.55 + 0.45 * math.cos(math.pi * done))


RECIPES = {
    "tiny": Recipe(ModelConfig(n_layers=4, hidden_size=128, n_heads=4, n_kv_heads=2, intermediate_size=384,
                             vocab_size=VOCAB_SIZE, tied_embeddings=True)),
    "draft": Recipe(ModelConfig(n_layers=2, hidden_size=64, n_heads=2, n_kv_heads=1, intermediate_size=176,
                              vocab_size=VOCAB_SIZE, tied_embeddings=True)),
}


@dataclass(frozen=True)
class Run:
    """What a training left behind beside its weights."""
    curve: list[float]                # nats per token of each step's batch
    worked: float                     # seconds of the processor


def training(model: Transformer, ids: torch.Tensor, recipe: Recipe):
    """Train on ids [tokens], in place;
    yields the loss of each step's batch before the step, in nats per token."""
    torch.set_num_threads(1)
    drawn = torch.Generator().manual_seed(SEED)
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    for step in range(recipe.steps):
        starts = torch.randint(len(ids) - CONTEXT, (recipe.batch, 1), generator=drawn)
        rows = ids[starts + torch.arange(CONTEXT + 1)]
        error = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        error.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate(step)
        optimiser.step()
        optimiser.zero_grad()
        yield error.item()


def _token_ids(texts, tokenizer: bpe.Tokenizer) -> torch.Tensor:
    """The texts as ids [tokens], each with the end of a text behind it."""
    return torch.tensor([token for text in texts for token in (*tokenizer.encode(text), tokenizer.end)])


def taught() -> tuple[bpe.Tokenizer, torch.Tensor]:
    """The tokenizer, learned from the training files, and those files as ids [tokens]."""
    texts = [text for name, text in corpus.source_files().items() if not corpus.is_held_out(name)]
    tokenizer = bpe.train("".join(texts), VOCAB_SIZE)
    return tokenizer, _token_ids(texts, tokenizer)


def main():
    checkpoints.folder().mkdir(parents=True, exist_ok=True)
    tokenizer, ids = taught()
    tokenizer.save(checkpoints.folder() / checkpoints.TOKENS)
    held_out = "".join(text for name, text in corpus.source_files().items() if corpus.is_held_out(name))
    (checkpoints.folder() / checkpoints.HELD_OUT).write_text(held_out, encoding="utf-8")
    runs = {}
    for name, recipe in RECIPES.items():
        model, curve = Transformer(recipe.config).initialise(SEED), []
        began = time.process_time()
        for error in (bar := tqdm(training(model, ids, recipe), total=recipe.steps, desc=name, unit="step")):
            curve.append(error)
            bar.set_postfix(loss=f"{error:.3f}")
        runs[name] = Run(curve, time.process_time() - began)
        checkpoints.save(checkpoints.folder() / f"{name}.safetensors", model)
    _write_results(runs, tokenizer, held_out, len(ids))


def _write_results(runs: dict[str, Run], tokenizer: bpe.Tokenizer, held_out: str, n_training_tokens: int):
    """Write the curves, the checksums and the card, whose held-out loss is that of the weights as stored."""
    write_curves(checkpoints.folder() / checkpoints.CURVES, {name: run.curve for name, run in runs.items()})
    checkpoints.seal()
    unseen = torch.tensor(tokenizer.encode(held_out))
    per_token = len(held_out.encode()) / len(unseen)
    records = {"lab-corpus": model_card.of_corpus(
        n_training_tokens, len(unseen), per_token, tokenizer.vocab_size, CONTEXT)}
    for name, run in runs.items():
        model = checkpoints.load(name)[0]
        nats, sample = (by_window(model, unseen, CONTEXT, n).mean().item() for n in (None, SAMPLE))
        records[f"lab-{name}"] = model_card.of_model(name, RECIPES[name], run, nats=nats, sample=sample,
                                                     bytes_per_token=per_token, seed=SEED)
    model_card.write_card(records)


def write_curves(path, curves: dict[str, list[float]]):
    """Loss by step, a column per model; repr of a float, so that every bit comes back."""
    rows = [["step", *curves],
            *([str(step), *map(repr, row)] for step, row in enumerate(zip(*curves.values(), strict=True)))]
    path.write_text("".join(",".join(row) + "\n" for row in rows))


def read_curves() -> dict[str, list[float]]:
    """The stored losses: model -> nats per token of each step's batch."""
    curves = checkpoints.stored(checkpoints.CURVES).read_text()
    header, *rows = [line.split(",") for line in curves.splitlines()]
    return {name: [float(row[column]) for row in rows]
            for column, name in enumerate(header) if name != "step"}


if __name__ == "__main__":
    main()
