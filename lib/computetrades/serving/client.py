"""A plain HTTP client for streams of server-sent events:
what a terminal does with the answer of server.py, and nothing more."""
from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One server-sent event: its name, its data read as JSON, and its bytes on the wire,
    the empty line at its end included."""
    name: str
    data: dict
    raw: bytes

    @property
    def text(self) -> str:
        """What it adds to the answer's text; nothing for most kinds."""
        return self.data.get("delta", {}).get("text", "")


@dataclass(frozen=True)
class Answer:
    """headers: of the response, names in lower case. events: in the order in which they came."""
    headers: dict[str, str]
    events: list[Event]

    @property
    def deltas(self) -> list[Event]:
        return [event for event in self.events if event.name == "content_block_delta"]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events)

    @property
    def n_bytes(self) -> int:
        """Of the body."""
        return sum(len(event.raw) for event in self.events)

    @property
    def n_deltas(self) -> int:
        """Events that bring a part of the content."""
        return len(self.deltas)

    @property
    def delta_bytes(self) -> int:
        """Of these events, all of each."""
        return sum(len(event.raw) for event in self.deltas)

    @property
    def text_bytes(self) -> int:
        """Of the text, in UTF-8."""
        return len(self.text.encode())

    @property
    def output_tokens(self) -> int:
        """Tokens of the answer, as its last usage field has them."""
        return self.usage("message_delta")["output_tokens"]

    def usage(self, name: str) -> dict:
        """The tokens counted by the first event of that name: message_start or message_delta."""
        data = next(event.data for event in self.events if event.name == name)
        return data.get("message", data)["usage"]


class Client:
    """One connection to one server, open until it is closed.
    `log` has each body that was sent, and its answer."""

    def __init__(self, url: str, timeout: float = 60.0):
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
        self.log: list[tuple[bytes, Answer]] = []

    def __enter__(self): return self

    def __exit__(self, *_): self.connection.close()

    def send(self, body: bytes) -> Answer:
        """POST a body that asks for a stream, and read the stream to its end.
        RuntimeError with the server's words when it refuses."""
        self.connection.request("POST", "/v1/messages", body, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"the server answered {response.status}: {response.read().decode()}")
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(headers, list(events(response)))
        self.log.append((body, answer))
        return answer


def ask(url: str, body: dict, timeout: float = 30.0) -> Answer:
    """One question over a connection of its own."""
    with Client(url, timeout) as client:
        return client.send(json.dumps(body | {"stream": True}).encode())


def events(lines) -> Iterator[Event]:
    """lines: of bytes, each with its end. An event ends with an empty line (WHATWG HTML, section 9.2).

    ValueError for a stream that breaks off in the middle of an event.
    """
    raw, fields = b"", {}
    for line in lines:
        raw += line
        name, _, value = line.rstrip(b"\r\n").partition(b": ")
        if name:
            fields[name.decode()] = value.decode()
        elif fields:
            yield Event(fields["event"], json.loads(fields["data"]), raw)
            raw, fields = b"", {}
    if raw.strip():
        raise ValueError(f"the stream ends in the middle of an event, after {raw[-60:]!r}: ask again")
