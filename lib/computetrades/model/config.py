"""What a model is, in numbers: the fields that its published configuration has,
under the field's usual names."""
from __future__ import annotations

from dataclasses import dataclass, fields, replace

FULL, SLIDING, CHUNKED = "full", "sliding", "chunked"


class ConfigError(ValueError):
    """A configuration that no model can have; says which value and what would do."""


def _require(holds, name, value, remedy):
    if not holds:
        raise ConfigError(f"{name} cannot be {value!r}: {remedy}")


@dataclass(frozen=True)
class Rope:
    """Rotary position embedding. scheme: default, linear (position interpolation), ntk,
    yarn or llama3; see rope.py."""
    theta: float = 10_000.0
    scheme: str = "default"
    factor: float = 1.0               # how many times longer than trained
    trained_context: int = 0          # positions seen in training, for the schemes that need it
    # yarn: rotations over the trained context above which a pair is left as it is
    beta_fast: float = 32.0
    beta_slow: float = 1.0            # yarn: and below which it is fully interpolated
    truncate: bool = True             # yarn: whole pairs at the two ends
    # yarn: scale of queries and keys; None for the paper's 0.1 ln(factor) + 1
    attention_factor: float | None = None
    low_freq_factor: float = 1.0      # llama3: the same two borders, as trained context over wavelength
    high_freq_factor: float = 4.0

    def __post_init__(self):
        _require(self.scheme in ("default", "linear", "ntk", "yarn", "llama3"), "rope.scheme", self.scheme,
                 "take default, linear, ntk, yarn or llama3")
        _require(self.theta > 1, "rope.theta", self.theta, "give a base above 1, usually 10000 or more")
        _require(self.factor >= 1, "rope.factor", self.factor, "give 1 or more")
        _require(self.scheme not in ("yarn", "llama3") or self.trained_context > 0, "rope.trained_context",
                 self.trained_context, f"{self.scheme} needs the length of the training context")


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention:
    keys and values of all heads come from one cached vector (DeepSeek-V2, 2.1)."""
    q_lora_rank: int
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int


@dataclass(frozen=True)
class Experts:
    """A mixture of experts. router: softmax over the chosen,
    or sigmoid with a balancing bias (DeepSeek-V3, 2.1.2)."""
    n_experts: int
    n_experts_per_token: int
    intermediate_size: int
    n_shared_experts: int = 0
    router: str = "softmax"
    scaling: float = 1.0              # sigmoid: of the routed experts' sum
    n_groups: int = 1                 # sigmoid: experts are chosen from the best groups only
    n_limited_groups: int = 1
    n_dense_layers: int = 0           # the first layers have no experts
    every: int = 1                    # and after them, every such layer has
    bias: bool = False                # on the router and inside the experts

    def __post_init__(self):
        _require(self.router in ("softmax", "sigmoid"), "experts.router", self.router,
                 "take softmax or sigmoid")
        _require(0 < self.n_experts_per_token <= self.n_experts, "experts.n_experts_per_token",
                 self.n_experts_per_token, f"give 1 to {self.n_experts}, the number of experts")
        _require(self.n_experts % self.n_groups == 0, "experts.n_groups", self.n_groups,
                 f"{self.n_experts} experts must divide by it")
        _require(0 < self.n_limited_groups <= self.n_groups, "experts.n_limited_groups",
                 self.n_limited_groups, f"give 1 to {self.n_groups}")


@dataclass(frozen=True)
class ModelConfig:
    n_layers: int
    hidden_size: int
    n_heads: int
    intermediate_size: int
    vocab_size: int
    n_kv_heads: int = 0               # 0: as many as query heads
    head_dim: int = 0                 # 0: hidden_size / n_heads
    rope: Rope = Rope()
    latent: Latent | None = None
    experts: Experts | None = None
    layer_kinds: tuple[str, ...] = (FULL,)   # repeated over the layers: (SLIDING, FULL) alternates
    window: int = 0                   # of sliding layers, or the chunk of chunked ones; tokens
    attention_bias: str = ""          # "", "qkv" or "qkvo"
    # A learned logit per head that takes part in the softmax and carries no value
    attention_sinks: bool = False
    qk_norm: bool = False
    query_scale: float = 0.0          # 0: 1 / sqrt(width of a query)
    attention_softcap: float = 0.0    # 0: none
    logit_softcap: float = 0.0
    activation: str = "silu"          # silu, gelu_tanh or clamped
    sandwich_norm: bool = False       # a norm behind each sublayer as well as before it
    embedding_scale: float = 1.0
    tied_embeddings: bool = False
    norm_eps: float = 1e-5

    def __post_init__(self):
        for name in ("n_layers", "hidden_size", "n_heads", "intermediate_size", "vocab_size"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "give a positive whole number")
        if not self.n_kv_heads:
            object.__setattr__(self, "n_kv_heads", self.n_heads)
        _require(self.n_heads % self.n_kv_heads == 0, "n_kv_heads", self.n_kv_heads,
                 f"{self.n_heads} query heads must divide evenly among the key-value heads")
        if not self.head_dim:
            _require(self.hidden_size % self.n_heads == 0, "n_heads", self.n_heads,
                     f"hidden_size {self.hidden_size} must divide by it, or give head_dim")
            object.__setattr__(self, "head_dim", self.hidden_size // self.n_heads)
        _require(self.rotary_dim % 2 == 0, "head_dim", self.rotary_dim,
                 "rotary embedding turns pairs, so give an even width")
        unknown = set(self.layer_kinds) - {FULL, SLIDING, CHUNKED}
        _require(self.layer_kinds and not unknown, "layer_kinds", self.layer_kinds,
                 f"take from {FULL}, {SLIDING}, {CHUNKED}")
        _require(self.window > 0 or set(self.layer_kinds) == {FULL}, "window", self.window,
                 "a sliding or chunked layer needs at least 1 token")
        _require(self.attention_bias in ("", "qkv", "qkvo"), "attention_bias", self.attention_bias,
                 "take '', 'qkv' or 'qkvo'")
        _require(self.activation in ("silu", "gelu_tanh", "clamped"), "activation", self.activation,
                 "take silu, gelu_tanh or clamped")

    @property
    def rotary_dim(self) -> int:
        """Width of the part of a query or key that is rotated."""
        return self.latent.qk_rope_head_dim if self.latent else self.head_dim

    @property
    def row_shapes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(rows, width) of the two things a layer keeps per token:
        keys and values, or rotary key and latent."""
        if self.latent:
            return (1, self.latent.qk_rope_head_dim), (1, self.latent.kv_lora_rank)
        return (self.n_kv_heads, self.head_dim), (self.n_kv_heads, self.head_dim)

    def layer_kind(self, layer: int) -> str:
        return self.layer_kinds[layer % len(self.layer_kinds)]

    def layer_window(self, layer: int) -> int | None:
        """How many tokens back a layer looks, itself included; None when it looks at all."""
        return self.window if self.layer_kind(layer) == SLIDING else None

    def has_experts(self, layer: int) -> bool:
        e = self.experts
        return bool(e) and layer >= e.n_dense_layers and (layer - e.n_dense_layers) % e.every == e.every - 1

    def with_(self, **changes) -> ModelConfig:
        """The same model with some fields changed."""
        unknown = changes.keys() - {f.name for f in fields(self)}
        _require(not unknown, "field", ", ".join(sorted(unknown)), "take the fields of ModelConfig")
        return replace(self, **changes)

