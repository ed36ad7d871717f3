"""inference/step.py: hand cases, loops over single steps, limits and laws, and a draw of experts."""
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from computetrades.facts import facts
from computetrades.inference import flops, kv, params, request_bill, step
from computetrades.inference.step import Deployment, Load, decoding
from computetrades.number import as_number
from computetrades.units import UnitError, parse
from tests.three_paths import paths, whole_numbers

BF16 = SimpleNamespace(bits=2, scale_bits=0, block_size=1)   # bytes
MXFP4 = SimpleNamespace(bits=0.5, scale_bits=1, block_size=32)
GPU = SimpleNamespace(hbm_bandwidth=3.35e12, bf16_flops=989.4e12, fp32_flops=66.9e12)
TOY = {"n_layers": 2, "hidden_size": 8, "n_heads": 2, "n_kv_heads": 1, "head_dim": 4, "intermediate_size": 12,
       "vocab_size": 10}
MIXED = {**TOY, "n_experts": 8, "n_experts_per_token": 2, "moe_intermediate_size": 16, "n_dense_layers": 1}
LATENT = {**MIXED, "kv_lora_rank": 6, "q_lora_rank": 5, "qk_nope_head_dim": 3, "qk_rope_head_dim": 2,
          "v_head_dim": 4}
DENSE, MIXTURE, MLA = (SimpleNamespace(**shape) for shape in (TOY, MIXED, LATENT))
SLIDING = SimpleNamespace(**TOY | {"n_full_layers": 1, "n_sliding_layers": 1, "sliding_window": 10})
CHUNKED = SimpleNamespace(**TOY | {"n_full_layers": 1, "n_chunked_layers": 1, "attention_chunk_size": 10})
ALL = {"dense": DENSE, "mixture": MIXTURE, "latent": MLA, "sliding": SLIDING, "chunked": CHUNKED}
every_kind = pytest.mark.parametrize("model", ALL.values(), ids=ALL)
LLAMA, H100, SESSION = facts("llama-31-70b"), facts("h100-sxm"), facts("session")
FORMAT = {"bits": "16 bit", "scale_bits": "0 bit", "block_size": 1}


# By hand

def test_a_prompt_of_the_toy_by_hand():
    """Three sequences of 5 new tokens, 7 cached."""
    on, load = Deployment(DENSE, BF16), Load(5, 7, 3)
    q, k, v, o = (8, 8), (8, 4), (8, 4), (8, 8)
    gate, up, down = (8, 12), (8, 12), (12, 8)
    products = (q, k, v, o, gate, up, down)
    weights = 2 * sum(a * b for a, b in products)
    # Of the products, and into attention and out of it
    ends = 2 * (sum(map(sum, products)) + (8 + 4 + 4) + 8)
    assert step.part_bytes(on, load) == {
        "head": 2 * 10 * 8, "layers": 2 * weights, "cache": 3 * 7 * (2 * 2 * 4) * 2,
        "activations": 3 * 5 * ends * 2}
    pairs = 8 + 9 + 10 + 11 + 12
    assert step.part_flops(on, load) == {
        "head": 3 * 2 * 10 * 8, "layers": 3 * 5 * 2 * weights, "cache": 3 * 2 * 2 * pairs * 2 * 8,
        "rotation": 3 * 5 * 2 * (8 + 4) * 3}


def test_activations_of_a_mixture_by_hand():
    """One dense layer and one of which a token uses the router and two experts."""
    attention = 2 * ((8 + 8) + 2 * (8 + 4) + (8 + 8) + (8 + 4 + 4) + 8)
    assert step.activation_bytes(MIXTURE, BF16) == 2 * (attention + 3 * (8 + 12) + (8 + 8) + 2 * 3 * (8 + 16))


def test_activations_of_latent_attention_by_hand():
    """Expanded: queries and keys of 5 and values of 4 for both heads; absorbed:
    queries of 8 on a latent of 8, and 6 come out."""
    products = (8 + 5) + (5 + 10) + (8 + 8) + (6 + 14) + (8 + 8)
    rest = 3 * (8 + 12) + (8 + 8) + 2 * 3 * (8 + 16)
    assert step.activation_bytes(MLA, BF16) == 2 * (2 * (products + 10 + 10 + 8 + 8) + rest)
    assert step.activation_bytes(MLA, BF16, absorbed=True) == 2 * (2 * (products + 16 + 8 + 12) + rest)


@pytest.mark.parametrize("model, cached, read", [
    # Every layer of Mistral 7B slides over 4,096 tokens; every other one of Gemma 2 27B does.
    (facts("mistral-7b").plain, 32_768, 536_870_912), (facts("gemma-2-27b").plain, 8_192, 2_315_255_808),
    (SimpleNamespace(**TOY | {"n_full_layers": 0, "n_sliding_layers": 2, "sliding_window": 10}), 1_000, 320)])
def test_a_window_ends_what_is_read_of_the_cache(model, cached, read):
    on = Deployment(model, BF16)
    assert step.moved(on, Load(1, cached)) - step.moved(on, Load(1)) == read
    assert step.part_bytes(on, Load(1, cached))["cache"] == read


