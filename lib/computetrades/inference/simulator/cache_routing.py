"""Which replica gets a request, and how much of it that replica still remembers: a small simulator.

A prompt is a chain of parts, each appended to what came before: tools and system prompt (the same for all
sessions of one variant), the session's own opening, then one part a call. A part is named by the hash of all
parts up to it, as vLLM names blocks and SGLang tree nodes, so that equal names mean equal prefixes. A replica
remembers parts until memory or time runs out.

Times in seconds, sizes in tokens, whole numbers; everything repeats for a seed. There are no queues: a
replica takes any load, and `imbalance` tells how uneven it was.
"""
from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, fields, replace
from hashlib import blake2b

from ...experiment import filed, once

POINTS = 100  # of each replica on the ring; the spread of shares falls as 1/sqrt(POINTS)


def digest(text: str) -> int:
    """A hash of 64 bits that is the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


class Ring:
    """Consistent hashing (Karger et al. 1997): a key belongs to the first replica point at or after it,
    around the circle."""
    def __init__(self, replicas, points: int | None = None):
        points = POINTS if points is None else points
        self.points = sorted((digest(f"{replica}/{i}"), replica) for replica in replicas
                             for i in range(points))
        if not self.points:
            raise ValueError("a ring needs at least one replica and one point; give it some")

    def home(self, key: int):
        at = bisect_left(self.points, (key,))
        return self.points[at % len(self.points)][1]


class Modulo:
    """The key's remainder: as even as a ring, until the number of replicas changes."""
    def __init__(self, replicas):
        self.replicas = sorted(replicas)

    def home(self, key: int):
        return self.replicas[key % len(self.replicas)]


# Routers: route(nodes, sizes) -> replica, where nodes name the prompt's prefixes, shortest first;
# lose(replica) takes one away.

class RoundRobin:
    def __init__(self, replicas):
        self.replicas = list(replicas)
        self.turn = 0

    def route(self, nodes, sizes):
        self.turn += 1
        return self.replicas[self.turn % len(self.replicas)]

    def lose(self, replica):
        self.replicas.remove(replica)


class Hashed:
    """The replica where a hash of the prompt's first `parts` parts lies; None: of the whole prompt."""
    def __init__(self, replicas, parts: int | None, place=Ring):
        self.replicas = list(replicas)
        self.parts = parts
        self.place = place
        self.table = place(self.replicas)

    def route(self, nodes, sizes):
        return self.table.home(nodes[-1 if self.parts is None else min(self.parts, len(nodes)) - 1])

    def lose(self, replica):
        self.replicas.remove(replica)
        self.table = self.place(self.replicas)


class LongestPrefix:
    """The replica that was sent the longest beginning of this prompt, in the manner of SGLang's router: if
    that is under `threshold` of the prompt, or the replica has computed more than `bound` times its fair
    share, the one that has computed least.

    The router knows what it sent where, not what was evicted since. SGLang's measures load by the requests in
    flight, of which this simulator has none,
    and sends a prompt that matches little where the least is remembered.
    """
    def __init__(self, replicas, threshold: float = 0.5, bound: float = 1.25):
        self.work = dict.fromkeys(replicas, 0)
        self.holders: dict[int, set] = {}
        self.threshold = threshold
        self.bound = bound

    def route(self, nodes, sizes):
        matched, chosen = sum(sizes), None
        for depth in range(len(nodes) - 1, -1, -1):
            if nodes[depth] in self.holders:
                chosen = min(self.holders[nodes[depth]], key=lambda r: (self.work[r], r))
                break
            matched -= sizes[depth]
        fair = self.bound * sum(self.work.values()) / len(self.work) + sum(sizes)
        if chosen is None or matched < self.threshold * sum(sizes) or self.work[chosen] > fair:
            chosen, matched = min(self.work, key=lambda r: (self.work[r], r)), 0
        self.work[chosen] += sum(sizes) - matched
        for node in nodes:
            self.holders.setdefault(node, set()).add(chosen)
        return chosen

    def lose(self, replica):
        del self.work[replica]
        self.holders = {node: left for node, held in self.holders.items() if (left := held - {replica})}


