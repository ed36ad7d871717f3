"""serving/request_body.py: against the lab's own server, JSON's round trip, and tokens that
are put together again."""
import json
import subprocess
import sys

import pytest

from computetrades.facts import facts
from computetrades.serving import request_body, schema
from computetrades.tokenizers import cl100k


@pytest.mark.parametrize("reads", [0, 1, 16])
def test_the_labs_server_accepts_the_body(reads):
    asked = schema.parse_request(request_body.json_bytes(request_body.build(reads)))
    assert asked.model == "claude-opus-4-7" and len(asked.tools) == 12
    assert len(asked.messages) == (1 if not reads else 2 * reads + 3)
    assert asked.messages[-1].content[-1].text == "Add dark mode functionality to my blog."


def test_the_bytes_are_json_without_a_space_to_spare():
    body = request_body.build(3)
    raw = request_body.json_bytes(body)
    assert json.loads(raw) == body and len(raw) == request_body.size(3)
    assert len(raw) < len(json.dumps(body).encode())


def test_the_tokens_of_the_parts_give_the_texts_back():
    body, encoding = request_body.build(2), cl100k.encoding()
    for part, found in request_body.texts(body).items():
        ids = [encoding.encode(text) for text in found]
        assert [encoding.decode(i) for i in ids] == found
        assert sum(map(len, ids)) == request_body.part_tokens(2)[part]


@pytest.mark.parametrize("reads, lines", [(1, 200), (3, 50)])
def test_reads_add_what_a_request_without_any_lacks(reads, lines):
    more = sum(request_body.part_tokens(reads, lines).values()) - sum(request_body.part_tokens(0).values())
    assert request_body.per_read(reads, lines) * reads == pytest.approx(more)
    assert request_body.per_read(0) == 0


def test_every_text_of_the_body_belongs_to_one_part():
    body = request_body.build(2)
    counted = [text for found in request_body.texts(body).values() for text in found]
    def spoken(block): return block.get("text") or block.get("content") or block["name"]
    for block in [*body["system"], *(b for turn in body["messages"] for b in turn["content"])]:
        assert sum(text.startswith(spoken(block)) for text in counted) >= 1
    assert list(request_body.texts(body)) == list(request_body.PARTS)


def test_what_is_read_is_the_held_out_code_line_by_line():
    read = "\n".join(request_body.texts(request_body.build(3, 50))["files read"]).splitlines()
    numbers, lines = zip(*(line.split("\t", 1) for line in read), strict=True)
    assert [int(n) for n in numbers] == list(range(1, 151))
    assert list(lines) == request_body._code()[:150]


def test_a_longer_session_begins_as_the_shorter_one():
    """What a cached prefix rests on: all but the last turn's end is the same."""
    short, long = (request_body.build(n)["messages"] for n in (4, 5))
    assert long[1:9] == short[1:9] and long[0] == short[0]


def test_the_stored_density_is_that_of_the_stand_in():
    reads, lines = (int(facts("stand-in").fields[name]) for name in ("n_reads", "lines_per_read"))
    density = request_body.size(reads, lines) / sum(request_body.part_tokens(reads, lines).values())
    assert round(density, 2) == facts("one-request").body_bytes.value("B/token")


def test_numbers_before_lines_cost_tokens():
    assert request_body.bare_tokens(4) < request_body.part_tokens(4)["files read"]


@pytest.mark.parametrize("bad", [(-1, 200), (1.5, 200), (1, 0), (1000, 200)])
def test_what_cannot_be_read_is_refused_with_the_number_and_a_remedy(bad):
    with pytest.raises(ValueError, match=r"give a whole number|ask for fewer"):
        request_body.build(*bad)


def test_an_outline_is_short_and_keeps_the_shape():
    shown = request_body.outline(request_body.build(16), most=1)
    assert list(shown) == list(request_body.build(16)) and shown["tools"][-1] == "... and 11 more"
    assert len(json.dumps(shown)) < 3000


def test_it_needs_no_torch():
    code = ("import sys; from computetrades.serving import request_body as a; "
            "a.part_tokens(1); print('torch' in sys.modules)")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
