"""lab/embedding_table.py against torch, a shuffled table, and the closed forms of the collectives."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from computetrades.inference import collectives
from computetrades.lab import checkpoints, embedding_table, train

FLOAT32 = SimpleNamespace(bits=4, scale_bits=0, block_size=1)   # bytes


def test_a_row_is_what_the_model_looks_up():
    model, tokenizer = checkpoints.load("tiny")
    [i] = tokenizer.encode(" node")
    assert np.array_equal(embedding_table.row(" node"), model.embed(torch.tensor([i]))[0].detach().numpy())


def test_neighbours_are_those_of_torchs_cosine():
    table = torch.tensor(embedding_table.weights())
    cosines = torch.cosine_similarity(table - table.mean(0),
                                      torch.tensor(embedding_table.row(" list")) - table.mean(0))
    best = cosines.topk(6)
    wanted = [(embedding_table.vocabulary()[i], v)
              for v, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
              if embedding_table.vocabulary()[i] != " list"]
    found = embedding_table.neighbours(" list", 5)
    assert [t for t, _ in found] == [t for t, _ in wanted]
    assert [c for _, c in found] == pytest.approx([c for _, c in wanted], abs=1e-5)


def test_twins_are_one_word_in_two_spellings():
    assert (" node", "node") in embedding_table.twins() and len(embedding_table.twins()) > 50
    assert all(with_space == " " + word and word.isalpha() for with_space, word in embedding_table.twins())


def test_twins_are_found_far_above_chance_and_all_among_all():
    one, ten, everyone = (embedding_table.twins_found(n) for n in (1, 10, 1023))
    assert one.words == ten.words == everyone.words == len(embedding_table.twins())
    assert one.share < ten.share < everyone.share == 1.0 and ten.share > 20 * 10 / 1023


def test_in_a_shuffled_table_they_are_not(monkeypatch):
    shuffled = np.random.default_rng(0).permutation(embedding_table._directions())
    monkeypatch.setattr(embedding_table, "_directions", lambda: shuffled)
    assert embedding_table.twins_found.perform(10).share < 0.1


def test_spread_by_numpy():
    table, spread = embedding_table.weights(), embedding_table.spread()
    assert spread.sigma == pytest.approx(table.std(), rel=1e-5)
    assert spread.largest == pytest.approx(np.abs(table).max() / table.std(), rel=1e-5)
    assert sum(embedding_table.histogram(tuple(range(-20, 21)))) == pytest.approx(1)


def test_the_crowd_is_the_tokens_that_training_hardly_saw():
    tokenizer, ids = train.taught()
    times = np.bincount(ids.numpy(), minlength=tokenizer.vocab_size)
    crowd = embedding_table.crowd()
    assert set(np.flatnonzero(times == 0)) <= set(crowd)
    assert max(times[list(crowd)]) < 10 < np.median(times) < len(ids)
    assert not {embedding_table.row_of(" node"), embedding_table.row_of("(")} & set(crowd)
    assert embedding_table.crowd_size(0.99) == len(set(crowd))
    assert embedding_table.crowd_size(-2.0) == tokenizer.vocab_size


def test_without_the_crowd_its_columns_stand_out_less():
    crowd = embedding_table.crowd()
    learnt = np.array([row for i, row in enumerate(embedding_table.weights()) if i not in crowd])
    columns = (learnt.astype(float) ** 2).mean(0) ** 0.5
    apart = embedding_table.spread(crowded=False).dimension
    assert apart == pytest.approx(columns.max() / np.median(columns))
    assert 1 < apart < embedding_table.spread().dimension


def test_a_row_is_all_that_the_model_sees_of_a_token():
    assert embedding_table.swap("for node in graph: return node", " node", " edge") == 0.0
    # Nothing was left swapped
    stored = checkpoints.load("tiny")[0].embed.weight.detach().numpy()
    assert np.array_equal(stored, embedding_table.weights())


@pytest.mark.parametrize("n_ranks, vocab_size", [(2, 100), (3, 100)])
def test_split_counts_the_closed_forms(n_ranks, vocab_size):
    ranks = embedding_table.split(n_ranks, vocab_size, 8, 5)
    model = SimpleNamespace(vocab_size=vocab_size, hidden_size=8)
    assert sum(r.rows for r in ranks) == vocab_size and len(ranks) == n_ranks
    for rank in ranks:
        assert rank.agrees and rank.difference < 1e-5
        lookup, logits, best = (rank.traffic[p] for p in ("embedding", "logits", "best token"))
        assert (lookup.kind, logits.kind, best.kind) == ("all-reduce", "all-gather", "all-gather")
        assert lookup.n_bytes == 5 * collectives.all_reduce_bytes(model, FLOAT32)
        assert logits.n_bytes == collectives.logits_bytes(model, FLOAT32, n_ranks)
        assert lookup.n_sent == pytest.approx(collectives.all_reduce_sent(n_ranks, lookup.n_bytes))
        assert best.n_bytes == n_ranks * 2 * 8


def test_a_token_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no token ' dark'"):
        embedding_table.row(" dark")
    with pytest.raises(ValueError, match="holds no token ' edge'"):
        embedding_table.swap("return", " edge", " node")
