"""A ModelConfig from a record of data/facts/inference/models.yaml: model_config(facts("llama-31-70b")).

Shapes, counts and arithmetic are those of the published model for every record. Outputs would be too, with
its weights, but for what this lab leaves out: DeepSeek-V2 chooses experts within groups and weighs them by
scores that are not renormalised; Llama 4 turns no positions in its full layers, scales queries there with the
position, and weighs what goes into an expert.
"""
import math

from ..number import Number
from .config import Experts, Latent, ModelConfig, Rope


def model_config(record) -> ModelConfig:
    """record: facts, or any object with the same attributes as numbers and text.
    AttributeError names a missing field."""
    def need(name): return _bare(getattr(record, name))
    def some(name, default=0): return _bare(getattr(record, name, default))

    latent = (Latent(*map(need, ("q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim",
                                 "v_head_dim")))
              if hasattr(record, "kv_lora_rank") else None)
    return ModelConfig(
        **{name: need(name) for name in ("n_layers", "hidden_size", "n_heads", "intermediate_size",
                                         "vocab_size", "activation", "norm_eps")},
        **{name: some(name) for name in ("n_kv_heads", "head_dim")},
        latent=latent, experts=_experts(need, some) if hasattr(record, "n_experts") else None,
        rope=_rope(need, some), query_scale=_query_scale(some, latent),
        layer_kinds=tuple(some("layer_types", "full").split()),
        window=some("sliding_window") or some("attention_chunk_size"),
        attention_bias="qkvo" if some("attention_bias") else "qkv" if some("qkv_bias") else "",
        attention_sinks=bool(some("attention_sinks")), qk_norm=bool(some("qk_norm")),
        attention_softcap=some("attn_logit_softcapping"), logit_softcap=some("final_logit_softcapping"),
        sandwich_norm=some("norms_per_layer", 2) == 4, tied_embeddings=bool(need("tied_embeddings")),
        embedding_scale=need("hidden_size") ** 0.5 if some("scaled_embeddings") else 1.0)


def _experts(need, some) -> Experts:
    step = some("moe_layer_step", 1)
    return Experts(
        need("n_experts"), need("n_experts_per_token"), need("moe_intermediate_size"),
        # A single expert per token weighs 1 by either
        router="sigmoid" if some("balancing_bias") else "softmax",
        n_shared_experts=some("n_shared_experts"), scaling=some("routed_scaling_factor", 1.0),
        n_groups=some("n_expert_groups", 1), n_limited_groups=some("n_limited_groups", 1),
        # Dense ones come first, or in turn with the others
        n_dense_layers=need("n_dense_layers") if step == 1 else 0, every=step,
        bias=bool(some("expert_bias")))


def _rope(need, some) -> Rope:
    scheme = some("rope_scheme", "default")
    if scheme == "default":
        return Rope(need("rope_theta"))
    scaled = {"scheme": scheme, "factor": need("rope_factor"),
              "trained_context": need("rope_trained_context")}
    if scheme == "llama3":
        return Rope(need("rope_theta"), **scaled, low_freq_factor=need("rope_low_freq_factor"),
                    high_freq_factor=need("rope_high_freq_factor"))
    return Rope(need("rope_theta"), **scaled,
                beta_fast=need("rope_beta_fast"), beta_slow=need("rope_beta_slow"),
                truncate=bool(some("rope_truncate", 1)),
                attention_factor=1.0 if some("rope_mscale_all_dim") else None)


def _query_scale(some, latent: Latent | None) -> float:
    """Gemma 2 divides scores by a width of its own; DeepSeek's yarn scales the scores and not the rotation.
    0 for the usual."""
    if latent and some("rope_mscale_all_dim"):
        temperature = 0.1 * some("rope_mscale_all_dim") * math.log(some("rope_factor")) + 1
        return (latent.qk_nope_head_dim + latent.qk_rope_head_dim) ** -0.5 * temperature ** 2
    return some("query_pre_attn_scalar") ** -0.5 if some("query_pre_attn_scalar") else 0.0


def _bare(fact):
    return fact.value() if isinstance(fact, Number) else fact
