"""Do experts share the work? Two small mixtures trained on the same text,
one with DeepSeek-V3's balancing bias (2.1.2).

After every step the bias of an expert that saw more than its share of tokens falls a little and that of the
others rises (Router.rebalance); no term is added to the loss. Without it a router that prefers an expert
trains it more and prefers it more.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ..model.config import Experts, ModelConfig
from ..model.moe import Router
from ..model.transformer import Transformer

STEPS, BATCH, CONTEXT, SEED = 200, 8, 64, 2026
MEASURED = 50                         # the last steps, over which load and loss are taken
BIAS_STEP = 0.01                      # ten times the paper's, since the run is so short


@dataclass(frozen=True)
class Balance:
    """load [layers, experts]: how much of its even share each expert got over the last steps; 1 is even."""
    load: torch.Tensor
    loss: float                       # nats per token over the same steps

    @property
    def variation(self) -> float:
        """Coefficient of variation of the load: 0 when all experts get the same."""
        return (self.load.std(dim=1, correction=0) / self.load.mean(dim=1)).mean().item()

    @property
    def worst(self) -> float:
        """The busiest expert's load over the mean, the worse layer:
        what a step waits for when each expert has its own chip."""
        return (self.load.max(dim=1).values / self.load.mean(dim=1)).max().item()


def config(vocab_size: int) -> ModelConfig:
    return ModelConfig(n_layers=2, hidden_size=64, n_heads=2, intermediate_size=128, vocab_size=vocab_size,
                       tied_embeddings=True,
                       experts=Experts(n_experts=8, n_experts_per_token=2, intermediate_size=64,
                                       router="sigmoid"))


def train_mixture(ids: torch.Tensor, vocab_size: int, with_bias: bool) -> Balance:
    """From the same start on the same batches of ids [tokens];
    with_bias decides whether the bias is ever moved."""
    model = Transformer(config(vocab_size)).initialise(SEED)
    routers = [module for module in model.modules() if isinstance(module, Router)]
    loads = [[] for _ in routers]
    for router, load in zip(routers, loads, strict=True):
        router.register_forward_hook(lambda router, _, out,
                                     load=load: load.append(counted(out[1], router.experts.n_experts)))
    drawn, errors = torch.Generator().manual_seed(SEED), []
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95))
    for _ in range(STEPS):
        rows = ids[torch.randint(len(ids) - CONTEXT, (BATCH, 1), generator=drawn) + torch.arange(CONTEXT + 1)]
        error = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        error.backward()
        optimiser.step()
        optimiser.zero_grad()
        errors.append(error.item())
        if with_bias:
            for router, load in zip(routers, loads, strict=True):
                router.rebalance(load[-1], BIAS_STEP)
    late = torch.stack([torch.stack(load[-MEASURED:]).sum(0) for load in loads]).float()
    return Balance(late / late.mean(dim=1, keepdim=True), sum(errors[-MEASURED:]) / MEASURED)


def counted(chosen: torch.Tensor, n_experts: int) -> torch.Tensor:
    """[n_experts]: how many tokens chose each, from indices [tokens, n_experts_per_token]."""
    return chosen.flatten().bincount(minlength=n_experts)
