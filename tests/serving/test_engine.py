"""The engine: every request gets what it would get alone, whoever shares its batch,
its blocks or its prefix."""
import random
from collections import Counter

import pytest
import torch

from computetrades.inference import kv
from computetrades.model.cache import Contiguous
from computetrades.model.config import CHUNKED, FULL, SLIDING, Experts, Latent, ModelConfig
from computetrades.model.sampling import greedy
from computetrades.model.transformer import Transformer
from computetrades.serving.engine import Engine
from tests.oracle import ARCHITECTURES

torch.set_num_threads(1)   # the models are so small that threads only wait for each other
PLAIN = ModelConfig(n_layers=2, hidden_size=32, n_heads=4, intermediate_size=48, vocab_size=64, n_kv_heads=2)
CONFIGS = {
    "grouped-query": PLAIN,
    "latent": PLAIN.with_(n_kv_heads=4, latent=Latent(16, 12, 8, 4, 8)),
    "sliding": PLAIN.with_(layer_kinds=(SLIDING, FULL), window=5, attention_sinks=True),
    "chunked": PLAIN.with_(layer_kinds=(CHUNKED,), window=6),
    "experts": PLAIN.with_(experts=Experts(6, 2, 24, n_shared_experts=1, router="sigmoid")),
}


def build(config):
    """In float64: which rows a matrix product is batched with changes its last bits. Norms, softmax and
    logits are rounded to float32 anyhow, so in float64 those bits vanish in that rounding in all but about
    one case in a hundred million."""
    return Transformer(config).double().initialise(1, spread=0.3)


def seeded(seed: int, temperature: float = 1.5):
    generator = torch.Generator().manual_seed(seed)
    return lambda logits: int(torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator))


def alone(model, prompt, max_tokens, sample, stop_ids=()):
    """The plain loop: one request, one contiguous cache."""
    cache = Contiguous(model.config, len(prompt) + max_tokens, dtype=model.embed.weight.dtype)
    ids, out = prompt, []
    with torch.no_grad():
        while len(out) < max_tokens and not set(out) & set(stop_ids):
            out.append(sample(model(torch.tensor([ids]), cache)[0, -1]))
            ids = out[-1:]
    return out


def check_blocks(engine):
    """References equal the tables, a running request has the blocks that its tokens need,
    and one that waits has none."""
    held = Counter(block for request in engine.running for block in request.cache.table)
    assert engine.pool.references == [held[block] for block in range(engine.pool.n_blocks)]
    for request in engine.running:
        assert len(request.cache.table) in [kv.blocks(len(request.ids) - n, engine.pool.block_size)
                                            for n in (0, 1)]
    assert not any(request.cache for request in engine.waiting)


