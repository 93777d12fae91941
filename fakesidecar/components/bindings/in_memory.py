"""`bindings.in-memory`: does what a test says, and brings in what a test pushes; this project's own, unknown to daprd.

What it was asked for is in `core.bindings.invoked`, as for every output binding.
"""

from __future__ import annotations

from collections.abc import Mapping

from fakesidecar.components.bindings import Cancel, Handler, InputBinding, OutputBinding, Reply
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.resources.component import Component

OPERATIONS = "create,get,delete,list"


class Answering(OutputBinding):
    """Its operations answer nothing, unless they were told what."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self._replies: dict[str, Reply] = {}

    def invoke(self, operation: str, data: bytes, metadata: Mapping[str, str]) -> Reply | None:
        return self._replies.get(operation)

    def answer(self, operation: str, reply: Reply) -> None:
        """Answer an operation so from now on."""
        if operation not in self.operations():
            raise ValueError(f"{self.spec.name} has no operation {operation!r}, only {', '.join(self.operations())}")
        self._replies[operation] = reply

    def reset(self) -> None:
        self._replies.clear()

    def snapshot(self) -> dict[str, Reply]:
        return self._replies.copy()

    def restore(self, kept: dict[str, Reply]) -> None:
        self._replies = kept.copy()


class Quiet(InputBinding):
    """Nothing comes in by itself; what a test pushes goes past it (`core.bindings.inputs.deliver`)."""

    def read(self, handler: Handler) -> Cancel:
        return lambda: None


@component("bindings.in-memory", features=("INPUT_BINDING", "OUTPUT_BINDING"))
class InMemory(Answering, Quiet):
    """The operations that its metadata list as `operations`, and the events that a test pushes."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        listed = spec.setting("operations") or OPERATIONS
        self._operations = tuple(filter(None, map(str.strip, listed.split(","))))

    def operations(self) -> tuple[str, ...]:
        return self._operations
