"""Attention: multi-head, multi-query and grouped-query are one mechanism with more or fewer key-value heads.

Keys are cached before they are rotated. So a cache may drop tokens and number the rest anew, and a quantiser
sees channels that have not been mixed; the price is that every key is rotated again at each step.
"""
import torch
from torch import nn

from . import rope
from .config import ModelConfig
from .mask import visible


class Attention(nn.Module):
    """Queries of n_heads heads;
    each group of n_heads / n_kv_heads of them shares one head of keys and values."""

    def __init__(self, config: ModelConfig, layer: int):
        super().__init__()
        self.config = config
        self.layer = layer
        d, bias = config.head_dim, bool(config.attention_bias)
        self.q_proj = nn.Linear(config.hidden_size, config.n_heads * d, bias=bias)
        self.k_proj = nn.Linear(config.hidden_size, config.n_kv_heads * d, bias=bias)
        self.v_proj = nn.Linear(config.hidden_size, config.n_kv_heads * d, bias=bias)
        self.o_proj = nn.Linear(config.n_heads * d, config.hidden_size, bias=config.attention_bias == "qkvo")
        if config.qk_norm:
            from .norm import RMSNorm
            self.q_norm = RMSNorm(d, config.norm_eps)
            self.k_norm = RMSNorm(d, config.norm_eps)
        self.sinks = nn.Parameter(torch.zeros(config.n_heads)) if config.attention_sinks else None

    def forward(self, x, positions, cache):
        """x [batch, tokens, hidden], positions [batch, tokens] -> [batch, tokens, hidden]."""
        q, k, v = (_split(proj(x), self.config.head_dim) for proj in (self.q_proj, self.k_proj, self.v_proj))
        if self.config.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        out = [self._attend(q[:, :, part.queries], part)
               for part in cache.extend(self.layer, k, v, positions)]
        return self.o_proj(_merge(torch.cat(out, dim=2)))

    def _attend(self, q, part):
        c = self.config
        turned = rope.frequencies(c.rope, c.head_dim).to(q.device), rope.attention_factor(c.rope)
        q = rope.rotate(q, part.query_positions, *turned)
        k = rope.rotate(part.first, part.key_positions, *turned)
        seen = visible(part.query_positions, part.key_positions, c.layer_kind(self.layer), c.window)
        return attend(q, k, part.second, seen, c.query_scale or c.head_dim ** -0.5,
                      softcap=c.attention_softcap, sinks=self.sinks)


def attend(q, k, v, seen, scale: float, *, softcap: float = 0.0, sinks=None):
    """Softmax-weighted values: q [batch, heads, queries, d],
    k and v [batch, kv_heads, keys, d] -> [batch, heads, queries, d].

    seen: see mask.visible. sinks [heads]: a logit beside the keys' that takes weight and gives none.
    """
    k, v = (rows.repeat_interleave(q.shape[1] // rows.shape[1], dim=1) for rows in (k, v))
    scores = q @ k.transpose(-1, -2) * scale
    if softcap:
        scores = torch.tanh(scores / softcap) * softcap
    scores = scores.masked_fill(~seen, float("-inf")).float()
    if sinks is not None:
        beside = sinks.float().view(1, -1, 1, 1).expand(*scores.shape[:-1], 1)
        weights = torch.softmax(torch.cat([scores, beside], dim=-1), dim=-1)[..., :-1]
    else:
        weights = torch.softmax(scores, dim=-1)
    return weights.to(v.dtype) @ v


def _split(x, width: int):
    """[batch, tokens, heads * width] -> [batch, heads, tokens, width]."""
    return x.unflatten(-1, (-1, width)).transpose(1, 2)


def _merge(x):
    """[batch, heads, tokens, width] -> [batch, tokens, heads * width]."""
    return x.transpose(1, 2).flatten(-2)
