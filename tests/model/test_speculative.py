"""Speculative decoding against the target alone:
enumerated exactly, token for token when greedy, and in closed form."""
import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare, ttest_1samp

from computetrades.inference import speculative as closed
from computetrades.model.cache import Contiguous
from computetrades.model.config import Latent, ModelConfig
from computetrades.model.sampling import Sampler
from computetrades.model.speculative import Speculation, acceptance, residual, speculate, verify
from computetrades.model.transformer import Transformer
from tests.three_paths import paths

torch.set_num_threads(1)
TINY = ModelConfig(n_layers=1, hidden_size=8, n_heads=2, intermediate_size=8, vocab_size=3)
SMALL = ModelConfig(n_layers=2, hidden_size=32, n_heads=4, n_kv_heads=2, intermediate_size=48, vocab_size=61)
LATENT = SMALL.with_(latent=Latent(16, 12, 8, 4, 8), n_kv_heads=4)
calm = settings(deadline=None, max_examples=50)


class Table:
    """A model that looks up its logits by the last two tokens, and finds the earlier
    of them in the cache alone."""
    config = ModelConfig(n_layers=1, hidden_size=2, n_heads=1, intermediate_size=1, vocab_size=3)

    def __init__(self, seed=0, table=None):
        generator = torch.Generator().manual_seed(seed)
        self.table = torch.randn(3, 3, 3, generator=generator) if table is None else table
        self.embed = SimpleNamespace(weight=self.table)

    def __call__(self, ids, cache):
        positions = torch.arange(cache.length, cache.length + ids.shape[1])[None]
        rows = ids[:, None, :, None].expand(1, 1, -1, 2).float()
        held = cache.extend(0, rows, rows, positions)[0].first[0, 0, :, 0].long()
        return self.table[held[(positions[0] - 1).clamp(min=0)], held[positions[0]]][None]


def random_model(config, seed):
    return Transformer(config).initialise(seed, spread=0.5).eval()


def disturbed(model, seed, by):
    """The same model with noise on its weights: a draft that is often right."""
    other = Transformer(model.config).eval()
    other.load_state_dict(model.state_dict())
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in other.parameters():
            p += torch.empty(p.shape).normal_(0, by, generator=noise)
    return other


def joint(target, prompt, sampler, n=3):
    """Probability of each n tokens behind the prompt, from the target alone,
    without truncation of its cache."""
    out = {}
    for tokens in itertools.product(range(3), repeat=n):
        with torch.no_grad():
            logits = target(torch.tensor([[*prompt, *tokens]]), Contiguous(target.config, 16))[0]
            p = sampler.probabilities(logits).double()
        out[tokens] = math.prod(p[len(prompt) - 1 + i, token].item() for i, token in enumerate(tokens))
    return out


def p_value(target, draft, k, n_runs, **setting):
    prompt, sampler = [1, 2], Sampler(seed=5, **setting)
    expected = joint(target, prompt, sampler)
    counts = dict.fromkeys(expected, 0)
    for _ in range(n_runs):
        counts[tuple(speculate(target, draft, prompt, 3, k=k, sampler=sampler).output_ids)] += 1
    possible = [tokens for tokens, p in expected.items() if p > 0]
    assert sum(counts[tokens] for tokens in possible) == n_runs
    whole = sum(expected[tokens] for tokens in possible)
    return chisquare([counts[t] for t in possible], [expected[t] * n_runs / whole for t in possible]).pvalue


@pytest.mark.parametrize("k", [0, 1, 2])
def test_three_tokens_are_distributed_as_the_target_enumerates_them(k):
    assert p_value(Table(0), Table(1), k, 800) > 0.01


@pytest.mark.parametrize("setting", [{"temperature": 0.5}, {"temperature": 1.5, "top_k": 2}, {"top_p": 0.8}])
def test_so_they_are_under_any_setting_of_the_sampler(setting):
    assert p_value(Table(0), Table(2), 2, 600, **setting) > 0.01


def test_a_draft_that_is_certain_and_wrong_costs_time_and_nothing_else():
    sure = Table(table=torch.tensor([9.0, 0, -9]).expand(3, 3, 3))
    assert p_value(Table(0), sure, 2, 600) > 0.01


def test_transformers_with_real_caches_too():
    target, draft = random_model(TINY, 0), random_model(TINY, 1)
    assert p_value(target, draft, 2, 300) > 0.01


@pytest.mark.parametrize("config", [SMALL, LATENT], ids=["heads", "latent"])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_greedy_output_is_the_targets_own(config, k):
    target = random_model(config, 3)
    draft, prompt, n = disturbed(target, 4, 0.03), [7, 1, 30, 12], 24
    alone = list(prompt)
    with torch.no_grad():
        for _ in range(n):
            alone.append(int(target(torch.tensor([alone]))[0, -1].argmax()))   # all anew each time: no cache
    out = speculate(target, draft, prompt, n, k=k, sampler=Sampler(temperature=0))
    assert out.output_ids == alone[len(prompt):]
    assert 0.2 < out.acceptance < 0.9, "the draft must be right and wrong at times, or nothing is tried"


def test_a_model_that_drafts_for_itself_is_always_right():
    model = random_model(SMALL, 6)
    out = speculate(model, model, [1, 2, 3], 22, k=4, sampler=Sampler(seed=1))
    assert out.acceptance == 1 and out.tokens_per_step == 22 / 5
    assert out.steps == [(4, 4)] * 4 + [(1, 1)]   # 5 + 5 + 5 + 5, and the last two