def test_one_step_of_llama_on_an_h100_by_hand():
    """At 2,000 tokens for 600 sequences arithmetic decides about the matrices and memory about the caches:
    the floor lets both go on at once, the time adds them up."""
    weights = 80 * (2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672)
    head, row = 128256 * 8192, 2 * 80 * 8 * 128 * 2
    on, load = Deployment(LLAMA.plain, BF16, GPU), decoding(2_000.0, 600)
    ends = 80 * (2 * (8192 + 8192) + 2 * (8192 + 1024) + 3 * (8192 + 28672) + 2 * 8192 + 2 * 1024) * 2
    size = 2 * (weights + head) + 600 * (1_999 * row + ends)
    work = 600 * (2 * (weights + head) + 4 * 2_000 * 80 * 64 * 128)
    turning = 600 * 80 * 72 * 128 * 3 / 66.9e12
    assert step.roofline_time(on, load) == pytest.approx(
        max(size / 3.35e12, work / 989.4e12 + turning), rel=1e-12)
    assert step.time(on, load) == pytest.approx(
        600 * (2 * (weights + head) / 989.4e12 + (1_999 * row + ends) / 3.35e12) + turning, rel=1e-12)
    in_ms = [round(1e3 * answer(on, load), 1) for answer in (step.roofline_time, step.time)]
    assert in_ms == [164.0, 206.8]


def test_what_rotation_moves_as_a_kernel_of_its_own():
    """One query row of 8,192 and one key row of 1,024 elements a layer, two bytes each,
    read once and written once."""
    assert step.rotation_bytes(LLAMA.plain, BF16) == 80 * (8192 + 1024) * 2 * 2


# Against single steps, each counted by other rooms

def steps_one_by_one(model, first, n, batch):
    """FLOPs of n steps of decoding by flops.decode, and the cache that each finds by kv.cache_bytes."""
    absorbed = hasattr(model, "kv_lora_rank")
    work = [flops.decode(model, first + i + 1, absorbed) for i in range(n)]
    read = sum(kv.cache_bytes(model, BF16, first + i) for i in range(n))
    return batch * sum(sum(w.values()) for w in work), batch * read


@every_kind
@pytest.mark.parametrize("first, n", [(3, 1), (3, 25), (40, 7), (8, 2)])
def test_steps_in_a_row_are_the_sum_of_the_single_ones(model, first, n):
    on, load = Deployment(model, BF16), Load(n, first, 3, one_by_one=True)
    work, read = steps_one_by_one(model, first, n, 3)
    assert step.product_flops(on, load) == pytest.approx(work)
    assert step.part_bytes(on, load)["cache"] == pytest.approx(read)
    each = [step.part_bytes(on, decoding(first + i + 1, 3)) for i in range(n)]
    together = {name: sum(one[name] for one in each) for name in each[0]}
    assert step.part_bytes(on, load) == pytest.approx(together)


@every_kind
def test_a_prompt_computes_what_flops_counts(model):
    on = Deployment(model, BF16)
    assert step.product_flops(on, Load(30, 12, 2)) == pytest.approx(
        2 * sum(flops.prefill(model, 30, 12).values()))


@every_kind
def test_weights_read_are_the_parameters(model):
    """All matrices and the head, once so many tokens run together that every expert is chosen."""
    size = step.part_bytes(Deployment(model, BF16), Load(1, 5, 10_000))
    every = 2 * (sum(params.matrices(model).values()) + model.vocab_size * model.hidden_size)
    assert size["head"] + size["layers"] + size.get("experts", 0) == pytest.approx(every)


@pytest.mark.parametrize("key",
                         ["llama-31-70b", "deepseek-v3", "gpt-oss-120b", "gemma-2-27b", "llama-4-maverick"])
def test_published_models_on_all_three_paths(key):
    on = Deployment(whole_numbers(facts(key)), BF16)
    traced = Deployment(facts(key), facts("bf16"))
    plain = step.moved(on, decoding(3_000, 17)), step.product_flops(on, decoding(3_000, 17))
    load = decoding(as_number(parse("3000 token")), 17)
    assert plain == pytest.approx((step.moved(traced, load).value("B"),
                                   step.product_flops(traced, load).value("FLOP")))


def test_numbers_floats_and_arrays_agree():
    gpu = {"hbm_bandwidth": "3.35 TB/s", "bf16_flops": "989.4 TFLOP/s", "fp32_flops": "66.9 TFLOP/s"}
    for shape in (MIXED, LATENT, vars(SLIDING) | {"sliding_window": "10 token"}):
        for answer in (step.roofline_time, step.time):
            paths(lambda m, f, g, n, c, answer=answer: answer(Deployment(m, f, g, 8), Load(n, c, 3)), "s",
                  shape, FORMAT, gpu, "5 token", "7 token")


# Laws

@every_kind
@given(new=st.integers(1, 50), cached=st.integers(0, 200), batch=st.integers(1, 300), decode=st.booleans())
def test_the_floor_is_no_longer_than_the_parts_together_and_no_shorter_than_any(
        model, new, cached, batch, decode):
    on, load = Deployment(model, BF16, GPU), Load(new, cached, batch, decode)
    floor, parts = step.roofline_time(on, load), step.part_seconds(on, load)
    assert max(parts.values()) <= floor * (1 + 1e-12) <= sum(parts.values()) * (1 + 2e-12)
    assert step.time(on, load) == pytest.approx(sum(parts.values()))


