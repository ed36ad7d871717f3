"""The one request, followed through its stations: what each adds to tokens, bytes, GPU time and price.

Arguments are records of data/facts. A call sends `session.context` tokens, of which `session.shared_prefix` lie in the cache of
an earlier call; the first output token comes from the pass over the new ones, each further one from a pass over its forerunner.
GPU time is what the memory, or in the prompt's pass the arithmetic if that is longer, needs at its peak rate: a floor. Matrices
are read once for `call.batch` requests that run together; a cache is read for its own request alone.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

from ..functions import maximum, sum_given
from ..number import FLOP, GPU, TOKEN, Number, named
from . import flops, kv, params

# attribute of a line -> heading, unit, significant digits (None: whole units)
COLUMNS = {"tokens": ("Tokens", "token", None), "wire": ("On the wire", "kB", 3), "hbm": ("Read from HBM", "GB", 3),
           "gpu_time": ("GPU time", "GPU s", 3), "price": ("Billed", "USD", 3)}
# chapter -> attribute -> the record in which that chapter publishes it
RECORDS = {"01": {"wire": "request.body-wire"},
           "02": {"tokens": "request.prefix-tokens", "price": "request.prefix-price"},
           "03": {"tokens": "request.tail-tokens", "price": "request.tail-price"},
           "04": {"hbm": "request.embedding-hbm", "gpu_time": "request.embedding-gpu-time"},
           "05": {"gpu_time": "request.rotation-time"},
           "06": {"hbm": "request.layers-hbm", "gpu_time": "request.layers-time"},
           "07": {"hbm": "request.cache-read", "gpu_time": "request.cache-time"},
           "08": {"tokens": "request.reply-tokens", "wire": "request.reply-wire", "price": "request.reply-price"}}


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


def lines(session, call, model, fmt, gpu, prices, discount) -> list[Line]:
    """The lines of chapters 01 to 08 in their order; the first n are the total as chapter n knows it."""
    return [body(session, call), prefix(session, prices, discount), tail(session, prices, discount),
            embedding_and_head(session, call, model, fmt, gpu), rotation(session, call, model, gpu),
            layers(session, call, model, fmt, gpu), cache(session, call, model, fmt, gpu), reply(call, prices)]


def body(session, call) -> Line:
    return Line("01", "the body, sent", wire=session.context * call.body_bytes)


def prefix(session, prices, discount) -> Line:
    return Line("02", "the prefix, found in the cache", tokens=session.shared_prefix * 1,
                price=session.shared_prefix * prices.input_price * discount.read)


def tail(session, prices, discount) -> Line:
    """New input is also written to the cache, for the next call to find."""
    return Line("03", "the new tokens, encoded", tokens=session.new_tokens * 1,
                price=session.new_tokens * prices.input_price * discount.write)


def embedding_and_head(session, call, model, fmt, gpu) -> Line:
    """A row for each token that goes in, the whole head for each that comes out."""
    row = model.hidden_size * kv.stored_size(fmt)
    rows = (session.new_tokens / TOKEN + decode_steps(call)) * row
    hbm = rows + call.output_tokens / TOKEN * model.vocab_size * row / call.batch
    return Line("04", "embedding and head", hbm=hbm, gpu_time=read_time(hbm, gpu))


def rotation(session, call, model, gpu) -> Line:
    """Fused with attention, so it reads nothing of its own; its arithmetic is not the tensor cores'."""
    work = (session.new_tokens / TOKEN + decode_steps(call)) * rotation_flops(model)
    return Line("05", "rotation", gpu_time=work / gpu.fp32_flops * GPU)


def layers(session, call, model, fmt, gpu) -> Line:
    """The matrices of all layers: once for the new tokens together, then once for each step."""
    weights = sum(params.matrices(model).values()) * kv.stored_size(fmt) / call.batch
    passes = flops.prefill(model, session.new_tokens, session.shared_prefix)
    work = sum(value for name, value in passes.items() if name != "head")
    hbm = weights * (1 + decode_steps(call))
    prompt = maximum(read_time(weights, gpu), work / gpu.bf16_flops * GPU)
    return Line("06", "the layers", hbm=hbm, gpu_time=prompt + read_time(weights * decode_steps(call), gpu))


def cache(session, call, model, fmt, gpu) -> Line:
    """Keys and values of all earlier tokens: once for the new tokens together, then for each step, one token longer each time."""
    steps = decode_steps(call)
    hbm = kv.bytes_per_token(model, fmt) * (session.shared_prefix + steps * session.context) + \
        kv.bytes_per_token(model, fmt) * TOKEN * steps * (steps + 1) / 2
    return Line("07", "the cache, read", hbm=hbm, gpu_time=read_time(hbm, gpu))


def reply(call, prices) -> Line:
    """One event for each token, and the five that open and close a message."""
    wire = call.output_tokens * call.event_bytes + call.envelope_bytes
    return Line("08", "the reply, streamed", tokens=call.output_tokens * 1, wire=wire, price=call.output_tokens * prices.output_price)


def published(lines) -> list[Line]:
    """The traced lines of the one request, each number under the name of its RECORDS: a sum of them leads back to the chapters."""
    def under_its_name(line, name, key): return named(key, getattr(line, name).to(COLUMNS[name][1]), line.what)
    return [replace(line, **{name: under_its_name(line, name, key) for name, key in RECORDS[line.chapter].items()}) for line in lines]


def total(lines, name):
    """The sum of one column, an attribute of Line; None when no line has it."""
    return sum_given(getattr(line, name) for line in lines)


def decode_steps(call):
    """Passes after the prompt's: the last output token is given out and never goes in."""
    return call.output_tokens / TOKEN - 1


def rotation_flops(model):
    """Two multiplications and an addition for each element of every query and key, all layers, one token."""
    return 3 * model.n_layers * (model.n_heads + model.n_kv_heads) * model.head_dim * FLOP


def rotation_bytes(model, fmt):
    """What rotation reads and writes when it is a kernel of its own: every query and key of all layers in and out, one token."""
    return 2 * model.n_layers * (model.n_heads + model.n_kv_heads) * model.head_dim * kv.stored_size(fmt)


def read_time(size, gpu):
    """GPU time to read so many bytes at the memory's peak rate."""
    return size / gpu.hbm_bandwidth * GPU
