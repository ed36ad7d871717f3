"""Paged caches: the same rows as any other cache, no more blocks than the text needs,
and nothing lost or lent twice."""
from types import SimpleNamespace

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from computetrades.inference import kv
from computetrades.model.cache import BlockPool, OutOfBlocks, Paged
from computetrades.model.config import Latent, ModelConfig
from computetrades.model.transformer import Transformer
from tests.oracle import ARCHITECTURES

torch.set_num_threads(1)   # the models are so small that threads only wait for each other
TINY = ModelConfig(n_layers=2, hidden_size=4, n_heads=2, intermediate_size=4, vocab_size=16, n_kv_heads=1)
IDS = torch.tensor([[5, 17, 3, 88, 42, 7, 7, 61, 90, 12, 33, 2, 54, 71, 8, 19, 26, 4, 95, 60]])


def pool(n_blocks=8, block_size=4):
    return BlockPool(TINY, n_blocks, block_size, torch.float64)


def rows_of(ids):
    """A made-up key per token that depends, as a real one does,
    on the whole text up to it: a rolling checksum."""
    out, state = [], 0
    for id in ids:
        state = (state * 31 + id + 1) % 100_003
        out.append(state)
    return torch.tensor(out, dtype=torch.float64)


def store(cache, ids, text):
    """Extend a cache by `ids`, which follow text[:cache.length], in all layers;
    what the last layer shows afterwards."""
    start = cache.length
    new = rows_of(text)[start:start + len(ids)].view(1, 1, -1, 1).expand(1, 1, len(ids), 2)
    positions = torch.arange(start, start + len(ids))[None]
    for layer in range(TINY.n_layers):
        part, = cache.extend(layer, new + layer, -new - layer, positions)
    return part


def shown(cache):
    """[layers, 2, tokens] as the cache would hand them to attention."""
    return torch.stack([torch.stack([rows[0, cache._places()[:cache.length], 0] for rows in pair])
                        for pair in cache.pool.rows])


def written(ids):
    """The same, from the text alone."""
    return torch.stack([torch.stack([rows_of(ids) + layer, -rows_of(ids) - layer])
                        for layer in range(TINY.n_layers)])


def begin(blocks, ids):
    """A sequence as the engine makes it: attach, compute the rest, publish."""
    cache = Paged(blocks)
    found = cache.attach(ids)
    store(cache, ids[found:], ids)
    cache.publish(ids)
    return cache, found


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_model_over_a_paged_cache_equals_transformers(name):
    theirs, ours = ARCHITECTURES[name]()
    cache = Paged(BlockPool(ours.config, 5, 4))
    with torch.no_grad():
        logits = torch.cat([ours(ids, cache) for ids in IDS.split([1, 6, 1, 1, 9, 2], dim=1)], dim=1)
        assert (theirs(IDS).logits - logits).abs().max() < 1e-4
    assert cache.length == 20 and not cache.pool.n_available


@pytest.mark.parametrize("block_size", (1, 3, 16))
@pytest.mark.parametrize("tokens", (1, 15, 16, 17, 30))
@pytest.mark.parametrize("latent", (None, Latent(8, 6, 4, 2, 4)))
def test_bytes_equal_the_closed_form(block_size, tokens, latent):
    config = TINY.with_(latent=latent)
    counted = SimpleNamespace(n_layers=2, kv_lora_rank=6, qk_rope_head_dim=2) if latent else config
    cache = Paged(BlockPool(config, 30, block_size, torch.float16))
    with torch.no_grad():
        Transformer(config).half().initialise(0)(torch.zeros(1, tokens, dtype=torch.long), cache)
    assert cache.n_bytes == kv.blocks(tokens, block_size) * block_size * kv.elements_per_token(counted) * 2


