"""inference/vocabulary.py against hand cases, published counts and limits."""
from types import SimpleNamespace

import pytest

from computetrades.facts import facts
from computetrades.inference import params, step, vocabulary
from computetrades.inference.step import Deployment, decoding

BF16 = SimpleNamespace(bits=2, scale_bits=0, block_size=1)   # bytes
DENSE = SimpleNamespace(n_layers=2, hidden_size=8, n_heads=2, n_kv_heads=1, head_dim=4, intermediate_size=16,
                        vocab_size=100, tied_embeddings=0)
MODELS = [key for key in ("llama-31-70b", "deepseek-v3", "gpt-oss-120b", "gemma-2-27b", "llama-4-maverick",
                          "vocab-gemma-2-2b")]


def test_a_table_by_hand():
    assert vocabulary.row_bytes(DENSE, BF16) == 16
    assert vocabulary.table_bytes(DENSE, BF16) == 1600
    assert vocabulary.n_tables(DENSE) == 2 and vocabulary.n_tables(SimpleNamespace(tied_embeddings=1)) == 1
    assert vocabulary.own_rows(facts("llama-31-70b").plain, 8) == 16_032


def test_llamas_figures():
    llama = facts("llama-31-70b")
    assert vocabulary.table_bytes(llama, facts("bf16")).value("B") == 2_101_346_304
    assert vocabulary.head_flops(llama).value("FLOP/token") == 2_101_346_304


@pytest.mark.parametrize("key", MODELS)
def test_tables_and_the_rest_are_the_whole_model(key):
    model = facts(key).plain
    rest = sum(n for name, n in params.parts(model).items() if name not in ("embedding", "head"))
    assert vocabulary.n_tables(model) * model.vocab_size * model.hidden_size + rest == params.total(model)


def test_the_heads_share_of_a_step():
    assert vocabulary.head_share({"head": 2, "layers": 4}) == pytest.approx(1 / 3)


def test_below_the_balance_of_the_gpu_the_heads_share_of_the_time_is_that_of_the_bytes():
    on = Deployment(facts("llama-31-70b").plain, BF16, facts("h100-sxm").plain)
    few, many = decoding(50_000, 64), decoding(2, 1024)
    few_bytes = vocabulary.head_share(step.part_bytes(on, few))
    many_flops = vocabulary.head_share(step.part_flops(on, many))
    assert vocabulary.head_share(step.part_seconds(on, few)) == pytest.approx(few_bytes, rel=1e-4)
    assert vocabulary.head_share(step.part_seconds(on, many)) == pytest.approx(many_flops, rel=0.1)


def test_published_count_of_gemma_2_2b():
    """2.61B in the Gemma 2 report's sum of 2,024,517,888 and 590,000,000 (rounded there)
    for body and embedding."""
    assert params.total(facts("vocab-gemma-2-2b").plain) == 2_024_517_888 + 256_000 * 2304
