"""Reads folders of YAML files (and texts, and Python values) into the resources of one application's sidecar."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fakesidecar.resources import component, configuration, http_endpoint, resiliency, subscription
from fakesidecar.resources._yaml import NAME, Decoder, Document, Struct, YamlError, compose, documents
from fakesidecar.resources.component import Component
from fakesidecar.resources.configuration import Configuration
from fakesidecar.resources.errors import StartupError, category_of
from fakesidecar.resources.http_endpoint import HttpEndpoint
from fakesidecar.resources.resiliency import Resiliency
from fakesidecar.resources.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fakesidecar.options import Options

log = logging.getLogger("fakesidecar.runtime.loader.disk")
runtime_log = logging.getLogger("fakesidecar.runtime")

Resource = Component | Subscription | HttpEndpoint | Resiliency
Given = Resource | Configuration | Path | str
"""What resources can be given as: Python values, a folder or a file, the text of YAML documents."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What one application's sidecar is to load, filtered and in order."""

    components: Sequence[Component] = ()
    subscriptions: Sequence[Subscription] = ()
    http_endpoints: Sequence[HttpEndpoint] = ()
    resiliencies: Sequence[Resiliency] = ()
    configuration: Configuration = field(default_factory=Configuration)


@dataclass(frozen=True, slots=True)
class Reader:
    """How documents of one kind are read."""

    kind: str
    schema: Struct
    build: Callable[[Mapping[str, Any], str], Resource]


READERS = {
    ("dapr.io/v1alpha1", "Component"): Reader("Component", component.SCHEMA, component.from_document),
    ("dapr.io/v1alpha1", "Subscription"): Reader("Subscription", subscription.SCHEMA_V1, subscription.from_document),
    ("dapr.io/v2alpha1", "Subscription"): Reader("Subscription", subscription.SCHEMA_V2, subscription.from_document),
    ("dapr.io/v1alpha1", "HTTPEndpoint"): Reader("HTTPEndpoint", http_endpoint.SCHEMA, http_endpoint.from_document),
    ("dapr.io/v1alpha1", "Resiliency"): Reader("Resiliency", resiliency.SCHEMA, resiliency.from_document),
}
"""By `apiVersion` and `kind`, letter by letter; documents of any other are somebody else's."""

_TYPE = Struct("typeInfo", {"apiVersion": NAME, "kind": NAME})


def load(options: Options, given: Iterable[Given] = ()) -> Resources:
    """The resources of the folders and files that the options name, and of what is given besides.

    Raises `StartupError` for what daprd does not start with; documents that daprd skips are skipped, with a
    warning in the log that names file, field and value.
    """
    given = list(given)
    settings = _configuration(options, given)
    found: list[Resource] = []
    for folder in options.resources_paths:
        found += read_folder(folder)
    for item in given:
        found += _read_given(item)
    return _select(found, options, settings)


def _configuration(options: Options, given: Sequence[Given]) -> Configuration:
    in_python = [item for item in given if isinstance(item, Configuration)]
    if in_python and not options.config_paths:
        return in_python[-1]
    return configuration.load(options.config_paths, options.environment)


def _read_given(item: Given) -> list[Resource]:
    match item:
        case str():
            return list(read_text(item, "the text given"))
        case Path() if item.is_dir():
            return read_folder(item)
        case Path():
            return list(read_text(item.read_text(encoding="utf-8"), str(item)))
        case Configuration():
            return []
    return [item]


# --- reading -------------------------------------------------------------------------------------


def read_folder(folder: str | Path) -> list[Resource]:
    """The resources of the YAML files directly in a folder, in the order of their names."""
    if not Path(folder).is_dir():
        raise StartupError(f"failed to create watcher: failed to add target {folder}: no such file or directory")
    found: list[Resource] = []
    for path in sorted(Path(folder).iterdir(), key=lambda path: path.name):
        if path.is_dir():
            continue
        if path.suffix not in (".yaml", ".yml"):
            log.warning("A non-YAML Component file %s was detected, it will not be loaded", path.name)
            continue
        found += read_text(path.read_text(encoding="utf-8", errors="replace"), str(path))
    return found


def read_text(text: str, source: str) -> Iterator[Resource]:
    """The resources that the documents of a text declare; broken ones are skipped, and complained about."""
    for number, document in enumerate(documents(text), 1):
        resource = _read_document(document, source, number)
        # A file has at most one Resiliency, its first document (dapr pkg/resiliency, LoadLocalResiliency).
        if isinstance(resource, Resiliency) and number > 1:
            log.warning("A Resiliency is only read from the first document of a file: %s is ignored", resource.source)
        elif resource is not None:
            yield resource


