"""Prose that cannot lie: every quoted number is compared with what was computed, and loose figures are found.

A document is a list of (cell number, markdown text). Nothing here executes anything.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

QUOTED = re.compile(r"#([a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*)")
MARKDOWN = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, allow_digits=False)

LARGE = ("ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|"
         "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|trillion|dozen")
SMALL = "two|three|four|five|six|seven|eight|nine"
FIGURES = re.compile(
    rf"\b(?:twice|thrice|half|halves|halved|halving|doubl\w+|tripl\w+|quadrupl\w+|\w+-?fold|percent|"
    rf"(?:{LARGE})s?|(?:{SMALL})[ -]times|(?:a|one|{SMALL})[ -](?:third|quarter|fifth|tenth|hundredth)s?)\b"
    r"|\S*\d\S*", re.IGNORECASE)

CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)


@dataclass(frozen=True)
class Problem:
    """One fault in one cell; str(problem) says where, what, and what to do."""
    document: str
    cell: int
    said: str

    def __str__(self):
        return f"{self.document}, cell {self.cell}: {self.said}"


def forms(text: str) -> list[str]:
    """The ways in which prose may quote a record: whole, without its denominator, and as the bare figure.

    A phrase has one form.

    >>> forms("320 KiB/token"), forms("2.3–2.6 s"), forms("holds")
    (['320 KiB/token', '320 KiB', '320'], ['2.3–2.6 s', '2.3–2.6'], ['holds'])
    """
    return list(dict.fromkeys(_whole_short_bare(text)))


def _whole_short_bare(text: str) -> list[str]:
    short = text.partition("/")[0] if re.match(r"[−$€]?[\d]", text) else text
    number = r"[\d,.]+(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
    bare = re.match(rf"−?{number}(?:–{number})?(?=[ %×kMBT]|$)", short)
    return [text, short, bare.group() if bare else short]


def check(document: str, cells, table: dict[str, dict], escaped: bool = True) -> list[Problem]:
    """Compare each quoted number with `table` (key -> record payload), and find figures that nothing carries.

    escaped: the text is markdown that Jupyter will show,
    where a dollar sign before a digit needs a backslash.
    """
    problems = []
    for number, source in cells:
        for key, literal in quotes(source):
            if key not in table:
                close = _nearest(key, table)
                problems.append(Problem(
                    document, number, f"[{literal}](#{key}) quotes a number that no chapter records{close}"))
            elif literal not in forms(table[key]["text"]):
                problems.append(Problem(
                    document, number, f"prose says {literal!r}, {key} is {table[key]['text']!r}; "
                                      "run `make sync` to rewrite it, then read the sentence again"))
        problems += [Problem(document, number,
                             f"{price!r}: write \\{price}, or Jupyter and Colab read two prices as a formula")
                     for price in re.findall(r"(?<!\\)\$\d[\d.,]*", CODE.sub("", source)) if escaped]
        problems += [Problem(document, number,
                             f"{word!r} is a figure that no record carries (…{near}…); record it and quote "
                             "it as [text](#key), or add a name to lib/computetrades/site/allowed.txt")
                     for word, near in loose_figures(source)]
    return problems


def quotes(source: str) -> list[tuple[str, str]]:
    """(key, literal) of each quoted number in a markdown text."""
    return [(m[1], text) for href, text in _links(source) if (m := QUOTED.fullmatch(href))]


def loose_figures(source: str) -> list[tuple[str, str]]:
    """(figure, its surroundings) for digits and spelled-out quantities outside quotes, code,
    math, headings and names."""
    out = []
    for text in _plain_texts(source):
        masked = allowed().sub(lambda m: " " * len(m.group()), text)
        for m in FIGURES.finditer(masked):
            word = m.group().strip("().,;:!?\"'“”")
            if word:
                out.append((word, text[max(0, m.start() - 20):m.end() + 20].strip()))
    return out


def rewrite(source: str, old: dict[str, dict], new: dict[str, dict], escaped: bool = True) -> str:
    """The text with each quoted literal replaced by the new one, in the form (whole, short, bare) it had."""
    def put(m):
        literal, key = m[1].replace("\\$", "$"), m[2]
        if key not in new:
            return m[0]
        before = _whole_short_bare(old[key]["text"]) if key in old else []
        guess = 0 if "/" in literal else 2 if re.fullmatch(r"−?[\d,.–]+", literal) else 1
        shape = before.index(literal) if literal in before else guess
        text = _whole_short_bare(new[key]["text"])[shape]
        return f"[{text.replace('$', chr(92) + '$') if escaped else text}](#{key})"
    return re.sub(rf"\[([^\[\]]*)\]\({QUOTED.pattern}\)", put, source)


def _links(source: str):
    for token in MARKDOWN.parse(source):
        href, text = None, ""
        for child in token.children or ():
            if child.type == "link_open":
                href, text = child.attrs["href"], ""
            elif child.type == "link_close":
                yield href, text
                href = None
            elif href is not None:
                text += " " if child.type == "softbreak" else child.content


def _plain_texts(source: str):
    """Runs of prose outside headings, code and math; quoted numbers and outside links are left out."""
    tokens = MARKDOWN.parse(source)
    for before, token in pairwise([None, *tokens]):
        if token.type != "inline" or (before and before.type == "heading_open"):
            continue
        run, skip = "", 0
        for child in token.children:
            if child.type == "link_open":
                skip = bool(QUOTED.fullmatch(child.attrs["href"]) or child.attrs["href"].startswith("http"))
            elif child.type == "link_close":
                run, skip = run + ("\x00" if skip else ""), 0
            elif child.type == "text" and not skip:
                run += child.content
            elif child.type in ("softbreak", "hardbreak"):
                run += " "
            elif child.type in ("math_inline", "code_inline"):
                run += "\x00"
        yield run.replace("\x00", " ")


@lru_cache
def allowed() -> re.Pattern:
    """allowed.txt as one pattern:
    a line is a regular expression for a name or a date that may hold digits."""
    lines = (Path(__file__).parent / "allowed.txt").read_text(encoding="utf-8").splitlines()
    return re.compile("|".join(rf"(?<![\w$€])(?:{line})(?![\w%×])"
                               for line in lines if line and not line.startswith("#")))


def _nearest(key, table):
    from ..data import nearest
    return nearest(key, table)
