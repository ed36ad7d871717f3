"""inference/roofline.py: hand cases, limits, laws, and times that others measured,
which no floor may exceed."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.facts import facts
from computetrades.inference import flops, roofline, step
from computetrades.inference.step import Deployment, Load, decoding
from computetrades.number import as_number
from computetrades.units import parse
from tests.three_paths import paths, whole_numbers

H100, LLAMA, SMALL, BF16, SESSION = (
    facts(key) for key in ("h100-sxm", "llama-31-70b", "llama-31-8b", "bf16", "session"))
ON = Deployment(LLAMA, BF16)
ONE = as_number(parse("1 token"))
calm = settings(deadline=None, max_examples=40)
sizes = st.floats(1e-3, 1e6)
TOY = {"n_layers": 2, "hidden_size": 8, "n_heads": 2, "n_kv_heads": 1, "head_dim": 4, "intermediate_size": 12,
       "vocab_size": 10}
PEAK, SPEED = as_number(parse("989.4 TFLOP/s")), as_number(parse("3.35 TB/s"))


# The roof

@calm
@given(sizes, sizes, sizes, sizes)
def test_time_and_roof_are_two_views_of_one_thing(flop, size, peak, speed):
    """FLOPs over time is what the roof allows at their intensity."""
    time = paths(roofline.seconds, "s", f"{flop} FLOP", f"{size} B", f"{peak} FLOP/s",
                 f"{speed} B/s").value("s")
    attainable = roofline.attainable(roofline.intensity(flop, size), peak, speed)
    assert flop / time == pytest.approx(float(attainable))
    assert roofline.mfu(flop, time, peak) <= 1 + 1e-12
    assert (roofline.intensity(flop, size) >= roofline.ridge(peak, speed)) == (flop / peak >= size / speed)


def test_the_ridge_of_an_h100_by_hand():
    assert roofline.ridge(PEAK, SPEED).value("FLOP/B") == pytest.approx(989.4 / 3.35)


def test_one_token_costs_a_flop_per_byte_in_sixteen_bits():
    """Two FLOPs for each weight, two bytes for each."""
    flop, size = step.product_flops(ON, Load(ONE)), step.moved(ON, Load(ONE))
    assert roofline.intensity(flop, size).value("FLOP/B") == pytest.approx(1, rel=1e-3)


def test_with_many_sequences_only_their_own_bytes_count():
    """The weights are shared and vanish; what is left is the intensity of one sequence's own work."""
    flop = sum(flops.decode(LLAMA, SESSION.context).values())
    parts = step.part_bytes(ON, decoding(SESSION.context))
    own = parts["cache"] + parts["activations"]
    many = roofline.intensity(1e9 * flop, step.moved(ON, decoding(SESSION.context, 1e9)))
    assert many.value("FLOP/B") == pytest.approx(roofline.intensity(flop, own).value("FLOP/B"), rel=1e-6)


def test_attention_alone_does_a_flop_per_byte_for_each_query_head_of_a_group():
    """Each cached element, two bytes, is used by the eight heads that share it, two FLOPs each."""
    m = whole_numbers(LLAMA)
    ops = flops.decode(m, 10_000)
    cached = 10_000 * 2 * m.n_layers * m.n_kv_heads * m.head_dim * 2
    assert (ops["scores"] + ops["values"]) / cached == m.n_heads / m.n_kv_heads == 8


def test_enough_tokens_bring_a_pass_to_the_ridge():
    ridge = roofline.ridge(PEAK, SPEED)
    one, parts = step.product_flops(ON, Load(ONE)), step.part_bytes(ON, Load(ONE))
    n = roofline.enough(ridge, one / ONE, parts["activations"] / ONE, parts["layers"] + parts["head"])
    size = step.moved(ON, Load(n))
    assert (one / ONE * n / size).value("FLOP/B") == pytest.approx(ridge.value("FLOP/B"))


def test_no_number_is_enough_where_each_one_moves_too_much():
    assert roofline.enough(10.0, 30.0, 4.0, 100.0) < 0 < roofline.enough(10.0, 30.0, 2.0, 100.0)


# Where attention overtakes

@pytest.mark.parametrize("key",
                         ["llama-31-70b", "llama-31-405b", "llama-31-8b", "qwen3-235b", "mixtral-8x7b"])
def test_at_the_crossovers_the_two_shares_are_equal(key):
    m = whole_numbers(facts(key))
    for ops in (flops.prefill(m, float(roofline.prompt_crossover(m))),
                flops.decode(m, float(roofline.step_crossover(m)))):
        attention = ops["scores"] + ops["values"]
        matrices = sum(ops.values()) - attention - ops["head"]
        assert attention == pytest.approx(matrices, rel=1e-9)


