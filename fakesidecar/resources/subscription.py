"""A declarative subscription: which topics an application is sent, and where to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakesidecar.resources._yaml import BOOL, INT32, NAME, TEXT, ListOf, MapOf, Struct
from fakesidecar.resources.component import META


@dataclass(frozen=True, slots=True)
class Rule:
    """Events that `match` (an expression; empty: all) go to `path`."""

    path: str
    match: str = ""


@dataclass(frozen=True, slots=True)
class BulkSubscribe:
    """Deliver many events at once."""

    enabled: bool = False
    max_messages_count: int = 0
    max_await_duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """`kind: Subscription`, of either version."""

    pubsub_name: str
    topic: str
    rules: Sequence[Rule] = ()
    """In the order in which they are tried; the default route is the last."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    dead_letter_topic: str = ""
    bulk_subscribe: BulkSubscribe = BulkSubscribe()
    name: str = ""
    namespace: str = ""
    scopes: Sequence[str] = ()
    source: str = ""


_BULK = Struct(
    "v2alpha1.BulkSubscribe", {"enabled": BOOL, "maxMessagesCount": INT32, "maxAwaitDurationMs": INT32}
)
_COMMON = {
    "pubsubname": TEXT,
    "topic": TEXT,
    "metadata": MapOf(TEXT),
    "deadLetterTopic": TEXT,
    "bulkSubscribe": _BULK,
}
_ROUTES = Struct(
    "v2alpha1.Routes",
    {"rules": ListOf(Struct("v2alpha1.Rule", {"match": TEXT, "path": TEXT})), "default": TEXT},
)


def _schema(version: str, route: Mapping[str, Any]) -> Struct:
    spec = Struct(f"{version}.SubscriptionSpec", {**_COMMON, **route})
    return Struct(
        f"{version}.Subscription",
        {"apiVersion": NAME, "kind": NAME, "metadata": META, "spec": spec, "scopes": ListOf(NAME)},
    )


SCHEMA_V1 = _schema("v1alpha1", {"route": TEXT})
SCHEMA_V2 = _schema("v2alpha1", {"routes": _ROUTES})


def from_document(document: Mapping[str, Any], source: str) -> Subscription:
    """The subscription that a decoded document of either version declares."""
    meta, spec = document.get("metadata") or {}, document.get("spec") or {}
    bulk = spec.get("bulkSubscribe") or {}
    return Subscription(
        pubsub_name=spec.get("pubsubname") or "",
        topic=spec.get("topic") or "",
        rules=tuple(_rules(spec)),
        metadata={key: value or "" for key, value in (spec.get("metadata") or {}).items()},
        dead_letter_topic=spec.get("deadLetterTopic") or "",
        bulk_subscribe=BulkSubscribe(
            bool(bulk.get("enabled")), bulk.get("maxMessagesCount") or 0, bulk.get("maxAwaitDurationMs") or 0
        ),
        name=meta.get("name") or "",
        namespace=meta.get("namespace") or "",
        scopes=tuple(document.get("scopes") or ()),
        source=source,
    )


def _rules(spec: Mapping[str, Any]) -> list[Rule]:
    routes = spec.get("routes") or {}
    rules = [Rule(rule.get("path") or "", rule.get("match") or "") for rule in routes.get("rules") or () if rule]
    last = routes.get("default") or spec.get("route")
    return [*rules, Rule(last)] if last else rules
