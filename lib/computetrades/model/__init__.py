"""The model lab: a small transformer with the mechanisms of the large ones, one room each. Needs torch; nothing else here does.

config      what a model is: widths, layers, rotary scheme, experts
norm, rope, mask, attention, latent, mlp, moe    the parts of a block
transformer the whole, from token ids to logits
engine      many requests at once, over a paged cache
"""
