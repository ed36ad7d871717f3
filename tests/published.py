"""The published models in Transformers' configuration classes, as their config.json files
have them; and small ones."""
from __future__ import annotations

from types import SimpleNamespace

import torch
import transformers as hf

from computetrades.facts import facts
from tests.three_paths import whole_numbers

PLAIN = {"rope_type": "default"}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
LONG = {"max_position_embeddings": 131072}
YARN = {"rope_type": "yarn", "beta_fast": 32.0, "beta_slow": 1.0, "original_max_position_embeddings": 4096}
LLAMA_70B = {"hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64,
             "num_key_value_heads": 8, "intermediate_size": 28672, "vocab_size": 128256, "rms_norm_eps": 1e-5}

# Record -> (whose configuration class, what config.json states; what it leaves out is the class's default)
CONFIGS = {
    "llama-3-70b": ("Llama", LLAMA_70B | {"rope_parameters": PLAIN | {"rope_theta": 500_000.0}}),
    "llama-31-8b": ("Llama", LLAMA_70B | LONG | {
        "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 14336,
        "rope_parameters": LLAMA3}),
    "llama-31-70b": ("Llama", LLAMA_70B | LONG | {"rope_parameters": LLAMA3}),
    "llama-31-405b": ("Llama", LLAMA_70B | LONG | {
        "hidden_size": 16384, "num_hidden_layers": 126, "num_attention_heads": 128,
        "intermediate_size": 53248, "rope_parameters": LLAMA3}),
    "deepseek-v3": ("DeepseekV3", {
        "max_position_embeddings": 163840,
        "rope_parameters": YARN | {"rope_theta": 10_000.0, "factor": 40.0, "mscale": 1.0,
                                   "mscale_all_dim": 1.0}}),
    "deepseek-v2": ("DeepseekV2", {
        "hidden_size": 5120, "num_hidden_layers": 60, "num_attention_heads": 128, "q_lora_rank": 1536,
        "intermediate_size": 12288, "moe_intermediate_size": 1536, "n_routed_experts": 160,
        "num_experts_per_tok": 6, "n_shared_experts": 2, "first_k_dense_replace": 1, "n_group": 8,
        "topk_group": 3, "topk_method": "group_limited_greedy", "routed_scaling_factor": 16.0,
        "max_position_embeddings": 163840,
        "rope_parameters": YARN | {"rope_theta": 10_000.0, "factor": 40.0, "mscale": 0.707,
                                   "mscale_all_dim": 0.707}}),
    "gpt-oss-120b": ("GptOss", {}),
    "qwen3-235b": ("Qwen3Moe", {
        "hidden_size": 4096, "num_hidden_layers": 94, "num_attention_heads": 64, "num_key_value_heads": 4,
        "head_dim": 128, "intermediate_size": 12288, "moe_intermediate_size": 1536, "norm_topk_prob": True,
        "rope_parameters": PLAIN | {"rope_theta": 1e6}}),
    "qwen25-72b": ("Qwen2", {
        "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
        "intermediate_size": 29568, "vocab_size": 152064, "rms_norm_eps": 1e-5,
        "rope_parameters": PLAIN | {"rope_theta": 1e6}}),
    "mixtral-8x7b": ("Mixtral", {"rope_parameters": PLAIN | {"rope_theta": 1e6}}),
    "llama-4-maverick": ("Llama4Text", {
        "num_local_experts": 128, "interleave_moe_layer_step": 2, "use_qk_norm": False,
        "rope_parameters": PLAIN | {"rope_theta": 500_000.0}}),
    "gemma-2-27b": ("Gemma2", {
        "hidden_size": 4608, "num_hidden_layers": 46, "num_attention_heads": 32, "num_key_value_heads": 16,
        "head_dim": 128, "intermediate_size": 36864, "query_pre_attn_scalar": 144,
        "rope_parameters": PLAIN | {"rope_theta": 10_000.0}}),
    "mistral-7b": ("Mistral", {"rms_norm_eps": 1e-5, "rope_parameters": PLAIN | {"rope_theta": 10_000.0}}),
}

SMALL = {"hidden_size": 64, "n_heads": 8, "vocab_size": 97, "n_kv_heads": 2, "head_dim": 16,
         "intermediate_size": 48, "sliding_window": 7, "attention_chunk_size": 7,
         "q_lora_rank": 24, "kv_lora_rank": 16, "qk_nope_head_dim": 12, "qk_rope_head_dim": 8,
         "v_head_dim": 10, "n_experts": 16, "n_experts_per_token": 3, "moe_intermediate_size": 48}
THEIRS = {"n_heads": "num_attention_heads", "n_kv_heads": "num_key_value_heads",
          "n_experts_per_token": "num_experts_per_tok"}  # their names where ours differ


def classes(name: str):
    """(configuration class, architecture) of that name. Only here is Transformers asked
    for them: it takes seconds."""
    return getattr(hf, f"{name}Config"), getattr(hf, f"{name.removesuffix('Text')}ForCausalLM")


def full_size(key: str):
    """The published model in Transformers, without memory."""
    name, given = CONFIGS[key]
    config, architecture = classes(name)
    with torch.device("meta"):
        return architecture(config(**given))


def shallow(key: str) -> SimpleNamespace:
    """The record with four layers, of each of its kinds."""
    m = whole_numbers(facts(key))
    m.n_layers = 4
    if hasattr(m, "n_full_layers"):
        pattern = m.layer_types.split() if hasattr(m, "layer_types") else ["full"]
        m.n_full_layers = sum(pattern[layer % len(pattern)] == "full" for layer in range(4))
        m.n_sliding_layers = m.n_chunked_layers = 4 - m.n_full_layers
    if hasattr(m, "n_experts"):
        m.n_dense_layers = 2 if hasattr(m, "moe_layer_step") else min(m.n_dense_layers, 1)
    return m


def small(key: str) -> SimpleNamespace:
    """The same with small widths and all of its mechanisms."""
    m = shallow(key)
    vars(m).update({name: n for name, n in SMALL.items() if hasattr(m, name)})
    return m


def small_config(key: str):
    """(architecture, configuration) of the same in Transformers."""
    m, (name, given) = small(key), CONFIGS[key]
    config, architecture = classes(name)
    fields = {THEIRS.get(name, name): getattr(m, name) for name in SMALL if hasattr(m, name)}
    fields["num_hidden_layers"] = m.n_layers
    if hasattr(m, "kv_lora_rank"):
        fields |= {"num_key_value_heads": m.n_heads, "n_routed_experts": m.n_experts,
                   "first_k_dense_replace": m.n_dense_layers}
    elif hasattr(m, "n_experts"):
        fields |= {"num_experts" if "qwen" in key else "num_local_experts": m.n_experts,
                   "intermediate_size_mlp": m.intermediate_size}
    return architecture, config(**given | fields | {"attn_implementation": "eager"})
