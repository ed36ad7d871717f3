"""The vocabulary split over ranks: each has the embedding and the head of a run of tokens
(Shoeybi et al. 2019, section 3)."""
import torch
from torch import nn
from torch.nn import functional as F

from .communicator import Communicator


def own_tokens(vocab_size: int, communicator: Communicator) -> range:
    """The rank's token ids: all ranks have equally many, the last what remains."""
    each = -(-vocab_size // communicator.size)
    if each * (communicator.size - 1) >= vocab_size:
        raise ValueError(f"a vocabulary of {vocab_size} tokens leaves one of {communicator.size} ranks "
                         "without any: take fewer ranks")
    return range(vocab_size)[each * communicator.rank:each * (communicator.rank + 1)]


class VocabularyParallelEmbedding(nn.Module):
    """A token's row stands on one rank; the others contribute zeros to the sum."""

    def __init__(self, weight: torch.Tensor, communicator: Communicator):
        """weight [vocab_size, hidden], of which the rank keeps its rows."""
        super().__init__()
        self.tokens = own_tokens(len(weight), communicator)
        self.communicator = communicator
        self.weight = nn.Parameter(weight[self.tokens.start:self.tokens.stop].clone(), requires_grad=False)

    def forward(self, ids):
        """ids [batch, tokens] -> [batch, tokens, hidden]."""
        row = ids - self.tokens.start
        here = (row >= 0) & (row < len(self.tokens))
        return self.communicator.all_reduce(F.embedding(row * here, self.weight) * here[..., None],
                                            "embedding")


class VocabularyParallelHead(nn.Module):
    """Logits of the rank's tokens, gathered from all ranks unless told to leave them where they are."""

    def __init__(self, weight: torch.Tensor, communicator: Communicator, gathers: bool):
        super().__init__()
        self.vocab_size = len(weight)
        self.tokens = own_tokens(len(weight), communicator)
        self.communicator = communicator
        self.gathers = gathers
        self.weight = nn.Parameter(weight[self.tokens.start:self.tokens.stop].clone(), requires_grad=False)

    def forward(self, x):
        """x [batch, tokens, hidden] -> [batch, tokens, vocab_size], or the rank's slice of it."""
        logits = F.linear(x, self.weight)
        if not self.gathers:
            return logits
        each = -(-self.vocab_size // self.communicator.size)
        parts = self.communicator.all_gather(F.pad(logits, (0, each - len(self.tokens))), "logits")
        return torch.cat(list(parts), dim=-1)[..., :self.vocab_size]


def sample(logits: torch.Tensor, vocab_size: int, communicator: Communicator,
           noise: torch.Tensor | None = None) -> torch.Tensor:
    """Token ids [...] from each rank's slice [..., its tokens] of the logits; every rank gets the same.

    The largest logit, or with Gumbel noise [..., vocab_size], equal on all ranks, a draw from the softmax
    (the Gumbel-max trick, Maddison et al. 2014). Each rank sends its best value and where that stands,
    in place of all its logits.
    """
    tokens = own_tokens(vocab_size, communicator)
    if noise is not None:
        logits = logits + noise[..., tokens.start:tokens.stop].to(logits.device)
    best, at = logits.max(dim=-1)
    pairs = communicator.all_gather(torch.stack([best.double(), (at + tokens.start).double()], dim=-1),
                                    "best token")
    winner = pairs[..., 0].argmax(dim=0, keepdim=True)     # the first of equals, as in one process
    return pairs[..., 1].gather(0, winner)[0].long()


def log_softmax(logits: torch.Tensor, communicator: Communicator) -> torch.Tensor:
    """Log-probabilities of the rank's slice [..., its tokens]:
    one all-reduce for the maximum, one for the sum."""
    top = communicator.all_reduce(logits.amax(dim=-1, keepdim=True), "maximum", "max")
    total = communicator.all_reduce((logits - top).exp().sum(dim=-1, keepdim=True), "sum")
    return logits - top - total.log()
