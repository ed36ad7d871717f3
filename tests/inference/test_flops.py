"""inference/flops.py: pairs against masks that are really filled, passes against what other
tools and papers print."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades import formula
from computetrades.facts import facts
from computetrades.inference import flops, params
from computetrades.units import UnitError
from tests.three_paths import paths, whole_numbers

calm = settings(deadline=None, max_examples=30)
LENGTH, REACH = st.integers(1, 40), st.integers(1, 12)
GQA = {"n_layers": 3, "hidden_size": 16, "n_heads": 4, "n_kv_heads": 2, "head_dim": 8,
       "intermediate_size": 20, "vocab_size": 50}
KINDS = {"full": {}, "sliding": {"n_full_layers": 1, "n_sliding_layers": 2},
         "chunked": {"n_full_layers": 1, "n_chunked_layers": 2}}


def masks(kind, n, reach):
    """[layer, query, key] of bool, filled position by position."""
    def seen(layer_kind, q, k):
        return k <= q and (layer_kind == "full"
                           or (q - k < reach if layer_kind == "sliding" else q // reach == k // reach))
    return np.array([[[seen(layer, q, k) for k in range(n)] for q in range(n)]
                     for layer in ("full", kind, kind)])


def model(kind, reach):
    window = {"sliding": "sliding_window", "chunked": "attention_chunk_size"}.get(kind)
    return GQA | KINDS[kind] | ({window: f"{reach} token"} if window else {})


def attention(ops):
    return ops["scores"] + ops["values"]


@calm
@given(st.sampled_from(list(KINDS)), LENGTH, REACH, st.integers(0, 40))
def test_attention_is_counted_pair_by_pair(kind, n, reach, cached):
    seen = masks(kind, cached + n, reach)
    each = 4 * GQA["n_heads"] * GQA["head_dim"]  # two products of head_dim multiply-adds, for every head
    m = model(kind, reach)
    whole = paths(lambda m, n: attention(flops.prefill(m, n)), "FLOP", m, f"{cached + n} token")
    assert whole.value("FLOP") == seen.sum() * each
    rest = paths(lambda m, n, c: attention(flops.prefill(m, n, c)), "FLOP", m, f"{n} token",
                 f"{cached} token")
    assert rest.value("FLOP") == seen[:, cached:].sum() * each
    step = paths(lambda m, c: attention(flops.decode(m, c)), "FLOP", m, f"{cached + n} token")
    assert step.value("FLOP") == seen[:, -1].sum() * each


@calm
@given(LENGTH, REACH)
def test_a_prompt_costs_what_its_tokens_cost_one_by_one(n, reach):
    m = whole_numbers(facts("gpt-oss-120b"))
    m.sliding_window = reach
    steps = [flops.decode(m, t) for t in range(1, n + 1)]
    assert ({name: sum(step[name] for step in steps) for name in steps[0]}
            == flops.prefill(m, n, every_token=True))


@pytest.mark.parametrize("tokens, causal, square", [(2048, 285.88, 295.67), (50_000, 10_121.97, 13_503.77)])
def test_llama_3_70b_prefill(tokens, causal, square):
    """A count by hand in TFLOP; and llm-analysis 2024, which lets every token see all
    and computes all logits."""
    m = whole_numbers(facts("llama-3-70b"))
    assert round(sum(flops.prefill(m, tokens).values()) / 1e12, 2) == causal
    assert round(tokens * sum(flops.decode(m, tokens).values()) / 1e12, 2) == square


@pytest.mark.parametrize("tokens, told", [(2048, 294.477e12), (50_000, 10.332e15)])
def test_llama_3_70b_prefill_as_epoch_counts_it(tokens, told):
    """Epoch's inference-economics notebook (2024): causal, logits for every token, the input embedding
    as if it were multiplied."""
    m = whole_numbers(facts("llama-3-70b"))
    head = 2 * tokens * m.vocab_size * m.hidden_size
    ours = sum(flops.prefill(m, tokens, every_token=True).values()) + head
    assert ours == pytest.approx(told, rel=5e-5)


@pytest.mark.parametrize("key, gflop", [("deepseek-v2", 155), ("deepseek-v3", 250)])
def test_training_cost_per_token_that_deepseek_prints(key, gflop):
    """DeepSeek-AI 2025, "Insights into DeepSeek-V3", table 2: GFLOP per token of 4,096;
    backward costs twice forward."""
    m = whole_numbers(facts(key))
    assert round(3 * sum(flops.prefill(m, 4096, every_token=True).values()) / 4096 / 1e9) == gflop


@pytest.mark.parametrize("key",
                         ["llama-31-405b", "mixtral-8x7b", "gpt-oss-120b", "deepseek-v3", "llama-4-maverick",
                          "gemma-2-27b"])
def test_a_short_step_costs_two_flops_for_each_active_weight(key):
    """The rule of thumb (Kaplan et al. 2020, 2.1), exact but for attention and for what
    is added and not multiplied."""
    m = whole_numbers(facts(key))
    ops = flops.decode(m, 1)
    linear = sum(ops.values()) - attention(ops)
    added = params.parts(m)["norms"] + params.active_parts(m).get("biases", 0)
    assert linear == 2 * (params.active(m, input_embedding=False) - added)


def test_absorbed_and_expanded_differ_where_they_should():
    m = whole_numbers(facts("deepseek-v3"))
    expanded, absorbed = flops.decode(m, 4096), flops.decode(m, 4096, absorbed=True)
    assert ({name for name in expanded if expanded[name] != absorbed[name]}
            == {"kv_b_proj", "scores", "values"})
    assert expanded["kv_b_proj"] == 4096 * absorbed["kv_b_proj"]  # all latents against one
    assert absorbed["scores"] * (128 + 64) == expanded["scores"] * (512 + 64)
    assert absorbed["values"] * 128 == expanded["values"] * 512
    first = [sum(flops.decode(m, 1, absorbed=form).values()) for form in (False, True)]
    assert first[0] < first[1]  # with nothing cached, going to the latents' space only costs


def test_a_cached_prefix_saves_its_share():
    m, session = facts("llama-31-70b"), facts("session")
    cold = flops.prefill(m, session.context)
    warm = flops.prefill(m, session.new_tokens, session.shared_prefix)
    assert (warm["q_proj"] / cold["q_proj"]).value() == 50 / 50_000
    n, c = 50, 49_950
    assert ((warm["scores"] / cold["scores"]).value()
            == pytest.approx((n * c + n * (n + 1) / 2) / (50_000 * 50_001 / 2)))


def test_the_formula_of_a_step_reads_as_its_weights():
    step = sum(flops.decode(facts("llama-31-70b"), facts("session").context).values())
    assert formula.plain(step).startswith("2 × weights_q_proj + 2 × weights_k_proj")
    assert (step.value("FLOP") == step.at_base()
            == sum(flops.decode(whole_numbers(facts("llama-31-70b")), 50_000).values()))


def test_integers_stay_exact_where_floats_would_not():
    million = sum(flops.prefill(whole_numbers(facts("llama-31-405b")), 1_000_001).values())
    assert type(million) is int and million > 2 ** 53
    m = whole_numbers(facts("llama-31-405b"))
    per_token = params.active(m, False) - params.parts(m)["norms"]
    head = 128256 * 16384
    attention = 126 * 4 * 16384 * (1_000_001 * 1_000_002 // 2)
    assert million == 2 * (1_000_001 * (per_token - head) + head) + attention


def test_a_length_in_bytes_is_refused():
    with pytest.raises(UnitError):
        sum(flops.prefill(facts("llama-31-70b"), facts("h100-sxm").hbm_capacity).values())


@pytest.mark.parametrize("key,query_and_value",
                         [("llama-31-405b", 128 + 128), ("deepseek-v3", 128 + 64 + 128)])
def test_published_totals_alone_give_the_same_per_token(key, query_and_value):
    m, n = whole_numbers(facts(key)), 32_768
    whole = sum(flops.prefill(m, n, every_token=True).values())
    matrices = sum(flops.prefill(m, 1, every_token=True)[name]
                   for name in flops.prefill(m, 1) if name not in ("scores", "values")) // 2
    assert (flops.per_token_in_text(matrices, m.n_layers * m.n_heads * query_and_value, n)
            == pytest.approx(whole / n, rel=1e-12))
