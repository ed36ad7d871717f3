"""What a text costs in perplexity when the model remembers it through each kind of cache,
and how many bytes that takes.

The model is the trained "tiny", the text its held-out one, in windows spread evenly over it.
One thread, so that it repeats.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from ..experiment import once
from ..model.cache import KIVI, BlockPool, Contiguous, Paged, Quantised, Sinks, Sliding
from ..model.cache.codecs import BF16, FP8, NVFP4, Int8, TwoBit
from . import checkpoints
from .perplexity import perplexity, surprisal
from .train import CONTEXT

CHUNK = 32                            # tokens that enter the cache together
# Elements that share a scale at two bits; also the tokens that KIVI leaves as they are
GROUP = 32
FORMATS = {
    "float32": Sliding,
    "bf16": lambda config: Quantised(config, BF16()),
    "int8": lambda config: Quantised(config, Int8()),
    "fp8": lambda config: Quantised(config, FP8()),
    "nvfp4": lambda config: Quantised(config, NVFP4()),
    # Keys and values alike: groups of channels within a token
    "two-bit": lambda config: Quantised(config, TwoBit(GROUP)),
    # The same, the newest tokens as they came
    "two-bit-recent": lambda config: KIVI(config, GROUP, GROUP, by_channel=False),
    # And keys in groups of tokens within a channel
    "kivi": lambda config: KIVI(config, GROUP, GROUP),
}


@dataclass(frozen=True)
class CacheQuality:
    """Perplexity of all tokens of the windows,
    and of those beyond the trained length (nan where there are none)."""
    name: str
    bytes_per_token: float
    perplexity: float
    beyond: float


@once
def through_format(name: str, n_windows: int) -> CacheQuality:
    """Windows of the trained length through one of FORMATS. KeyError for another name."""
    return _read(name, FORMATS[name], windows(n_windows, CONTEXT))


@once
def through_eviction(n_sinks: int, places: int, n_windows: int, length: int) -> CacheQuality:
    """Windows of `length` tokens through a cache of `places` tokens, the first n_sinks kept;
    places = 0 keeps everything."""
    if not places:
        return _read("everything kept", Sliding, windows(n_windows, length))
    return _read(f"{n_sinks} sinks and the last {places - n_sinks}",
                 lambda config: Sinks(config, n_sinks, places - n_sinks), windows(n_windows, length))


def over_exact(name: str, n_windows: int) -> float:
    """Perplexity through one of FORMATS over the exact cache's, same windows. KeyError for another name."""
    return through_format(name, n_windows).perplexity / through_format("float32", n_windows).perplexity


class Room(NamedTuple):
    """Bytes that hold rows, bytes of the blocks lent, and bytes reserved at full length."""
    used: int
    lent: int
    reserved: int

    @property
    def paged_waste(self) -> float:
        """The share of the lent blocks that holds no row, 0 to 1."""
        return 1 - self.used / self.lent

    @property
    def reserved_waste(self) -> float:
        """The share of the reservations that holds no row, 0 to 1."""
        return 1 - self.used / self.reserved


def room_of_each_length(longest: int, block_size: int) -> Room:
    """What one sequence of each length from 1 to `longest` tokens takes; a reservation is for `longest`."""
    return room(tuple(range(1, longest + 1)), block_size, longest)


@once
def room(lengths: tuple[int, ...], block_size: int, capacity: int) -> Room:
    """What sequences of these lengths take, in blocks and in reservations for `capacity` tokens each."""
    config = tiny()[0].config
    pool = BlockPool(config, sum(-(-n // block_size) for n in lengths), block_size)
    paged = [Paged(pool) for _ in lengths]
    for sequence, n in zip(paged, lengths, strict=True):
        sequence.reserve(n)
    reserved = Contiguous(config, capacity, batch=1).n_bytes
    lent = sum(sequence.n_bytes for sequence in paged)
    return Room(sum(lengths) * reserved // capacity, lent, len(lengths) * reserved)


@once
def tiny():
    """(model, the held-out text as ids [tokens])."""
    model, tokenizer = checkpoints.load("tiny")
    return model, torch.tensor(tokenizer.encode(checkpoints.held_out()))


def windows(n: int, length: int) -> torch.Tensor:
    """[n, length + 1]: n stretches of the held-out text, spread evenly."""
    _, ids = tiny()
    if n < 1 or n * length >= len(ids):
        raise ValueError(f"{n} windows of {length} tokens do not fit into a text of {len(ids)}; "
                         "ask for fewer or shorter ones")
    starts = torch.linspace(0, len(ids) - length - 1, n).long()
    return ids[starts[:, None] + torch.arange(length + 1)]


def _read(name: str, make, rows: torch.Tensor) -> CacheQuality:
    model, threads = tiny()[0], torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        nats, n_bytes = [], 0
        for part in rows.split(32):
            kept = make(model.config)
            nats.append(surprisal(model, part, lambda kept=kept: kept, CHUNK))
            n_bytes += kept.n_bytes
    finally:
        torch.set_num_threads(threads)
    nats = torch.cat(nats)
    return CacheQuality(name, n_bytes / nats.numel(), perplexity(nats),
                   perplexity(nats[:, CONTEXT:]) if nats.shape[1] > CONTEXT else float("nan"))
