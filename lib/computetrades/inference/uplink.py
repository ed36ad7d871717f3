"""How long a request needs from the laptop to the edge: handshakes, slow start, and the bytes that protocols add.

Sizes in bytes, times in seconds, round trips as plain counts; ints, floats, arrays and Numbers alike. Lost packets, the server's
own time, the name look-up and what the edge does behind itself are left out, so every time here is a floor.
"""
from __future__ import annotations

from ..functions import ceil, log, maximum


def initial_window(tcp):
    """Bytes that a sender may put on the way before the first acknowledgement (RFC 6928, section 2)."""
    return tcp.initial_segments * tcp.segment


def flights(size, window, extra=1):
    """Round trips in which `size` bytes are sent when the first may carry `window` bytes and each later one more.

    Slow start (RFC 5681, section 3.1): an acknowledged segment lets out another in its place and `extra` beside it, so with one
    extra the window doubles. A receiver that acknowledges every other segment makes it a half where the sender counts
    acknowledgements and not bytes.
    """
    return ceil(log(1 + extra * size / window) / log(1 + extra))


def carried(n, window, extra=1):
    """Bytes that the first n round trips of slow start carry together."""
    return window * ((1 + extra) ** n - 1) / extra


def framed(size, tcp, tls, http):
    """Bytes on the network for `size` bytes of body: HTTP/2 frames inside TLS records inside TCP segments inside IP packets.

    Header fields and acknowledgements not counted. RFC 9113, section 4.1; RFC 8446, section 5.2; RFC 9293; RFC 791.
    """
    inside = size + ceil(size / http.max_frame) * http.frame_header
    sealed = inside + ceil(inside / tls.max_record) * tls.record_overhead
    return sealed + ceil(sealed / tcp.segment) * tcp.packet_headers


def upload(size, window, rtt, uplink, extra=1):
    """From the first byte's departure to the first byte of an answer that is given at once.

    The longer of two floors: a round trip for each flight, or the wire's own time for all bytes and one round trip.
    """
    return maximum(flights(size, window, extra) * rtt, size / uplink + rtt)


def cold(size, window, rtt, uplink, handshakes, extra=1):
    """The same on a new connection: `handshakes` round trips come first, one for TCP and one for TLS 1.3."""
    return handshakes * rtt + upload(size, window, rtt, uplink, extra)


def grown(size, rtt, uplink):
    """The same when the window already holds the whole body."""
    return size / uplink + rtt
