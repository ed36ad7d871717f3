"""data/book.yaml: the stations of the one request, its running total, the layers of an API dollar."""
from __future__ import annotations

import functools
from pathlib import Path

from ..data import Strict, data_dir, read_yaml, validated


class Station(Strict):
    """A stop of the request: its number in the essay, where it runs,
    and the chapter (file name) that explains it."""
    number: int
    name: str
    does: str
    place: str
    chapter: str


class Column(Strict):
    """A column of the running total. digits: significant ones; None for whole units."""
    heading: str
    unit: str
    digits: int | None = None


class Layer(Strict):
    """What keeps a part of an API dollar. fill: percent of the accent colour; None for the thinnest."""
    name: str
    record: str
    fill: int | None = None


class Plan(Strict):
    """The whole file. records: chapter -> column -> the record in which the chapter publishes its number."""
    places: tuple[str, ...]
    stations: tuple[Station, ...]
    columns: dict[str, Column]
    records: dict[str, dict[str, str]]
    dollar: tuple[Layer, ...]


def plan() -> Plan:
    """The book's; DataError says which field is wrong, and how to mend it."""
    return _plan(data_dir() / "book.yaml")


@functools.lru_cache
def _plan(path: Path) -> Plan:
    return validated(Plan, read_yaml(path), path.name)
