"""What input costs when its beginning is in a prompt cache: closed forms.

Prices here are multiples of the list price of an input token: `write` for a token that is put into the cache,
`read` for one that is found there, 1 for one that is neither. The provider keeps what a call has sent, so a
call reads its forerunner's prompt and writes what was added (Anthropic, Prompt caching).
"""
from __future__ import annotations

from dataclasses import dataclass

from ..functions import exp, floor, maximum


@dataclass(frozen=True)
class GrowingSession:
    """n calls. The first sends `first` tokens; each later one sends all that the one before it sent,
    unchanged, and `growth` tokens more: the reply, a tool's result, the user's next sentence."""
    n: object
    first: object
    growth: object


def multiple(hit_rate, write, read):
    """Price of the average input token when `hit_rate` of the tokens are found and the others written;
    write = 1: merely not found."""
    return hit_rate * read + (1 - hit_rate) * write


def needed_hit_rate(saving, write, read):
    """Hit rate at which input costs 1/saving of its list price: `multiple` solved for it.
    Above 1: no hit rate is enough."""
    return (write - 1 / saving) / (write - read)


def reads_to_pay(write, read):
    """Reads after which writing a prefix once was cheaper than sending it plainly each time."""
    return (write - 1) / (1 - read)


def stable_multiple(n, prefix, delta, write, read):
    """A session whose prefix never grows: written once, read n - 1 times,
    and `delta` other tokens at list price in every call."""
    return ((write + (n - 1) * read) * prefix + n * delta) / (n * (prefix + delta))


def stable_hit_rate(n, prefix, delta):
    """Hit rate of that session."""
    return (n - 1) * prefix / (n * (prefix + delta))


def input_tokens(session):
    """Input tokens of all calls together, however they are billed."""
    return session.n * session.first + session.growth * session.n * (session.n - 1) / 2


def written(session):
    """Those that no earlier call had sent."""
    return session.first + (session.n - 1) * session.growth


def found(session):
    """Those that the call before had sent: all others, as long as nothing disturbs the cache."""
    return input_tokens(session) - written(session)


def best_hit_rate(session):
    """The best hit rate that the session can have."""
    return found(session) / input_tokens(session)


def session_multiple(session, write, read):
    """Price of the session's average input token, nothing disturbed."""
    return multiple(best_hit_rate(session), write, read)


def turn(k, session, write, read):
    """Price of the k-th call's input, k from 1, in tokens at list price: the first call writes everything."""
    first, growth = session.first, session.growth
    new = growth + maximum(2 - k, 0) * (first - growth)
    return write * new + read * (first + (k - 1) * growth - new)


def inflation(lost, kept, session, write, read):
    """The session's input bill, when a share `lost` of the calls after the first finds only the first `kept`
    tokens, over the undisturbed one. Expected value, with losses spread evenly over those calls."""
    rewritten = lost * (found(session) - (session.n - 1) * kept)
    return (1 + rewritten * (write - read)
            / (session_multiple(session, write, read) * input_tokens(session)))


def lost_share(factor, session, write, read):
    """The share of calls that must lose the whole cache to inflate the bill by `factor`:
    `inflation` solved for it."""
    bill = session_multiple(session, write, read) * input_tokens(session)
    return (factor - 1) * bill / (found(session) * (write - read))


def lapsed(gap, lifetime):
    """Share of gaps longer than the lifetime when gaps between calls are exponential with mean `gap`."""
    return exp(-lifetime / gap)


def paused_multiple(new, lapsed_share, write, read):
    """Price of the average input token when a share `new` of every call's tokens is new and the rest has
    lapsed `lapsed_share` of the time."""
    return new * write + (1 - new) * multiple(1 - lapsed_share, write, read)


def longer_lifetime_pays(new, write, write_long, read):
    """Share of calls above which the longer lifetime's dearer writes are cheaper,
    if all that lapse would live under it."""
    return new * (write_long - write) / ((1 - new) * (write - read))


def pings(write, read):
    """Reads that keep a prefix alive for the price of losing it:
    what writing it again costs over one read, in reads."""
    return (write - read) / read


def bridged(pings, lifetime):
    """The longest pause that whole reads, one just before each expiry, bridge for no more than the price of
    `pings` reads: the last of them is followed by one lifetime more."""
    return (floor(pings) + 1) * lifetime
