"""The filters of the ledger and of the audit: which rows, what a keystroke costs,
and that a deep link finds its row all the same."""
import json

import pytest

from computetrades.book.cards import SAID
from computetrades.claims import all_claims

from .conftest import DESKTOP

SCREEN = 600  # elements in the rows that a window of 900 px shows, and some beyond its edge
SHOWN = ("[...document.querySelectorAll('form.ct-filter + * tbody tr')]"
         ".filter(r => r.checkVisibility()).map(r => r.id)")
TYPE = f"""([name, value]) => new Promise(done => {{
    const form = document.querySelector('form.ct-filter'), field = form.elements[name];
    field.value = value;
    field.dispatchEvent(new Event('input', {{bubbles: true}}));
    // the second comes after the first has been painted
    requestAnimationFrame(() => requestAnimationFrame(() => done(
        {{shown: {SHOWN}, told: form.querySelector('output').value}})));
}})"""


@pytest.fixture(scope="module")
def data(html):
    return json.loads((html / "ledger.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def verdicts(data):
    return {c["id"]: c["verdict"] or "none" for c in data["claims"]}


def shown(page) -> set[str]:
    return set(page.evaluate(SHOWN))


def told(found, every) -> str:
    return f"{len(found):,} of {len(every):,}"


def output(page) -> str:
    return page.locator("form.ct-filter output").inner_text()


def test_each_chapter_of_the_audit_shows_its_claims(visit):
    page = visit("appendix/audit")
    claims = all_claims()
    for chapter in ("07-kv-cache", "12-token-prices", "32-what-breaks"):
        page.select_option("form.ct-filter [name=chapter]", chapter)
        wanted = {c.id for c in claims.values() if c.chapter == chapter}
        assert wanted and shown(page) == wanted and output(page) == told(wanted, claims)
    page.select_option("form.ct-filter [name=chapter]", "")
    assert shown(page) == set(claims) and len(claims) == 1029


def test_each_verdict_of_the_audit_shows_its_claims(visit, verdicts):
    page = visit("appendix/audit")
    for verdict in [*SAID, "none"]:
        page.select_option("form.ct-filter [name=verdict]", verdict)
        assert shown(page) == {c for c, v in verdicts.items() if v == verdict}


@pytest.mark.parametrize("words", ["KV cache", "cache kv", "TSMC", "gross margin", "H100 rent",
                                   "no such word anywhere"])
def test_words_find_the_claims_that_have_them_all(visit, data, words):
    page = visit("appendix/audit")
    page.fill("form.ct-filter [name=q]", words)
    text = {c["id"]: " ".join((c["claim"], c["stated"], c["computed"], c["why"],
                               SAID.get(c["verdict"], ""))).lower()
            for c in data["claims"]}
    # Its row also holds the name of a source, which is not in the data
    named = {c["id"] for c in data["claims"] if c["sources"]}
    wanted = {id for id, said in text.items() if all(w in said for w in words.lower().split())}
    found = shown(page)
    assert wanted <= found and found - wanted <= named and output(page) == told(found, text)
    assert wanted or "no such" in words


def test_filters_work_together(visit, data, verdicts):
    page = visit("appendix/audit")
    page.fill("form.ct-filter [name=q]", "margin")
    page.select_option("form.ct-filter [name=verdict]", "off")
    page.select_option("form.ct-filter [name=chapter]", "27-margin-stack")
    found = shown(page)
    assert found and all(verdicts[i] == "off" and all_claims()[i].chapter == "27-margin-stack" for i in found)


def test_the_ledger_shows_records_or_facts(visit, data):
    page = visit("appendix/ledger")
    for kind in ("record", "fact"):
        page.select_option("form.ct-filter [name=kind]", kind)
        assert shown(page) == {row["key"] for row in data[f"{kind}s"]}
    page.select_option("form.ct-filter [name=kind]", "")
    page.fill("form.ct-filter [name=q]", "kv.bytes-per-token")
    assert "kv.bytes-per-token" in shown(page) and len(shown(page)) < 40


WORDS = ["gpu", "margin", "tsmc", "token", "", "euv", "the", "memory", "a"]
STYLED = "devtools.timeline"   # Chromium tells of each restyling how many elements it took


@pytest.mark.parametrize("name", ["appendix/audit", "appendix/ledger"])
def test_a_keystroke_costs_the_rows_that_it_changes_and_a_screen(chromium, address, name):
    """Counted, not timed: elements styled anew, of all that the rows hold.
    `benchmarks/pages.py` has the milliseconds."""
    context = chromium.new_context(**DESKTOP)
    page = context.new_page()
    page.goto(f"{address}/{name}.html")
    every = page.evaluate("document.querySelectorAll('tbody *').length")
    for words in WORDS:
        page.evaluate(TYPE, ["q", "" if words == "gpu" else "gpu"])
        before = set(page.evaluate(SHOWN))
        chromium.start_tracing(page=page, categories=[STYLED])
        frame = page.evaluate(TYPE, ["q", words])
        trace = json.loads(chromium.stop_tracing())["traceEvents"]
        changed = len(before ^ set(frame["shown"]))
        styled = sum(e["args"].get("elementCount", 0) for e in trace if e["name"] == "UpdateLayoutTree")
        print(name, words, changed, styled, every)
        assert frame["told"].startswith(f"{len(frame['shown']):,} of ")
        assert 0 < styled < changed + SCREEN, words
    assert every > 10 * SCREEN
    context.close()


ROW = "kv.bytes-per-token"


def stands_out(page, key) -> None:
    """Waits until the row is on the screen, unfolded, and coloured unlike its neighbour;
    then it must stay there."""
    there = """key => {
        const row = document.getElementById(key), box = row.getBoundingClientRect();
        const colour = r => getComputedStyle(r.cells[0]).backgroundColor;
        const beside = row.nextElementSibling ?? row.previousElementSibling;
        return box.top >= 0 && box.top < innerHeight - 20
            && row.querySelector('details').open && colour(row) !== colour(beside);
    }"""
    page.wait_for_function(there, arg=key)
    page.wait_for_timeout(500)
    assert page.evaluate(there, key)


def test_a_deep_link_shows_its_row(visit):
    page = visit("appendix/ledger", anchor=f"#{ROW}")
    stands_out(page, ROW)


def test_a_deep_link_shows_a_row_that_the_filter_had_hidden(visit):
    page = visit("appendix/ledger")
    page.fill("form.ct-filter [name=q]", "no such word anywhere")
    assert shown(page) == set()
    page.evaluate("key => { location.hash = key }", ROW)
    page.wait_for_function("key => document.getElementById(key).checkVisibility()", arg=ROW)
    stands_out(page, ROW)


def test_a_popover_leads_to_its_row(visit):
    page = visit("chapters/07-kv-cache")
    link = page.locator(f"article p a.ct-num[href$='#{ROW}']").first
    link.hover()
    page.locator(".ct-pop:popover-open .ct-more a").click()
    page.wait_for_load_state("load")
    stands_out(page, ROW)


def test_a_claim_has_its_address_in_the_audit(visit):
    page = visit("appendix/audit", anchor="#kv-bytes-per-token")
    page.wait_for_timeout(500)
    assert page.locator("#kv-bytes-per-token").evaluate(
        "r => r.getBoundingClientRect().top >= 0 && r.getBoundingClientRect().top < innerHeight")
