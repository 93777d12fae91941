"""What a test says of the sidecar that it wants; equal settings share one server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fakesidecar.clock import Clock
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.resources.load import Given

Transport = Literal["in-process", "grpc"]
Time = Literal["virtual", "system"] | Clock
"""A clock of its own, the machine's, or one that others have as well."""
Declared = Component | str | Path
Components = Mapping[str, str | Mapping[str, Any]] | Iterable[Declared]
"""`{"orders": "state.in-memory"}`, `{"orders": {"type": "state.redis", "redisHost": "…"}}`, or a list of `Component`s,
texts of YAML, files and folders."""
Paths = str | Path | Iterable[str | Path]

DEFAULT_COMPONENTS = (
    Component("statestore", "state.in-memory", metadata={"actorStateStore": "true"}),
    Component("secretstore", "secretstores.in-memory"),
    Component("configstore", "configuration.in-memory"),
    Component("lockstore", "lock.in-memory"),
)
"""What is loaded when nobody says otherwise, under the names that Dapr's documents use."""

OURS = frozenset(
    {
        "bindings.in-memory",
        "secretstores.in-memory",
        "configuration.in-memory",
        "lock.in-memory",
        "crypto.in-memory",
        "conversation.scripted",
        "state.in-memory-query",
    }
)
"""Component types that the fake has and daprd has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One sidecar, as a test wants it."""

    app_id: str = "app"
    given: Sequence[Declared] = DEFAULT_COMPONENTS
    """Components and other resources, in Python or as texts."""
    resources_paths: Sequence[str | Path] = ()
    config_paths: Sequence[str | Path] = ()
    api_token: str = ""
    clock: Time = "virtual"
    redis: str = "embedded"
    more: Mapping[str, Any] | None = None
    """Further fields of `fakesidecar.Options`, for the fake alone."""


def settings(
    *,
    app_id: str = "app",
    components: Components | None = None,
    resources: Paths | None = None,
    config: Paths | None = None,
    api_token: str = "",
    clock: Time = "virtual",
    redis: str = "embedded",
    **more: Any,
) -> Settings:
    """Settings from what people write; without components and resources, the default components."""
    paths = as_paths(resources)
    default = () if paths else DEFAULT_COMPONENTS
    return Settings(
        app_id=app_id,
        given=default if components is None else as_given(components),
        resources_paths=paths,
        config_paths=as_paths(config),
        api_token=api_token,
        clock=clock,
        redis=redis,
        more=more or None,
    )


def as_paths(paths: Paths | None) -> tuple[str | Path, ...]:
    """One path or many, as a tuple."""
    if paths is None:
        return ()
    return (paths,) if isinstance(paths, str | Path) else tuple(paths)


def as_given(components: Components) -> tuple[Declared, ...]:
    """Declarations in any of the forms that are accepted, as a tuple of those that the loader takes."""
    if isinstance(components, str | Path | Component):
        return (components,)
    if isinstance(components, Mapping):
        return tuple(_component(name, what) for name, what in components.items())
    return tuple(components)


def _component(name: str, what: str | Mapping[str, Any]) -> Component:
    if isinstance(what, str):
        return Component(name, what)
    metadata = {key: value for key, value in what.items() if key not in ("type", "version")}
    try:
        return Component(name, what["type"], what.get("version", "v1"), metadata=metadata)
    except KeyError:
        raise ValueError(f"component {name!r} has no 'type': {dict(what)!r}") from None


def to_load(wanted: Settings) -> list[Given]:
    """What the loader is given."""
    return list(wanted.given)
