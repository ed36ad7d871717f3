"""A stored model on several ranks against the same model on one, and what the ranks said to each other."""
from __future__ import annotations

from dataclasses import dataclass

import torch

from ..experiment import once
from ..model.parallel.communicator import tallies
from ..model.parallel.decoding import generate
from ..model.parallel.launch import run
from ..model.parallel.tensor import tensor_parallel
from .checkpoints import load


@dataclass(frozen=True)
class Comparison:
    """difference: of the logits, largest element. all_reduces: purpose -> calls in a step of one token, as
    each rank counted them. prompt_bytes, step_bytes: messages of all of them, for the prompt and for one
    token. prompt_tokens: its length."""
    difference: float
    same_tokens: bool
    all_reduces: dict[str, int]
    prompt_bytes: int
    step_bytes: int
    prompt_tokens: int

    @property
    def step_all_reduces(self) -> int:
        """All-reduces in a step of one token, for all purposes together."""
        return sum(self.all_reduces.values())


@once
@torch.no_grad()
def compare(name: str, text: str, n_tokens: int, n_ranks: int) -> Comparison:
    """The stored model `name` continues `text` by n_tokens, on n_ranks processes and on one,
    with the likeliest token each time.

    ValueError when there is no step after the prompt's to count, or when the model does not divide.
    """
    if n_tokens < 2:
        raise ValueError(f"n_tokens {n_tokens} leaves no step after the prompt's: give 2 or more")
    torch.set_num_threads(1)
    model, tokenizer = load(name)
    prompt = torch.tensor([tokenizer.encode(text)])
    ranks = run(n_ranks, generate, tensor_parallel, model, prompt, n_tokens)
    ids, logits = prompt, []
    for _ in range(n_tokens):
        logits.append(model(ids)[:, -1:])
        ids = torch.cat([ids, logits[-1].argmax(-1)], dim=1)
    of_prompt, of_step = (_all_reduces(ranks[0].traffic[step]) for step in (0, 1))
    return Comparison(float((ranks[0].logits[:, prompt.shape[1] - 1:] - torch.cat(logits, 1)).abs().max()),
                      all(torch.equal(rank.tokens, ids[:, prompt.shape[1]:]) for rank in ranks),
                      {purpose: said.times for purpose, said in of_step.items()},
                      sum(said.n_bytes for said in of_prompt.values()),
                      sum(said.n_bytes for said in of_step.values()), prompt.shape[1])


def _all_reduces(log):
    return {purpose: said for purpose, said in tallies(log).items() if said.kind == "all-reduce"}
