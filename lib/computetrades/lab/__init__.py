"""The book's own small models, and what is measured on them. Needs torch.

corpus, train, card, weights    the trained pair: "tiny" and its "draft";
                                `python -m computetrades.lab.train` makes them anew
anatomy, embeddings, order    the trained model taken apart: one block step by step,
                              its table of vectors, what it makes of order
perplexity, remembering, extension, balance    through any cache, at longer contexts, the load of experts
exchange, agent_session    one exchange with its server, kept as it went over the wire; a session of many
comparison  the model on several ranks against itself
density     how densely a vocabulary packs texts
"""
