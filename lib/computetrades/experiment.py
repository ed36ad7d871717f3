"""What makes a function an experiment: pure, of plain arguments, and performed once.

`python -m computetrades.experiment` performs all that is kept in data/measurements anew, after a change of
what an experiment does.
"""
from __future__ import annotations

import functools
import importlib
import inspect
import json
import typing
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter

from .data import data_dir


def once(function: Callable) -> Callable:
    """One result for the same arguments, whether given by place, by name or by default.
    `.perform` makes the experiment in any case."""
    results = {}

    @functools.wraps(function)
    @functools.cache                  # so that only a new way to give the arguments has to be understood
    def performed(*arguments, **named):
        key = tuple(_all(function, arguments, named).items())
        if key not in results:
            results[key] = function(*arguments, **named)
        return results[key]
    performed.perform = function
    return performed


def filed(function: Callable) -> Callable:
    """For what costs a chapter more than five seconds: its results for some arguments are kept in
    data/measurements/<room>.<module>.<function>.json, and any others are made here, once.

    `.store(**arguments)` makes one and keeps it; `.perform` makes one in any case, as the tests do with each
    that is kept. The return annotation of the function says what it gives: plain values, and tuples, lists,
    dicts and dataclasses of them.
    """
    live = once(function)

    @functools.wraps(function)
    def looked_up(*arguments, **named):
        given = _all(function, arguments, named)
        found = [row["result"] for row in _rows(function) if row["arguments"] == given]
        return _adapter(function).validate_python(found[0]) if found else live(*arguments, **named)

    def store(**named):
        given = _all(function, (), named)
        result = _adapter(function).dump_python(function(**named), mode="json")
        rows = [row for row in _rows(function) if row["arguments"] != given]
        rows.append({"arguments": given, "result": result})
        path = _path(function)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    experiment = once(looked_up)
    experiment.perform, experiment.store = function, store
    return experiment


def function_named(name: str) -> Callable | None:
    """'lab.position.score': the function of the library that a published name stands for;
    None where there is none."""
    module, _, function = name.rpartition(".")
    try:
        return getattr(importlib.import_module(f"{__package__}.{module}"), function, None)
    except ModuleNotFoundError:
        return None


def main() -> None:
    for path in sorted((data_dir() / "measurements").glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            print(path.stem, *(f"{name} = {value!r}" for name, value in row["arguments"].items()))
            function_named(path.stem).store(**row["arguments"])


def _all(function, arguments, named) -> dict:
    """Name -> value of every argument; of *arguments all under one name, of **named each under its own."""
    signature = inspect.signature(function)
    bound = signature.bind(*arguments, **named)
    bound.apply_defaults()
    rest = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD), None)
    plain = {name: value for name, value in bound.arguments.items() if name != rest}
    return plain | bound.arguments.get(rest, {})


def _path(function) -> Path:
    module = function.__module__.partition(".")[2]
    return data_dir() / "measurements" / f"{module}.{function.__name__}.json"


def _rows(function) -> list[dict]:
    path = _path(function)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def _adapter(function) -> TypeAdapter:
    return TypeAdapter(typing.get_type_hints(function)["return"])


if __name__ == "__main__":
    main()
