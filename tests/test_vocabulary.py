"""inference/vocabulary.py against hand cases, the operation counts of flops.py, limits, and a draw of experts."""
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from computetrades.facts import facts
from computetrades.inference import flops, kv, params, vocabulary

BF16 = SimpleNamespace(bits=2, scale_bits=0, block_size=1)   # bytes
MXFP4 = SimpleNamespace(bits=0.5, scale_bits=1, block_size=32)
DENSE = SimpleNamespace(n_layers=2, hidden_size=8, n_heads=2, n_kv_heads=1, head_dim=4, intermediate_size=16, vocab_size=100, tied_embeddings=0)
MIXTURE = SimpleNamespace(**{**vars(DENSE), "n_experts": 8, "n_experts_per_token": 2, "moe_intermediate_size": 16, "n_dense_layers": 0})
MODELS = [key for key in ("llama-31-70b", "deepseek-v3", "gpt-oss-120b", "gemma-2-27b", "llama-4-maverick", "vocab-gemma-2-2b")]


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


@pytest.mark.parametrize("key", MODELS)
@pytest.mark.parametrize("batch", [1, 17])
def test_a_steps_flops_are_those_of_decode(key, batch):
    model = facts(key).plain
    step = vocabulary.step_flops(model, batch, 3000)
    assert sum(step.values()) == pytest.approx(batch * sum(flops.decode(model, 3000, absorbed=hasattr(model, "kv_lora_rank")).values()))
    assert step["head"] == batch * 2 * model.vocab_size * model.hidden_size


def test_a_dense_steps_bytes_by_hand():
    read = vocabulary.step_bytes(DENSE, BF16, BF16, batch=3, context=5)
    attention, gated = 8 * 8 + 2 * 8 * 4 + 8 * 8, 3 * 8 * 16
    assert read == {"layers": 2 * 2 * (attention + gated), "cache": 3 * 5 * 2 * 2 * 4 * 2, "head": 1600}


def test_formats_of_single_matrices():
    plain, packed = (vocabulary.step_bytes(MIXTURE, BF16, BF16, 1, 5, **f) for f in ({}, {"experts": MXFP4, "head": MXFP4}))
    assert packed["experts"] / plain["experts"] == packed["head"] / plain["head"] == kv.stored_size(MXFP4) / 2
    assert packed["layers"] == plain["layers"]


def test_one_token_reads_its_own_experts_and_many_read_all():
    assert vocabulary.experts_read(MIXTURE, 1) == pytest.approx(2)
    assert vocabulary.experts_read(MIXTURE, 1000) == pytest.approx(8)


@given(st.integers(1, 300))
def test_more_tokens_never_read_fewer_experts_nor_more_than_they_chose(batch):
    read = vocabulary.experts_read(MIXTURE, batch)
    assert read <= vocabulary.experts_read(MIXTURE, batch + 1) <= 8 and read <= 2 * batch * (1 + 1e-12)


def test_experts_read_agree_with_a_draw():
    rng = np.random.default_rng(0)
    drawn = [len({e for _ in range(5) for e in rng.choice(8, 2, replace=False)}) for _ in range(4000)]
    assert vocabulary.experts_read(MIXTURE, 5) == pytest.approx(np.mean(drawn), abs=0.06)


def test_a_part_takes_as_long_as_its_longer_side():
    gpu = SimpleNamespace(hbm_bandwidth=10, bf16_flops=100)
    took = vocabulary.step_seconds({"head": 20, "layers": 5}, {"head": 100, "layers": 400}, gpu)
    assert took == {"head": 2, "layers": 4} and vocabulary.head_share(took) == pytest.approx(1 / 3)


def test_below_the_balance_of_the_gpu_time_is_bytes():
    llama, h100 = facts("llama-31-70b").plain, facts("h100-sxm").plain
    read, work = vocabulary.step_bytes(llama, BF16, BF16, 64, 50_000), vocabulary.step_flops(llama, 64, 50_000)
    assert vocabulary.head_share(vocabulary.step_seconds(read, work, h100)) == pytest.approx(vocabulary.head_share(read))
    work = vocabulary.step_flops(llama, 1024, 1)
    read = vocabulary.step_bytes(llama, BF16, BF16, 1024, 1)
    assert vocabulary.head_share(vocabulary.step_seconds(read, work, h100)) == pytest.approx(vocabulary.head_share(work), rel=0.01)


def test_published_count_of_gemma_2_2b():
    """2.61B in the Gemma 2 report's sum of 2,024,517,888 and 590,000,000 (rounded there) for body and embedding."""
    assert params.total(facts("vocab-gemma-2-2b").plain) == 2_024_517_888 + 256_000 * 2304
