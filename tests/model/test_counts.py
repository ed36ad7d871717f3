"""The published models from their facts: counts, configuration and, made small, outputs,
against Transformers and our modules."""
import pytest
import torch

from computetrades.facts import facts
from computetrades.inference import params
from computetrades.model.config import CHUNKED, FULL, SLIDING, ConfigError
from computetrades.model.published_config import model_config
from computetrades.model.rope import attention_factor, frequencies
from computetrades.model.transformer import Transformer, n_parameters
from tests.oracle import pair
from tests.published import CONFIGS, full_size, small, small_config
from tests.three_paths import whole_numbers

every_model = pytest.mark.parametrize("key", CONFIGS)
# See model/published_config.py
EXACT = [key for key in CONFIGS if key not in ("deepseek-v2", "llama-4-maverick")]
KIND = {"full_attention": FULL, "sliding_attention": SLIDING, "chunked_attention": CHUNKED}
IDS = torch.tensor([[5, 17, 3, 88, 42, 7, 7, 61, 90, 12, 33, 2, 54, 71, 8, 19]])


@pytest.fixture(scope="module")
def published():
    made = {}
    return lambda key: made[key] if key in made else made.setdefault(key, full_size(key))


@every_model
def test_counts_agree_with_our_module_part_by_part_and_with_transformers(published, key):
    parts = params.parts(whole_numbers(facts(key)))
    with torch.device("meta"):
        tensors = Transformer(model_config(facts(key))).state_dict()
    found = dict.fromkeys(parts, 0)
    for name, tensor in tensors.items():
        found[part(name)] += tensor.numel()
    assert found == parts
    assert stored(published(key)) == params.total(whole_numbers(facts(key)))


def stored(theirs) -> int:
    """Their parameters, and the balancing bias, which is a buffer."""
    return theirs.num_parameters() + sum(b.numel() for name, b in theirs.named_buffers()
                                         if name.endswith("e_score_correction_bias"))


def part(name):
    """The part that a tensor of our module belongs to."""
    if "norm" in name:
        return "norms"
    if name.endswith(("bias", "sinks", "balance")):
        return "biases"
    for mark, found in ((".attention.", "attention"), ("embed", "embedding"), ("head.", "head"),
                        (".router.", "router"), (".shared.", "shared_experts")):
        if mark in name:
            return found
    return "experts" if name.endswith((".gate_up", ".down")) else "feed_forward"


@every_model
def test_layers_follow_the_published_pattern(published, key):
    theirs, ours = published(key).config, model_config(facts(key))
    # For classes whose layers are all alike
    usual = "sliding_attention" if key == "mistral-7b" else "full_attention"
    mine = [ours.layer_kind(layer) for layer in range(ours.n_layers)]
    told = getattr(theirs, "layer_types", None) or [usual] * theirs.num_hidden_layers
    assert mine == [KIND[kind] for kind in told]
    m = whole_numbers(facts(key))
    for kind, count in ((FULL, "n_full_layers"), (SLIDING, "n_sliding_layers"),
                        (CHUNKED, "n_chunked_layers")):
        assert mine.count(kind) == getattr(m, count, m.n_layers if kind == FULL else 0)
    fed = [getattr(block, "feed_forward", None) or block.mlp for block in published(key).model.layers]
    experts = [hasattr(layer, "experts") for layer in fed]
    assert [ours.has_experts(layer) for layer in range(ours.n_layers)] == experts
    assert experts.count(True) == (m.n_layers - m.n_dense_layers if ours.experts else 0)


@every_model
def test_positions_scales_and_norms_are_the_published_ones(published, key):
    theirs, ours = published(key), model_config(facts(key))
    kind = type(theirs.model.rotary_emb)
    rotary = kind(config=theirs.config)  # with memory
    torch.testing.assert_close(frequencies(ours.rope, ours.rotary_dim), rotary.inv_freq, rtol=2e-5, atol=0)
    assert attention_factor(ours.rope) == pytest.approx(rotary.attention_scaling)
    attention = theirs.model.layers[0].self_attn
    width = ours.head_dim if not ours.latent else ours.latent.qk_nope_head_dim + ours.latent.qk_rope_head_dim
    assert (ours.query_scale or width ** -0.5) == pytest.approx(attention.scaling)
    assert ours.norm_eps == theirs.config.rms_norm_eps


@pytest.mark.parametrize("key", EXACT)
def test_made_small_it_gives_the_outputs_of_transformers(key):
    theirs, ours = pair(*small_config(key), model_config(small(key)))
    with torch.no_grad():
        assert (theirs(IDS).logits - ours(IDS)).abs().max() < 1e-4


@every_model
def test_made_small_it_still_counts_right(key):
    architecture, config = small_config(key)
    assert params.total(small(key)) == n_parameters(model_config(small(key))) == stored(architecture(config))


def test_a_record_that_is_no_model_says_what_is_missing():
    with pytest.raises(AttributeError, match="h100-sxm has no fact"):
        model_config(facts("h100-sxm"))


def test_a_shape_that_no_model_can_have_is_refused():
    m = whole_numbers(facts("mistral-7b"))
    m.n_kv_heads = 5
    with pytest.raises(ConfigError, match="n_kv_heads cannot be 5"):
        model_config(m)
