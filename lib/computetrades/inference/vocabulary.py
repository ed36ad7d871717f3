"""What a larger vocabulary costs against what it saves, for a model that writes text token by token."""
from ..number import TOKEN
from . import params
from .kv import stored_size


def read_per_text(model, fmt, vocab_size, density):
    """Bytes of weights read from memory for each byte of text written, when one request runs alone.

    Every output token reads all layers and the whole output head, a row for each entry of the vocabulary; a denser vocabulary
    writes the same text in fewer tokens. density: tokens per byte of text. The cache and the one row of the input table, which
    do not decide between vocabularies, are left out. `model` is as in params.py; of a mixture, the experts that one token uses.
    """
    taken = model.n_experts_per_token if hasattr(model, "n_experts") else None
    weights = sum(params.matrices(model, taken).values()) + vocab_size * model.hidden_size
    return weights * stored_size(fmt) / TOKEN * density
