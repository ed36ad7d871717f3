"""What the tests of parallelism do on a rank. A module of its own: ranks import it, and it imports little."""
from __future__ import annotations

import os
import signal
import socket
import struct
import time

import torch
import torch.distributed as dist

from computetrades.model.cache import Contiguous
from computetrades.model.config import ModelConfig
from computetrades.model.parallel import choose, generate, tensor_parallel
from computetrades.model.parallel.vocabulary import log_softmax
from computetrades.model.transformer import Transformer


def filled(config: ModelConfig, dtype=torch.float32) -> Transformer:
    """A model whose every weight matters: norms, biases, sinks and balances too."""
    torch.manual_seed(0)
    model = Transformer(config).eval().requires_grad_(False)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.normal_(0, 0.15)
    return model.to(dtype)


class InDoublePrecision:
    """Within it, the float32 that norms, softmax and rotations insist on is float64."""
    def __enter__(self): self.kept, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double
    def __exit__(self, *_): torch.Tensor.float = self.kept


def decodings(communicator, cases, ids, n_tokens):
    """The Decoding of each case (config, parallelism, seed) in float32,
    and of those without a seed in float64 too."""
    out = []
    for config, parallelism, seed in cases:
        single, double = generate(communicator, parallelism, filled(config), ids, n_tokens, seed=seed), None
        if seed is None:
            with InDoublePrecision():
                double = generate(communicator, parallelism, filled(config, torch.float64), ids, n_tokens)
        out.append((single, double))
    return out


@torch.no_grad()
def by_torch(communicator, config, ids):
    """(logits by torch's own tensor parallelism, by ours, their collectives, ours, what our log counted)."""
    # Here, for they take seconds that no other rank needs to spend
    from torch.distributed.tensor.debug import CommDebugMode
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
    from torch.distributed.tensor.placement_types import Replicate
    model = filled(config)
    ours = tensor_parallel(model, communicator)
    plan = {"embed": RowwiseParallel(input_layouts=Replicate()),
            "head": ColwiseParallel(output_layouts=Replicate())}
    for layer in range(config.n_layers):
        for sublayer, first, last in (("attention", "qkv", "o"), ("feed_forward", ("gate", "up"), "down")):
            plan |= {f"blocks.{layer}.{sublayer}.{name}_proj": ColwiseParallel() for name in first}
            plan[f"blocks.{layer}.{sublayer}.{last}_proj"] = RowwiseParallel()
    theirs = parallelize_module(model, dist.device_mesh.init_device_mesh("cpu", (communicator.size,)), plan)
    communicator.log = []
    with CommDebugMode() as in_theirs:
        their_logits = theirs(ids)
    with CommDebugMode() as in_ours:
        our_logits = ours(ids)
    counts = [{str(op).split(".")[-1]: n for op, n in mode.get_comm_counts().items() if n}
              for mode in (in_theirs, in_ours)]
    return their_logits, our_logits, *counts, communicator.log


@torch.no_grad()
def without_gathering(communicator, config, ids, noise):
    """(tokens likeliest, tokens drawn, log-probabilities of the rank's slice, log) from logits
    that stay where they are."""
    model = filled(config)
    likeliest, drawn = (choose(communicator, model, ids, n) for n in (None, noise))
    local = tensor_parallel(model, communicator, gather_logits=False)
    communicator.log = []
    return likeliest, drawn, log_softmax(local(ids), communicator), communicator.log


def weights_and_caches(communicator, cases):
    """(parameters on this rank, bytes of its cache of 10 tokens) for each case (config, parallelism)."""
    models = [parallelism(filled(config), communicator) for config, parallelism in cases]
    return [(sum(p.numel() for p in model.parameters()), Contiguous(model.config, 10).n_bytes)
            for model in models]


def on_the_wire(communicator, n_elements):
    """(kind, bytes that the kernel sent for this process, bytes of the log) of each collective."""
    x, even, out = torch.ones(n_elements), [n_elements // communicator.size] * communicator.size, []
    uneven = [n_elements // 2] + [n_elements // 2 // (communicator.size - 1)] * (communicator.size - 1)
    calls = (lambda: communicator.all_reduce(x.clone(), ""), lambda: communicator.all_gather(x, ""),
             lambda: communicator.all_to_all(x, even, even, ""),
             lambda: communicator.all_to_all(x[:sum(uneven)], uneven,
                                             [uneven[communicator.rank]] * communicator.size, ""))
    for call in calls:
        call()                                  # connections are made
        before = _settled()
        call()
        out.append((communicator.log[-1].kind, _settled() - before, communicator.log[-1].n_sent))
    return out


def _settled() -> int:
    """Bytes that left by this process's TCP connections and arrived, once all ranks are quiet."""
    dist.barrier()
    time.sleep(0.1)                             # the last acknowledgements
    sent = _bytes_acknowledged()
    dist.barrier()
    return sent


def _bytes_acknowledged() -> int:
    total = 0
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(descriptor))) as connection:
                told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
                total += struct.unpack_from("Q", told, 120)[0]
        except OSError:                         # no TCP connection, or the listing itself, closed by now
            continue
    return total


def arithmetic(communicator, factor):
    """The sum of factor * (rank + 1)."""
    return communicator.all_reduce(torch.tensor([factor * (communicator.rank + 1)]), "").item()


def fail(communicator, rank):
    if communicator.rank == rank:
        raise KeyError("a reason of its own")
    dist.barrier()


def die(communicator, rank):
    if communicator.rank == rank:
        os.kill(os.getpid(), signal.SIGKILL)
    dist.barrier()


def stray(communicator, file=os.devnull):
    """Rank 0 waits for a collective that the others do not call; all note their process ids."""
    with open(file, "a") as out:
        out.write(f"{os.getpid()}\n")
    if communicator.rank == 0:
        communicator.all_reduce(torch.ones(1), "")
    else:
        time.sleep(600)
