"""A cache in blocks that need not lie together:
memory is taken as a sequence grows (PagedAttention, Kwon et al. 2023)."""
from __future__ import annotations

import torch

from .base import Part
from .blocks import BlockPool, block_key


class Paged:
    """One sequence. Token t lies in block table[t // block_size].
    OutOfBlocks when the pool has none left to lend."""

    def __init__(self, pool: BlockPool):
        self.pool = pool
        self._empty()

    def _empty(self):
        self.table: list[int] = []
        self.keys: list[bytes] = []               # of the leading blocks that are published
        self.stored = [0] * len(self.pool.rows)   # tokens, per layer
        # Where in the pool each token lies; None when the table has changed
        self._slots = None

    @property
    def length(self) -> int:
        return self.stored[-1]

    @property
    def n_bytes(self) -> int:
        """Of whole blocks; a shared block counts for everyone who holds it."""
        return len(self.table) * self.pool.block_bytes

    def extend(self, layer, first, second, positions):
        if first.shape[0] != 1:
            raise ValueError(f"a paged cache holds one sequence, not a batch of {first.shape[0]}; "
                             "give each its own, in a Ragged")
        start, end = self.stored[layer], self.stored[layer] + first.shape[2]
        self.reserve(end)
        slots = self._places()
        for rows, new in zip(self.pool.rows[layer], (first, second), strict=True):
            rows.index_copy_(1, slots[start:end], new[0])
        self.stored[layer] = end
        held = torch.arange(end, device=positions.device)[None]
        return [Part(slice(None), positions,
                     *(rows.index_select(1, slots[:end])[None] for rows in self.pool.rows[layer]), held)]

    def needs(self, n_tokens: int) -> int:
        """Blocks that reserve(n_tokens) would take from the pool."""
        return (max(-(-n_tokens // self.pool.block_size) - len(self.table), 0)
                + (self._written_shared(n_tokens) is not None))

    def reserve(self, n_tokens: int):
        """Room for n_tokens in all. Copy on write:
        where the next token goes into a shared block, a copy takes its place."""
        new, place = self.pool.allocate(self.needs(n_tokens)), self._written_shared(n_tokens)
        if not new:
            return
        if place is not None:
            shared, self.table[place] = self.table[place], new.pop()
            self.pool.copy(shared, self.table[place])
            self.pool.release(shared)
        self.table += new
        self._slots = None

    def attach(self, ids: list[int]) -> int:
        """Begin an empty cache with the longest published prefix of ids, in whole blocks;
        returns its length in tokens.

        The last id is left out: a model must compute at least one token to say what comes after it.
        """
        size = self.pool.block_size
        for start in range(0, len(ids) - size, size):
            key = block_key(self.keys[-1] if self.keys else b"", ids[start:start + size])
            if key not in self.pool.found:
                break
            self.table.append(self.pool.hold(self.pool.found[key]))
            self.keys.append(key)
        self.stored = [len(self.table) * size] * len(self.stored)
        return self.length

    def publish(self, ids: list[int]):
        """Let other sequences attach the full blocks. ids: the tokens that the rows were computed from."""
        size = self.pool.block_size
        for i in range(len(self.keys), self.length // size):
            self.keys.append(block_key(self.keys[-1] if self.keys else b"", ids[i * size:(i + 1) * size]))
            self.pool.publish(self.table[i], self.keys[i])

    def fork(self) -> Paged:
        """The same sequence again, at no cost until one of the two goes on in the block that they share."""
        twin = Paged(self.pool)
        twin.table = [self.pool.hold(block) for block in self.table[:-(-self.length // self.pool.block_size)]]
        twin.keys, twin.stored = list(self.keys), list(self.stored)
        return twin

    def free(self):
        """Give the blocks back, the last one first,
        so that a prefix outlives its continuations in the pool."""
        for block in reversed(self.table):
            self.pool.release(block)
        self._empty()

    def _written_shared(self, n_tokens: int) -> int | None:
        """Place in the table of a block that others hold too and the next token goes into.
        Only a half-full one can be such."""
        place = self.length // self.pool.block_size
        if self.length < n_tokens and place < len(self.table) and self.pool.references[self.table[place]] > 1:
            return place
        return None

    def _places(self):
        if self._slots is None:
            size, device = self.pool.block_size, self.pool.rows[0][0].device
            starts = torch.tensor(self.table, dtype=torch.long, device=device) * size
            self._slots = (starts[:, None] + torch.arange(size, device=device)).flatten()
        return self._slots
