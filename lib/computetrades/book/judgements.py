"""Giving claims their verdicts. They gather here while a chapter runs, and book.audit publishes them."""
from __future__ import annotations

from ..claims import claim, of_chapter
from ..data import DataError, nearest
from ..facts import TextFact, reference, references
from ..units import UnitError
from . import cards
from .rules import WORST_FIRST, Verdict, verdict_of

AUDIT = "application/vnd.computetrades.audit+json"
_judged: dict[tuple[str, int], dict] = {}  # (claim id, which stated value) -> audit row


def judge(claim_id: str, computed, note: str = "", record: str = "") -> None:
    """Judge a claim by the rules of rules.py. `claim_id` may end in '#2' for the second stated value.

    computed: a Number, a (low, high) tuple, a list of Numbers, a Statement,
    or text (a text fact brings its source).
    note: one line of why, in prose that may quote records as [text](#key).
    """
    name, _, nth = claim_id.partition("#")
    told = claim(name)
    if nth and nth not in map(str, range(1, len(told.stated) + 1)):
        raise DataError(f"claim {claim_id}: '#{nth}' is not one of its {len(told.stated)} stated values; "
                        "count from 1")
    stated = told.stated[int(nth or 1) - 1] if told.stated else None
    try:
        verdict = verdict_of(stated, computed)
    except (UnitError, ValueError) as error:
        raise type(error)(f"claim {claim_id}: {error}") from None
    source = computed.leaf.source if isinstance(computed, TextFact) else ""
    _keep(name, verdict, note, record=record, source=source, nth=int(nth or 1))


def judge_all(claims, computed, record: str) -> list[dict]:
    """Judge each claim of `claims` (ids, or {id: note}) with one computed value."""
    notes = claims if isinstance(claims, dict) else dict.fromkeys(
        [claims] if isinstance(claims, str) else claims, "")
    out = []
    for claim_id, note in notes.items():
        judge(claim_id, computed, note, record)
        row = _judged[_part(claim_id)]
        out.append({key: row[key] for key in ("id", "verdict", "factor", "stated")})
    return out


def cite(claim_id: str, verdict: str, source: str, note: str) -> None:
    """A claim that a cited source confirms ('holds') or denies ('unsupported')."""
    if verdict not in ("holds", "unsupported"):
        raise DataError(f"claim {claim_id}: a source makes a claim 'holds' or 'unsupported', not {verdict!r}")
    if reference(source) is None:
        raise DataError(f"claim {claim_id}: unknown reference key {source!r}{nearest(source, references())}")
    _keep(claim_id, Verdict(verdict, None, ""), note, source=source)


def contradicts(claim_id: str, other: str, note: str) -> None:
    """A claim that another claim of the essay denies."""
    _keep(claim_id, Verdict("contradicts", None, f"against line {claim(other).line}: {claim(other).claim}"),
          note, other=other)


def opinion(claim_id: str, note: str) -> None:
    """A forecast, rumour or judgement that nothing here can check; the note says why."""
    _keep(claim_id, Verdict("opinion", None, ""), note)


def audit(chapter: str) -> None:
    """Publish and show what was judged: all claims of `chapter` (file name),
    and any others this notebook judged."""
    own = of_chapter(chapter)
    rows = {}
    for row in sorted(_judged.values(), key=badness):
        rows.setdefault(row["id"], row)  # of several stated values, the worst stands for the claim
    payload = {"chapter": chapter, "claims": list(rows.values()),
               "unjudged": [i for i in own if i not in rows]}
    from IPython.display import display
    display({AUDIT: payload, "text/html": cards.audit_html(payload),
             "text/plain": cards.audit_plain(payload)}, raw=True)


def badness(row: dict) -> tuple:
    """Sort key of an audit row: worst first, then by how far off, then by line."""
    f = row["factor"]
    return WORST_FIRST.index(row["verdict"]), -(max(f, 1 / f) if f else 1), row["line"], row["id"]


def _keep(claim_id: str, verdict: Verdict, note: str, *, record: str = "", source: str = "",
          other: str = "", nth: int = 1) -> None:
    told = claim(claim_id)
    before = _judged.get((claim_id, nth))
    if before and before["record"] != record:
        raise DataError(f"claim {claim_id} is already judged by {before['record'] or 'book.judge'}; "
                        "judge each stated value once")
    cited = reference(source)
    row = {"id": told.id, "chapter": told.chapter, "section": told.section, "line": told.line,
           "claim": told.claim, "kind": told.kind, "stated": _stated(told), "verdict": verdict.verdict,
           "factor": _short(verdict.factor), "why": verdict.why, "note": note, "record": record,
           "contradicts": other, "source": source, "cited": cited.short if cited else "",
           "url": cited.url if cited else ""}
    _judged[told.id, nth] = row


def _part(claim_id: str) -> tuple[str, int]:
    name, _, nth = claim_id.partition("#")
    return name, int(nth or 1)


def _stated(told) -> str:
    return ", ".join(s.text for s in told.stated)


def _short(factor):
    return None if factor is None else float(f"{factor:.6g}")
