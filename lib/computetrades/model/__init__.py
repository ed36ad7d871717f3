"""A transformer with the mechanisms of the large ones, one room each: the network alone. Needs torch.

config      what a model is: widths, layers, rotary scheme, experts
published_config    the same from a record of published dimensions
norm, rope, mask, attention, mla, mlp, moe    the parts of a block
transformer the whole, from token ids to logits
cache       where keys and values stay: contiguous, sliding, with sinks, quantised, paged
sampling, speculative    how a token is chosen, and how a small model helps a large one to several at a time
parallel    one model on several ranks, every collective counted
"""
