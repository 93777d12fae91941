"""YAML as Go's libraries read it, decoded by schema.

daprd reads components and their like through `sigs.k8s.io/yaml` (YAML 1.1 words such as `yes`, JSON's rules, keys
in any case of letters), and a Configuration through `yaml.v3` (exact keys, every mismatch reported with its line).
Neither knows dates or numbers of base 60. The parser underneath is the same libyaml everywhere, so its complaints
are the same too.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yaml import Node
    from yaml.error import MarkedYAMLError

PLAIN = "plain"
"""The tag of a scalar without quotes, whose meaning is still open."""

# --- documents -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file."""

    text: str
    line: int = 1
    """Where it begins in its file."""


def documents(text: str) -> Iterator[Document]:
    """The documents of a file, split as daprd does (dapr pkg/internal/loader/disk, splitYamlDoc).

    The separator is three dashes at the beginning of a line; the rest of that line is dropped.
    """
    line = 1
    while text:
        before, separator, after = text.partition("\n---")
        _, newline, remaining = after.partition("\n")
        if separator and after and not newline:
            return  # daprd waits for the end of the separator's line, and loses the document before it
        yield Document(before, line)
        line += before.count("\n") + 2
        text = remaining


# --- parsing -------------------------------------------------------------------------------------


class YamlError(Exception):
    """The text is no YAML; the message is the one that Go's library has."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        """Counted from 1."""


@cache
def _loader() -> type[Any]:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class GoLoader(base):  # type: ignore[misc]  # the base is chosen at run time
        """Leaves the meaning of plain scalars open."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            if kind is yaml.ScalarNode and implicit[0]:
                return PLAIN
            return super().resolve(kind, value, (False, True))

    return GoLoader


def compose(text: str, *, v3: bool = False) -> Node | None:
    """The tree of the first document of a text, None when it has none; `v3`: complain as yaml.v3 does."""
    import yaml

    loader = _loader()(text)
    try:
        return loader.get_node() if loader.check_node() else None
    except yaml.composer.ComposerError as error:
        raise YamlError(f"yaml: unknown anchor '{_anchor(text, error)}' referenced", _line(error)) from error
    except yaml.MarkedYAMLError as error:
        raise YamlError(_complaint(error, v3=v3), _line(error)) from error
    except yaml.YAMLError as error:
        raise YamlError(f"yaml: {error}") from error
    finally:
        loader.dispose()


def _complaint(error: MarkedYAMLError, *, v3: bool) -> str:
    # go-yaml's parser.fail: the line is left out when it is the first, and only the scanner counts from 1.
    # Version 3 has the line where it began, before where it went wrong.
    import yaml

    scanner = isinstance(error, yaml.scanner.ScannerError)
    marks = (error.context_mark, error.problem_mark)
    for mark in marks if v3 else reversed(marks):
        if mark is not None and mark.line:
            return f"yaml: line {mark.line + scanner}: {error.problem}"
    return f"yaml: {error.problem or 'unknown problem parsing YAML content'}"


def _anchor(text: str, error: MarkedYAMLError) -> str:
    """The name of the alias that an error is about: libyaml tells its place, not its name."""
    mark = error.problem_mark
    line = text.splitlines()[mark.line] if mark is not None else ""
    name = re.compile(r"\*([A-Za-z0-9_-]+)").match(line, mark.column if mark is not None else 0)
    return name[1] if name else ""


def _line(error: MarkedYAMLError) -> int | None:
    return error.problem_mark.line + 1 if error.problem_mark is not None else None


# --- scalars -------------------------------------------------------------------------------------

_NULLS = {"", "~", "null", "Null", "NULL"}
_WORDS = dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)
_OLD_WORDS = dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"], True) | dict.fromkeys(
    ["n", "N", "no", "No", "NO", "off", "Off", "OFF"], False
)
_SPECIAL = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INT = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def scalar(text: str, *, old_words: bool = True) -> str | bool | int | float | None:
    """What a scalar without quotes means (go-yaml resolve.go); `old_words`: `yes`, `off`… are booleans."""
    if text in _NULLS:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if old_words and text in _OLD_WORDS:
        return _OLD_WORDS[text]
    if text in _SPECIAL:
        return _SPECIAL[text]
    digits = text.replace("_", "") if text[0] in "+-.0123456789" else ""
    if _INT.fullmatch(digits):
        return _integer(digits)
    return float(digits) if _FLOAT.fullmatch(digits) else text


