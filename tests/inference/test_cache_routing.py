"""inference/simulator/cache_routing.py: against the laws of consistent hashing, closed forms, brute force,
and its own invariants."""
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.facts import facts
from computetrades.inference import kv, params, prompt_cache
from computetrades.inference.prompt_cache import GrowingSession
from computetrades.inference.simulator.cache_routing import (
    CONDITIONS,
    ROUTERS,
    Hashed,
    LongestPrefix,
    Modulo,
    PrefixCache,
    Ring,
    RoundRobin,
    Workload,
    described,
    digest,
    drawn,
    outcome,
    prompts,
    repeated,
    simulate,
    traffic,
)

calm = settings(deadline=None, max_examples=30)
KEYS = [digest(f"key {i}") for i in range(8_000)]
LOAD = Workload(sessions=60, calls=12, variants=3, system=400, opening=600, growth=80, span=600, gap=10)
ALONE = replace(LOAD, variants=1, system=0)   # sessions share nothing


# Where keys belong

@pytest.mark.parametrize("n", [2, 5, 8, 16])
def test_losing_one_of_n_moves_only_its_own_keys_on_a_ring_and_nearly_all_by_remainder(n):
    for lost in range(n):
        left = [r for r in range(n) if r != lost]
        before, after = Ring(range(n)), Ring(left)
        moved = [key for key in KEYS if before.home(key) != after.home(key)]
        assert all(before.home(key) == lost for key in moved)
        assert len(moved) / len(KEYS) == pytest.approx(1 / n, abs=0.4 / n)
    before, after = Modulo(range(n)), Modulo(range(n - 1))
    n_moved = sum(before.home(k) != after.home(k) for k in KEYS)
    assert n_moved / len(KEYS) == pytest.approx(1 - 1 / n, abs=0.015)


def test_more_points_make_a_ring_more_even_as_one_over_their_root():
    def spread(points):
        ring = Ring(range(10), points)
        shares = np.bincount([ring.home(key) for key in KEYS], minlength=10) / len(KEYS)
        return shares.std() / shares.mean()
    assert spread(400) < spread(25) < spread(1)
    assert spread(100) == pytest.approx(0.1, abs=0.06)


@calm
@given(st.integers(0, 2**64 - 1), st.integers(1, 6))
def test_a_key_belongs_to_the_next_point_round_the_circle(key, n):
    ring = Ring(range(n), 3)
    ahead = min(ring.points, key=lambda point: (point[0] - key) % 2**64)
    assert ring.home(key) == ahead[1]


def test_a_ring_of_nothing_says_what_it_needs():
    with pytest.raises(ValueError, match="at least one replica"):
        Ring([])


# What a replica remembers

PROMPT = st.lists(st.integers(0, 2), min_size=1, max_size=5)


@settings(deadline=None, max_examples=80)
@given(st.lists(PROMPT, min_size=1, max_size=30), st.integers(5, 14), st.sampled_from([math.inf, 3]))
def test_a_cache_never_holds_a_part_without_what_it_continues_nor_more_than_fits(
        sequences, capacity, lifetime):
    cache = PrefixCache(capacity, lifetime)
    parent = {}
    for now, steps in enumerate(sequences):
        names = [tuple(steps[:i + 1]) for i in range(len(steps))]
        parent |= {name: name[:-1] for name in names}
        held = {node for node, (last, _) in cache.parts.items() if now - last <= lifetime}
        known = next((i for i, name in enumerate(names) if name not in held), len(names))
        assert cache.serve(names, [1] * len(names), now) == known
        assert cache.used == len(cache.parts) <= capacity
        assert all(not parent[node] or parent[node] in cache.parts for node in cache.parts)
        assert all(name in cache.parts for name in names)


def test_an_entry_lives_from_its_last_use():
    cache = PrefixCache(lifetime=300)
    assert [cache.serve(["a"], [10], t) for t in (0, 300, 600, 901)] == [0, 10, 10, 0]


def test_a_prompt_that_cannot_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        PrefixCache(capacity=5).serve(["a"], [6], 0)


# The routers

def test_one_replica_makes_all_routers_equal():
    results = {simulate(router, 1, LOAD).hit_rate for router in ROUTERS}
    assert len(results) == 1


