"""inference/prompt_cache.py: against bills added up call by call, against limits, and against what users
of the cache published."""
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.facts import facts
from computetrades.functions import floor
from computetrades.inference import prompt_cache
from computetrades.inference.prompt_cache import GrowingSession
from tests.three_paths import paths

calm = settings(deadline=None, max_examples=40)
CALLS, FIRST, GROWTH = st.integers(2, 60), st.integers(1, 90_000), st.integers(0, 9_000)
WRITE, READ = st.sampled_from([1, 1.25, 2]), st.sampled_from([0.025, 0.05, 0.1, 0.5])


def bill(n, first, growth, write, read, broken=(), kept=0):
    """Each call's tokens dealt with one prompt after the other;
    `broken` calls find only the first `kept` tokens."""
    total, before = 0.0, 0
    for call in range(1, n + 1):
        prompt = first + (call - 1) * growth
        cached = min(kept, before) if call in broken else before
        total += read * cached + write * (prompt - cached)
        before = prompt
    return total


@calm
@given(CALLS, FIRST, GROWTH, WRITE, READ)
def test_a_session_is_its_calls_one_after_the_other(n, first, growth, write, read):
    one_by_one = bill(n, first, growth, write, read)
    session = GrowingSession(n, first, growth)
    multiple = prompt_cache.session_multiple(session, write, read)
    turns = sum(prompt_cache.turn(k, session, write, read) for k in range(1, n + 1))
    sent = prompt_cache.input_tokens(session)
    assert multiple * sent == pytest.approx(one_by_one)
    assert turns == pytest.approx(one_by_one)
    assert sent == sum(first + k * growth for k in range(n))
    assert prompt_cache.written(session) + prompt_cache.found(session) == sent


@calm
@given(CALLS, FIRST, GROWTH, WRITE, READ, st.floats(0, 1))
def test_inflation_with_every_call_broken_or_one_in_the_middle(n, first, growth, write, read, share):
    kept, session = floor(share * first), GrowingSession(n, first, growth)
    whole = bill(n, first, growth, write, read, range(2, n + 1), kept) / bill(n, first, growth, write, read)
    assert prompt_cache.inflation(1, kept, session, write, read) == pytest.approx(whole)
    assert prompt_cache.inflation(0, kept, session, write, read) == 1
    each = [bill(n, first, growth, write, read, [call], kept) / bill(n, first, growth, write, read)
            for call in range(2, n + 1)]
    assert (prompt_cache.inflation(1 / (n - 1), kept, session, write, read)
            == pytest.approx(sum(each) / len(each)))


@calm
@given(st.floats(1.01, 5), CALLS, FIRST, GROWTH, READ)
def test_lost_share_gives_back_the_inflation_it_was_asked_for(factor, n, first, growth, read):
    session = GrowingSession(n, first, growth)
    lost = prompt_cache.lost_share(factor, session, 1.25, read)
    assert prompt_cache.inflation(lost, 0, session, 1.25, read) == pytest.approx(factor)


@calm
@given(st.floats(1, 20), WRITE, READ)
def test_needed_hit_rate_saves_what_was_asked(saving, write, read):
    rate = prompt_cache.needed_hit_rate(saving, write, read)
    assert prompt_cache.multiple(rate, write, read) == pytest.approx(1 / saving)
    assert (rate > 1) == (saving > 1 / read)


def test_a_stable_session_is_written_once_and_read_after():
    by_hand = (1.25 * 50_000 + 19 * 0.1 * 50_000 + 20 * 500) / (20 * 50_500)
    assert prompt_cache.stable_multiple(20, 50_000, 500, 1.25, 0.1) == pytest.approx(by_hand)
    same = prompt_cache.session_multiple(GrowingSession(20, 50_000, 0), 1.25, 0.1)
    assert prompt_cache.stable_multiple(20, 50_000, 0, 1.25, 0.1) == pytest.approx(same)


