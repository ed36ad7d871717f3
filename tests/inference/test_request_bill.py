"""inference/request_bill.py: every line by hand in plain integers, sums of lines, and the records in which
chapters publish them."""
from pathlib import Path
from types import SimpleNamespace

import pytest

from computetrades.book.records import RECORD
from computetrades.facts import facts
from computetrades.inference import request_bill
from computetrades.inference.step import Deployment
from computetrades.site import notebooks
from computetrades.units import base

ROOT = Path(__file__).parents[2]
CHAPTERS = {path.stem[:2]: path for path in notebooks.chapters(ROOT)}

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
    return {name: getattr(line, name) for name in request_bill.COLUMNS if getattr(line, name) is not None}


@pytest.mark.parametrize("batch", [1, 30, 1_000])
def test_every_line_by_hand(batch):
    lines = request_bill.lines(*given(batch))
    assert [line.chapter for line in lines] == [f"{n:02}" for n in range(1, 9)]
    for line, expected in zip(lines, by_hand(batch)):
        assert columns(line) == pytest.approx(expected, rel=1e-12), line.what


def test_the_facts_give_what_the_integers_give():
    """Traced, with units: the same lines from data/facts, converted to the columns' units."""
    lines = request_bill.lines(*THE_REQUEST)
    scale = {"token": 1, "kB": 1e3, "GB": 1e9, "GPU s": 1, "USD": 1}
    for line, expected in zip(lines, by_hand(1)):
        for name, number in columns(line).items():
            unit, told = request_bill.COLUMNS[name][1], (line.what, name)
            assert number.value(unit) * scale[unit] == pytest.approx(expected[name], rel=1e-9), told


def test_the_total_is_the_sum_of_what_is_there():
    lines = request_bill.lines(*given())
    assert request_bill.total(lines, "tokens") == PREFIX + NEW + OUTPUT
    assert request_bill.total(lines[:1], "tokens") is None
    for name in request_bill.COLUMNS:
        first, last = request_bill.total(lines[:5], name), request_bill.total(lines[5:], name)
        both = sum(x for x in (first, last) if x is not None)
        assert both == pytest.approx(request_bill.total(lines, name))


def test_a_longer_reply_costs_more_of_everything_it_touches():
    short, long = (request_bill.lines(*given(output=n)) for n in (1, 2))
    for name in request_bill.COLUMNS:
        assert request_bill.total(short, name) < request_bill.total(long, name)


def test_one_token_of_reply_needs_no_step():
    lines = request_bill.lines(*given(output=1))
    assert lines[6].hbm == 2 * LAYERS * KV_HEADS * HEAD * 2 * PREFIX


def test_with_many_together_each_pays_for_its_own_cache_alone():
    one, many = (request_bill.lines(*given(batch)) for batch in (1, 30))
    assert columns(many[6]) == pytest.approx(columns(one[6]))
    assert many[5].hbm == pytest.approx(one[5].hbm / 30)


@pytest.mark.parametrize("n", range(1, 9))
def test_a_chapter_publishes_its_own_line(n):
    """Among the chapter's request.* records there is each number of its line, at the facts as they are."""
    stem = f"{n:02}"
    if stem not in CHAPTERS:
        pytest.skip(f"chapter {stem} is not written yet")
    published = {p["key"]: p["value"]
                 for p in notebooks.payloads(CHAPTERS[stem], RECORD) if p["key"].startswith("request.")}
    if not published:
        pytest.skip(f"chapter {stem} does not follow the request yet")
    lines = request_bill.lines(*THE_REQUEST)
    line = columns(lines[n - 1])
    assert line.keys() == request_bill.RECORDS[stem].keys()
    for name, key in request_bill.RECORDS[stem].items():
        assert published.get(key) == pytest.approx(base(line[name].quantity), rel=1e-9), \
            f"chapter {stem} publishes {published}, and not the {name} of its line as {key}"


def test_published_lines_are_the_lines_under_the_names_of_their_records():
    lines = request_bill.lines(*THE_REQUEST)
    under = request_bill.published(lines)
    for line, other in zip(lines, under, strict=True):
        assert (line.chapter, line.what) == (other.chapter, other.what)
        assert columns(line).keys() == columns(other).keys()
        for name, number in columns(other).items():
            assert number.value() == columns(line)[name].value(request_bill.COLUMNS[name][1])
            assert number.facts() == columns(line)[name].facts()
    assert {leaf.key for leaf in request_bill.total(under, "gpu_time").leaves.values()} == {
        "request.embedding-gpu-time", "request.rotation-time", "request.layers-time", "request.cache-time"}