def _integer(digits: str) -> int:
    octal = re.fullmatch(r"([-+]?)0([0-7]+)", digits)
    return int(f"{octal[1]}0o{octal[2]}", 0) if octal else int(digits, 0)


def plain_value(node: Node | None, *, old_words: bool = True) -> Any:
    """A tree as the Python values that JSON has."""
    import yaml

    match node:
        case yaml.ScalarNode():
            return _scalar_of(node, old_words=old_words)
        case yaml.SequenceNode():
            return [plain_value(item, old_words=old_words) for item in node.value]
        case yaml.MappingNode():
            return {_key(key): plain_value(value, old_words=old_words) for key, value in _pairs(node)}
    return None


def _scalar_of(node: Any, *, old_words: bool) -> Any:
    tag = node.tag.rpartition(":")[2]
    if tag == PLAIN:
        return scalar(node.value, old_words=old_words)
    if tag in ("int", "float", "bool", "null"):  # an explicit tag
        return scalar(node.value, old_words=True)
    return node.value


def _key(node: Any) -> str:
    import yaml

    if not isinstance(node, yaml.ScalarNode):
        raise YamlError(f"yaml: invalid map key: {plain_value(node)}", node.start_mark.line + 1)
    return str(node.value)


def _pairs(node: Any) -> Iterator[tuple[Any, Any]]:
    """Keys and values, what `<<` merges in first."""
    own = []
    for key, value in node.value:
        if key.tag == PLAIN and key.value == "<<":
            for merged in value.value if value.id == "sequence" else [value]:
                yield from _pairs(merged)
        else:
            own.append((key, value))
    yield from own


# --- schemas -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: `string`, `bool`, `int`…, named as in Go."""

    go: str
    strict: bool = False
    """A number is not taken for a text."""


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Any value at all; a text stays as it is, anything else becomes JSON."""

    go: str = "common.DynamicValue"


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Kind

    @property
    def go(self) -> str:
        return f"[]{self.item.go}"


@dataclass(frozen=True, slots=True)
class MapOf:
    value: Kind

    @property
    def go(self) -> str:
        return f"map[string]{self.value.go}"


@dataclass(frozen=True, slots=True)
class Struct:
    """Named fields; others are ignored."""

    go: str
    fields: Mapping[str, Kind]


Kind = Scalar | Dynamic | ListOf | MapOf | Struct

TEXT = Scalar("string")
NAME = Scalar("string", strict=True)
BOOL = Scalar("bool")
INT = Scalar("int")
INT32 = Scalar("int32")
DURATION = Scalar("time.Duration")
"""Read as seconds."""


_JSON_WORDS = {"seq": "array", "map": "object", "int": "number", "float": "number", "str": "string"}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value that is not what its field wants."""

    path: str
    line: int
    value: str
    tag: str
    """As YAML calls what was found: `seq`, `map`, `int`…"""
    wanted: str
    owner: str
    """The Go struct that has the field."""

    @property
    def in_json_words(self) -> str:
        found = _JSON_WORDS.get(self.tag, self.tag)
        into = f"Go struct field {self.owner}.{self.path}" if self.path else "Go value"
        return f"json: cannot unmarshal {found} into {into} of type {self.wanted}"

    @property
    def in_yaml_words(self) -> str:
        value = self.value if len(self.value) <= 10 else f"{self.value[:7]}..."
        value = "" if self.tag in ("seq", "map") else f" `{value}`"
        return f"line {self.line}: cannot unmarshal !!{self.tag}{value} into {self.wanted}"

    def hint(self, line: int = 1) -> str:
        """The field, its value and its line, for a document that begins at `line` of its file."""
        value = self.value if self.tag not in ("seq", "map") else {"seq": "a list", "map": "a mapping"}[self.tag]
        return f"{self.path or 'the document'} is {value}, line {self.line + line - 1}"


