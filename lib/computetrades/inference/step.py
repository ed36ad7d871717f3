"""One pass through a model, part by part: what it reads, what it computes, how long it takes.

    head         the output matrix; the logits of each sequence's last token
    layers       all other matrices that every token goes through
    experts      the routed experts that at least one token has chosen
    cache        keys and values of earlier tokens, each read for its own sequence; its arithmetic is
                 scores and values
    rotation     of queries and keys, fused with attention: it moves nothing of its own, and no tensor
                 core computes it
    activations  input and output of every product; what stands between two products is fused with one of them

Weights are read once in a pass, for all sequences together. Over n GPUs all of it is spread evenly, and what
they say to each other is left out (collectives.py). Norms, biases and sinks are left out too:
below a thousandth.

Two answers to how long it takes. `roofline_time`: all bytes and all arithmetic, each at its peak and at
once; no implementation is faster. `time`: part after part, each as long as its bytes or its arithmetic;
nothing overlaps across parts. What a measured step takes beyond `time` is explained by neither. Lengths in
tokens; on the plain path sizes are in bytes and times in seconds.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..functions import maximum
from ..number import FLOP, TOKEN, symbol_of
from . import flops, kv, params
from .kv import stored_size


@dataclass(frozen=True)
class Deployment:
    """What a pass runs on. `model` as in params.py, number formats as in kv.py,
    gpu a record of accelerators.yaml."""
    model: object
    fmt: object                                         # of the weights
    gpu: object = None
    n_gpus: object = 1
    # Of cache and activations; that of the weights unless given
    cache_fmt: object = None
    # Of single matrices that have another, by their names in params.matrices or "head"
    formats: Mapping = field(default_factory=dict)

    def __post_init__(self):
        known = {*params.products(self.model), "head"}
        for name in self.formats.keys() - known:
            raise ValueError(f"no matrix is called {name!r}; give a format to {', '.join(sorted(known))}")

    def size_of(self, name):
        """Bytes of one weight of that matrix."""
        return _size(self.formats.get(name, self.fmt))

    @property
    def kept_fmt(self): return self.cache_fmt or self.fmt


@dataclass(frozen=True)
class Load:
    """What goes in: `new` tokens of each of `batch` sequences,
    `cached` earlier ones of each lying in its cache.

    one_by_one: each new token in a pass of its own, as in decoding; otherwise all in one, as a prompt.
    """
    new: object
    cached: object = None
    batch: object = 1
    one_by_one: bool = False

    @property
    def passes(self): return self.new / TOKEN if self.one_by_one else 1

    @property
    def tokens(self):
        """Tokens that go through the layers, of all sequences together."""
        return self.batch * self.new


def decoding(context, batch=1):
    """The load of one step of decoding; `context` counts the new token and all before it."""
    one = context / context * TOKEN                 # a traced token where the context is traced
    return Load(one, context - one, batch, one_by_one=True)


# By part

def part_bytes(deployment, load):
    """Name -> bytes moved between memory and chip, over all passes of the load.

    Llama 3.1 70B in BF16, one step at 50,000 tokens: layers 137 GB, head 2.1 GB,
    cache 16.4 GB, activations 29 MB.
    """
    model, passes = deployment.model, load.passes
    weights = params.matrices(model)
    experts = weights.pop("experts", None)
    apart = {name: n for name, n in weights.items() if name in deployment.formats}
    layers = sum([n * deployment.size_of(name) for name, n in apart.items()],
                 (params.layer_weights(model) - sum(apart.values())) * deployment.size_of("layers"))
    found = {"head": passes * (model.vocab_size * model.hidden_size * deployment.size_of("head")),
             "layers": passes * layers,
             "activations": load.tokens * activation_bytes(model, deployment.kept_fmt, load.one_by_one)}
    if load.cached is not None or load.one_by_one:
        found["cache"] = load.batch * _cache_read(model, deployment.kept_fmt, load)
    if experts is not None:
        touched = experts_read(model, load.tokens / TOKEN / passes) / model.n_experts
        found["experts"] = passes * (experts * deployment.size_of("experts")) * touched
    return found


def part_flops(deployment, load):
    """Name -> FLOPs over all passes of the load.
    All but the rotation's are products, which tensor cores compute.

    Llama 3.1 70B, one step at 50,000 tokens: layers 137 GFLOP, head 2.1, cache 131, rotation 0.0022.
    """
    model = deployment.model
    latent = hasattr(model, "kv_lora_rank")
    work = flops.prefill(model, load.new, load.cached, absorbed=load.one_by_one and latent)
    found = {"head": load.batch * load.passes * work.pop("head"),
             "cache": load.batch * (work.pop("scores") + work.pop("values")),
             "rotation": load.tokens / TOKEN * rotation_flops(model)}
    if "experts" in work:
        found["experts"] = load.batch * work.pop("experts")
    # The rest has one form, and written so it stays short: all weights times the tokens.
    # Expanded latents are no new tokens.
    weights = params.layer_weights(model)
    if "kv_b_proj" in work:
        weights = weights - params.matrices(model)["kv_b_proj"]
    found["layers"] = load.batch * flops.of_products(weights, load.new / TOKEN)
    if "kv_b_proj" in work:
        found["layers"] = found["layers"] + load.batch * work["kv_b_proj"]
    return found


def part_seconds(deployment, load):
    """Name -> seconds of each part, as long as its bytes or its arithmetic takes at the GPUs' peak,
    whichever is longer."""
    size, work = part_bytes(deployment, load), part_flops(deployment, load)

    reading = {name: n / speed(deployment) for name, n in size.items()}
    computing = {name: n / peak(deployment, name) for name, n in work.items()}
    longer = {name: maximum(reading[name], computing[name]) for name in reading.keys() & computing.keys()}
    return reading | computing | longer


def speed(deployment):
    """Bytes per second of all GPUs' memory."""
    return deployment.n_gpus * deployment.gpu.hbm_bandwidth


