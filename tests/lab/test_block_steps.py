"""A block taken apart: nothing is left out, nothing looks ahead,
and the ranks say what the closed forms say."""
from types import SimpleNamespace

import pytest

from computetrades.facts import facts
from computetrades.inference import collectives
from computetrades.lab.block_steps import dissect
from computetrades.lab.tensor_parallel import compare

TEXT = "for u in G:\n    for v in G[u]:\n        if v not in"
FLOAT32 = SimpleNamespace(bits=4, scale_bits=0, block_size=1)


@pytest.mark.parametrize("name, layer", [("tiny", 0), ("tiny", 3), ("draft", 1)])
def test_the_steps_are_the_whole_block(name, layer):
    assert dissect(name, TEXT, layer).difference < 1e-5


def test_shapes_are_those_of_the_model_card():
    a, lab = dissect("tiny", TEXT, 1), facts("lab-tiny").plain
    n, shapes = len(a.tokens), a.shapes
    assert "".join(a.tokens) == TEXT
    assert shapes["x"] == shapes["+ attention"] == shapes["+ feed-forward"] == (n, lab.hidden_size)
    assert shapes["q"] == shapes["q rotated"] == (lab.n_heads, n, lab.head_dim)
    assert shapes["k"] == shapes["v"] == (lab.n_kv_heads, n, lab.head_dim)
    assert shapes["scores"] == shapes["softmax"] == (lab.n_heads, n, n)
    assert shapes["gate"] == shapes["up"] == (n, lab.intermediate_size)


def test_weights_sum_to_one_and_none_lies_ahead():
    for head in dissect("tiny", TEXT, 2).attention:
        for i, row in enumerate(head):
            assert sum(row) == pytest.approx(1, abs=1e-5) and not any(row[i + 1:])


@pytest.mark.parametrize("layer, text, told",
                         [(4, TEXT, "0 to 3"), (-1, TEXT, "0 to 3"), (0, "", "at least one token")])
def test_what_cannot_be_dissected_is_refused_by_name(layer, text, told):
    with pytest.raises(ValueError, match=told):
        dissect("tiny", text, layer)


def test_ranks_against_one_process_and_the_closed_forms():
    same, lab = compare("tiny", TEXT, 3, 2), facts("lab-tiny").plain
    assert same.same_tokens and same.difference < 1e-4
    assert same.all_reduces == {"embedding": 1, "attention": lab.n_layers, "feed-forward": lab.n_layers}
    assert same.step_all_reduces == collectives.all_reduces(lab) == 2 * lab.n_layers + 1
    assert same.step_bytes == collectives.tensor_parallel_bytes(lab, FLOAT32)
    assert same.prompt_bytes == same.prompt_tokens * same.step_bytes


def test_a_comparison_without_a_step_is_refused():
    with pytest.raises(ValueError, match="2 or more"):
        compare("tiny", TEXT, 1, 2)