def play(model, seed):
    """Random arrivals, prefixes, cancellations and sampling in a random small pool;
    counts what took place."""
    r = random.Random(seed)
    block_size, happened = r.choice((1, 2, 3, 4, 8)), Counter()
    n_blocks = -(-r.randint(24, 60) // block_size)
    engine = Engine(model, n_blocks, block_size, r.choice((1, 3, 6, 12, 40)), prefix_cache=r.random() < 0.8)
    stems = [[r.randrange(64) for _ in range(r.randint(1, 14))] for _ in range(2)]
    arrivals, requests, first = sorted(r.randint(0, 20) for _ in range(r.randint(3, 8))), [], []
    step = 0
    while engine.busy or arrivals:
        while arrivals and arrivals[0] <= step:
            arrivals.pop(0)
            prompt = r.choice(stems)[:r.randint(1, 14)] + [r.randrange(64) for _ in range(r.randint(0, 5))]
            how = dict(max_tokens=r.randint(1, 24 - len(prompt)),
                       stop_ids=r.sample(range(64), r.choice((0, 0, 4))))
            sampling = r.choice((None, r.randrange(1000)))
            request = engine.submit(prompt, sample=greedy if sampling is None else seeded(sampling), **how)
            requests.append((request, sampling, how))
        if r.random() < 0.06 and requests:
            victim = r.choice(requests)[0]
            happened["cancelled while running"] += victim in engine.running
            engine.cancel(victim)
            assert victim.done and victim.cache is None
            check_blocks(engine)
        computed = engine.computed_tokens
        produced = engine.step()
        first += [request for request, _ in produced if len(request.output_ids) == 1]
        assert engine.computed_tokens - computed <= engine.max_batch_tokens
        check_blocks(engine)
        happened["batched"] += len(produced) > 1
        happened["steps"] += 1
        step += 1
    assert engine.pool.n_held == 0
    assert [request for request, *_ in requests if request in first] == first, "first come, first served"
    for request, sampling, how in requests:
        expected = alone(model, request.prompt_ids, sample=greedy if sampling is None else seeded(sampling),
                         **how)
        if request.finish_reason == "cancelled":
            assert request.output_ids == expected[:len(request.output_ids)]
        else:
            assert request.output_ids == expected
            assert request.finish_reason == ("stop" if expected[-1] in how["stop_ids"] else "length")
        assert request.cached_tokens % block_size == 0 and request.cached_tokens < len(request.prompt_ids)
        happened["preempted"] += request.preemptions
        happened["found"] += request.cached_tokens > 0
        happened["stopped"] += request.finish_reason == "stop"
        happened["requests"] += 1
    return happened


@pytest.mark.parametrize("name", CONFIGS)
def test_company_changes_nothing(name):
    model, happened = build(CONFIGS[name]), Counter()
    for seed in range(6):
        happened += play(model, seed)
    for event in ("batched", "preempted", "found", "cancelled while running", "stopped"):
        assert happened[event], f"no request was {event} in these scenarios: they test less than they should"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_greedy_outputs_equal_transformers(name):
    """Five prompts at once, in a pool of 24 tokens that cannot hold two of them to their end, against
    generate on each alone."""
    theirs, ours = ARCHITECTURES[name]()
    r = random.Random(7)
    prompts = [[r.randrange(97) for _ in range(n)] for n in (9, 3, 14, 1)] + [[5] * 12]
    theirs.generation_config.eos_token_id = None

    def generate(prompt, **how):
        ids = torch.tensor([prompt])
        out = theirs.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False,
                              pad_token_id=0, **how)
        return out[0, len(prompt):].tolist()

    stop = generate(prompts[0])[3]
    engine = Engine(ours, 6, 4, 16)
    requests = [engine.submit(prompt, 8, stop_ids={stop}) for prompt in prompts]
    engine.run()
    assert ([request.output_ids for request in requests]
            == [generate(prompt, eos_token_id=stop) for prompt in prompts])
    assert requests[0].finish_reason == "stop" and len(requests[0].output_ids) <= 4
    assert sum(request.preemptions for request in requests)


@pytest.fixture(scope="module")
def model():
    return build(PLAIN)


def test_a_prompt_is_found_again(model):
    """Blocks of 4. A prompt of 10 leaves two full blocks and two tokens in a third;
    5 outputs, of which the last is not stored."""
    engine, prompt = Engine(model, 20, 4, 64), list(range(10))
    first = engine.submit(prompt, 5)
    engine.run()
    assert (first.cached_tokens, first.written_tokens, engine.computed_tokens) == (0, 8, 14)
    again = engine.submit(prompt, 5)
    engine.step()
    assert (again.cached_tokens, again.written_tokens, engine.computed_tokens) == (8, 0, 14 + 2)
    assert (engine.pool.n_held, engine.pool.n_shared) == (3, 0)
    engine.run()
    assert again.output_ids == first.output_ids
    # Of the 14 that the first turn stored, 12 fill blocks
    turn = engine.submit(prompt + first.output_ids + [50, 51, 52], 1)
    engine.run()
    assert (turn.cached_tokens, turn.written_tokens) == (12, 4)


def test_requests_under_way_share_their_prefix(model):
    engine, prompt = Engine(model, 20, 4, 64), list(range(9))
    for _ in range(3):
        engine.submit(prompt, 6)
        engine.step()
    assert (engine.pool.n_held, engine.pool.n_shared) == (2 + 3, 2)
    assert engine.computed_tokens == 9 + (1 + 1) + (1 + 1 + 1)


