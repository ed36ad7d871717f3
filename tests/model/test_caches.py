"""Caches that slide or keep sinks: against Transformers' own caches, against a model
that forgets nothing, and by law."""
import pytest
import torch
from transformers import DynamicCache, StaticCache

from computetrades.model.cache import BlockPool, Contiguous, Part, Quantised, Sinks, Sliding
from computetrades.model.cache.codecs import Int8
from computetrades.model.config import CHUNKED, FULL, SLIDING, Latent, ModelConfig
from computetrades.model.transformer import Transformer
from tests.oracle import ARCHITECTURES

IDS = torch.tensor([[5, 17, 3, 88, 42, 7, 7, 61, 90, 12, 33, 2, 54, 71, 8, 19, 26, 4, 95, 60],
                    [9, 0, 31, 31, 64, 15, 80, 2, 77, 46, 23, 5, 68, 12, 91, 50, 37, 1, 29, 83]])
N = IDS.shape[1]
WINDOW = 7   # of the sliding layers of oracle.py
CACHES = {"contiguous": lambda config: Contiguous(config, N, batch=2), "sliding": Sliding,
          "sinks": lambda config: Sinks(config, 2, 6), "window eviction": lambda config: Sinks(config, 0, 6)}


@pytest.fixture(scope="module")
def models():
    made = {}
    return lambda name: made.get(name) or made.setdefault(name, ARCHITECTURES[name]())


def through(model, cache, ids, chunk):
    """Logits of a text that passes through a cache some tokens at a time."""
    with torch.no_grad():
        return torch.cat([model(part, cache) for part in ids.split(chunk, dim=1)], dim=1)


def close(a, b):
    return (a - b).abs().max() < 1e-4


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("name", ["gemma2", "deepseek_v3"])
def test_prefill_at_once_in_chunks_and_token_by_token_give_the_same_logits(models, name, cache):
    _, ours = models(name)
    at_once = through(ours, CACHES[cache](ours.config), IDS, N)
    assert close(through(ours, CACHES[cache](ours.config), IDS, 6), at_once)
    assert close(through(ours, CACHES[cache](ours.config), IDS, 1), at_once)


@pytest.mark.parametrize("name", ["mistral", "gemma2", "gpt_oss", "llama", "deepseek_v3"])
@pytest.mark.parametrize("chunk", [3, 13])
def test_a_sliding_cache_gives_the_logits_of_no_cache(models, name, chunk):
    _, ours = models(name)
    with torch.no_grad():
        assert close(through(ours, Sliding(ours.config), IDS, chunk), ours(IDS))


@pytest.mark.parametrize("name", ["mistral", "gemma2", "gpt_oss"])
def test_step_by_step_a_sliding_cache_equals_transformers_dynamic_cache(models, name):
    """Logits, and which values are kept; theirs keeps one token less,
    the one that the next query will not see."""
    theirs, ours = models(name)
    cache, past = Sliding(ours.config), DynamicCache(config=theirs.config)
    with torch.no_grad():
        for t in range(N):
            step = theirs(IDS[:, t:t + 1], past_key_values=past, use_cache=True)
            assert close(step.logits, ours(IDS[:, t:t + 1], cache)), f"at token {t}"
            assert cache.length == past.get_seq_length() == t + 1
            for layer, kept in enumerate(past.layers):
                sliding = ours.config.layer_kind(layer) == SLIDING
                values = cache.stored[layer][1]
                assert values.shape[2] == (min(t + 1, WINDOW) if sliding else t + 1)
                assert close(values[:, :, -kept.values.shape[2]:], kept.values)
                assert kept.values.shape[2] == (min(t + 1, WINDOW - 1) if sliding else t + 1)


