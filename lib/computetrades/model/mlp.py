"""The gated feed-forward layer (Shazeer 2020):
one projection opens or closes the other, element by element."""
import torch
from torch import nn
from torch.nn import functional as F


def gated(gate, up, activation: str):
    """activation(gate) * up. silu makes SwiGLU; gelu_tanh is Gemma's;
    clamped is GPT-OSS's, with both inputs bounded."""
    if activation == "clamped":
        gate, up = gate.clamp(max=7.0), up.clamp(-7.0, 7.0)
        return (up + 1) * gate * torch.sigmoid(1.702 * gate)
    return (F.silu(gate) if activation == "silu" else F.gelu(gate, approximate="tanh")) * up


class MLP(nn.Module):
    def __init__(self, hidden_size: int, intermediate_size: int, activation: str):
        super().__init__()
        self.activation = activation
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(gated(self.gate_proj(x), self.up_proj(x), self.activation))
