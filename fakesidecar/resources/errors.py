"""What a sidecar says when it gives up at its start, in daprd's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakesidecar.resources.component import Component


class StartupError(Exception):
    """The sidecar cannot start.

    `message` is what daprd logs after `Fatal error from runtime: `; `hint` says what daprd does not: the file,
    the field and the value that are to blame.
    """

    def __init__(self, message: str, exit_code: int = 1, *, hint: str = "") -> None:
        super().__init__(message, exit_code, hint)
        self.message = message
        self.exit_code = exit_code
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


NOUNS = {
    "state": "state store",
    "pubsub": "message bus",
    "secretstores": "secret store",
    "configuration": "configuration store",
    "lock": "lock store",
    "bindings": "binding",
    "crypto": "crypto provider",
    "conversation": "conversation",
    "middleware": "HTTP middleware",
}
"""The categories of components (the text before the first dot, in this very case), and how daprd calls one."""

INIT = "INIT_COMPONENT_FAILURE"
CREATE = "CREATE_COMPONENT_FAILURE"


def category_of(component_type: str) -> str | None:
    """The category of a component type, None when there is no such category."""
    category, dot, _ = component_type.partition(".")
    return category if dot and category in NOUNS else None


def incorrect_type(component: Component) -> StartupError:
    """The component's type belongs to no building block."""
    return _failed(component, f"incorrect type {component.type}")


def not_found(component: Component) -> StartupError:
    """The category exists, the type or version does not (dapr pkg/components/*/registry.go, one text each)."""
    full_type = f"{component.type}/{component.version.lower()}"
    match category_of(component.type):
        case None:
            return incorrect_type(component)
        case "bindings":  # a binding is looked up by the name first, and is not wrapped as the others are
            reason = f"couldn't find binding {component.name} ({full_type})"
            return _failed(component, _wrapped(component, INIT, reason))
        case "middleware":
            reason = f"process component {component.name} error: HTTP middleware {full_type} has not been registered"
        case category:
            reason = f"couldn't find {NOUNS[category]} {full_type}"
    return _failed(component, _wrapped(component, INIT, _wrapped(component, CREATE, reason)))


def not_initialized(component: Component, reason: str) -> StartupError:
    """The component said no: `reason` in its own words."""
    return _failed(component, _wrapped(component, INIT, _wrapped(component, INIT, reason)))


def not_created(component: Component, reason: str) -> StartupError:
    """The component's metadata was wrong before it was asked to start."""
    return _failed(component, _wrapped(component, INIT, _wrapped(component, CREATE, reason)))


def _failed(component: Component, reason: str) -> StartupError:
    return StartupError(f"process component {component.name} error: {reason}", hint=component.declared)


def _wrapped(component: Component, kind: str, reason: str) -> str:
    # kit/rterrors: the same prefix is put on by the block's processor and by the processor of all.
    return f"[{kind}]: initialization error occurred for {component.display_name}: {reason}"
