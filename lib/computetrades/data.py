"""Where data/ is, and reading YAML from it with errors that say file, record, field and remedy."""
from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator


class DataError(ValueError):
    """Something in data/ is wrong. The message says where, what, and how to mend it."""


def data_dir() -> Path:
    """$COMPUTETRADES_DATA, else the checkout's data/, else the copy inside the installed package."""
    if "COMPUTETRADES_DATA" in os.environ:
        return Path(os.environ["COMPUTETRADES_DATA"])
    checkout = Path(__file__).parents[2] / "data"
    return checkout if checkout.is_dir() else Path(__file__).parent / "_data"


def references_file() -> Path:
    """references.bib beside data/ (checkout) or inside it (installed package)."""
    beside = data_dir().parent / "references.bib"
    return beside if beside.is_file() else data_dir() / "references.bib"


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):
    """Keeps dates as text and refuses a key that is given twice."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(None, None,
                                                        f"{key_node.value!r} is given twice; rename or "
                                                        "remove one", key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()}


def read_yaml(path: Path):
    """The file's content, which nobody may change: it is parsed once.
    DataError with the line for a syntax error or a repeated key."""
    return _parsed(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=None)
def _parsed(path: Path, _changed: int):
    try:
        return yaml.load(_text(path, _changed), _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise DataError(f"{path.name}{line}: {getattr(error, 'problem', error)} (YAML)") from None


def holding(files: Iterable[Path], line: str) -> Path | None:
    """The first file with that line, or None: so that who wants one entry does not read all of them."""
    wanted = re.compile(rf"^{line}\s*$", re.MULTILINE)
    return next((path for path in files if wanted.search(_text(path, path.stat().st_mtime_ns))), None)


@functools.lru_cache(maxsize=None)
def _text(path: Path, _changed: int) -> str:
    return path.read_text(encoding="utf-8")


def nearest(word: str, known) -> str:
    """' (did you mean 'hbm_bandwidth'?)' when something is close, else the known words."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, 1)
    more = "…" if len(known) > 12 else ""
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known[:12])}{more}"


class Strict(BaseModel):
    """A record of data/: no unknown fields, ISO dates as text."""
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    @field_validator("as_of", "date", check_fields=False)
    @classmethod
    def _iso(cls, value):
        if value and not (re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", value) and "0001" <= value <= "2999"):
            try:
                date.fromisoformat(value)
            except ValueError:
                raise ValueError(f"{value!r} is not a date; write YYYY-MM-DD, YYYY-MM or YYYY") from None
        return value


def _fields(model: type[BaseModel], path: tuple) -> set[str]:
    """The field names of the model that `path` leads to inside `model`."""
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            found = re.findall(r"\w+", str(model.model_fields[step].annotation))
            inner = {c.__name__: c for c in Strict.__subclasses__()}
            model = next((inner[n] for n in found if n in inner), model)
    return set(model.model_fields)


def validated(model: type[Strict], raw, where: str) -> Strict:
    """model(**raw), or DataError that begins with `where` and names each wrong field and its remedy."""
    if not isinstance(raw, dict):
        raise DataError(f"{where}: {raw!r} is not a mapping of fields; write 'field: value' lines")
    try:
        return model(**raw)
    except ValidationError as error:
        said = []
        for e in error.errors():
            field = ".".join(str(p) for p in e["loc"])
            if e["type"] == "extra_forbidden":
                said.append(f"unknown field {field!r}"
                            + nearest(str(e["loc"][-1]), _fields(model, e["loc"][:-1])))
            elif e["type"] == "missing":
                said.append(f"field {field!r} is missing; add it")
            else:
                given = "" if isinstance(e["input"], dict) else f" (given {e['input']!r})"
                said.append((f"field {field!r}: " if field else "") + e["msg"].removeprefix("Value error, ")
                            + given)
        raise DataError(f"{where}: " + "; ".join(said)) from None
