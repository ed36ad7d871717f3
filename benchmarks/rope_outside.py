"""Rotary frequencies of Llama 3.1's heads as Hugging Face Transformers computes them,
for chapter 05 to compare with.

`python benchmarks/rope_outside.py > data/facts/lab/rope-outside.yaml`; needs the extra `oracles`.
"""
import datetime

import transformers
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

PAIRS = (0, 16, 30, 32, 34, 40, 63)
THETA, WIDTH, TRAINED, FACTOR = 500_000.0, 128, 8192, 8.0
SCALED = {"factor": FACTOR, "original_max_position_embeddings": TRAINED}
KINDS = {"linear": ("linear", {"factor": FACTOR}), "ntk": ("dynamic", {"factor": 1.0}),
         "yarn": ("yarn", SCALED),
         "llama3": ("llama3", SCALED | {"low_freq_factor": 1.0, "high_freq_factor": 4.0})}


def frequencies(scheme: str) -> str:
    """NTK-aware is the library's 'dynamic' kind, read at FACTOR times the trained length."""
    kind, given = KINDS[scheme]
    config = LlamaConfig(hidden_size=1024, num_attention_heads=8, head_dim=WIDTH,
                         max_position_embeddings=TRAINED if scheme == "ntk" else int(TRAINED * FACTOR),
                         rope_parameters={"rope_type": kind, "rope_theta": THETA, **given})
    found = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=int(TRAINED * FACTOR))[0]
    # float32 keeps seven digits; the last is the processor's.
    return " ".join(f"{float(found[pair]):.6g}" for pair in PAIRS)


if __name__ == "__main__":
    print(f"""# Rotary frequencies by Transformers. Written by `python benchmarks/rope_outside.py`.

rope-outside:
  label: Rotary frequencies by Transformers {transformers.__version__}
  source: hugging-face-transformers-5
  as_of: '{datetime.date.today()}'
  kind: measured
  theta: {THETA:.0f}
  width: {WIDTH}
  factor: {FACTOR:g}
  trained_context: {TRAINED} token
  pairs: {{text: '{" ".join(map(str, PAIRS))}'}}""")
    for scheme in KINDS:
        print(f"  {scheme}: {{text: '{frequencies(scheme)}', "
              f"label: 'Radians per token of those pairs, {scheme}'}}")
    print("  command: {text: python benchmarks/rope_outside.py}")
