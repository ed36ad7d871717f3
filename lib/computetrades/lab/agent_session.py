"""One session of the agent, on the lab's model behind a server of its own: the same arguments,
the same calls, and what each of them sent, found and did."""
from __future__ import annotations

import itertools
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from ..experiment import filed, once
from ..serving import grammar
from ..serving.agent import Call, FileTools, loop, message
from ..serving.client import Client
from ..serving.engine import Engine
from ..serving.server import Server
from . import checkpoints

FILES = {"parts.py": "node_to_part_ID_dict", "planar.py": "check_planarity_recursive",
         "subset.py": "_random_subset"}
"""File -> the function that it holds, taken from the text that the models never saw."""
TASK = "Add a cache argument to each of these functions.\n"
SEED = 54
N_BLOCKS, BLOCK_SIZE, MAX_BATCH_TOKENS = 256, 16, 512


@dataclass(frozen=True)
class Session:
    """What came of a task: the calls, each file before and after, the tokens that went through the model, and
    for each call the body that was sent and the content that came back."""
    calls: tuple[Call, ...]
    before: tuple[tuple[str, str], ...]
    after: tuple[tuple[str, str], ...]
    computed: int
    log: tuple[tuple[bytes, str], ...]

    @property
    def n_calls(self) -> int:
        return len(self.calls)

    @property
    def sent(self) -> int:
        """Tokens of the prompts of all calls."""
        return sum(call.sent for call in self.calls)

    @property
    def cached(self) -> int:
        """Of these, found in the prefix cache."""
        return sum(call.cached for call in self.calls)

    @property
    def failed(self) -> int:
        """Tool runs that failed."""
        return sum(call.failed for call in self.calls)

    @property
    def edited(self) -> int:
        """Files that are no longer what they were."""
        return sum(one != other for one, other in zip(self.before, self.after, strict=True))


@filed
def session(max_calls: int = 22, seed: int = SEED, temperature: float = 0.8, max_tokens: int = 80,
            prefix_cache: bool = True) -> Session:
    """One task on the lab's model "tiny", behind a server of its own, in a temporary folder;
    the same arguments, the same session.

    ValueError for fewer than one call.
    """
    if max_calls < 1:
        raise ValueError(f"max_calls cannot be {max_calls}: a session has at least 1 call")
    server = _server(seed, prefix_cache)
    with tempfile.TemporaryDirectory() as folder, server:
        tools = FileTools(Path(folder))
        for name, text in files().items():
            (tools.path / name).write_text(text, encoding="utf-8")
        before = _contents(tools)
        task = TASK + "".join(f"# {name}\n{text}" for name, text in before)
        with Client(server.url) as client:
            calls = loop(client, tools, task, max_calls, temperature=temperature, max_tokens=max_tokens)
        log = tuple((body, grammar.compact(message(answer)["content"])) for body, answer in client.log)
        return Session(tuple(calls), before, _contents(tools), server.engine.computed_tokens, log)


@once
def answered_anew(body: bytes, number: int) -> str:
    """The content with which a server that has never seen the conversation answers one body of its log,
    as its reply `number`."""
    with _server(number, prefix_cache=True) as server, Client(server.url) as client:
        return grammar.compact(message(client.send(body))["content"])


def files() -> dict[str, str]:
    """Name -> text of the files at the start: one whole function each."""
    text = checkpoints.held_out()
    return {name: re.search(rf"^def {function}\(.*?(?=^\S)", text, re.MULTILINE | re.DOTALL)[0].rstrip()
            + "\n" for name, function in FILES.items()}


def _server(first_number, prefix_cache):
    torch.set_num_threads(1)
    model, tokenizer = checkpoints.load("tiny")
    server = Server(Engine(model, N_BLOCKS, BLOCK_SIZE, MAX_BATCH_TOKENS, prefix_cache), tokenizer, "tiny")
    server.numbers = itertools.count(first_number)   # a reply draws from the seed of its number
    return server


def _contents(tools):
    return tuple((name, (tools.path / name).read_text(encoding="utf-8")) for name in tools.names)
