"""What ranks say to each other, and how much of it."""
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Collective:
    """One call, as one rank saw it.

    n_bytes: the message, in the sense of the collective's definition (and of nccl-tests): what each rank
    contributes to an all-reduce, what each holds after an all-gather, what a rank hands over in an
    all-to-all, its own part included.
    n_sent: bytes that leave the rank: on a ring for the first two, straight to their owners in an all-to-all.
    """
    kind: str       # all-reduce, all-gather or all-to-all
    purpose: str    # what it is for in the model
    n_bytes: int
    n_sent: float


@dataclass
class Communicator:
    """torch.distributed's collectives over all ranks, each entered in the log.
    For inference: no gradient passes through."""
    rank: int
    size: int
    device: torch.device

    def __post_init__(self):
        self.log: list[Collective] = []

    def all_reduce(self, x: torch.Tensor, purpose: str, op: str = "sum") -> torch.Tensor:
        """The ranks' x, of one shape, combined by sum or max;
        written over x where its memory is in one piece."""
        x = x.contiguous()
        dist.all_reduce(x, {"sum": dist.ReduceOp.SUM, "max": dist.ReduceOp.MAX}[op])
        self._enter("all-reduce", purpose, x.nbytes, 2 * (self.size - 1) / self.size * x.nbytes)
        return x

    def all_gather(self, x: torch.Tensor, purpose: str) -> torch.Tensor:
        """The ranks' x, of one shape -> [size, *shape]."""
        out = x.new_empty(self.size, *x.shape)
        dist.all_gather(list(out), x.contiguous())
        self._enter("all-gather", purpose, out.nbytes, (self.size - 1) / self.size * out.nbytes)
        return out

    def all_to_all(self, x: torch.Tensor, n_out: list[int], n_in: list[int], purpose: str) -> torch.Tensor:
        """x [sum(n_out), ...]: the first n_out[0] rows go to rank 0,
        and so on -> [sum(n_in), ...], in order of sender."""
        out = x.new_empty(sum(n_in), *x.shape[1:])
        dist.all_to_all_single(out, x.contiguous(), n_in, n_out)
        row = x[:1].nbytes
        self._enter("all-to-all", purpose, x.nbytes, row * (len(x) - n_out[self.rank]))
        return out

    def _enter(self, kind, purpose, n_bytes, n_sent):
        self.log.append(Collective(kind, purpose, n_bytes, n_sent))


@dataclass(frozen=True)
class Tally:
    """How often a rank called a collective for one purpose, and the bytes of all calls together."""
    kind: str
    times: int
    n_bytes: int
    n_sent: float


def tallies(log: list[Collective]) -> dict[str, Tally]:
    """Purpose -> Tally, in the order of first use."""
    out = {}
    for call in log:
        before = out.get(call.purpose, Tally(call.kind, 0, 0, 0))
        out[call.purpose] = Tally(call.kind, before.times + 1, before.n_bytes + call.n_bytes,
                                  before.n_sent + call.n_sent)
    return out
