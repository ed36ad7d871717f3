"""The Sphinx extension: collects what chapters publish, checks the prose,
draws numbers, cards, ledger and audit.

Records and audits travel as cell outputs -> nodes (outputs.py) -> this collector, so a cached execution keeps
them. Checks run in `env-updated`, which every build emits;
`env-check-consistency` is silent when nothing was re-read.
"""
from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.errors import SphinxError
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, new_document

from ..book import cards
from ..claims import all_claims
from ..data import DataError
from ..facts import all_leaves
from . import (
    frame,
    glossary,
    index_pages,
    ledger,
    pages,
    previews,
    prose,
    records_js,
    repository,
    results,
    unchanged,
)
from .drawing import SIBLING, Drawing
from .notebooks import chapters

log = logging.getLogger(__name__)
GLOSSARY = "appendix/glossary"


class quoted_number(nodes.Inline, nodes.TextElement):
    """A link to a record or fact, before it becomes HTML."""


class generated_page(nodes.General, nodes.Element):
    """The place where a directive puts the ledger, the audit, a summary or the bibliography."""


class aside(nodes.General, nodes.Element):
    """A note beside the text; on a narrow screen it stands in the text."""


class Quotes(SphinxTransform):
    default_priority = 2  # before MyST resolves '#...' as a heading

    def apply(self):
        for ref in list(self.document.findall(nodes.reference)):
            m = prose.QUOTED.fullmatch(ref.get("refuri", ""))
            if m:
                ref.replace_self(quoted_number("", "", *ref.children, key=m[1]))


class Collector(EnvironmentCollector):
    """env.computetrades: docname -> {records, audits, uses,
    pages: whether it shows what other documents hold, lede}."""

    def clear_doc(self, app, env, docname):
        _store(env).pop(docname, None)

    def merge_other(self, app, env, docnames, other):
        _store(env).update({d: _store(other)[d] for d in docnames if d in _store(other)})

    def process_doc(self, app, doctree):
        # Its definitions are copied into every page
        app.env.note_dependency(str(Path(app.srcdir) / f"{GLOSSARY}.md"))
        raws = list(doctree.findall(nodes.raw))
        _store(app.env)[app.env.docname] = {
            "records": [n["record"] for n in raws if "record" in n],
            "audits": [n["audit"] for n in raws if "audit" in n],
            "uses": sorted({n["key"] for n in doctree.findall(quoted_number)}),
            "pages": any(True for _ in doctree.findall(generated_page))
            or any(SIBLING.search(n.astext()) for n in raws), "lede": _lede(doctree)}


def _lede(doctree) -> list[list]:
    """The first paragraph as [text, key of the number it quotes, or None] pieces."""
    first = next(doctree.findall(nodes.paragraph), None)
    return [[n.astext(), n["key"] if isinstance(n, quoted_number) else None]
            for n in first.children] if first else []


def _store(env) -> dict:
    if not hasattr(env, "computetrades"):
        env.computetrades = {}
    return env.computetrades


def book_of(env) -> ledger.Book:
    """Everything published, as `updated` gathered it from the pages that were read."""
    return env.computetrades_book


