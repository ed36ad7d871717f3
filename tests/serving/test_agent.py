"""serving/agent.py: the loop against a client that is scripted, the tools by hand, the session
against its own bodies and edits."""
import json
from itertools import pairwise

import jsonschema
import pytest

from computetrades.lab import agent_session, checkpoints
from computetrades.serving import agent, client, grammar, schema
from tests.toy_server import HELLO, serving

RUN = agent_session.session.perform
N = 6


@pytest.fixture(scope="module")
def session():
    return agent_session.session(N)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\ny = 2\n", encoding="utf-8")
    return agent.FileTools(tmp_path)


# The tools

def test_read_edit_and_check_by_hand(folder):
    assert folder.run("Read", {"path": "a.py", "line": 2}) == ("2 y = 2\n3 ", False)
    assert folder.run("Check", {}) == ("all files are valid", False)
    assert folder.run("Edit", {"path": "a.py", "line": 1, "text": "x = ("}) == ("a.py line 1 replaced", False)
    assert (folder.path / "a.py").read_text(encoding="utf-8") == "x = (\ny = 2\n"
    assert folder.run("Check", {}) == ("not valid: a.py", False)


def test_a_line_that_is_not_there_fails_and_changes_nothing(folder):
    for tool in ("Read", "Edit"):
        assert folder.run(tool, {"path": "a.py", "line": 4, "text": "z"}) == ("a.py has 3 lines", True)
    assert (folder.path / "a.py").read_text(encoding="utf-8") == "x = 1\ny = 2\n"


# The loop

USED = {"input_tokens": 3, "cache_creation_input_tokens": 16, "cache_read_input_tokens": 32,
        "output_tokens": 5}