def _read_document(document: Document, source: str, number: int) -> Resource | None:
    kind = "Component"
    try:
        node = compose(document.text)
        decoder = Decoder()
        named = decoder.decode(node, _TYPE) or {}
        reader = READERS.get((named.get("apiVersion") or "", named.get("kind") or ""))
        if reader is not None:
            kind = reader.kind
            decoder = Decoder()
            decoded = decoder.decode(node, reader.schema) or {}
    except YamlError as error:
        line = f" (line {error.line + document.line - 1})" if error.line else ""
        reason = f"error converting YAML to JSON: {error}{line}"
        _skip(kind, source, reason, undetermined=number == 1)
        return None
    if decoder.mismatches:
        first = decoder.mismatches[0]
        words = f"error unmarshaling JSON: while decoding JSON: {first.in_json_words}"
        reason = f"{words} ({first.hint(document.line)})"
        _skip(kind, source, reason, undetermined=number == 1 and reader is None)
        return None
    if reader is None:
        return None
    resource = reader.build(decoded, f"{source}, document {number}, line {document.line}")
    if complaint := bad_name(resource.name):
        _skip(kind, source, f'invalid name "{resource.name}" for "{kind}": {complaint} ({resource.source})')
        return None
    return resource


def _skip(kind: str, source: str, reason: str, *, undetermined: bool = False) -> None:
    # daprd looks for a Resiliency in a file's first document before it reads all the rest.
    if kind == "Resiliency":
        runtime_log.error("Could not parse resiliency file %s: %s", source, reason)
        return
    if undetermined:
        runtime_log.error("Could not determine resource type: %s", reason)
    log.warning("daprd load %s error when parsing manifests yaml resource in %s: %s", kind, source, reason)


def bad_name(name: str) -> str:
    """What is wrong with the name of a resource, empty when nothing is (Kubernetes' IsValidPathSegmentName)."""
    if name in (".", ".."):
        return f"may not be '{name}'"
    return "; ".join(f"may not contain '{letter}'" for letter in "/%" if letter in name)


# --- selecting -----------------------------------------------------------------------------------

R = TypeVar("R", Component, Subscription, HttpEndpoint, Resiliency)


def _select(found: Sequence[Resource], options: Options, settings: Configuration) -> Resources:
    """What is for this application, secret stores first."""
    mine = [resource for resource in found if _in_namespace(resource, options.namespace)]
    components = [resource for resource in mine if isinstance(resource, Component)]
    if repeated := _repeated("Component", components):
        raise StartupError("failed to load components: " + "\n".join(repeated))
    endpoints = [resource for resource in mine if isinstance(resource, HttpEndpoint)]
    if repeated := _repeated("HTTPEndpoint", endpoints):
        log.warning("failed to load HTTP endpoints: %s", "\n".join(repeated))
        endpoints = []
    app_id = options.app_id
    return Resources(
        components=sorted(
            (item for item in _visible(components, app_id) if _wanted(item, settings)),
            key=lambda item: category_of(item.type) != "secretstores",
        ),
        subscriptions=_visible([item for item in mine if isinstance(item, Subscription)], app_id),
        http_endpoints=_visible(endpoints, app_id),
        resiliencies=_visible([item for item in mine if isinstance(item, Resiliency)], app_id),
        configuration=settings,
    )


def _in_namespace(resource: Resource, namespace: str) -> bool:
    return not namespace or not resource.namespace or resource.namespace == namespace


def _visible(resources: Iterable[R], app_id: str) -> list[R]:
    return [resource for resource in resources if not resource.scopes or app_id in resource.scopes]


def _wanted(item: Component, settings: Configuration) -> bool:
    if not item.name:  # daprd finds it and never loads it
        log.warning("A component without metadata.name is ignored: %s", item.source)
        return False
    if settings.denies(item.type, item.version):
        log.warning("component %s is denied by the configuration's spec.components.deny", item.display_name)
        return False
    return True


def _repeated(kind: str, resources: Sequence[Component] | Sequence[HttpEndpoint]) -> list[str]:
    """One line for every resource whose name is taken, by one in scope or not."""
    first: dict[str, str] = {}
    lines = []
    for resource in resources:
        if resource.name in first:
            existing = first[resource.name]
            lines.append(f"duplicate definition of {kind} name {resource.display_name} with existing {existing}")
        first.setdefault(resource.name, resource.display_name)
    return lines