def updated(app, env) -> list[str]:
    """Gather and check everything, and have every page rewritten that quotes
    a number which changed elsewhere.

    What rests on an unchanged state (library, data, published outputs) is kept from the build before.
    """
    docs = _store(env)
    state = _digest(code_digest(Path(env.srcdir)), json.dumps(docs, sort_keys=True))
    if getattr(env, "computetrades_state", None) != state:
        env.computetrades_state = state
        env.computetrades_book = ledger.gather(*({d: s[kind] for d, s in docs.items()}
                                                 for kind in ("records", "audits", "uses")))
    book, clean = book_of(env), getattr(env, "computetrades_clean", {})
    env.computetrades_clean = {}
    for said in book.faults:
        log.warning(said, type="computetrades")
    for docname in sorted(env.found_docs):
        key = _digest(state, Path(env.doc2path(docname)).read_text(encoding="utf-8"))
        problems = [] if clean.get(docname) == key else list(_prose_problems(env, docname, book))
        for problem in problems:
            log.warning(str(problem), type="computetrades")
        if not problems:
            env.computetrades_clean[docname] = key
    seen = {key: _digest(json.dumps(p, sort_keys=True)) for key, p in book.table.items()}
    seen["the library"] = state               # which the pages about it are made of
    seen |= {docname: _digest(env.titles[docname].astext(), json.dumps(s["lede"]))
             for docname, s in docs.items() if docname in env.titles}
    before, env.computetrades_seen = getattr(env, "computetrades_seen", {}), seen
    dirty = {key for key in seen.keys() | before.keys() if seen.get(key) != before.get(key)}
    stood, env.computetrades_homes = getattr(env, "computetrades_homes", {}), book.homes
    hand, env.computetrades_hand = getattr(env, "computetrades_hand", ""), _hand()
    moved = any(stood.get(key, home) != home for key, home in book.homes.items())
    if moved or hand != env.computetrades_hand:   # entries are linked from anywhere, all is drawn by one hand
        return sorted(env.found_docs)
    return [d for d, s in docs.items()
            if d in env.found_docs and dirty and (s["pages"] or dirty & set(s["uses"]))]


def _hand() -> str:
    """Digest of the code that draws pages."""
    paths = [*sorted(Path(__file__).parent.glob("*.py")), Path(cards.__file__)]
    return _digest(*(path.read_text(encoding="utf-8") for path in paths))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _prose_problems(env, docname, book):
    from .notebooks import markdown_cells
    path = Path(env.doc2path(docname))
    cells = markdown_cells(path)
    quoted = {key for _, source in cells for key, _ in prose.quotes(source)}
    for key in sorted(quoted - set(_store(env).get(docname, {}).get("uses", ()))):
        yield (f"{docname}: the quote of {key!r} did not become a link; "
               "is it inside a formula or a half-escaped price?")
    yield from prose.check(path.relative_to(env.srcdir).as_posix(), cells, book.table)
    for audit in _store(env).get(docname, {}).get("audits", ()):
        yield from prose.check(f"{docname} (audit note)", [(r["id"], r["note"]) for r in audit["claims"]],
                               book.table, escaped=False)


class Draw(SphinxPostTransform):
    """Turns what was published and quoted into HTML,
    with one popover per number and per term at the end of the page."""
    default_priority = 900  # after references are resolved
    formats = ("html",)

    def run(self, **_):
        self.drawing = draw = Drawing(book_of(self.env), self.env, self.env.docname)
        self.app.computetrades_drawn.add(draw.docname)
        for node in list(self.document.findall(quoted_number)):
            key = node["key"]
            html = (draw.number(key, node.astext()) if key in draw.book.table
                    else f"<mark>{node.astext()}</mark>")
            node.replace_self(nodes.raw("", html, format="html"))
        for node in list(self.document.findall(nodes.raw)):
            if "record" in node:
                node.replace_self(raw(cards.card(node["record"], draw.link)))
            elif "audit" in node:
                node.replace_self(raw(cards.audit_html(node["audit"], draw.inline, cards.claim_anchor)))
            elif SIBLING.search(node.astext()):
                node.replace_self(raw(SIBLING.sub(draw.sibling, node.astext())))
        for node in list(self.document.findall(generated_page)):
            node.replace_self(raw(getattr(pages, node["page"])(draw)))
        for ref in list(self.document.findall(nodes.reference)):
            self.term(ref)
        # Scrolls by itself, so that a phone's page does not
        for table in list(self.document.findall(nodes.table)):
            at = table.parent.index(table)
            table.parent.insert(at + 1, raw("</div>"))
            table.parent.insert(
                at, raw('<div class="ct-scroll" tabindex="0" role="region" aria-label="Table">'))
        if draw.popovers:
            self.document.append(raw("".join(draw.popovers.values())))

    def term(self, ref: nodes.reference):
        """A link into the glossary shows its definition on hover."""
        _, found, slug = ref.get("refuri", "").partition(f"{GLOSSARY.rpartition('/')[2]}.html#")
        known = glossary.definitions(Path(self.env.srcdir) / f"{GLOSSARY}.md")
        definition = known.get(slug) if found else None
        if definition:
            popover = f"term-{slug}"
            self.drawing.popovers.setdefault(
                popover, f'<div class="ct-pop" id="{popover}" role="note" popover>{definition}</div>')
            ref.replace_self(nodes.raw(
                "", f'<a class="ct-term" href="{ref["refuri"]}" data-popover="{popover}">'
                    f"{pages.escape(ref.astext())}</a>", format="html"))


