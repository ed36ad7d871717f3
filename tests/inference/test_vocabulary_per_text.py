"""What a vocabulary costs to read, by hand and against the counts of a real model."""
import pytest

from computetrades.facts import facts
from computetrades.inference import params, vocabulary


class Toy:
    n_layers, hidden_size, n_heads, n_kv_heads, head_dim, intermediate_size = 2, 4, 2, 1, 2, 8


class Halves:
    bits, scale_bits, block_size = 16, 0, 1


def test_by_hand():
    # a layer: q 4*4, k and v 4*2 each, o 4*4, gate, up and down 3*4*8: 144 weights;
    # the head of 10 entries: 40.
    size = vocabulary.read_per_text(Toy, Halves, 10, 0.25)
    assert size == pytest.approx((2 * 144 + 40) * stored() * 0.25)


def stored():
    from computetrades.inference.kv import stored_size
    return stored_size(Halves)


def test_llama_with_its_own_vocabulary_reads_all_but_the_input_table_and_the_norms():
    llama, bf16 = facts("llama-31-70b"), facts("bf16")
    read = vocabulary.read_per_text(llama, bf16, llama.vocab_size, 1)
    known = params.parts(llama)
    weights = params.total(llama) - known["embedding"] - known["norms"]
    assert float(read.value("B/token")) == pytest.approx(2 * float(weights))


def test_a_mixture_reads_the_experts_of_one_token():
    gptoss, bf16 = facts("gpt-oss-120b"), facts("bf16")
    read = float(vocabulary.read_per_text(gptoss, bf16, 0, 1).value("B/token"))
    assert read < 2 * float(params.active(gptoss)) < 2 * float(params.total(gptoss))


def test_a_longer_list_pays_in_a_deep_model_and_not_in_a_shallow_one():
    def ratio(layers):
        toy = type("Model", (Toy,),
                   {"n_layers": layers, "hidden_size": 512, "n_heads": 8, "head_dim": 64,
                    "intermediate_size": 2048})
        return (vocabulary.read_per_text(toy, Halves, 100_000, 0.24)
                / vocabulary.read_per_text(toy, Halves, 16_000, 0.28))
    assert ratio(80) < 1 < ratio(1)
    assert ratio(10**6) == pytest.approx(0.24 / 0.28, rel=1e-3)
