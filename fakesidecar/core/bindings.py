"""The bindings building block: operations of systems outside, and their events (dapr pkg/runtime/processor/binding)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fakesidecar.components.base import ComponentBase
from fakesidecar.components.bindings import InputBinding, OutputBinding, Refused, Reply
from fakesidecar.core.bindings_app import KEPT, InputBindings
from fakesidecar.errors import ComponentError, InvokeBindingFailed
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.core import Core


@dataclass(frozen=True, slots=True)
class Invoked:
    """An operation that an output binding was asked for."""

    binding: str
    operation: str
    data: bytes
    metadata: Mapping[str, str]
    error: str
    """Why it was not done; empty when it was."""
    time: float


class BindingsBlock:
    """Bindings by name: ways out, ways in, and those that are both."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._bindings: dict[str, OutputBinding] = {}
        self._all: list[ComponentBase] = []
        self.inputs = InputBindings(core)
        self.invoked: deque[Invoked] = deque(maxlen=KEPT)
        """What output bindings were asked for, the oldest first."""

    def add(self, spec: Component, binding: ComponentBase) -> None:
        """Load a binding under its component's name."""
        self._all.append(binding)
        if isinstance(binding, OutputBinding):
            self._bindings[spec.name] = binding
        if isinstance(binding, InputBinding):
            self.inputs.add(spec, binding)

    def find(self, name: str) -> ComponentBase | None:
        """The binding of that name, None when there is none."""
        return next((binding for binding in self._all if binding.spec.name == name), None)

    def invoke(self, name: str, operation: str, data: bytes = b"", *, metadata: Mapping[str, str] = {}) -> Reply | None:
        """Do an operation of a binding; None when the binding has nothing to say of it."""
        problem = ""
        try:
            found = self._find(name, operation)
            with self._core.guard(found.blocking):
                return found.invoke(operation, data, metadata)
        except ComponentError as error:
            problem = str(error)
            said = error.metadata if isinstance(error, Refused) else {}
            raise InvokeBindingFailed(name=name, cause=error, metadata=said) from error
        finally:
            self.invoked.append(Invoked(name, operation, data, dict(metadata), problem, self._core.clock.now()))

    def _find(self, name: str, operation: str) -> OutputBinding:
        if not operation:
            raise ComponentError("operation field is missing from request")
        found = self._bindings.get(name)
        if found is None:
            raise ComponentError(f"couldn't find output binding {name}")
        if operation not in found.operations():
            supported = " ".join(found.operations())
            raise ComponentError(
                f"binding {name} does not support operation {operation}. supported operations:{supported}"
            )
        return found

    def blocking(self, name: str) -> bool:
        """Whether the binding of that name waits for something outside of this process."""
        binding = self._bindings.get(name)
        return binding is not None and binding.blocking

    def reset(self) -> None:
        """Forget what tests have set."""
        for binding in self._all:
            binding.reset()
        self.invoked.clear()
        self.inputs.reset()

    def close(self) -> None:
        """Let go of everything outside of this process."""
        self.inputs.stop_app()
        for binding in self._all:
            binding.close()
