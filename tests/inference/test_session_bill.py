"""inference/session_bill.py: against a loop over the calls, by hand, at its limits,
and against sessions that others measured."""
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.facts import facts
from computetrades.inference import flops, prompt_cache, request_bill
from computetrades.inference import session_bill as sums
from computetrades.inference.prompt_cache import GrowingSession
from computetrades.inference.session_bill import AgentSession
from computetrades.inference.step import Deployment
from computetrades.units import base
from tests.three_paths import paths

calm = settings(deadline=None, max_examples=40)
NAMES = request_bill.QUANTITIES
LLAMA, BF16, H100 = facts("llama-31-70b").plain, facts("bf16").plain, facts("h100-sxm").plain
ON = Deployment(LLAMA, BF16, H100)
PRICES, DISCOUNT, REPLICA = facts("claude-opus-47").plain, facts("prompt-cache").plain, facts("replica").plain
LOOP = facts("agent-loop").plain
ESSAY = AgentSession(facts("session").plain, facts("one-request").plain, facts("agent-session").plain)


def session(context, new, n_calls, growth, output=300, *, batch=1, cold=False):
    start = SimpleNamespace(context=float(context), new_tokens=float(new), shared_prefix=float(context - new))
    call = SimpleNamespace(n_calls=float(n_calls), output_tokens=float(output), batch=float(batch),
                           body_bytes=4.5, event_bytes=130.0, envelope_bytes=0.0)
    return AgentSession(start, call, SimpleNamespace(growth=float(growth)), cold)


SESSIONS = st.builds(lambda context, share, n, step, output, batch, cold:
                     session(context, max(1, int(context * share)), n, n * step, output,
                             batch=batch, cold=cold),
                     st.integers(100, 100_000), st.floats(0, 1), st.integers(1, 40), st.integers(0, 5_000),
                     st.integers(1, 1_000), st.integers(1, 30), st.booleans())


def one_by_one(given):
    """What each call sends, finds and adds, in plain Python."""
    calls, sends = [], given.start.context
    held = sends - (sends if given.cold else given.start.new_tokens)
    for _ in range(int(given.call.n_calls)):
        calls.append(SimpleNamespace(context=sends, shared_prefix=held, new_tokens=sends - held))
        held, sends = sends, sends + given.task.growth / given.call.n_calls
    return calls


def looped(given):
    """request_bill.py's lines added up over the calls, column by column."""
    every = [request_bill.lines(one, given.call, ON, PRICES, DISCOUNT) for one in one_by_one(given)]
    return [{name: sum(getattr(line, name) for line in station)
             for name in NAMES if getattr(station[0], name) is not None}
            for station in zip(*every, strict=True)]


def summed(given):
    lines = sums.session_lines(given, ON, PRICES, DISCOUNT)
    assert ([line.chapter for line in lines]
            == [line.chapter for line in request_bill.lines(given.start, given.call, ON, PRICES, DISCOUNT)])
    return [{name: getattr(line, name) for name in NAMES if getattr(line, name) is not None}
            for line in lines]


