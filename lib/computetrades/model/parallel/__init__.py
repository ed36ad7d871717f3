"""One model on several ranks, each a process of its own with its part of the weights.

launch        run(n_ranks, function, *arguments): starts the ranks, gathers their results, leaves none behind
communicator  the collectives, each one counted
tensor        tensor_parallel: heads, feed-forward rows, experts' rows and the vocabulary split over the ranks
vocabulary    embedding and head by vocabulary, and sampling from logits that no rank has whole
expert        expert_parallel: experts spread over the ranks, all else whole on each, requests divided
decoding      prefill and decoding on a rank, with the traffic of each step; or one token without
              gathering the logits
comparison    a stored model on ranks against the same in one process, what was said counted

The parts of the model are the core's own, with fewer heads or rows;
what the ranks say to each other stands between them.

    run(4, generate, tensor_parallel, model, prompt, 8)      # a Decoding per rank
"""
from .communicator import Collective, Communicator, Tally, tallies
from .decoding import Decoding, choose, generate
from .expert import expert_parallel
from .launch import RankError, run
from .tensor import tensor_parallel

__all__ = ["Collective", "Communicator", "Decoding", "RankError", "Tally", "choose", "expert_parallel",
           "generate", "run", "tallies", "tensor_parallel"]
