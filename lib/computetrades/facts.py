"""Sourced inputs: data/facts/<domain>/*.yaml, read, checked and handed out as traced Numbers.

    h100 = facts("h100-sxm"); h100.hbm_bandwidth      # a Number; its leaf knows source, date, kind and range
    facts("h100-sxm").plain.hbm_bandwidth             # the same in base units as a float, for sweeps
"""
from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

from pydantic import model_validator

from . import used
from .data import DataError, Strict, data_dir, holding, nearest, read_yaml, references_file, validated
from .number import Leaf, Number
from .units import UnitError, base, convert, parse

Kind = Literal["primary", "vendor", "press", "analyst", "forecast", "hearsay", "assumption", "measured"]
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
FIELD = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
DEFAULTS = ("label", "source", "as_of", "kind")


class Other(Strict):
    """What another source says of the same thing."""
    value: str
    source: str
    as_of: str
    note: str = ""


class Fact(Strict):
    """One field of a record, its record's defaults filled in. `value` is '80 GB';
    `text` is for what is not a number."""
    label: str
    source: str
    as_of: str
    kind: Kind
    value: str = ""
    text: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""
    secondary: bool = False  # known only from a secondary copy, not from the source it names
    others: tuple[Other, ...] = ()

    @model_validator(mode="after")
    def _sound(self):
        if bool(self.value) == bool(self.text):
            raise ValueError("give either 'value' (a number with a unit) or 'text', and only one")
        if self.text and (self.low is not None or self.high is not None):
            raise ValueError("low and high need a value; text has no range")
        try:
            quantities = [parse(self.value)] if self.value else []
            quantities += [convert(parse(o.value), quantities[0].units, "the other figure")
                           for o in self.others if quantities]
        except UnitError as error:
            raise ValueError(str(error)) from None
        if quantities:
            value = quantities[0].magnitude
            if self.low is not None and self.low > value:
                raise ValueError(f"low {self.low:g} is above value {value:g}; swap or correct them")
            if self.high is not None and self.high < value:
                raise ValueError(f"high {self.high:g} is below value {value:g}; swap or correct them")
        return self


class TextFact(str):
    """A fact that is not a number: a str that knows its leaf."""
    leaf: Leaf


@dataclass(frozen=True)
class Reference:
    """An entry of references.bib: who said it, what, when, where."""
    key: str
    who: str
    title: str
    date: str
    url: str
    note: str

    @property
    def short(self) -> str:
        """'NVIDIA 2022, H100 Tensor Core GPU datasheet'."""
        return f"{self.who} {self.date[:4]}, {self.title}" if self.who else f"{self.title}, {self.date[:4]}"


class Record:
    """A labelled group of facts; attributes are Numbers (or text). AttributeError names the nearest field."""

    def __init__(self, key: str, label: str, fields: dict):
        self.key = key
        self.label = label
        self.fields = fields

    def __getattr__(self, name):
        if name.startswith("_") or "fields" not in self.__dict__:
            raise AttributeError(name)
        if name not in self.fields:
            raise AttributeError(f"{self.key} has no fact {name!r}{nearest(name, self.fields)}")
        return self.fields[name]

    def __contains__(self, name): return name in self.fields
    def __dir__(self): return [*self.fields, "plain", "label", "key"]
    def __repr__(self):
        return f"<{self.label}: " + ", ".join(f"{k} = {v}" for k, v in self.fields.items()) + ">"

    @functools.cached_property
    def plain(self) -> SimpleNamespace:
        """The numeric facts as bare magnitudes in base units (bytes, seconds, ...), for numpy sweeps."""
        return SimpleNamespace(**{k: base(v.quantity)
                                  for k, v in self.fields.items() if isinstance(v, Number)})


def facts(record: str) -> Record:
    """The record of that key; DataError names the nearest when there is none."""
    used.note("fact", record)
    path = holding(_files(data_dir()), f"{re.escape(record)}:")
    known = _records(path, references_file()) if path else all_facts()
    if record not in known:
        raise DataError(f"data/facts has no record {record!r}{nearest(record, known)}")
    return known[record]


def having(field: str) -> list[Record]:
    """Every record that has this fact, in the order of the files: `having("n_params")` are the models."""
    used.note("facts having", field)
    return [facts(key) for key, record in all_facts().items() if field in record]


def all_facts() -> dict[str, Record]:
    """Every record of data/facts/, checked, and the references too."""
    references()
    known, origin = {}, {}
    for path in _files(data_dir()):
        for key, record in _records(path, references_file()).items():
            if key in known:
                raise DataError(f"{path.name}: record {key!r}: duplicate id, already in {origin[key]}; "
                                "rename or merge them")
            known[key], origin[key] = record, path.name
    return known


def all_leaves() -> dict[str, Leaf]:
    """Key ('h100-sxm.hbm-bandwidth') -> leaf, for every fact."""
    return {leaf.key: leaf for record in all_facts().values()
            for leaf in map(leaf_of, record.fields.values())}


