"""The body of a coding agent's request, built from data/request/ in the shape of the public Messages API.
Needs no torch.

It stands in for a private one: system prompt, tools and project note are written for this book, and the
conversation before the sentence is one in which the agent read real code, the lab's held-out text, so many
lines at a time, numbered as `cat -n` does.
"""
from __future__ import annotations

import json

from ..data import data_dir, read_yaml
from ..experiment import once
from ..tokenizers import cl100k

PARTS = ("system prompt", "tool schemas", "project note", "conversation", "files read", "the sentence")
"""What the tokens of a request are counted by, in the order in which a model reads them."""
MODEL, MAX_TOKENS = "claude-opus-4-7", 4096
"""As the essay's request has them."""
KEPT = {"cache_control": {"type": "ephemeral"}}
"""Marks the end of what a later request will begin with again."""


def build(n_reads: int, lines_per_read: int = 200) -> dict:
    """The request that asks for dark mode after the agent has read `n_reads` pieces of code,
    as the dict that JSON is made from.

    ValueError when there is not so much text,
    or a count is not a whole number of at least 0 (reads) or 1 (lines).
    """
    said, texts = _session(), _texts()
    blocks = [{"type": "text",
               "text": f"<system-reminder>\nThe project note:\n{texts['project.md']}</system-reminder>"}]
    messages = [{"role": "user", "content": blocks}]
    if pieces := _pieces(n_reads, lines_per_read):
        blocks.append({"type": "text", "text": said["ask"]})
        for i, piece in enumerate(pieces):
            messages += _read(i, piece, lines_per_read, said)
        messages += [{"role": "assistant", "content": [{"type": "text", "text": said["answer"]}]},
                     {"role": "user", "content": []}]
    messages[-1]["content"].append({"type": "text", "text": said["sentence"]} | KEPT)
    return {"model": MODEL, "max_tokens": MAX_TOKENS, "stream": True,
            "system": [{"type": "text", "text": texts["system.md"]} | KEPT], "tools": tools(),
            "messages": messages}


def tools() -> list[dict]:
    """The tools with their JSON schemas."""
    return json.loads(_texts()["tools.json"])


def json_bytes(body: dict) -> bytes:
    """The JSON that goes over the wire: no spaces, UTF-8, nothing but what JSON demands escaped,
    as JSON.stringify writes it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def outline(part, longest: int = 46, most: int = 3):
    """A body, or part of one, short enough to look at:
    texts cut to `longest` characters, lists to `most` entries."""
    if isinstance(part, dict):
        return {key: outline(value, longest, most) for key, value in part.items()}
    if isinstance(part, list):
        left = len(part) - most
        return [outline(value, longest, most)
                for value in part[:most]] + ([f"... and {left} more"] if left > 0 else [])
    return f"{part[:longest]}..." if isinstance(part, str) and len(part) > longest else part


def texts(body: dict) -> dict[str, list[str]]:
    """What the model reads of each of PARTS: texts as they are, without JSON's escapes;
    tools and their inputs as JSON.

    How a provider marks turns and blocks is private, so marks are not counted.
    """
    out: dict[str, list[str]] = {part: [] for part in PARTS}
    out["system prompt"] = [block["text"] for block in body["system"]]
    out["tool schemas"] = [json_bytes(tool).decode() for tool in body["tools"]]
    *spoken, sentence = (block for turn in body["messages"] for block in turn["content"])
    out["the sentence"] = [sentence["text"]]
    for block in spoken:
        if block["type"] == "tool_result":
            out["files read"].append(block["content"])
        elif block["type"] == "tool_use":
            out["conversation"].append(f"{block['name']} {json_bytes(block['input']).decode()}")
        else:
            out["project note" if block["text"].startswith("<system-reminder>")
                else "conversation"].append(block["text"])
    return out


@once
def part_tokens(n_reads: int, lines_per_read: int = 200) -> dict[str, int]:
    """Part -> tokens of cl100k_base in the request of `build`."""
    encode = cl100k.encoding().encode
    return {part: sum(len(encode(text, disallowed_special=())) for text in found)
            for part, found in texts(build(n_reads, lines_per_read)).items()}


def per_read(n_reads: int, lines_per_read: int = 200) -> float:
    """Tokens that a read adds, on average: the code, the call that fetched it, and what is said of it.

    0 when nothing is read.
    """
    found = part_tokens(n_reads, lines_per_read)
    return (found["files read"] + found["conversation"]) / max(n_reads, 1)


@once
def bare_tokens(n_reads: int, lines_per_read: int = 200) -> int:
    """Tokens of the same code without line numbers, in the same pieces."""
    encode = cl100k.encoding().encode
    lines = _code()[:n_reads * lines_per_read]
    return sum(len(encode("\n".join(lines[at:at + lines_per_read]), disallowed_special=()))
               for at in range(0, len(lines), lines_per_read))


@once
def size(n_reads: int, lines_per_read: int = 200) -> int:
    """Bytes of the request's JSON."""
    return len(json_bytes(build(n_reads, lines_per_read)))


def _read(i: int, piece: str, lines: int, said: dict) -> list[dict]:
    """One call of the Read tool and its result."""
    spoken = said["before_next"].format(n=i + 1) if i else said["before_first"]
    call = {"type": "tool_use", "id": f"toolu_{i + 1:024d}", "name": "Read",
            "input": {"path": said["path"], "offset": i * lines + 1, "limit": lines}}
    return [{"role": "assistant", "content": [{"type": "text", "text": spoken}, call]},
            {"role": "user",
             "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": piece}]}]


def _pieces(n_reads: int, lines_per_read: int) -> list[str]:
    for name, count, least in (("n_reads", n_reads, 0), ("lines_per_read", lines_per_read, 1)):
        if count != int(count) or count < least:
            raise ValueError(f"{name} is {count!r}; give a whole number of at least {least}")
    lines = _code()
    wanted = n_reads * lines_per_read
    if wanted > len(lines):
        raise ValueError(f"{n_reads} reads of {lines_per_read} lines want {wanted:,} lines, "
                         f"and the text has {len(lines):,}; ask for fewer")
    numbered = [f"{i:6}\t{line}" for i, line in enumerate(lines[:wanted], 1)]
    return ["\n".join(numbered[at:at + lines_per_read]) for at in range(0, wanted, lines_per_read)]


@once
def _code() -> list[str]:
    return (data_dir() / "models" / "held-out.txt").read_text(encoding="utf-8").splitlines()


@once
def _texts() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8")
            for path in sorted((data_dir() / "request").iterdir())}


@once
def _session() -> dict[str, str]:
    return read_yaml(data_dir() / "request" / "session.yaml")
