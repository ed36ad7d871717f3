"""A server on this machine alone that speaks the Messages shape:
POST /v1/messages, answered whole or as server-sent events.

Two threads: an event loop for the connections, and the engine, which batches what all of them ask. No status
is sent before the first token, so that whatever fails before it has a status of its own.
"""
from __future__ import annotations

import asyncio
import itertools
import json
import sys
import threading
from typing import Self

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from . import schema
from .engine import Engine
from .engine_thread import Worker
from .stream import Reply, folded

KINDS = {404: "not_found_error", 408: "timeout_error", 413: "request_too_large", 500: "api_error",
         529: "overloaded_error"}
"""The error's type for a status; invalid_request_error for the others."""


class Server:
    """`with Server(...) as server:` serves at server.url until the block ends;
    what is then running is cancelled.

    tokenizer: encode(text) -> ids, decode_bytes(ids) -> bytes, vocab_size, and `end`, the id that ends a
    text. model: the name that requests must give. port 0 takes a free one. max_body: bytes of a request.
    max_replies: at work at once; one more is told that the server is overloaded. patience: seconds for a
    client to send its request, and to make room for more answer.
    """

    def __init__(self, engine: Engine, tokenizer, model: str, port: int = 0, *, max_body: int = 2 ** 20,
                 max_replies: int = 64, patience: float = 30.0):
        if tokenizer.vocab_size != (size := engine.model.config.vocab_size):
            raise ValueError(f"the tokenizer knows {tokenizer.vocab_size} tokens and the model {size}: "
                             "they must be a pair")
        self.engine = engine
        self.tokenizer = tokenizer
        self.model = model
        self.max_body = max_body
        self.max_replies = max_replies
        self.patience = patience
        self.vocabulary = [tokenizer.decode_bytes([token]) for token in range(size)]
        self.numbers = itertools.count(1)
        self.handlers: set[Messages] = set()
        self.worker = Worker(engine)
        self.sockets = bind_sockets(port, "127.0.0.1")
        self.url = f"http://127.0.0.1:{self.sockets[0].getsockname()[1]}"

    def __enter__(self) -> Self:
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="server",
                                       daemon=True)
        self.worker.start()
        self.thread.start()
        ready.wait()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join()

    async def _serve(self, ready):
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        routes = [("/v1/messages", Messages, {"server": self})]
        app = Application(routes, default_handler_class=NotFound, log_function=lambda handler: None)
        http = HTTPServer(app, idle_connection_timeout=self.patience, max_body_size=self.max_body)
        http.add_sockets(self.sockets)
        ready.set()
        await self.stopping.wait()
        http.stop()
        await asyncio.to_thread(self.worker.stop)
        deadline = self.loop.time() + 2
        # They have been told, and need a moment to say so
        while self.handlers and self.loop.time() < deadline:
            await asyncio.sleep(0.01)
        await http.close_all_connections()

    def prepare(self, request: schema.MessagesRequest) -> tuple[Reply, list[int], int]:
        """(reply, prompt_ids, max_tokens): what the engine is to do, or the error that says why it cannot."""
        if request.model != self.model:
            raise ApiError(404, f"model: {request.model!r} is not served here; the model is {self.model!r}")
        if len(self.handlers) > self.max_replies:
            raise ApiError(529, f"{self.max_replies} requests are at work already; try again later")
        prompt = [token for piece in request.written() for token in self.tokenizer.encode(piece)]
        room = self.engine.pool.capacity + 1 - len(prompt)   # the last token is given out and never stored
        if room < 1:
            raise ApiError(400, f"the prompt is {len(prompt)} tokens long, "
                                f"and the longest that fits is {self.engine.pool.capacity}")
        return Reply(request, self.vocabulary, next(self.numbers)), prompt, min(request.max_tokens, room)


class ApiError(HTTPError):
    def __init__(self, status: int, message: str):
        super().__init__(status, reason="Overloaded" if status == 529 else None)
        self.message = message


class Shaped(RequestHandler):
    """Errors in the shape that clients of the API expect."""

    def write_error(self, status_code, exc_info=None, **_):
        error = exc_info[1] if exc_info else None
        self.finish(shaped_error(status_code, getattr(error, "message", None) or self._reason))


def shaped_error(status: int, message: str) -> dict:
    return {"type": "error",
            "error": {"type": KINDS.get(status, "invalid_request_error"), "message": message}}


class NotFound(Shaped):
    def prepare(self):
        raise ApiError(404, f"{self.request.path}: there is only POST /v1/messages")


@stream_request_body
class Messages(Shaped):
    SUPPORTED_METHODS = ("POST",)

    def initialize(self, server: Server):
        self.server = server
        self.body = bytearray()
        self.size = 0
        self.reply = None
        self.timer = None

    def prepare(self):
        self.server.handlers.add(self)
        # The rest of a body that is too long is read and dropped:
        # its sender, still writing, would not see an answer.
        self.request.connection.set_max_body_size(sys.maxsize)
        self.timer = self.server.loop.call_later(self.server.patience, self._late)

    def data_received(self, chunk):
        self.size += len(chunk)
        if self.size <= self.server.max_body:
            self.body += chunk

    def _late(self):
        error = self._too_long() or ApiError(
            408, f"the body did not arrive within {self.server.patience:g} seconds")
        self.send_error(error.status_code, exc_info=(ApiError, error, None))

    def _too_long(self):
        limit = self.server.max_body
        return (ApiError(413, f"the body is longer than {limit} bytes, the most that is read")
                if self.size > limit else None)

    async def post(self):
        self.timer.cancel()
        if error := self._too_long():
            raise error
        try:
            request = schema.parse_request(bytes(self.body))
            self.reply, prompt, max_tokens = self.server.prepare(request)
        except ValueError as error:
            raise ApiError(400, str(error)) from None
        told = asyncio.Queue()
        self.server.worker.submit(self.reply, prompt, max_tokens, {self.server.tokenizer.end},
                                  lambda item: self.server.loop.call_soon_threadsafe(told.put_nowait, item))
        await (self._stream(told) if request.stream else self._whole(told))

    async def _stream(self, told):
        while (item := await told.get()) is not None:
            if isinstance(item, Exception):
                if not self._headers_written:
                    raise self._failed(item)
                item = [shaped_error(500, str(item))]
            self.set_header("Content-Type", "text/event-stream; charset=utf-8")
            self.set_header("Cache-Control", "no-cache")
            for event in item:
                self.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n")
            try:
                await asyncio.wait_for(self.flush(), self.server.patience)
            except (StreamClosedError, TimeoutError):   # it has left, or does not read
                self._done()
                return self.detach().close()

    async def _whole(self, told):
        events = []
        while (item := await told.get()) is not None:
            if isinstance(item, Exception):
                raise self._failed(item)
            events += item
        if events and events[-1]["type"] == "message_stop":   # otherwise the client has left
            self.finish(folded(events))

    def _failed(self, error):
        return ApiError(400 if isinstance(error, ValueError) and not self.reply.job else 500, str(error))

    def on_connection_close(self):
        super().on_connection_close()
        self._done()

    def on_finish(self):
        self._done()

    def _done(self):
        """The answer is out, or nobody is there to read it."""
        self.server.handlers.discard(self)
        if self.timer:
            self.timer.cancel()
        if self.reply:
            self.server.worker.cancel(self.reply)
