"""inference/network.py: against a sender that is played through round trip by round trip, bytes that are
really framed, and limits."""
from collections import deque
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.inference import network
from tests.three_paths import paths

calm = settings(deadline=None, max_examples=60)
SIZE = st.integers(1, 3_000_000)
WINDOW = st.integers(1_000, 100_000)
TCP = {"segment": "1460 B", "packet_headers": "40 B", "initial_segments": "10"}
TLS = {"max_record": "16384 B", "record_overhead": "22 B"}
HTTP = {"max_frame": "16384 B", "frame_header": "9 B"}


def played(size, window, growth):
    """Round trips until `size` bytes are sent, the window growing after each."""
    sent = n = 0
    while sent < size:
        sent, window, n = sent + window, window * growth, n + 1
    return n


@calm
@given(SIZE, WINDOW, st.sampled_from([0.5, 1, 3]))
def test_flights_are_those_of_a_sender_that_is_played_through(size, window, extra):
    found = paths(network.flights, "", f"{size} B", f"{window} B", f"{extra}").value()
    assert found == played(size, window, 1 + extra)
    assert network.carried(found, window, extra) >= size * (1 - 1e-9)
    assert found == 1 or network.carried(found - 1, window, extra) < size


def test_the_first_window_is_that_of_rfc_6928():
    mss = 1460
    assert paths(network.initial_window, "B", TCP).value("B") == min(10 * mss, max(2 * mss, 14_600))


def test_three_windows_filled_to_the_byte_need_two_round_trips_and_one_byte_more_a_third():
    assert ([float(network.flights(b, 14_600.0)) for b in (14_600.0, 14_601.0, 43_800.0, 43_801.0)]
            == [1, 2, 2, 3])


@calm
@given(SIZE)
def test_framing_adds_what_a_framer_adds(size):
    stream = b""
    for at in range(0, size, 16384):
        stream += b"f" * 9 + b"d" * min(16384, size - at)
    records = [stream[at:at + 16384] for at in range(0, len(stream), 16384)]
    sealed = sum(5 + len(record) + 1 + 16 for record in records)
    packets = -(-sealed // 1460)
    assert paths(network.framed, "B", f"{size} B", TCP, TLS, HTTP).value("B") == sealed + packets * 40


def upload(size, window, rtt, rate):
    """The chapter's sum: the bytes, the silence between them, and a round trip."""
    n = network.waits(network.flights(size, window), window, rtt, rate)
    return network.unbroken(size, rtt, rate) + network.silence(n, window, rtt, rate)


def simulated(n, window, rtt, per_segment):
    """First byte of the answer for n segments, sent one by one: each that is acknowledged lets out two."""
    allowed, line_free, acknowledged, sent, now = window, 0.0, deque(), 0, 0.0
    while sent < n:
        if sent - (allowed - window) < allowed:  # in flight: what was sent less what was acknowledged
            start = max(line_free, now) if allowed > window else line_free
            line_free, sent = start + per_segment, sent + 1
            acknowledged.append(line_free + rtt)
        else:
            now = acknowledged.popleft()
            allowed += 1
    return line_free + rtt


@calm
@given(st.integers(1, 2000), st.integers(1, 64), st.floats(0.001, 0.5), st.floats(1e-5, 0.02))
def test_upload_is_that_of_a_sender_played_segment_by_segment(n, window, rtt, per_segment):
    rate, size, first = 1460 / per_segment, n * 1460.0, window * 1460.0
    floor, n_flights = upload(size, first, rtt, rate), network.flights(size, first)
    waits = network.waits(n_flights, first, rtt, rate)
    assert -1e-9 <= simulated(n, window, rtt, per_segment) - floor <= (waits + 1) * per_segment * (1 + 1e-6)
    assert floor >= max(network.unbroken(size, rtt, rate), n_flights * rtt) * (1 - 1e-9)


def test_two_waits_by_hand():
    """20 Mbit/s and 20 ms: bursts of 14.6 and 29.2 kB leave in 5.84 and 11.68 ms,
    the next takes longer than a round trip."""
    path = "14.6 kB", "20 ms", "20 Mbit/s"
    assert paths(network.waits, "", "4", *path).value() == 2
    assert paths(network.silence, "ms", "2", *path).value("ms") == pytest.approx((20 - 5.84) + (20 - 11.68))
    assert paths(network.unbroken, "ms", "184 kB", *path[1:]).value("ms") == pytest.approx(184 * 8 / 20 + 20)


def test_far_away_only_distance_counts_and_on_a_thin_line_only_the_line():
    record = SimpleNamespace(size=184e3, window=14_600.0)
    assert upload(record.size, record.window, 0.6, 1e9) == pytest.approx(4 * 0.6, rel=1e-4)
    assert upload(record.size, record.window, 0.001, 1e4) == pytest.approx(18.4 + 0.001)