def test_a_shared_prefix_is_held_once():
    blocks = pool(8, 4)
    first, found = begin(blocks, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert (found, blocks.n_held, blocks.n_shared) == (0, 3, 0)
    # Two full blocks alike, then two of its own
    second, found = begin(blocks, [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15])
    assert (found, blocks.n_held, blocks.n_shared) == (8, 5, 2)
    assert second.table[:2] == first.table[:2]
    # The second block differs in its last token
    third, found = begin(blocks, [1, 2, 3, 4, 5, 6, 7, 0])
    assert (found, blocks.n_held, blocks.n_shared) == (4, 6, 2)
    first.free()
    # Its half-full block is free, the others are held on
    assert (blocks.n_held, blocks.n_shared, len(blocks.free)) == (5, 1, 3)
    second.free(), third.free()
    # Four full ones can still be found
    assert (blocks.n_held, len(blocks.cached), len(blocks.free)) == (0, 4, 4)


def test_one_token_is_always_left_to_compute():
    blocks = pool(8, 4)
    begin(blocks, [1, 2, 3, 4, 5, 6, 7, 8])
    assert [Paged(blocks).attach(list(range(1, n + 1))) for n in (1, 4, 5, 8, 9)] == [0, 0, 4, 4, 8]


def test_a_block_is_found_only_behind_the_same_text():
    blocks = pool(8, 2)
    begin(blocks, [1, 2, 7, 7])
    assert Paged(blocks).attach([3, 4, 7, 7, 0]) == 0
    assert Paged(blocks).attach([7, 7, 0]) == 0
    assert Paged(blocks).attach([1, 2, 7, 7, 0]) == 4


def test_a_forked_block_is_copied_by_the_first_to_write():
    blocks, text = pool(8, 4), [1, 2, 3, 4, 5, 6]
    one, _ = begin(blocks, text)
    two = one.fork()
    assert (blocks.n_held, blocks.n_shared) == (2, 2)
    assert two.needs(7) == 1 and one.needs(6) == 0
    store(two, [9], text + [9])
    assert (blocks.n_held, blocks.n_shared) == (3, 1)
    assert one.table[0] == two.table[0] and one.table[1] != two.table[1]
    # Alone in its block now: written in place
    store(one, [8], text + [8])
    assert blocks.n_held == 3
    assert torch.equal(shown(one), written(text + [8])) and torch.equal(shown(two), written(text + [9]))


def test_the_least_recently_used_block_is_forgotten_first():
    blocks = pool(4, 2)
    for ids in ([1, 1], [2, 2], [3, 3]):
        begin(blocks, ids)[0].free()
    again = Paged(blocks)
    # Used again, so no longer the oldest
    assert again.attach([1, 1, 0]) == 2
    again.free()
    # One free block and one that has to go
    begin(blocks, [5, 5, 5])
    assert [Paged(blocks).attach([i, i, 0]) for i in (1, 2, 3)] == [2, 0, 2]


def test_the_end_of_a_text_is_forgotten_before_its_beginning():
    blocks = pool(3, 2)
    begin(blocks, [1, 2, 3, 4, 5, 6])[0].free()
    begin(blocks, [9])
    assert Paged(blocks).attach([1, 2, 3, 4, 5, 6, 7]) == 4


def test_when_nothing_is_left_nothing_changes():
    blocks = pool(3, 2)
    begin(blocks, [1, 1, 1])
    other, _ = begin(blocks, [2])
    with pytest.raises(OutOfBlocks, match="2 more blocks of 2 tokens.* of 3 only 0 are not held"):
        other.reserve(6)
    assert (other.length, len(other.table), blocks.n_held) == (1, 1, 3)


def test_bad_sizes_and_batches_are_refused():
    with pytest.raises(ValueError, match="block_size cannot be 0"):
        pool(4, 0)
    with pytest.raises(ValueError, match="not a batch of 2"):
        Paged(pool()).extend(0, torch.zeros(2, 1, 3, 2), torch.zeros(2, 1, 3, 2), torch.zeros(2, 3))


class Blocks(RuleBasedStateMachine):
    """Random lives of sequences over two letters, so that prefixes meet all the time, in a pool that
    is too small for them."""
    n_steps = 0

    @initialize(n_blocks=st.integers(1, 9), block_size=st.integers(1, 3))
    def make(self, n_blocks, block_size):
        self.pool, self.live = pool(n_blocks, block_size), []   # live: [cache, its text]

    def held(self):
        return [block for cache, _ in self.live for block in cache.table]

    def pick(self, data):
        return data.draw(st.sampled_from(self.live))

    def grown(self, cache, text, n_tokens, work) -> bool:
        """Do what makes the cache hold n_tokens; it must fail if, and only if, the blocks
        that nobody holds are too few."""
        held, before = self.held(), (list(cache.table), cache.length)
        half_full = (cache.length % self.pool.block_size
                     and held.count(cache.table[cache.length // self.pool.block_size]) > 1)
        wanted = (max(kv.blocks(n_tokens, self.pool.block_size) - len(cache.table), 0)
                  + bool(half_full and n_tokens > cache.length))
        try:
            work()
        except OutOfBlocks:
            assert wanted > self.pool.n_blocks - len(set(held)) and before == (cache.table, cache.length)
            return False
        assert wanted <= self.pool.n_blocks - len(set(held))
        return True

    @rule(text=st.lists(st.integers(0, 1), min_size=1, max_size=9))
    def attach(self, text):
        cache = Paged(self.pool)
        found = cache.attach(text)
        assert found < len(text) and found % self.pool.block_size == 0
        self.live.append([cache, text[:found]])

    @precondition(lambda self: self.live)
    @rule(data=st.data(), ids=st.lists(st.integers(0, 1), min_size=1, max_size=5), publish=st.booleans())
    def extend(self, data, ids, publish):
        entry = self.pick(data)
        cache, text = entry
        if self.grown(cache, text, len(text + ids), lambda: store(cache, ids, text + ids)):
            entry[1] = text + ids
        if publish:
            cache.publish(entry[1])

    @precondition(lambda self: self.live)
    @rule(data=st.data(), more=st.integers(0, 5))
    def reserve(self, data, more):
        cache, text = self.pick(data)
        self.grown(cache, text, len(text) + more, lambda: cache.reserve(len(text) + more))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def fork(self, data):
        cache, text = self.pick(data)
        self.live.append([cache.fork(), text])

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def free(self, data):
        entry = self.pick(data)
        entry[0].free()
        assert (entry[0].length, entry[0].n_bytes) == (0, 0)
        self.live = [other for other in self.live if other is not entry]

    @invariant()
    def references_equal_the_tables(self):
        Blocks.n_steps += 1
        held = self.held()
        assert self.pool.references == [held.count(block) for block in range(self.pool.n_blocks)]
        assert self.pool.n_shared == sum(held.count(block) > 1 for block in set(held))

    @invariant()
    def every_block_is_held_or_cached_or_free(self):
        held, cached, free = set(self.held()), list(self.pool.cached), self.pool.free
        assert sorted([*held, *cached, *free]) == list(range(self.pool.n_blocks))
        assert (self.pool.n_held, self.pool.n_available) == (len(held), len(cached) + len(free))
        assert set(cached) <= set(self.pool.keys) and not set(free) & set(self.pool.keys)
        assert {block: key for key, block in self.pool.found.items()} == self.pool.keys

    @invariant()
    def every_sequence_reads_what_was_written(self):
        for cache, text in self.live:
            assert cache.length == len(text) and torch.equal(shown(cache), written(text))


TestBlocks = Blocks.TestCase
TestBlocks.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
