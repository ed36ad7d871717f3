"""serving/client.py and lab/next_token.py: our client against bytes written by hand, and what passes
against the model itself."""
import json

import pytest
import torch

from benchmarks import stream
from computetrades.facts import facts
from computetrades.lab import checkpoints, next_token
from computetrades.model.cache import Contiguous
from computetrades.serving import client
from tests.toy_server import READ, events, serving

ASK = {"model": "tiny", "max_tokens": 12, "temperature": 0, "messages": [
    {"role": "user", "content": "Write a function."}, {"role": "assistant", "content": "def neighbors(G, n"}]}
BODY = json.dumps(ASK)
TWO = [b"event: ping\n", b'data: {"type": "ping"}\n', b"\n", b"event: content_block_delta\n",
       b'data: {"delta": {"type": "text_delta", "text": "h\xc3\xa9"}}\n', b"\n"]


def test_events_written_by_hand_are_read():
    first, second = client.events(TWO)
    assert (first.name, first.data, first.text, len(first.raw)) == ("ping", {"type": "ping"}, "", 36)
    assert second.text == "hé" and second.raw == b"".join(TWO[3:])


def test_an_answer_counts_what_came():
    last = client.Event("message_delta", {"usage": {"output_tokens": 7}}, b"x" * 40)
    answer = client.Answer({}, [*client.events(TWO), last])
    assert ((answer.n_deltas, answer.delta_bytes, answer.text_bytes, answer.output_tokens)
            == (1, len(b"".join(TWO[3:])), 3, 7))
    assert answer.n_bytes == 36 + answer.delta_bytes + 40


def test_a_stream_that_breaks_off_is_told():
    with pytest.raises(ValueError, match="middle of an event.*ask again"):
        list(client.events(TWO[:-1]))
    assert list(client.events([])) == []


def test_a_refusal_is_told_in_the_servers_words():
    with serving() as server, pytest.raises(RuntimeError, match="404.*'toy'"):
        client.ask(server.url, ASK)


def test_what_it_reads_is_what_the_server_wrote():
    with serving() as server:
        answer = client.ask(server.url, ASK | {"model": "toy"})
    wire = b"".join(e.raw for e in answer.events).decode()
    assert [(e.name, e.data) for e in answer.events] == events(wire)
    assert answer.headers["transfer-encoding"] == "chunked" and answer.events[-1].name == "message_stop"
    assert answer.n_bytes == sum(len(e.raw) for e in answer.events) and len(answer.deltas) <= 12


@torch.no_grad()
def continued(ids, n):
    """Greedy, token by token through a plain cache: no engine, no server."""
    model, _ = checkpoints.load("tiny")
    cache, out = Contiguous(model.config, len(ids) + n), []
    logits = model(torch.tensor([ids]), cache)[0, -1]
    for _ in range(n):
        out.append(int(logits.argmax()))
        logits = model(torch.tensor([[out[-1]]]), cache)[0, -1]
    return out


def test_the_streamed_text_is_the_models_own_and_the_same_each_time():
    first, again = next_token.exchange(BODY, BODY)
    _, tokenizer = checkpoints.load("tiny")
    assert first.text == again.text == tokenizer.decode(continued(list(next_token.prompt(BODY)), 12))
    # Headers have the date
    assert next_token.answered(BODY).events == first.events and first.output_tokens == 12
    usages = [a.usage("message_start") for a in (first, again)]
    for usage in usages:
        read = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        assert sum(usage[k] for k in read) == len(next_token.prompt(BODY)) == next_token.prompt_tokens(BODY)
    assert usages[0]["cache_read_input_tokens"] == 0 < usages[1]["cache_read_input_tokens"]


def test_the_first_token_is_the_largest_logit_and_the_logits_come_from_the_vector():
    logits, vector = next_token.next_logits(BODY), next_token.last_vector(BODY)
    model, _ = checkpoints.load("tiny")
    assert int(logits.argmax()) == continued(list(next_token.prompt(BODY)), 1)[0]
    assert vector.shape == (model.config.hidden_size,)
    torch.testing.assert_close(model.embed.weight @ vector, logits, rtol=1e-4, atol=1e-4)


def test_the_best_scores_are_the_largest_in_falling_order():
    assert (next_token.best_scores(BODY, 3)
            == tuple(sorted(next_token.next_logits(BODY).tolist(), reverse=True)[:3]))


def test_filters_leave_as_many_tokens_as_they_say():
    shares = sorted(next_token.next_logits(BODY).double().softmax(0).tolist(), reverse=True)
    nucleus = next(n for n in range(1, 1025) if sum(shares[:n]) >= 0.9)
    assert next_token.tokens_left(BODY) == 1024 and next_token.tokens_left(BODY, temperature=0) == 1
    assert next_token.tokens_left(BODY, top_k=5) == 5
    assert next_token.tokens_left(BODY, top_p=0.9) == nucleus > 1
    assert next_token.tokens_left(BODY, min_p=0.5) == sum(share >= 0.5 * shares[0] for share in shares)
    with pytest.raises(ValueError, match="top_k cannot be 0"):
        next_token.tokens_left(BODY, top_k=0)


def test_each_token_goes_through_once_but_the_last():
    assert next_token.computed_tokens(BODY) == len(next_token.prompt(BODY)) + 12 - 1


def test_the_stored_measurement_is_what_this_server_sends():
    answer, = next_token.exchange(json.dumps(stream.ASK))
    deltas, call = sum(len(event.raw) for event in answer.deltas), facts("one-request")
    n_tokens = answer.usage("message_delta")["output_tokens"]
    assert deltas / n_tokens == pytest.approx(call.event_bytes.value(), rel=0.01)
    assert answer.n_bytes - deltas == call.envelope_bytes.value()


def test_only_what_can_become_a_call_is_allowed():
    body = json.dumps(ASK | {"tools": [READ]})
    pieces = [checkpoints.load_tokenizer().decode_bytes([i]) for i in range(1024)]
    begin = {p for p in pieces if p and b"Read {".startswith(p)}
    assert {pieces[i] for i in next_token.allowed_tokens(body)} == begin
    assert next_token.n_allowed(body) == len(begin)
    at_path = {pieces[i] for i in next_token.allowed_tokens(body, 'Read {"file_path":"app/')}
    assert at_path and all(any(name.startswith(p) for p in at_path) for name in (b"globals", b"layout"))
    assert all(b"globals.css".startswith(p) or b"layout.tsx".startswith(p) for p in at_path)


def test_tokens_are_shown_with_their_spaces():
    tokenizer = checkpoints.load_tokenizer()
    ids = (*tokenizer.encode(" in"), *tokenizer.encode("\n"), tokenizer.end)
    assert [next_token.shown(i) for i in ids] == ["·in", "\\n", "<end>"]