def leaf_of(fact) -> Leaf:
    return fact.leaf if isinstance(fact, TextFact) else next(iter(fact.leaves.values()))


def reference(key: str) -> Reference | None:
    """The entry of references.bib; None for a measured value of a chapter, which has no source."""
    used.note("citation", key)
    entries = _entries(references_file())
    return _references(entries[key], "references.bib")[key] if key in entries else None


def references() -> dict[str, Reference]:
    """Every entry of references.bib."""
    bib = references_file()
    return _references(bib.read_text(encoding="utf-8"), bib.name)


def _files(directory: Path) -> list[Path]:
    return sorted((directory / "facts").rglob("*.yaml"))


@functools.lru_cache(maxsize=None)
def _records(path: Path, bib: Path) -> dict[str, Record]:
    """Those of one file, checked."""
    content, found = read_yaml(path) or {}, {}
    if not isinstance(content, dict):
        raise DataError(f"{path.name}: a facts file is a mapping of record keys to records")
    for key, raw in content.items():
        where = f"{path.name}: record {key!r}"
        if not KEY.fullmatch(str(key)):
            raise DataError(f"{where}: a key is lower-case words and digits joined by dashes, "
                            "like 'h100-sxm'")
        found[key] = _record(key, raw, where, _entries(bib))
    return found


def _record(key: str, raw, where: str, known: dict) -> Record:
    if not isinstance(raw, dict):
        raise DataError(f"{where}: {raw!r} is not a mapping of fields")
    if "label" not in raw:
        raise DataError(f"{where}: field 'label' is missing; add the name that prose uses")
    defaults = {k: raw[k] for k in DEFAULTS if k in raw and k != "label"}
    fields = {}
    for name, given in raw.items():
        if name not in DEFAULTS:
            close = difflib.get_close_matches(str(name), DEFAULTS, 1, cutoff=0.8)
            if close or not FIELD.fullmatch(str(name)):
                raise DataError(f"{where}: unknown field {name!r}; "
                                + (f"did you mean {close[0]!r}?" if close else
                                "a field is lower-case words and digits joined by underscores"))
            given = given if isinstance(given, dict) else {"value": given}
            title = given.get("label") or f"{raw['label']}: {_readable(name)}"
            fact = validated(Fact, {**defaults, **given, "label": title}, f"{where}, field {name!r}")
            for source in (fact.source, *(o.source for o in fact.others)):
                if source not in known:
                    raise DataError(f"{where}, field {name!r}: "
                                    f"unknown reference key {source!r} (references.bib)"
                                    + nearest(source, known))
            fields[name] = _number(f"{key}.{name.replace('_', '-')}", fact)
    return Record(key, raw["label"], fields)


def _number(key: str, fact: Fact) -> Number | TextFact:
    quantity = parse(fact.value) if fact.value else None
    end = lambda x: None if x is None else quantity.__class__(x, quantity.units)  # noqa: E731
    leaf = Leaf(key, fact.label, quantity, fact.kind, fact.source, fact.as_of, end(fact.low), end(fact.high),
                fact.note, fact.secondary, fact.others, text=fact.text)
    if quantity is not None:
        return Number.of_leaf(leaf)
    told = TextFact(fact.text)
    told.leaf = leaf
    return told


def _readable(name: str) -> str:
    upper = {"hbm", "kv", "gpu", "euv", "tdp", "rope", "dram", "pue"}
    return " ".join(w.upper() if w in upper else w for w in name.split("_"))


@functools.lru_cache
def _entries(path: Path) -> dict[str, str]:
    """Key -> text of each entry of a bibliography, which begins a line with its @."""
    texts = (f"@{entry}" for entry in re.split(r"(?m)^@", path.read_text(encoding="utf-8"))[1:])
    return {text.partition("{")[2].partition(",")[0].strip(): text for text in texts}


@functools.lru_cache(maxsize=None)
def _references(bibtex: str, name: str) -> dict[str, Reference]:
    from pybtex.database import BibliographyDataError
    from pybtex.database.input.bibtex import Parser  # by name: to find it as a plug-in takes 15 ms each time
    from pybtex.scanner import PybtexSyntaxError
    try:
        entries = Parser().parse_string(bibtex).entries
    except (PybtexSyntaxError, BibliographyDataError) as error:
        raise DataError(f"{name}: {error}") from None
    out = {}
    for key, entry in entries.items():
        field = {k: re.sub(r"[{}]", "", v) for k, v in entry.fields.items()}
        people = [" ".join(p.last_names) or str(p) for p in entry.persons.get("author", [])]
        who = field.get("organization") or (people[0] + " et al." if len(people) > 2
                                            else " and ".join(people))
        out[key] = Reference(key, re.sub(r"[{}]", "", who), field.get("title", key),
                             field.get("date") or field.get("year", ""),
                             field.get("url", ""), field.get("note", ""))
    return out
