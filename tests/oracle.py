"""Small random models of Hugging Face Transformers, and the same model as ours with the same weights."""
from __future__ import annotations

import torch
import transformers as hf

from computetrades.model.config import FULL, SLIDING, Experts, Latent, ModelConfig, Rope
from computetrades.model.transformer import Transformer

SIZES = {"vocab_size": 97, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4,
         "num_attention_heads": 8, "max_position_embeddings": 512, "attn_implementation": "eager"}
OURS = {"vocab_size": 97, "hidden_size": 64, "intermediate_size": 96, "n_layers": 4, "n_heads": 8}
YARN = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0, "original_max_position_embeddings": 64,
        "beta_fast": 32.0, "beta_slow": 1.0}


def llama(rope=None, ours_rope=None):
    theirs = hf.LlamaConfig(**SIZES, num_key_value_heads=2, rms_norm_eps=1e-5,
                            rope_parameters=rope or {"rope_type": "default", "rope_theta": 10_000.0})
    return pair(hf.LlamaForCausalLM, theirs, ModelConfig(**OURS, n_kv_heads=2, rope=ours_rope or Rope()))


def mistral():
    theirs = hf.MistralConfig(**SIZES, num_key_value_heads=4, head_dim=16, sliding_window=7,
                              rms_norm_eps=1e-6,
                              rope_parameters={"rope_type": "default", "rope_theta": 10_000.0})
    return pair(hf.MistralForCausalLM, theirs,
                ModelConfig(**OURS, n_kv_heads=4, head_dim=16, layer_kinds=(SLIDING,), window=7,
                            norm_eps=1e-6))


def gemma2():
    theirs = hf.Gemma2Config(**SIZES, num_key_value_heads=4, head_dim=16, sliding_window=7,
                             query_pre_attn_scalar=24, attn_logit_softcapping=5.0,
                             final_logit_softcapping=3.0,
                             layer_types=["sliding_attention", "full_attention"] * 2,
                             rope_parameters={"rope_type": "default", "rope_theta": 10_000.0})
    ours = ModelConfig(**OURS, n_kv_heads=4, head_dim=16, layer_kinds=(SLIDING, FULL), window=7,
                       query_scale=24 ** -0.5, attention_softcap=5.0, logit_softcap=3.0,
                       activation="gelu_tanh", sandwich_norm=True, embedding_scale=64 ** 0.5,
                       tied_embeddings=True, norm_eps=1e-6)
    return pair(hf.Gemma2ForCausalLM, theirs, ours)


def mixtral():
    theirs = hf.MixtralConfig(**SIZES, num_key_value_heads=2, num_local_experts=6, num_experts_per_tok=2,
                              sliding_window=None,
                              rope_parameters={"rope_type": "default", "rope_theta": 10_000.0})
    ours = ModelConfig(**OURS, n_kv_heads=2, experts=Experts(6, 2, 96))
    return pair(hf.MixtralForCausalLM, theirs, ours)


def deepseek_v3():
    theirs = hf.DeepseekV3Config(**SIZES, num_key_value_heads=8, q_lora_rank=24, kv_lora_rank=16,
                                 qk_nope_head_dim=12, qk_rope_head_dim=8, v_head_dim=10,
                                 moe_intermediate_size=32, n_routed_experts=8, num_experts_per_tok=3,
                                 n_shared_experts=2, first_k_dense_replace=1, n_group=4, topk_group=2,
                                 norm_topk_prob=True, routed_scaling_factor=2.5, rope_interleave=True,
                                 rope_parameters=YARN | {"mscale": 1.0, "mscale_all_dim": 1.0})
    scale = 0.1 * torch.tensor(4.0).log().item() + 1
    ours = ModelConfig(**OURS, latent=Latent(24, 16, 12, 8, 10), query_scale=20 ** -0.5 * scale ** 2,
                       norm_eps=1e-6,
                       rope=Rope(scheme="yarn", factor=4.0, trained_context=64, attention_factor=1.0),
                       experts=Experts(8, 3, 32, n_shared_experts=2, router="sigmoid", scaling=2.5,
                                       n_groups=4, n_limited_groups=2, n_dense_layers=1))
    return pair(hf.DeepseekV3ForCausalLM, theirs, ours)


