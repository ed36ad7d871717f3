"""inference/kv.py: against caches that are really allocated or filled token by token,
and against published figures."""
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.facts import facts
from computetrades.inference import kv, params
from computetrades.units import UnitError, base, parse
from tests.three_paths import built, paths

calm = settings(deadline=None, max_examples=25)
SMALL = st.integers(1, 6)
MODEL = st.fixed_dictionaries({"n_layers": SMALL, "n_heads": SMALL, "n_kv_heads": SMALL, "head_dim": SMALL})
MLA = st.fixed_dictionaries({"n_layers": SMALL, "kv_lora_rank": SMALL, "qk_rope_head_dim": SMALL})
MIX = st.tuples(MODEL, st.integers(1, 9), SMALL, st.integers(0, 6)).map(lambda t: t[0] | {
    "sliding_window": f"{t[1]} token", "n_full_layers": t[3], "n_sliding_layers": t[2],
    "n_layers": t[2] + t[3]})
FORMAT = st.sampled_from([("16 bit", "0 bit", 1), ("8 bit", "0 bit", 1), ("4 bit", "8 bit", 16),
                          ("2 bit", "32 bit", 32)])


def fmt(bits, scale_bits, block_size):
    return {"bits": bits, "scale_bits": scale_bits, "block_size": block_size}


@calm
@given(st.integers(1, 16), st.integers(0, 32), st.integers(1, 64))
def test_stored_size_is_the_average_over_whole_blocks(bits, scale_bits, block):
    # Seven blocks and their scales, a flag a bit
    stored = np.zeros(7 * block * bits + 7 * scale_bits, dtype=bool)
    size = paths(kv.stored_size, "bit", fmt(f"{bits} bit", f"{scale_bits} bit", block))
    assert size.value("bit") == pytest.approx(stored.size / (7 * block))


@calm
@given(MODEL)
def test_elements_fill_the_arrays_of_a_cache(m):
    gqa, mha = (np.zeros((2, m["n_layers"], m[heads], m["head_dim"])) for heads in ("n_kv_heads", "n_heads"))
    assert paths(kv.gqa_elements, "", m).value() == gqa.size
    assert paths(kv.mha_elements, "", m).value() == mha.size
    assert paths(kv.mqa_elements, "", m).value() == np.zeros((2, m["n_layers"], m["head_dim"])).size
    assert paths(kv.elements_per_token, "", m).value() == gqa.size


@calm
@given(MLA)
def test_a_latent_cache_is_one_latent_and_one_rotary_key_a_layer(m):
    size = m["n_layers"] * len([0] * m["kv_lora_rank"] + [0] * m["qk_rope_head_dim"])
    assert paths(kv.mla_elements, "", m).value() == size == paths(kv.elements_per_token, "", m).value()


@calm
@given(MODEL, st.sampled_from([np.float16, np.uint8, np.float32]))
def test_bytes_per_token_are_the_bytes_numpy_allocates(m, dtype):
    form = fmt(f"{np.dtype(dtype).itemsize * 8} bit", "0 bit", 1)
    rows = np.zeros((2, m["n_layers"], m["n_kv_heads"], m["head_dim"]), dtype)
    every = np.zeros((2, m["n_layers"], m["n_heads"], m["head_dim"]), dtype)
    assert paths(kv.bytes_per_token, "B/token", m, form).value("B/token") == pytest.approx(rows.nbytes)
    mha = paths(lambda m, f: kv.bytes_per_token(m, f, kv.mha_elements), "KiB/token", m, form)
    assert mha.value("B/token") == pytest.approx(every.nbytes)


@calm
@given(MIX, FORMAT, st.integers(0, 30))
def test_sliding_layers_keep_only_their_window(m, form, context):
    window = int(m["sliding_window"].split()[0])
    layers = ([deque() for _ in range(m["n_full_layers"])]
              + [deque(maxlen=window) for _ in range(m["n_sliding_layers"])])
    for token in range(context):
        for layer in layers:
            layer.append(token)
    elements = sum(map(len, layers)) * 2 * m["n_kv_heads"] * m["head_dim"]
    bits, scale = (int(x.split()[0]) for x in form[:2])
    cache = paths(kv.cache_bytes, "B", m, fmt(*form), f"{context} token")
    assert cache.value("B") == pytest.approx(elements * (bits + scale / form[2]) / 8)


