"""The one request, followed through its stations: what each adds to tokens, bytes, GPU time and price.

Arguments are records of data/facts. A call sends `session.context` tokens, of which `session.shared_prefix`
lie in the cache of an earlier call; the first output token comes from the pass over the new ones, each
further one from a pass over its forerunner. GPU time is that of one GPU for each part of each pass, at its
peak: as long as its bytes or its arithmetic takes (step.py). Matrices are read once for `call.batch` requests
that run together, and each is charged its share; a cache is its own request's.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..functions import sum_given
from ..number import GPU, TOKEN, Number, named
from . import step

# attribute of a line -> heading, unit, significant digits (None: whole units)
COLUMNS = {"tokens": ("Tokens", "token", None), "wire": ("On the wire", "kB", 3),
           "hbm": ("Read from HBM", "GB", 3),
           "gpu_time": ("GPU time", "GPU s", 3), "price": ("Billed", "USD", 3)}
# chapter -> attribute -> the record in which that chapter publishes it
RECORDS = {"01": {"wire": "request.body-wire"},
           "02": {"tokens": "request.prefix-tokens", "price": "request.prefix-price"},
           "03": {"tokens": "request.tail-tokens", "price": "request.tail-price"},
           "04": {"hbm": "request.embedding-hbm", "gpu_time": "request.embedding-gpu-time"},
           "05": {"gpu_time": "request.rotation-time"},
           "06": {"hbm": "request.layers-hbm", "gpu_time": "request.layers-time"},
           "07": {"hbm": "request.cache-read", "gpu_time": "request.cache-time"},
           "08": {"tokens": "request.reply-tokens", "wire": "request.reply-wire",
                  "price": "request.reply-price"}}


@dataclass(frozen=True)
class Line:
    """One chapter's share of the request. None where the station has nothing of the kind."""
    chapter: str
    what: str
    tokens: Number | None = None      # by how much the context grows, or is taken over
    wire: Number | None = None        # bytes on the network
    hbm: Number | None = None         # bytes read from the GPUs' memory
    gpu_time: Number | None = None    # of one GPU; spread over n, each works an n-th of it
    price: Number | None = None       # what the API bills


def lines(session, call, deployment, prices, discount) -> list[Line]:
    """The lines of chapters 01 to 08 in their order; the first n are the total as chapter n knows it."""
    return [body(session, call), prefix(session, prices, discount), tail(session, prices, discount),
            *passes(deployment, call, loads(session, call)), reply(call, prices)]


def loads(session, call) -> list[tuple]:
    """(how many times, load) of the request: its prompt, and the steps that decode its reply."""
    return [(1, step.Load(session.new_tokens, session.shared_prefix, call.batch)),
            (1, step.Load(decode_steps(call) * TOKEN, session.context, call.batch, one_by_one=True))]


def body(session, call) -> Line:
    return Line("01", "the body, sent", wire=session.context * call.body_bytes)


def prefix(session, prices, discount) -> Line:
    return Line("02", "the prefix, found in the cache", tokens=session.shared_prefix * 1,
                price=session.shared_prefix * prices.input_price * discount.read)


def tail(session, prices, discount) -> Line:
    """New input is also written to the cache, for the next call to find."""
    return Line("03", "the new tokens, encoded", tokens=session.new_tokens * 1,
                price=session.new_tokens * prices.input_price * discount.write)


def passes(deployment, call, loads) -> list[Line]:
    """Lines 04 to 07: the request's share of the parts of step.py, over all its loads. Of the activations,
    the row alone that is looked up for each token that goes in;
    the others are below a thousandth of what is read."""
    def share(of, *names):
        return sum(n * parts[name] for n, parts in of for name in names if name in parts) / call.batch
    size = [(n, step.part_bytes(deployment, load)) for n, load in loads]
    seconds = [(n, step.part_seconds(deployment, load)) for n, load in loads]
    row = deployment.model.hidden_size * deployment.size_of("embedding")
    rows = sum(n * (load.new / TOKEN) for n, load in loads) * row
    layers = "layers", "experts"
    return [Line("04", "embedding and head", hbm=rows + share(size, "head"),
                 gpu_time=(rows / step.speed(deployment) + share(seconds, "head")) * GPU),
            Line("05", "rotation", gpu_time=share(seconds, "rotation") * GPU),
            Line("06", "the layers", hbm=share(size, *layers), gpu_time=share(seconds, *layers) * GPU),
            Line("07", "the cache, read", hbm=share(size, "cache"), gpu_time=share(seconds, "cache") * GPU)]


def floor(deployment, call, n, load):
    """The request's share of the GPU time of n such loads, at least."""
    return n * step.floor(deployment, load) / call.batch * GPU


def reply(call, prices) -> Line:
    """One event for each token, and the five that open and close a message."""
    wire = call.output_tokens * call.event_bytes + call.envelope_bytes
    return Line("08", "the reply, streamed", tokens=call.output_tokens * 1, wire=wire,
                price=call.output_tokens * prices.output_price)


def published(lines) -> list[Line]:
    """The traced lines of the one request, each number under the name of its RECORDS:
    a sum of them leads back to the chapters."""
    def under_its_name(line, name, key):
        return named(key, getattr(line, name).to(COLUMNS[name][1]), line.what)
    return [replace(line,
                    **{name: under_its_name(line, name, key) for name, key in RECORDS[line.chapter].items()})
            for line in lines]


def under(lines, name) -> list[Line]:
    """The same lines, each number as a symbol of its own, `name.the-layers-hbm`,
    so that a sum of them reads by station."""
    def symbol(line, column, number):
        key = f"{name}.{'-'.join(re.findall(r'[a-z]+', f'{line.what} {column}'))}"
        return named(key, number, f"{line.what[0].upper()}{line.what[1:]}: {COLUMNS[column][0]}")
    return [replace(line, **{column: symbol(line, column, getattr(line, column)) for column in COLUMNS
                             if isinstance(getattr(line, column), Number)}) for line in lines]


def total(lines, name):
    """The sum of one column, an attribute of Line; None when no line has it."""
    return sum_given(getattr(line, name) for line in lines)


def decode_steps(call):
    """Passes after the prompt's: the last output token is given out and never goes in."""
    return call.output_tokens / TOKEN - 1


def read_time(size, gpu):
    """GPU time to read so many bytes at the memory's peak rate."""
    return size / gpu.hbm_bandwidth * GPU