ROUTERS = {
    "round robin": RoundRobin,
    "whole prompt, ring": lambda replicas: Hashed(replicas, None),
    "tools and system, ring": lambda replicas: Hashed(replicas, 1),
    "session's opening, modulo": lambda replicas: Hashed(replicas, 2, Modulo),
    "session's opening, ring": lambda replicas: Hashed(replicas, 2),
    "longest prefix": LongestPrefix,
}


class PrefixCache:
    """What one replica remembers: parts in order of last use, at most `capacity` tokens,
    each for `lifetime` after its last use.

    A prompt's parts are touched last to first, so a part is never older than what continues it,
    and the oldest is always a leaf.
    """
    def __init__(self, capacity: float = math.inf, lifetime: float = math.inf):
        self.capacity = capacity
        self.lifetime = lifetime
        # Node -> (last use, size), longest unused first
        self.parts: OrderedDict[int, tuple[float, int]] = OrderedDict()
        self.used = 0

    def serve(self, nodes, sizes, now: float) -> int:
        """Tokens of the prompt that were remembered; afterwards all of it is."""
        if sum(sizes) > self.capacity:
            raise ValueError(f"a prompt of {sum(sizes)} tokens does not fit a cache of {self.capacity}; "
                             "give it more")
        self._forget(now)
        hit = 0
        for node, size in zip(nodes, sizes, strict=True):
            if node not in self.parts:
                break
            hit += size
        for node, size in zip(reversed(nodes), reversed(sizes), strict=True):
            if node not in self.parts:
                self.used += size
            self.parts[node] = now, size
            self.parts.move_to_end(node)
        while self.used > self.capacity:
            self.used -= self.parts.popitem(last=False)[1][1]
        return hit

    def _forget(self, now: float) -> None:
        while self.parts:
            last, size = next(iter(self.parts.values()))
            if now - last <= self.lifetime:
                return
            self.parts.popitem(last=False)
            self.used -= size


@dataclass(frozen=True)
class Workload:
    """Sessions that start evenly spread over `span`; call k + 1 comes an exponential `gap` after call k, and
    after every `task` calls the user pauses, exponentially too, for `pause`."""
    sessions: int
    calls: int
    variants: int         # of tools and system prompt; the i-th is 1/i as common as the first
    system: int           # tokens of tools and system prompt
    opening: int          # tokens of the session's own opening
    growth: int           # tokens that each call adds
    span: int
    gap: int
    task: int = 0         # 0: nobody pauses
    pause: int = 0


@dataclass(frozen=True)
class Outcome:
    hit_rate: float       # of all input tokens
    # Share of calls, after a session's first, that came to the replica of the call before
    stays: float
    imbalance: float      # the busiest replica's computed tokens over the average
    after_loss: float     # hit rate of each session's next call after the loss; nan without one


@once
def traffic(load: Workload, seed: int) -> tuple[tuple[float, int, int], ...]:
    """(time, session, call from 1) in order of time."""
    rng = random.Random(seed)
    events = []
    for session in range(load.sessions):
        now = rng.random() * load.span
        for call in range(1, load.calls + 1):
            events.append((now, session, call))
            mean = load.pause if load.task and call % load.task == 0 else load.gap
            now += rng.expovariate(1 / mean) if mean else 0.0
    return tuple(sorted(events))


@once
def prompts(load: Workload, seed: int) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """(names, sizes) of the longest prompt of each session; an earlier call's is its beginning."""
    rng = random.Random(seed + 1)
    common = [1 / rank for rank in range(1, load.variants + 1)]
    out = []
    for session in range(load.sessions):
        [variant] = rng.choices(range(load.variants), common)
        names = [digest(f"variant {variant}, seed {seed}")]
        for part in range(load.calls):
            names.append(digest(f"{names[-1]}/{session}/{part}"))
        out.append((tuple(names), (load.system, load.opening) + (load.growth,) * (load.calls - 1)))
    return tuple(out)


