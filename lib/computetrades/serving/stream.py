"""One answer while it is being written: which tokens may come next,
and what each means as events of the Messages stream.

Text goes out as it comes, except an end that may still turn out to be the start of a mark. When the model
writes the mark of a tool call, or was told to begin with it, the tools' grammar decides from there on which
tokens are allowed: the content of a call is the model's own choice, its form cannot be wrong.
One call ends the answer.
"""
from __future__ import annotations

import codecs
import json

import torch

from ..model.sampling import Sampler
from . import grammar
from .schema import END, MessagesRequest

OPEN, CLOSE = grammar.OPEN.encode(), grammar.CLOSE.encode()
PAYLOAD = {"text_delta": "text", "input_json_delta": "partial_json"}
"""Where a delta of each type keeps what was written."""


class Reply:
    """vocabulary: the bytes of every token id. job: the engine's Request, set when it has been submitted.

    The n-th reply of a server draws from seed n. ValueError for tools whose schema calls cannot be held to.
    """

    def __init__(self, request: MessagesRequest, vocabulary: list[bytes], number: int):
        self.request = request
        self.vocabulary = vocabulary
        self.number = number
        self.job = None
        self.sampler = Sampler(request.temperature, request.top_k, request.top_p, seed=number)
        self.grammar = grammar.calls(request.callable_tools) if request.callable_tools else None
        self.stops = {END.encode(): ("end_turn", None),
                      **{s.encode(): ("stop_sequence", s) for s in request.stop_sequences}}
        self.call = b"" if request.must_call else None   # what stands behind the mark of a call
        self.held = b""                                  # written and not given out
        # stop_reason and stop_sequence, once the text itself has ended
        self.stop: tuple[str, str | None] | None = None
        # Of the content block that is open
        self.index = -1        # its place
        self.kind = ""         # of its deltas
        self.decoder = None    # of its bytes
        self.started = False

    def choose(self, logits: torch.Tensor) -> int:
        """logits [vocab_size] -> an allowed token id."""
        if self.grammar:
            allowed = torch.tensor([self._allows(piece) for piece in self.vocabulary], device=logits.device)
            logits = logits.masked_fill(~allowed, float("-inf"))
        return self.sampler(logits)

    def _allows(self, piece: bytes) -> bool:
        if self.call is not None:
            return bool(piece) and self._may_become_a_call(self.call + piece)
        if b">" not in piece:
            return True   # it cannot complete the mark
        _, mark, call = (self.held + piece).partition(OPEN)
        return not mark or self._may_become_a_call(call)

    def _may_become_a_call(self, call):
        return self.grammar.fullmatch(call, partial=True) is not None

    def take(self, token: int) -> list[dict]:
        """The events that one more token brings."""
        events = [] if self.started else [self._start()]
        piece = self.vocabulary[token]
        self.held += piece
        if self.call is None:
            events += self._text()
        else:
            self.call += piece
        if self.call is not None:
            events += self._call()
        return events

    def end(self) -> list[dict]:
        """The last events, when `stop` is set or the engine is done."""
        events = [] if self.started else [self._start()]
        if self.call is None and not self.stop:
            events += self._say(self.held)   # no mark after all; of a call, what is held back is dropped
        reason, sequence = self.stop or (self._engine_reason(), None)
        return events + self._close() + [
            {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": sequence},
             "usage": self.usage()},
            {"type": "message_stop"}]

    def usage(self) -> dict:
        """Tokens. The prompt is in three parts: found in the cache, left there in further full blocks,
        and the rest behind them."""
        job = self.job
        return {"input_tokens": len(job.prompt_ids) - job.cached_tokens - job.written_tokens,
                "cache_creation_input_tokens": job.written_tokens,
                "cache_read_input_tokens": job.cached_tokens, "output_tokens": len(job.output_ids)}

    def _engine_reason(self):
        if self.job.finish_reason == "stop":
            return "end_turn"
        return ("max_tokens" if self.job.max_tokens == self.request.max_tokens
                else "model_context_window_exceeded")

    def _start(self):
        self.started = True
        return {"type": "message_start", "message": {
            "id": f"msg_{self.number:08d}", "type": "message", "role": "assistant",
            "model": self.request.model, "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": self.usage()}}

    def _text(self):
        marks = [*self.stops, *([OPEN] if self.grammar else [])]
        at, mark = min(((self.held.find(mark), mark) for mark in marks if mark in self.held),
                       default=(0, None))
        if mark is None:
            return self._say(self._released(marks))
        text, rest = self.held[:at], self.held[at + len(mark):]
        if mark == OPEN:
            self.call = self.held = rest
        else:
            self.stop, self.held = self.stops[mark], b""
        return self._say(text) + self._close()

    def _call(self):
        events = []
        if not self.decoder:
            name, space, rest = self.call.partition(b" ")
            if not space:
                return []
            self.held = rest
            events += self._open({"type": "tool_use", "id": f"toolu_{self.number:08d}", "name": name.decode(),
                                  "input": {}},
                                 "input_json_delta")
        if self.grammar.fullmatch(self.call):
            self.stop = ("tool_use", None)
            return events + self._delta(self.held.removesuffix(CLOSE)) + self._close()
        return events + self._delta(self._released([CLOSE]))

    def _released(self, marks):
        """What was held, up to where one of the marks may have begun; the rest stays held."""
        kept = max(n for mark in marks for n in range(len(mark) + 1) if self.held.endswith(mark[:n]))
        released, self.held = self.held[:len(self.held) - kept], self.held[len(self.held) - kept:]
        return released

    def _say(self, text: bytes):
        if not text:
            return []
        opened = [] if self.decoder else self._open({"type": "text", "text": ""}, "text_delta")
        return opened + self._delta(text)

    def _open(self, block, kind):
        self.index, self.kind = self.index + 1, kind
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return [{"type": "content_block_start", "index": self.index, "content_block": block}]

    def _delta(self, written: bytes, last: bool = False):
        """Whole characters only; what there is of another waits in the decoder."""
        text = self.decoder.decode(written, last)
        delta = {"type": self.kind, PAYLOAD[self.kind]: text}
        return [{"type": "content_block_delta", "index": self.index, "delta": delta}] if text else []

    def _close(self):
        if not self.decoder:
            return []
        events = self._delta(b"", last=True)   # half a character that nothing completed
        self.decoder = None
        return events + [{"type": "content_block_stop", "index": self.index}]


def folded(events: list[dict]) -> dict:
    """The message that a stream of events adds up to: the answer to a request that did not ask for a stream.

    A call that max_tokens cut short has an empty input.
    """
    for event in events:
        match event:
            case {"type": "message_start"}:
                message = dict(event["message"])
                content = message["content"] = []
            case {"type": "content_block_start"}:
                content.append(dict(event["content_block"]))
                written = ""
            case {"type": "content_block_delta", "delta": delta}:
                written += delta[PAYLOAD[delta["type"]]]
            case {"type": "content_block_stop"} if content[-1]["type"] == "text":
                content[-1]["text"] = written
            case {"type": "content_block_stop"}:
                content[-1]["input"] = _object(written)
            case {"type": "message_delta"}:
                message |= event["delta"] | {"usage": event["usage"]}
    return message


def _object(written: str) -> dict:
    try:
        return json.loads(written)
    except ValueError:
        return {}
