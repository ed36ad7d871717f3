"""Ranks against the model in one process, torch's own tensor parallelism, the closed forms,
and the kernel's count of bytes."""
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from functools import cache
from types import SimpleNamespace

import pytest
import torch

from computetrades.inference import collectives
from computetrades.model.config import FULL, SLIDING, Experts, Latent, ModelConfig, Rope
from computetrades.model.parallel import (
    Communicator,
    RankError,
    expert_parallel,
    launch,
    run,
    tallies,
    tensor_parallel,
)
from computetrades.model.transformer import n_parameters
from tests import on_ranks

# 97: no even split
SIZES = {"vocab_size": 97, "hidden_size": 64, "intermediate_size": 96, "n_layers": 3, "n_heads": 8}
LLAMA = ModelConfig(**SIZES, n_kv_heads=2)
MODELS = {
    "gqa": LLAMA,
    "tied": ModelConfig(**SIZES, n_kv_heads=4, tied_embeddings=True, logit_softcap=3.0, attention_softcap=5.0,
                        sandwich_norm=True, qk_norm=True),
    "mla": ModelConfig(**SIZES, latent=Latent(24, 16, 12, 8, 10),
                       rope=Rope(scheme="yarn", factor=4.0, trained_context=64),
                       experts=Experts(8, 3, 32, n_shared_experts=2, router="sigmoid", scaling=2.5,
                                       n_groups=4, n_limited_groups=2, n_dense_layers=1)),
    "biases": ModelConfig(**SIZES, n_kv_heads=2, head_dim=16, attention_bias="qkvo", attention_sinks=True,
                          window=7,
                          layer_kinds=(SLIDING, FULL), activation="clamped",
                          experts=Experts(8, 2, 96, bias=True)),
}
MIXTURES = {name: config for name, config in MODELS.items() if config.experts}
# Each with the seed of sampling
WAYS = ((tensor_parallel, None), (tensor_parallel, 5), (expert_parallel, None))
CASES = {(name, way, seed): (config, way, seed) for name, config in MODELS.items() for way, seed in WAYS}
# Three: with four ranks, one has none
REQUESTS = torch.randint(0, 97, (3, 11), generator=torch.Generator().manual_seed(1))
N_TOKENS = 4
FLOAT32 = SimpleNamespace(bits=4, scale_bits=0, block_size=1)                           # base units: bytes
every_size = pytest.mark.parametrize("n_ranks", [1, 2, 4])
every_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def on_ranks_of(n_ranks):
    """Case -> the Decodings of all ranks, as (float32, float64) pairs;
    the ranks are started once for all tests."""
    ranks = run(n_ranks, on_ranks.decodings, list(CASES.values()), REQUESTS, N_TOKENS)
    return dict(zip(CASES, zip(*ranks, strict=True), strict=True))


@cache
@torch.no_grad()
def in_one_process(name, seed=None):
    """(tokens, logits) without ranks and without a cache: the whole text anew for each token."""
    model, ids = on_ranks.filled(MODELS[name]), REQUESTS
    generator = seed and torch.Generator().manual_seed(seed)
    for _ in range(N_TOKENS):
        last = model(ids)[:, -1]
        chosen = (torch.multinomial(last.softmax(-1), 1, generator=generator) if seed
                  else last.argmax(-1, keepdim=True))
        ids = torch.cat([ids, chosen], dim=1)
    return ids[:, REQUESTS.shape[1]:], model(ids[:, :-1])


def together(decodings, way, field):
    """What all ranks have of `field`: the same on each, or the requests divided among them."""
    parts = [getattr(d, field) for d in decodings]
    if way is expert_parallel:
        return torch.cat(parts)
    assert all(torch.equal(part, parts[0]) for part in parts), \
        "ranks that differ by a bit will one day draw different tokens"
    return parts[0]


@every_size
@pytest.mark.parametrize("name, way, seed", CASES)
def test_ranks_give_the_logits_and_tokens_of_one_process(n_ranks, name, way, seed):
    tokens, logits = in_one_process(name, seed)
    single = [pair[0] for pair in on_ranks_of(n_ranks)[name, way, seed]]
    assert (together(single, way, "logits") - logits).abs().max() < 1e-5
    assert together(single, way, "tokens").tolist() == tokens.tolist()