def raw(html: str) -> nodes.raw:
    """HTML with a line break between elements, or the search index glues their words together."""
    ends = r"(?<!\s)(</(?:td|th|tr|div|li|p|summary|details|span|a|b|option|h2|h3)>)(?=<)"
    return nodes.raw("", re.sub(ends, r"\1\n", html), format="html")


class Generated(SphinxDirective):
    """```{computetrades} ledger``` and its like: a page part made from what was published."""
    required_arguments = 1

    def run(self):
        if self.arguments[0] not in pages.PARTS:
            raise self.error(f"no part {self.arguments[0]!r}; choose one of {', '.join(pages.PARTS)}")
        return [generated_page(page=self.arguments[0])]


class Aside(SphinxDirective):
    has_content = True

    def run(self):
        note = aside()
        self.state.nested_parse(self.content, self.content_offset, note)
        return [note]


def executed(app):
    """Wrong data is said before any chapter runs; then what has to run does."""
    root = Path(app.srcdir)
    try:
        all_leaves(), all_claims()
        app.computetrades_results = results.of_chapters(root, chapters(root))
    except DataError as error:
        raise SphinxError(str(error)) from None


def outdated(app, env, added, changed, removed) -> list[str]:
    """Chapters whose outputs are not those that were read last."""
    read = getattr(env, "computetrades_outputs", {})
    return [d for d in env.found_docs
            if Path(d).name in app.computetrades_results
            and read.get(d) != app.computetrades_results[Path(d).name].digest]


def read(app, docname, source):
    """A chapter is read with its result's outputs; its markdown cells tagged `margin` become margin notes."""
    if not str(app.env.doc2path(docname)).endswith(".ipynb"):
        return
    result = app.computetrades_results[Path(docname).name]
    app.env.computetrades_outputs = {**getattr(app.env, "computetrades_outputs", {}), docname: result.digest}
    notebook = results.inserted(json.loads(source[0]), result)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and "margin" in cell["metadata"].get("tags", ()):
            cell["source"] = "```{aside}\n" + "".join(cell["source"]) + "\n```"
    source[0] = json.dumps(notebook)


def configured(app, config):
    """The assets of the built book, and its public address."""
    root = Path(app.confdir)
    if url := repository.repository(root):
        config.html_baseurl = repository.site(root)
        config.html_theme_options["repository_url"] = url
    config.numfig = False     # figures have no numbers; Sphinx would walk every page to give them some
    config.html_static_path.append("_build/assets")
    made = root / "_build/assets"
    made.mkdir(parents=True, exist_ok=True)
    state = json.dumps(unchanged.commit(root) | {"site": config.html_baseurl}, sort_keys=True)
    unchanged.put(made / "state.js", f"window.book = {state};\n")
    (made / cards.CSS.name).write_bytes(cards.CSS.read_bytes())
    bundle = made / "vega.js"
    if not bundle.is_file():
        import vl_convert
        source = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
        # A plain script, since file:// admits no module
        bundle.write_text(f"(() => {{\n{source}\n}})();\n", encoding="utf-8")


