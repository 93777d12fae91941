"""Functions as tools: the JSON schema of what they take, and what a model sends turned into their arguments.

The schemas are those of the official package; `int | None` is understood as `Optional[int]` is.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dapr_client.settings import settings

Params = Mapping[str, Any] | Sequence[Any] | None
Schema = dict[str, Any]

SCALARS: Mapping[Any, Schema] = {
    type(None): {"type": "null"},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "format": "byte"},
}
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
EXAMPLES = 5
"""How many values of a large enum are shown."""
WORDS = {
    True: ("true", "1", "yes", "y", "on"),
    False: ("false", "0", "no", "n", "off"),
}
"""What is a boolean in the mouth of a model."""


class ToolError(RuntimeError):
    """Something is wrong with a tool."""


class ToolNotFoundError(ToolError):
    """There is no tool of that name."""


class ToolExecutionError(ToolError):
    """A tool failed."""


class ToolArgumentError(ToolError):
    """A tool was to be called with arguments that it does not take."""


# --- schemas -------------------------------------------------------------------------------------


def function_to_json_schema(
    func: Callable[..., Any], name: str | None = None, description: str | None = None
) -> Schema:
    """What a function takes, as a JSON schema; descriptions come from its docstring."""
    hints = get_type_hints(func)
    described = docstring_parameters(inspect.getdoc(func) or "")
    schema: Schema = {"type": "object", "properties": {}, "required": []}
    for parameter in inspect.signature(func).parameters.values():
        if parameter.kind in VARIADIC:
            continue
        found = type_schema(hints.get(parameter.name, str), parameter.name)
        if parameter.name in described:
            found["description"] = described[parameter.name]
        schema["properties"][parameter.name] = found
        if parameter.default is parameter.empty:
            schema["required"].append(parameter.name)
    return schema


def type_schema(kind: Any, where: str = "") -> Schema:
    """A type as a JSON schema; `where` names it in errors. TypeError for a type that has none."""
    if kind in SCALARS:
        return dict(SCALARS[kind])
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        given = [arg for arg in args if arg is not type(None)]
        if len(given) == 1:
            return type_schema(given[0], where)
        return {"anyOf": [type_schema(arg, where) for arg in args]}
    if origin is Literal:
        return _literal_schema(args)
    if (origin or kind) is list:
        return {"type": "array"} | ({"items": type_schema(args[0], f"{where}[]")} if args else {})
    if (origin or kind) is dict:
        named = len(args) == 2 and args[0] is str
        return {"type": "object"} | ({"additionalProperties": type_schema(args[1], f"{where}.*")} if named else {})
    if inspect.isclass(kind):
        return _class_schema(kind)
    raise TypeError(f"Unsupported type in JSON schema conversion for field '{where}': {kind}")


def _literal_schema(values: Iterable[Any]) -> Schema:
    plain = [value.value if isinstance(value, Enum) else value for value in values]
    kinds = {SCALARS.get(type(value), SCALARS[str])["type"] for value in plain}
    named = kinds - {"null"} or kinds
    return {"enum": plain} | ({"type": named.pop()} if len(named) == 1 else {})


def _class_schema(kind: type) -> Schema:
    if issubclass(kind, Enum):
        return _enum_schema(kind)
    if callable(model_schema := getattr(kind, "model_json_schema", None)):
        return dict(model_schema())
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        fields = dataclasses.fields(kind)
        needed = [
            field.name
            for field in fields
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        properties = {field.name: type_schema(hints[field.name], field.name) for field in fields}
        return {"type": "object", "properties": properties, "required": needed}
    return _plain_class_schema(kind)


def _enum_schema(kind: type[Enum]) -> Schema:
    values = [member.value for member in kind]
    if len(values) <= settings.DAPR_CONVERSATION_TOOLS_MAX_ENUM_ITEMS:
        return {"type": "string", "enum": values}
    if settings.DAPR_CONVERSATION_TOOLS_LARGE_ENUM_BEHAVIOR == "error":
        raise ValueError(
            f"Enum '{kind.__name__}' has {len(values)} members, exceeding "
            f"DAPR_CONVERSATION_TOOLS_MAX_ENUM_ITEMS={settings.DAPR_CONVERSATION_TOOLS_MAX_ENUM_ITEMS}"
        )
    description = f"{kind.__name__} (enum with {len(values)} values)."
    return {"type": "string", "description": description, "examples": values[:EXAMPLES]}


def _plain_class_schema(kind: type) -> Schema:
    """A class as what its constructor takes, or as its annotations where that takes nothing."""
    if kind.__init__ is object.__init__:  # type: ignore[misc]  # compared, not called
        hints = get_type_hints(kind)
        needed = [name for name, hint in hints.items() if type(None) not in get_args(hint)]
    else:
        given = get_type_hints(kind.__init__)  # type: ignore[misc]  # of this very class
        parameters = [one for one in inspect.signature(kind).parameters.values() if one.kind not in VARIADIC]
        hints = {one.name: given.get(one.name, str) for one in parameters}
        needed = [one.name for one in parameters if one.default is one.empty]
    if not hints:
        return {"type": "object"}
    properties = {name: type_schema(hint, name) for name, hint in hints.items()}
    return {"type": "object", "properties": properties} | ({"required": needed} if needed else {})


# --- docstrings ----------------------------------------------------------------------------------

_ARGUMENTS = re.compile(r"(?:args|arguments|parameters|params):?", re.IGNORECASE)
_SECTION = re.compile(
    r"(?:args|arguments|parameters|params|returns?|yields?|raises?|notes?|examples?|see also|references|attributes):",
    re.IGNORECASE,
)
_NUMPY_SECTION = re.compile(r"(?:returns?|yields?|raises?|notes?|examples?)", re.IGNORECASE)
_SPHINX = re.compile(r":(\w+)(?:\s+(\w+))?\s*:\s*(.*)")
_PARAMETER = re.compile(r"(\w+)\s*(?:\([^)]*\)\s*)?:\s*(.*)")


def extract_docstring_summary(func: Callable[..., Any]) -> str | None:
    """What a docstring says before it comes to arguments and the like; None when it says nothing."""
    said = []
    for line in map(str.strip, (inspect.getdoc(func) or "").splitlines()):
        if _SECTION.fullmatch(line) or _SPHINX.match(line):
            break
        if line:
            said.append(line)
    return " ".join(said) or None


def docstring_parameters(text: str) -> dict[str, str]:
    """What a docstring says of each parameter, in the style of Sphinx, Google or NumPy."""
    lines = text.splitlines()
    return _sphinx_parameters(lines) or _section_parameters(lines)


def _sphinx_parameters(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    current = ""
    for line in lines:
        if match := _SPHINX.match(line.strip()):
            current = match[2] if match[1] in ("param", "parameter") and match[2] else ""
            if current:
                found[current] = match[3].strip()
        elif current and line[:1].isspace() and line.strip():
            found[current] = f"{found[current]} {line.strip()}".strip()
    return found


def _section_parameters(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    current, inside = "", False
    for line in lines:
        said = line.strip()
        if _ARGUMENTS.fullmatch(said):
            inside = True
        elif not inside or not said or not said.strip("-="):
            continue
        elif _SECTION.fullmatch(said) or _NUMPY_SECTION.fullmatch(said):
            inside = False
        elif match := _PARAMETER.fullmatch(said):
            current = match[1]
            # A single word is the type, as NumPy writes it; the description follows.
            found[current] = "" if match[2].isalnum() else match[2]
        elif current and line[:1].isspace():
            found[current] = f"{found[current]} {said}".strip()
    return found


# --- arguments -----------------------------------------------------------------------------------


def bind_params_to_func(fn: Callable[..., Any], params: Params) -> inspect.BoundArguments:
    """What a model sent, as the arguments of a function, of the types that it says; raises `ToolArgumentError`."""
    signature = inspect.signature(fn)
    if params is None:
        params = {}
    try:
        if isinstance(params, Mapping):
            _check_names(signature, params)
            bound = signature.bind(**params)
        elif isinstance(params, Sequence) and not isinstance(params, (str, bytes)):
            bound = signature.bind(*params)
        else:
            raise ToolArgumentError("params must be a mapping (kwargs), sequence (positional), or None")
    except TypeError as error:
        raise ToolArgumentError(str(error)) from error
    bound.apply_defaults()
    hints = get_type_hints(fn)
    for name, value in bound.arguments.items():
        if name not in hints or signature.parameters[name].kind in VARIADIC:
            continue
        try:
            bound.arguments[name] = as_type(value, hints[name])
        except (TypeError, ValueError) as error:
            raise ToolArgumentError(
                f"Invalid value for parameter '{name}': expected {_name(hints[name])}, "
                f"got {type(value).__name__} ({value!r}). Details: {error}"
            ) from error
    return bound


def _check_names(signature: inspect.Signature, params: Mapping[str, Any]) -> None:
    takes = {name: one for name, one in signature.parameters.items() if one.kind not in VARIADIC}
    missing = [name for name, one in takes.items() if one.default is one.empty and name not in params]
    if missing:
        raise ToolArgumentError(f"Missing required parameter(s): {', '.join(missing)}")
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values())
    unexpected = sorted(set(params) - set(takes))
    if unexpected and not takes_any:
        raise ToolArgumentError(f"Unexpected parameter(s): {', '.join(unexpected)}")


def as_type(value: Any, kind: Any) -> Any:
    """A value of a type, made of what JSON has for it; raises ValueError or TypeError."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        raise TypeError("We cannot handle parameters with type Any")
    if origin in (Union, UnionType):
        return _as_one_of(value, args)
    if value is None:
        raise ValueError(f"None is not a valid value for {kind}")
    if origin is Literal:
        return _as_literal(value, args)
    if (origin or kind) is list:
        if not isinstance(value, list):
            raise ValueError(f"Expected list, got {type(value).__name__}")
        return [as_type(item, args[0]) for item in value] if args else value
    if (origin or kind) is dict:
        if not isinstance(value, dict):
            raise ValueError(f"Expected dict, got {type(value).__name__}")
        return {as_type(key, args[0]): as_type(item, args[1]) for key, item in value.items()} if args else value
    if inspect.isclass(kind):
        return _as_instance(value, kind)
    raise TypeError(f"Cannot make a {kind}")