def test_without_the_prefix_cache_every_prompt_is_computed(model):
    engine = Engine(model, 20, 4, 64, prefix_cache=False)
    for _ in range(2):
        request = engine.submit(list(range(10)), 1)
        engine.run()
        assert (request.cached_tokens, request.written_tokens) == (0, 0)
    assert engine.computed_tokens == 20 and not engine.pool.cached


def test_a_long_prompt_is_computed_in_chunks_beside_the_others(model):
    engine = Engine(model, 20, 4, 8)
    short = engine.submit([1, 2, 3], 6)
    engine.step()
    long = engine.submit(list(range(20)), 2)
    # 7 + 7 + 6 tokens
    assert [[request for request, _ in engine.step()] for _ in range(3)] == [[short], [short], [short, long]]
    assert engine.computed_tokens == 3 + 8 + 8 + 7


def test_the_youngest_makes_room(model):
    """4 blocks of 2: two requests of 3 tokens hold them all; at the fifth token the older needs one more."""
    engine = Engine(model, 4, 2, 64)
    old, young = engine.submit([1, 2, 3], 5), engine.submit([4, 5, 6], 5)
    engine.step(), engine.step()
    assert [len(request.cache.table) for request in (old, young)] == [2, 2]
    assert [request for request, _ in engine.step()] == [old]
    assert (old.preemptions, young.preemptions, list(engine.waiting)) == (0, 1, [young])
    engine.run()
    assert ([r.output_ids for r in (old, young)]
            == [alone(model, r.prompt_ids, 5, greedy) for r in (old, young)])


def test_who_comes_later_does_not_overtake(model):
    engine = Engine(model, 4, 2, 64)
    engine.submit([1, 2, 3, 4], 4)
    engine.step()
    large, small = engine.submit([1] * 5, 1), engine.submit([1], 1)
    engine.step()
    assert list(engine.waiting) == [large, small]


def test_cancelling_frees_blocks_at_once(model):
    engine = Engine(model, 4, 4, 64)
    running, waiting = engine.submit(list(range(12)), 5), engine.submit([1] * 9, 2)
    engine.step()
    engine.cancel(waiting)
    engine.cancel(running)
    assert not engine.busy and engine.pool.n_held == 0 and engine.step() == []
    assert [r.finish_reason for r in (running, waiting)] == ["cancelled"] * 2 and len(running.output_ids) == 1


def test_a_step_that_breaks_off_harms_nobody(model):
    """One sampler fails at its third call; the others still get what they would alone."""
    calls = []

    def failing(logits):
        calls.append(logits)
        if len(calls) == 3:
            raise RuntimeError("no token")
        return greedy(logits)

    engine = Engine(model, 20, 4, 64)
    requests = [engine.submit([1, 2, 3], 5), engine.submit([4, 5], 5, failing),
                engine.submit([6], 5, seeded(3))]
    with pytest.raises(RuntimeError, match="no token"):
        engine.run()
    assert list(engine.waiting) == requests and engine.pool.n_held == 0
    engine.run()
    assert ([r.output_ids for r in requests]
            == [alone(model, r.prompt_ids, 5, s)
                for r, s in zip(requests, (greedy, greedy, seeded(3)), strict=True)])


@pytest.mark.parametrize("prompt, max_tokens, says", (
    ([1] * 33, 1, "prompt of 33 tokens and max_tokens 1 do not fit into a pool of 32 tokens"),
    ([1] * 20, 14, "prompt of 20 tokens and max_tokens 14 do not fit into a pool of 32 tokens"),
    ([], 4, "prompt of 0 tokens"), ([1], 0, "max_tokens 0"),
    ([3, 64], 4, "from 3 to 64: give ids from 0 to 63"), ([-1], 4, "from -1")))
def test_what_cannot_be_served_is_refused(model, prompt, max_tokens, says):
    engine = Engine(model, 8, 4, 16)
    with pytest.raises(ValueError, match=says):
        engine.submit(prompt, max_tokens)
    assert not engine.busy


def test_a_request_that_just_fits_is_served(model):
    engine = Engine(model, 8, 4, 16)
    request = engine.submit([1] * 20, 13)
    engine.run()
    assert len(request.output_ids) == 13 and request.preemptions == 0
