"""The server seen by the public Python client of the Messages API: its parser is the judge of our stream."""
from importlib import import_module

import jsonschema
import pytest

from tests.toy_server import BASH, HELLO, READ, serving

ASKED = {"model": "toy", "max_tokens": 40, "messages": HELLO}


@pytest.fixture(scope="module")
def anthropic():
    """Imported when a test wants it: that takes seconds, which every process
    that only collects tests would spend."""
    return import_module("anthropic")


@pytest.fixture(scope="module")
def client(anthropic):
    with (serving(max_body=50_000) as server,
          anthropic.Anthropic(base_url=server.url, api_key="x", max_retries=0) as one):
        yield one


def test_it_accumulates_our_stream_to_our_message(anthropic, client):
    greedy = {"extra_body": {"temperature": 0}}
    with client.messages.stream(**ASKED, **greedy) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_message()
    assert {"message_start", "content_block_start", "content_block_delta", "content_block_stop",
            "message_delta", "message_stop"} <= set(kinds)
    whole = client.messages.create(**ASKED, **greedy)
    assert streamed.content[0].text == whole.content[0].text
    assert streamed.stop_reason == whole.stop_reason == "max_tokens"
    assert isinstance(whole.content[0], anthropic.types.TextBlock)
    assert streamed.usage.output_tokens == whole.usage.output_tokens == 40
    # The second found the first's prompt
    assert whole.usage.cache_read_input_tokens > 0 == streamed.usage.cache_read_input_tokens


def test_its_raw_events_are_all_of_known_kinds(anthropic, client):
    for event in client.messages.create(**ASKED, stream=True, tools=[READ], tool_choice={"type": "any"}):
        known = getattr(anthropic.types, "Raw" + "".join(map(str.title, event.type.split("_"))) + "Event")
        known.model_validate(event.model_dump(), strict=True)


def test_it_runs_an_agent_loop_with_what_we_send_it(anthropic, client):
    turns, read = [*HELLO], []
    for _ in range(3):
        with client.messages.stream(model="toy", max_tokens=150, messages=turns, system="Be brief.",
                                    tools=[READ, BASH],
                                    tool_choice={"type": "tool", "name": "Bash"}) as stream:
            message = stream.get_final_message()
        call = message.content[-1]
        assert message.stop_reason == "tool_use"
        assert isinstance(call, anthropic.types.ToolUseBlock) and call.name == "Bash"
        jsonschema.validate(call.input, BASH["input_schema"])
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "done",
                  "cache_control": {"type": "ephemeral"}}
        turns += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
        read.append(message.usage.cache_read_input_tokens)
    assert read[0] < read[1] < read[2]


@pytest.mark.parametrize("fields, error", [
    ({"max_tokens": -1}, "BadRequestError"), ({"model": "other"}, "NotFoundError"),
    ({"messages": [{"role": "user", "content": "x" * 60_000}]}, "APIStatusError"),
    ({"messages": [{"role": "user", "content": "x" * 20_000}]}, "BadRequestError")])
def test_it_raises_our_errors_as_its_own(anthropic, client, fields, error):
    with pytest.raises(getattr(anthropic, error)) as caught:
        client.messages.create(**ASKED | fields)
    assert caught.value.body["type"] == "error" and caught.value.body["error"]["message"] in str(caught.value)
