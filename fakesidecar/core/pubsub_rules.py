"""Where an event goes: routing rules in CEL (dapr pkg/runtime/pubsub, pkg/expr).

The expressions are run by Google's own engine, which is loaded with the first rule that has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakesidecar.resources.subscription import Rule

EVENT = "event"
_UNDECLARED = re.compile(r"undeclared reference to '\.?(\w+)")
_PLACE = re.compile(r"\s*\(in container ''\)|\s*\[INVALID_ARGUMENT\]|^INVALID_ARGUMENT: ")


class BrokenRule(Exception):
    """A rule that is no expression; the text says where."""


class RuleFailed(Exception):
    """A rule that says neither yes nor no of an event."""


Condition = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Routes:
    """Rules, in the order in which they are tried."""

    rules: Sequence[tuple[Condition | None, str]]

    def path(self, event: Mapping[str, Any]) -> str | None:
        """Where the first rule that matches leads, None when none does; raises `RuleFailed` for one that cannot say."""
        for condition, path in self.rules:
            if condition is None or condition(event):
                return path
        return None


def routes_of(rules: Sequence[Rule]) -> Routes:
    """Rules, ready to be tried; raises `BrokenRule`."""
    return Routes([(compiled(rule.match) if rule.match.strip() else None, rule.path) for rule in rules])


def compiled(text: str) -> Condition:
    """An expression as a function of an event."""
    try:
        from cel_expr_python import cel
    except ImportError as error:
        raise BrokenRule(f"rules need the package cel-expr-python, which is not installed here: {error}") from error

    expression = _compile(text, {EVENT: cel.Type.DYN})

    def condition(event: Mapping[str, Any]) -> bool:
        found = expression.eval(data={EVENT: event})
        if found.type() == cel.Type.BOOL:
            return bool(found.value())
        if found.type() == cel.Type.ERROR:
            raise RuleFailed(f"{text}: {found.value()}")
        raise RuleFailed(f"{text}: unexpected result type {found.type().name()}")

    return condition


def _compile(text: str, variables: dict[str, Any]) -> Any:
    """Compile an expression; names that nobody knows may be anything, and fail when they are asked for."""
    from cel_expr_python import cel

    while True:
        try:
            return cel.NewEnv(variables=variables).compile(text)
        except RuntimeError as error:
            unknown = set(_UNDECLARED.findall(str(error))) - set(variables)
            if not unknown or "Syntax error" in str(error):
                raise BrokenRule(_PLACE.sub("", str(error))) from error
            variables |= dict.fromkeys(unknown, cel.Type.DYN)
