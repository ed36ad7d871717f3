"""model/sampling.py against Transformers' logits warpers, against scipy's chi-square, and at its limits."""
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from transformers.generation import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from computetrades.model import sampling
from computetrades.model.sampling import Sampler, greedy

LOGITS = torch.randn(40, 97, generator=torch.Generator().manual_seed(3)) * 4
HAND = torch.tensor([0.5, 0.25, 0.125, 0.125])
calm = settings(deadline=None, max_examples=50)


def theirs(*warpers):
    scores = LOGITS
    for warper in warpers:
        scores = warper(None, scores)
    return scores.softmax(-1)


@pytest.mark.parametrize("t", [0.1, 0.7, 1.0, 2.5])
def test_temperature_equals_transformers(t):
    torch.testing.assert_close(sampling.temperature(LOGITS, t), theirs(TemperatureLogitsWarper(t)))


@pytest.mark.parametrize("k", [1, 5, 50, 97, 1000])
def test_top_k_equals_transformers(k):
    torch.testing.assert_close(sampling.top_k(LOGITS.softmax(-1), k), theirs(TopKLogitsWarper(k)))


@pytest.mark.parametrize("p", [0.01, 0.3, 0.9, 0.999, 1.0])
def test_top_p_equals_transformers(p):
    torch.testing.assert_close(sampling.top_p(LOGITS.softmax(-1), p), theirs(TopPLogitsWarper(p)))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_min_p_equals_transformers(share):
    torch.testing.assert_close(sampling.min_p(LOGITS.softmax(-1), share), theirs(MinPLogitsWarper(share)))


def test_the_chain_is_in_the_usual_order():
    chain = theirs(TemperatureLogitsWarper(1.7), TopKLogitsWarper(12), TopPLogitsWarper(0.8),
                   MinPLogitsWarper(0.1))
    torch.testing.assert_close(Sampler(1.7, 12, 0.8, 0.1).probabilities(LOGITS), chain)


def test_worked_by_hand():
    assert sampling.top_k(HAND, 2).tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert sampling.top_k(HAND, 3).tolist() == HAND.tolist()        # the fourth is as likely as the third
    assert sampling.top_p(HAND, 0.5).tolist() == [1, 0, 0, 0]       # one half is enough
    assert sampling.top_p(HAND, 0.51).tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert sampling.min_p(HAND, 0.5).tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert sampling.temperature(HAND.log(), 0.5).tolist() == pytest.approx([16 / 22, 4 / 22, 1 / 22, 1 / 22])


@pytest.mark.parametrize("t", [0.05, 0.5, 1, 2])
def test_condensed_scores_still_give_the_probabilities(t):
    for logits in LOGITS:
        best, tail = sampling.condensed(logits, 12)
        top = max(score for _, score in best)
        total = (sum(math.exp((s - top) / t) for _, s in best)
                 + sum(n * math.exp((s - top) / t) for s, n in tail.items()))
        exact = (logits / t).softmax(-1)
        assert ([exact[i].item() for i, _ in best]
                == pytest.approx([math.exp((s - top) / t) / total for _, s in best], abs=0.01))
        assert len(best) + sum(tail.values()) == len(logits)
        assert exact[[i for i, _ in best]].min() >= exact.sort().values[-12]


def test_a_chart_of_no_token_is_refused():
    for n in (0, 98):
        with pytest.raises(ValueError, match=f"n_best cannot be {n}: give 1 to 97"):
            sampling.condensed(LOGITS[0], n)


def test_temperature_has_greedy_and_uniform_as_limits():
    first_of_equals = torch.tensor([1.0, 3.0, 3.0, -2.0])
    assert sampling.temperature(first_of_equals, 0).tolist() == [0, 1, 0, 0]
    torch.testing.assert_close(sampling.temperature(LOGITS, 1e-4), sampling.temperature(LOGITS, 0))
    torch.testing.assert_close(sampling.temperature(LOGITS, 1e6), torch.full_like(LOGITS, 1 / 97), atol=1e-5,
                               rtol=0)
    assert greedy(first_of_equals) == 1 and [greedy(row) for row in LOGITS] == LOGITS.argmax(-1).tolist()
    assert {Sampler(temperature=0, seed=s)(LOGITS[0]) for s in range(20)} == {int(LOGITS[0].argmax())}


@calm
@given(st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=40), st.integers(1, 50),
       st.floats(0.01, 1), st.floats(0, 1))
def test_what_is_kept_keeps_its_order_and_the_likeliest_is_always_kept(logits, k, p, share):
    before = sampling.temperature(torch.tensor(logits))
    for after in (sampling.top_k(before, k), sampling.top_p(before, p), sampling.min_p(before, share)):
        kept = after > 0
        assert after.sum().item() == pytest.approx(1, abs=1e-5) and after[before.argmax()] > 0
        ratio = after[kept] / before[kept]
        torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio), rtol=1e-4, atol=0)


@pytest.mark.parametrize("setting", [{}, {"temperature": 1.4, "top_k": 6}, {"top_p": 0.85}, {"min_p": 0.1}])
def test_draws_follow_the_probabilities(setting):
    logits = LOGITS[1, :12] / 2
    sampler = Sampler(seed=11, **setting)
    expected = sampler.probabilities(logits).double()
    counts = torch.bincount(torch.tensor([sampler(logits) for _ in range(1500)]), minlength=12)
    possible = expected > 0
    assert not counts[~possible].any()
    assert chisquare(counts[possible], expected[possible] / expected.sum() * 1500).pvalue > 0.01


def test_a_seed_decides_the_draws():
    a, b, other = ([sampler(LOGITS[2]) for _ in range(30)]
                   for sampler in (Sampler(3.0, seed=seed) for seed in (1, 1, 2)))
    assert a == b != other


def test_a_forbidden_token_is_never_drawn_and_small_temperatures_do_not_overflow():
    logits = torch.tensor([-math.inf, 1e30, 9e29, -math.inf])
    assert sampling.temperature(logits, 1e-6).tolist() == [0, 1, 0, 0]
    assert {Sampler(2.0, seed=s)(torch.tensor([-math.inf, 1.0, 0.0])) for s in range(40)} == {1, 2}


@pytest.mark.parametrize("setting, message", [
    ({"temperature": -0.1}, "temperature cannot be -0.1: give 0"),
    ({"temperature": math.nan}, "temperature cannot be nan"),
    ({"top_k": 0}, "top_k cannot be 0: keep at least 1"),
    ({"top_p": 0.0}, "top_p cannot be 0.0: give a share above 0"),
    ({"top_p": 1.1}, "top_p cannot be 1.1"), ({"min_p": -1.0}, "min_p cannot be -1.0"),
    ({"min_p": 2}, "min_p cannot be 2")])
def test_a_setting_that_cannot_be_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        Sampler(**setting)


@pytest.mark.parametrize("logits", [[0.0, math.nan], [0.0, math.inf], [-math.inf, -math.inf]])
@pytest.mark.parametrize("t", [0, 1.0])
def test_logits_that_are_no_logits_are_refused(logits, t):
    with pytest.raises(ValueError, match="NaN, plus infinity or all minus infinity"):
        Sampler(t)(torch.tensor(logits))
