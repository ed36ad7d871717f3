"""The whole model: token ids in, logits out."""
from __future__ import annotations

import torch
from torch import nn

from .attention import Attention
from .cache import NoCache
from .config import ModelConfig
from .mla import LatentAttention
from .mlp import MLP
from .moe import MixtureOfExperts
from .norm import RMSNorm


class Block(nn.Module):
    """Attention, then feed-forward, each added to the stream that it read from."""

    def __init__(self, config: ModelConfig, layer: int):
        super().__init__()
        self.attention = (LatentAttention if config.latent else Attention)(config, layer)
        self.feed_forward = MixtureOfExperts(config) if config.has_experts(layer) else \
            MLP(config.hidden_size, config.intermediate_size, config.activation)
        names = ("before_attention", "before_feed_forward",
                 *(("after_attention", "after_feed_forward") if config.sandwich_norm else ()))
        self.norms = nn.ModuleDict({name: RMSNorm(config.hidden_size, config.norm_eps) for name in names})

    def forward(self, x, positions, cache):
        x = x + self._after("after_attention",
                            self.attention(self.norms["before_attention"](x), positions, cache))
        return x + self._after("after_feed_forward", self.feed_forward(self.norms["before_feed_forward"](x)))

    def _after(self, name, x):
        return self.norms[name](x) if name in self.norms else x


class Embedding(nn.Embedding):
    def reset_parameters(self):
        """On the meta device there is nothing to fill, and torch would import its compiler to do it."""
        if not self.weight.is_meta:
            super().reset_parameters()


class Transformer(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.embed = Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layers))
        self.norm = RMSNorm(config.hidden_size, config.norm_eps)
        self.head = (None if config.tied_embeddings
                     else nn.Linear(config.hidden_size, config.vocab_size, bias=False))

    def forward(self, ids, cache=None, positions=None):
        """ids [batch, tokens] -> logits [batch, tokens, vocab_size], float32.

        cache: keys and values of what came before, extended in place; None attends within ids alone.
        positions [batch, tokens]: by default they follow what the cache holds.
        """
        cache = NoCache() if cache is None else cache
        if positions is None:
            positions = torch.arange(cache.length, cache.length + ids.shape[1],
                                     device=ids.device).expand_as(ids)
        x = self.embed(ids) * self.config.embedding_scale
        for block in self.blocks:
            x = block(x, positions, cache)
        return self.logits(self.norm(x))

    def logits(self, x):
        out = (x @ self.embed.weight.T if self.head is None else self.head(x)).float()
        cap = self.config.logit_softcap
        return torch.tanh(out / cap) * cap if cap else out

    def initialise(self, seed: int, spread: float = 0.02) -> Transformer:
        """Fill the weights from a seed: normal with `spread`,
        the projections back into the stream smaller by sqrt(2 n_layers)."""
        generator = torch.Generator().manual_seed(seed)
        small = spread / (2 * self.config.n_layers) ** 0.5
        with torch.no_grad():
            for name, p in self.named_parameters():
                if p.dim() > 1:
                    back = name.endswith(("o_proj.weight", "down_proj.weight", "down"))
                    p.copy_(torch.empty(p.shape).normal_(0, small if back else spread, generator=generator))
        return self


def n_parameters(config: ModelConfig) -> int:
    """Counted on the module itself, built without memory: all that a checkpoint holds,
    so a router's balancing bias too."""
    with torch.device("meta"):
        return sum(t.numel() for t in Transformer(config).state_dict().values())
