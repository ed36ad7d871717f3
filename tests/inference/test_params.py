"""inference/params.py: against published counts and file sizes, the counts in the facts,
and matrices listed one by one."""
import math

import numpy as np
import pytest

from computetrades import formula
from computetrades.facts import all_facts, facts, leaf_of
from computetrades.inference import params
from tests.three_paths import paths, whole_numbers

COUNTED = [key for key, record in all_facts().items() if "n_params" in record]
PUBLISHED = {  # total and active parameters as their authors print them, in units of 1e9
    "llama-31-405b": ("405",), "llama-31-70b": ("70",), "llama-31-8b": ("8.03",),  # as llama.cpp counts it
    "deepseek-v3": ("671", "37"), "deepseek-v2": ("236", "21"),
    "gpt-oss-120b": ("117",), "qwen3-235b": ("235", "22"), "qwen25-72b": ("72.7",),
    "mixtral-8x7b": ("46.7", "12.9"),
    "llama-4-maverick": ("400", "17"), "gemma-2-27b": ("27.2",), "deepseek-67b": ("67",)}


@pytest.mark.parametrize("key", COUNTED)
def test_the_derived_count_is_the_fact_on_every_path(key):
    record = facts(key)
    typed = whole_numbers(record).n_params
    exact = params.total(whole_numbers(record))
    assert type(exact) is int and exact == typed
    assert params.total(record).value() == typed == params.total(record.plain)
    assert params.total(record).at_base() == typed  # evaluated from the expanded formula


@pytest.mark.parametrize("key", [key for key in COUNTED if "n_active_params" in facts(key)])
def test_the_derived_active_count_is_the_fact(key):
    record = facts(key)
    assert (params.active(whole_numbers(record)) == whole_numbers(record).n_active_params
            == params.active(record).value())
    for other in leaf_of(record.n_active_params).others:  # without the input embedding
        assert params.active(whole_numbers(record), input_embedding=False) == int(other.value)


@pytest.mark.parametrize("key", PUBLISHED)
def test_published_totals(key):
    m = whole_numbers(facts(key))
    counts = params.total(m), params.active(m)          # a dense model's second is not published
    for told, count in zip(PUBLISHED[key], counts, strict=False):
        step = 10 ** -len(told.partition(".")[2])
        assert abs(count / 1e9 - float(told)) < step, "a published figure is rounded or cut off"


# README_WEIGHTS.md rounds 36.63 to 36.7
@pytest.mark.parametrize("key, told", [("gpt-oss-120b", 5.1), ("deepseek-v3", 36.6)])
def test_published_active_counts_that_leave_the_input_embedding_out(key, told):
    assert round(params.active(whole_numbers(facts(key)), input_embedding=False) / 1e9, 1) == told


def test_the_prediction_module_of_deepseek_v3():
    m = facts("deepseek-v3")
    assert params.mtp(whole_numbers(m)) == whole_numbers(m).n_params_mtp == params.mtp(m).value()


def test_a_table_that_is_also_the_head_counts_once_and_always():
    gemma = whole_numbers(facts("gemma-2-27b"))
    assert params.parts(gemma)["head"] == 0
    assert params.active(gemma, input_embedding=False) == params.active(gemma) == params.total(gemma)


LISTED = {  # a small model: 3 layers, the first dense, 4 heads of 8, 2 for keys
    "hidden_size": 16, "n_layers": 3, "n_heads": 4, "n_kv_heads": 2, "head_dim": 8, "intermediate_size": 20,
    "vocab_size": 50, "tied_embeddings": 0, "n_experts": 6, "n_experts_per_token": 2,
    "moe_intermediate_size": 12, "n_shared_experts": 1,
    "n_dense_layers": 1, "attention_bias": 1, "attention_sinks": 1, "expert_bias": 1, "qk_norm": 1}


