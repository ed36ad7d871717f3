"""The model lab: a small transformer with the mechanisms of the large ones, one room each.
Needs torch; nothing else here does.

config      what a model is: widths, layers, rotary scheme, experts
norm, rope, mask, attention, latent, mlp, moe    the parts of a block
transformer the whole, from token ids to logits
cache       where keys and values stay: contiguous, sliding, with sinks, quantised, paged
engine      many requests at once, over a paged cache
sampling, speculative    how a token is chosen, and how a small model helps a large one to several at a time
messages, reply, worker, server, grammar    the engine behind a streaming Messages interface
client, exchange    the other end of it: a plain reader of the stream,
                    and one exchange kept as it went over the wire
agent_request, agent    the body that a coding agent sends, and the loop:
                        client, tools over a folder, the next request
parallel    one model on several ranks, every collective counted
bpe, cl100k, o200k    the tokenizer, and two real vocabularies that need no download
samples, density     short texts of many kinds, and how densely a vocabulary packs them
corpus, train, card, weights    the trained pair: "tiny" and its "draft";
                                `python -m computetrades.model.train` makes them anew
anatomy, embeddings, order    the trained model taken apart: one block step by step,
                              its table of vectors, what it makes of order
perplexity, remembering, extension, balance    what is measured on it: through any cache,
                                               at longer contexts, the load of experts
"""
