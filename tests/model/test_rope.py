"""Rotation: every scheme's frequencies against Transformers, its laws, and reading further
with the trained model."""
import math

import pytest
import torch

from computetrades.lab import checkpoints, context_extension, position
from computetrades.lab.perplexity import by_window, perplexity
from computetrades.model import rope
from computetrades.model.config import Rope

hf = pytest.importorskip("transformers")
LONG, TIMES = 8192, 8.0
SCALED = {"factor": TIMES, "original_max_position_embeddings": LONG}
THEIRS = {"default": {}, "linear": {"factor": TIMES}, "yarn": SCALED | {"beta_fast": 32.0, "beta_slow": 1.0},
          "llama3": SCALED | {"low_freq_factor": 1.0, "high_freq_factor": 4.0}}


def theirs(scheme):
    """Transformers' frequencies. What the field calls NTK-aware is there the 'dynamic' kind,
    read at a length of TIMES times LONG."""
    kind = "dynamic" if scheme == "ntk" else scheme
    given = {"factor": 1.0} if scheme == "ntk" else THEIRS[scheme]
    length = LONG if scheme == "ntk" else int(LONG * TIMES)
    config = hf.LlamaConfig(hidden_size=1024, num_attention_heads=8, head_dim=128,
                            max_position_embeddings=length,
                            rope_parameters={"rope_type": kind, "rope_theta": 500_000.0, **given})
    if kind == "default":
        return hf.models.llama.modeling_llama.LlamaRotaryEmbedding(config).inv_freq
    make = hf.modeling_rope_utils.ROPE_INIT_FUNCTIONS[kind]
    return make(config, "cpu", seq_len=int(LONG * TIMES))[0]


@pytest.mark.parametrize("scheme", context_extension.SCHEMES)
def test_frequencies_are_those_of_transformers(scheme):
    torch.testing.assert_close(rope.frequencies(Rope(500_000.0, scheme, TIMES, LONG), 128), theirs(scheme),
                               rtol=2e-5, atol=0)


@pytest.mark.parametrize("scheme", context_extension.SCHEMES)
def test_stretched_by_one_it_is_unchanged(scheme):
    torch.testing.assert_close(rope.frequencies(Rope(10_000.0, scheme, 1.0, 256), 32),
                               rope.frequencies(Rope(10_000.0), 32))


@pytest.mark.parametrize("shift", [1, 100, 5000])
def test_a_score_follows_from_the_distance_alone(shift):
    here = position.score(20, 7, 10_000.0, 64, 3)
    assert position.score(20 + shift, 7 + shift, 10_000.0, 64, 3) == pytest.approx(here, abs=5e-3)
    assert position.score(20 + shift, 7, 10_000.0, 64, 3) != pytest.approx(here, abs=2e-2)


def test_rotation_keeps_lengths_and_turns_by_hand():
    """At position pi/2 the only pair of a width of two turns (1, 0) into (0, 1)."""
    turned = rope.rotate(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[math.pi / 2]]),
                         rope.frequencies(Rope(10_000.0), 2))
    torch.testing.assert_close(turned, torch.tensor([[[[0.0, 1.0]]]]), atol=1e-6, rtol=0)
    x = torch.randn(1, 1, 1, 64, generator=torch.Generator().manual_seed(0))
    turned = rope.rotate(x, torch.tensor([[977]]), rope.frequencies(Rope(10_000.0), 64))
    assert turned.norm() == pytest.approx(float(x.norm()), rel=1e-5)


TEXT = "add a node to the graph"


def test_without_rotation_attention_sees_a_bag_of_words():
    assert position.moved_by_order(TEXT, False, False) == 0
    assert position.moved_by_order(TEXT, True, False) > 0.05


def test_several_layers_tell_order_from_the_mask_alone():
    """Haviv et al. 2022: a causal model without positions is not blind to order."""
    assert position.moved_by_order(TEXT, False, True) > 0.05


def test_an_odd_width_is_refused():
    with pytest.raises(ValueError, match="a width of 7 leaves one number without a pair"):
        position.score(1, 0, 10_000.0, 7, 0)


def test_too_short_a_text_is_refused():
    with pytest.raises(ValueError, match="give four or more"):
        position.moved_by_order("a", True, False)


@pytest.fixture(scope="module")
def tiny():
    model, tokenizer = checkpoints.load("tiny")
    return model, torch.tensor(tokenizer.encode(checkpoints.held_out()))


def test_by_position_averages_back_to_the_whole(tiny):
    nats = by_window(tiny[0], tiny[1], 256, 2)
    parts = context_extension.by_position(nats, 64)
    assert len(parts) == 4
    assert math.exp(sum(map(math.log, parts)) / 4) == pytest.approx(perplexity(nats))


def test_further_training_changes_a_copy_and_helps(tiny):
    model, ids = tiny
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    text, unseen = ids[:60_000], ids[60_000:]
    other = context_extension.tuned(model, text, "linear", 256, 512, n_tokens=8 * 512, rate=3e-4, seed=1)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    still = context_extension.stretched(model, "linear", 256, 512)
    assert perplexity(by_window(other, unseen, 512, 4)) < perplexity(by_window(still, unseen, 512, 4))
    same = context_extension.tuned(model, text, "linear", 256, 512, n_tokens=8 * 512, rate=3e-4, seed=1)
    both = zip(other.state_dict().values(), same.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in both)
