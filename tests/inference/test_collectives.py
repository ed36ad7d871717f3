"""inference/collectives.py: against rings and routings played through, nccl-tests, DeepEP's table
and the essay's count."""
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.facts import facts
from computetrades.inference import collectives
from tests.three_paths import paths

calm = settings(deadline=None, max_examples=25)
RANKS, PIECE = st.integers(1, 9), st.integers(1, 20)
BF16 = {"bits": "16 bit", "scale_bits": "0 bit", "block_size": 1}
# DeepSeek-V3, 3.3.2: a scale for each 1x128
FP8_TILES = {"bits": "8 bit", "scale_bits": "32 bit", "block_size": 128}


def ring_all_reduce(rows):
    """Every rank's row becomes the sum of all, piece by piece around the ring
    -> (rows, elements sent by each, rounds)."""
    n = len(rows)
    pieces, sent = [np.array_split(row, n) for row in rows], [0] * n
    for step in range(2 * (n - 1)):
        messages = [pieces[rank][(rank - step) % n].copy() for rank in range(n)]
        for rank, message in enumerate(messages):
            sent[rank] += message.size
            neighbour = pieces[(rank + 1) % n]
            neighbour[(rank - step) % n] = neighbour[(rank - step) % n] + message if step < n - 1 else message
    return [np.concatenate(p) for p in pieces], sent, 2 * (n - 1)


@calm
@given(RANKS, PIECE)
def test_a_ring_played_through_sends_what_the_formula_says(n, piece):
    rows = [np.arange(n * piece) * (rank + 1.0) for rank in range(n)]
    summed, sent, rounds = ring_all_reduce(rows)
    assert all((row == sum(rows)).all() for row in summed)
    one = paths(collectives.all_reduce_sent, "B", n, f"{n * piece} B").value("B")
    assert sent == pytest.approx([one] * n)
    assert paths(collectives.all_reduce_rounds, "", n).value() == rounds
    assert (paths(collectives.all_reduce_traffic, "B", n, f"{n * piece} B").value("B")
            == pytest.approx(sum(sent)))


@calm
@given(RANKS, PIECE)
def test_passing_pieces_on_until_all_have_all(n, piece):
    held, sent = [[rank] for rank in range(n)], 0
    for _ in range(n - 1):
        last = [pieces[-1] for pieces in held]
        for rank in range(n):
            held[rank].append(last[rank - 1])
        sent += piece
    assert all(sorted(pieces) == list(range(n)) for pieces in held)
    assert paths(collectives.all_gather_sent, "B", n, f"{n * piece} B").value("B") == pytest.approx(sent)


@pytest.mark.parametrize("n", [2, 4, 8, 72])
# NVIDIA/nccl-tests, doc/PERFORMANCE.md: AllReduce, AllGather, AlltoAll
def test_bus_bandwidth_factors_of_nccl_tests(n):
    assert collectives.all_reduce_sent(n, 1.0) == pytest.approx(float(Fraction(2 * (n - 1), n)))
    assert (collectives.all_gather_sent(n, 1.0) == collectives.all_to_all_sent(n, 1.0)
            == pytest.approx(float(Fraction(n - 1, n))))


@calm
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4))
def test_of_all_ways_to_route_an_even_share_stays(nodes, each, rows):
    n, owner = nodes * each, np.arange(nodes * each) // each     # the node of every rank
    leaving = sum(rows for source in range(n) for goal in range(n) if owner[source] != owner[goal])
    assert paths(collectives.share_within, "", n, each).value() == pytest.approx(1 - leaving / (rows * n * n))
    assert (paths(collectives.all_to_all_sent, "B", n, f"{rows * n} B", each).value("B")
            == pytest.approx(leaving / n))


@calm
@given(st.integers(2, 9), PIECE, st.integers(1, 50))
def test_time_is_the_rounds_of_a_ring_added_up(n, piece, bandwidth):
    clock = 0.0
    for _ in range(2 * (n - 1)):
        clock += 8e-6 + piece * 1e9 / (bandwidth * 1e9)
    sent, rounds = collectives.all_reduce_sent(n, n * piece * 1e9), collectives.all_reduce_rounds(n)
    time = paths(collectives.alpha_beta_time, "s", f"{sent} B", f"{bandwidth} GB/s", "8 us", rounds)
    assert time.value("s") == pytest.approx(clock)


def test_a_message_of_nothing_still_takes_its_latency():
    assert paths(collectives.alpha_beta_time, "us", "0 B", "450 GB/s", "8 us").value("us") == pytest.approx(8)


# Section 07: two a layer; the embedding makes one more
def test_the_essay_counts_160_all_reduces_in_llama_3_70b():
    llama = facts("llama-3-70b")
    assert collectives.layer_all_reduces(llama).value() == collectives.layer_all_reduces(llama.plain) == 160
    assert collectives.all_reduces(llama).value() == 161


# 8192 elements of two bytes, 161 times; 128,256 logits, which eight ranks divide evenly
def test_llama_3_70b_in_bf16_by_hand():
    llama, bf16 = facts("llama-3-70b"), facts("bf16")
    assert collectives.all_reduce_bytes(llama, bf16).value("KiB/token") == 16
    assert collectives.tensor_parallel_bytes(llama, bf16).value("KiB/token") == 161 * 16
    assert collectives.logits_bytes(llama, bf16, 8).value("B/token") == 256_512
    assert collectives.logits_bytes(llama, bf16, 7).value("B/token") == 7 * 18_323 * 2


@pytest.mark.parametrize("model, layers",
                         [("deepseek-v3", 58), ("mixtral-8x7b", 32), ("llama-4-maverick", 24)])
def test_mixtures_have_two_all_to_alls_in_each_layer_with_experts(model, layers):
    assert (collectives.all_to_alls(facts(model)).value() == collectives.all_to_alls(facts(model).plain)
            == 2 * layers)


# deepseek-ai/DeepEP, low latency, by #EP:
@pytest.mark.parametrize("dispatch_us, dispatch_gb, combine_us, combine_gb", [
    (77, 98, 114, 127), (118, 63, 195, 74), (155, 48, 273, 53), (173, 43, 314, 46), (192, 39, 369, 39),
    (194, 39, 360, 40)])
def test_deepep_moved_these_bytes(dispatch_us, dispatch_gb, combine_us, combine_gb):
    """128 tokens, 7168 hidden, top 8, FP8 out and BF16 back, the rank's own rows counted:
    latency times bandwidth."""
    v3 = {"n_experts_per_token": 8, "hidden_size": 7168}
    out, back = (128 * paths(collectives.routed_bytes, "B/token", v3, form).value("B/token")
                 for form in (FP8_TILES, BF16))
    assert out == pytest.approx(dispatch_us * dispatch_gb * 1e3, rel=0.03)
    assert back == pytest.approx(combine_us * combine_gb * 1e3, rel=0.03)


def test_a_token_of_deepseek_v3_by_hand():   # 58 layers, 8 copies of 7168 elements, a byte out and two back
    fp8, bf16 = facts("fp8"), facts("bf16")
    sent = collectives.expert_parallel_bytes(facts("deepseek-v3"), fp8, bf16)
    assert sent.value("B/token") == 58 * 8 * 7168 * 3


def test_forward_passes_take_arrays():
    sizes = collectives.tensor_parallel_bytes(SimpleNamespace(n_layers=np.array([1, 80]), hidden_size=8192),
                                              facts("bf16").plain)
    assert sizes.tolist() == [3 * 16384, 161 * 16384]