def gpt_oss():
    theirs = hf.GptOssConfig(**SIZES, num_key_value_heads=2, head_dim=16, num_local_experts=6,
                             num_experts_per_tok=2, sliding_window=7,
                             layer_types=["sliding_attention", "full_attention"] * 2,
                             rope_parameters=YARN | {"truncate": False})
    ours = ModelConfig(**OURS, n_kv_heads=2, head_dim=16, attention_bias="qkvo", attention_sinks=True,
                       layer_kinds=(SLIDING, FULL), window=7, activation="clamped",
                       experts=Experts(6, 2, 96, bias=True),
                       rope=Rope(scheme="yarn", factor=4.0, trained_context=64, truncate=False))
    return pair(hf.GptOssForCausalLM, theirs, ours)


ARCHITECTURES = {f.__name__: f for f in (llama, mistral, gemma2, mixtral, deepseek_v3, gpt_oss)}


def pair(architecture, their_config, our_config):
    """(theirs, ours): random weights, large enough that every part of the model matters,
    copied from the one to the other."""
    torch.manual_seed(0)
    theirs = architecture(their_config).eval()
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(torch.randn_like(p) * 0.15)
        for name, buffer in theirs.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.copy_(torch.randn_like(buffer) * 0.3)
    ours = Transformer(our_config).eval()
    ours.load_state_dict(dict(translated(theirs, our_config)))
    return theirs, ours


def translated(theirs, config: ModelConfig):
    """Their tensors under our names: pairs are laid out as we rotate them,
    Gemma's norms carry their one, experts are stacked."""
    for name, tensor in theirs.state_dict().items():
        name = name.removeprefix("model.").replace("layers.", "blocks.")
        name = name.replace("self_attn.", "attention.").replace("embed_tokens", "embed")
        norm = "after_attention" if config.sandwich_norm else "before_feed_forward"
        name = name.replace("post_attention_layernorm", f"norms.{norm}")
        for old, new in NAMES:
            name = name.replace(old, new)
        if name == "lm_head.weight":
            if config.tied_embeddings:
                continue
            name = "head.weight"
        if "norm" in name and config.sandwich_norm:
            tensor = tensor + 1
        if config.latent and name.endswith(("q_b_proj.weight", "kv_a_proj.weight")):
            tensor = paired_halves(tensor, config, name)
        if config.experts and name.endswith(("gate_up", "down", "gate_up_bias")) and config.experts.bias:
            tensor = gpt_oss_expert(tensor, name)
        yield name, tensor


NAMES = (("q_a_layernorm", "q_a_norm"), ("kv_a_layernorm", "kv_a_norm"), ("kv_a_proj_with_mqa", "kv_a_proj"),
         ("input_layernorm", "norms.before_attention"),
         ("pre_feedforward_layernorm", "norms.before_feed_forward"),
         ("post_feedforward_layernorm", "norms.after_feed_forward"),
         ("block_sparse_moe.", "feed_forward."), ("mlp.", "feed_forward."),
         ("gate.e_score_correction_bias", "router.balance"), ("shared_experts.", "shared."),
         ("experts.gate_up_proj", "gate_up"),
         ("experts.down_proj", "down"), ("router.weight", "router.proj.weight"),
         ("router.bias", "router.proj.bias"), ("feed_forward.gate.weight", "feed_forward.router.proj.weight"))


def paired_halves(tensor, config, name):
    """DeepSeek's checkpoints keep the two elements of a pair side by side; ours stand half a width apart."""
    c, rows = config.latent, []
    heads, width = ((config.n_heads, c.qk_nope_head_dim + c.qk_rope_head_dim) if "q_b" in name
                    else (1, tensor.shape[0]))
    for head in tensor.view(heads, width, -1):
        plain, turned = head.split([width - c.qk_rope_head_dim, c.qk_rope_head_dim])
        rows += [plain, turned[0::2], turned[1::2]]
    return torch.cat(rows)


def gpt_oss_expert(tensor, name):
    """GPT-OSS multiplies from the other side, and interleaves gate and up."""
    if name.endswith("gate_up_bias"):
        return torch.cat([tensor[:, 0::2], tensor[:, 1::2]], dim=1)
    tensor = tensor.transpose(1, 2)
    return torch.cat([tensor[:, 0::2], tensor[:, 1::2]], dim=1) if name.endswith("gate_up") else tensor