@calm
@given(MODEL | MLA, FORMAT, st.integers(0, 10**6))
def test_full_attention_grows_by_the_same_bytes_each_token(m, form, context):
    cache = [paths(kv.cache_bytes, "GB", m, fmt(*form), f"{n} token").value("B")
             for n in (context, context + 1)]
    assert cache[1] - cache[0] == pytest.approx(kv.bytes_per_token(
        *(built(a, lambda key, value: base(parse(value))) for a in (m, fmt(*form)))), rel=1e-6)


@calm
@given(MIX, st.lists(st.integers(0, 60), min_size=2, max_size=2).map(sorted))
def test_a_cache_never_shrinks_and_never_exceeds_full_attention(m, contexts):
    model, bf16 = built(m, lambda key, value: base(parse(value))), facts("bf16").plain
    less, more = kv.cache_bytes(model, bf16, np.array(contexts))
    assert less <= more <= kv.bytes_per_token(model, bf16) * contexts[1] * (1 + 1e-12)


@calm
@given(MODEL | MLA, FORMAT, st.integers(0, 5), st.integers(1, 9), st.integers(0, 30))
def test_a_sink_cache_is_its_first_tokens_and_its_last(m, form, n_sinks, window, context):
    kept = {t for t in range(context) if t < n_sinks or t >= context - window}
    cache = paths(kv.sink_cache_bytes, "B", m, fmt(*form), f"{context} token", f"{n_sinks} token",
                  f"{window} token")
    a_token = paths(kv.bytes_per_token, "B/token", m, fmt(*form)).value("B/token")
    assert cache.value("B") == pytest.approx(len(kept) * a_token)


@calm
@given(MODEL | MLA, st.integers(1, 9), st.integers(0, 40))
def test_kivi_moves_its_recent_tokens_into_two_bits_when_there_are_enough(m, residual, context):
    two_bit = fmt("2 bit", "32 bit", 32) | {"residual_length": f"{residual} token"}
    bf16 = fmt("16 bit", "0 bit", 1)
    small, full = (paths(kv.bytes_per_token, "B/token", m, f).value("B/token") for f in (two_bit, bf16))
    quantised = recent = 0
    for _ in range(context):
        recent += 1
        if recent == residual:
            quantised, recent = quantised + recent, 0
    cache = paths(kv.kivi_cache_bytes, "B", m, two_bit, bf16, f"{context} token")
    assert cache.value("B") == pytest.approx(quantised * small + recent * full)


@calm
@given(st.integers(1, 16), st.integers(1, 300), st.integers(0, 900), st.integers(1, 80))
def test_users_are_admitted_one_by_one_until_memory_is_full(gpus, capacity, weights, cache):
    room, admitted = gpus * capacity - weights, 0
    while room >= cache:
        room, admitted = room - cache, admitted + 1
    users = paths(kv.users, "user", gpus, f"{capacity} GB", f"{weights} GB", f"{cache} GB")
    assert users.value("user") == admitted


def test_a_user_who_fits_exactly_is_admitted_on_every_path():
    assert paths(kv.users, "user", 1, "22.9 GB", "15.9 GB", "1.0 GB").value("user") == 7


@calm
@given(st.integers(1, 10**5), st.integers(1, 128))
def test_blocks_are_the_slices_that_cover_the_tokens(tokens, size):
    assert paths(kv.blocks, "", f"{tokens} token", f"{size} token").value() == len(range(0, tokens, size))


@calm
@given(st.integers(0, 5), st.integers(1, 64))
def test_paged_waste_is_the_unused_share_averaged_over_a_block_of_lengths(whole, block):
    lengths = block * whole + np.arange(1, block + 1)
    held = np.ceil(lengths / block) * block
    waste = paths(kv.paged_waste, "percent", f"{block} token", f"{lengths.mean()} token")
    assert waste.value("") == pytest.approx((held - lengths).sum() / held.sum(), rel=1e-9)


