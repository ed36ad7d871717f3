"""A server around a small random model, and clients for it."""
import http.client
import json
import socket
import time
from contextlib import contextmanager

from computetrades.model.config import ModelConfig
from computetrades.model.transformer import Transformer
from computetrades.serving.engine import Engine
from computetrades.serving.server import Server

CONFIG = ModelConfig(n_layers=2, hidden_size=32, n_heads=4, n_kv_heads=2, intermediate_size=48,
                     vocab_size=257)
HELLO = [{"role": "user", "content": "Add dark mode functionality to my blog."}]
READ = {"name": "Read", "description": "A file's text.", "input_schema": {
    "type": "object",
    "properties": {"file_path": {"enum": ["app/globals.css", "app/layout.tsx"]},
                   "offset": {"type": "integer"}},
    "required": ["file_path"]}}
BASH = {"name": "Bash", "input_schema": {
    "type": "object",
    "properties": {"command": {"type": "string", "maxLength": 12}, "wait": {"type": "boolean"}},
    "required": ["command", "wait"]}}


class Bytes:
    """The tokenizer without merges: a token is a byte."""
    vocab_size, end = 257, 256

    def encode(self, text):
        return list(text.encode())

    def decode_bytes(self, ids):
        return bytes(i for i in ids if i < 256)


@contextmanager
def serving(n_blocks=512, block_size=16, max_batch_tokens=512, model=None, **settings):
    model = model or Transformer(CONFIG).initialise(0, spread=0.5).eval()
    with Server(Engine(model, n_blocks, block_size, max_batch_tokens), Bytes(), "toy", **settings) as server:
        yield server


def asked(server, timeout=30, **fields):
    """(status, answer) of a request; fields of None are left out."""
    body = {"model": "toy", "max_tokens": 12, "messages": HELLO, "temperature": 0} | fields
    return sent(server, json.dumps({k: v for k, v in body.items() if v is not None}), timeout=timeout)


def sent(server, body, method="POST", path="/v1/messages", timeout=30):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, (text if answer.headers["Content-Type"].startswith("text/event-stream")
                               else json.loads(text))
    finally:
        connection.close()


def events(text):
    """Server-sent events as pairs: every event a name line, a data line and an empty line."""
    out = []
    for event in text.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        out.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return out


def opened(server, body, receive_buffer=None):
    """A socket on which a request has been sent, and nothing read."""
    s = socket.socket()
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.settimeout(30)
    s.connect(server.sockets[0].getsockname())
    body = json.dumps({"model": "toy", "messages": HELLO} | body).encode()
    s.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return s


def becomes(condition, seconds=20):
    """Whether it comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def idle(server):
    return not (server.engine.busy or server.engine.pool.n_held or server.worker.live or server.handlers)


def prompt_of(text):
    return list(f"<user>{text}</user>\n<assistant>".encode())
