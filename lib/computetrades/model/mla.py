"""Multi-head latent attention (DeepSeek-V2, section 2.1): one short vector per token is cached, and all
heads' keys and values are projections of it.
Only a small rotary key, shared by the heads, stands beside it."""
import torch
from torch import nn

from . import rope
from .attention import _merge, _split, attend
from .config import ModelConfig
from .mask import visible
from .norm import RMSNorm


class LatentAttention(nn.Module):
    def __init__(self, config: ModelConfig, layer: int):
        super().__init__()
        self.config = config
        self.layer = layer
        c = config.latent
        q_width = c.qk_nope_head_dim + c.qk_rope_head_dim
        self.q_a_proj = nn.Linear(config.hidden_size, c.q_lora_rank, bias=False)
        self.q_a_norm = RMSNorm(c.q_lora_rank, config.norm_eps)
        self.q_b_proj = nn.Linear(c.q_lora_rank, config.n_heads * q_width, bias=False)
        self.kv_a_proj = nn.Linear(config.hidden_size, c.kv_lora_rank + c.qk_rope_head_dim, bias=False)
        self.kv_a_norm = RMSNorm(c.kv_lora_rank, config.norm_eps)
        self.kv_b_proj = nn.Linear(c.kv_lora_rank, config.n_heads * (c.qk_nope_head_dim + c.v_head_dim),
                                   bias=False)
        self.o_proj = nn.Linear(config.n_heads * c.v_head_dim, config.hidden_size, bias=False)

    def forward(self, x, positions, cache):
        """x [batch, tokens, hidden], positions [batch, tokens] -> [batch, tokens, hidden]."""
        c = self.config.latent
        q = _split(self.q_b_proj(self.q_a_norm(self.q_a_proj(x))), c.qk_nope_head_dim + c.qk_rope_head_dim)
        latent, k_rope = self.kv_a_proj(x).split([c.kv_lora_rank, c.qk_rope_head_dim], dim=-1)
        parts = cache.extend(self.layer, k_rope[:, None], self.kv_a_norm(latent)[:, None], positions)
        out = [self._attend(q[:, :, part.queries], part) for part in parts]
        return self.o_proj(_merge(torch.cat(out, dim=2)))

    def _attend(self, q, part):
        config, c = self.config, self.config.latent
        turned = (rope.frequencies(config.rope, c.qk_rope_head_dim).to(q.device),
                  rope.attention_factor(config.rope))
        q_nope, q_rope = q.split([c.qk_nope_head_dim, c.qk_rope_head_dim], dim=-1)
        k_nope, v = _split(self.kv_b_proj(part.second[:, 0]), c.qk_nope_head_dim + c.v_head_dim).split(
            [c.qk_nope_head_dim, c.v_head_dim], dim=-1)
        k_rope = rope.rotate(part.first, part.key_positions, *turned).expand(-1, config.n_heads, -1, -1)
        q = torch.cat([q_nope, rope.rotate(q_rope, part.query_positions, *turned)], dim=-1)
        seen = visible(part.query_positions, part.key_positions, config.layer_kind(self.layer), config.window)
        return attend(q, torch.cat([k_nope, k_rope], dim=-1), v, seen,
                      config.query_scale or q.shape[-1] ** -0.5)
