"""Memory for paged caches: equal blocks, lent and taken back,
and found again by what they hold (Kwon et al. 2023).

A block is in one of three states: held by one or more tables;
cached, which is held by none but still findable; or free.
"""
from __future__ import annotations

import hashlib
from array import array

import torch

from ..config import ModelConfig
from .base import reserved


class OutOfBlocks(RuntimeError):
    """Every block is held by some sequence."""


def block_key(before: bytes, ids: list[int]) -> bytes:
    """Names a full block by its token ids and, through the key of the block `before` it,
    by all ids that came earlier.

    Rows of a token depend on the whole text up to it, so equal ids alone would not do. A collision would show
    one user another's text: hence a cryptographic hash.
    """
    return hashlib.sha256(before + array("q", ids).tobytes()).digest()


class BlockPool:
    """`n_blocks` blocks of `block_size` tokens.
    rows: per layer two tensors [rows, n_blocks * block_size, width]."""

    def __init__(self, config: ModelConfig, n_blocks: int, block_size: int, dtype=torch.float32,
                 device="cpu"):
        for name, value in (("n_blocks", n_blocks), ("block_size", block_size)):
            if value < 1:
                raise ValueError(f"{name} cannot be {value}: give at least 1")
        self.n_blocks = n_blocks
        self.block_size = block_size
        self.rows = reserved(config, tokens=n_blocks * block_size, dtype=dtype, device=device)
        self.references = [0] * n_blocks
        self.free = list(reversed(range(n_blocks)))   # a stack
        # In order of release: the first is the least recently used
        self.cached: dict[int, None] = {}
        self.found: dict[bytes, int] = {}             # key -> block, held or cached
        self.keys: dict[int, bytes] = {}              # and back

    @property
    def capacity(self) -> int:
        """Tokens."""
        return self.n_blocks * self.block_size

    @property
    def block_bytes(self) -> int:
        return sum(t.numel() * t.element_size() for pair in self.rows for t in pair) // self.n_blocks

    @property
    def n_available(self) -> int:
        """Blocks that can be lent: free ones, and cached ones that give up what they hold."""
        return len(self.free) + len(self.cached)

    @property
    def n_held(self) -> int:
        return self.n_blocks - self.n_available

    @property
    def n_shared(self) -> int:
        """Blocks held more than once."""
        return sum(n > 1 for n in self.references)

    def allocate(self, n_blocks: int) -> list[int]:
        """Blocks to write in, each held once. Free ones go first;
        then the least recently used cached ones are forgotten."""
        if n_blocks > self.n_available:
            raise OutOfBlocks(f"{n_blocks} more blocks of {self.block_size} tokens are needed, "
                              f"and of {self.n_blocks} only {self.n_available} are not held; "
                              "free a sequence or make the pool larger")
        while len(self.free) < n_blocks:
            oldest = next(iter(self.cached))
            del self.cached[oldest], self.found[self.keys.pop(oldest)]
            self.free.append(oldest)
        blocks = [self.free.pop() for _ in range(n_blocks)]
        for block in blocks:
            self.references[block] = 1
        return blocks

    def hold(self, block: int) -> int:
        self.cached.pop(block, None)
        self.references[block] += 1
        return block

    def release(self, block: int):
        self.references[block] -= 1
        if not self.references[block]:
            if block in self.keys:
                self.cached[block] = None
            else:
                self.free.append(block)

    def publish(self, block: int, key: bytes):
        """Let others find a full block. When the same text stands elsewhere already,
        that one stays the one to find."""
        if key not in self.found:
            self.found[key], self.keys[block] = block, key

    def copy(self, source: int, target: int):
        """Overwrite the rows of a block with those of another."""
        size = self.block_size
        for rows in (rows for pair in self.rows for rows in pair):
            rows[:, target * size:(target + 1) * size] = rows[:, source * size:(source + 1) * size]
