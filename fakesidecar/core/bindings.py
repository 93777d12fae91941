"""The bindings building block, its output side: operations of systems outside (dapr pkg/runtime/processor/binding)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fakesidecar.components.bindings import OutputBinding, Refused, Reply
from fakesidecar.errors import ComponentError, InvokeBindingFailed
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.core import Core


class BindingsBlock:
    """Output bindings by name."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._bindings: dict[str, OutputBinding] = {}

    def add(self, spec: Component, binding: OutputBinding) -> None:
        """Load a binding under its component's name."""
        self._bindings[spec.name] = binding

    def invoke(self, name: str, operation: str, data: bytes = b"", *, metadata: Mapping[str, str] = {}) -> Reply | None:
        """Do an operation of a binding; None when the binding has nothing to say of it."""
        try:
            found = self._find(name, operation)
            with self._core.guard(found.blocking):
                return found.invoke(operation, data, metadata)
        except ComponentError as error:
            said = error.metadata if isinstance(error, Refused) else {}
            raise InvokeBindingFailed(name=name, cause=error, metadata=said) from error

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
        for binding in self._bindings.values():
            binding.reset()

    def close(self) -> None:
        """Let go of everything outside of this process."""
        for binding in self._bindings.values():
            binding.close()
