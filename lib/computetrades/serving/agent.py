"""An agent: a client that sends a conversation, runs the tool that the answer asks for,
appends both, and sends it all again.

The server keeps nothing of a conversation but what its prefix cache happens to hold. What the lab's small
model cannot decide is decided here: that every answer calls a tool, until the last, which may not. Which
tool, on which file and line, with what text, is drawn from the model under the tools' grammar, so a call is
always valid and its content is Python-like noise.
"""
from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from . import grammar
from .client import Answer, Client
from .stream import folded

SYSTEM = ("You are a coding agent. Read a file before you edit it. Keep the style of the code. "
          "Check the files when you are done.")


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


class FileTools:
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


def loop(client: Client, tools: FileTools, task: str, max_calls: int, **settings) -> list[Call]:
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


def _tool(name, description, **properties):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": description, "input_schema": schema}


def _parses(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