@every_size
@every_model
@pytest.mark.parametrize("way", [tensor_parallel, expert_parallel])
def test_in_double_precision_only_the_order_of_sums_differs(n_ranks, name, way):
    double = [pair[1] for pair in on_ranks_of(n_ranks)[name, way, None]]
    ids = torch.cat([REQUESTS, together(double, way, "tokens")], dim=1)
    with torch.no_grad(), on_ranks.InDoublePrecision():
        logits = on_ranks.filled(MODELS[name], torch.float64)(ids[:, :-1])
    assert logits.dtype == torch.float64
    assert (together(double, way, "logits") - logits).abs().max() < 1e-12


def test_torchs_own_tensor_parallelism_gives_the_same_and_counts_the_same():
    for theirs, ours, in_theirs, in_ours, log in run(2, on_ranks.by_torch, LLAMA, REQUESTS):
        assert (theirs - ours).abs().max() < 1e-5
        assert in_theirs == {"all_reduce": 7, "all_gather_into_tensor": 1}
        assert in_ours == {"allreduce_": 7, "allgather_": 1}
        assert [c.kind for c in log] == ["all-reduce"] * 7 + ["all-gather"]


@every_size
@every_model
def test_traffic_of_tensor_parallelism_is_the_closed_form(n_ranks, name):
    config, n_requests = MODELS[name], len(REQUESTS)
    for decoding, _ in on_ranks_of(n_ranks)[name, tensor_parallel, None]:
        for step, n_tokens in zip(decoding.traffic, [REQUESTS.numel(), *[n_requests] * 3], strict=True):
            *reduced, gathered = step
            assert {c.kind for c in reduced} == {"all-reduce"} and gathered.kind == "all-gather"
            assert (len(reduced) == collectives.all_reduces(config)
                    == collectives.layer_all_reduces(config) + 1)
            assert (sum(c.n_bytes for c in reduced)
                    == n_tokens * collectives.tensor_parallel_bytes(config, FLOAT32))
            assert gathered.n_bytes == n_tokens * collectives.logits_bytes(config, FLOAT32, n_ranks)
            sent = collectives.all_reduce_sent(
                n_ranks, n_tokens * collectives.tensor_parallel_bytes(config, FLOAT32))
            assert sum(c.n_sent for c in reduced) == pytest.approx(sent)
            assert gathered.n_sent == pytest.approx(collectives.all_gather_sent(n_ranks, gathered.n_bytes))


@every_size
@pytest.mark.parametrize("name", MIXTURES)
def test_traffic_of_expert_parallelism_is_the_closed_form(n_ranks, name):
    config, ranks = MODELS[name], [pair[0] for pair in on_ranks_of(n_ranks)[name, expert_parallel, None]]
    form = SimpleNamespace(n_layers=config.n_layers, n_dense_layers=config.experts.n_dense_layers,
                           hidden_size=config.hidden_size,
                           n_experts_per_token=config.experts.n_experts_per_token)
    for step, n_tokens in enumerate([REQUESTS.numel(), *[len(REQUESTS)] * 3]):
        on_each = [tallies(rank.traffic[step]) for rank in ranks]
        assert all(list(t) == ["counts", "dispatch", "combine"] for t in on_each)
        assert {c.kind for rank in ranks for c in rank.traffic[step]} == {"all-to-all"}
        assert {t["dispatch"].times + t["combine"].times for t in on_each} == {collectives.all_to_alls(form)}
        moved = sum(t["dispatch"].n_bytes + t["combine"].n_bytes for t in on_each)
        assert moved == n_tokens * collectives.expert_parallel_bytes(form, FLOAT32, FLOAT32)
        assert ({t["counts"].n_bytes for t in on_each}
                == {8 * config.experts.n_experts * collectives.mixture_layers(form)})