def test_the_vendor_says_that_one_read_pays_a_short_write_and_two_a_long_one():
    """Anthropic, Pricing: 'caching pays off after one cache read for the 5-minute duration,
    or after two for the 1-hour duration'."""
    write, hour, read = (float(getattr(facts("prompt-cache"), name))
                         for name in ("write", "write_hour", "read"))
    assert math.ceil(prompt_cache.reads_to_pay(write, read)) == 1
    assert math.ceil(prompt_cache.reads_to_pay(hour, read)) == 2


def test_published_savings_of_two_users_lie_between_misses_billed_plainly_and_misses_written():
    """bswen (84% found, 74% saved) and the write-up (92%, 81%): what they print as saved is 1 - multiple."""
    for found, saved in ((0.84, 0.74), (0.92, 0.81)):
        assert (1 - prompt_cache.multiple(found, 1.25, 0.1) - 0.03 <= saved
                <= 1 - prompt_cache.multiple(found, 1, 0.1) + 0.03)


@calm
@given(st.integers(2, 60), st.integers(1, 90_000), st.integers(0, 9_000))
def test_a_stable_sessions_hit_rate_gives_its_price_with_the_rest_at_list_price_or_written(n, prefix, delta):
    found = prompt_cache.stable_hit_rate(n, prefix, delta)
    once = prefix / (n * (prefix + delta))
    plain = delta / (prefix + delta)
    assert found + once + plain == pytest.approx(1)
    by_hand = 0.1 * found + 1.25 * once + plain
    assert prompt_cache.stable_multiple(n, prefix, delta, 1.25, 0.1) == pytest.approx(by_hand)


@calm
@given(READ, st.sampled_from([300, 3600]))
def test_a_pause_is_bridged_as_long_as_the_reads_in_it_cost_no_more_than_the_loss(read, lifetime):
    """Counted out: a pause of whole and half lifetimes needs a read at each expiry
    that lies strictly inside it."""
    bridged = prompt_cache.bridged(prompt_cache.pings(1.25, read), lifetime)
    for halves in range(1, 130):
        pause = halves * lifetime / 2
        reads = sum(k * lifetime < pause for k in range(1, 70))
        assert (reads * read <= (1.25 - read) * (1 + 1e-12)) == (pause <= bridged)


def test_a_read_keeps_alive_what_eleven_and_a_half_of_them_would_buy():
    """A user's production figures have the same ratio, 11.5 to 1."""
    assert prompt_cache.pings(1.25, 0.1) == pytest.approx(11.5)


@calm
@given(st.floats(0.01, 0.9), st.floats(0, 1), READ)
def test_the_longer_lifetime_pays_exactly_where_both_cost_the_same(new, nothing, read):
    lapsed = prompt_cache.longer_lifetime_pays(new, 1.25, 2, read)
    longer = prompt_cache.paused_multiple(new, 0, 2, read)
    assert prompt_cache.paused_multiple(new, lapsed, 1.25, read) == pytest.approx(longer)


def test_gaps_lapse_never_always_and_by_the_exponential():
    assert prompt_cache.lapsed(1e-3, 300) == 0 and prompt_cache.lapsed(1e9, 300) == pytest.approx(1)
    assert prompt_cache.lapsed(300, 300) == pytest.approx(1 / math.e)


def test_numbers_floats_and_arrays_agree():
    session = {"n": "22", "first": "50000 token", "growth": "3600 token"}
    paths(prompt_cache.session_multiple, "", session, "1.25", "0.1")
    paths(prompt_cache.turn, "token", "22", session, "1.25", "0.1")
    paths(prompt_cache.inflation, "", "0.25", "100 token", session, "1.25", "0.1")
    paths(prompt_cache.lapsed, "", "3 minute", "5 minute")
    paths(prompt_cache.stable_hit_rate, "", "20", "50000 token", "500 token")
    paths(prompt_cache.bridged, "s", "11.5", "5 minute")
