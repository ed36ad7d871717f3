"""Perplexity through a cache: uniform and certain models by hand, and the cross entropy
of a whole forward pass."""
import math

import pytest
import torch

from computetrades.lab.perplexity import by_window, perplexity, surprisal
from computetrades.model.cache import Contiguous, NoCache, Sinks, Sliding
from computetrades.model.config import ModelConfig
from computetrades.model.transformer import Transformer

CONFIG = ModelConfig(n_layers=2, hidden_size=32, n_heads=4, intermediate_size=48, vocab_size=50, n_kv_heads=2)
IDS = torch.randint(50, (2, 40), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model():
    return Transformer(CONFIG).initialise(seed=5, spread=0.3).eval()


def test_a_model_that_knows_nothing_chooses_among_the_whole_vocabulary():
    model = Transformer(CONFIG)
    torch.nn.init.zeros_(model.head.weight)
    assert perplexity(surprisal(model, IDS, lambda: Sliding(CONFIG), 7)) == pytest.approx(50)
    assert torch.allclose(surprisal(model, IDS, NoCache, 39), torch.tensor(math.log(50.0)))


def test_by_hand():
    """A model that gives the token after t, modulo 4, three times the odds
    of each other one: 1/2 against 1/6."""
    def model(ids, cache):
        return torch.log(1 + 2 * torch.nn.functional.one_hot((ids + 1) % 4, 4).float())
    nats = surprisal(model, torch.tensor([[0, 1, 2, 0, 1]]), NoCache, 2)
    assert torch.allclose(nats.exp(), torch.tensor([[2.0, 2, 6, 2]]))
    assert (perplexity(surprisal(model, torch.tensor([[0, 1, 2, 0, 1]]), NoCache, 2))
            == pytest.approx((2 * 2 * 6 * 2) ** 0.25))


@pytest.mark.parametrize("chunk", [1, 7, 39, 100])
@pytest.mark.parametrize("make",
                         [lambda: Contiguous(CONFIG, 40, batch=2), lambda: Sliding(CONFIG),
                          lambda: Sinks(CONFIG, 4, 36)],
                         ids=["contiguous", "sliding", "sinks"])
def test_a_cache_that_forgets_nothing_scores_as_no_cache_does(model, make, chunk):
    with torch.no_grad():
        logp = torch.log_softmax(model(IDS), dim=-1)
    expected = -torch.stack([torch.stack([logp[b, t, IDS[b, t + 1]] for t in range(39)]) for b in range(2)])
    assert torch.allclose(surprisal(model, IDS, make, chunk), expected, atol=1e-4)
    found = perplexity(surprisal(model, IDS, make, chunk))
    assert found == pytest.approx(math.exp(expected.mean()), rel=1e-4)


def test_a_cache_that_forgets_scores_otherwise_once_it_does(model):
    whole, cut = (surprisal(model, IDS, make, 5)
                  for make in (lambda: Sliding(CONFIG), lambda: Sinks(CONFIG, 0, 10)))
    assert torch.allclose(whole[:, :10], cut[:, :10], atol=1e-4) and (whole - cut)[:, 10:].abs().max() > 0.01


def test_nothing_to_predict_is_refused(model):
    with pytest.raises(ValueError, match="1 tokens in chunks of 5 leave nothing to predict"):
        surprisal(model, IDS[:, :1], NoCache, 5)
    with pytest.raises(ValueError, match="chunks of 0"):
        surprisal(model, IDS, NoCache, 0)


def test_windows_lie_end_to_end_and_start_anew(model):
    ids = torch.arange(50)
    nats = by_window(model, ids, 12)
    assert nats.shape == (4, 12)
    assert torch.allclose(nats[2], surprisal(model, ids[None, 24:37])[0], atol=1e-5)
    assert torch.equal(by_window(model, ids, 12, 2), nats[[0, 3]])
    with pytest.raises(ValueError, match="50 tokens hold 4 windows of 12; asked for 5"):
        by_window(model, ids, 12, 5)


def test_the_same_tokens_can_be_read_from_less_far(model):
    ids = torch.arange(50)
    nats = by_window(model, ids, 12, 2, reach=4)
    assert nats.shape == (2, 12)
    # Windows of 4, read for themselves
    assert torch.allclose(nats.view(-1, 4), by_window(model, ids, 4)[[0, 1, 2, 9, 10, 11]], atol=1e-5)
    with pytest.raises(ValueError, match="windows of 12 tokens cannot be cut into stretches of 5"):
        by_window(model, ids, 12, 2, reach=5)
