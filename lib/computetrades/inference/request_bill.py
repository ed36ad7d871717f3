"""The one request, followed through its stations: what each adds to tokens, bytes, GPU time and price.

Arguments are records of data/facts. A call sends `session.context` tokens, of which `session.shared_prefix`
lie in the cache of an earlier call; the first output token comes from the pass over the new ones, each
further one from a pass over its forerunner. GPU time is that of one GPU for each part of each pass, at its
peak: as long as its bytes or its arithmetic takes (step.py). Matrices are read once for `call.batch` requests
that run together, and each is charged its share; a cache is its own request's.
"""
from __future__ import annotations

from dataclasses import dataclass

from ..functions import sum_given
from ..number import GPU, TOKEN, Number
from . import step

QUANTITIES = ("tokens", "wire", "hbm", "gpu_time", "price")
"""What a line may have."""


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


def roofline_gpu_time(deployment, call, n, load):
    """The request's share of the GPU time of n such loads, at least."""
    return n * step.roofline_time(deployment, load) / call.batch * GPU


def reply(call, prices) -> Line:
    """One event for each token, and the five that open and close a message."""
    wire = call.output_tokens * call.event_bytes + call.envelope_bytes
    return Line("08", "the reply, streamed", tokens=call.output_tokens * 1, wire=wire,
                price=call.output_tokens * prices.output_price)


def column_total(lines, name):
    """The sum of one column, an attribute of Line; None when no line has it."""
    return sum_given(getattr(line, name) for line in lines)


def decode_steps(call):
    """Passes after the prompt's: the last output token is given out and never goes in."""
    return call.output_tokens / TOKEN - 1


def read_time(size, gpu):
    """GPU time to read so many bytes at the memory's peak rate."""
    return size / gpu.hbm_bandwidth * GPU
