"""The indexes of the ledger and of the audit: which lines a filter shows, and where an address leads."""
import json

import pytest

from computetrades.book.cards import SAID
from computetrades.claims import all_claims

SHOWN = ("[...document.querySelectorAll('form.ct-filter + * li')]"
         ".filter(r => r.checkVisibility()).map(r => r.id)")


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
    text = {c["id"]: " ".join((c["claim"], c["stated"], c["computed"], SAID.get(c["verdict"], ""),
                               f"chapter {c['chapter'][:2]}, line {c['line']}")).lower()
            for c in data["claims"]}
    wanted = {id for id, said in text.items() if all(w in said for w in words.lower().split())}
    assert shown(page) == wanted and output(page) == told(wanted, text)
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


ROW = "kv.bytes-per-token"


def stands_out(page, id) -> None:
    """Waits until the line or entry is on the screen and coloured unlike its neighbour; then it must stay."""
    there = """id => {
        const line = document.getElementById(id), box = line?.getBoundingClientRect();
        const colour = e => getComputedStyle(e.cells?.[0] ?? e).backgroundColor;
        return line && box.top >= 0 && box.top < innerHeight - 20
            && colour(line) !== colour(line.nextElementSibling ?? line.previousElementSibling);
    }"""
    page.wait_for_function(there, arg=id)
    page.wait_for_timeout(500)
    assert page.evaluate(there, id)


def told_in_full(page, key) -> None:
    """The browser is at the number's entry, which shows its value and its inputs."""
    page.wait_for_url(f"**/appendix/ledger/*.html#{key}")
    stands_out(page, key)
    entry = page.locator(f"[id='{key}']")
    assert entry.locator("td b").first.is_visible() and entry.locator(".ct-inputs li").first.is_visible()


def test_the_address_of_a_line_goes_on_to_the_entry(visit):
    told_in_full(visit("appendix/ledger", anchor=f"#{ROW}"), ROW)


def test_a_popover_leads_to_the_entry(visit):
    page = visit("chapters/07-kv-cache")
    link = page.locator(f"article p a.ct-num[href$='#{ROW}']").first
    link.hover()
    page.locator(".ct-pop:popover-open .ct-more a").click()
    told_in_full(page, ROW)


def test_a_deep_link_shows_a_line_that_the_filter_had_hidden(visit):
    page = visit("appendix/ledger")
    page.fill("form.ct-filter [name=q]", "no such word anywhere")
    assert shown(page) == set()
    page.evaluate("key => { location.hash = key }", ROW)
    page.wait_for_function("key => document.getElementById(key).checkVisibility()", arg=ROW)
    stands_out(page, ROW)
    assert page.url.endswith(f"/appendix/ledger.html#{ROW}"), "the filter is gone and its words are not"


def test_the_address_of_a_claim_goes_on_to_where_it_was_judged(visit, verdicts):
    page = visit("appendix/audit", anchor="#kv-bytes-per-token")
    page.wait_for_url("**/chapters/07-kv-cache.html#claim-kv-bytes-per-token")
    stands_out(page, "claim-kv-bytes-per-token")
    waiting = next(c for c, verdict in reversed(verdicts.items()) if verdict == "none")
    page = visit("appendix/audit", anchor=f"#{waiting}")
    stands_out(page, waiting)
    assert page.url.endswith(f"/appendix/audit.html#{waiting}")


def test_what_a_filter_asks_stands_in_the_address(visit):
    """It is there after a reload, after the way to an entry and back, and beside the address of a line."""
    page = visit("appendix/ledger")
    page.fill("form.ct-filter [name=q]", "kv cache")
    page.select_option("form.ct-filter [name=kind]", "record")
    asked, found = "appendix/ledger.html?q=kv+cache&kind=record", shown(page)
    assert page.url.endswith(asked) and 0 < len(found) < 100

    def stands():
        page.wait_for_function("n => document.querySelector('form.ct-filter output').value.startsWith(n)",
                               arg=f"{len(found)} of ")
        return shown(page) == found and page.input_value("form.ct-filter [name=q]") == "kv cache" \
            and page.input_value("form.ct-filter [name=kind]") == "record"
    page.reload()
    assert stands()
    page.locator(".ct-index li:visible a").first.click()
    page.wait_for_url("**/appendix/ledger/*.html#*")
    page.go_back()
    assert page.url.endswith(asked) and stands()
    page.evaluate("key => { location.hash = key }", ROW)
    stands_out(page, ROW)
    assert page.url.endswith(f"{asked}#{ROW}") and stands()
    page.fill("form.ct-filter [name=q]", "")
    page.select_option("form.ct-filter [name=kind]", "")
    assert page.url.endswith("appendix/ledger.html"), "nothing is asked and the address asks"


@pytest.mark.parametrize("name", ["appendix/audit", "appendix/ledger"])
def test_without_scripts_every_address_lands_on_its_line(visit, address, name):
    """A sample, the first and the last of them included; that every line has its id is told in test_build."""
    page = visit(name, java_script_enabled=False)
    ids = page.locator(".ct-index li").evaluate_all("all => all.map(line => line.id)")
    for id in [*ids[::len(ids) // 6], ids[-1]]:
        page.goto(f"{address}/{name}.html#{id}")
        stands_out(page, id)
