"""Logits against Hugging Face Transformers with the same weights, for whole prompts and token by token."""
import pytest
import torch

from computetrades.model.cache import Contiguous
from tests.oracle import ARCHITECTURES

IDS = torch.tensor([[5, 17, 3, 88, 42, 7, 7, 61, 90, 12, 33, 2, 54, 71, 8, 19, 26, 4, 95, 60]])
every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)


@pytest.fixture(scope="module")
def models():
    made = {}
    return lambda name: (made.setdefault(name, None) or made.update({name: ARCHITECTURES[name]()})
                         or made[name])


@every_architecture
def test_prefill_equals_transformers(models, name):
    theirs, ours = models(name)
    with torch.no_grad():
        assert (theirs(IDS).logits - ours(IDS)).abs().max() < 1e-4


@every_architecture
def test_decoding_step_by_step_equals_transformers(models, name):
    theirs, ours = models(name)
    cache, past = Contiguous(ours.config, IDS.shape[1]), None
    with torch.no_grad():
        for t in range(IDS.shape[1]):
            step = theirs(IDS[:, t:t + 1], past_key_values=past, use_cache=True)
            past = step.past_key_values
            assert (step.logits - ours(IDS[:, t:t + 1], cache)).abs().max() < 1e-4, f"at token {t}"
