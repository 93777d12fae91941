"""Stand-ins: what is declared for production works on a laptop, in memory, where no component of its type is at hand.

`stand_ins.tsv` has the facts of every such type: its features, the operations of a binding, and the metadata without
which Dapr's own component does not start (`a|b`: either of them). That is what its code refuses to start without: its
metadata.yaml also calls required what only one direction, or each request, has to say, and how a component proves who
it is, is left open. Each building block has one class that keeps to the facts.
"""

from __future__ import annotations

import csv
import logging
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fakesidecar.components.base import ComponentBase
from fakesidecar.components.bindings.in_memory import Answering, Quiet
from fakesidecar.components.configuration.in_memory import InMemory as ConfigurationInMemory
from fakesidecar.components.configuration.in_memory import setting_of
from fakesidecar.components.conversation.scripted import Scripted, line
from fakesidecar.components.crypto import CryptoProvider
from fakesidecar.components.lock.in_memory import InMemory as LockInMemory
from fakesidecar.components.pubsub.in_memory import InMemory as PubSubInMemory
from fakesidecar.components.registry import ComponentType, Surroundings, block_of
from fakesidecar.components.secrets.in_memory import InMemory as SecretsInMemory
from fakesidecar.components.state import Item, Operation, Upsert, check_options
from fakesidecar.components.state.in_memory_query import InMemoryQuery
from fakesidecar.components.values import text_of, texts_of
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.components.crypto.keys import Key

log = logging.getLogger("fakesidecar.stand_ins")

TABLE = Path(__file__).with_suffix(".tsv")
STAND_IN = "STAND_IN"
"""What stands in says so among its capabilities."""
TTL = "ttlInSeconds"


@dataclass(frozen=True, slots=True)
class Fact:
    """What Dapr's own component of a type is like."""

    type: str
    version: str
    features: tuple[str, ...]
    operations: tuple[str, ...]
    """Those of an output binding."""
    required: tuple[str, ...]
    """The metadata that it does not start without; `a|b` is either."""


class StandIn(ComponentBase):
    """Stands in for a component that is elsewhere; nothing leaves this process."""

    fact: ClassVar[Fact]

    def __init__(self, spec: Component, around: Surroundings) -> None:
        given = {name.lower() for name, value in spec.metadata.items() if value}
        given.update(name.lower() for name in (*spec.secret_refs, *spec.env_refs))  # wherever their values are
        for names in self.fact.required:
            if given.isdisjoint(names.lower().split("|")):
                raise ComponentError(f"missing required metadata property: {' or '.join(names.split('|'))}")
        super().__init__(spec, around)
        log.warning("Component %s is stood in for in memory", spec.display_name)

    def can(self, feature: str) -> bool:
        """Whether Dapr's own component has a feature."""
        return feature in self.fact.features

    @property
    def values(self) -> Mapping[str, Any]:
        """What it is to hold from the beginning."""
        return self.around.values.get(self.spec.name, {})


class State(StandIn, InMemoryQuery):
    """Values in this process: with etags, times to live and queries where the component has them."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.queryable = self.can("QUERY_API")

    def get(self, key: str, metadata: Mapping[str, str], consistency: str = "") -> Item | None:
        item = super().get(key, metadata, consistency)
        return item if item is None or self.can("ETAG") else replace(item, etag=None)

    def transact(self, operations: Sequence[Operation], metadata: Mapping[str, str]) -> None:
        super().transact([self._known(operation) for operation in operations], metadata)

    def _known(self, operation: Operation) -> Operation:
        """An operation without what the component takes no notice of."""
        check_options(operation)
        if not self.can("ETAG"):
            operation = replace(operation, etag=None, concurrency="")
        if not self.can("TTL") and isinstance(operation, Upsert):
            kept = {name: value for name, value in operation.metadata.items() if name != TTL}
            operation = replace(operation, metadata=kept)
        return operation


class PubSub(StandIn, PubSubInMemory):
    """A bus of the broker in this process: what is published reaches those who read at that time."""


class Output(StandIn, Answering):
    """A way out that leads nowhere: what it was asked for is recorded."""

    def operations(self) -> tuple[str, ...]:
        return self.fact.operations


class Input(StandIn, Quiet):
    """A way in for what tests push."""


class InputOutput(Output, Quiet):
    """Both ways."""


class Secrets(StandIn, SecretsInMemory):
    """The secrets of the user's file, and those that tests set."""

    def reset(self) -> None:
        self.secrets = {name: texts_of(value, name) for name, value in self.values.items()}


class Configuration(StandIn, ConfigurationInMemory):
    """The settings of the user's file, and those that tests set."""

    def reset(self) -> None:
        self.settings = {name: setting_of(text_of(value)) for name, value in self.values.items()}


class Lock(StandIn, LockInMemory):
    """Leases in this process."""


class Crypto(StandIn, CryptoProvider):
    """The keys of the user's file; any other is an RSA key that is made when it is first asked for."""

    def find(self, name: str) -> Key:
        from fakesidecar.components.crypto.keys import new_key, parse_key

        if name in self.values:
            return parse_key(text_of(self.values[name]).encode())
        self.added[name] = new_key("RSA")
        return parse_key(self.added[name])

    def names(self) -> Iterable[str]:
        return self.values


class Conversation(StandIn, Scripted):
    """A model that says what tests tell it to, and otherwise that it is none."""

    def _begin(self) -> None:
        super()._begin()
        text = f"{self.spec.name} is stood in for: nobody has told it what to say."
        self._declared_lines.append(line(None, text, (), "", 0.0, None))


CLASSES: Mapping[str, type[StandIn]] = {
    "state": State,
    "pubsub": PubSub,
    "secrets": Secrets,
    "configuration": Configuration,
    "lock": Lock,
    "crypto": Crypto,
    "conversation": Conversation,
}
BINDINGS: Mapping[tuple[str, ...], type[StandIn]] = {
    ("INPUT_BINDING",): Input,
    ("OUTPUT_BINDING",): Output,
    ("INPUT_BINDING", "OUTPUT_BINDING"): InputOutput,
}
"""By what a binding can do."""


@cache
def facts() -> Mapping[tuple[str, str], Fact]:
    """The table, by type and version."""

    def names(text: str) -> tuple[str, ...]:
        return tuple(filter(None, text.split(",")))

    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {
            (row["type"], row["version"]): Fact(
                row["type"], row["version"], names(row["features"]), names(row["operations"]), names(row["required"])
            )
            for row in rows
        }


@cache
def find(type_name: str, version: str = "") -> type[Any] | None:
    """What stands in for a type and version, None when Dapr knows no such component."""
    wanted = version.lower()
    fact = facts().get((type_name, "v1" if wanted in ("", "v0") else wanted))
    if fact is None:
        return None
    block = block_of(fact.type) or ""
    base = BINDINGS[fact.features] if block == "bindings" else CLASSES[block]
    declared = ComponentType(fact.type, block, (fact.version,), (*fact.features, STAND_IN))
    return types.new_class(
        base.__name__, (base,), exec_body=lambda body: body.update(component_type=declared, fact=fact)
    )