def listed(n_experts):
    """Shapes of all its matrices and vectors."""
    attention = [(16, 32), (16, 16), (16, 16), (32, 16), (32,), (16,), (16,), (16,), (4,), (8,), (8,)]
    expert = [(16, 12), (16, 12), (12, 16)]
    routed = expert + [(12,), (12,), (16,)]
    mixture = [(16, 6), (6,)] + n_experts * routed + expert
    dense = attention + [(16,), (16,)]
    return [(50, 16)] + 3 * dense + [(16, 20), (16, 20), (20, 16)] + 2 * mixture + [(16,), (16, 50)]


def test_a_model_listed_matrix_by_matrix():
    assert paths(params.total, "", LISTED).value() == sum(map(math.prod, listed(6)))
    assert paths(params.active, "", LISTED).value() == sum(map(math.prod, listed(2)))


def test_arrays_sweep_a_dimension():
    sweep = params.total(whole_numbers_with(n_layers=np.array([1, 40, 80])))
    assert list(sweep) == [params.total(whole_numbers_with(n_layers=n)) for n in (1, 40, 80)]


def whole_numbers_with(**changes):
    m = whole_numbers(facts("llama-31-70b"))
    vars(m).update(changes)
    return m


def test_the_formula_reads_as_its_parts_and_rests_on_the_dimensions():
    total = params.total(facts("mixtral-8x7b"))
    assert formula.plain(total) == " + ".join(f"params_{part}" for part in (
        "embedding", "attention", "feed_forward", "router", "experts", "shared_experts", "norms", "head"))
    assert {"mixtral-8x7b.n-layers", "mixtral-8x7b.n-experts",
            "mixtral-8x7b.hidden-size"} <= total.facts().keys()
    unrouted = 32 * 6 * 4096  # six of the eight rows of each router
    all_chosen = total.value(facts={"mixtral-8x7b.n-experts": 2})
    assert all_chosen == params.active(facts("mixtral-8x7b")).value() - unrouted
    ratio = params.active(facts("mixtral-8x7b")) / total  # both in one formula: no name stands for two things
    assert ratio.value() == pytest.approx(12879925248 / 46702792704)


def test_gpt_oss_weighs_as_much_as_its_published_checkpoint():
    """65,248,815,744 bytes of tensors in the safetensors files of openai/gpt-oss-120b;
    its model card prints 60.8 GiB."""
    weights = params.weight_bytes(params.parts(facts("gpt-oss-120b")), facts("bf16"), experts=facts("mxfp4"))
    assert weights.value("B") == 65_248_815_744
    assert weights.value("GiB") == pytest.approx(60.8, abs=0.05)


def test_deepseek_v3_weighs_as_much_as_its_published_files():
    """688,586,727,753 bytes in the 163 files of deepseek-ai/DeepSeek-V3: the model, its prediction module
    with copies of both vocabulary tables (README_WEIGHTS.md), and headers of about 130 bytes for each of some
    92,000 tensors."""
    m, bf16, fp8 = whole_numbers(facts("deepseek-v3")), facts("bf16").plain, facts("fp8-128x128").plain
    main = params.weight_bytes(params.parts(m), bf16, attention=fp8, feed_forward=fp8, experts=fp8,
                               shared_experts=fp8)
    # The joining projection and the router stay at 16 bits
    in_bf16 = 2 * m.hidden_size ** 2 + m.n_experts * m.hidden_size
    joined = 2 * 2 * m.vocab_size * m.hidden_size
    module = (params.mtp(m) - in_bf16) * (1 + 4 / 128 ** 2) + 2 * in_bf16 + joined
    assert 0 < 688_586_727_753 - (main + module) < 92_000 * 135


def test_one_format_for_all_is_the_count_times_its_size():
    llama = facts("llama-31-405b")
    weights = params.weight_bytes(params.parts(llama), facts("bf16"))
    assert weights.value("B") == 2 * whole_numbers(llama).n_params


def test_a_part_that_there_is_not_is_named():
    with pytest.raises(ValueError, match="'expert'.*experts"):
        params.weight_bytes(params.parts(facts("mixtral-8x7b")), facts("bf16"), expert=facts("mxfp4"))


def test_a_record_that_is_no_model_says_what_is_missing():
    with pytest.raises(AttributeError, match="h100-sxm has no fact 'hidden_size'"):
        params.total(facts("h100-sxm"))
