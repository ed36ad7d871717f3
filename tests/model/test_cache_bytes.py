"""What caches hold, in bytes, against the closed forms of inference/kv.py under the formats of data/facts."""
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

from computetrades.facts import facts
from computetrades.inference import kv
from computetrades.model.cache import KIVI, Contiguous, Quantised, Sinks, Sliding
from computetrades.model.cache.codecs import BF16, FP8, NVFP4, Int8, TwoBit
from computetrades.model.config import CHUNKED, FULL, SLIDING, Latent, ModelConfig

GQA = ModelConfig(n_layers=4, hidden_size=64, n_heads=4, intermediate_size=96, vocab_size=97, n_kv_heads=2,
                  head_dim=128)
MLA = GQA.with_(latent=Latent(24, 128, 16, 32, 16))
ALTERNATING = GQA.with_(layer_kinds=(SLIDING, FULL), window=20)
CHUNKS = GQA.with_(layer_kinds=(CHUNKED, CHUNKED, CHUNKED, FULL), window=20)
LENGTHS = (1, 19, 20, 21, 127, 128, 129, 300)
every_config = pytest.mark.parametrize("config", [GQA, MLA, ALTERNATING, CHUNKS],
                                       ids=["gqa", "mla", "alternating", "chunks"])


def record(config):
    """The configuration as kv.py reads it."""
    local = [config.layer_kind(layer) for layer in range(config.n_layers) if config.layer_kind(layer) != FULL]
    model = SimpleNamespace(n_layers=config.n_layers, n_kv_heads=config.n_kv_heads, head_dim=config.head_dim,
                            n_full_layers=config.n_layers - len(local))
    if config.latent:
        model.kv_lora_rank = config.latent.kv_lora_rank
        model.qk_rope_head_dim = config.latent.qk_rope_head_dim
    if SLIDING in local:
        model.sliding_window, model.n_sliding_layers = config.window, len(local)
    if CHUNKED in local:
        model.attention_chunk_size, model.n_chunked_layers = config.window, len(local)
    return model


def fmt(bits, scale_bits=0, block_size=1):
    # In bytes, as plain facts are
    return SimpleNamespace(bits=bits / 8, scale_bits=scale_bits / 8, block_size=block_size)


def growing(cache, config):
    """Random rows for a batch of 2, up to LENGTHS[-1] tokens; stops at each of LENGTHS to say how many there
    are. As in a model, a row may be a view of something larger."""
    for start, end in pairwise((0, *LENGTHS)):
        for new in torch.arange(start, end).split(40):
            for layer in range(config.n_layers):
                rows = (torch.randn(2, n_rows, len(new), 2 * width)[..., :width]
                        for n_rows, width in config.row_shapes)
                cache.extend(layer, *rows, new.expand(2, -1))
        yield end


def memory(cache):
    """Bytes that the allocator gave to whatever tensors can be reached from a cache, each once."""
    stores, waiting = {}, list(vars(cache).values())
    while waiting:
        x = waiting.pop()
        if isinstance(x, torch.Tensor):
            stores[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        elif isinstance(x, (list, tuple)):
            waiting += x
    return sum(stores.values())


def assert_bytes(cache, config, closed_form):
    """closed_form(n): bytes of one sequence of n tokens."""
    for n in growing(cache, config):
        expected = pytest.approx(2 * closed_form(n), rel=1e-12)
        assert cache.n_bytes == memory(cache) == expected, f"at {n} tokens"
        assert cache.length == n


@every_config
def test_a_growing_cache_holds_what_sliding_and_full_layers_need(config):
    assert_bytes(Sliding(config), config, lambda n: kv.cache_bytes(record(config), fmt(32), n))


@every_config
@pytest.mark.parametrize("key, codec",
                         [("bf16", BF16()), ("fp8", FP8()), ("nvfp4", NVFP4()), ("kivi-2bit", TwoBit())])
def test_a_quantised_cache_holds_what_its_format_says(config, key, codec):
    assert_bytes(Quantised(config, codec), config,
                 lambda n: kv.cache_bytes(record(config), facts(key).plain, n))


@pytest.mark.parametrize("config", [GQA, ALTERNATING], ids=["gqa", "alternating"])
def test_int8_has_one_scale_a_row(config):
    assert facts("int8").block_size.value() == config.head_dim
    assert_bytes(Quantised(config, Int8()), config,
                 lambda n: kv.cache_bytes(record(config), facts("int8").plain, n))


def test_int8_over_a_latent_has_one_scale_for_it_and_one_for_its_rotary_key():
    rope, rank = MLA.latent.qk_rope_head_dim, MLA.latent.kv_lora_rank
    a_token = MLA.n_layers * (rope * kv.stored_size(fmt(8, 32, rope)) + rank
                              * kv.stored_size(fmt(8, 32, rank)))
    assert_bytes(Quantised(MLA, Int8()), MLA, lambda n: n * a_token)


@pytest.mark.parametrize("config", [GQA, MLA], ids=["gqa", "mla"])
def test_kivi_holds_whole_windows_in_two_bits_and_the_rest_in_full(config):
    two_bit = facts("kivi-2bit").plain
    cache = KIVI(config, int(two_bit.block_size), int(two_bit.residual_length))
    assert_bytes(cache, config, lambda n: kv.kivi_cache_bytes(record(config), two_bit, fmt(32), n))


@pytest.mark.parametrize("config", [GQA, MLA], ids=["gqa", "mla"])
@pytest.mark.parametrize("n_sinks, window", [(4, 16), (0, 20)])
def test_a_sink_cache_holds_its_sinks_and_its_window(config, n_sinks, window):
    m = record(config)
    assert_bytes(Sinks(config, n_sinks, window), config,
                 lambda n: kv.sink_cache_bytes(m, fmt(32), n, n_sinks, window))


@pytest.mark.parametrize("config", [GQA, MLA], ids=["gqa", "mla"])
@pytest.mark.parametrize("dtype, form", [(torch.float32, fmt(32)), (torch.bfloat16, facts("bf16").plain)],
                         ids=["float32", "bf16"])
def test_a_contiguous_cache_reserves_its_capacity_and_wastes_what_it_does_not_use(config, dtype, form):
    m, capacity = record(config), 310
    cache = Contiguous(config, capacity, batch=2, dtype=dtype)
    for n in growing(cache, config):
        assert cache.n_bytes == memory(cache) == 2 * kv.cache_bytes(m, form, capacity)
        assert cache.n_bytes_used == 2 * kv.cache_bytes(m, form, n)
        assert 1 - cache.n_bytes_used / cache.n_bytes == pytest.approx(kv.reserved_waste(capacity, n))