def _as_one_of(value: Any, kinds: Sequence[Any]) -> Any:
    if value is None and type(None) in kinds:
        return None
    why: Exception | None = None
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return as_type(value, kind)
        except (TypeError, ValueError) as error:
            why = error
    raise ValueError(str(why))


def _as_literal(value: Any, allowed: Sequence[Any]) -> Any:
    if value in allowed:
        return value
    for one in allowed:
        if isinstance(value, str) and str(one) == value and not isinstance(one, bool):
            return one
    raise ValueError(f"{value!r} not in allowed literals {list(allowed)!r}")


def _as_instance(value: Any, kind: type) -> Any:
    if kind in SCALARS:
        return _as_scalar(value, kind)
    if isinstance(value, kind):
        return value
    if issubclass(kind, Enum):
        return _as_enum(value, kind)
    if not isinstance(value, dict):
        raise ValueError(f"Expected {kind.__name__}, got {type(value).__name__}")
    if callable(validate := getattr(kind, "model_validate", None)):
        return validate(value)
    try:
        bound = bind_params_to_func(kind, value)
    except ToolArgumentError as error:
        raise ValueError(str(error)) from error
    return kind(*bound.args, **bound.kwargs)


def _as_scalar(value: Any, kind: type) -> Any:
    if kind is bool and isinstance(value, str):
        for meant, words in WORDS.items():
            if value.strip().lower() in words:
                return meant
    elif kind is bool and isinstance(value, int):
        return bool(value)
    elif kind is str:
        return str(value)
    elif kind is int and (isinstance(value, (int, str)) or (isinstance(value, float) and value.is_integer())):
        return int(value)
    elif kind is float and isinstance(value, (int, float, str)):
        return float(value)
    elif isinstance(value, kind):
        return value
    raise ValueError(f"Expected {kind.__name__}, got {type(value).__name__}")


def _as_enum(value: Any, kind: type[Enum]) -> Enum:
    """A member by its value, or by its name in any case of letters."""
    for member in kind:
        if member.value == value:
            return member
    for member in kind:
        if isinstance(value, str) and member.name.lower() == value.strip().lower():
            return member
    raise ValueError(f"Cannot coerce {value!r} to {kind.__name__}")


def _name(kind: Any) -> str:
    return str(getattr(get_origin(kind) or kind, "__name__", kind))
