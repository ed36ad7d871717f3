"""How long a request needs from the laptop to the edge:
handshakes, slow start, and the bytes that protocols add.

Sizes in bytes, times in seconds, round trips as plain counts; ints, floats, arrays and Numbers alike. Lost
packets, the server's own time, the name look-up and what the edge does behind itself are left out,
so every time here is a floor.
"""
from __future__ import annotations

from ..functions import ceil, log, maximum, minimum


def initial_window(tcp):
    """Bytes that a sender may put on the way before the first acknowledgement (RFC 6928, section 2)."""
    return tcp.initial_segments * tcp.segment


def flights(size, window, extra=1):
    """Round trips in which `size` bytes are sent when the first may carry `window`
    bytes and each later one more.

    Slow start (RFC 5681, section 3.1): an acknowledged segment lets out another in its place and `extra`
    beside it, so with one extra the window doubles. A receiver that acknowledges every other segment makes it
    a half where the sender counts acknowledgements and not bytes.
    """
    return ceil(log(1 + extra * size / window) / log(1 + extra))


def carried(n, window, extra=1):
    """Bytes that the first n round trips of slow start carry together."""
    return window * ((1 + extra) ** n - 1) / extra


def framed(size, tcp, tls, http):
    """Bytes on the network for `size` bytes of body:
    HTTP/2 frames inside TLS records inside TCP segments inside IP packets.

    Header fields and acknowledgements not counted. RFC 9113, section 4.1;
    RFC 8446, section 5.2; RFC 9293; RFC 791.
    """
    inside = size + ceil(size / http.max_frame) * http.frame_header
    sealed = inside + ceil(inside / tls.max_record) * tls.record_overhead
    return sealed + ceil(sealed / tcp.segment) * tcp.packet_headers


def waits(flights, window, rtt, uplink, extra=1):
    """How often the line falls silent: after each burst that leaves in less than a round trip,
    except the last."""
    short = maximum(ceil(log(rtt * uplink / window) / log(1 + extra)), 0)
    return minimum(flights - 1, short)


def silence(waits, window, rtt, uplink, extra=1):
    """How long the line is silent, all waits together:
    each is a round trip less the time in which its burst leaves.

    What slow start adds to the latency in Kurose and Ross, Computer Networking (section 3.7 of the early
    editions), less a segment's own time for each wait.
    """
    return waits * rtt - carried(waits, window, extra) / uplink


def unbroken(size, rtt, uplink):
    """From the first byte's departure to the first byte of an answer that is given at once,
    if the line is never silent."""
    return size / uplink + rtt
