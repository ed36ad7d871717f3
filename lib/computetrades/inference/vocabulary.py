"""What a vocabulary costs: two tables with a row for every token,
and the output head's share of a decoding step.

`model` and `fmt` are as in params.py. What a step of decoding reads and computes stands in step.py.
"""
from ..number import FLOP, TOKEN
from . import params
from .kv import stored_size


def row_bytes(model, fmt):
    """One token's vector, as the table keeps it."""
    return model.hidden_size * stored_size(fmt)


def table_bytes(model, fmt):
    """One matrix of the vocabulary: the embedding, or the output head."""
    return model.vocab_size * row_bytes(model, fmt)


def n_tables(model):
    """Matrices of the vocabulary that are kept:
    one when the head is the embedding read the other way (Press and Wolf 2017)."""
    return 2 - model.tied_embeddings


def head_flops(model):
    """Logits of one token: two for each multiply-add of a product with the whole table.
    The lookup itself computes nothing."""
    return 2 * model.vocab_size * model.hidden_size * FLOP / TOKEN


def own_rows(model, n_ranks):
    """Rows of each rank when the vocabulary divides evenly."""
    return model.vocab_size / n_ranks


def head_share(parts):
    """The head's part of a step, in whatever unit the parts of step.py are."""
    return parts["head"] / sum(parts.values())


def read_per_text(model, fmt, vocab_size, density):
    """Bytes of weights read from memory for each byte of text written, when one request runs alone.

    Every output token reads all layers and the whole output head, a row for each entry of the vocabulary; a
    denser vocabulary writes the same text in fewer tokens. density: tokens per byte of text. The cache and
    the one row of the input table, which do not decide between vocabularies, are left out. `model` is as in
    params.py; of a mixture, the experts that one token uses.
    """
    taken = model.n_experts_per_token if hasattr(model, "n_experts") else None
    weights = sum(params.matrices(model, taken).values()) + vocab_size * model.hidden_size
    return weights * stored_size(fmt) / TOKEN * density
