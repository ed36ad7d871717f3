"""The search of the book, which runs in the page: over http, and from the files without any server."""

from .conftest import PATIENCE

FOUND = "#search-results a[href]"


def results(page) -> list[str]:
    page.locator(FOUND).first.wait_for()
    page.wait_for_function("() => !document.title.startsWith('Searching')")
    return page.eval_on_selector_all(FOUND, "links => links.map(a => a.href)")


def test_the_search_box_finds_the_chapter(visit):
    page = visit("intro")
    page.locator("input[name=q]:visible").first.fill("KV cache")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=KV*")
    assert any("chapters/07-kv-cache.html" in link for link in results(page)[:3])


def test_the_search_page_searches_again(visit):
    page = visit("search")
    page.locator("main input[name=q]").fill("EUV wafers")
    page.keyboard.press("Enter")
    assert any("chapters/26-euv-ceiling.html" in link for link in results(page))


def test_a_result_leads_to_its_page(visit):
    page = visit("search", anchor="?q=KV+cache")
    results(page)
    page.locator(FOUND).first.click()
    page.wait_for_load_state()
    assert page.locator("article h1").count() == 1 and "search.html" not in page.url


def test_a_number_is_found_by_its_key(visit):
    page = visit("search", anchor="?q=kv.bytes-per-token")
    assert any("chapters/07-kv-cache.html" in link or "appendix/ledger.html" in link
               for link in results(page))


def test_nothing_found_is_said(visit):
    page = visit("search", anchor="?q=zyzzyva")
    page.wait_for_function("() => document.querySelector('#search-results').innerText.trim().length > 20")
    assert page.locator(FOUND).count() == 0


def test_it_works_from_the_files_too(chromium, html):
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{(html / 'search.html').as_uri()}?q=KV+cache")
    assert any("chapters/07-kv-cache.html" in link for link in results(page)[:3])
    context.close()
