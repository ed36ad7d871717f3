"""The model lab: a small transformer with the mechanisms of the large ones, one room each. Needs torch; nothing else here does.

config      what a model is: widths, layers, rotary scheme, experts
norm, rope, mask, attention, latent, mlp, moe    the parts of a block
transformer the whole, from token ids to logits
cache       where keys and values stay: contiguous, sliding, with sinks, quantised, paged
engine      many requests at once, over a paged cache
sampling, speculative    how a token is chosen, and how a small model helps a large one to several at a time
messages, reply, worker, server, grammar    the engine behind a streaming Messages interface
parallel    one model on several ranks, every collective counted
bpe, cl100k the tokenizer, and a real vocabulary that needs no download
corpus, train, card, weights    the trained pair: "tiny" and its "draft"; `python -m computetrades.model.train` makes them anew
anatomy     one block of them taken apart, step by step, on a real text
perplexity, extension, balance    what is measured on them: through any cache, at longer contexts, the load of experts
"""
