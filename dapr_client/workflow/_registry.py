"""Which functions there are under which names."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from dapr_client._functions import hints_of, signature_of
from dapr_client.workflow import _payload

F = TypeVar("F", bound=Callable[..., Any])

NAME = "__dapr_name__"
"""The attribute that keeps the name of a function, when it has another than its own."""

OFFICIAL_NAME = "_dapr_alternate_name"
"""The same as the official package writes it."""


class OrchestratorNotRegisteredError(ValueError):
    """There is no workflow of that name."""


class ActivityNotRegisteredError(ValueError):
    """There is no activity of that name."""


class VersionNotAvailable(Exception):
    """There is a workflow of that name, but not in that version."""


def alternate_name(name: str | None = None) -> Callable[[F], F]:
    """Give a workflow or an activity another name than its function has.

    @alternate_name("ship-order")
    def ship(ctx, order): ...
    """

    def decorate(function: F) -> F:
        return named(function, name)

    return decorate


def named(function: F, name: str | None) -> F:
    """The function, which knows its name from now on."""
    if name is not None:
        setattr(getattr(function, "__func__", function), NAME, name)
    return function


def name_of(function: Callable[..., Any] | str) -> str:
    """The name that a function goes by."""
    if isinstance(function, str):
        return function
    for attribute in (NAME, OFFICIAL_NAME, "__name__"):
        if name := getattr(function, attribute, None):
            return str(name)
    raise ValueError(f"{function!r} has no name: register it under one")


@dataclass(frozen=True, slots=True)
class Callee:
    """A function that is called with a context and, when it takes one, the payload."""

    name: str
    function: Callable[..., Any]
    version: str | None
    takes: bool
    """Whether it takes a payload."""
    default: bool
    """Whether it can do without."""
    model: Any
    """The class of the payload that its annotation names, if that makes its objects from plain data."""

    @classmethod
    def of(cls, name: str, function: Callable[..., Any], version: str | None = None) -> Callee:
        """What there is to know of a function, found out once."""
        parameters = [
            parameter
            for parameter in signature_of(function).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.VAR_POSITIONAL)
        ]
        if parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
            return cls(name, function, version, True, True, None)
        if len(parameters) < 2:
            return cls(name, function, version, False, False, None)
        payload = parameters[1]
        optional = payload.kind is payload.VAR_POSITIONAL or payload.default is not payload.empty
        return cls(name, function, version, True, optional, _model(function, payload.name))

    def arguments(self, text: str | None) -> tuple[Any, ...]:
        """What it is called with after the context."""
        if not self.takes or (text is None and self.default):
            return ()
        value = _payload.load(text or "")
        if self.model is not None and value is not None:
            value = self.model.model_validate(value)
        return (value,)


def _model(function: Callable[..., Any], parameter: str) -> Any:
    kind = hints_of(function).get(parameter)
    for one in (kind, *typing.get_args(kind)):
        if _payload.is_model(one):
            return one
    return None


class Registry:
    """The workflows and activities of a worker."""

    def __init__(self) -> None:
        self._workflows: dict[str, dict[str | None, Callee]] = {}
        self._latest: dict[str, str | None] = {}
        self._activities: dict[str, Callee] = {}
        self._names: dict[Callable[..., Any], str] = {}

    def add_workflow(
        self, function: Callable[..., Any], name: str, version: str | None = None, latest: bool = True
    ) -> None:
        """Register a workflow. The same function may come again; another one under the same name is a ValueError."""
        versions = self._workflows.setdefault(name, {})
        known = versions.get(version)
        if known is not None and known.function != function:
            raise ValueError(f"A {name!r} orchestrator already exists.")
        versions[version] = Callee.of(name, function, version)
        if latest:
            self._latest[name] = version
        self._names.setdefault(function, name)

    def add_activity(self, function: Callable[..., Any], name: str) -> None:
        """Register an activity, in the same way."""
        known = self._activities.get(name)
        if known is not None and known.function != function:
            raise ValueError(f"A {name!r} activity already exists.")
        self._activities[name] = Callee.of(name, function)
        self._names.setdefault(function, name)

    def workflow(self, name: str, version: str | None = None) -> Callee:
        """The workflow of a name: in the version that an instance began with, else the latest."""
        versions = self._workflows.get(name)
        if not versions:
            raise OrchestratorNotRegisteredError(f"A '{name}' orchestrator was not registered.")
        wanted = version if version is not None else self._latest.get(name)
        if wanted not in versions:
            raise VersionNotAvailable(f"workflow {name!r} has no version {wanted!r}")
        return versions[wanted]

    def activity(self, name: str) -> Callee:
        """The activity of a name."""
        if name not in self._activities:
            raise ActivityNotRegisteredError(f"Activity function named '{name}' was not registered!")
        return self._activities[name]

    def name_of(self, function: Callable[..., Any] | str) -> str:
        """The name that a function has here, else the one that it goes by."""
        if not isinstance(function, str) and (name := self._names.get(function)):
            return name
        return name_of(function)