@pytest.mark.parametrize("n_ranks", [2, 4])
@pytest.mark.parametrize("name", MIXTURES)
def test_rows_travel_exactly_when_the_router_chose_an_expert_elsewhere(n_ranks, name):
    config, model, choices = MODELS[name], on_ranks.filled(MODELS[name]), []
    for block in model.blocks:
        if hasattr(block.feed_forward, "router"):
            block.feed_forward.router.register_forward_hook(lambda *hook: choices.append(hook[2][1]))
    with torch.no_grad():
        model(REQUESTS)
    n_own = torch.tensor([len(requests) for requests in REQUESTS.tensor_split(n_ranks)]) * REQUESTS.shape[1]
    home = torch.arange(n_ranks).repeat_interleave(n_own)                               # of every token
    # Each [all tokens, experts per token]
    owner = [chosen // (config.experts.n_experts // n_ranks) for chosen in choices]
    prefill = [tallies(pair[0].traffic[0]) for pair in on_ranks_of(n_ranks)[name, expert_parallel, None]]
    for rank, t in enumerate(prefill):
        away = sum((to[home == rank] != rank).sum().item() for to in owner)
        visiting = sum((to[home != rank] == rank).sum().item() for to in owner)
        assert t["dispatch"].n_sent == away * config.hidden_size * 4
        assert t["combine"].n_sent == visiting * config.hidden_size * 4


@pytest.mark.skipif(not sys.platform.startswith("linux"),
                    reason="the kernel's byte counts are read as Linux gives them")
@pytest.mark.parametrize("n_ranks", [2, 4])
def test_the_kernel_sends_the_bytes_that_the_log_says(n_ranks):
    for rank in run(n_ranks, on_ranks.on_the_wire, 3 << 18):
        assert [kind for kind, *_ in rank] == ["all-reduce", "all-gather", "all-to-all", "all-to-all"]
        for kind, sent, logged in rank:
            assert logged <= sent < logged + 8192, kind     # beside them the headers of some dozen messages


def test_logits_need_not_be_gathered_to_draw_a_token():
    generator = torch.Generator().manual_seed(2)
    noise = -torch.empty(3, 11, 97).exponential_(generator=generator).log()
    with torch.no_grad():
        logits = on_ranks.filled(LLAMA)(REQUESTS)
    ranks = run(4, on_ranks.without_gathering, LLAMA, REQUESTS, noise)
    for (likeliest, traffic), (drawn, _), _, log in ranks:
        assert torch.equal(likeliest, logits.argmax(-1)) and torch.equal(drawn, (logits + noise).argmax(-1))
        assert not torch.equal(likeliest, drawn)
        assert "logits" not in tallies(traffic)
        # A value and a place from each rank
        assert tallies(traffic)["best token"].n_bytes == 4 * 33 * 16
        assert (tallies(log)["maximum"].times, tallies(log)["sum"].times) == (1, 1)
        assert tallies(log)["sum"].n_bytes == 33 * 4
    assert (torch.cat([r[2] for r in ranks], -1) - logits.log_softmax(-1)).abs().max() < 1e-5


def test_each_rank_holds_its_part():
    """Two key-value heads serve four ranks twice over, and a latent belongs to all heads;
    norms and routers are whole."""
    mla, mixture = MODELS["mla"], MODELS["biases"]
    cases = [(LLAMA, tensor_parallel), (mla, tensor_parallel), (mixture, expert_parallel)]
    llama, latent, experts = zip(*run(4, on_ranks.weights_and_caches, cases), strict=True)
    # Tokens, layers, keys and values, heads, width, bytes
    assert {cached for _, cached in llama} == {10 * 3 * 2 * 1 * 8 * 4}
    assert {cached for _, cached in latent} == {10 * 3 * (8 + 16) * 4}
    norms, keys_and_values = (2 * 3 + 1) * 64, 3 * 2 * 2 * 8 * 64
    assert sum(n for n, _ in llama) == n_parameters(LLAMA) + 3 * norms + keys_and_values
    one_expert = 3 * 64 * 96 + 2 * 96 + 64
    assert {n for n, _ in experts} == {n_parameters(mixture) - 3 * 6 * one_expert}


@pytest.mark.parametrize("n_ranks, way, changes, message", [
    (3, tensor_parallel, {}, "8 query heads do not divide among 3 ranks: take one of 1, 2, 4, 8 ranks"),
    (6, tensor_parallel, {"n_heads": 12, "n_kv_heads": 4, "head_dim": 8},
     "4 key-value heads cannot serve 6 ranks"),
    (4, tensor_parallel, {"intermediate_size": 94}, "94 feed-forward rows do not divide among 4 ranks"),
    (4, tensor_parallel, {"experts": Experts(8, 2, 30)}, "30 rows of an expert do not divide among 4 ranks"),
    (4, tensor_parallel, {"vocab_size": 5}, "a vocabulary of 5 tokens leaves one of 4 ranks without any"),
    (4, expert_parallel, {"experts": Experts(6, 2, 32)}, "6 experts do not divide among 4 ranks"),
    (8, expert_parallel, {"experts": Experts(4, 2, 32)},
     "4 experts do not divide among 8 ranks: take one of 1, 2, 4 ranks"),
])
def test_what_does_not_divide_is_refused_with_the_numbers(n_ranks, way, changes, message):
    with pytest.raises(ValueError, match=message):
        way(on_ranks.filled(LLAMA.with_(**changes)), Communicator(n_ranks - 1, n_ranks, torch.device("cpu")))


def test_a_rank_that_raises_is_named_and_quoted():
    with pytest.raises(RankError, match="(?s)rank 1 of 2 failed.*KeyError: 'a reason of its own'"):
        run(2, on_ranks.fail, 1)


def test_a_rank_that_dies_is_named():
    with pytest.raises(RankError, match="rank 2 of 3 died without a word"):
        run(3, on_ranks.die, 2)


def test_a_death_is_named_and_not_the_complaint_that_it_causes_and_that_arrives_before():
    (neighbour, complains), (dead, dies) = (multiprocessing.Pipe(duplex=False) for _ in range(2))
    complains.send_bytes(pickle.dumps((False, "connection closed by peer")))
    threading.Timer(0.1, dies.close).start()
    with pytest.raises(RankError, match="rank 1 of 2 died without a word"):
        launch._gathered([neighbour, dead], timeout=60)


def test_ranks_that_wait_for_ever_are_ended():
    with pytest.raises(RankError, match="rank 0, 1 of 2 did not finish within 2 s"):
        run(2, on_ranks.stray, timeout=2)
    assert not multiprocessing.active_children()


def test_ranks_go_when_the_process_that_started_them_is_killed(tmp_path):
    program = ("import sys; from tests import on_ranks; from computetrades.model.parallel import run; "
               "run(2, on_ranks.stray, sys.argv[1])")
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "pids")],
                              env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline and (not (tmp_path / "pids").exists()
                                           or (tmp_path / "pids").read_text().count("\n") < 2):
        time.sleep(0.1)
    parent.kill()
    parent.wait()
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    while time.monotonic() < deadline and any(map(_alive, pids)):
        time.sleep(0.1)
    assert len(pids) == 2 and not any(map(_alive, pids))


def _alive(pid) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_several_groups_of_ranks_at_once_do_not_meet():
    sums = {}
    groups = [threading.Thread(target=lambda k=k: sums.update({k: run(2, on_ranks.arithmetic, k)}))
              for k in (1, 10, 100)]
    for group in groups:
        group.start()
    for group in groups:
        group.join()
    assert sums == {k: [3 * k, 3 * k] for k in (1, 10, 100)}


def test_what_cannot_reach_a_rank_is_refused_before_any_starts(monkeypatch):
    with pytest.raises(ValueError, match="cannot start 0 ranks"):
        run(0, on_ranks.arithmetic, 1)
    with pytest.raises(ValueError, match="picklable"):
        run(2, lambda communicator: None)
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    monkeypatch.setattr(on_ranks.arithmetic, "__module__", "__main__")
    with pytest.raises(ValueError, match="arithmetic is defined in a notebook"):
        run(2, on_ranks.arithmetic, 1)
