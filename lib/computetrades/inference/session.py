"""The session that one request grows into: an agent's calls, each of which sends all that was said before, summed in closed form.

Arguments are records of data/facts, as in request.py: `session` has the first call's context and what of it is cached, `call` has
n_calls and output_tokens, `task` has growth, by how much the conversation is longer after the last reply than in the first call.
Each call makes it longer by the same step, its reply and the result of its tool; the tool of the last call, if any, has not run.
What one call sends, the next finds in the cache. cold: the first call finds nothing. Arrays broadcast.
"""
from __future__ import annotations

from types import SimpleNamespace

from ..functions import maximum, where
from ..number import FLOP, GPU, TOKEN
from . import flops, kv, params
from .request import Line, decode_steps, read_time, rotation_flops, total


def observed(first, last, n_calls):
    """(session, call, task) of a session of which only this is known: the tokens that its first and its last call sent, and the
    number of calls. It starts cold and grows evenly."""
    return (SimpleNamespace(context=first, new_tokens=first), SimpleNamespace(n_calls=n_calls),
            SimpleNamespace(growth=(last - first) * n_calls / (n_calls - 1)))


def step(call, task):
    """Tokens by which one call makes the conversation longer."""
    return task.growth / call.n_calls


def context(session, call, task, number):
    """Tokens that call `number` sends, counted from 1."""
    return session.context + (number - 1) * step(call, task)


def added(session, call, task, number, cold=False):
    """Of these, what no earlier call has left in the cache."""
    return where(number > 1, step(call, task), first_new(session, cold))


def sent(session, call, task):
    """Tokens of input over all calls: an arithmetic series, so it grows with the square of their number."""
    return call.n_calls * session.context + task.growth * (call.n_calls - 1) / 2


def new(session, call, task, cold=False):
    """Of these, what no earlier call has left in the cache: each token of the conversation once."""
    return first_new(session, cold) + task.growth * (call.n_calls - 1) / call.n_calls


def cached(session, call, task, cold=False):
    """Of these, what is found there."""
    return sent(session, call, task) - new(session, call, task, cold)


def first_new(session, cold=False):
    return session.context * 1 if cold else session.new_tokens * 1


def hit_rate(session, call, task, cold=False):
    """Cached tokens over all that are sent."""
    return cached(session, call, task, cold) / sent(session, call, task)


def missing(session, call, task, rate, cold=False):
    """New tokens that a session with this hit rate has beyond those of the closed form."""
    return (1 - rate) * sent(session, call, task) - new(session, call, task, cold)


def output(call):
    return call.n_calls * call.output_tokens


def passes(call):
    """Passes through the model: the prompt's gives a call's first token, each further one takes its own."""
    return call.n_calls * call.output_tokens / TOKEN


def price(session, call, task, prices, discount, cold=False):
    """What the API bills, every new token written to the cache."""
    return sum(line.price for line in _billed(session, call, task, prices, discount, cold))


def price_uncached(session, call, task, prices):
    """And if every call were billed as new input."""
    return sent(session, call, task) * prices.input_price + output(call) * prices.output_price


def lines(session, call, task, model, fmt, gpu, prices, discount, cold=False) -> list[Line]:
    """The lines of request.py, summed over the session: what each station takes of all calls together."""
    row = model.hidden_size * kv.stored_size(fmt)
    steps, tokens = call.n_calls * decode_steps(call), new(session, call, task, cold)
    rows = (tokens / TOKEN + steps) * row + passes(call) * model.vocab_size * row / call.batch
    turned = (tokens / TOKEN + steps) * rotation_flops(model) / gpu.fp32_flops * GPU
    weights = layer_bytes(model, fmt) / call.batch
    prompt = _prompts(session, call, task, model, weights, gpu, cold)
    kept = cache_read(session, call, task, model, fmt, cold)
    prefix, tail, reply = _billed(session, call, task, prices, discount, cold)
    return [Line("01", "the bodies, sent", wire=sent(session, call, task) * call.body_bytes), prefix, tail,
            Line("04", "embedding and head", hbm=rows, gpu_time=read_time(rows, gpu)),
            Line("05", "rotation", gpu_time=turned),
            Line("06", "the layers", hbm=weights * passes(call), gpu_time=prompt + read_time(weights * steps, gpu)),
            Line("07", "the caches, read", hbm=kept, gpu_time=read_time(kept, gpu)), reply]


def layer_bytes(model, fmt):
    """The matrices of all layers, the output head apart."""
    return sum(params.matrices(model).values()) * kv.stored_size(fmt)


