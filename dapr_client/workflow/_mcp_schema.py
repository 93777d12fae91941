"""The arguments of MCP tools as pydantic models. pydantic is imported when a model is made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

TYPE_MAPPING: dict[str, Any] = {
    "string": str,
    "number": float,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}
"""The types of JSON schemas in Python."""


def create_pydantic_model_from_schema(schema: dict[str, Any], model_name: str) -> type[BaseModel]:
    """A model for what a JSON schema describes: `MCPToolDef.input_schema`. ValueError if it is none.

    What is not required may be left out, and is None then. Arguments that a tool has wrapped in an object `kwargs`
    are those of the model itself.
    """
    from pydantic import Field, create_model

    try:
        schema = _unwrapped(schema)
        required = set(schema.get("required") or ())
        fields: dict[str, Any] = {}
        for name, described in (schema.get("properties") or {}).items():
            kind = _type(described)
            text = described.get("description", "")
            needed = name in required
            fields[name] = (kind if needed else kind | None, Field(... if needed else None, description=text))
        return create_model(model_name, **fields)
    except Exception as error:
        raise ValueError(f"Invalid schema: {error}") from error


def _unwrapped(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    wrapped = properties.get("kwargs", {})
    if len(properties) == 1 and wrapped.get("type") == "object" and "properties" in wrapped:
        return dict(wrapped)
    return schema


def _type(described: Mapping[str, Any]) -> Any:
    """The type of one value."""
    if variants := described.get("anyOf") or described.get("oneOf"):
        return reduce(or_, map(_type, variants))
    kind = described.get("type", "string")
    if isinstance(kind, list):
        return reduce(or_, (_type({**described, "type": one}) for one in kind))
    if kind == "array" and "items" in described:
        return list[_type(described["items"])]  # type: ignore[misc]  # made at run time
    return TYPE_MAPPING.get(kind, str)
