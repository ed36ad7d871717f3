"""What a vocabulary costs: two tables with a row for every token, and the output head's share of a decoding step.

`model`, `fmt` and lengths are as in params.py and flops.py; `batch` is how many requests share one step.
"""
from ..functions import maximum
from ..number import FLOP, TOKEN
from . import flops, kv, params
from .kv import stored_size


def row_bytes(model, fmt):
    """One token's vector, as the table keeps it."""
    return model.hidden_size * stored_size(fmt)


def table_bytes(model, fmt):
    """One matrix of the vocabulary: the embedding, or the output head."""
    return model.vocab_size * row_bytes(model, fmt)


def n_tables(model):
    """Matrices of the vocabulary that are kept: one when the head is the embedding read the other way (Press and Wolf 2017)."""
    return 2 - model.tied_embeddings


def head_flops(model):
    """Logits of one token: two for each multiply-add of a product with the whole table. The lookup itself computes nothing."""
    return 2 * model.vocab_size * model.hidden_size * FLOP / TOKEN


def own_rows(model, n_ranks):
    """Rows of each rank when the vocabulary divides evenly."""
    return model.vocab_size / n_ranks


def experts_read(model, batch):
    """Of each layer's routed experts, how many are read when `batch` tokens choose theirs evenly and on their own."""
    return model.n_experts * (1 - (1 - model.n_experts_per_token / model.n_experts) ** batch)


def step_bytes(model, fmt, cache_fmt, batch, context, **formats):
    """Read from memory in one decoding step: name -> bytes, of layers, experts, cache and head. context: tokens of each request.

    formats: number format of single matrices, as in params.weight_bytes; head=... for the head. Norms, biases and the rows
    that are looked up are left out, all together below a thousandth.
    """
    def size(name): return stored_size(formats.get(name, fmt))
    weights = _present(model, params.matrices(model))
    out = {"layers": sum(n * size(name) for name, n in weights.items() if name != "experts"),
           "cache": batch * kv.cache_bytes(model, cache_fmt, context), "head": model.vocab_size * model.hidden_size * size("head")}
    if "experts" in weights:
        out["experts"] = weights["experts"] * (experts_read(model, batch) / model.n_experts) * size("experts")
    return out


def step_flops(model, batch, context):
    """Computed in one decoding step: name -> FLOPs, under the same names. Latents are used as they are (flops.decode, absorbed)."""
    step = _present(model, flops.decode(model, context, absorbed=hasattr(model, "kv_lora_rank")))
    out = {"cache": batch * (step.pop("scores") + step.pop("values")), "head": batch * step.pop("head")}
    if "experts" in step:
        out["experts"] = batch * step.pop("experts")
    return out | {"layers": batch * sum(step.values())}


def _present(model, parts):
    """Without the dense layers' feed-forward where every layer has experts."""
    return {name: n for name, n in parts.items() if name != "feed_forward" or getattr(model, "n_dense_layers", 1) != 0}


def step_seconds(size, work, gpu):
    """The roofline, part by part: each takes as long as its bytes or its arithmetic, whichever is longer, at the GPU's peaks."""
    return {name: maximum(size[name] / gpu.hbm_bandwidth, work[name] / gpu.bf16_flops) for name in size}


def head_share(parts):
    """The head's part of a step, in whatever unit the parts are."""
    return parts["head"] / sum(parts.values())


def read_per_text(model, fmt, vocab_size, density):
    """Bytes of weights read from memory for each byte of text written, when one request runs alone.

    Every output token reads all layers and the whole output head, a row for each entry of the vocabulary; a denser vocabulary
    writes the same text in fewer tokens. density: tokens per byte of text. The cache and the one row of the input table, which
    do not decide between vocabularies, are left out. `model` is as in params.py; of a mixture, the experts that one token uses.
    """
    taken = model.n_experts_per_token if hasattr(model, "n_experts") else None
    weights = sum(params.matrices(model, taken).values()) + vocab_size * model.hidden_size
    return weights * stored_size(fmt) / TOKEN * density
