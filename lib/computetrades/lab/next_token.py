"""What passes between a client and the lab's server, and what the model computes for it:
functions of the request's JSON.

Each is computed once per process: a body is a str, so that a notebook that runs again gets what it got
before. Greedy requests give the same bytes each time; the server numbers its messages from 1.
"""
from __future__ import annotations

import json

import torch

from ..experiment import once
from ..model.sampling import Sampler, greedy
from ..serving import client, grammar, schema
from ..serving.engine import Engine
from ..serving.server import Server
from . import checkpoints

BLOCKS, BLOCK_SIZE, BUDGET = 64, 16, 512


@once
def exchange(*bodies: str) -> tuple[client.Answer, ...]:
    """Start a server with the trained model on a free port of 127.0.0.1,
    send it the bodies one after the other, stop it."""
    model, tokenizer = _pair()
    with Server(_engine(model), tokenizer, "tiny") as server:
        return tuple(client.ask(server.url, json.loads(body)) for body in bodies)


def answered(body: str) -> client.Answer:
    """What a server that has just started answers to one request."""
    return exchange(body)[0]


@once
def prompt(body: str) -> tuple[int, ...]:
    """Token ids of what the model reads for a request."""
    written = schema.parse_request(body.encode()).written()
    return tuple(token for piece in written for token in _pair()[1].encode(piece))


def prompt_tokens(body: str) -> int:
    """How many tokens the model reads for a request."""
    return len(prompt(body))


@once
@torch.no_grad()
def last_vector(body: str) -> torch.Tensor:
    """[hidden_size] behind the last layer and its norm, at the prompt's last token:
    what the head is multiplied with.

    The trained model's head is its embedding table, so the logits are this vector times each row of it.
    """
    model, seen = _pair()[0], []
    hook = model.norm.register_forward_hook(lambda module, given, out: seen.append(out[0, -1]))
    try:
        model(torch.tensor([prompt(body)]))
    finally:
        hook.remove()
    return seen[0]


@once
@torch.no_grad()
def next_logits(body: str) -> torch.Tensor:
    """[vocab_size]: the scores from which the first token of the answer is chosen."""
    return _pair()[0](torch.tensor([prompt(body)]))[0, -1]


def best_scores(body: str, n: int) -> tuple[float, ...]:
    """The n largest of these scores, the largest first. Four digits are the same on every processor."""
    return tuple(next_logits(body).topk(n).values.tolist())


def tokens_left(body: str, temperature: float = 1.0, top_k: int | None = None, top_p: float = 1.0,
                min_p: float = 0.0) -> int:
    """How many tokens could begin the answer sampled so. ValueError for a setting that cannot be."""
    return int((Sampler(temperature, top_k, top_p, min_p).probabilities(next_logits(body)) > 0).sum())


@once
def computed_tokens(body: str) -> int:
    """How many tokens went through the layers for the whole greedy answer, the prompt included."""
    engine = _engine(_pair()[0])
    engine.submit(list(prompt(body)), json.loads(body)["max_tokens"], greedy)
    engine.run()
    return engine.computed_tokens


@once
def allowed_tokens(body: str, call: str = "") -> tuple[int, ...]:
    """Ids that may come next when the request's tools have been called as far as `call`:
    'Read {"file', say."""
    pattern = grammar.calls(schema.parse_request(body.encode()).callable_tools)
    return tuple(token for token, piece in enumerate(_pieces())
                 if piece and pattern.fullmatch(call.encode() + piece, partial=True) is not None)


def n_allowed(body: str, call: str = "") -> int:
    """How many ids may come next when the call has been written as far as `call`."""
    return len(allowed_tokens(body, call))


def shown(token: int) -> str:
    """A token as readers can tell it: a leading space as a middle dot, others escaped."""
    if token == _pair()[1].end:
        return "<end>"
    text = _pieces()[token].decode("utf-8", "backslashreplace").encode("unicode_escape").decode()
    return text.replace(" ", "·")


@once
def _pieces() -> list[bytes]:
    tokenizer = _pair()[1]
    return [tokenizer.decode_bytes([token]) for token in range(tokenizer.vocab_size)]


@once
def _pair():
    torch.set_num_threads(1)
    return checkpoints.load("tiny")


def _engine(model) -> Engine:
    return Engine(model, BLOCKS, BLOCK_SIZE, BUDGET)