def entries_listed(app, builder):
    """The pages of the ledger's entries, which no source file stands for, become known to the site search."""
    if builder.format == "html":
        app.computetrades_drawn = set()
        indexed = (Path(app.outdir) / "searchindex.js").is_file()
        for home in index_pages.entries_of(book_of(app.env)):
            app.env.titles[home] = nodes.title("", index_pages.title(app.env, home))
            if indexed:                        # Sphinx drops from it whatever is no document
                app.env.all_docs[home] = 0


def collected(app):
    """Those pages, drawn where their index is."""
    if ledger.PAGE not in app.computetrades_drawn:
        return
    book = book_of(app.env)
    for home, numbers in index_pages.entries_of(book).items():
        body = raw(index_pages.entry_table(Drawing(book, app.env, home), numbers))
        app.env.all_docs[home] = 0
        told, document = app.env.titles[home].astext(), new_document(home)
        document.append(body)
        app.builder.index_page(home, document, told)
        yield home, {"title": told, "body": body.astext()}, "page.html"


def code_digest(root: Path) -> str:
    """Digest of the library and the data, of which the checks and the ledger make use."""
    digest = hashlib.sha256()
    files = [*root.glob("lib/**/*.py"), *root.glob("lib/**/*.txt"), *root.glob("lib/**/*.css"),
             *root.glob("data/**/*"), root / "references.bib", root / "requirements.txt"]
    for path in sorted(p for p in files if p.is_file()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def finished(app, exception):
    """What stands beside the pages: the ledger as data, and a preview picture of each page."""
    if exception is None and app.builder.format == "html":
        book, out = book_of(app.env), Path(app.outdir)
        ledger.write(book, out)
        records_js.write(book, out)
        for docname in sorted(app.env.found_docs):
            previews.write(out / "_static/previews" / f"{docname}.png", app.env.titles[docname].astext(),
                           *pages.preview_lines(book, app.env, docname), pages.cover_shares(book))


def math_inline(self, node):
    self.body.append(_mathml(node, "inline"))
    raise nodes.SkipNode


def math_block(self, node):
    self.body.append(f'<div class="ct-math">{_mathml(node, "block")}</div>')
    raise nodes.SkipNode


def fold(self, node):
    """A folded cell. myst-nb's own puts paragraphs into the summary, which HTML forbids,
    under a label that nobody sees."""
    self.body.append('<details class="hide"><summary>'
                     f'<span class="collapsed">{pages.escape(node["prompt_show"])}</span>'
                     f'<span class="expanded">{pages.escape(node["prompt_hide"])}</span></summary>\n')


def fold_end(self, node):
    self.body.append("</details>\n")


def _mathml(node, display):
    from latex2mathml.converter import convert
    return convert(node.astext(), display=display)


def setup(app):
    # Jupyter Book sets it for an extension that is not loaded here
    app.add_config_value("comments_config", {}, "html")
    app.add_html_theme("computetrades", str(frame.THEME))
    app.add_node(quoted_number)
    app.add_node(generated_page)
    app.add_node(HideCodeCellNode, override=True, html=(fold, fold_end))
    app.add_node(aside, html=(lambda self, node: self.body.append('<aside class="ct-aside">'),
                              lambda self, node: self.body.append("</aside>")))
    app.add_transform(Quotes)
    app.add_post_transform(Draw)
    app.add_env_collector(Collector)
    app.add_directive("computetrades", Generated)
    app.add_directive("aside", Aside)
    app.add_html_math_renderer("native", (math_inline, None), (math_block, None))
    app.connect("config-inited", configured, priority=100)
    app.connect("builder-inited", executed)
    app.connect("env-get-outdated", outdated)
    app.connect("source-read", read)
    app.connect("env-updated", updated)
    app.connect("write-started", entries_listed)
    app.connect("html-collect-pages", collected)
    app.connect("html-page-context", frame.fill, priority=900)
    app.connect("build-finished", finished)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
