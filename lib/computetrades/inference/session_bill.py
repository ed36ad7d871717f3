"""The session that one request grows into: an agent's calls,
each of which sends all that was said before, summed in closed form.

Each call makes the conversation longer by the same step, its reply and the result of its tool; the tool of
the last call, if any, has not run. What one call sends, the next finds in the cache. Arrays broadcast.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

from ..functions import where
from ..number import FLOP, GPU, TOKEN
from . import layers, params, prompt_cache, request_bill
from . import step as passes
from .prompt_cache import GrowingSession
from .request_bill import Line, decode_steps


@dataclass(frozen=True)
class AgentSession:
    """Three records of data/facts, as in request_bill.py. start: context of the first call and what of it is
    cached. call: n_calls and output_tokens. task: growth, by how much the conversation is longer after the
    last reply than in the first call. cold: the first call finds nothing."""
    start: object
    call: object
    task: object
    cold: bool = False


def observed(first, last, n_calls):
    """The session of which only this is known: the tokens that its first and its last call sent, and the
    number of calls. It starts cold and grows evenly."""
    return AgentSession(SimpleNamespace(context=first, new_tokens=first), SimpleNamespace(n_calls=n_calls),
                        SimpleNamespace(growth=(last - first) * n_calls / (n_calls - 1)))


def step(session):
    """Tokens by which one call makes the conversation longer."""
    return session.task.growth / session.call.n_calls


def context(session, number):
    """Tokens that call `number` sends, counted from 1."""
    return session.start.context + (number - 1) * step(session)


def added(session, number):
    """Of these, what no earlier call has left in the cache."""
    return where(number > 1, step(session), first_new(session))


def sent(session):
    """Tokens of input over all calls: an arithmetic series, so it grows with the square of their number."""
    calls = GrowingSession(session.call.n_calls, session.start.context, step(session))
    return prompt_cache.input_tokens(calls)


def new(session):
    """Of these, what no earlier call has left in the cache: each token of the conversation once."""
    return prompt_cache.written(GrowingSession(session.call.n_calls, first_new(session), step(session)))


def cached(session):
    """Of these, what is found there."""
    return sent(session) - new(session)


def first_new(session):
    return session.start.context * 1 if session.cold else session.start.new_tokens * 1


def hit_rate(session):
    """Cached tokens over all that are sent."""
    return cached(session) / sent(session)


def missing(session, rate):
    """New tokens that a session with this hit rate has beyond those of the closed form."""
    return (1 - rate) * sent(session) - new(session)


def output(call):
    return call.n_calls * call.output_tokens


def n_passes(call):
    """Passes through the model: the prompt's gives a call's first token, each further one takes its own."""
    return call.n_calls * call.output_tokens / TOKEN


def price(session, prices, discount):
    """What the API bills, every new token written to the cache."""
    return sum(line.price for line in _billed(session, prices, discount))


def price_uncached(session, prices):
    """And if every call were billed as new input."""
    return sent(session) * prices.input_price + output(session.call) * prices.output_price


def session_lines(session, deployment, prices, discount) -> list[Line]:
    """The lines of request_bill.py, summed over the session:
    what each station takes of all calls together."""
    prefix, tail, reply = _billed(session, prices, discount)
    loads = session_loads(session, deployment.model)
    return [Line("01", "the bodies, sent", wire=sent(session) * session.call.body_bytes), prefix, tail,
            *request_bill.passes(deployment, session.call, loads), reply]


def session_loads(session, model) -> list[tuple]:
    """(how many times, load) of the first prompt, the mean later one, and the mean reply.

    Bytes and FLOPs of a load grow evenly with what is cached, so the mean one counts for all. ValueError for
    a model whose cache stops growing, of which that is not true.
    """
    if any(group.reach is not None for group in layers.groups(model)):
        raise ValueError(f"{getattr(model, 'label', 'this model')} has layers that see no further than "
                         "so far, so its calls do not grow evenly: add up request_bill.lines over them")
    n, batch, first = session.call.n_calls, session.call.batch, first_new(session)
    later = session.start.context + (n - 2) * step(session) / 2
    mean = session.start.context + (n - 1) * step(session) / 2
    return [(1, passes.Load(first, session.start.context - first, batch)),
            (n - 1, passes.Load(step(session), later, batch)),
            (n, passes.Load(decode_steps(session.call) * TOKEN, mean, batch, one_by_one=True))]


def prompt_flops(session, model):
    """(first call, all later ones) of FLOPs for new tokens, the head apart."""
    (_, first), (n, later), _ = session_loads(session, model)
    first, later = replace(first, batch=1), replace(later, batch=1)
    return passes.below_the_head(model, first), n * passes.below_the_head(model, later)


def prompt_flops_uncached(session, model):
    """FLOPs if every call computed its whole prompt: the contexts summed, and their squares."""
    n, c, s = session.call.n_calls, session.start.context / TOKEN, step(session) / TOKEN
    tokens = sent(session) / TOKEN
    squares = n * c**2 + c * s * n * (n - 1) + s**2 * (n - 1) * n * (2 * n - 1) / 6
    pair = 4 * model.n_layers * model.n_heads * model.head_dim
    return (2 * tokens * params.layer_weights(model) + pair * (squares + tokens) / 2) * FLOP


def model_time(session, deployment, loop, replica):
    """Time that the user waits for the model: the floor of the GPU time, shared by n_gpus that reach
    `roofline_share` of it. Those who run together wait for each other,
    so each waits for the shares of all."""
    return waited(sum(gpu_floors(session, deployment)), session.call, loop, replica)


def gpu_floors(session, deployment):
    """GPU time at least of the first prompt, of all later ones and of all replies: their loads' floors."""
    return [request_bill.roofline_gpu_time(deployment, session.call, n, load)
            for n, load in session_loads(session, deployment.model)]


def waited(gpu_time, call, loop, replica):
    """Time on the clock for one request's share of GPU time."""
    return gpu_time * call.batch / (replica.n_gpus * GPU) / loop.roofline_share


def network_time(session, loop):
    """A round trip for each call, and the bodies through the uplink."""
    return session.call.n_calls * loop.rtt + sent(session) * session.call.body_bytes / loop.uplink


def tool_time(call, loop):
    """The last answer calls no tool."""
    return (call.n_calls - 1) * loop.tool_time


def call_times(session, deployment, loop, replica, number):
    """(prefill, decode, tool, network) of call `number`, as the user waits for them."""
    call, sends, new = session.call, context(session, number), added(session, number)
    prompt = passes.Load(new, sends - new, call.batch)
    reply = passes.Load(decode_steps(call) * TOKEN, sends, call.batch, one_by_one=True)
    prefill, decode = (waited(request_bill.roofline_gpu_time(deployment, call, 1, load), call, loop, replica)
                       for load in (prompt, reply))
    tool = 1 * where(number < call.n_calls, loop.tool_time, 0 * loop.tool_time)
    return prefill, decode, tool, loop.rtt + sends * call.body_bytes / loop.uplink


def _billed(session, prices, discount):
    call, found, added = session.call, cached(session), new(session)
    return [Line("02", "the prefixes, found in the cache", tokens=found,
                 price=found * prices.input_price * discount.read),
            Line("03", "the new tokens, encoded", tokens=added,
                 price=added * prices.input_price * discount.write),
            Line("08", "the replies, streamed", tokens=output(call), wire=output(call) * call.event_bytes,
                 price=output(call) * prices.output_price)]
