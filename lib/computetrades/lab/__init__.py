"""The book's own small models, and what is measured on them. Needs torch.

corpus, train, model_card, checkpoints    the trained pair: "tiny" and its "draft";
                                          `python -m computetrades.lab.train` makes them anew
block_steps, embedding_table, position    the trained model taken apart: one block step by step,
                                          its table of vectors, what it makes of order
perplexity, cache_quality, context_extension    how well it predicts: at all, through any cache,
                                                at longer contexts
expert_balance    the load of experts
next_token, agent_session    one exchange with its server, kept as it went over the wire; a session of many
tensor_parallel    the model on several ranks against itself
tokens_per_byte    how densely a vocabulary packs texts
"""
