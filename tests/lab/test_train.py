"""The training repeats, its schedule and split are what they are said to be,
and balanced experts share the work."""
import math
from collections import Counter

import pytest
import torch

from computetrades.facts import facts
from computetrades.lab import checkpoints, corpus, expert_balance, train
from computetrades.model.transformer import Transformer

both_models = pytest.mark.parametrize("name", train.RECIPES)


@pytest.fixture(scope="module")
def taught():
    return train.taught()


def first_losses(name, ids, n):
    recipe = train.RECIPES[name]
    run = train.training(Transformer(recipe.config).initialise(train.SEED), ids, recipe)
    return [next(run) for _ in range(n)]


def test_the_tokenizer_learned_again_is_the_stored_one(taught):
    assert taught[0].tokens == checkpoints.load_tokenizer().tokens


@both_models
def test_first_steps_repeat_the_stored_losses(taught, name):
    """To the last bit on the machine that trained; elsewhere sums are rounded in another order, and the
    method page says how far."""
    promised = float(facts("machines").first_losses)
    assert first_losses(name, taught[1], 4) == pytest.approx(train.read_curves()[name][:4], rel=promised)


def test_two_runs_give_the_same_bits(taught):
    assert first_losses("draft", taught[1], 3) == first_losses("draft", taught[1], 3)


@both_models
def test_a_curve_starts_at_chance_and_ends_below_what_token_counts_know(taught, name):
    curve, ids = train.read_curves()[name], taught[1]
    counts = torch.tensor(list(Counter(ids.tolist()).values())) / len(ids)
    assert len(curve) == train.RECIPES[name].steps
    assert curve[0] == pytest.approx(math.log(train.VOCAB_SIZE), rel=0.01)
    assert sum(curve[-100:]) / 100 < 0.7 * -(counts * counts.log()).sum().item()


def test_the_learning_rate_by_hand():
    recipe = train.Recipe(train.RECIPES["tiny"].config, steps=1100, peak=1.0, warm_up=100)
    assert ([recipe.rate(step) for step in (0, 49, 99, 100, 600, 1100)]
            == pytest.approx([0.01, 0.5, 1, 1, 0.55, 0.1]))


def test_no_file_is_in_both_parts_and_the_held_out_text_is_stored():
    files = corpus.source_files()
    unseen = [name for name in files if corpus.is_held_out(name)]
    assert 0.03 < len(unseen) / len(files) < 0.1                    # one in sixteen, give or take chance
    assert checkpoints.held_out() == "".join(files[name] for name in unseen)


def test_another_package_version_is_refused(monkeypatch):
    monkeypatch.setattr(corpus, "SHA256", "0")
    with pytest.raises(RuntimeError, match="pip install networkx==3.6.1"):
        corpus.source_files()


def test_a_bias_balances_experts_at_no_cost(monkeypatch):
    """DeepSeek-V3, 2.1.2; the bound without balance is two of eight experts taking all, a load of four."""
    monkeypatch.setattr(expert_balance, "STEPS", 80)
    monkeypatch.setattr(expert_balance, "MEASURED", 20)
    ids = torch.tensor(checkpoints.load_tokenizer().encode(checkpoints.held_out()[:60_000]))
    without, biased = (expert_balance.train_mixture(ids, train.VOCAB_SIZE, with_bias)
                       for with_bias in (False, True))
    assert without.load.mean(dim=1).tolist() == pytest.approx([1, 1])
    assert 1.5 < without.worst <= 4
    assert biased.worst < 1.5 and biased.variation < without.variation / 4
    assert biased.loss < without.loss + 0.05