@pytest.mark.parametrize("router", ["session's opening, ring", "session's opening, modulo", "longest prefix"])
def test_a_key_that_stays_gives_sessions_that_share_nothing_their_closed_form(router):
    found = simulate(router, 8, ALONE)
    assert found.stays == 1
    assert found.hit_rate == pytest.approx(prompt_cache.best_hit_rate(GrowingSession(12, 600, 80)))


@pytest.mark.parametrize("n", [2, 8, 30])
def test_a_hash_of_the_whole_prompt_finds_what_chance_finds(n):
    """Call k finds call j's prompt when j is the last before it on the same of n machines:
    (1/n)(1 - 1/n)^(k-1-j)."""
    size = [600 + 80 * k for k in range(12)]
    chance = sum(size[j] / n * (1 - 1 / n) ** (k - 1 - j) for k in range(12) for j in range(k)) / sum(size)
    found = [simulate("whole prompt, ring", n, replace(ALONE, sessions=600), seed=seed) for seed in range(6)]
    assert np.mean([f.hit_rate for f in found]) == pytest.approx(chance, rel=0.04)
    assert np.mean([f.stays for f in found]) == pytest.approx(1 / n, abs=0.02)


def test_round_robin_over_more_machines_than_calls_finds_only_what_sessions_share():
    apart = simulate("round robin", 2000, ALONE)
    assert apart.hit_rate == 0 and apart.stays == 0


def test_round_robin_is_even_and_hashing_the_shared_part_is_not():
    assert simulate("round robin", 6, LOAD).imbalance < 1.1
    assert simulate("tools and system, ring", 6, LOAD).imbalance > 2
    assert (simulate("longest prefix", 6, LOAD).imbalance
            < simulate("session's opening, ring", 6, LOAD).imbalance)


def test_after_a_loss_a_ring_keeps_all_but_the_lost_replicas_sessions():
    loss = {r: simulate(f"session's opening, {r}", 8, ALONE, lose=True).after_loss
            for r in ("ring", "modulo")}
    assert loss["ring"] > 0.7 > 0.3 > loss["modulo"]
    assert math.isnan(simulate("round robin", 8, ALONE).after_loss)


@pytest.mark.parametrize("router", ROUTERS)
def test_more_memory_and_longer_lives_never_find_less(router):
    by_memory = [simulate(router, 4, LOAD, capacity=c).hit_rate for c in (2_000, 8_000, 30_000, math.inf)]
    by_life = [simulate(router, 4, LOAD, lifetime=t).hit_rate for t in (0.5, 10, 100, math.inf)]
    assert by_life == sorted(by_life)
    assert by_memory[0] <= by_memory[-1] and by_memory == pytest.approx(sorted(by_memory), abs=0.02)


def test_pauses_past_the_lifetime_cost_what_the_exponential_says():
    """One session alone: a call after a gap that outlives the entry finds nothing, so hits fall
    by the share of such gaps."""
    many = replace(ALONE, sessions=3000, growth=0, gap=100)
    expected = (1 - 1 / 12) * (1 - prompt_cache.lapsed(100, 200))
    assert (simulate("session's opening, ring", 1, many, lifetime=200).hit_rate
            == pytest.approx(expected, rel=0.01))


def test_the_longest_match_wins_until_it_is_too_short_or_its_replica_too_busy():
    router = LongestPrefix(["a", "b"])
    first = router.route([1, 2], [10, 10])
    assert router.route([1, 2, 3], [10, 10, 5]) == first            # longest match
    # Two of a hundred tokens are under the threshold
    assert router.route([1, 9], [2, 98]) != first
    busy = LongestPrefix(["a", "b"], bound=1.0)
    busy.work = {"a": 1000, "b": 0}
    busy.holders = {1: {"a"}}
    assert busy.route([1, 2], [90, 10]) == "b"


def test_a_lost_replica_gets_nothing_more():
    for router in (RoundRobin(range(4)), Hashed(range(4), None), Hashed(range(4), 1, Modulo),
                   LongestPrefix(range(4))):
        router.route([1], [5])
        router.lose(2)
        assert all(router.route([key], [5]) != 2 for key in range(50))