def test_crossovers_of_llama_31_70b_by_hand():
    weights_of_a_layer = 2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672
    assert roofline.prompt_crossover(LLAMA).value("token") == pytest.approx(weights_of_a_layer / 8192 - 1)
    assert paths(roofline.step_crossover, "token", TOY).value("token") == 480 / 8 / 2


@pytest.mark.parametrize("key", ["deepseek-v3", "gemma-2-27b", "llama-4-maverick"])
def test_attention_that_is_no_plain_square_is_refused(key):
    with pytest.raises(ValueError, match="flops"):
        roofline.prompt_crossover(facts(key))


def test_the_exponent_of_a_prompts_cost_is_one_and_the_share_of_attention():
    """d ln(cost) / d ln(length), by the expression's own derivative."""
    ops = flops.prefill(LLAMA, SESSION.context)
    total = sum(ops.values())
    share = ((ops["scores"] + ops["values"]) / total).value()
    assert total.elasticity()["session.context"] == pytest.approx(1 + share, abs=1e-3)


# What others measured: a floor is below it, and not by more than is known to be lost

def floor_ms(model, context, n_gpus, speed=3.35e12, fmt=BF16):
    return float(step.moved(Deployment(model.plain, fmt.plain), Load(1.0, float(context)))
                 / (n_gpus * speed)) * 1e3


# Llama 3.1 70B, eight A100 of 2.039 TB/s over a mesh of links, one request: gpt-fast README, commit 32971d3
# Llama 3.1 8B, one H100: the line that vLLM fitted to steps at 256 to 125,000 tokens of context,
# blog of 2026-04-22
# Llama 2 70B, eight and four H100, one request at 2,048: splitwise-sim (ISCA 2024);
# its 2023 engine was held back by the host
@pytest.mark.parametrize("key, context, n_gpus, speed, measured, within", [
    ("llama-31-70b", 100, 8, 2.039e12, 1000 / 58.78, 2.1),
    ("llama-31-8b", 100, 1, 2.039e12, 1000 / 93.83, 1.5),
    ("llama-31-8b", 256, 1, 3.35e12, 6.44 + 256 * 4.37e-5, 1.5),
    ("llama-31-8b", 125_000, 1, 3.35e12, 6.44 + 125_000 * 4.37e-5, 1.3),
    ("llama-31-70b", 2048, 8, 3.35e12, 31.05, 7), ("llama-31-70b", 2048, 4, 3.35e12, 29.82, 3)])
def test_measured_steps_lie_above_the_floor(key, context, n_gpus, speed, measured, within):
    floor = floor_ms(facts(key), context, n_gpus, speed)
    assert floor < measured < within * floor


def test_what_a_token_of_context_adds_is_the_reading_of_its_cache():
    told = facts("vllm-8b-h100").per_context_token.value("s/token")
    floor = floor_ms(SMALL, 1e6, 1) - floor_ms(SMALL, 0, 1)
    assert 1 < told * 1e6 * 1e3 / floor < 1.2


def test_measured_matrices_of_a_layer_lie_above_the_roof_and_follow_it():
    """vidur's kernel times: an eighth of one layer of the 70B shape on one H100."""
    m = LLAMA.plain
    layer = sum((2 * m.hidden_size * m.n_heads * m.head_dim, 2 * m.hidden_size * m.n_kv_heads * m.head_dim,
                 3 * m.hidden_size * m.intermediate_size)) / 8
    block = facts("h100-block")
    for tokens in (1, 64, 128, 512, 2048, 4096):
        measured = getattr(block, f"tokens_{tokens}").value("s")
        floor = float(roofline.seconds(2 * layer * tokens, 2 * layer, 989.4e12, 3.35e12))
        assert floor < measured < 1.7 * floor
    early = block.tokens_64.value() / block.tokens_1.value()
    late = block.tokens_4096.value() / block.tokens_2048.value()
    # Flat where the memory decides, proportional where the arithmetic does
    assert early < 1.1 and 1.8 < late < 2.1


def test_prefill_utilisation_of_the_fastest_measurement_stays_below_what_matrices_reach():
    told = facts("vllm-8b-h100")
    share = roofline.mfu(step.product_flops(Deployment(SMALL, BF16), Load(told.prompt)), told.first_token,
                         H100.bf16_flops).value("")
    assert 0.4 < share < (facts("h100-achieved").bf16_flops / H100.bf16_flops).value("")


def test_arrays_sweep_a_batch():
    batches, on = np.array([1, 8, 64]), Deployment(LLAMA.plain, BF16.plain)
    swept = step.moved(on, decoding(50_000.0, batches))
    assert list(swept) == [step.moved(on, decoding(50_000.0, int(b))) for b in batches]
