"""Facts moved by a factor: as leaves in this process, or written to their files in a copy of data/."""
import functools
import re
from pathlib import Path

import yaml

from computetrades import facts
from computetrades.data import data_dir, read_yaml
from computetrades.number import Leaf

A_THIRD = 1.37


def change(data: Path, factors: dict[str, float]) -> list[Path]:
    """Each fact moved by its factor, in its file under `data`; gives those files. KeyError for no fact."""
    left, changed = dict(factors), []
    for path in sorted((data / "facts").rglob("*.yaml")):
        content = _content(path.resolve())
        ours = {key: left.pop(key) for key in list(left) if key.partition(".")[0] in content}
        if ours:
            new = dict(content)
            for key, factor in ours.items():
                record, name = _place(key)
                new[record] = {**new[record], name: _given(new[record][name], factor)}
            path.unlink()  # it may be a link to the real one
            written = yaml.dump(new, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
            path.write_text(written, encoding="utf-8")
            changed.append(path)
    if left:
        raise KeyError(", ".join(left))
    return changed


def changed_leaf(key: str, factor: float = A_THIRD) -> Leaf:
    """What the library would make of the fact after `change`, without a file."""
    record, name = _place(key)
    raw = _records(data_dir())[record]
    raw = {k: v for k, v in raw.items() if k in facts.DEFAULTS} | {name: _given(raw[name], factor)}
    made = facts._record(record, raw, "a changed copy", facts.references())
    return facts.leaf_of(made.fields[name])


def _place(key):
    record, name = key.split(".")
    return record, name.replace("-", "_")


def _given(given, factor) -> dict:
    given = dict(given) if isinstance(given, dict) else {"value": given}
    return given | _moved(given, factor)


def _moved(given: dict, factor: float) -> dict:
    """value, low and high after the change: a share stays below one, the range is widened only as it must."""
    literal, unit = re.fullmatch(r"\s*([-−+]?[\d.,_]+(?:[eE][-+]?\d+)?)(.*)", str(given["value"])).groups()
    old = float(literal.replace(",", "").replace("_", "").replace("−", "-"))
    if unit.strip() in ("percent", "%") and 0 < old <= 100 <= old * factor:
        factor = 1 / factor
    new = old * factor if old else 1.0
    if old.is_integer():
        new = round(new) if round(new) != old else int(old) + 1
    new = float(f"{new:.12g}")  # as it is written, or an end of the range could lie between the two
    out = {"value": f"{new:.12g}{unit}"}
    if given.get("low") is not None:
        out["low"] = min(float(given["low"]), new)
    if given.get("high") is not None:
        out["high"] = max(float(given["high"]), new)
    return out


@functools.lru_cache
def _records(data: Path) -> dict:
    """Record key -> what its file says."""
    paths = sorted((data / "facts").rglob("*.yaml"))
    return {key: raw for path in paths for key, raw in _content(path.resolve()).items()}


def _content(path: Path) -> dict:
    return _read(path, path.stat().st_mtime_ns)


@functools.lru_cache
def _read(path: Path, _when: int) -> dict:
    """The file's content, read once per state of the file."""
    return read_yaml(path)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    def ignore_aliases(self, data): return True