def peak(deployment, part="layers"):
    """FLOP/s of all GPUs for a part: of their tensor cores in BF16,
    for the rotation of their other cores in FP32."""
    gpu = deployment.gpu
    return deployment.n_gpus * (gpu.fp32_flops if part == "rotation" else gpu.bf16_flops)


# In all

def product_flops(deployment, load):
    """FLOPs of the matrix products, which is what utilisation is counted by."""
    return sum(n for name, n in part_flops(deployment, load).items() if name != "rotation")


def below_the_head(model, load):
    """The same without the output head, which needs no GPU to be known: what a prompt takes."""
    parts = part_flops(Deployment(model, fmt=None), load)
    return sum(n for name, n in parts.items() if name not in ("head", "rotation"))


def moved(deployment, load):
    """Bytes that the load moves at least."""
    return sum(part_bytes(deployment, load).values())


def roofline_time(deployment, load):
    """The least seconds: all bytes and all arithmetic at the GPUs' peaks, both at once (the roofline).

    Llama 3.1 70B in BF16 on one H100, one step at 2,000 tokens for 600 sequences: 164 ms.
    """
    work = part_flops(deployment, load)
    computing = sum(n / peak(deployment, name) for name, n in work.items())
    return maximum(moved(deployment, load) / speed(deployment), computing)


def time(deployment, load):
    """Seconds part after part, nothing of one part hidden behind another. The same step: 207 ms."""
    return sum(part_seconds(deployment, load).values())


# What the parts stand on

def experts_read(model, tokens):
    """Of each layer's routed experts,
    how many are read when `tokens` choose theirs evenly and on their own."""
    return model.n_experts * (1 - (1 - model.n_experts_per_token / model.n_experts) ** tokens)


def activation_bytes(model, fmt, absorbed=False):
    """Per token: input and output of every product that it goes through, and of attention;
    over all layers. B/token."""
    taken = (params.products(model, model.n_experts_per_token) if hasattr(model, "n_experts")
             else params.products(model))
    ends = sum(product.n * (product.inward + product.outward) for product in taken.values())
    numbers = ends + model.n_layers * _attended(model, absorbed)
    name = "absorbed-activations" if absorbed and hasattr(model, "kv_lora_rank") else "activations"
    return symbol_of(model, name, numbers, f"{name.replace('-', ' ')} of a token") * _size(fmt) / TOKEN


def _attended(model, absorbed):
    """Numbers that go into one layer's attention (queries, keys, values) and come out of it,
    for one token."""
    n = model.n_heads
    if not hasattr(model, "kv_lora_rank"):
        return 2 * n * model.head_dim + 2 * model.n_kv_heads * model.head_dim
    if absorbed:
        latent = model.kv_lora_rank + model.qk_rope_head_dim
        return n * latent + latent + n * model.kv_lora_rank
    return 2 * n * (model.qk_nope_head_dim + model.qk_rope_head_dim) + 2 * n * model.v_head_dim


def rotation_flops(model):
    """Two multiplications and an addition for each element of every query and key that turns,
    all layers, one token."""
    if hasattr(model, "kv_lora_rank"):
        turned = (model.n_heads + 1) * model.qk_rope_head_dim
    else:
        turned = (model.n_heads + model.n_kv_heads) * model.head_dim
    return 3 * model.n_layers * turned * FLOP


def rotation_bytes(model, fmt):
    """What rotation reads and writes when it is a kernel of its own:
    every query and key of all layers in and out, one token."""
    return 2 * model.n_layers * (model.n_heads + model.n_kv_heads) * model.head_dim * _size(fmt)


def _size(fmt):
    """Memory of one number in that format, its share of the block's scale included."""
    return symbol_of(fmt, "size", stored_size(fmt), "one number, its scale included")


def _cache_read(model, fmt, load):
    """Bytes of one sequence's cache, once for each pass, as it was before the pass."""
    if not load.one_by_one:
        return kv.cache_bytes(model, fmt, load.cached)
    first = 0 * load.new if load.cached is None else load.cached
    return kv.cache_bytes_of_run(model, fmt, first, load.passes)
