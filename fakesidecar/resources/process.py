"""Makes running components of declared ones: secrets, variables and templates filled in, each in its turn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fakesidecar.components.registry import Surroundings, find
from fakesidecar.errors import ComponentError, NotCreated
from fakesidecar.resources._yaml import text_of
from fakesidecar.resources.errors import StartupError, not_created, not_found, not_initialized

if TYPE_CHECKING:
    from fakesidecar.resources.component import Component

log = logging.getLogger("fakesidecar.runtime.processor")
secret_log = logging.getLogger("fakesidecar.runtime.processor.secret")

GetSecret = Callable[[str, str], Mapping[str, str] | None]
"""Store and secret name to the secret's keys and values; raises ComponentError; None: no such store is loaded."""


def process(
    components: Iterable[Component],
    around: Surroundings,
    *,
    add: Callable[[Component, Any], None],
    secret: GetSecret,
) -> None:
    """Make every component and hand it to `add`, in order; raises `StartupError` for the first that fails."""
    for declared in components:
        log.debug("Loading component: %s", declared.display_name)
        try:
            resolved = resolve(declared, around, secret)
            if resolved is None:
                continue
            add_or_refuse(resolved, create(resolved, around), add)
        except StartupError as error:
            log.error("Failed to init component %s: %s", declared.display_name, error)
            if not declared.ignore_errors:
                raise
            log.error("Ignoring error processing component: %s", error.message)
        else:
            log.info("Component loaded: %s", declared.display_name)


def create(resolved: Component, around: Surroundings) -> Any:
    """The component, ready to be used; raises `StartupError` when there is no such type, or when it refuses."""
    implementation = find(resolved.type, resolved.version)
    if implementation is None and around.stand_ins:
        from fakesidecar.components import stand_ins

        implementation = stand_ins.find(resolved.type, resolved.version)
    if implementation is None:
        raise not_found(resolved)
    try:
        return implementation(resolved, around)
    except ComponentError as error:
        raise not_initialized(resolved, str(error)) from error


def add_or_refuse(resolved: Component, component: Any, add: Callable[[Component, Any], None]) -> None:
    """Hand a component on; what its building block refuses it for is told as the component's own failure."""
    try:
        add(resolved, component)
    except ComponentError as error:
        component.close()
        refused = not_created if isinstance(error, NotCreated) else not_initialized
        raise refused(resolved, str(error)) from error


# --- filling in ----------------------------------------------------------------------------------


def resolve(declared: Component, around: Surroundings, secret: GetSecret) -> Component | None:
    """The component with its metadata filled in, None when its secret store is not loaded: then it waits for ever."""
    metadata = {name: text_of(value) for name, value in declared.metadata.items()}
    for name, variable in declared.env_refs.items():
        if metadata.get(name):
            continue
        if readable(variable):
            metadata[name] = around.environment.get(variable, "")
        else:
            secret_log.warning(
                "Component %s references an env variable that isn't allowed: %s", declared.name, variable
            )
    for name, reference in declared.secret_refs.items():
        try:
            found = secret(declared.secret_store, reference.name)
        except ComponentError as error:
            secret_log.error("Error getting secret: %s (metadata %r; %s)", error, name, declared.declared)
            continue
        if found is None:
            secret_log.warning(
                "Component %s references a secret store that isn't loaded: %s", declared.name, declared.secret_store
            )
            if declared.secret_store:
                return None
            continue
        key = reference.key or reference.name
        if key in found:
            metadata[name] = found[key]
    return replace(
        declared,
        metadata={name: fill(declared, name, text, around) for name, text in metadata.items()},
        namespaced=any("{namespace}" in text for text in metadata.values()),
    )


def readable(variable: str) -> bool:
    """Whether a component may be given an environment variable (dapr pkg/runtime/processor/secret)."""
    upper = variable.upper()
    return upper != "APP_API_TOKEN" and not upper.startswith("DAPR_") and " " not in variable


def fill(declared: Component, name: str, text: str, around: Surroundings) -> str:
    """A metadata value with `{uuid}`, `{podName}`, `{namespace}` and `{appID}` replaced."""
    if "{" not in text:
        return text
    while "{uuid}" in text:
        text = text.replace("{uuid}", around.ids.uuid(), 1)
    if "{podName}" in text:
        pod = around.environment.get("POD_NAME", "")
        if not pod:
            reason = f"failed to parse metadata: property {name} refers to {{podName}} but podName is not set"
            raise not_initialized(declared, reason)
        text = text.replace("{podName}", pod)
    return text.replace("{namespace}", f"{around.namespace}.{around.app_id}").replace("{appID}", around.app_id)
