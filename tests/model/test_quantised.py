"""Caches of quantised rows: what a query sees, whole or in pieces, and what it costs in accuracy."""
import numpy as np
import pytest
import torch

from computetrades.model.cache import KIVI, Quantised, Sliding
from computetrades.model.cache.codecs import BF16, FP8, NVFP4, Int8, TwoBit
from computetrades.model.config import FULL, SLIDING, Latent, ModelConfig
from computetrades.model.transformer import Transformer

GQA = ModelConfig(n_layers=2, hidden_size=64, n_heads=4, intermediate_size=96, vocab_size=97, n_kv_heads=2,
                  head_dim=32)
MLA = GQA.with_(latent=Latent(24, 32, 16, 16, 16))
MIXED = GQA.with_(layer_kinds=(SLIDING, FULL), window=5)
CODECS = [BF16(), Int8(), FP8(), NVFP4(), TwoBit(16)]
MAKERS = [lambda config, codec=codec: Quantised(config, codec) for codec in CODECS] + [
    lambda config: KIVI(config, 8, 16), lambda config: KIVI(config, 8, 16, by_channel=False)]
N = 37
every_cache = pytest.mark.parametrize("make", MAKERS,
                                      ids=[*(type(c).__name__ for c in CODECS), "KIVI", "recent"])
every_model = pytest.mark.parametrize("config", [GQA, MLA, MIXED], ids=["gqa", "mla", "sliding"])


def random_rows(config, n=N, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, rows, n, width, generator=generator) for rows, width in config.row_shapes]


def seen(cache, first, second, chunk):
    """What each query is given, from layer 0 and 1: {query: (key positions, first, second)}."""
    given = {}
    for layer in (0, 1):
        for start in range(0, first.shape[2], chunk):
            new = slice(start, start + chunk)
            positions = torch.arange(first.shape[2])[new].expand(2, -1)
            for part in cache.extend(layer, first[:, :, new], second[:, :, new], positions):
                for t in part.query_positions[0].tolist():
                    reach = cache_window(cache, layer)
                    mask = (part.key_positions[0] <= t) & (part.key_positions[0] > t - reach)
                    given[layer, t] = (part.key_positions[0][mask].tolist(),
                                       part.first[:, :, mask], part.second[:, :, mask])
    return given


def cache_window(cache, layer):
    return (getattr(cache, "reach", None) or [None, None])[layer] or N


@every_model
@every_cache
def test_a_query_sees_the_same_rows_however_the_text_was_cut(make, config):
    first, second = random_rows(config)
    at_once = seen(make(config), first, second, N)
    for chunk in (1, 10):
        pieces = seen(make(config), first, second, chunk)
        assert pieces.keys() == at_once.keys() == {(layer, t) for layer in (0, 1) for t in range(N)}
        for query, (positions, *rows) in at_once.items():
            assert pieces[query][0] == positions
            assert all(torch.equal(a, b) for a, b in zip(pieces[query][1:], rows, strict=True)), \
                f"at layer and token {query}"


@every_model
@pytest.mark.parametrize("codec", CODECS, ids=[type(c).__name__ for c in CODECS])
def test_rows_come_back_as_the_codec_leaves_them(codec, config):
    first, second = random_rows(config)
    for (_, _), (positions, *rows) in seen(Quantised(config, codec), first, second, 10).items():
        for got, given in zip(rows, (first, second), strict=True):
            assert torch.equal(got, codec.decode(*codec.encode(given))[:, :, positions])


def two_bits(x):
    """A group of numbers to four levels and back, in NumPy, scale and zero point in float16."""
    low = np.float32(np.float16(x.min()))
    step = np.float32(np.float16((x.max() - low) / 3))
    return np.clip(np.round((x - low) / step), 0, 3) * step + low


@pytest.mark.parametrize("config", [GQA, MLA], ids=["gqa", "mla"])
def test_kivi_groups_keys_by_channel_and_values_by_token_and_keeps_the_newest_in_full(config):
    first, second = random_rows(config)
    keys, values = first.numpy().copy(), second.numpy().copy()
    for b, row, in np.ndindex(keys.shape[:2]):
        # Two windows of 16 tokens, two groups of 8 in each; 5 tokens are left
        for start in range(0, 32, 8):
            for channel in range(keys.shape[3]):
                keys[b, row, start:start + 8, channel] = two_bits(keys[b, row, start:start + 8, channel])
        for token in range(32):
            for start in range(0, values.shape[3], 8):
                values[b, row, token, start:start + 8] = two_bits(values[b, row, token, start:start + 8])
    for (_, t), (positions, *rows) in seen(KIVI(config, 8, 16), first, second, 10).items():
        old = t // 16 * 16                     # windows that were full before this query's own
        assert positions == list(range(t + 1))
        for got, quantised, full in zip(rows, (keys, values), (first, second), strict=True):
            assert torch.equal(got[:, :, old:], full[:, :, old:t + 1])
            np.testing.assert_allclose(got[:, :, :old].numpy(), quantised[:, :, :old], atol=1e-6)


def test_kivi_spares_the_other_channels_when_one_is_large_in_every_token():
    """The paper's reason to group keys by channel (section 3.2, figure 2):
    by token, all share the step of the large one."""
    keys, values = random_rows(GQA, 33)
    keys[..., 3] += 50
    kept = {}
    for name, cache in (("channel", KIVI(GQA, 32, 32)), ("token", Quantised(GQA, TwoBit(32)))):
        cache.extend(0, keys[:, :, :32], values[:, :, :32], torch.arange(32).expand(2, -1))
        part, = cache.extend(0, keys[:, :, 32:], values[:, :, 32:], torch.tensor([[32], [32]]))
        kept[name] = (part.first - keys)[:, :, :32].abs().mean()
    assert kept["channel"] < kept["token"] / 5


@pytest.fixture(scope="module")
def models():
    return {config: Transformer(config).initialise(seed=2, spread=0.2).eval() for config in (GQA, MLA, MIXED)}


@every_model
def test_fewer_bits_move_the_logits_further(models, config):
    """Errors against float32 are in the order of the bits;
    two of them still do better than the text read backwards."""
    model, ids = models[config], torch.randint(97, (2, N), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        exact = model(ids)

        def moved(cache):
            read = torch.cat([model(part, cache) for part in ids.split(9, 1)], 1)
            return (read - exact).pow(2).mean().sqrt()
        assert moved(Sliding(config)) < 1e-5
        int8, fp8, nvfp4, two = (moved(Quantised(config, codec))
                                 for codec in (Int8(), FP8(), NVFP4(), TwoBit(16)))
        assert 1e-5 < int8 < fp8 < nvfp4 < two < (model(ids.flip(1)) - exact).pow(2).mean().sqrt()
        assert moved(KIVI(config, 8, 16)) < two


def test_a_residual_that_is_no_whole_number_of_groups_is_refused():
    with pytest.raises(ValueError, match="residual of 100 tokens does not divide into groups of 32"):
        KIVI(GQA, 32, 100)


def test_a_cache_gives_back_the_models_own_number_type():
    rows = [r.to(torch.bfloat16) for r in random_rows(GQA)]
    for make in MAKERS:
        for part in make(GQA).extend(0, *rows, torch.arange(N).expand(2, -1)):
            assert part.first.dtype == part.second.dtype == torch.bfloat16