@every_kind
def test_n_gpus_take_an_nth_of_the_time(model):
    one, eight = (Deployment(model, BF16, GPU, n) for n in (1, 8))
    assert step.time(one, Load(5, 7)) == pytest.approx(8 * step.time(eight, Load(5, 7)))
    assert step.roofline_time(one, Load(5, 7)) == pytest.approx(8 * step.roofline_time(eight, Load(5, 7)))


def test_matrices_may_have_formats_of_their_own():
    plain, packed = (step.part_bytes(Deployment(MIXTURE, BF16, formats=f), decoding(5))
                     for f in ({}, {"experts": MXFP4, "head": MXFP4}))
    assert packed["experts"] / plain["experts"] == packed["head"] / plain["head"] == kv.stored_size(MXFP4) / 2
    assert packed["layers"] == plain["layers"]
    half = step.part_bytes(Deployment(DENSE, MXFP4, cache_fmt=BF16), Load(5, 7))
    whole = step.part_bytes(Deployment(DENSE, BF16), Load(5, 7))
    assert half["layers"] < whole["layers"]
    assert (half["cache"], half["activations"]) == (whole["cache"], whole["activations"])


def test_a_format_for_a_matrix_that_there_is_not_is_refused():
    with pytest.raises(ValueError,
                       match="no matrix is called 'expert'; give a format to experts, feed_forward, head"):
        Deployment(MIXTURE, BF16, formats={"expert": MXFP4})


def test_a_length_in_bytes_is_refused():
    with pytest.raises(UnitError):
        step.moved(Deployment(LLAMA, facts("bf16")), Load(H100.hbm_capacity))


def test_one_token_reads_its_own_experts_and_many_read_all():
    assert step.experts_read(MIXTURE, 1) == pytest.approx(2)
    assert step.experts_read(MIXTURE, 1000) == pytest.approx(8)


@given(st.integers(1, 300))
def test_more_tokens_never_read_fewer_experts_nor_more_than_they_chose(tokens):
    read = step.experts_read(MIXTURE, tokens)
    assert read <= step.experts_read(MIXTURE, tokens + 1) <= 8 and read <= 2 * tokens * (1 + 1e-12)


def test_experts_read_agree_with_a_draw():
    rng = np.random.default_rng(0)
    drawn = [len({e for _ in range(5) for e in rng.choice(8, 2, replace=False)}) for _ in range(4000)]
    assert step.experts_read(MIXTURE, 5) == pytest.approx(np.mean(drawn), abs=0.06)


def test_a_batch_of_prompts_reads_the_experts_that_all_its_tokens_chose():
    share = step.part_bytes(Deployment(MIXTURE, BF16), Load(4, 0, 3))["experts"] / (2 * 8 * 3 * 8 * 16)
    assert share == pytest.approx(1 - 0.75 ** 12)


# The book's one request is a sum over the parts

@pytest.mark.parametrize("key", ["llama-31-70b", "mistral-7b", "deepseek-v3"])
@pytest.mark.parametrize("batch", [1.0, 30.0, 600.0])
def test_the_lines_of_the_request_are_the_parts_of_its_passes(key, batch):
    """But for the activations, of which the request counts the looked-up rows alone."""
    session, call, on = SESSION.plain, facts("one-request").plain, Deployment(facts(key).plain, BF16, GPU)
    call = SimpleNamespace(**vars(call) | {"batch": batch})
    lines = request_bill.lines(session, call, on, facts("claude-opus-47").plain, facts("prompt-cache").plain)
    prompt = Load(session.new_tokens, session.shared_prefix, batch)
    steps = Load(call.output_tokens - 1, session.context, batch, one_by_one=True)
    rows = (session.new_tokens + call.output_tokens - 1) * on.model.hidden_size * 2

    def without_activations(of):
        return sum(sum(parts.values()) - parts["activations"]
                   for parts in (of(on, prompt), of(on, steps))) / batch
    read = rows + without_activations(step.part_bytes)
    assert request_bill.column_total(lines, "hbm") == pytest.approx(read, rel=1e-9)
    together = rows / 3.35e12 + without_activations(step.part_seconds)
    assert request_bill.column_total(lines, "gpu_time") == pytest.approx(together, rel=1e-9)


@pytest.mark.parametrize("form", [(4, 8, 16), (8, 8, 32), (16, 0, 1)])
def test_steps_from_an_empty_cache_read_what_they_have_written(form):
    """0 + 1 + 2 + 3 tokens of 16 elements, each with its share of the block's scale."""
    bits, scale, block = form
    fmt = SimpleNamespace(bits=bits / 8, scale_bits=scale / 8, block_size=block)
    read = step.part_bytes(Deployment(DENSE, fmt), Load(4, None, one_by_one=True))["cache"]
    assert read == pytest.approx(6 * 16 * (bits + scale / block) / 8)
