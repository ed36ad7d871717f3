"""A mixture of experts: a router sends each token to a few of many feed-forward layers
and adds up what they say."""
import torch
from torch import nn
from torch.nn import functional as F

from .config import Experts, ModelConfig
from .mlp import MLP, gated


class Router(nn.Module):
    """Chooses experts and their weights.

    softmax: the k largest logits, softmax over those (Mixtral, GPT-OSS). sigmoid: scores are independent; a
    bias per expert enters the choice and not the weight,
    so that balancing it leaves the output alone (DeepSeek-V3, 2.1.2).
    """

    def __init__(self, hidden_size: int, experts: Experts):
        super().__init__()
        self.experts = experts
        self.proj = nn.Linear(hidden_size, experts.n_experts, bias=experts.bias)
        if experts.router == "sigmoid":
            self.register_buffer("balance", torch.zeros(experts.n_experts))

    def forward(self, x):
        """x [tokens, hidden] -> (weights, indices), both [tokens, n_experts_per_token]."""
        e, logits = self.experts, self.proj(x).float()
        if e.router == "softmax":
            best, chosen = logits.topk(e.n_experts_per_token, dim=-1)
            return best.softmax(-1).to(x.dtype), chosen
        scores = logits.sigmoid()
        chosen = self._within_groups(scores + self.balance).topk(e.n_experts_per_token, dim=-1).indices
        weights = scores.gather(1, chosen)
        return (weights / weights.sum(-1, keepdim=True) * e.scaling).to(x.dtype), chosen

    def _within_groups(self, scores):
        """The scores with all but the best groups at minus infinity;
        a group counts by the sum of its two best."""
        e = self.experts
        if e.n_groups == 1:
            return scores
        grouped = scores.unflatten(-1, (e.n_groups, -1))
        best = grouped.topk(2, dim=-1).values.sum(-1).topk(e.n_limited_groups, dim=-1).indices
        kept = torch.zeros(grouped.shape[:2], dtype=torch.bool, device=scores.device).scatter_(1, best, True)
        return grouped.masked_fill(~kept[..., None], float("-inf")).flatten(1)

    @torch.no_grad()
    def rebalance(self, load, step: float):
        """Nudge the bias of each expert by `step`:
        up where load [n_experts] is below the mean, down where it is above."""
        self.balance += step * torch.sign(load.float().mean() - load.float())


class MixtureOfExperts(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        e, d = config.experts, config.hidden_size
        self.config = config
        self.router = Router(d, e)
        self.gate_up = nn.Parameter(torch.empty(e.n_experts, 2 * e.intermediate_size, d))
        self.down = nn.Parameter(torch.empty(e.n_experts, d, e.intermediate_size))
        self.gate_up_bias = (nn.Parameter(torch.zeros(e.n_experts, 2 * e.intermediate_size))
                             if e.bias else None)
        self.down_bias = nn.Parameter(torch.zeros(e.n_experts, d)) if e.bias else None
        self.shared = (MLP(d, e.n_shared_experts * e.intermediate_size, config.activation)
                       if e.n_shared_experts else None)

    def forward(self, x):
        """x [batch, tokens, hidden] -> the same shape."""
        flat = x.flatten(0, 1)
        weights, chosen = self.router(flat)
        out = torch.zeros_like(flat)
        for expert in chosen.unique().tolist():
            token, place = (chosen == expert).nonzero(as_tuple=True)
            out.index_add_(0, token, self.expert(expert, flat[token]) * weights[token, place, None])
        out = out.view_as(x)
        return out if self.shared is None else out + self.shared(x)

    def expert(self, index: int, x):
        """x [tokens, hidden] through one expert."""
        gate, up = F.linear(x, self.gate_up[index],
                            None if self.gate_up_bias is None else self.gate_up_bias[index]).chunk(2, dim=-1)
        return F.linear(gated(gate, up, self.config.activation), self.down[index],
                        None if self.down_bias is None else self.down_bias[index])