@once
def simulate(router: str, replicas: int, load: Workload, *, capacity: float = math.inf,
             lifetime: float = math.inf, lose: bool = False, seed: int = 0) -> Outcome:
    """All calls of `load` through one of ROUTERS;
    with `lose`, the replica that holds most at half time goes, and its memory with it."""
    if router not in ROUTERS:
        raise ValueError(f"no router {router!r}; take one of {', '.join(ROUTERS)}")
    if replicas < 1 + lose:
        raise ValueError(f"{replicas} replicas are too few; take at least {1 + lose}")
    events, longest = traffic(load, seed), prompts(load, seed)
    table = ROUTERS[router](range(replicas))
    caches = {r: PrefixCache(capacity, lifetime) for r in range(replicas)}
    work, last, waiting = dict.fromkeys(range(replicas), 0), {}, None
    hits = total = stayed = moved = hits_after = total_after = 0
    for i, (now, session, call) in enumerate(events):
        if lose and i == len(events) // 2:
            gone = max(caches, key=lambda r: (caches[r].used, r))
            table.lose(gone)
            del caches[gone]
            waiting = set(last)
        names, sizes = longest[session]
        names, sizes = names[:call + 1], sizes[:call + 1]
        replica = table.route(names, sizes)
        hit, size = caches[replica].serve(names, sizes, now), sum(sizes)
        hits, total = hits + hit, total + size
        work[replica] += size - hit
        if session in last:
            stayed, moved = (stayed + 1, moved) if last[session] == replica else (stayed, moved + 1)
        last[session] = replica
        if waiting and session in waiting:
            waiting.remove(session)
            hits_after, total_after = hits_after + hit, total_after + size
    return Outcome(hits / total, stayed / (stayed + moved) if stayed + moved else math.nan,
                   max(work.values()) * replicas / sum(work.values()),
                   hits_after / total_after if total_after else math.nan)


def repeated(router: str, replicas: int, load: Workload, runs: int, seed: int = 0, **limits) -> Outcome:
    """The mean of so many runs of `simulate`, seeds counted on from `seed`."""
    done = [simulate(router, replicas, load, seed=seed + i, **limits) for i in range(runs)]
    return Outcome(*(math.fsum(getattr(run, field.name) for run in done) / runs for field in fields(Outcome)))


CONDITIONS = ("ample memory", "after a loss", "little memory", "users pause")


@filed
def outcome(router: str, condition: str, *, replicas: int, runs: int, capacity: int, lifetime: int,
            **load: int) -> Outcome:
    """The mean outcome of a router under one of CONDITIONS, over so many runs, with the seeds 0, 1, 2 and on.

    capacity: tokens that each replica holds when memory is little. lifetime: seconds that an entry lives when
    users pause. Under other conditions both are without end. load: the fields of Workload; its pauses are
    left out unless users pause. ValueError for a condition that is none of them.
    """
    limits = {"ample memory": {}, "after a loss": {"lose": True}, "little memory": {"capacity": capacity},
              "users pause": {"lifetime": lifetime}}
    if condition not in limits:
        raise ValueError(f"no condition {condition!r}; take one of {', '.join(CONDITIONS)}")
    given = Workload(**load)
    if condition != "users pause":
        given = replace(given, task=0, pause=0)
    return repeated(router, replicas, given, runs, **limits[condition])


def described(fleet, lifetime) -> dict[str, int]:
    """A fleet's record of data/facts, and the lifetime of an entry, as the plain arguments of `outcome`.

    Tokens, seconds and counts, all whole.
    """
    units = {"replicas": "", "runs": "", "capacity": "token", "sessions": "", "calls": "", "variants": "",
             "system": "token", "opening": "token", "growth": "token", "span": "s", "gap": "s", "task": "",
             "pause": "s"}
    plain = {name: int(getattr(fleet, name).value(unit)) for name, unit in units.items()}
    return plain | {"lifetime": int(lifetime.value("s"))}


def drawn(names: str, lost: str, keys: int = 48, points: int = 3):
    """Few replicas and keys, for a picture: the ring's points as (position, owner), the keys as (position,
    owner before, owner after `lost` is gone), and the owners (before, after) by remainder."""
    left = [name for name in names if name != lost]
    ring, modulo = (Ring(names, points), Ring(left, points)), (Modulo(names), Modulo(left))
    named = [digest(f"session {i}") for i in range(keys)]
    return ([(at / 2**64, owner) for at, owner in ring[0].points],
            [(key / 2**64, *(table.home(key) for table in ring)) for key in named],
            [tuple(table.home(key) for table in modulo) for key in named])
