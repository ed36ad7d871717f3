"""Parameters: how many a model has, part by part, from its published dimensions alone.

`model` is a record of data/facts/inference/models.yaml, its `.plain` view, or any object with the same
attributes.
Facts give a traced number, each matrix and part of it named;
Python ints give the exact integer; numpy arrays broadcast.
"""
from typing import NamedTuple

from ..number import Number, symbol_of
from .kv import stored_size

BIASES = ("attention_bias", "qkv_bias", "attention_sinks", "expert_bias", "balancing_bias")
ROUTED = ("experts", "biases")  # what a token uses a share of


class Products(NamedTuple):
    """Matrices of one shape: over all layers `n` of them,
    each taking `inward` numbers of a token to `outward`."""
    n: int | Number
    inward: int | Number
    outward: int | Number

    @property
    def weights(self): return self.n * (self.inward * self.outward)


def products(model, n_experts=None):
    """Name -> Products of each matrix that tokens are multiplied with, the output head apart.
    n_experts: as in matrices."""
    taken = getattr(model, "n_experts", 0) if n_experts is None else n_experts
    width, layers = model.hidden_size, model.n_layers
    found = {name: Products(layers, *shape) for name, shape in _attention(model).items()}
    if not hasattr(model, "n_experts"):
        return found | {"feed_forward": Products(3 * layers, width, model.intermediate_size)}
    mixtures = layers - model.n_dense_layers
    expert = width, model.moe_intermediate_size
    found |= {"feed_forward": Products(3 * model.n_dense_layers, width, model.intermediate_size),
              "router": Products(mixtures, width, model.n_experts),
              "experts": Products(3 * mixtures * taken, *expert)}
    if hasattr(model, "n_shared_experts"):
        found["shared_experts"] = Products(3 * mixtures * model.n_shared_experts, *expert)
    return found


def matrices(model, n_experts=None):
    """Name -> weights over all layers, of each matrix that tokens are multiplied with, the output head apart.

    n_experts: routed experts per layer to count, all of them by default.
    Pass n_experts_per_token for what one token uses.
    """
    found = {name: product.weights for name, product in products(model, n_experts).items()}
    return _named(model, "weights", found, n_experts)


def layer_weights(model):
    """Weights of all matrices that every token goes through, the output head apart: all but the routed
    experts. Llama 3.1 70B: 68.5 billion."""
    shared = sum(n for name, n in matrices(model).items() if name != "experts")
    return symbol_of(model, "weights-layers", shared, "layers, weights")


def parts(model, n_experts=None):
    """Name -> parameters of each part: embedding, attention, feed_forward (of dense layers), router, experts,
    shared_experts, norms, head, biases (sinks with them). They add up to the model; what it has not is left
    out. n_experts: as in matrices.
    """
    weights = matrices(model, n_experts)
    attention = sum(weights.pop(name) for name in _attention(model))
    table = model.vocab_size * model.hidden_size
    found = {"embedding": table, "attention": attention, **weights,
             "norms": model.n_layers * _norms(model) + model.hidden_size,
             "head": (1 - model.tied_embeddings) * table}
    if any(hasattr(model, name) for name in BIASES):
        found["biases"] = _biases(model, n_experts)
    return _named(model, "params", found, n_experts)


def active_parts(model):
    """The same of what one token uses: n_experts_per_token of the routed experts, and all of the rest."""
    return parts(model, model.n_experts_per_token) if hasattr(model, "n_experts") else parts(model)


def total(model):
    """All parameters."""
    return sum(parts(model).values())


def active(model, input_embedding=True):
    """Parameters that one token uses. input_embedding: whether to count the table in which it is only looked
    up; publications differ. A table that is the output head as well counts either way."""
    found = active_parts(model)
    table = found.pop("embedding")
    return sum(found.values()) + (table if input_embedding else model.tied_embeddings * table)


