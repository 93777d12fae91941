"""What an actor can be asked: its id, its interface, and what is wrong when it cannot."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, total_ordering
from types import MappingProxyType
from typing import Any, TypeVar

from dapr_client import _clock
from dapr_client._functions import hints_of, signature_of

F = TypeVar("F", bound=Callable[..., Any])


class ActorNotFoundError(Exception):
    """What was called is not there: trying again does not help."""


class ActorTypeNotFoundError(ActorNotFoundError, ValueError):
    """Actors of this type are not hosted here."""


class ActorMethodNotFoundError(ActorNotFoundError, AttributeError):
    """The actor has no such method."""


class ActorPayloadDecodeError(ValueError):
    """What came with a call cannot be read: trying again does not help."""


@total_ordering
class ActorId:
    """Which actor of its type it is. Ids are equal when their texts are, and never equal to anything else."""

    __slots__ = ("_id",)

    def __init__(self, actor_id: str) -> None:
        if not isinstance(actor_id, str):
            raise TypeError(f"Argument actor_id must be of type str, not {type(actor_id)}")
        self._id = actor_id

    @classmethod
    def create_random_id(cls) -> ActorId:
        """An id that no other actor has."""
        return cls(_clock.new_id().hex)

    @property
    def id(self) -> str:
        """Its text."""
        return self._id

    def __str__(self) -> str:
        return self._id

    def __repr__(self) -> str:
        return f"ActorId({self._id!r})"

    def __hash__(self) -> int:
        return hash(self._id)

    def __eq__(self, other: object) -> bool:
        return self._id == other._id if isinstance(other, ActorId) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._id < other._id if isinstance(other, ActorId) else NotImplemented


class ActorInterface(ABC):  # noqa: B024  # actormethod makes the methods abstract
    """What an actor can be asked; actors inherit from it, and proxies take it.

    class Counter(ActorInterface):
        @actormethod(name="Add")
        async def add(self, number: int) -> int: ...
    """


def actormethod(name: str | None = None) -> Callable[[F], F]:
    """Have a method called by this name; without one, by its own. Methods take one argument at most."""

    def mark(function: F) -> F:
        function.__actormethod__ = name or function.__name__  # type: ignore[attr-defined]
        function.__isabstractmethod__ = True  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True, slots=True)
class ActorMethod:
    """A method of an interface."""

    name: str
    """What callers name it."""
    attribute: str
    """What it is in Python."""
    argument: inspect.Parameter | None
    argument_type: Any
    return_type: Any


Methods = Mapping[str, ActorMethod]


@cache
def methods_of(kind: type) -> Methods:
    """What can be asked of an interface, or of an actor: the methods of all interfaces that it inherits, by name."""
    found: dict[str, ActorMethod] = {}
    for interface in reversed(interfaces_of(kind)):
        for attribute, function in vars(interface).items():
            if inspect.isfunction(function) and not attribute.startswith("_"):
                method = _method(attribute, function)
                found[method.name] = method
    return MappingProxyType(found)


def interfaces_of(kind: type) -> list[type]:
    """The interfaces among the ancestors of a class, and itself if it is one; actors are none."""
    from dapr_client.actor._actor import Actor

    return [
        ancestor
        for ancestor in kind.__mro__
        if ActorInterface in ancestor.__bases__
        or (issubclass(ancestor, ActorInterface) and ancestor is not ActorInterface and not issubclass(ancestor, Actor))
    ]


def _method(attribute: str, function: Callable[..., Any]) -> ActorMethod:
    parameters = [*signature_of(function).parameters.values()][1:]
    types = hints_of(function)
    argument = parameters[0] if parameters else None
    return ActorMethod(
        name=getattr(function, "__actormethod__", attribute),
        attribute=attribute,
        argument=argument,
        argument_type=types.get(argument.name, object) if argument else object,
        return_type=types.get("return", object),
    )
