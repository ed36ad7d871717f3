"""inference/request_bill.py: every line by hand in plain integers, and sums of lines."""
from types import SimpleNamespace

import pytest

from computetrades.facts import facts
from computetrades.inference import request_bill
from computetrades.inference.step import Deployment

CONTEXT, PREFIX, NEW, OUTPUT = 50_000, 49_950, 50, 300
LAYERS, WIDTH, HEADS, KV_HEADS, HEAD, MLP, VOCABULARY = 80, 8192, 64, 8, 128, 28672, 128256
THE_REQUEST = (facts("session"), facts("one-request"),
               Deployment(facts("llama-31-70b"), facts("bf16"), facts("h100-sxm")),
               facts("claude-opus-47"), facts("prompt-cache"))
BANDWIDTH, BF16_FLOPS, FP32_FLOPS = 3.35e12, 989.4e12, 66.9e12


def given(batch=1, output=OUTPUT):
    session = SimpleNamespace(context=float(CONTEXT), shared_prefix=float(PREFIX), new_tokens=float(NEW))
    call = SimpleNamespace(output_tokens=float(output), batch=float(batch), body_bytes=3.68,
                           event_bytes=128.0, envelope_bytes=808.0)
    model = SimpleNamespace(n_layers=LAYERS, hidden_size=WIDTH, n_heads=HEADS, n_kv_heads=KV_HEADS,
                            head_dim=HEAD, intermediate_size=MLP, vocab_size=VOCABULARY)
    fmt = SimpleNamespace(bits=2.0, scale_bits=0.0, block_size=1)
    gpu = SimpleNamespace(hbm_bandwidth=BANDWIDTH, bf16_flops=BF16_FLOPS, fp32_flops=FP32_FLOPS)
    return (session, call, Deployment(model, fmt, gpu),
            SimpleNamespace(input_price=5e-6, output_price=25e-6), SimpleNamespace(read=0.1, write=1.25))


def by_hand(batch):
    """attribute -> value, for each of the eight lines, from integers."""
    steps = OUTPUT - 1
    layer = WIDTH * HEADS * HEAD * 2 + WIDTH * KV_HEADS * HEAD * 2 + 3 * WIDTH * MLP
    layers = 2 * LAYERS * layer
    table_rows = (NEW + steps) * WIDTH * 2 + OUTPUT * VOCABULARY * WIDTH * 2 / batch
    # A pair: four products, two sums
    rotated = (NEW + steps) * LAYERS * (HEADS + KV_HEADS) * (HEAD // 2) * 6
    pairs = sum(range(PREFIX + 1, CONTEXT + 1))
    own, heads = 2 * LAYERS * layer, 2 * VOCABULARY * WIDTH           # FLOPs of a token
    prompt, step = (max(layers / batch / BANDWIDTH, n * own / BF16_FLOPS) for n in (NEW, 1))
    head = OUTPUT * max(VOCABULARY * WIDTH * 2 / batch / BANDWIDTH, heads / BF16_FLOPS)
    row, pair = 2 * LAYERS * KV_HEADS * HEAD * 2, 2 * 2 * LAYERS * HEADS * HEAD
    kept = row * (PREFIX + sum(CONTEXT + step for step in range(steps)))
    seen = max(row * PREFIX / BANDWIDTH, pair * pairs / BF16_FLOPS)
    for number in range(steps):
        seen += max(row * (CONTEXT + number) / BANDWIDTH, pair * (CONTEXT + number + 1) / BF16_FLOPS)
    return [{"wire": 184_000}, {"tokens": PREFIX, "price": PREFIX * 0.5e-6},
            {"tokens": NEW, "price": NEW * 6.25e-6},
            {"hbm": table_rows, "gpu_time": (NEW + steps) * WIDTH * 2 / BANDWIDTH + head},
            {"gpu_time": rotated / FP32_FLOPS},
            {"hbm": OUTPUT * layers / batch, "gpu_time": prompt + steps * step},
            {"hbm": kept, "gpu_time": seen}, {"tokens": OUTPUT, "wire": 39_208, "price": OUTPUT * 25e-6}]


def columns(line):
    return {name: getattr(line, name) for name in request_bill.QUANTITIES if getattr(line, name) is not None}


@pytest.mark.parametrize("batch", [1, 30, 1_000])
def test_every_line_by_hand(batch):
    lines = request_bill.lines(*given(batch))
    assert [line.chapter for line in lines] == [f"{n:02}" for n in range(1, 9)]
    for line, expected in zip(lines, by_hand(batch), strict=True):
        assert columns(line) == pytest.approx(expected, rel=1e-12), line.what


def test_the_facts_give_what_the_integers_give():
    """Traced, with units: the same lines from data/facts, converted to the columns' units."""
    lines = request_bill.lines(*THE_REQUEST)
    units = {"tokens": ("token", 1), "wire": ("kB", 1e3), "hbm": ("GB", 1e9), "gpu_time": ("GPU s", 1),
             "price": ("USD", 1)}
    for line, expected in zip(lines, by_hand(1), strict=True):
        for name, number in columns(line).items():
            (unit, size), told = units[name], (line.what, name)
            assert number.value(unit) * size == pytest.approx(expected[name], rel=1e-9), told


def test_the_total_is_the_sum_of_what_is_there():
    lines = request_bill.lines(*given())
    assert request_bill.column_total(lines, "tokens") == PREFIX + NEW + OUTPUT
    assert request_bill.column_total(lines[:1], "tokens") is None
    for name in request_bill.QUANTITIES:
        first, last = request_bill.column_total(lines[:5], name), request_bill.column_total(lines[5:], name)
        both = sum(x for x in (first, last) if x is not None)
        assert both == pytest.approx(request_bill.column_total(lines, name))


def test_a_longer_reply_costs_more_of_everything_it_touches():
    short, long = (request_bill.lines(*given(output=n)) for n in (1, 2))
    for name in request_bill.QUANTITIES:
        assert request_bill.column_total(short, name) < request_bill.column_total(long, name)


def test_one_token_of_reply_needs_no_step():
    lines = request_bill.lines(*given(output=1))
    assert lines[6].hbm == 2 * LAYERS * KV_HEADS * HEAD * 2 * PREFIX


def test_with_many_together_each_pays_for_its_own_cache_alone():
    one, many = (request_bill.lines(*given(batch)) for batch in (1, 30))
    assert columns(many[6]) == pytest.approx(columns(one[6]))
    assert many[5].hbm == pytest.approx(one[5].hbm / 30)
