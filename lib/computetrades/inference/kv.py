"""The KV cache: what a token costs in memory, by architecture and number format.

`model` and `fmt` are records of data/facts (models.yaml, cache-formats.yaml) or their `.plain` views; on the
plain path every argument may be a numpy array, sizes are in bytes and lengths in tokens.
"""
from ..functions import ceil, floor, maximum, minimum
from ..number import TOKEN, USER
from .layers import groups


def stored_size(fmt):
    """Memory per cached element: its own bits plus its share of the block's scale
    (Rouhani et al. 2023, block formats)."""
    return fmt.bits + fmt.scale_bits / fmt.block_size


def gqa_elements(model):
    """Elements per token: one key and one value row of n_kv_heads x head_dim in each
    layer (Ainslie et al. 2023)."""
    return 2 * model.n_layers * model.n_kv_heads * model.head_dim


def mha_elements(model):
    """Elements per token if every query head kept its own keys and values."""
    return 2 * model.n_layers * model.n_heads * model.head_dim


def mqa_elements(model):
    """Elements per token if all query heads shared a single key-value head (Shazeer 2019)."""
    return 2 * model.n_layers * model.head_dim


def mla_elements(model):
    """Elements per token of multi-head latent attention:
    one latent and one shared rotary key per layer (DeepSeek-V2, 2.1)."""
    return model.n_layers * (model.kv_lora_rank + model.qk_rope_head_dim)


def elements_per_token(model):
    """Elements per token by the model's own attention."""
    return mla_elements(model) if hasattr(model, "kv_lora_rank") else gqa_elements(model)


def bytes_per_token(model, fmt, elements=elements_per_token):
    """Cache bytes that one token of context adds while every layer still attends to it."""
    return elements(model) * stored_size(fmt) / TOKEN


def cache_bytes(model, fmt, context):
    """Cache of one sequence of `context` tokens:
    sliding or chunked layers stop growing at their window or chunk."""
    per_layer = bytes_per_token(model, fmt) / model.n_layers
    return per_layer * sum(group.n_layers * group.held(context) for group in groups(model))


def cache_bytes_of_run(model, fmt, context, n):
    """The cache of one sequence at `context` tokens, at one more, and so on,
    added up over `n` passes that each read it."""
    per_layer = bytes_per_token(model, fmt) / model.n_layers
    return per_layer * sum(group.n_layers * _added_up(group, context / TOKEN, n)
                           for group in groups(model)) * TOKEN


def _added_up(group, first, n):
    """held(first) + held(first + 1) + … , n terms."""
    if group.reach is None:
        return n * first + n * (n - 1) / 2
    reach = group.reach / TOKEN
    growing = maximum(minimum(first + n, reach) - first, 0)      # terms that are below the reach
    return n * reach - growing * (reach - first - (growing - 1) / 2)


def sink_cache_bytes(model, fmt, context, n_sinks, window):
    """Cache of one sequence that keeps its first n_sinks tokens and its last `window`
    (StreamingLLM, Xiao et al. 2023, 3.2)."""
    return bytes_per_token(model, fmt) * minimum(context, n_sinks + window)


def kivi_cache_bytes(model, fmt, recent, context):
    """Cache of one sequence under KIVI (Liu et al. 2024, algorithm 1): tokens are quantised
    fmt.residual_length at a time, and what is left over stays in format `recent`. Scales and zero points are
    shared by groups of fmt.block_size elements, tokens of a channel for keys and channels of a token for
    values, so their share per element is stored_size's in both.
    """
    quantised = floor(context / fmt.residual_length) * fmt.residual_length
    return bytes_per_token(model, fmt) * quantised + bytes_per_token(model, recent) * (context - quantised)


def users(n_gpus, hbm_capacity, weights, cache):
    """Whole sequences whose cache fits beside the weights.
    What else must fit, activations say, is to be taken off hbm_capacity."""
    return maximum(floor((n_gpus * hbm_capacity - weights) / cache), 0) * USER


def blocks(tokens, block_size):
    """Pages of `block_size` tokens that hold `tokens` (Kwon et al. 2023)."""
    return ceil(tokens / block_size)


def paged_waste(block_size, tokens):
    """Expected unused share of a paged cache, lengths spread evenly over the block:
    it ends with 0, 1, ..., block_size - 1 free."""
    unused = (block_size / TOKEN - 1) / 2 * TOKEN
    return unused / (tokens + unused)


def reserved_waste(max_context, tokens):
    """Unused share when a cache is reserved at full length in one piece."""
    return 1 - tokens / max_context