def cache_read(session, call, task, model, fmt, cold=False):
    """Bytes of keys and values: once for the new tokens of each call together, then for each step, one token longer each time."""
    steps = decode_steps(call)
    tokens = cached(session, call, task, cold) + steps * sent(session, call, task) + call.n_calls * steps * (steps + 1) / 2 * TOKEN
    return kv.bytes_per_token(model, fmt) * tokens


def prompt_flops(session, call, task, model, cold=False):
    """(first call, all later ones) of FLOPs for new tokens, the head apart. Together the later calls are one prefill of what was
    added, since each sees what the ones before have left."""
    first, added = first_new(session, cold), task.growth * (call.n_calls - 1) / call.n_calls
    both = (flops.prefill(model, first, session.context - first), flops.prefill(model, added, session.context * 1))
    return tuple(sum(value for name, value in parts.items() if name != "head") for parts in both)


def prompt_flops_uncached(session, call, task, model):
    """FLOPs if every call computed its whole prompt: the contexts summed, and their squares."""
    n, c, s = call.n_calls, session.context / TOKEN, step(call, task) / TOKEN
    tokens, squares = sent(session, call, task) / TOKEN, n * c**2 + c * s * n * (n - 1) + s**2 * (n - 1) * n * (2 * n - 1) / 6
    pair = 4 * model.n_layers * model.n_heads * model.head_dim
    return (2 * tokens * sum(params.matrices(model).values()) + pair * (squares + tokens) / 2) * FLOP


def model_time(session, call, task, model, fmt, gpu, prices, discount, loop, replica, cold=False):
    """Time that the user waits for the model: the floor of the GPU time, shared by n_gpus that reach `roofline_share` of it.
    Those who run together wait for each other, so each waits for the shares of all."""
    every = lines(session, call, task, model, fmt, gpu, prices, discount, cold)
    return waited(total(every, "gpu_time"), call, loop, replica)


def waited(gpu_time, call, loop, replica):
    """Time on the clock for one request's share of GPU time."""
    return gpu_time * call.batch / (replica.n_gpus * GPU) / loop.roofline_share


def network_time(session, call, task, loop):
    """A round trip for each call, and the bodies through the uplink."""
    return call.n_calls * loop.rtt + sent(session, call, task) * call.body_bytes / loop.uplink


def tool_time(call, loop):
    """The last answer calls no tool."""
    return (call.n_calls - 1) * loop.tool_time


def call_times(session, call, task, model, fmt, gpu, loop, replica, number, cold=False):
    """(prefill, decode, tool, network) of call `number`, as the user waits for them."""
    sends, steps = context(session, call, task, number), decode_steps(call)
    tokens = added(session, call, task, number, cold)
    weights, row = layer_bytes(model, fmt) / call.batch, model.hidden_size * kv.stored_size(fmt)
    head, per_token = model.vocab_size * row / call.batch, kv.bytes_per_token(model, fmt)
    work = sum(value for name, value in flops.prefill(model, tokens, sends - tokens).items() if name != "head")
    turn = rotation_flops(model) / gpu.fp32_flops * GPU
    prefill = maximum(read_time(weights, gpu), work / gpu.bf16_flops * GPU) + \
        read_time(head + tokens / TOKEN * row + per_token * (sends - tokens), gpu) + tokens / TOKEN * turn
    decode = read_time(steps * (weights + head + row) + per_token * (steps * sends + steps * (steps + 1) / 2 * TOKEN), gpu) + steps * turn
    tool = 1 * where(number < call.n_calls, loop.tool_time, 0 * loop.tool_time)
    return waited(prefill, call, loop, replica), waited(decode, call, loop, replica), tool, loop.rtt + sends * call.body_bytes / loop.uplink


def _billed(session, call, task, prices, discount, cold):
    found, added = cached(session, call, task, cold), new(session, call, task, cold)
    return [Line("02", "the prefixes, found in the cache", tokens=found, price=found * prices.input_price * discount.read),
            Line("03", "the new tokens, encoded", tokens=added, price=added * prices.input_price * discount.write),
            Line("08", "the replies, streamed", tokens=output(call), wire=output(call) * call.event_bytes,
                 price=output(call) * prices.output_price)]


def _prompts(session, call, task, model, weights, gpu, cold):
    """GPU time of the layers in all prompts' passes. Exact while the later calls are all bound by the same of memory and
    arithmetic, else a little under the sum."""
    first, later = prompt_flops(session, call, task, model, cold)
    return maximum(read_time(weights, gpu), first / gpu.bf16_flops * GPU) + \
        maximum(read_time(weights * (call.n_calls - 1), gpu), later / gpu.bf16_flops * GPU)
