"""Reading further than trained: one model under each rotary scheme of rope.py,
as it is or after a little more training."""
from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from ..experiment import once
from ..model.transformer import Transformer
from . import checkpoints
from .perplexity import by_window, perplexity

SCHEMES = ("default", "linear", "ntk", "yarn", "llama3")


@dataclass(frozen=True)
class Reading:
    """Perplexity of a text read in windows of `context` tokens:
    of all of it, and of the tokens beyond the trained length."""
    scheme: str
    context: int
    whole: float
    beyond: float                     # nan where the window is no longer than trained


def stretched(model: Transformer, scheme: str, trained: int, context: int) -> Transformer:
    """The same weights, not copied, with rotary positions stretched from `trained` to `context` tokens."""
    rope = replace(model.config.rope, scheme=scheme, factor=max(1.0, context / trained),
                   trained_context=trained)
    with torch.device("meta"):
        other = Transformer(model.config.with_(rope=rope))
    other.load_state_dict(model.state_dict(), assign=True)
    return other.eval()


def readings(model: Transformer, ids: torch.Tensor, trained: int, contexts, n_tokens: int) -> list[Reading]:
    """Every scheme at every context, on n_tokens of ids [tokens] spread evenly over it."""
    out = []
    for context in contexts:
        for scheme in SCHEMES:
            nats = by_window(stretched(model, scheme, trained, context), ids, context, n_tokens // context)
            out.append(Reading(scheme, context, perplexity(nats), perplexity(nats[:, trained:])))
    return out


def by_position(nats: torch.Tensor, bucket: int) -> list[float]:
    """Perplexity of each stretch of `bucket` positions: nats [windows, context], context a multiple of it."""
    return [perplexity(part) for part in nats.split(bucket, dim=1)]


def tuned(model: Transformer, ids: torch.Tensor, scheme: str, trained: int, context: int, *,
          n_tokens: int, rate: float, seed: int) -> Transformer:
    """The stretched model after n_tokens more of training on windows of `context` tokens, one a step;
    `model` stays as it was.

    ids [tokens]: training text. The optimiser is train.py's, begun anew;
    the rate rises over the first tenth and then stays.
    """
    torch.set_num_threads(1)
    other = stretched(model, scheme, trained, context)
    other.load_state_dict({name: tensor.clone() for name, tensor in model.state_dict().items()}, assign=True)
    drawn, n_steps = torch.Generator().manual_seed(seed), n_tokens // context
    parameters = [p.requires_grad_() for p in other.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(n_steps):
        start = int(torch.randint(len(ids) - context, (), generator=drawn))
        row = ids[None, start:start + context + 1]
        F.cross_entropy(other(row[:, :-1]).flatten(0, 1), row[:, 1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / max(1, n_steps // 10))
        optimiser.step()
        optimiser.zero_grad()
    return other.requires_grad_(False)


@once
def held_out_beyond(scheme: str, trained: int, context: int, n_windows: int) -> float:
    """Perplexity of the lab's "tiny" behind its trained length, on n_windows of held-out text:
    the short, live measurement."""
    torch.set_num_threads(1)
    model, tokenizer = checkpoints.load("tiny")
    ids = torch.tensor(tokenizer.encode(checkpoints.held_out()))
    nats = by_window(stretched(model, scheme, trained, context), ids, context, n_windows)
    return perplexity(nats[:, trained:])
