"""What a reply makes of tokens, fed with written ones;
and the grammar of calls against jsonschema and the json module."""
import json
from itertools import pairwise
from types import SimpleNamespace

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.serving import grammar
from computetrades.serving.grammar import UnknownSchema, value
from computetrades.serving.schema import parse_request
from computetrades.serving.stream import Reply, folded
from tests.toy_server import BASH, HELLO, READ

calm = settings(deadline=None, max_examples=40)
WIDE = {"type": "object", "required": ["text", "size", "tags"], "properties": {
    "kind": {"enum": ["a", "b", 7, None]}, "text": {"type": "string", "minLength": 1, "maxLength": 6},
    "deep": {"type": "object", "properties": {"on": {"type": "boolean"}, "off": {"const": "no"}}},
    "size": {"type": "number"}, "n": {"type": ["integer", "null"]},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 3},
    "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}}
CALL = '<tool>Bash {"command":"é <b> \\"x\\"","wait":true}</tool>'


def written(text: bytes, cuts, ended="length", **fields):
    """The events of a reply whose model writes this text, cut into tokens at these places."""
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(places)]
    request = {"model": "m", "max_tokens": 99, "messages": HELLO} | fields
    reply = Reply(parse_request(json.dumps(request).encode()), pieces, 1)
    reply.job = SimpleNamespace(prompt_ids=[0] * 20, cached_tokens=8, written_tokens=4, output_ids=[],
                                max_tokens=99, finish_reason=ended)
    events = []
    for token in range(len(pieces)):
        reply.job.output_ids.append(token)
        events += reply.take(token)
        if reply.stop:
            break
    return events + reply.end()


def content(events):
    message = folded(events)
    return ([block.get("text", block.get("input")) for block in message["content"]],
            message["stop_reason"], message["stop_sequence"])


cuts = st.lists(st.integers(0, 500), max_size=60)


@calm
@given(cuts)
def test_text_up_to_a_call_and_the_call_however_they_are_cut_into_tokens(cuts):
    events = written(f"Grüße, 1 < 2 <to <tool{CALL}".encode(), cuts, tools=[READ, BASH])
    assert content(events) == (["Grüße, 1 < 2 <to <tool", {"command": 'é <b> "x"', "wait": True}], "tool_use",
                               None)
    kinds = [(e["type"], e.get("index")) for e in events]
    opened = [k for k in kinds if k[0] in ("content_block_start", "content_block_stop")]
    assert opened == [("content_block_start", 0), ("content_block_stop", 0), ("content_block_start", 1),
                      ("content_block_stop", 1)]
    assert kinds[0][0] == "message_start" and kinds[-1][0] == "message_stop"


@calm
@given(cuts)
def test_marks_end_the_text_and_never_show(cuts):
    assert content(written(b"all done</assistant>\n<user>more", cuts)) == (["all done"], "end_turn", None)
    assert (content(written(b"one STOP two", cuts, stop_sequences=["STO", "STOP!"]))
            == (["one "], "stop_sequence", "STO"))
    assert content(written(b"half a mark </assist", cuts)) == (["half a mark </assist"], "max_tokens", None)
    assert (content(written(CALL.encode(), cuts, tools=[BASH], tool_choice={"type": "none"}))
            == ([CALL], "max_tokens", None))
    assert content(written(CALL.encode(), cuts)) == ([CALL], "max_tokens", None)
    assert content(written(b"", cuts, ended="stop")) == ([], "end_turn", None)


@calm
@given(cuts, st.binary(max_size=30).filter(lambda b: b"<" not in b))
def test_any_bytes_come_out_as_python_decodes_them(cuts, text):
    assert "".join(content(written(text, cuts))[0]) == text.decode(errors="replace")


