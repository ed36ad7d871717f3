"""site/prose.py: what the check must find, what it must leave alone, and that rewriting mends it."""
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.site.prose import check, forms, loose_figures, quotes, rewrite

TABLE = {key: {"text": text} for key, text in {
    "kv.per-token": "320 KiB/token", "margin.gross": "66.7%", "price.ratio": "4.66×",
    "price.output": "$15/Mtok", "session.context": "50,000 tokens",
    "kv.vs-weights": "fits inside", "tools.needed": "196–392 GW/year"}.items()}
calm = settings(deadline=None, max_examples=80)


def problems(markdown):
    return [str(p) for p in check("chapters/07", [(3, markdown)], TABLE)]


@pytest.mark.parametrize("literal, key", [
    ("320 KiB/token", "kv.per-token"), ("320 KiB", "kv.per-token"), ("320", "kv.per-token"),
    ("66.7%", "margin.gross"), ("66.7", "margin.gross"), ("4.66×", "price.ratio"), ("4.66", "price.ratio"),
    ("$15/Mtok", "price.output"), ("$15", "price.output"), ("50,000 tokens", "session.context"),
    ("50,000", "session.context"), ("fits inside", "kv.vs-weights"), ("196–392 GW", "tools.needed"),
    ("196–392", "tools.needed")])
def test_every_form_of_a_record_may_be_quoted(literal, key):
    literal = literal.replace("$", r"\$")
    assert problems(f"It costs [{literal}](#{key}), **[{literal}](#{key})**, [**{literal}**](#{key}).") == []


@pytest.mark.parametrize("literal", ["321 KiB", "320 KB", "320 KiB/user", "32", "3.20", "about 320 KiB"])
def test_a_wrong_literal_is_told_with_place_both_values_and_remedy(literal):
    [told] = problems(f"It costs [{literal}](#kv.per-token).")
    assert all(word in told for word in ["chapters/07, cell 3", repr(literal), "kv.per-token",
                                         "'320 KiB/token'", "make sync"])


def test_the_bare_form_of_a_power_of_ten_keeps_its_power():
    assert "1.23" not in forms("1.23 × 10⁻⁵ s")


def test_an_unknown_key_is_told_with_the_nearest():
    [told] = problems("It costs [320 KiB](#kv.per-tokn).")
    assert "kv.per-tokn" in told and "did you mean 'kv.per-token'" in told


@pytest.mark.parametrize("word", [
    "twice", "half", "forty", "three times", "a third", "doubled", "two-thirds", "one quarter", "tenfold",
    "three-fold", "halved", "tripled", "dozens", "hundreds", "million", "percent", "5", "$15", "25%", "10x",
    "1,000", "3.5"])
def test_a_loose_figure_is_found_and_named(word):
    plain, word = word, word.replace("$", r"\$")
    for markdown in (f"It grew {word} since.", f"| a |\n|---|\n| {word} |", f"- item {word}",
                     f"> said {word}", f"[{word}](other.md)"):
        [told] = problems(markdown)
        assert repr(plain.split()[0])[:-1] in told and "record it" in told


@pytest.mark.parametrize("markdown", [
    "`x = 5`", "```\nx = 5\n```", "    x = 5", "Then $x = 5$ holds.", "$$x = 5$$",
    "# Station 5 of 11\n\nText.", "Llama-3 70B on H100s and GB200 NVL72",
    "In 2026, on 23 April 2026, in Q3 2026.", "FP8, HBM3E, N3 and MXFP4", "See chapters 3 and 4, line 12.",
    "See [1,029 claims](https://example.org/5).", "<https://example.org/5>",
    "Two tensors, one layer, and a second thought on their behalf.", "1. first item",
    "Often attention is the third step."])
def test_code_math_headings_names_dates_and_outside_links_are_left_alone(markdown):
    assert problems(markdown) == []


def test_a_dollar_sign_before_a_digit_needs_a_backslash_outside_code():
    [told] = problems("It costs [$15](#price.output).")
    assert r"\$15" in told and "chapters/07, cell 3" in told
    assert problems("Run `echo $1`, then\n\n```\necho $2\n```") == []


def test_a_dollar_amount_is_a_figure_and_not_math():
    assert [word for word, _ in loose_figures("It costs $15 in, $20 out.")] == ["$15", "$20"]


def test_a_year_is_a_date_and_a_quantity_of_that_size_is_not():
    assert problems("Since 2026 prices fell.") == []
    assert len(problems("A 2000× increase.")) == 1 and len(problems("It fell by 2000%.")) == 1


def test_a_figure_beside_a_quote_is_found():
    [told] = problems("From [66.7%](#margin.gross) to 71%.")
    assert "'71%'" in told


def test_a_quote_may_run_over_a_line_end():
    assert problems("It costs [320\nKiB](#kv.per-token).") == []


def test_quotes_are_key_and_literal_and_other_links_are_not():
    source = "[320 KiB](#kv.per-token), [up](#heading), [out](https://x.org#a.b)"
    assert quotes(source) == [("kv.per-token", "320 KiB")]


FIGURE = st.one_of(st.integers(0, 10**9).map("{:,}".format),
                   st.decimals("0.01", "9999", places=2).map("{:,}".format),
                   st.integers(1, 99).map("{0}–1{0}".format))
UNIT = st.sampled_from([" KiB/token", " GB", "%", "×", " tokens", ""])


def shapes(figure, unit):
    """The three ways of quoting a value: whole, without its denominator, bare."""
    return [figure + unit, figure + unit.partition("/")[0], figure]


@calm
@given(FIGURE, FIGURE, UNIT, st.sampled_from([0, 1, 2]))
def test_rewriting_brings_the_new_value_in_the_old_form(before, after, unit, shape):
    old, new = ({"a.b": {"text": f + unit}} for f in (before, after))
    found = rewrite(f"It takes [{shapes(before, unit)[shape]}](#a.b) here.", old, new)
    assert found == f"It takes [{shapes(after, unit)[shape]}](#a.b) here."


@calm
@given(FIGURE, FIGURE, UNIT, UNIT, st.sampled_from([0, 1, 2]))
def test_after_rewriting_the_check_is_clean(before, after, unit, other_unit, shape):
    old, new = {"a.b": {"text": before + unit}}, {"a.b": {"text": after + other_unit}}
    source = f"It takes [{shapes(before, unit)[shape]}](#a.b) here, [stale](#a.b) there."
    assert check("d", [(1, rewrite(source, old, new))], new) == []


def test_the_bare_form_stays_bare_when_the_unit_changes():
    old, new = {"a.b": {"text": "4.66×"}}, {"a.b": {"text": "3 GB/s"}}
    assert rewrite("[4.66](#a.b)", old, new) == "[3](#a.b)"


def test_rewriting_changes_nothing_else():
    source = "# 5\n\nKeep [a](b.md), [c](#heading), [gone](#x.gone) and `code`.\n"
    assert rewrite(source, TABLE, TABLE) == source
    assert (rewrite("[fits inside](#kv.vs-weights)", TABLE, {"kv.vs-weights": {"text": "outgrows"}})
            == "[outgrows](#kv.vs-weights)")


def test_phrases_and_text_facts_are_quoted_whole():
    assert forms("fits inside") == ["fits inside"] and forms("2022-09-20") == ["2022-09-20"]
