"""The Messages server over real sockets: its stream, tools, cache and errors, and clients
that leave, dawdle or never read."""
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest
import torch

from computetrades.model.transformer import Transformer
from computetrades.serving.engine import Engine
from computetrades.serving.server import Server
from tests.toy_server import (
    BASH,
    CONFIG,
    HELLO,
    READ,
    Bytes,
    asked,
    becomes,
    events,
    idle,
    opened,
    prompt_of,
    sent,
    serving,
)

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def server():
    with serving() as one:
        yield one


def alone(model, prompt, n):
    """The greedy continuation, each token from all before it anew: no cache, no batch."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(n):
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return Bytes().decode_bytes(ids[len(prompt):]).decode(errors="replace")


def test_the_stream_has_the_events_of_the_messages_api_in_their_order(server):
    status, text = asked(server, stream=True)
    names, data = zip(*events(text), strict=True)
    assert status == 200 and list(names) == [d["type"] for d in data]
    assert names[:2] == ("message_start", "content_block_start")
    assert names[-3:] == ("content_block_stop", "message_delta", "message_stop")
    assert set(names[2:-3]) == {"content_block_delta"} and len(names) > 8
    start, block, delta, end = data[0]["message"], data[1], data[2], data[-2]
    assert start["role"] == "assistant" and start["content"] == []
    assert start["stop_reason"] is None and start["usage"]["output_tokens"] == 1
    assert (block["index"], block["content_block"]) == (0, {"type": "text", "text": ""})
    assert delta["delta"]["type"] == "text_delta"
    assert end["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert end["usage"]["output_tokens"] == 12


def test_the_text_is_what_the_model_alone_writes(server):
    _, text = asked(server, stream=True, max_tokens=30)
    written = "".join(d["delta"]["text"] for name, d in events(text) if name == "content_block_delta")
    assert written == alone(server.engine.model, prompt_of(HELLO[0]["content"]), 30)
    status, message = asked(server, max_tokens=30)
    assert ((status, message["content"], message["type"])
            == (200, [{"type": "text", "text": written}], "message"))


def test_sampled_answers_differ_and_a_fresh_server_repeats_them(server):
    runs = []
    for _ in range(2):
        with serving(model=server.engine.model) as fresh:
            runs.append([asked(fresh, temperature=1.0, top_p=0.9, top_k=40)[1]["content"][0]["text"]
                         for _ in range(2)])
    assert runs[0] == runs[1] and runs[0][0] != runs[0][1]


def test_a_repeated_prefix_is_read_from_the_cache_and_usage_says_so(server):
    system = "You are a terse assistant. " * 8
    first, second = (asked(server, system=system, messages=[{"role": "user", "content": c}])[1]["usage"]
                     for c in ("a", "b"))
    prompt = len(f"<system>{system}</system>\n<user>a</user>\n<assistant>")
    shared = len(f"<system>{system}</system>\n<user>") // 16 * 16   # whole blocks of 16
    assert first["cache_read_input_tokens"] == 0 and first["cache_creation_input_tokens"] == prompt // 16 * 16
    assert second["cache_read_input_tokens"] == shared
    assert second["cache_creation_input_tokens"] == prompt // 16 * 16 - shared
    for usage in (first, second):
        assert sum(v for k, v in usage.items() if k != "output_tokens") == prompt


@pytest.mark.parametrize("choice, tools",
                         [({"type": "tool", "name": "Bash"}, [BASH]), ({"type": "any"}, [READ, BASH])])
def test_a_call_that_is_asked_for_comes_and_keeps_to_the_schema(server, choice, tools):
    fields = {"tools": [READ, BASH], "tool_choice": choice, "max_tokens": 150, "temperature": 1.0}
    for _ in range(3):
        _, text = asked(server, stream=True, **fields)
        (_, start), *middle, _stop, (_, end), _ = events(text)
        assert start["message"]["content"] == [] and end["delta"]["stop_reason"] == "tool_use"
        block = middle[0][1]["content_block"]
        assert block["type"] == "tool_use" and block["input"] == {}
        assert {d["delta"]["type"] for _, d in middle[1:]} == {"input_json_delta"}
        called = json.loads("".join(d["delta"]["partial_json"] for _, d in middle[1:]))
        jsonschema.validate(called, {t["name"]: t["input_schema"] for t in tools}[block["name"]])


def test_an_agent_loop_grows_its_context_and_reads_the_grown_prefix_from_the_cache(server):
    turns, before = list(HELLO), 0
    for _ in range(4):
        message = asked(server, messages=turns, tools=[READ, BASH], tool_choice={"type": "any"},
                        max_tokens=150, temperature=1.0)[1]
        call, usage = message["content"][-1], message["usage"]
        assert message["stop_reason"] == "tool_use"
        assert usage["cache_read_input_tokens"] >= before // 16 * 16, \
            "all that the last request and its answer had computed"
        before = sum(usage.values()) - 1   # the last token was given out and never computed
        turns += [{"role": "assistant", "content": message["content"]},
                  {"role": "user",
                   "content": [{"type": "tool_result", "tool_use_id": call["id"],
                                "content": "@tailwind base;"}]}]
    last = asked(server, messages=turns, tools=[READ, BASH], tool_choice={"type": "none"})[1]
    assert last["stop_reason"] == "max_tokens" and last["content"][0]["type"] == "text"


FAULTS = [
    ("{", 400, "Invalid JSON: EOF"), ("[]", 400, "should be an object"), ("", 400, "Invalid JSON"),
    (b"\xff\xfe", 400, "Invalid JSON"),
    ("[" * 5000, 400, "recursion limit"), ({"max_tokens": None}, 400, "max_tokens: Field required"),
    ({"messages": None}, 400, "messages: Field required"),
    ({"messages": []}, 400, "messages: List should have at least 1"),
    ({"max_tokens": -5}, 400, "max_tokens: Input should be greater than or equal to 1"),
    ({"max_tokens": "9"}, 400, "max_tokens: Input"),
    ({"max_tokens": True}, 400, "max_tokens: Input should be a valid integer"),
    ({"temperature": 1.5}, 400, "temperature: Input should be less"),
    ({"top_p": 0}, 400, "top_p: Input should be greater than 0"),
    ({"thinking": {}}, 400, "thinking: Extra inputs are not permitted"),
    ({"messages": [{"role": "system", "content": "x"}]}, 400,
     "messages.0.role: Input should be 'user' or 'assistant'"),
    ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, 400, "Input tag 'image' found"),
    ({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]}, 400,
     "messages.0: holds tool_result for ['t']"),
    ({"tool_choice": {"type": "any"}}, 400, "the tools are: none"),
    ({"tools": [READ, READ]}, 400, "names must differ"),
    ({"tools": [READ | {"input_schema": {"type": "string"}}]}, 400, "the input of a tool is an object"),
    ({"tools": [READ | {"input_schema": {"type": "object", "properties": {"n": {"$ref": "#"}}}}]}, 400,
     "Read.n has $ref"),
    ({"model": "claude-opus-4-7"}, 404, "'claude-opus-4-7' is not served here; the model is 'toy'"),
    ({"model": 3}, 400, "model: Input")]


@pytest.mark.parametrize("fault, status, message", FAULTS)
def test_a_request_that_cannot_be_served_is_told_why_and_the_next_one_is_served(
        server, fault, status, message):
    got, answer = asked(server, **fault) if isinstance(fault, dict) else sent(server, fault)
    assert got == status and answer["type"] == "error" and message in answer["error"]["message"]
    assert answer["error"]["type"] == ("not_found_error" if status == 404 else "invalid_request_error")
    assert idle(server) or becomes(lambda: idle(server))


def test_other_paths_and_methods(server):
    assert sent(server, "{}", path="/v1/complete")[0] == 404 and sent(server, None, method="GET")[0] == 405
    assert sent(server, None, "GET", "/")[1]["error"] == {"type": "not_found_error",
                                                          "message": "/: there is only POST /v1/messages"}
    assert server.sockets[0].getsockname()[0] == "127.0.0.1" and asked(server)[0] == 200


def test_a_prompt_longer_than_the_pool_is_refused_with_both_lengths_and_a_long_answer_ends_at_the_pools():
    with serving(n_blocks=8) as small:
        status, answer = asked(small, messages=[{"role": "user", "content": "x" * 200}])
        assert status == 400
        assert (answer["error"]["message"]
                == "the prompt is 225 tokens long, and the longest that fits is 128")
        message = asked(small, messages=[{"role": "user", "content": "x" * 90}], max_tokens=4096)[1]
        assert message["stop_reason"] == "model_context_window_exceeded"
        assert message["usage"]["output_tokens"] == 128 - len(prompt_of("x" * 90)) + 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_in_full_view_of_its_sender(chunked):
    with serving(max_body=10_000) as strict:
        body = b"x" * 3_000_000
        status, answer = sent(strict, iter([body]) if chunked else body)
        assert (status, answer["error"]["type"]) == (413, "request_too_large")
        assert "longer than 10000 bytes" in answer["error"]["message"]
        assert asked(strict)[0] == 200 and becomes(lambda: idle(strict))


def test_a_body_that_dribbles_in_is_given_up_and_nobody_else_waits():
    with serving(patience=1.0) as brisk:
        slow = socket.create_connection(brisk.sockets[0].getsockname(), timeout=10)
        slow.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n")
        began, stop = time.monotonic(), threading.Event()

        def dribble():
            while not stop.wait(0.1):
                slow.send(b"{")
        thread = threading.Thread(target=dribble)
        thread.start()
        assert asked(brisk)[0] == 200
        answer = slow.recv(4096)
        stop.set()
        thread.join()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"timeout_error"' in answer and b"within 1 seconds" in answer
        assert time.monotonic() - began >= 0.9 and becomes(lambda: idle(brisk))


def test_a_client_that_never_reads_is_cut_off_and_nobody_else_waits():
    with serving(n_blocks=4096, patience=0.5) as brisk:
        # Accepted sockets inherit it
        brisk.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        deaf = opened(brisk, {"stream": True, "max_tokens": 60_000}, receive_buffer=1024)
        assert becomes(lambda: brisk.engine.busy)
        assert asked(brisk)[0] == 200
        assert becomes(lambda: idle(brisk)), "its request is cancelled and its blocks are free"
        assert brisk.engine.pool.n_held == 0
        deaf.close()


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_takes_its_request_with_it(server, stream):
    s = opened(server, {"stream": stream, "max_tokens": 8000})
    assert becomes(lambda: server.engine.pool.n_held > 0)
    if stream:
        assert b"message_start" in s.recv(4096)
    job = next(iter(server.worker.live)).job
    s.close()
    assert becomes(lambda: idle(server)) and job.finish_reason == "cancelled" and len(job.output_ids) < 8000
    assert asked(server)[0] == 200


def test_a_client_that_leaves_while_it_waits_for_room_is_forgotten():
    with serving(n_blocks=64) as small:
        first = opened(small, {"stream": True, "max_tokens": 900})
        assert becomes(lambda: small.engine.pool.n_held > 0)
        waiting = opened(small, {"max_tokens": 5, "messages": [{"role": "user", "content": "y" * 990}]})
        assert becomes(lambda: len(small.engine.waiting) == 1)
        waiting.close()
        assert becomes(lambda: not small.engine.waiting and small.engine.running)
        first.close()
        assert becomes(lambda: idle(small))


def test_one_client_too_many_is_told_that_the_server_is_overloaded():
    with serving(max_replies=2) as small:
        held = [opened(small, {"stream": True, "max_tokens": 8000}) for _ in range(2)]
        assert becomes(lambda: len(small.worker.live) == 2)
        status, answer = asked(small)
        assert (status, answer["error"]["type"]) == (529, "overloaded_error")
        for s in held:
            s.close()
        assert becomes(lambda: idle(small)) and asked(small)[0] == 200


def test_many_clients_share_one_batch_and_each_gets_its_own_answer(server):
    texts = [f"Question number {i}?" for i in range(8)]
    widest, step = 0, server.engine.step

    def watched():
        nonlocal widest
        produced = step()
        widest = max(widest, len(produced))
        return produced
    server.engine.step = watched
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda t: asked(server, messages=[{"role": "user", "content": t}],
                                                   max_tokens=20)[1], texts))
    del server.engine.step
    assert widest > 1
    for text, answer in zip(texts, answers, strict=True):
        assert answer["content"][0]["text"] == alone(server.engine.model, prompt_of(text), 20)


class Failing(Transformer):
    """Fails on a prompt that holds a certain byte."""
    def forward(self, ids, *rest):
        if (ids == ord("!")).any():
            raise RuntimeError("device lost")
        return super().forward(ids, *rest)


def test_a_failing_step_is_reported_and_the_server_lives_on():
    with serving(model=Failing(CONFIG).initialise(0, spread=0.5).eval()) as fragile:
        status, answer = asked(fragile, messages=[{"role": "user", "content": "!"}])
        assert (status, answer["error"]) == (500, {"type": "api_error", "message": "device lost"})
        assert becomes(lambda: idle(fragile)) and asked(fragile, temperature=1.0, max_tokens=3)[0] == 200


def test_shutting_down_ends_running_streams_and_all_threads():
    before = threading.active_count()
    with serving() as brief:
        s = opened(brief, {"stream": True, "max_tokens": 8000})
        assert b"message_start" in s.recv(4096)
    rest = b""
    while chunk := s.recv(65536):
        rest += chunk
    assert (b'event: error\ndata: {"type": "error", "error": {"type": "api_error", '
            b'"message": "the server is shutting down"}}' in rest)
    assert threading.active_count() == before and not brief.engine.busy and brief.engine.pool.n_held == 0
    with pytest.raises(ConnectionRefusedError):
        asked(brief)


def test_a_tokenizer_of_another_model_is_refused():
    with pytest.raises(ValueError, match="the tokenizer knows 257 tokens and the model 61"):
        Server(Engine(Transformer(CONFIG.with_(vocab_size=61)), 4, 16, 64), Bytes(), "toy")