@pytest.mark.parametrize("name", ["gemma2", "gpt_oss"])
def test_after_a_long_prompt_a_sliding_cache_fills_the_rows_that_transformers_static_cache_reserves(
        models, name):
    theirs, ours = models(name)
    cache, past = Sliding(ours.config), StaticCache(config=theirs.config, max_cache_len=N)
    with torch.no_grad():
        assert close(theirs(IDS, past_key_values=past, use_cache=True).logits, ours(IDS, cache))
    assert ([tuple(rows[1].shape) for rows in cache.stored]
            == [tuple(layer.values.shape) for layer in past.layers])
    for rows, layer in zip(cache.stored, past.layers, strict=True):
        assert close(rows[1], layer.values)


def test_chunked_layers_need_no_more_than_a_chunk():
    config = ModelConfig(n_layers=4, hidden_size=32, n_heads=4, intermediate_size=48, vocab_size=97,
                         n_kv_heads=2, layer_kinds=(CHUNKED, CHUNKED, CHUNKED, FULL), window=6)
    model, cache = Transformer(config).initialise(seed=3, spread=0.3).eval(), Sliding(config)
    with torch.no_grad():
        assert close(through(model, cache, IDS, 4), model(IDS))
    assert [rows[0].shape[2] for rows in cache.stored] == [6, 6, 6, N]


class AllRows:
    """Drops nothing and picks, for each query, the rows that StreamingLLM would have kept,
    by their index in the text."""

    def __init__(self, config, n_sinks, window):
        self.rows, self.n_sinks, self.window, self.length = [None] * config.n_layers, n_sinks, window, 0

    def extend(self, layer, first, second, positions):
        start = 0 if self.rows[layer] is None else self.rows[layer][0].shape[2]
        old = self.rows[layer] or [first[:, :, :0], second[:, :, :0]]
        self.rows[layer] = [torch.cat(pair, dim=2) for pair in zip(old, (first, second), strict=True)]
        parts = []
        for t in range(start, start + first.shape[2]):
            kept = sorted({*range(min(self.n_sinks, t + 1)), *range(max(0, t + 1 - self.window), t + 1)})
            places = torch.arange(len(kept)).expand(len(positions), -1)
            rows = [r[:, :, kept] for r in self.rows[layer]]
            parts.append(Part(slice(t - start, t - start + 1), places[:, -1:], *rows, places))
        return parts


@pytest.mark.parametrize("name, n_sinks, window",
                         [("llama", 0, 5), ("llama", 2, 4), ("llama", 4, 1), ("llama", 3, 30),
                                                   ("gpt_oss", 2, 6), ("deepseek_v3", 3, 5)])
def test_sinks_equal_attention_over_the_kept_tokens_numbered_anew(models, name, n_sinks, window):
    _, ours = models(name)
    expected = through(ours, AllRows(ours.config, n_sinks, window), IDS, N)
    assert close(through(ours, Sinks(ours.config, n_sinks, window), IDS, 7), expected)


@pytest.mark.parametrize("n_sinks, window", [(0, 5), (2, 4), (4, 8)])
def test_in_one_layer_sinks_are_the_text_with_the_middle_cut_out(n_sinks, window):
    """Keys of a first layer depend on their own token alone, so here forgetting
    is the same as never having read."""
    config = ModelConfig(n_layers=1, hidden_size=32, n_heads=4, intermediate_size=48, vocab_size=97,
                         n_kv_heads=2)
    model = Transformer(config).initialise(seed=4, spread=0.5).eval()
    logits = through(model, Sinks(config, n_sinks, window), IDS, 1)
    with torch.no_grad():
        for t in range(n_sinks + window, N):
            cut = torch.cat([IDS[:, :n_sinks], IDS[:, t + 1 - window:t + 1]], dim=1)
            assert close(model(cut)[:, -1], logits[:, t])


@pytest.mark.parametrize("name", ["llama", "deepseek_v3"])
def test_sinks_larger_than_the_text_equal_a_contiguous_cache(models, name):
    _, ours = models(name)
    assert close(through(ours, Sinks(ours.config, 4, N - 4), IDS, 5),
                 through(ours, Contiguous(ours.config, N, batch=2), IDS, 5))


