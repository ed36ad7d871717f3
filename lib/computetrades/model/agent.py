"""An agent: a client that sends a conversation, runs the tool that the answer asks for,
appends both, and sends it all again.

The server keeps nothing of a conversation but what its prefix cache happens to hold. What the lab's small
model cannot decide is decided here: that every answer calls a tool, until the last, which may not. Which
tool, on which file and line, with what text, is drawn from the model under the tools' grammar, so a call is
always valid and its content is Python-like noise.
"""
from __future__ import annotations

import ast
import functools
import itertools
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from . import grammar, weights
from .client import Answer, Client
from .engine import Engine
from .reply import folded
from .server import Server

FILES = {"parts.py": "node_to_part_ID_dict", "planar.py": "check_planarity_recursive",
         "subset.py": "_random_subset"}
"""File -> the function that it holds, taken from the text that the models never saw."""
SYSTEM = ("You are a coding agent. Read a file before you edit it. Keep the style of the code. "
          "Check the files when you are done.")
TASK = "Add a cache argument to each of these functions.\n"
SEED = 54
N_BLOCKS, BLOCK_SIZE, MAX_BATCH_TOKENS = 256, 16, 512


@dataclass(frozen=True)
class Call:
    """One call of the model and the tool that it led to.
    Token counts are those of the answer's usage fields."""
    sent: int            # tokens of the prompt, the whole conversation so far
    cached: int          # of these, found in the prefix cache
    output: int          # tokens of the answer
    request_bytes: int   # of the body that was sent
    stop_reason: str
    said: str            # the text of the answer; '' when it is a call
    tool: str = ""
    asked: str = ""      # the call's input, as JSON
    result: str = ""
    failed: bool = False

    @property
    def new(self) -> int:
        """Tokens of the prompt that went through the model."""
        return self.sent - self.cached


class Folder:
    """The tools, over the Python files of one folder: read a few lines, replace one,
    check that all files parse."""
    READ_LINES = 6

    def __init__(self, path: Path):
        self.path = path

    @property
    def names(self) -> list[str]:
        return sorted(file.name for file in self.path.glob("*.py"))

    @property
    def definitions(self) -> list[dict]:
        path, line = {"enum": self.names}, {"enum": list(range(1, 16))}
        return [_tool("Read", f"Show {self.READ_LINES} lines of a file from the given one on.", path=path,
                      line=line),
                _tool("Edit", "Replace one line of a file.", path=path, line=line,
                      text={"type": "string", "maxLength": 16}),
                _tool("Check", "Say which files are not valid Python.")]

    def run(self, name: str, given: dict) -> tuple[str, bool]:
        """(result, whether the tool failed). A line that is not there is told to the model,
        as the grammar could not know."""
        if name == "Check":
            broken = [name for name in self.names
                      if not _parses((self.path / name).read_text(encoding="utf-8"))]
            return (f"not valid: {', '.join(broken)}" if broken else "all files are valid"), False
        file, at = self.path / given["path"], given["line"] - 1
        lines = file.read_text(encoding="utf-8").split("\n")
        if at >= len(lines):
            return f"{file.name} has {len(lines)} lines", True
        if name == "Edit":
            file.write_text("\n".join([*lines[:at], given["text"], *lines[at + 1:]]), encoding="utf-8")
            return f"{file.name} line {at + 1} replaced", False
        return "\n".join(f"{n} {line}"
                         for n, line in enumerate(lines[at:at + self.READ_LINES], at + 1)), False


def message(answer: Answer) -> dict:
    """What the events of a stream add up to."""
    return folded([event.data for event in answer.events])


def loop(client: Client, tools: Folder, task: str, max_calls: int, **settings) -> list[Call]:
    """Ask, run, append, until the model stops calling tools;
    at call number max_calls it is no longer offered any."""
    turns, calls = [{"role": "user", "content": task}], []
    while True:
        choice = {"type": "any" if len(calls) + 1 < max_calls else "none"}
        body = {"model": "tiny", "stream": True, "messages": turns, "system": SYSTEM,
                "tools": tools.definitions, "tool_choice": choice, **settings}
        sent = grammar.compact(body).encode()
        said = message(client.send(sent))
        used, read = said["usage"], said["usage"]["cache_read_input_tokens"]
        prompt = used["input_tokens"] + used["cache_creation_input_tokens"] + read
        seen = (prompt, read, used["output_tokens"], len(sent))
        if said["stop_reason"] != "tool_use":
            return [*calls,
                    Call(*seen, said["stop_reason"], "".join(block["text"] for block in said["content"]))]
        block = said["content"][-1]
        result, failed = tools.run(block["name"], block["input"])
        calls.append(Call(*seen, "tool_use", "", block["name"], grammar.compact(block["input"]), result,
                          failed))
        turns += [{"role": "assistant", "content": said["content"]},
                  {"role": "user",
                   "content": [{"type": "tool_result", "tool_use_id": block["id"], "content": result,
                                                "is_error": failed}]}]


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
        return sum(one != other for one, other in zip(self.before, self.after))


@functools.cache
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
        tools = Folder(Path(folder))
        for name, text in files().items():
            (tools.path / name).write_text(text, encoding="utf-8")
        before = _contents(tools)
        task = TASK + "".join(f"# {name}\n{text}" for name, text in before)
        with Client(server.url) as client:
            calls = loop(client, tools, task, max_calls, temperature=temperature, max_tokens=max_tokens)
        log = tuple((body, grammar.compact(message(answer)["content"])) for body, answer in client.log)
        return Session(tuple(calls), before, _contents(tools), server.engine.computed_tokens, log)


@functools.cache
def answered_anew(body: bytes, number: int) -> str:
    """The content with which a server that has never seen the conversation answers one body of its log,
    as its reply `number`."""
    with _server(number, prefix_cache=True) as server, Client(server.url) as client:
        return grammar.compact(message(client.send(body))["content"])


def files() -> dict[str, str]:
    """Name -> text of the files at the start: one whole function each."""
    text = weights.held_out()
    return {name: re.search(rf"^def {function}\(.*?(?=^\S)", text, re.MULTILINE | re.DOTALL)[0].rstrip()
            + "\n" for name, function in FILES.items()}


def _server(first_number, prefix_cache):
    torch.set_num_threads(1)
    model, tokenizer = weights.load("tiny")
    server = Server(Engine(model, N_BLOCKS, BLOCK_SIZE, MAX_BATCH_TOKENS, prefix_cache), tokenizer, "tiny")
    server.numbers = itertools.count(first_number)   # a reply draws from the seed of its number
    return server


def _contents(tools):
    return tuple((name, (tools.path / name).read_text(encoding="utf-8")) for name in tools.names)


def _tool(name, description, **properties):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": description, "input_schema": schema}


def _parses(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
