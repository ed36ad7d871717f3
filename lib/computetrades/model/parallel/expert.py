"""Expert parallelism: experts are spread over ranks,
and tokens travel to them and back (Lepikhin et al. 2020, GShard).

Everything else is whole on every rank, which attends for its own requests with its own cache: data-parallel
attention, as DeepSeek-V3 is served (its section 3.4, there between groups of four ranks). A latent cache
would not shrink by splitting heads.
"""
import copy

import torch
from torch import nn

from ..moe import MixtureOfExperts
from ..transformer import Transformer
from .communicator import Communicator
from .tensor import keep, own_share


class ExpertParallel(nn.Module):
    """A mixture of which this rank has some experts.
    All ranks must call it together, each with tokens of its own or none."""

    def __init__(self, mixture: MixtureOfExperts, communicator: Communicator):
        super().__init__()
        self.mixture = mixture
        self.communicator = communicator
        here = own_share(mixture.config.experts.n_experts, communicator, "experts")
        self.n_here = here.stop - here.start
        for name in ("gate_up", "down", "gate_up_bias", "down_bias"):
            keep(mixture, name, here)

    def forward(self, x):
        """x [batch, tokens, hidden] -> the same shape.
        Two all-to-alls carry rows, a small one before them their numbers."""
        flat, c = x.flatten(0, 1), self.communicator
        weights, chosen = self.mixture.router(flat)
        # By expert is by rank, for ranks have runs of experts
        expert, place = chosen.flatten().sort(stable=True)
        token = place // chosen.shape[1]
        load = torch.bincount(expert, minlength=c.size * self.n_here)
        each = [self.n_here] * c.size
        arriving = c.all_to_all(load, each, each, "counts").view(c.size, self.n_here)
        n_out, n_in = load.view(c.size, -1).sum(1).tolist(), arriving.sum(1).tolist()
        rows = c.all_to_all(flat[token], n_out, n_in, "dispatch")
        rows = c.all_to_all(self._through_experts(rows, arriving), n_in, n_out, "combine")
        out = torch.zeros_like(flat).index_add_(0, token, rows * weights.flatten()[place, None]).view_as(x)
        return out if self.mixture.shared is None else out + self.mixture.shared(x)

    def _through_experts(self, rows, arriving):
        """rows [n, hidden] as they came: by sender, then by expert, arriving [size, experts here] of each."""
        expert = torch.arange(self.n_here, device=rows.device).repeat(len(arriving))
        expert = expert.repeat_interleave(arriving.flatten())
        out = torch.empty_like(rows)
        for index in expert.unique().tolist():
            out[expert == index] = self.mixture.expert(index, rows[expert == index])
        return out


def expert_parallel(model: Transformer, communicator: Communicator) -> Transformer:
    """The model with this rank's experts only, for this rank's requests.
    ValueError when the experts do not divide evenly."""
    local = copy.deepcopy(model).requires_grad_(False)
    for block in local.blocks:
        if isinstance(block.feed_forward, MixtureOfExperts):
            block.feed_forward = ExpertParallel(block.feed_forward, communicator)
    return local.to(communicator.device)


def own_requests(batch: torch.Tensor, communicator: Communicator) -> torch.Tensor:
    """The rank's rows of a batch [requests, tokens]; a rank may have none."""
    return batch.tensor_split(communicator.size)[communicator.rank]