@calm
@given(SESSIONS)
def test_the_closed_form_is_the_sum_over_the_calls(given_session):
    for ours, theirs in zip(summed(given_session), looped(given_session), strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours:
            # Prompts of which some are bound by memory and some by arithmetic add up to a little more
            if name == "gpu_time":
                assert theirs[name] * 0.9 - 1e-9 <= ours[name] <= theirs[name] * (1 + 1e-9) + 1e-9
            else:
                assert ours[name] == pytest.approx(theirs[name], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("growth, batch", [(80_000, 1), (80_000, 30), (22 * 40, 1)])
@pytest.mark.parametrize("cold", [False, True])
def test_gpu_time_is_exact_while_the_later_calls_are_alike(growth, batch, cold):
    """Steps of 3,636 tokens are bound by arithmetic, steps of 40 by memory."""
    given_session = session(50_000, 50, 22, growth, batch=batch, cold=cold)
    for ours, theirs in zip(summed(given_session), looped(given_session), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)


def test_three_calls_by_hand():
    three = session(context=10, new=4, n_calls=3, growth=6)   # sends 10, 12, 14
    assert [sums.context(three, i) for i in (1, 2, 3)] == [10, 12, 14]
    assert (sums.sent(three), sums.new(three), sums.cached(three)) == (36, 8, 28)
    assert sums.hit_rate(three) == 28 / 36
    assert sums.new(replace(three, cold=True)) == 14   # each token once: what the last call sends
    assert sums.output(three.call) == sums.n_passes(three.call) == 900
    prices = SimpleNamespace(input_price=100, output_price=1000)
    discount = SimpleNamespace(read=0.1, write=1.25)
    assert sums.price(three, prices, discount) == 28 * 10 + 8 * 125 + 900 * 1000
    assert sums.price_uncached(three, prices) == 36 * 100 + 900 * 1000
    assert sums.missing(three, 0.5) == 18 - 8


@calm
@given(st.integers(100, 100_000), st.integers(1, 1_000))
def test_one_call_is_the_one_request(context, output):
    alone = session(context, 50, 1, 7_000, output)
    lines = request_bill.lines(alone.start, alone.call, ON, PRICES, DISCOUNT)
    expected = [{name: getattr(line, name) for name in NAMES if getattr(line, name) is not None}
                for line in lines]
    for ours, theirs in zip(summed(alone), expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9)


def test_without_growth_every_call_sends_the_same_and_only_the_first_is_new():
    level = session(50_000, 50, 22, 0)
    assert sums.sent(level) == 22 * 50_000 and sums.new(level) == 50
    assert sums.new(replace(level, cold=True)) == 50_000


def test_the_cache_turns_the_prompts_into_one_prefill():
    five, model = session(1_000, 50, 5, 500), LLAMA
    each = [sum(v for k, v in flops.prefill(model, one.new_tokens, one.shared_prefix).items() if k != "head")
            for one in one_by_one(five)]
    assert sum(sums.prompt_flops(five, model)) == pytest.approx(sum(each), rel=1e-12)
    alone = [sum(v for k, v in flops.prefill(model, one.context).items() if k != "head")
             for one in one_by_one(five)]
    assert sums.prompt_flops_uncached(five, model) == pytest.approx(sum(alone), rel=1e-12)


@pytest.mark.parametrize("cold", [False, True])
def test_the_times_of_the_calls_add_up_to_the_session(cold):
    essay = replace(ESSAY, cold=cold)
    parts = [sums.call_times(essay, ON, LOOP, REPLICA, i) for i in range(1, 23)]
    prefill, decode, tool, network = (sum(map(float, column)) for column in zip(*parts, strict=True))
    model = sums.model_time(essay, ON, LOOP, REPLICA)
    assert prefill + decode == pytest.approx(model, rel=1e-9)
    assert tool == pytest.approx(sums.tool_time(essay.call, LOOP))
    assert network == pytest.approx(sums.network_time(essay, LOOP))


def test_numbers_floats_and_arrays_agree():
    given_session = {
        "start": {"context": "50000 token", "new_tokens": "50 token", "shared_prefix": "49950 token"},
        "call": {"n_calls": 22, "output_tokens": "300 token", "batch": 1, "body_bytes": "4.5 B/token",
                 "event_bytes": "130 B/token", "envelope_bytes": "0 B"},
        "task": {"growth": "80000 token"}}
    cache, money = {"read": 0.1, "write": 1.25}, {"input_price": "5 USD/Mtok", "output_price": "25 USD/Mtok"}
    gpu = {"hbm_bandwidth": "3.35 TB/s", "bf16_flops": "989.4 TFLOP/s", "fp32_flops": "66.9 TFLOP/s"}
    model = {name: int(getattr(LLAMA, name))
             for name in ("n_layers", "hidden_size", "n_heads", "n_kv_heads", "head_dim", "intermediate_size",
                          "vocab_size")}
    fmt = {"bits": "16 bit", "scale_bits": "0 bit", "block_size": 32}
    loop = {"rtt": "20 ms", "uplink": "20 Mbit/s", "tool_time": "3 s", "roofline_share": "50 percent"}
    def agrees(f, unit, *arguments):
        return paths(lambda s, *rest: f(AgentSession(s.start, s.call, s.task), *rest), unit,
                     given_session, *arguments)
    assert agrees(sums.sent, "token").value() == 22 * 50_000 + 80_000 * 21 / 2
    agrees(sums.hit_rate, "")
    agrees(sums.price, "USD", money, cache)
    agrees(sums.prompt_flops_uncached, "FLOP", model)
    agrees(sums.network_time, "s", loop)
    on = model, fmt, gpu
    agrees(lambda s, m, f, g, *rest: sums.model_time(s, Deployment(m, f, g), *rest), "s",
           *on, loop, {"n_gpus": 8})
    for i in range(4):
        def times(s, m, f, g, *rest, i=i):
            return sums.call_times(s, Deployment(m, f, g), *rest)[i]
        agrees(times, "s", *on, loop, {"n_gpus": 8}, "4")
        agrees(times, "s", *on, loop, {"n_gpus": 8}, "22")


def test_columns_of_floats_are_swept_at_once():
    swept = session(50_000, 50, 22, 80_000)
    swept.call.n_calls = np.array([1.0, 10, 22])
    assert sums.sent(swept).tolist() == [50_000, 500_000 + 80_000 * 4.5, 1_940_000]


def test_it_comes_near_the_sessions_that_others_measured():
    """Medians of 610 Codex tasks: linear growth misses that files are read early,
    so it stays under the tokens really sent."""
    seen = facts("codex-traces")
    n, start, end, really = (base(f.quantity) for f in (seen.calls, seen.start, seen.end, seen.input_tokens))
    ours = sums.sent(sums.observed(start, end, n))
    assert ours == sums.sent(session(start, start, n, (end - start) * n / (n - 1)))
    assert 0.75 < ours / really < 1


def test_a_session_known_by_its_ends():
    four = sums.observed(first=100, last=160, n_calls=4)
    assert [sums.context(four, i) for i in (1, 2, 3, 4)] == [100, 120, 140, 160]
    assert [sums.added(four, i) for i in (1, 2, 3, 4)] == [100, 20, 20, 20]
    assert (sums.sent(four), sums.new(four)) == (520, 160)


def test_a_model_whose_cache_stops_growing_is_refused():
    with pytest.raises(ValueError, match="Mistral 7B.*add up request_bill.lines"):
        sums.session_loads(ESSAY, facts("mistral-7b"))


def test_the_session_is_the_prompt_caches_arithmetic():
    """One series, in two rooms: what a cache is worth, and what this session sends."""
    warm, growing = session(1_000, 400, 5, 500), GrowingSession(5, 1_000, 100)
    assert sums.sent(warm) == prompt_cache.input_tokens(growing)
    assert sums.hit_rate(replace(warm, cold=True)) == prompt_cache.best_hit_rate(growing)