def streamed(content, reason):
    """The events of a message, by hand: each block is opened, written in one piece and closed."""
    yield "message_start", {"message": {"role": "assistant"}}
    for block in content:
        text = block["type"] == "text"
        delta = {"type": "text_delta", "text": block["text"]} if text else \
            {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield "content_block_start", {"content_block": block | ({"text": ""} if text else {"input": {}})}
        yield "content_block_delta", {"delta": delta}
        yield "content_block_stop", {}
    yield "message_delta", {"delta": {"stop_reason": reason}, "usage": USED}


class Scripted:
    """A client whose answers are given; keeps what it was asked."""
    def __init__(self, *answers): self.answers, self.asked = list(answers), []

    def send(self, body):
        self.asked.append(json.loads(body))
        events = streamed(*self.answers.pop(0))
        return client.Answer({}, [client.Event(name, {"type": name, **data}, b"") for name, data in events])


def use(number, name, **given):
    return [{"type": "text", "text": "So."},
            {"type": "tool_use", "id": f"t{number}", "name": name, "input": given}], "tool_use"


def test_it_runs_what_is_asked_appends_both_and_stops_when_no_tool_is_called(folder):
    done = [{"type": "text", "text": "Done."}], "end_turn"
    scripted = Scripted(use(1, "Edit", path="a.py", line=1, text="x = 3"),
                        use(2, "Read", path="a.py", line=9), done)
    calls = agent.loop(scripted, folder, "Do it.", 10)
    assert (folder.path / "a.py").read_text(encoding="utf-8") == "x = 3\ny = 2\n"
    assert [(c.tool, c.failed, c.sent, c.cached, c.new, c.output) for c in calls] == [
        ("Edit", False, 51, 32, 19, 5), ("Read", True, 51, 32, 19, 5), ("", False, 51, 32, 19, 5)]
    assert calls[-1].said == "Done." and calls[-1].stop_reason == "end_turn"
    turns = scripted.asked[-1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert turns[1]["content"] == use(1, "Edit", path="a.py", line=1, text="x = 3")[0]
    assert turns[4]["content"] == [{"type": "tool_result", "tool_use_id": "t2", "content": "a.py has 3 lines",
                                    "is_error": True}]
    assert all(longer["messages"][:len(short["messages"])] == short["messages"]
               for short, longer in pairwise(scripted.asked))


def test_the_last_call_is_offered_no_tool(folder):
    scripted = Scripted(use(1, "Check"), ([{"type": "text", "text": "Enough."}], "max_tokens"))
    assert [c.stop_reason for c in agent.loop(scripted, folder, "Do it.", 2)] == ["tool_use", "max_tokens"]
    assert [one["tool_choice"]["type"] for one in scripted.asked] == ["any", "none"]


def test_what_the_server_refuses_is_told():
    with serving() as server, pytest.raises(RuntimeError, match="404.*'other'.*'toy'"):
        client.ask(server.url, {"model": "other", "messages": HELLO, "max_tokens": 4})


def test_one_connection_serves_one_question_after_another():
    body = grammar.compact({"model": "toy", "stream": True, "messages": HELLO, "max_tokens": 4}).encode()
    with serving() as server, client.Client(server.url) as one:
        first, at = one.send(body), one.connection.sock.getsockname()
        assert one.send(body).output_tokens == first.output_tokens == 4
        assert one.connection.sock.getsockname() == at
        assert [sent for sent, _ in one.log] == [body, body]


def test_a_session_has_a_call():
    with pytest.raises(ValueError, match="max_calls cannot be 0"):
        agent_session.session(0)


# The session

def test_the_same_arguments_give_the_same_session_and_another_seed_another(session):
    assert RUN(N) == session
    assert RUN(2, seed=7).calls != session.calls[:2]


def test_without_the_cache_it_is_the_same_but_for_the_tokens_computed(session):
    plain = RUN(N, prefix_cache=False)
    assert plain.log[-1][1] == session.log[-1][1] and plain.after == session.after
    assert [c.cached for c in plain.calls] == [0] * N
    assert plain.computed == sum(c.sent + c.output - 1 for c in session.calls)
    assert session.computed == sum(c.new + c.output - 1 for c in session.calls)


def test_every_call_is_valid_json_for_its_tool(session):
    tools = {tool["name"]: tool["input_schema"] for tool in json.loads(session.log[0][0])["tools"]}
    for call in session.calls[:-1]:
        assert call.stop_reason == "tool_use" and not call.said
        jsonschema.validate(json.loads(call.asked), tools[call.tool])
        assert grammar.compact(json.loads(call.asked)) == call.asked


def test_the_files_are_what_the_edits_make_of_them(session):
    texts = {name: text.split("\n") for name, text in session.before}
    for call in session.calls:
        if call.tool == "Edit" and not call.failed:
            given = json.loads(call.asked)
            texts[given["path"]][given["line"] - 1] = given["text"]
    assert {name: "\n".join(lines) for name, lines in texts.items()} == dict(session.after)
    assert session.edited == sum(dict(session.before)[name] != text for name, text in session.after)


def test_the_tokens_sent_are_those_of_the_body_that_was_sent(session):
    tokenizer = checkpoints.load_tokenizer()
    for call, (body, _) in zip(session.calls, session.log, strict=True):
        pieces = schema.parse_request(body).written()
        assert call.sent == sum(len(tokenizer.encode(piece)) for piece in pieces)
        assert call.request_bytes == len(body)


def test_what_one_call_has_sent_the_next_finds_in_full_blocks(session):
    assert session.calls[0].cached == 0
    for before, after in pairwise(session.calls):
        assert after.cached % agent_session.BLOCK_SIZE == 0
        whole = before.sent // agent_session.BLOCK_SIZE * agent_session.BLOCK_SIZE
        assert whole <= after.cached <= before.sent + before.output


def test_a_session_adds_up_its_calls():
    def call(sent, cached, failed):
        return agent.Call(sent, cached, 5, 100, "tool_use", "", "Check", failed=failed)
    added = agent_session.Session((call(40, 0, False), call(60, 32, True), call(80, 48, True)), (), (), 0, ())
    assert (added.n_calls, added.sent, added.cached, added.failed, added.edited) == (3, 180, 80, 2, 0)


def test_a_server_that_never_saw_the_conversation_answers_the_same(session):
    """Stateless: all that an answer rests on is in the body."""
    for number in (2, N - 1):
        body, content = session.log[number]
        anew = agent_session.answered_anew(body, agent_session.SEED + number)
        assert json.loads(anew) == json.loads(content)
