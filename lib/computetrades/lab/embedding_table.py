"""What the lab's trained table looks like, and the vocabulary split over real ranks:
the experiments of chapter 04.

Every function takes plain arguments, repeats to the bit and is kept once computed.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..experiment import once
from ..model.parallel import Communicator, Tally, run, tallies
from ..model.parallel.vocabulary import VocabularyParallelEmbedding, VocabularyParallelHead, sample
from . import checkpoints


@once
def weights(name: str = "tiny") -> np.ndarray:
    """[vocab_size, hidden_size], as trained; in the lab's models it is the output head as well."""
    return checkpoints.load(name)[0].embed.weight.detach().numpy()


@once
def vocabulary() -> tuple[str, ...]:
    """What each row stands for; bytes that are no text by themselves as they decode."""
    tokenizer = checkpoints.load_tokenizer()
    return tuple(tokenizer.decode([i]) for i in range(tokenizer.vocab_size))


def row_of(token: str) -> int:
    if token not in vocabulary():
        raise ValueError(f"the lab's vocabulary has no token {token!r}; "
                         "take one of computetrades.lab.embedding_table.vocabulary()")
    return vocabulary().index(token)


def row(token: str) -> np.ndarray:
    """[hidden_size]: the vector that the model gets for a token."""
    return weights()[row_of(token)]


@once
def _directions() -> np.ndarray:
    """The rows without what they all share, their mean, at length one;
    the cosine of two rows is their product."""
    centred = weights() - weights().mean(axis=0)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


def neighbours(token: str, n: int) -> list[tuple[str, float]]:
    """The n closest tokens and the cosine of the angle to them, closest first;
    the token itself is left out."""
    cosines = _directions() @ _directions()[row_of(token)]
    order = [i for i in np.argsort(-cosines, kind="stable") if i != row_of(token)]
    return [(vocabulary()[i], float(cosines[i])) for i in order[:n]]


@once
def twins(shortest: int = 3) -> tuple[tuple[str, str], ...]:
    """Pairs of tokens that are one word with and without the space before it,
    at least so many letters long."""
    known = set(vocabulary())
    return tuple((" " + word, word) for word in vocabulary()
                 if word.isalpha() and len(word) >= shortest and " " + word in known)


@dataclass(frozen=True)
class TwinsFound:
    """words: how many have a twin. share: of them, where the twin is among the closest neighbours."""
    words: int
    share: float


@once
def twins_found(n: int, shortest: int = 3) -> TwinsFound:
    """Of the pairs in `twins`, where the second is among the n closest neighbours of the first.

    By chance that share would be n / (vocab_size - 1).
    """
    found = [twin in (name for name, _ in neighbours(word, n)) for word, twin in twins(shortest)]
    return TwinsFound(len(found), sum(found) / len(found))


@dataclass(frozen=True)
class Spread:
    """sigma: standard deviation of all weights. largest: the largest of them, in sigmas. dimension: root mean
    square of the strongest column over the median column's."""
    sigma: float
    largest: float
    dimension: float


@once
def crowd(cosine: float = 0.99) -> tuple[int, ...]:
    """Rows that point nearly where the longest row points:
    those of tokens that the training text never holds, or hardly ever.

    No step pulls such a row to a place of its own, and each pushes it, with all others of its kind, away from
    the vector that asks for the token that did come (Yu et al. 2022, arXiv 2109.03127).
    """
    directions = weights() / np.linalg.norm(weights(), axis=1, keepdims=True)
    longest = np.linalg.norm(weights(), axis=1).argmax()
    return tuple(np.flatnonzero(directions @ directions[longest] > cosine).tolist())


def crowd_size(cosine: float = 0.99) -> int:
    """How many rows are in the crowd."""
    return len(crowd(cosine))


@once
def spread(name: str = "tiny", crowded: bool = True) -> Spread:
    """How the table's weights spread. crowded: with the rows of the lab model's crowd, or without."""
    all_weights = weights(name).astype(np.float64)
    if not crowded:
        all_weights = np.delete(all_weights, crowd(), axis=0)
    sigma, columns = all_weights.std(), np.sqrt((all_weights ** 2).mean(axis=0))
    return Spread(*map(float, (sigma, np.abs(all_weights).max() / sigma, columns.max() / np.median(columns))))


def histogram(edges: tuple[float, ...]) -> list[float]:
    """Share of the table's weights between neighbouring edges, which are in sigmas."""
    counts, _ = np.histogram(weights() / weights().std(), bins=edges)
    return [float(c) / weights().size for c in counts]


@once
@torch.no_grad()
def swap(text: str, token: str, other: str) -> float:
    """Largest difference between the model's logits on `text` with `other` in place of `token`, and on `text`
    itself when the token's row of the embedding has been replaced by the other's. The logits of the token
    itself, whose row is also a row of the tied head, are left out.
    0.0 means that the row is all that the model sees of a token.
    """
    torch.set_num_threads(1)
    model, tokenizer = checkpoints.load("tiny")
    here, there = row_of(token), row_of(other)
    ids = torch.tensor([tokenizer.encode(text)])
    if here not in ids:
        raise ValueError(f"{text!r} holds no token {token!r}; give a text that is encoded with it")
    wanted = model(ids.where(ids != here, there))
    model.embed.weight[here] = model.embed.weight[there]
    difference = (model(ids) - wanted).abs()
    difference[..., here] = 0
    return float(difference.max())


@dataclass(frozen=True)
class Split:
    """What one of the ranks saw. rows: how many of the table it holds. traffic: purpose -> Tally. difference:
    largest, of the vectors looked up and the logits, against one table in one process. agrees: whether the
    token chosen from slices is theirs."""
    rows: int
    traffic: dict[str, Tally]
    difference: float
    agrees: bool


@once
def split(n_ranks: int, vocab_size: int, width: int, n_tokens: int, seed: int = 4) -> tuple[Split, ...]:
    """A vocabulary split over so many processes: n_tokens looked up, then logits for the last of them,
    gathered whole, and once more with each rank's best alone. One Split per rank."""
    return tuple(run(n_ranks, _on_rank, vocab_size, width, n_tokens, seed))


@torch.no_grad()
def _on_rank(communicator: Communicator, vocab_size: int, width: int, n_tokens: int, seed: int) -> Split:
    """The whole table is made here too, from the seed, for the comparison;
    the rank's modules keep their rows of it alone."""
    generator = torch.Generator().manual_seed(seed)
    whole = torch.randn(vocab_size, width, generator=generator)
    ids = torch.randint(vocab_size, (1, n_tokens), generator=generator)
    embed = VocabularyParallelEmbedding(whole, communicator)
    head = VocabularyParallelHead(whole, communicator, gathers=True)
    x = embed(ids)
    logits, wanted = head(x[:, -1:]), torch.nn.functional.embedding(ids, whole)
    head.gathers = False
    chosen = sample(head(x[:, -1:]), vocab_size, communicator)
    expected = wanted[:, -1:] @ whole.T
    difference = max((x - wanted).abs().max(), (logits - expected).abs().max())
    return Split(len(embed.tokens), tallies(communicator.log), float(difference),
                 bool((chosen == expected.argmax(-1)).all()))
