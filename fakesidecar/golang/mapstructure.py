"""Decoded JSON put into the fields of a Go struct, as github.com/mitchellh/mapstructure does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakesidecar.golang.error import GoError
from fakesidecar.golang.text import sprint

KINDS = {str: "string", float: "float64", bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}
"""What Go calls the values that decoded JSON consists of."""


def map_structure(value: Any, fields: Mapping[str, type]) -> dict[str, Any]:
    """The fields of a struct, by Go name; what is missing or null is absent.

    `str` is a string, `dict` a map of strings to strings, and `object`
    takes anything. Names match in any case of letters.
    """
    if not isinstance(value, dict):
        raise GoError(f"1 error(s) decoding:\n\n* '' expected a map, got '{_kind(value)}'")
    problems: list[str] = []
    out: dict[str, Any] = {}
    for name, wanted in fields.items():
        given = next((item for key, item in value.items() if key.lower() == name.lower()), None)
        if given is not None:
            out[name] = _field(name, given, wanted, problems)
    if problems:
        raise GoError(f"{len(problems)} error(s) decoding:\n\n" + "\n".join(f"* {text}" for text in sorted(problems)))
    return out


def _field(name: str, given: Any, wanted: type, problems: list[str]) -> Any:
    if wanted is dict:
        if not isinstance(given, dict):
            problems.append(f"'{name}' expected a map, got '{_kind(given)}'")
            return {}
        return {key: _text(f"{name}[{key}]", item, problems) for key, item in given.items()}
    return _text(name, given, problems) if wanted is str else given


def _text(name: str, given: Any, problems: list[str]) -> str:
    if isinstance(given, str):
        return given
    if given is not None:
        problems.append(
            f"'{name}' expected type 'string', got unconvertible type '{KINDS[type(given)]}', value: '{sprint(given)}'"
        )
    return ""


def _kind(value: Any) -> str:
    """The `reflect.Kind` of a value."""
    return {str: "string", float: "float64", bool: "bool", list: "slice", dict: "map"}.get(type(value), "invalid")