def test_a_draft_without_a_common_token_is_never_right():
    even, odd = (Table(table=torch.tensor(row).log().expand(3, 3, 3)) for row in ([0.5, 0, 0.5], [0.0, 1, 0]))
    out = speculate(even, odd, [0], 30, k=3, sampler=Sampler(seed=2))
    assert out.acceptance == 0 and out.tokens_per_step == 1 and set(out.output_ids) == {0, 2}


def distributions(n=2):
    weights = st.lists(st.floats(0, 1), min_size=6, max_size=6).filter(lambda w: sum(w) > 0.1)
    return st.tuples(*[weights.map(lambda w: torch.tensor(w, dtype=torch.float64) / sum(w))] * n)


@calm
@given(distributions())
def test_acceptance_is_one_minus_total_variation_distance(pair):
    p, q = pair
    distance = max(abs(sum(p[i] - q[i] for i in event)) for n in range(7)
                   for event in itertools.combinations(range(6), n))
    # Distance: the largest gap over all events
    assert acceptance(p, q).item() == pytest.approx(1 - float(distance), abs=1e-12)


@calm
@given(distributions())
def test_taken_and_replaced_drafts_together_are_the_target(pair):
    p, q = pair
    taken = q * torch.where(q > 0, p / q, 0).clamp(max=1)
    torch.testing.assert_close(taken + (1 - taken.sum()) * residual(p, q), p)


def test_verify_takes_as_many_as_it_should():
    p, q = torch.tensor([[0.6, 0.3, 0.1]] * 2), torch.tensor([[0.2, 0.5, 0.3]])
    sampler = Sampler(seed=9)
    taken = sum(verify(p, q, [int(torch.multinomial(q[0], 1, generator=sampler.generator))],
                       sampler.generator)[0] for _ in range(3000))
    assert binomtest(taken, 3000, 0.2 + 0.3 + 0.1).pvalue > 0.01   # 1 - total variation distance, by hand


@pytest.mark.parametrize("k", [1, 3])
def test_independent_drafts_give_the_tokens_per_step_of_the_formula(k):
    p, q = torch.tensor([0.6, 0.3, 0.1]), torch.tensor([0.35, 0.25, 0.4])   # 1 - distance: 0.7
    out = speculate(*(Table(table=row.log().expand(3, 3, 3)) for row in (p, q)), [0], 1500,
                    k=k, sampler=Sampler(seed=4))
    full = [taken for drafted, taken in out.steps if drafted == k]
    judged = sum(min(taken + 1, k) for taken in full)
    assert binomtest(sum(full), judged, 0.7).pvalue > 0.01
    assert ttest_1samp([taken + 1 for taken in full], closed.tokens_per_step(0.7, k)).pvalue > 0.01
    assert out.acceptance == pytest.approx(0.7, abs=0.05)


@calm
@given(st.floats(0, 0.95), st.integers(0, 9))
def test_closed_form_is_the_mean_over_all_outcomes(a, k):
    mean = sum((taken + 1) * a ** taken * (1 - a if taken < k else 1) for taken in range(k + 1))
    assert paths(closed.tokens_per_step, "", f"{a!r}", f"{k}").value() == pytest.approx(mean)


def test_speedup_by_hand():
    assert paths(closed.speedup, "", "0.5", "2", "0.125").value() == pytest.approx((1 + 0.5 + 0.25) / 1.25)
    assert closed.speedup(0.8, 4, 0.0) == closed.tokens_per_step(0.8, 4)


def test_what_was_taken_is_counted_by_hand():
    out = Speculation([0] * 9, [(4, 4), (4, 1), (1, 0), (0, 0)])
    assert out.acceptance == 5 / (4 + 2 + 1) and out.tokens_per_step == 9 / 4
    assert math.isnan(Speculation([0], [(0, 0)]).acceptance)


@pytest.mark.parametrize("arguments, k, message", [
    ((Table(), random_model(SMALL, 0), [1], 3), 2,
     "draft has a vocabulary of 61 tokens and the target one of 3"),
    ((Table(), Table(), [], 3), 2, "prompt of 0 tokens"), ((Table(), Table(), [1], 0), 2, "n_tokens 0"),
    ((Table(), Table(), [1], 3), -1, "k -1")])
def test_bad_input_is_refused(arguments, k, message):
    with pytest.raises(ValueError, match=message):
        speculate(*arguments, k=k, sampler=Sampler())


def test_a_truncated_cache_goes_on_as_if_the_rest_had_never_been():
    model, ids = random_model(SMALL, 8).double(), torch.tensor([[4, 9, 33, 21, 5, 60]])
    cache = Contiguous(SMALL, 6, dtype=torch.float64)
    with torch.no_grad():
        model(torch.cat([ids[:, :3], torch.tensor([[50, 51]])], dim=1), cache)
        cache.truncate(3)
        assert cache.length == 3
        # In double precision: in single, without vector instructions, one logit was 1.4e-5 off.
        torch.testing.assert_close(model(ids[:, 3:], cache), model(ids)[:, 3:])
    for length in (-1, 7):
        with pytest.raises(ValueError, match=f"cannot truncate 6 tokens to {length}: give 0 to 6"):
            cache.truncate(length)
