"""inference/flops.py against torch's own counter on the modules:
small ones run, the published ones go through shapes alone."""
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from computetrades.facts import facts
from computetrades.inference import flops
from computetrades.model import moe
from computetrades.model.attention import _merge, _split
from computetrades.model.cache import Contiguous
from computetrades.model.cache.base import Part
from computetrades.model.config import CHUNKED, SLIDING
from computetrades.model.mla import LatentAttention
from computetrades.model.published_config import model_config
from computetrades.model.rope import attention_factor, frequencies, rotate
from computetrades.model.transformer import Transformer
from tests.published import CONFIGS, shallow, small
from tests.three_paths import whole_numbers

N = 16
IDS = torch.tensor([[5, 17, 3, 88, 42, 7, 7, 61, 90, 12, 33, 2, 54, 71, 8, 19]])
SHAPES = ["llama-31-70b", "qwen25-72b", "gemma-2-27b", "mistral-7b", "mixtral-8x7b", "qwen3-235b",
          "gpt-oss-120b", "llama-4-maverick", "deepseek-v3"]
every_shape, every_model = pytest.mark.parametrize("key", SHAPES), pytest.mark.parametrize("key", CONFIGS)


class Reaching(Contiguous):
    """Hands a single query the keys that it may see and no others, as a rolling cache would."""

    def __init__(self, config, capacity):
        super().__init__(config, capacity)
        self.config = config

    def extend(self, layer, first, second, positions):
        part, = super().extend(layer, first, second, positions)
        last, kind = int(positions[0, -1]), self.config.layer_kind(layer)
        window = self.config.window or last + 1
        start = {SLIDING: max(last + 1 - window, 0), CHUNKED: last // window * window}.get(kind, 0)
        return [Part(part.queries, positions, part.first[:, :, start:], part.second[:, :, start:],
                     part.key_positions[:, start:])]


def counted(model, *inputs, **named) -> Counter:
    """Operation -> FLOPs over all layers as torch counts them; scores and values are one,
    and so are router and experts."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(*inputs, **named)
    found = Counter()
    for name, by_kind in counter.get_flop_counts().items():
        # Transformer.blocks.0.attention.q_proj
        operation = name.split(".", 3)[-1] if ".blocks." in name else ""
        total = sum(by_kind.values())
        if name == "Transformer":
            found["total"] = total
        elif operation in ("attention", "feed_forward"):
            found[operation] += total
        elif operation.startswith("attention."):
            found[operation.removeprefix("attention.")] += total
            found["attention"] -= total  # so that the products of queries, keys and values are left
    return found


def expected(ops) -> dict:
    """Ours under the same names."""
    fed = ("feed_forward", "router", "experts", "shared_experts")
    out = {name: n for name, n in ops.items() if name not in (*fed, "scores", "values", "head")}
    return out | {"attention": ops["scores"] + ops["values"],
                  "feed_forward": sum(ops.get(name, 0) for name in fed), "total": sum(ops.values())}


def seeing_all(m) -> SimpleNamespace:
    """The same with every layer full: a masked product is computed whole, and torch counts it so."""
    return SimpleNamespace(**{k: v for k, v in vars(m).items()
                              if k not in ("sliding_window", "attention_chunk_size")})


@pytest.fixture(scope="module")
def models():
    made = {}
    return lambda key: made[key] if key in made else made.setdefault(
        key, Transformer(model_config(small(key))).initialise(1).eval())


@every_shape
def test_a_step_of_decoding_with_the_keys_in_reach(models, key):
    model, m = models(key), small(key)
    for context in (1, 7, 8, 15):
        cache = Reaching(model.config, N)
        cache.stored = [context - 1] * m.n_layers  # whatever is in it, the arithmetic is the same
        assert counted(model, IDS[:, :1], cache) == expected(flops.decode(m, context)), f"at {context} tokens"


@every_shape
def test_reaching_hands_out_all_that_a_query_may_see(models, key):
    model = models(key)
    cache = Reaching(model.config, N)
    with torch.no_grad():
        steps = torch.cat([model(IDS[:, t:t + 1], cache) for t in range(N)], dim=1)
        torch.testing.assert_close(steps, model(IDS), rtol=1e-4, atol=1e-5)


@every_shape
def test_a_prompt_computed_as_a_square(models, key):
    m = seeing_all(small(key))
    ours = flops.prefill(m, N, every_token=True)
    step = flops.decode(m, N)
    square = ours | {"scores": N * step["scores"], "values": N * step["values"]}
    assert counted(models(key), IDS) == expected(square)


@pytest.mark.parametrize("cached", [1, 9])
def test_a_prompt_behind_a_cached_prefix(models, cached):
    model, m = models("deepseek-v3"), small("deepseek-v3")
    cache = Contiguous(model.config, N)
    with torch.no_grad():
        model(IDS[:, :cached], cache)
    ours = expected(flops.prefill(m, N - cached, cached, every_token=True))
    theirs = counted(model, IDS[:, cached:], cache)
    # Those are computed as a square
    assert all(ours[name] == theirs[name] for name in ours if name not in ("attention", "total"))


def absorbed(block: LatentAttention, x, latent, k_rope, positions):
    """Attention of one query in the latents' space: x [1, 1, hidden] on latent [1, keys, rank],
    k_rope [1, 1, keys, rope]."""
    config, c = block.config, block.config.latent
    q = _split(block.q_b_proj(block.q_a_norm(block.q_a_proj(x))), c.qk_nope_head_dim + c.qk_rope_head_dim)
    q_nope, q_rope = q.split([c.qk_nope_head_dim, c.qk_rope_head_dim], dim=-1)
    up = block.kv_b_proj.weight.unflatten(0, (config.n_heads, -1))
    up_keys, up_values = up.split([c.qk_nope_head_dim, c.v_head_dim], dim=1)
    turned = frequencies(config.rope, c.qk_rope_head_dim), attention_factor(config.rope)
    q = torch.cat([q_nope @ up_keys, rotate(q_rope, positions[:, -1:], *turned)], dim=-1)
    k = torch.cat([latent[:, None], rotate(k_rope, positions, *turned)],
                  dim=-1).expand(-1, config.n_heads, -1, -1)
    weights = torch.softmax(q @ k.transpose(-1, -2) * config.query_scale, dim=-1)
    mixed = weights @ latent[:, None].expand(-1, config.n_heads, -1, -1)
    return block.o_proj(_merge(mixed @ up_values.transpose(-1, -2)))


def test_absorbed_attention_gives_the_same_and_costs_what_we_say(models):
    model, m = models("deepseek-v3"), small("deepseek-v3")
    block, cache = model.blocks[0].attention, Contiguous(model.config, N)
    x = torch.randn(1, N, m.hidden_size, generator=torch.Generator().manual_seed(2))
    positions = torch.arange(N)[None]
    with torch.no_grad():
        expanded = block(x, positions, cache)[:, -1:]
        k_rope, latent = (rows[:, :, :N] for rows in cache.rows[0])
        with FlopCounterMode(display=False) as counter:
            out = absorbed(block, x[:, -1:], latent[:, 0], k_rope, positions)
    torch.testing.assert_close(out, expanded, rtol=1e-4, atol=1e-6)
    ours = flops.decode(m, N, absorbed=True)
    operations = ("q_a_proj", "q_b_proj", "kv_b_proj", "o_proj", "scores", "values")
    per_layer = sum(ours[name] for name in operations) / m.n_layers
    assert counter.get_total_flops() == per_layer  # kv_a_proj made the row that the cache holds


# The published sizes: tensors without memory, so what depends on values is put in by hand:
# which experts a token goes to

@pytest.fixture
def balanced(monkeypatch):
    def forward(self, x):
        flat = x.flatten(0, 1)
        self.router.proj(flat)
        for index in range(self.config.experts.n_experts_per_token):
            self.expert(index, flat)
        return x if self.shared is None else self.shared(x)
    monkeypatch.setattr(moe.MixtureOfExperts, "forward", forward)


@every_model
def test_a_step_at_the_published_widths_and_50_000_tokens(balanced, key):
    m = shallow(key)
    with torch.device("meta"):
        model = Transformer(model_config(m))
        cache = Contiguous(model.config, 50_000, device="meta")
        cache.stored = [49_999] * m.n_layers
        step = counted(model, torch.zeros(1, 1, dtype=torch.long), cache)
    assert step == expected(flops.decode(seeing_all(m), 50_000))


@pytest.mark.parametrize("tokens, told", [(2048, 295.67), (50_000, 13_503.77)])
def test_llama_3_70b_prefill_as_torch_counts_it(tokens, told):
    """TFLOP of the whole square with logits for every token, also what llm-analysis 2024 prints.
    Two layers give the other 78."""
    config = model_config(facts("llama-3-70b"))
    with torch.device("meta"):
        one, two = (counted(Transformer(config.with_(n_layers=n)),
                            torch.zeros(1, tokens, dtype=torch.long))["total"] for n in (1, 2))
    total = one + 79 * (two - one)
    ours = tokens * sum(flops.decode(whole_numbers(facts("llama-3-70b")), tokens).values())
    assert total == ours and round(total / 1e12, 2) == told
