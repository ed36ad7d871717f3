"""The filters of the ledger and of the audit: which rows, how fast, and that a deep link finds its row all the same."""
import json
import statistics

import pytest

from computetrades.book.cards import SAID
from computetrades.claims import all_claims

FRAME = 100  # ms of work from a keystroke to the frame that shows what it found
SETTLED = """() => new Promise(done => {           // rows beyond the first screens come in behind the first frame
    const state = () => document.querySelectorAll('tbody tr[hidden]').length;
    let before = -1;
    const look = () => { const now = state(); if (now === before) done(); else { before = now; setTimeout(look, 60); } };
    look();
})"""
TYPE = """([name, value]) => new Promise(done => {
    const form = document.querySelector('form.ct-filter'), field = form.elements[name];
    field.value = value;
    field.dispatchEvent(new Event('input', {bubbles: true}));
    requestAnimationFrame(() => requestAnimationFrame(() => done({   // the second comes after the first has been painted
        shown: [...document.querySelectorAll('form.ct-filter + * tbody tr')].filter(r => r.checkVisibility()).map(r => r.id),
        below: document.querySelector('form.ct-filter + * table').getBoundingClientRect().bottom,
        told: form.querySelector('output').value,
    })));
})"""


@pytest.fixture(scope="module")
def data(html):
    return json.loads((html / "ledger.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def verdicts(data):
    return {c["id"]: c["verdict"] or "none" for c in data["claims"]}


def shown(page) -> set[str]:
    page.evaluate(SETTLED)
    return set(page.evaluate("[...document.querySelectorAll('form.ct-filter + * tbody tr')].filter(r => r.checkVisibility()).map(r => r.id)"))


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


@pytest.mark.parametrize("words", ["KV cache", "cache kv", "TSMC", "gross margin", "H100 rent", "no such word anywhere"])
def test_words_find_the_claims_that_have_them_all(visit, data, words):
    page = visit("appendix/audit")
    page.fill("form.ct-filter [name=q]", words)
    text = {c["id"]: " ".join((c["claim"], c["stated"], c["computed"], c["why"], SAID.get(c["verdict"], ""))).lower()
            for c in data["claims"]}
    named = {c["id"] for c in data["claims"] if c["sources"]}  # its row also holds the name of a source, which is not in the data
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


@pytest.mark.parametrize("name", ["appendix/audit", "appendix/ledger"])
def test_a_keystroke_is_answered_within_a_frame_or_six(visit, name):
    """Over all rows. What the frame shows is right, and fills the screen if there is so much. Counted is the processor time of
    the page's main thread, since waiting for a busy machine says nothing of the page; of the queries, the median."""
    page = visit(name)
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    took = [answer(page, cdp, words) for words in WORDS]
    assert 0 < statistics.median(took) < FRAME, took


def busy(cdp) -> float:
    """Milliseconds that the page's main thread has worked so far."""
    return next(1000 * m["value"] for m in cdp.send("Performance.getMetrics")["metrics"] if m["name"] == "TaskDuration")


def answer(page, cdp, words) -> float:
    took = []
    for _ in range(3):
        page.evaluate(TYPE, ["q", "" if words else "gpu"])
        page.evaluate(SETTLED)
        before = busy(cdp)
        frame = page.evaluate(TYPE, ["q", words])
        took.append(busy(cdp) - before)
        final = shown(page)
        assert set(frame["shown"]) <= final
        assert set(frame["shown"]) == final or frame["below"] > page.viewport_size["height"]
        assert frame["told"].startswith(f"{len(final):,} of ")
    return min(took)


ROW = "kv.bytes-per-token"


def stands_out(page, key) -> bool:
    """The row is on the screen, unfolded, and coloured unlike its neighbour."""
    return page.evaluate("""key => {
        const row = document.getElementById(key), box = row.getBoundingClientRect();
        const colour = r => getComputedStyle(r.cells[0]).backgroundColor;
        const beside = row.nextElementSibling ?? row.previousElementSibling;
        return box.top >= 0 && box.top < innerHeight - 20 && row.querySelector('details').open && colour(row) !== colour(beside);
    }""", key)


def test_a_deep_link_shows_its_row(visit):
    page = visit("appendix/ledger", anchor=f"#{ROW}")
    assert stands_out(page, ROW)


def test_a_deep_link_shows_a_row_that_the_filter_had_hidden(visit):
    page = visit("appendix/ledger")
    page.fill("form.ct-filter [name=q]", "no such word anywhere")
    assert shown(page) == set()
    page.evaluate("key => { location.hash = key }", ROW)
    page.wait_for_function("key => document.getElementById(key).checkVisibility()", arg=ROW)
    page.evaluate(SETTLED)
    assert stands_out(page, ROW)


def test_a_popover_leads_to_its_row(visit):
    page = visit("chapters/07-kv-cache")
    link = page.locator(f"article p a.ct-num[href$='#{ROW}']").first
    link.hover()
    page.locator(".ct-pop:popover-open .ct-more a").click()
    page.wait_for_load_state("load")
    assert stands_out(page, ROW)


def test_a_claim_has_its_address_in_the_audit(visit):
    page = visit("appendix/audit", anchor="#kv-bytes-per-token")
    assert page.locator("#kv-bytes-per-token").evaluate("r => r.getBoundingClientRect().top >= 0 && r.getBoundingClientRect().top < innerHeight")
