"""What a tool call may look like, as a regular expression over bytes made from the tools' JSON schemas.

A regular expression that can say whether a text may still become a match is all that constrained decoding
needs (Willard and Louf 2023): a token is allowed when the text, with it, still can. The JSON is compact, as
json.dumps writes it with separators (",", ":"), so that a call reads the same when a client sends it back,
and its prefix is found in the cache.
"""
from __future__ import annotations

import json

import regex

OPEN, CLOSE = "<tool>", "</tool>"
"""A call is written <tool>name {json}</tool>."""

CHARACTER = (rb'(?:[ !#-\[\]-\x7f]|\\["\\nrtbf]|[\xc2-\xdf][\x80-\xbf]'
             rb'|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}'
             rb'|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})')
"""One character of a JSON string: UTF-8 without surrogates (RFC 3629), or one of the short escapes."""
INTEGER = rb"(?:0|-?[1-9][0-9]{0,10})"
NUMBER = INTEGER[:-1] + rb"|-?(?:0|[1-9][0-9]{0,10})\.[0-9]{0,3}[1-9])"
"""Fifteen digits at most, so that a number survives a double and is written again as it
was (RFC 8259, section 6)."""
SIMPLE = {"integer": INTEGER, "number": NUMBER, "boolean": rb"(?:true|false)", "null": rb"null"}
NOTES = {"title", "description", "default", "examples", "$schema", "$comment", "additionalProperties"}
"""Keywords that forbid nothing which would be written."""
OWN = {"string": {"minLength", "maxLength"}, "array": {"items", "minItems", "maxItems"},
       "object": {"properties", "required"}}


class UnknownSchema(ValueError):
    """A schema with something that calls cannot be held to; says what, and where."""


def calls(tools: dict[str, dict]) -> regex.Pattern:
    """What follows OPEN, to the end of CLOSE, for any of the tools: name -> JSON schema. Over bytes, for
    fullmatch; while a call is being written, with partial=True."""
    return regex.compile(_any(regex.escape(name.encode()) + b" " + value(schema, name)
                              for name, schema in tools.items())
                         + CLOSE.encode())


def value(schema: dict, where: str = "schema") -> bytes:
    """The regular expression of the JSON values that a schema allows. `where` names it in errors."""
    if not isinstance(schema, dict):
        raise UnknownSchema(f"{where} is {schema!r}: write out what may stand here, as an object with a type")
    schema = {key: part for key, part in schema.items() if key not in NOTES}
    kind = schema.get("type")
    for one, make in (("enum", lambda: schema["enum"]), ("const", lambda: [schema["const"]])):
        if one in schema:
            _only(schema, {one, "type"}, where)
            return _any(regex.escape(compact(choice).encode()) for choice in make())
    if "anyOf" in schema:
        _only(schema, {"anyOf"}, where)
        return _any(value(choice, f"{where}.anyOf.{i}") for i, choice in enumerate(schema["anyOf"]))
    if isinstance(kind, list):
        return _any(value({"type": one} | {k: v for k, v in schema.items() if k in OWN.get(one, ())}, where)
                    for one in kind)
    _only(schema, {"type", *OWN.get(kind, ())}, where)
    if kind in SIMPLE:
        return SIMPLE[kind]
    if kind == "string":
        return b'"' + CHARACTER + _times(schema.get("minLength", 0), schema.get("maxLength"), where) + b'"'
    if kind == "array":
        return _array(value(schema.get("items"), f"{where}.items"), schema.get("minItems", 0),
                      schema.get("maxItems"), where)
    if kind == "object":
        return _object(schema.get("properties", {}), set(schema.get("required", ())), where)
    raise UnknownSchema(f"{where}.type is {kind!r}: "
                        "give object, array, string, integer, number, boolean or null")


def compact(data) -> str:
    """JSON without spaces, as calls are written."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def _array(item, least, most, where):
    if most == 0:
        return rb"\[\]"
    more = item + b"(?:," + item + b")" + _times(max(least - 1, 0), None if most is None else most - 1, where)
    return rb"\[" + (more if least else b"(?:" + more + b")?") + rb"\]"


def _object(properties, required, where):
    """Properties in the order of the schema, the optional ones there or not."""
    if missing := required - properties.keys():
        raise UnknownSchema(f"{where}.required names {', '.join(sorted(missing))}: "
                            "describe it under properties")
    members = [(name in required,
                regex.escape(compact(name).encode()) + b":" + value(schema, f"{where}.{name}"))
               for name, schema in properties.items()]

    def rest(i, comma):
        if i == len(members):
            return b""
        needed, member = members[i]
        if comma:
            return (b"," + member if needed else b"(?:," + member + b")?") + rest(i + 1, True)
        first = member + rest(i + 1, True)
        return first if needed else _any([first, rest(i + 1, False)])

    return rb"\{" + rest(0, False) + rb"\}"


def _times(least, most, where) -> bytes:
    if not isinstance(least, int) or not (most is None or isinstance(most, int) and most >= least >= 0):
        raise UnknownSchema(f"{where} is from {least!r} to {most!r} long: "
                            "give whole numbers, the smaller one first")
    return b"{%d,%s}" % (least, b"" if most is None else b"%d" % most)


def _any(choices) -> bytes:
    return b"(?:" + b"|".join(choices) + b")"


def _only(schema, known, where):
    if unknown := schema.keys() - known:
        raise UnknownSchema(f"{where} has {', '.join(sorted(map(str, unknown)))}, "
                            "which calls cannot be held to: leave it out")
