"""All that a sidecar keeps, as a copy: to come back to, to begin another sidecar with, to write into a file.

    kept = snapshot(core)
    restore(core, kept)
    Path("orders.json").write_text(dumps(kept))

Whoever keeps something has `snapshot()`, which gives a copy that later changes do not touch, and `restore(copy)`:
components (`ComponentBase`), and blocks that keep more than their components do (`Keeps`). A copy is of plain
values, of lists, tuples, sets and dictionaries, and of dataclasses of this package: that is what a file can hold.
Who is connected (streams, subscriptions, workers), fault plans, and records of what happened are no part of it.
What a subscriber had not answered is handed to it again after a restore; what it answers to what it had is ignored.
"""

from __future__ import annotations

import base64
import dataclasses
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from fakesidecar.clock import VirtualClock
from fakesidecar.components.base import ComponentBase

if TYPE_CHECKING:
    from fakesidecar.core import Core

FORMAT = 1
PACKAGE = "fakesidecar."


class CannotKeep(RuntimeError):
    """Something that the sidecar keeps cannot be copied, or the file is no copy."""


@runtime_checkable
class Keeps(Protocol):
    """Something that keeps more than its components do."""

    def snapshot(self) -> Any:
        """What it keeps, as a copy."""

    def restore(self, kept: Any, /) -> None:
        """Keep what was kept then."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a sidecar kept at a time."""

    time: float
    """Where the clock stood."""
    ids: Any = None
    """Where the source of ids stood, when it is a seeded one."""
    components: Mapping[str, Any] = field(default_factory=dict)
    """By type and name."""
    blocks: Mapping[str, Any] = field(default_factory=dict)
    redis: Mapping[str, bytes] = field(default_factory=dict)
    """What embedded Redis hold, by host."""


def snapshot(core: Core) -> Snapshot:
    """What a sidecar keeps now."""
    with core.guard(blocking=False):
        return Snapshot(
            core.clock.now(),
            core.around.ids.snapshot(),
            {name: component.snapshot() for name, component in _components(core).items()},
            {name: block.snapshot() for name, block in _blocks(core).items()},
            core.around.redis.snapshot(),
        )


def restore(core: Core, kept: Snapshot) -> None:
    """Keep what was kept then; what has come since is forgotten, and a virtual clock is put back."""
    with core.guard(blocking=False):
        if isinstance(core.clock, VirtualClock):
            core.clock.set(kept.time)
        core.around.ids.restore(kept.ids)
        core.around.redis.restore(kept.redis)
        for name, component in _components(core).items():
            if name in kept.components:
                component.restore(kept.components[name])
            else:
                component.reset()
        for name, block in _blocks(core).items():
            if name in kept.blocks:
                block.restore(kept.blocks[name])
        for component in _components(core).values():
            component.resume()


def _components(core: Core) -> dict[str, ComponentBase]:
    """Those that keep something, by type and name."""
    found = {}
    for spec, component in core.components:
        if not isinstance(component, ComponentBase) or type(component).reset is ComponentBase.reset:
            continue
        if type(component).snapshot is ComponentBase.snapshot:
            raise CannotKeep(f"{spec.type} ({spec.name}) can be emptied, but not copied")
        found[f"{spec.type}/{spec.name}"] = component
    return found


def _blocks(core: Core) -> dict[str, Keeps]:
    return {
        name: block for name, block in (*core.blocks.items(), *core.more_to_keep.items()) if isinstance(block, Keeps)
    }


# --- files --------------------------------------------------------------------------------------------------------


def dumps(kept: Snapshot) -> str:
    """A copy as text."""
    return json.dumps({"fakesidecar": FORMAT, **{one.name: _out(getattr(kept, one.name)) for one in FIELDS}})


def loads(text: str) -> Snapshot:
    """A copy from its text."""
    try:
        value = json.loads(text)
        if value["fakesidecar"] != FORMAT:
            raise CannotKeep(f"a copy of format {value['fakesidecar']!r}, not {FORMAT}")
        return Snapshot(**{one.name: _in(value[one.name]) for one in FIELDS})
    except (ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise CannotKeep(f"no copy of a sidecar: {error!r}") from error


FIELDS = dataclasses.fields(Snapshot)
KIND, ITEMS = "$", "of"
"""Keys of the objects that stand for what JSON does not have."""


def _out(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes() | bytearray() | memoryview():
            return {KIND: "bytes", ITEMS: base64.b64encode(value).decode()}
        case list():
            return [_out(item) for item in value]
        case tuple() | set() | frozenset():
            return {KIND: type(value).__name__, ITEMS: [_out(item) for item in value]}
        case Mapping():
            if all(isinstance(key, str) and key != KIND for key in value):
                return {key: _out(item) for key, item in value.items()}
            return {KIND: "dict", ITEMS: [[_out(key), _out(item)] for key, item in value.items()]}
    kind = type(value)
    if not dataclasses.is_dataclass(kind) or not kind.__module__.startswith(PACKAGE):
        raise CannotKeep(f"{kind.__module__}.{kind.__qualname__} cannot be written into a file")
    fields = {one.name: _out(getattr(value, one.name)) for one in dataclasses.fields(kind)}
    return {KIND: f"{kind.__module__.removeprefix(PACKAGE)}:{kind.__qualname__}", ITEMS: fields}


PLAIN: Mapping[str, Any] = {
    "bytes": base64.b64decode,
    "tuple": lambda items: tuple(map(_in, items)),
    "set": lambda items: set(map(_in, items)),
    "frozenset": lambda items: frozenset(map(_in, items)),
    "dict": lambda items: {_in(key): _in(item) for key, item in items},
}


def _in(value: Any) -> Any:
    if isinstance(value, list):
        return [_in(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(KIND)
    if kind is None:
        return {key: _in(item) for key, item in value.items()}
    if kind in PLAIN:
        return PLAIN[kind](value[ITEMS])
    module, _, name = kind.partition(":")
    found = getattr(importlib.import_module(PACKAGE + module), name)
    if not isinstance(found, type) or not dataclasses.is_dataclass(found) or found.__module__ != PACKAGE + module:
        raise CannotKeep(f"{kind} is nothing that a sidecar keeps")
    return found(**{key: _in(item) for key, item in value[ITEMS].items()})