def test_what_could_be_a_mark_waits_and_the_rest_does_not():
    events = written(b"a<b</assxy", [1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert ([e["delta"]["text"] for e in events if e["type"] == "content_block_delta"]
            == ["a", "<b", "</assx", "y"])


def test_a_call_cut_short_is_an_empty_input():
    for cut in range(1, len(CALL) - 1):
        events = written(CALL.encode()[:cut], [], tools=[BASH])
        blocks, reason, _ = content(events)
        assert len({e["delta"]["type"] for e in events if e["type"] == "content_block_delta"}) <= 1
        assert reason == "max_tokens"
        assert blocks in ([], [{}], [CALL[:cut]], [{"command": 'é <b> "x"', "wait": True}])


def test_usage_is_the_prompt_in_three_parts():
    assert folded(written(b"abc", [1, 2]))["usage"] == {
        "input_tokens": 8, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 8, "output_tokens": 3}


def test_only_tokens_that_keep_a_call_well_formed_can_be_chosen():
    pieces = [b"x", b">", b"l>", b"<too", b'Bash {"command":"', b"Edit {", b'"', b',"wait":', b"true", b"}",
              b"}</tool>", b"} </tool>", b"", b"ol>Bash"]
    request = {"model": "m", "max_tokens": 99, "messages": HELLO, "tools": [BASH], "temperature": 0}
    reply = Reply(parse_request(json.dumps(request).encode()), pieces, 1)
    reply.job = SimpleNamespace(prompt_ids=[0], cached_tokens=0, written_tokens=0, output_ids=[],
                                max_tokens=99, finish_reason=None)

    def choosable():
        """Greedy, so the best of those left each time."""
        logits, out = torch.zeros(len(pieces)), set()
        for i in range(len(pieces)):
            logits[i] = 1.0
            out |= {reply.choose(logits)} & {i}
            logits[i] = 0.0
        return {pieces[i] for i in out}
    assert choosable() == set(pieces)                      # free text
    reply.take(pieces.index(b"<too"))
    assert choosable() == set(pieces)                      # "ol>Bash" would begin a call as it should
    reply.take(pieces.index(b"l>"))
    assert choosable() == {b'Bash {"command":"'}
    reply.take(pieces.index(b'Bash {"command":"'))
    # These go on wrongly behind the quote
    assert choosable() == set(pieces) - {b"", b'Bash {"command":"', b',"wait":'}
    for piece in (b"x", b'"', b',"wait":', b"true"):
        reply.take(pieces.index(piece))
    assert choosable() == {b"}", b"}</tool>"}
    assert reply.take(pieces.index(b"}</tool>"))[-1]["type"] == "content_block_stop"
    assert reply.stop == ("tool_use", None)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_what_the_grammar_allows_keeps_to_the_schema_and_reads_the_same_written_again(data):
    pattern = grammar.regex.compile(value(WIDE))
    text = data.draw(st.from_regex(value(WIDE), fullmatch=True))
    call = json.loads(text)
    jsonschema.validate(call, WIDE)
    assert grammar.compact(call).encode() == text
    cut = data.draw(st.integers(0, len(text)))
    assert pattern.fullmatch(text[:cut], partial=True)


def values(schema):
    """Some values of a schema, made without its grammar."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    if "anyOf" in schema:
        return st.one_of([values(s) for s in schema["anyOf"]])
    if isinstance(schema["type"], list):
        return st.one_of([values({"type": t}) for t in schema["type"]])
    match schema["type"]:
        case "string":
            signs = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n\t"\\\r\b\f')
            return st.text(signs, min_size=schema.get("minLength", 0), max_size=schema.get("maxLength"))
        case "integer":
            return st.integers(-10 ** 10, 10 ** 10)
        case "number":
            return st.integers(-10 ** 9, 10 ** 9).map(lambda n: n / 10_000 if n % 10_000 else n // 10_000)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return st.lists(values(schema["items"]), max_size=schema.get("maxItems"))
        case "object":
            needed = schema.get("required", ())
            made = {name: values(s) for name, s in schema["properties"].items()}
            must, may = ({n: s for n, s in made.items() if (n in needed) is wanted}
                         for wanted in (True, False))
            return st.fixed_dictionaries(must, optional=may).map(lambda d: {n: d[n] for n in made if n in d})


@settings(deadline=None, max_examples=50)
@given(values(WIDE))
def test_and_every_value_of_the_schema_is_allowed(call):
    jsonschema.validate(call, WIDE)
    assert grammar.regex.fullmatch(value(WIDE), grammar.compact(call).encode())


@pytest.mark.parametrize("text", [
    b"{}", b'{"text":"","size":1,"tags":[]}', b'{"text":"1234567","size":1,"tags":[]}',
    b'{"text":"a","size":01,"tags":[]}', b'{"text":"a","size":1,"tags":["a","b","c","d"]}',
    b'{"text":"a","size":1,"tags":[],}', b'{"text":"\xed\xa0\x80","size":1,"tags":[]}',
    b'{"text":"a\nb","size":1,"tags":[]}', b'{"text":"a","size":1.0,"tags":[]}',
    b'{"size":1,"text":"a","tags":[]}'])
def test_what_breaks_the_schema_or_the_form_is_not_allowed(text):
    assert not grammar.regex.fullmatch(value(WIDE), text)


@pytest.mark.parametrize("schema, message", [
    ({"$ref": "#/x"}, "schema has \\$ref"),
    ({"type": "integer", "minimum": 3}, "schema has minimum, which calls cannot be held to"),
    ({}, "type is None"), ({"type": "text"}, "type is 'text'"), ({"type": "array"}, "schema.items is None"),
    ({"type": "object", "required": ["a"]}, "schema.required names a"),
    ({"type": "object", "properties": {"a": True}}, "schema.a is True"),
    ({"type": "string", "minLength": 5, "maxLength": 2}, "from 5 to 2 long"),
    ({"type": "string", "pattern": "x"}, "has pattern"), ({"enum": ["a"], "minimum": 0}, "has minimum")])
def test_a_schema_that_calls_cannot_be_held_to_is_refused(schema, message):
    with pytest.raises(UnknownSchema, match=message):
        value(schema)


def test_enums_constants_and_names_are_taken_literally():
    pattern = grammar.calls({"a-b": {"type": "object", "properties": {"x.y": {"enum": ["(1)", "é\n"]}},
                                     "required": ["x.y"]}})
    assert pattern.fullmatch('a-b {"x.y":"(1)"}</tool>'.encode())
    assert pattern.fullmatch('a-b {"x.y":"é\\n"}</tool>'.encode())
    assert not pattern.fullmatch(b'a-b {"xzy":"(1)"}</tool>')