@calm
@given(st.integers(1, 10**5), st.integers(0, 10**5))
def test_reserved_waste_is_the_empty_share_of_the_slots(size, extra):
    slots = np.zeros(size + extra, dtype=bool)
    slots[:size] = True
    assert (paths(kv.reserved_waste, "percent", f"{slots.size} token", f"{size} token").value("")
            == pytest.approx((~slots).mean()))


# DeepSeek-AI 2025, "Insights into DeepSeek-V3", table 1: KB of BF16 cache a token
@pytest.mark.parametrize("model, per_token", [
    ("llama-3-70b", 327_680), ("deepseek-v3", 70_272), ("qwen25-72b", 327_680), ("llama-31-405b", 516_096)])
def test_published_bytes_per_token(model, per_token):
    assert kv.bytes_per_token(facts(model), facts("bf16")).value("B/token") == per_token
    assert kv.bytes_per_token(facts(model).plain, facts("bf16").plain) == per_token


@pytest.mark.parametrize("context, gib", [(16_000, 4.88), (128_000, 39.06)])
# huggingface.co/blog/llama31, FP16; its GB are binary
def test_hugging_face_table_of_llama_31_70b(context, gib):
    cache = kv.cache_bytes(facts("llama-31-70b").plain, facts("bf16").plain, np.array([context]))
    assert cache / 2**30 == pytest.approx([gib], abs=0.006)


# Kwon et al. 2023, section 3: 2 x 5120 x 40 x 2 bytes = 800 KB a token, 1.6 GB at 2048
def test_pagedattention_paper_opt_13b():
    opt = {"n_layers": 40, "n_heads": 40, "n_kv_heads": 40, "head_dim": 128}
    assert paths(kv.bytes_per_token, "B/token", opt, fmt("16 bit", "0 bit", 1)).value("KiB/token") == 800
    assert (paths(kv.cache_bytes, "B", opt, fmt("16 bit", "0 bit", 1), "2048 token").value("GiB")
            == pytest.approx(1.6, abs=0.05))


# The paper's abstract, with 6-bit elements (section 3.2.3) against DeepSeek 67B at 16
def test_deepseek_v2_saves_93_3_percent():
    old = kv.bytes_per_token(facts("deepseek-67b"), facts("bf16"))
    left = kv.bytes_per_token(facts("deepseek-v2"), facts("deepseek-v2-6bit")) / old
    assert round((1 - left).value("percent"), 1) == 93.3


@pytest.mark.parametrize("model", ["deepseek-v2", "deepseek-v3"])
def test_mla_costs_as_much_as_gqa_of_2_25_groups(model):  # DeepSeek-V2, table 1: (d_c + d_R) l = 9/2 d_h l
    m = facts(model)
    gqa = 2 * m.n_layers.value() * 2.25 * m.qk_nope_head_dim.value()
    assert kv.mla_elements(m).value() == gqa == kv.mla_elements(m.plain)


def test_mistral_window_saves_eightfold_at_32k():  # Jiang et al. 2023, section 2: rolling buffer
    m, bf16 = facts("mistral-7b"), facts("bf16")
    assert (kv.cache_bytes(m, bf16, m.max_context).value("B") * 8
            == kv.bytes_per_token(m.plain, bf16.plain) * 32768)


def test_nvfp4_stores_nine_bytes_for_sixteen_values():  # NVIDIA's tutorial
    assert 16 * kv.stored_size(facts("nvfp4").plain) == 9


def test_vllm_pages_the_session_in_blocks_of_16():
    assert facts("vllm").block_size.value("token") == 16
    assert kv.blocks(facts("session").context, facts("vllm").block_size).value() * 16 == 50_000


def test_lengths_in_bytes_and_sizes_in_seconds_are_refused():
    llama, bf16 = facts("llama-31-70b"), facts("bf16")
    with pytest.raises(UnitError, match="token"):
        kv.cache_bytes(llama, bf16, facts("h100-sxm").hbm_capacity).value("B")
    with pytest.raises(UnitError):
        kv.users(8, facts("h100-sxm").hbm_bandwidth, params.total_bytes(llama, bf16),
                 kv.cache_bytes(llama, bf16, llama.max_context))