@dataclass(slots=True)
class Decoder:
    """Reads a tree by a schema into dicts and lists; what does not fit is left out and noted."""

    json: bool = True
    """Read as JSON is (keys in any case, numbers taken for text) or as yaml.v3 does."""
    mismatches: list[Mismatch] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)

    def decode(self, node: Any, kind: Kind, path: str = "", owner: str = "") -> Any:
        """The value of a node, None when it is null or does not fit."""
        if _is_null(node):
            return [] if self.json and isinstance(kind, ListOf) else None
        match kind:
            case Dynamic():
                return plain_value(node)
            case Scalar():
                return self._scalar(node, kind, path, owner)
            case ListOf() if node.id == "sequence":
                return [self.decode(item, kind.item, path, owner) for item in node.value]
            case MapOf() if node.id == "mapping":
                return {_key(key): self.decode(value, kind.value, path, owner) for key, value in _pairs(node)}
            case Struct() if node.id == "mapping":
                return self._struct(node, kind, path)
        return self._mismatch(node, kind, path, owner)

    def _struct(self, node: Any, kind: Struct, path: str) -> dict[str, Any]:
        known = {name.lower() if self.json else name: name for name in kind.fields}
        pairs = [(_key(key), key, value) for key, value in _pairs(node)]
        if self.json:
            pairs.sort(key=lambda pair: pair[0])  # Go marshals the map with its keys sorted; the last that fits wins
        else:
            self._note_duplicates(pairs)
        out = {}
        owner = kind.go.rpartition(".")[2]
        for written, _, value in pairs:
            name = known.get(written.lower() if self.json else written)
            if name is not None:
                out[name] = self.decode(value, kind.fields[name], f"{path}.{name}" if path else name, owner)
        return out

    def _note_duplicates(self, pairs: list[tuple[str, Any, Any]]) -> None:
        seen: dict[str, int] = {}
        for written, key, _ in pairs:
            line = key.start_mark.line + 1
            if written in seen:
                self.duplicates.append(f'line {line}: mapping key "{written}" already defined at line {seen[written]}')
            seen.setdefault(written, line)

    def _scalar(self, node: Any, kind: Scalar, path: str, owner: str) -> Any:
        if node.id != "scalar":
            return self._mismatch(node, kind, path, owner)
        value = _scalar_of(node, old_words=self.json)
        if kind.go.startswith("int"):
            fits = isinstance(value, int) and not isinstance(value, bool)
        elif kind.go == "bool":
            if not self.json and node.tag == PLAIN:  # yaml.v3 takes the old words where it wants a boolean
                value = scalar(node.value)
            fits = isinstance(value, bool)
        elif kind is DURATION:
            value = _duration(value)
            fits = value is not None
        elif kind.go == "float64":
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        else:
            if not self.json:
                return node.value
            fits = isinstance(value, str) or not kind.strict
            value = text_of(value)
        return value if fits else self._mismatch(node, kind, path, owner)

    def _mismatch(self, node: Any, kind: Kind, path: str, owner: str) -> None:
        tag = {"sequence": "seq", "mapping": "map"}.get(node.id) or _tag_of(_scalar_of(node, old_words=self.json))
        value = node.value if node.id == "scalar" else ""
        self.mismatches.append(Mismatch(path, node.start_mark.line + 1, value, tag, kind.go, owner))


def _duration(value: Any) -> float | None:
    from fakesidecar import golang

    try:
        return golang.parse_duration(value) if isinstance(value, str) else None
    except golang.GoError:
        return None


def text_of(value: Any) -> str:
    """A scalar as Go writes it where a text is wanted: `true`, `5`, `1.5`."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case _:
            from fakesidecar import golang

            return golang.marshal(value).decode()


def _tag_of(value: Any) -> str:
    return {bool: "bool", int: "int", float: "float", type(None): "null"}.get(type(value), "str")


def _is_null(node: Any) -> bool:
    return node is None or (node.id == "scalar" and node.tag == PLAIN and node.value in _NULLS)
