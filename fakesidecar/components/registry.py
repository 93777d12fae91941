"""Finds the class that implements a component type.

A component is a class in a file of its own, marked with its Dapr type:

    @component("state.in-memory", features=("ETAG", "TRANSACTIONAL", "TTL"))
    class InMemory(StateStore): ...

The file is found by the type's name, and is imported when a component of the type is first declared. Packages
outside this one add components through the entry-point group `fakesidecar.components`: the entry's name is the
Dapr type, its value the class.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, TypeVar

from fakesidecar.broker import Broker

if TYPE_CHECKING:
    from fakesidecar.clock import Clock
    from fakesidecar.ids import Ids
    from fakesidecar.redis_place import RedisPlace

ENTRY_POINTS = "fakesidecar.components"

BLOCKS = {
    "state": "state",
    "secretstores": "secrets",
    "configuration": "configuration",
    "lock": "lock",
    "pubsub": "pubsub",
    "bindings": "bindings",
    "crypto": "crypto",
    "conversation": "conversation",
    "middleware.http": "middleware",
}
"""The first word(s) of a component type, and the folder of its block."""


@dataclass(frozen=True, slots=True)
class ComponentType:
    """What a component class says of itself."""

    name: str
    """As in YAML: `state.in-memory`."""
    block: str
    versions: tuple[str, ...] = ("v1",)
    features: tuple[str, ...] = ()
    """The capabilities that GetMetadata lists."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a component is given besides its own metadata."""

    clock: Clock
    ids: Ids
    redis: RedisPlace
    app_id: str = ""
    namespace: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    broker: Broker = field(default_factory=Broker)
    """The broker in this process; sidecars may share one."""
    stand_ins: bool = False
    """Whether components of types that are not served are stood in for (stand_ins.py)."""
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What those are to hold that stand in, by component."""


C = TypeVar("C", bound=type)


def component(name: str, *, versions: tuple[str, ...] = ("v1",), features: tuple[str, ...] = ()) -> Callable[[C], C]:
    """Mark a class as the implementation of the component type `name`."""

    def mark(cls: C) -> C:
        cls.component_type = ComponentType(name, block_of(name) or "", versions, features)  # type: ignore[attr-defined]  # the base classes declare it
        return cls

    return mark


def block_of(type_name: str) -> str | None:
    """The building block of a component type, None when Dapr has none of that category."""
    for prefix, block in BLOCKS.items():
        if type_name.startswith(prefix + "."):
            return block
    return None


def find(type_name: str, version: str = "") -> type[Any] | None:
    """The class for a type and version as written in YAML, None when there is none.

    An empty version, v0 and v1 are one and the same in any case of letters (components-contrib
    registry, `IsInitialVersion`); others must be listed by the class.
    """
    cls = _find_type(type_name)
    wanted = version.lower()
    if cls is None or wanted in ("", "v0", "v1") or wanted in cls.component_type.versions:
        return cls
    return None


def known() -> list[type[Any]]:
    """The classes of this package, in the order of their types' names."""
    found = []
    for block in dict.fromkeys(BLOCKS.values()):
        package = importlib.util.find_spec(f"{__package__}.{block}")
        for folder in (package and package.submodule_search_locations) or ():
            for entry in pkgutil.iter_modules([folder]):
                module = importlib.import_module(f"{__package__}.{block}.{entry.name}")
                found += [value for value in vars(module).values() if _declares(value, module.__name__)]
    return sorted(found, key=lambda cls: cls.component_type.name)


def _declares(value: object, module: str) -> bool:
    return isinstance(value, type) and value.__module__ == module and "component_type" in vars(value)


@cache
def _find_type(type_name: str) -> type[Any] | None:
    for entry in entry_points(group=ENTRY_POINTS, name=type_name):
        return entry.load()  # type: ignore[no-any-return]  # what an entry point names is not typed
    block = block_of(type_name)
    if block is None:
        return None
    prefix = next(prefix for prefix, name in BLOCKS.items() if name == block)
    stem = type_name[len(prefix) + 1 :].replace("-", "_").replace(".", "_")
    module = f"{__package__}.{block}.{stem}"
    if not stem.isidentifier() or importlib.util.find_spec(f"{__package__}.{block}") is None:
        return None
    if importlib.util.find_spec(module) is None:
        return None
    for value in vars(importlib.import_module(module)).values():
        declared = getattr(value, "component_type", None)
        if isinstance(value, type) and isinstance(declared, ComponentType) and declared.name == type_name:
            return value
    return None


def served() -> list[ComponentType]:
    """Every component type that there is: the files of this package, and what entry points add."""
    found = {cls.component_type for cls in known()}
    found.update(entry.load().component_type for entry in entry_points(group=ENTRY_POINTS))
    return sorted(found, key=lambda declared: declared.name)
