"""What the essay says: data/claims/<chapter>.yaml, one record per claim, checked."""
from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Literal

from pydantic import BeforeValidator, model_validator
from typing_extensions import Annotated

from . import used
from .data import DataError, Strict, data_dir, holding, nearest, read_yaml, validated
from .units import UnitError, parse_unit


class Stated(Strict):
    """A printed value in a form a program can compare.

    One of value, low and high, values, says (words) or date; `text` as printed;
    `unit` of the numbers; `hedge` how firmly.
    """
    text: str
    hedge: Literal["exact", "about", "over", "under", "few"]
    value: float | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[float, ...] = ()
    says: str = ""
    date: str = ""
    unit: str = ""
    basis: str = ""
    as_of: str = ""
    period: str = ""

    @model_validator(mode="after")
    def _sound(self):
        try:
            parse_unit(self.unit)
        except UnitError as error:
            raise ValueError(str(error)) from None
        given = [name for name in ("value", "low", "values", "says", "date")
                 if getattr(self, name) not in (None, "", ())]
        if len(given) > 1:
            raise ValueError("give one of value, low and high, values, says and date, "
                             f"not {' and '.join(given)}")
        if (self.low is None) != (self.high is None):
            raise ValueError("a range needs both 'low' and 'high'")
        if self.low is not None and self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}; swap or correct them")
        return self


def _as_tuple(raw):
    return () if raw is None else tuple(raw) if isinstance(raw, list) else (raw,)


class Claim(Strict):
    """One claim of the essay, in our words. `stated` is empty for a claim without a printed value."""
    id: str
    section: str
    line: int
    claim: str
    kind: Literal["computable", "fact", "analyst", "vendor", "measured", "qualitative", "illustrative",
                  "forecast", "hearsay", "threshold"]
    chapter: str
    stated: Annotated[tuple[Stated, ...], BeforeValidator(_as_tuple)] = ()


def claim(claim_id: str) -> Claim:
    """The claim of that id; DataError names the nearest when there is none."""
    used.note("claim", claim_id)
    path = holding(_files(data_dir()), f"- id: {re.escape(claim_id)}")
    known = _claims(path) if path else all_claims()
    if claim_id not in known:
        raise DataError(f"data/claims has no claim {claim_id!r}{nearest(claim_id, known)}")
    return known[claim_id]


def of_chapter(chapter: str) -> list[str]:
    """The ids of a chapter's claims, in the order of their lines.
    DataError names the nearest chapter when it has none."""
    used.note("claims of", chapter)
    path = next((path for path in _files(data_dir()) if path.stem == chapter), None)
    if path is None or not _claims(path):
        known = {c.chapter for c in all_claims().values()}
        raise DataError(f"no claims for chapter {chapter!r}{nearest(chapter, known)}")
    return list(_claims(path))


def all_claims() -> dict[str, Claim]:
    """Every claim, in the order of chapters and lines."""
    known, origin = {}, {}
    for path in _files(data_dir()):
        for name, found in _claims(path).items():
            if name in known:
                raise DataError(f"{path.name}: claim {name!r}: duplicate id, already in {origin[name]}; "
                                "rename one")
            known[name], origin[name] = found, path.name
    return known


def _files(directory: Path) -> list[Path]:
    return sorted((directory / "claims").glob("*.yaml"))


@functools.lru_cache(maxsize=None)
def _claims(path: Path) -> dict[str, Claim]:
    """Those of one chapter, in the order of their lines."""
    content, found = read_yaml(path) or [], {}
    if not isinstance(content, list):
        raise DataError(f"{path.name}: a claims file is a list of claims, each beginning '- id:'")
    for n, raw in enumerate(content, 1):
        name = raw.get("id", f"number {n}") if isinstance(raw, dict) else f"number {n}"
        where = f"{path.name}: claim {name!r}"
        if name in found:
            raise DataError(f"{where}: duplicate id, already in {path.name}; rename one")
        found[name] = validated(Claim, {**raw, "chapter": path.stem} if isinstance(raw, dict) else raw, where)
    return dict(sorted(found.items(), key=lambda item: item[1].line))