def mtp(model):
    """Parameters of one multi-token-prediction module (DeepSeek-V3, 2.2): a mixture layer, a projection that
    joins the stream with the next token's embedding, and a norm for each of the two and for the output.
    Embedding and head are the model's own."""
    expert = 3 * (model.hidden_size * model.moe_intermediate_size)
    layer = (sum(inward * outward for inward, outward in _attention(model).values())
             + model.n_experts * (model.hidden_size + model.balancing_bias)
             + (model.n_experts + model.n_shared_experts) * expert)
    return layer + _norms(model) + 2 * model.hidden_size * model.hidden_size + 3 * model.hidden_size


def weight_bytes(parts, fmt, **formats):
    """Memory of `parts`, in the number format `fmt` but for those named:
    weight_bytes(parts(m), bf16, experts=mxfp4).

    A format's scale is spread evenly over its block; a matrix that is no multiple of the block has a few
    scales more. ValueError for a part that there is not.
    """
    for name in formats.keys() - parts.keys():
        raise ValueError(f"no part is called {name!r}; give a format to {', '.join(parts)}")
    return sum(n * stored_size(formats.get(name, fmt)) for name, n in parts.items())


def total_bytes(model, fmt):
    """Memory of all parameters in one number format. Llama 3.1 70B in BF16: 141 GB."""
    return symbol_of(model, "params", total(model), "all parameters") * stored_size(fmt)


def _attention(model):
    """Name -> (inward, outward) of each projection in one layer's attention,
    named as in model/attention.py or model/mla.py."""
    d, n = model.hidden_size, model.n_heads
    if hasattr(model, "kv_lora_rank"):
        return {"q_a_proj": (d, model.q_lora_rank),
                "q_b_proj": (model.q_lora_rank, n * (model.qk_nope_head_dim + model.qk_rope_head_dim)),
                "kv_a_proj": (d, model.kv_lora_rank + model.qk_rope_head_dim),
                "kv_b_proj": (model.kv_lora_rank, n * (model.qk_nope_head_dim + model.v_head_dim)),
                "o_proj": (n * model.v_head_dim, d)}
    queries, keys = n * model.head_dim, model.n_kv_heads * model.head_dim
    return {"q_proj": (d, queries), "k_proj": (d, keys), "v_proj": (d, keys), "o_proj": (queries, d)}


def _biases(model, n_experts):
    def has(name): return getattr(model, name, 0)
    per_layer = has("attention_sinks") * model.n_heads
    if hasattr(model, "qkv_bias") or hasattr(model, "attention_bias"):
        qkv = (model.n_heads + 2 * model.n_kv_heads) * model.head_dim
        per_layer += has("qkv_bias") * qkv + has("attention_bias") * (qkv + model.hidden_size)
    if not hasattr(model, "n_experts"):
        return model.n_layers * per_layer
    taken = model.n_experts if n_experts is None else n_experts
    per_mixture = has("balancing_bias") * model.n_experts \
        + has("expert_bias") * (model.n_experts
                                + taken * (2 * model.moe_intermediate_size + model.hidden_size))
    return model.n_layers * per_layer + (model.n_layers - model.n_dense_layers) * per_mixture


def _norms(model):
    """Of one layer, those inside its attention included."""
    outer = getattr(model, "norms_per_layer", 2) * model.hidden_size
    if hasattr(model, "kv_lora_rank"):
        return outer + model.q_lora_rank + model.kv_lora_rank
    return outer + model.qk_norm * 2 * model.head_dim if hasattr(model, "qk_norm") else outer


def _named(model, kind, found, n_experts):
    """The same, a record's Numbers as symbols of their own,
    so that formulas further on read attention + experts.

    A share of the experts has a name only when it is the model's own n_experts_per_token.
    """
    def symbol(name, n):
        share = name in ROUTED and n_experts is not None
        if share and n_experts is not getattr(model, "n_experts_per_token", None):
            return n
        part = ("active " if share else "") + name.replace("_", " ")
        return symbol_of(model, f"{kind}-{part.replace(' ', '-')}", n, f"{part}, {kind}")
    return {name: symbol(name, n) for name, n in found.items()}
