"""Speculative decoding in closed form:
what drafts bring when each is taken with the same probability (Leviathan et al. 2023)."""


def tokens_per_step(acceptance, k):
    """Mean tokens per pass of the target with k drafts: the drafts taken, and one of its own.
    Equation 1 of the paper.

    acceptance is a probability below 1; at 1 every draft is taken and the limit is k + 1.
    """
    return (1 - acceptance ** (k + 1)) / (1 - acceptance)


def speedup(acceptance, k, draft_cost):
    """Over decoding with the target alone, while checking k + 1 tokens takes it as long as one.
    Theorem 3.8 of the paper.

    draft_cost: time of one pass of the draft as a share of one of the target.
    """
    return tokens_per_step(acceptance, k) / (k * draft_cost + 1)
