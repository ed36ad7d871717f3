"""The stored models: their measured facts, Transformers' reading of the same weights,
and what damage is told."""
import hashlib

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from computetrades.facts import facts
from computetrades.lab import checkpoints, context_extension, train
from computetrades.lab.perplexity import by_window
from computetrades.model.cache import Contiguous

both_models = pytest.mark.parametrize("name", train.RECIPES)
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def unseen():
    return torch.tensor(checkpoints.load_tokenizer().encode(checkpoints.held_out()))


@both_models
def test_held_out_loss_is_the_measured_fact(unseen, name):
    nats = by_window(checkpoints.load(name)[0], unseen, train.CONTEXT, train.SAMPLE)
    # The digits kept, and 1e-4
    assert nats.mean().item() == pytest.approx(float(facts(f"lab-{name}").loss_sample), abs=6e-4)
    spread = nats.mean(dim=1).std().item() / train.SAMPLE ** 0.5
    assert abs(nats.mean().item() - float(facts(f"lab-{name}").loss_held_out)) < 4 * spread


def test_transformers_reads_the_same_loss(unseen):
    ours = checkpoints.load("tiny")[0]
    c = ours.config
    theirs = hf.LlamaForCausalLM(hf.LlamaConfig(
        vocab_size=c.vocab_size, hidden_size=c.hidden_size, intermediate_size=c.intermediate_size,
        num_hidden_layers=c.n_layers,
        num_attention_heads=c.n_heads, num_key_value_heads=c.n_kv_heads, rms_norm_eps=c.norm_eps,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": c.rope.theta})).eval()
    theirs.load_state_dict({their_name(name): tensor for name, tensor in ours.state_dict().items()},
                           strict=False)
    ids = unseen[None, :train.CONTEXT + 1]
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(theirs(ids[:, :-1]).logits[0], ids[0, 1:]).item()
    assert (by_window(ours, unseen[:train.CONTEXT + 1], train.CONTEXT).mean().item()
            == pytest.approx(loss, abs=1e-5))


def their_name(name):
    for ours, theirs in (("norms.before_attention.", "input_layernorm."),
                         ("norms.before_feed_forward.", "post_attention_layernorm."), ("blocks.", "layers."),
                         (".attention.", ".self_attn."), ("feed_forward.", "mlp."),
                         ("embed.", "embed_tokens.")):
        name = name.replace(ours, theirs)
    return f"model.{name}"


def test_the_target_reads_better_than_its_draft_and_both_fit():
    tiny, draft = facts("lab-tiny"), facts("lab-draft")
    assert tiny.loss_held_out < draft.loss_held_out and tiny.n_params > 4 * draft.n_params
    assert sum(path.stat().st_size for path in checkpoints.folder().glob("*.safetensors")) < 8e6
    # By hand: the embedding, per layer q and o, k and v, three of the feed-forward
    # and two norms, and the last norm.
    c = checkpoints.load("tiny")[0].config
    width, kv = c.hidden_size, c.n_kv_heads * c.head_dim
    layer = 2 * width * width + 2 * width * kv + 3 * width * c.intermediate_size + 2 * width
    assert float(tiny.n_params) == c.vocab_size * width + c.n_layers * layer + width


def test_it_writes_the_python_that_it_learned():
    model, tokenizer = checkpoints.load("tiny")
    ids = tokenizer.encode("    Examples\n    --------\n    >>> import networkx as")
    cache = Contiguous(model.config, 64)
    step = torch.tensor([ids])
    with torch.no_grad():
        for _ in range(6):
            step = model(step, cache)[:, -1:].argmax(-1)
            ids.append(step.item())
    assert tokenizer.decode(ids).split("networkx as")[1].startswith(" nx\n    >>> G")


def test_past_the_trained_length_yarn_holds_and_nothing_at_all_does_not(unseen):
    """The order in the papers' figures: no scaling, then interpolation or NTK,
    then YaRN (Peng et al. 2023, section 4)."""
    model = checkpoints.load("tiny")[0]
    at = {r.scheme: r for r in context_extension.readings(model, unseen, train.CONTEXT, [1024], 8192)}
    assert at["yarn"].beyond < at["ntk"].beyond < at["default"].beyond
    assert at["yarn"].beyond < at["linear"].beyond < at["default"].beyond
    same = context_extension.readings(model, unseen, train.CONTEXT, [train.CONTEXT], 1024)
    assert len({round(r.whole, 4) for r in same}) == 1      # nothing to stretch


def test_every_stored_file_has_its_checksum():
    lines = (checkpoints.folder() / checkpoints.SUMS).read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                      for path in checkpoints.folder().iterdir() if path.name != checkpoints.SUMS}


def test_damage_is_named(tmp_path, monkeypatch):
    good = load_file(checkpoints.stored("draft.safetensors"))
    config = {"config": '{"n_layers": 2, "hidden_size": 64, "n_heads": 2, "n_kv_heads": 1, '
                        '"intermediate_size": 176, "vocab_size": 1024, "tied_embeddings": true}'}

    def refused(message, **changes):
        tensors = {name: tensor for name, tensor in {**good, **changes}.items() if tensor is not None}
        save_file(tensors, tmp_path / "bad.safetensors", metadata=config)
        with pytest.raises(checkpoints.WeightsError, match=message):
            checkpoints.model_from(tmp_path / "bad.safetensors")

    refused(r"'norm.weight' is \[63\], the model's is \[64\]", **{"norm.weight": torch.ones(63)})
    refused("'norm.weight' holds values that are not finite",
            **{"norm.weight": torch.full((64,), float("nan"))})
    refused("'norm.weight' is missing", **{"norm.weight": None})
    refused("'more' is not part of the model", more=torch.ones(1))
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")
    with pytest.raises(checkpoints.WeightsError, match="no safetensors file"):
        checkpoints.model_from(tmp_path / "bad.safetensors")

    with pytest.raises(checkpoints.WeightsError, match="did you mean 'tiny.safetensors'"):
        checkpoints.load("tony")
    (tmp_path / checkpoints.SUMS).write_text(f"{'0' * 64}  draft.safetensors\n")
    monkeypatch.setattr(checkpoints, "folder", lambda: tmp_path)
    with pytest.raises(checkpoints.WeightsError, match="fetch the file again or retrain"):
        checkpoints.load("draft")