def test_the_same_seed_is_the_same_run_and_another_is_not():
    assert traffic(LOAD, 3) == traffic.perform(LOAD, 3) != traffic(LOAD, 4)
    assert (simulate("longest prefix", 5, LOAD, seed=1)
            == simulate.perform("longest prefix", 5, LOAD, seed=1))
    names, sizes = prompts(LOAD, 0)[0]
    assert len(names) == len(sizes) == LOAD.calls + 1 and sum(sizes) == 400 + 600 + 11 * 80


def test_repeated_is_the_mean_over_consecutive_seeds():
    runs = [simulate("round robin", 3, LOAD, capacity=9_000, seed=seed) for seed in (4, 5)]
    mean = repeated("round robin", 3, LOAD, runs=2, seed=4, capacity=9_000)
    assert mean.hit_rate == np.mean([r.hit_rate for r in runs])
    assert mean.imbalance == np.mean([r.imbalance for r in runs])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="no router 'best'"):
        simulate("best", 4, LOAD)
    with pytest.raises(ValueError, match="too few"):
        simulate("round robin", 1, LOAD, lose=True)


# The book's own fleet

def test_the_fleets_facts_are_what_their_notes_say():
    fleet, session, h100 = facts("cache-fleet"), facts("session"), facts("h100-sxm")
    assert float((fleet.system + fleet.opening).value("token")) == float(session.context.value("token"))
    assert float(fleet.growth.value("token")) == pytest.approx(80_000 / 22, abs=0.5)
    llama, bf16 = facts("llama-31-70b"), facts("bf16")
    room = (4 * h100.hbm_capacity - params.total_bytes(llama, bf16)) / kv.bytes_per_token(llama, bf16)
    assert float(fleet.capacity.value("token")) == pytest.approx(room.value("token"), rel=1e-3)


FLEET = described(facts("cache-fleet"), facts("cache-lifetime").short)


def test_the_fleet_is_described_in_whole_tokens_and_seconds():
    limits = {name: FLEET[name] for name in ("replicas", "runs", "capacity", "lifetime")}
    assert limits == {"replicas": 8, "runs": 5, "capacity": 546_000, "lifetime": 300}
    load = Workload(**{name: n for name, n in FLEET.items() if name not in limits})
    assert load == Workload(240, 22, 6, 18_000, 32_000, 3636, 1200, 11, task=5, pause=300)


@pytest.mark.parametrize("condition, limits, pauses", [
    ("ample memory", {}, False), ("after a loss", {"lose": True}, False),
    ("little memory", {"capacity": 9_000}, False), ("users pause", {"lifetime": 30}, True)])
def test_a_condition_limits_memory_or_time_and_its_users_alone_pause(condition, limits, pauses):
    load = replace(LOAD, task=3, pause=40)
    found = outcome("longest prefix", condition, replicas=3, runs=2, capacity=9_000, lifetime=30,
                    **asdict(load))
    wanted = repeated("longest prefix", 3, load if pauses else LOAD, runs=2, **limits)
    assert repr(found) == repr(wanted)                              # nan is no equal of itself


def test_each_condition_takes_something_away():
    best, lost, small, pauses = (outcome("longest prefix", condition, **FLEET) for condition in CONDITIONS)
    assert best.stays == 1 and max(small.hit_rate, pauses.hit_rate, lost.after_loss) < best.hit_rate
    assert math.isnan(best.after_loss)
    session = GrowingSession(22, 50_000, 3636)
    lone = prompt_cache.best_hit_rate(session)
    assert lone < best.hit_rate < lone + (18_000 * 240) / (240 * prompt_cache.input_tokens(session))
    with pytest.raises(ValueError, match="no condition 'calm'"):
        outcome("longest prefix", "calm", **FLEET)


def test_what_is_drawn_is_the_ring():
    points, keys, remainders = drawn("ABCDE", "C")
    assert all(before == after or before == "C" for _, before, after in keys) and len(points) == 15
    owner = {at: next((o for p, o in points if p >= at), points[0][1]) for at, *_ in keys}
    assert all(owner[at] == before for at, before, _ in keys) and len(remainders) == len(keys)
