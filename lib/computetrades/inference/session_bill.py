"""The session that one request grows into: an agent's calls,
each of which sends all that was said before, summed in closed form.

Arguments are records of data/facts, as in request_bill.py: `session` has the first call's context and what
of it is cached, `call` has n_calls and output_tokens, `task` has growth, by how much the conversation is
longer after the last reply than in the first call. Each call makes it longer by the same step, its reply
and the result of its tool; the tool of the last call, if any, has not run. What one call sends, the next
finds in the cache. cold: the first call finds nothing. Arrays broadcast.
"""
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from ..functions import where
from ..number import FLOP, GPU, TOKEN
from . import layers, params, prompt_cache, request_bill
from . import step as passes
from .request_bill import Line, decode_steps


def observed(first, last, n_calls):
    """(session, call, task) of a session of which only this is known: the tokens that its first and its last
    call sent, and the number of calls. It starts cold and grows evenly."""
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
    return prompt_cache.input_tokens(call.n_calls, session.context, step(call, task))


def new(session, call, task, cold=False):
    """Of these, what no earlier call has left in the cache: each token of the conversation once."""
    return prompt_cache.written(call.n_calls, first_new(session, cold), step(call, task))


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


def n_passes(call):
    """Passes through the model: the prompt's gives a call's first token, each further one takes its own."""
    return call.n_calls * call.output_tokens / TOKEN


def price(session, call, task, prices, discount, cold=False):
    """What the API bills, every new token written to the cache."""
    return sum(line.price for line in _billed(session, call, task, prices, discount, cold))


def price_uncached(session, call, task, prices):
    """And if every call were billed as new input."""
    return sent(session, call, task) * prices.input_price + output(call) * prices.output_price


def session_lines(session, call, task, deployment, prices, discount, cold=False) -> list[Line]:
    """The lines of request_bill.py, summed over the session:
    what each station takes of all calls together."""
    prefix, tail, reply = _billed(session, call, task, prices, discount, cold)
    loads = session_loads(session, call, task, deployment.model, cold)
    return [Line("01", "the bodies, sent", wire=sent(session, call, task) * call.body_bytes), prefix, tail,
            *request_bill.passes(deployment, call, loads), reply]


def session_loads(session, call, task, model, cold=False) -> list[tuple]:
    """(how many times, load) of the first prompt, the mean later one, and the mean reply.

    Bytes and FLOPs of a load grow evenly with what is cached, so the mean one counts for all. ValueError for
    a model whose cache stops growing, of which that is not true.
    """
    if any(group.reach is not None for group in layers.groups(model)):
        raise ValueError(f"{getattr(model, 'label', 'this model')} has layers that see no further than "
                         "so far, so its calls do not grow evenly: add up request_bill.lines over them")
    n, first = call.n_calls, first_new(session, cold)
    later = session.context + (n - 2) * step(call, task) / 2
    mean = session.context + (n - 1) * step(call, task) / 2
    return [(1, passes.Load(first, session.context - first, call.batch)),
            (n - 1, passes.Load(step(call, task), later, call.batch)),
            (n, passes.Load(decode_steps(call) * TOKEN, mean, call.batch, one_by_one=True))]


def prompt_flops(session, call, task, model, cold=False):
    """(first call, all later ones) of FLOPs for new tokens, the head apart."""
    (_, first), (n, later), _ = session_loads(session, call, task, model, cold)
    first, later = replace(first, batch=1), replace(later, batch=1)
    return passes.below_the_head(model, first), n * passes.below_the_head(model, later)


def prompt_flops_uncached(session, call, task, model):
    """FLOPs if every call computed its whole prompt: the contexts summed, and their squares."""
    n, c, s = call.n_calls, session.context / TOKEN, step(call, task) / TOKEN
    tokens = sent(session, call, task) / TOKEN
    squares = n * c**2 + c * s * n * (n - 1) + s**2 * (n - 1) * n * (2 * n - 1) / 6
    pair = 4 * model.n_layers * model.n_heads * model.head_dim
    return (2 * tokens * params.layer_weights(model) + pair * (squares + tokens) / 2) * FLOP


def model_time(session, call, task, deployment, loop, replica, cold=False):
    """Time that the user waits for the model: the floor of the GPU time, shared by n_gpus that reach
    `roofline_share` of it. Those who run together wait for each other,
    so each waits for the shares of all."""
    return waited(sum(gpu_floors(session, call, task, deployment, cold)), call, loop, replica)


def gpu_floors(session, call, task, deployment, cold=False):
    """GPU time at least of the first prompt, of all later ones and of all replies: their loads' floors."""
    return [request_bill.roofline_gpu_time(deployment, call, n, load)
            for n, load in session_loads(session, call, task, deployment.model, cold)]


def waited(gpu_time, call, loop, replica):
    """Time on the clock for one request's share of GPU time."""
    return gpu_time * call.batch / (replica.n_gpus * GPU) / loop.roofline_share


def network_time(session, call, task, loop):
    """A round trip for each call, and the bodies through the uplink."""
    return call.n_calls * loop.rtt + sent(session, call, task) * call.body_bytes / loop.uplink


def tool_time(call, loop):
    """The last answer calls no tool."""
    return (call.n_calls - 1) * loop.tool_time


def call_times(session, call, task, deployment, loop, replica, number, cold=False):
    """(prefill, decode, tool, network) of call `number`, as the user waits for them."""
    sends, new = context(session, call, task, number), added(session, call, task, number, cold)
    prompt = passes.Load(new, sends - new, call.batch)
    reply = passes.Load(decode_steps(call) * TOKEN, sends, call.batch, one_by_one=True)
    prefill, decode = (waited(request_bill.roofline_gpu_time(deployment, call, 1, load), call, loop, replica)
                       for load in (prompt, reply))
    tool = 1 * where(number < call.n_calls, loop.tool_time, 0 * loop.tool_time)
    return prefill, decode, tool, loop.rtt + sends * call.body_bytes / loop.uplink


def _billed(session, call, task, prices, discount, cold):
    found, added = cached(session, call, task, cold), new(session, call, task, cold)
    return [Line("02", "the prefixes, found in the cache", tokens=found,
                 price=found * prices.input_price * discount.read),
            Line("03", "the new tokens, encoded", tokens=added,
                 price=added * prices.input_price * discount.write),
            Line("08", "the replies, streamed", tokens=output(call), wire=output(call) * call.event_bytes,
                 price=output(call) * prices.output_price)]