def test_eviction_without_sinks_is_sliding_attention_in_every_layer(models):
    """Rotation sees distances alone, so numbering the window anew changes nothing."""
    _, full = models("llama")
    sliding = Transformer(full.config.with_(layer_kinds=(SLIDING,), window=5)).eval()
    sliding.load_state_dict(full.state_dict())
    with torch.no_grad():
        assert close(through(full, Sinks(full.config, 0, 5), IDS, 8), sliding(IDS))


def test_a_sink_cache_stops_growing_and_never_looks_further_than_its_size(models):
    _, ours = models("llama")
    cache, sizes = Sinks(ours.config, 2, 5), []
    for t in range(N):
        through(ours, cache, IDS[:, t:t + 1], 1)
        sizes.append(cache.n_bytes)
    assert sizes == [min(t + 1, 7) * sizes[0] for t in range(N)] and cache.length == N
    rows = torch.zeros(2, 2, 9, 8)
    for part in cache.extend(0, rows, rows, torch.arange(N, N + 9).expand(2, -1)):
        assert part.key_positions.max() == part.query_positions.max() == 6 and part.first.shape[2] == 7


@pytest.mark.parametrize("latent", [Latent(24, 16, 12, 8, 10), Latent(24, 32, 12, 16, 10)])
def test_a_latent_cache_keeps_one_rotary_key_and_one_latent_a_token(latent):
    config = ModelConfig(n_layers=3, hidden_size=32, n_heads=4, intermediate_size=48, vocab_size=97,
                         latent=latent)
    cache = Contiguous(config, N, batch=2)
    through(Transformer(config).initialise(seed=1), cache, IDS, 6)
    assert [rows.shape for rows in cache.rows[0]] == [(2, 1, N, latent.qk_rope_head_dim),
                                                      (2, 1, N, latent.kv_lora_rank)]


def test_a_cache_of_another_batch_is_refused(models):
    _, ours = models("llama")
    with pytest.raises(ValueError, match="room for 1 sequences and got 2; make it with batch=2"):
        through(ours, Contiguous(ours.config, N), IDS, N)
    with pytest.raises(ValueError, match="room for 2 sequences and got 1"):
        through(ours, Contiguous(ours.config, N, batch=2), IDS[:1], N)
    for cache in (Sliding(ours.config), Sinks(ours.config, 2, 5), Quantised(ours.config, Int8())):
        through(ours, cache, IDS, N)
        with pytest.raises(ValueError, match="holds 2 sequences and got 1"):
            through(ours, cache, IDS[:1], N)


def test_a_full_cache_and_impossible_sizes_are_refused(models):
    _, ours = models("llama")
    cache = Contiguous(ours.config, 12, batch=2)
    through(ours, cache, IDS[:, :12], 12)
    with pytest.raises(ValueError, match="13 tokens do not fit into a cache of 12"):
        through(ours, cache, IDS[:, :1], 1)
    assert cache.length == 12
    with pytest.raises(ValueError, match="0 or more sinks, and at least 1 token"):
        Sinks(ours.config, 2, 0)
    with pytest.raises(ValueError, match="chunked"):
        Sinks(ours.config.with_(layer_kinds=(CHUNKED,), window=4), 2, 5)


@pytest.mark.parametrize("dtype", ["fp7", torch.int8, None])
def test_a_number_type_that_holds_no_fractions_is_refused(dtype):
    config = ModelConfig(n_layers=1, hidden_size=8, n_heads=2, intermediate_size=8, vocab_size=8)
    for make in (lambda: Contiguous(config, 4, dtype=dtype), lambda: BlockPool(config, 2, 2, dtype)):
        with pytest.raises(ValueError, match="dtype cannot be .*torch.bfloat16"):
            make()
