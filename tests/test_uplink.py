"""inference/uplink.py: against a sender that is played through round trip by round trip, bytes that are really framed, and limits."""
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.inference import uplink
from three_paths import paths

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
    found = paths(uplink.flights, "", f"{size} B", f"{window} B", f"{extra}").value()
    assert found == played(size, window, 1 + extra)
    assert uplink.carried(found, window, extra) >= size * (1 - 1e-9)
    assert found == 1 or uplink.carried(found - 1, window, extra) < size


def test_the_first_window_is_that_of_rfc_6928():
    mss = 1460
    assert paths(uplink.initial_window, "B", TCP).value("B") == min(10 * mss, max(2 * mss, 14_600))


def test_three_windows_filled_to_the_byte_need_two_round_trips_and_one_byte_more_a_third():
    assert [float(uplink.flights(b, 14_600.0)) for b in (14_600.0, 14_601.0, 43_800.0, 43_801.0)] == [1, 2, 2, 3]


@calm
@given(SIZE)
def test_framing_adds_what_a_framer_adds(size):
    stream = b""
    for at in range(0, size, 16384):
        stream += b"f" * 9 + b"d" * min(16384, size - at)
    records = [stream[at:at + 16384] for at in range(0, len(stream), 16384)]
    sealed = sum(5 + len(record) + 1 + 16 for record in records)
    packets = -(-sealed // 1460)
    assert paths(uplink.framed, "B", f"{size} B", TCP, TLS, HTTP).value("B") == sealed + packets * 40


def simulated(size, window, rtt, rate, growth=2):
    """First byte of the answer, when each burst leaves at the line's rate as soon as the last one's first acknowledgement is there."""
    start = line_free = 0.0
    while True:
        burst = min(size, window)
        left_at = max(start, line_free) + burst / rate
        size, window, line_free = size - burst, window * growth, left_at
        if size <= 0:
            return left_at + rtt
        start = start + rtt if burst / rate < rtt else left_at


@calm
@given(SIZE, WINDOW, st.floats(0.001, 0.5), st.floats(1e5, 1e8))
def test_upload_is_a_floor_that_a_played_sender_comes_near(size, window, rtt, rate):
    floor = uplink.upload(float(size), float(window), rtt, rate)
    n = played(size, window, 2)
    assert floor <= simulated(size, window, rtt, rate) * (1 + 1e-9) <= (n * rtt + size / rate) * (1 + 1e-6)
    assert floor >= uplink.grown(float(size), rtt, rate) >= rtt


def test_a_new_connection_pays_its_handshakes_and_nothing_else():
    given_ = ("184 kB", "14.6 kB", "20 ms", "20 Mbit/s")
    kept, new = paths(uplink.upload, "ms", *given_).value("ms"), paths(uplink.cold, "ms", *given_, "2").value("ms")
    assert new - kept == pytest.approx(40)
    assert kept == pytest.approx(184 * 8 / 20 + 20)  # 73.6 ms on the wire and 20 there and back: by hand


def test_far_away_only_distance_counts_and_on_a_thin_line_only_the_line():
    record = SimpleNamespace(size=184e3, window=14_600.0)
    assert uplink.upload(record.size, record.window, 0.6, 1e9) == pytest.approx(4 * 0.6)
    assert uplink.upload(record.size, record.window, 0.001, 1e4) == pytest.approx(18.4 + 0.001)
